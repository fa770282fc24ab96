//! Non-maximum suppression: of boxes that overlap much, the best stays.

use super::Detection;

/// Keeps, best score first, every detection that overlaps no kept one by more than `threshold`.
/// Equal scores are decided by place, so the result does not depend on the order of the input.
pub(super) fn suppress(mut found: Vec<Detection>, threshold: f32) -> Vec<Detection> {
    found.sort_by(|a, b| {
        let place = |d: &Detection| (d.rect.top, d.rect.left, d.rect.width, d.rect.height);
        let (a_place, b_place) = (place(a), place(b));
        b.score
            .total_cmp(&a.score)
            .then(a_place.0.total_cmp(&b_place.0))
            .then(a_place.1.total_cmp(&b_place.1))
            .then(a_place.2.total_cmp(&b_place.2))
            .then(a_place.3.total_cmp(&b_place.3))
    });
    let mut kept: Vec<Detection> = Vec::new();
    for candidate in found {
        if kept.iter().all(|k| k.rect.overlap(&candidate.rect) <= threshold) {
            kept.push(candidate);
        }
    }
    kept
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
