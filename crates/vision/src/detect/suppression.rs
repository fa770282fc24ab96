//! Non-maximum suppression: of boxes that overlap much, the best stays.

use super::Detection;

/// See [`without_parts`].
const PART_INSIDE: f32 = 0.5;

/// What has a face with a box and a score.
pub(super) trait Boxed {
    fn face(&self) -> &Detection;
}

impl Boxed for Detection {
    fn face(&self) -> &Detection {
        self
    }
}

/// Keeps, best score first, everything that overlaps nothing kept by more than `threshold`.
/// Equal scores are decided by place, so the result does not depend on the order of the input.
pub(super) fn suppress<T: Boxed>(mut found: Vec<T>, threshold: f32) -> Vec<T> {
    found.sort_by(|a, b| {
        let (a, b) = (a.face(), b.face());
        let place = |d: &Detection| (d.rect.top, d.rect.left, d.rect.width, d.rect.height);
        let (a_place, b_place) = (place(a), place(b));
        b.score
            .total_cmp(&a.score)
            .then(a_place.0.total_cmp(&b_place.0))
            .then(a_place.1.total_cmp(&b_place.1))
            .then(a_place.2.total_cmp(&b_place.2))
            .then(a_place.3.total_cmp(&b_place.3))
    });
    let mut kept: Vec<T> = Vec::new();
    for candidate in found {
        if kept.iter().all(|k| k.face().rect.overlap(&candidate.face().rect) <= threshold) {
            kept.push(candidate);
        }
    }
    kept
}

/// Drops boxes around parts of a face: a box of which half lies inside a larger one that is surely a face.
///
/// BlazeFace finds faces in the details of a face that fills its frame, with scores as high. On 18 close-ups cut out of
/// the six group photos of the face-api package (a face of a half to three quarters of the frame) 8 such boxes stood
/// inside the right one. Of two people cheek to cheek a third of a box is shared at most.
pub(super) fn without_parts(faces: &mut Vec<Detection>, sure: f32) {
    let all = faces.clone();
    let contains = |other: &Detection, face: &Detection| {
        other.score >= sure && other.rect.area() > face.rect.area() && face.rect.share_in(&other.rect) >= PART_INSIDE
    };
    faces.retain(|face| !all.iter().any(|other| contains(other, face)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::KeyPoints;
    use crate::geometry::{Point, RectF};
    use proptest::prelude::*;

    fn detections() -> impl Strategy<Value = Vec<Detection>> {
        let one = (0f32..200.0, 0f32..200.0, 1f32..80.0, 1f32..80.0, 0f32..1.0).prop_map(
            |(left, top, width, height, score)| {
                let points = KeyPoints::Five([Point::default(); 5]);
                Detection { rect: RectF { left, top, width, height }, score, points }
            },
        );
        proptest::collection::vec(one, 0..40)
    }

    #[test]
    fn parts_of_a_face_are_dropped_and_faces_are_not() {
        let at = |left: f32, top: f32, side: f32, score: f32| Detection {
            rect: RectF { left, top, width: side, height: side },
            score,
            points: KeyPoints::Five([Point::default(); 5]),
        };
        let cases = [
            ("a detail of a sure face, scored higher", at(120.0, 120.0, 90.0, 0.99), 0.9, false),
            ("a detail of what may be no face", at(120.0, 120.0, 90.0, 0.99), 0.7, true),
            ("somebody cheek to cheek", at(260.0, 100.0, 120.0, 0.9), 0.9, true),
        ];
        for (name, other, score, is_kept) in cases {
            let mut faces = vec![other, at(100.0, 100.0, 200.0, score)];
            without_parts(&mut faces, 0.85);
            assert_eq!(faces.len(), 1 + usize::from(is_kept), "{name}");
        }
    }

    proptest! {
        #[test]
        fn the_kept_are_apart_and_the_dropped_lost_to_a_better_one(found in detections(), threshold in 0f32..1.0) {
            let kept = suppress(found.clone(), threshold);
            for (i, a) in kept.iter().enumerate() {
                prop_assert!(found.contains(a));
                prop_assert!(kept[..i].iter().all(|b| b.rect.overlap(&a.rect) <= threshold));
            }
            for lost in found.iter().filter(|d| !kept.contains(d)) {
                prop_assert!(kept.iter().any(|k| k.score >= lost.score && k.rect.overlap(&lost.rect) > threshold));
            }
        }

        #[test]
        fn again_or_in_another_order_changes_nothing(found in detections(), threshold in 0f32..1.0) {
            let kept = suppress(found.clone(), threshold);
            prop_assert_eq!(&suppress(kept.clone(), threshold), &kept);
            prop_assert_eq!(suppress(found.into_iter().rev().collect(), threshold), kept);
        }
    }
}
