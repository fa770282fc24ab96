//! Whether what moves between two frames of a face is a sheet or has a nose (ADR 0032).
//!
//! Start at [`solidity`]. Small patches of the first frame are found again in the second. A homography is what a flat sheet does;
//! the second frame is brought back through it and the patches are found again, three times. What is left in a bowed sheet is a
//! smooth field, so a cubic in x and y is taken off as well. What is then left of the nose no sheet has.

mod algebra;
mod homography;
mod track;

use super::capture::{EYES, GreyChip, MIDDLE, SIDE};
use crate::geometry::Point;
use algebra::least_squares;
use homography::Homography;
use track::{Grey, Patch, patches, refine, search};

/// Times that the second frame is brought back and looked at again.
const ROUNDS: usize = 3;
/// How far a patch may have moved in the first look, in pixels of the chip.
const FIRST_REACH: usize = 20;
/// And in the later ones.
const LATER_REACH: usize = 5;
/// Points without which nothing is said.
const FEWEST_POINTS: usize = 40;
/// Points of the nose without which nothing is said.
const FEWEST_OF_NOSE: usize = 5;
/// Share of points that fit worst and are left out: hair, reflections, a blink.
const WORST: f32 = 0.05;
/// The middle of the nose below the eyes, in eye distances.
const NOSE_MIDDLE: f32 = 0.52;
/// How far the nose reaches from there, across and along, in eye distances.
const NOSE_REACH: (f32, f32) = (0.22, 0.31);

/// How the second frame of a pair differs from the first. Lengths are shares of the eye distance.
#[derive(Clone, Copy, PartialEq)]
pub struct Solidity {
    /// What is left of the motion after moving, turning and scaling: how much there was to see.
    pub motion: f32,
    /// What is left after a homography. It can only call a plane a plane.
    pub off_plane: f32,
    /// What is left in the nose after a homography and a smooth field, to the right and down.
    pub nose: [f32; 2],
    /// Points that were followed.
    pub points: usize,
}

impl std::fmt::Debug for Solidity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Solidity(..)")
    }
}

/// A point and where it went, in pixels of the chip.
#[derive(Clone, Copy)]
struct Followed {
    from: Point,
    to: Point,
}

/// Compares two frames of a face. `None`: too little could be followed.
pub fn solidity(first: &GreyChip, second: &GreyChip) -> Option<Solidity> {
    let (first, second) = (Grey::of(first), Grey::of(second));
    let patches = patches(&first);
    let mut map = Homography::IDENTITY;
    let mut followed: Vec<Followed> = Vec::new();
    for round in 0..ROUNDS {
        let back = second.seen_through(&map);
        let reach = if round == 0 { FIRST_REACH } else { LATER_REACH };
        followed = patches.iter().filter_map(|patch| follow(&first, &back, patch, reach, &map)).collect();
        if followed.len() < FEWEST_POINTS {
            return None;
        }
        map = fitted(&mut followed)?;
    }
    let pairs: Vec<(Point, Point)> = followed.iter().map(|one| (one.from, one.to)).collect();
    let back = map.inverse()?;
    let left: Vec<(Point, Point)> = pairs
        .iter()
        .map(|&(from, to)| {
            let seen = back.apply(to);
            (from, Point { x: seen.x - from.x, y: seen.y - from.y })
        })
        .collect();
    let nose = of_nose(&left)?;
    Some(Solidity {
        motion: beyond_similarity(&pairs)? / EYES,
        off_plane: root_mean_square(left.iter().map(|(_, away)| *away)) / EYES,
        nose: nose.map(|value| value / EYES),
        points: left.len(),
    })
}

/// Whether a patch at a place of the chip may be followed: on the face, off the eyes, which blink, and off the mouth, which smiles.
fn is_face(place: Point) -> bool {
    let (x, y) = ((place.x - MIDDLE.x) / EYES, (place.y - MIDDLE.y) / EYES);
    let is_eye = (x.abs() - 0.5).abs() < 0.30 && y.abs() < 0.17;
    let is_mouth = x.abs() < 0.50 && (0.98..1.36).contains(&y);
    x.hypot((y - 0.38) / 1.35) < 0.92 && !is_eye && !is_mouth
}

fn is_nose(place: Point) -> bool {
    let (x, y) = ((place.x - MIDDLE.x) / EYES, (place.y - MIDDLE.y) / EYES);
    x.abs() < NOSE_REACH.0 && (y - NOSE_MIDDLE).abs() < NOSE_REACH.1
}

/// Where a patch went, if it is found in the second frame and found back in the first.
fn follow(first: &Grey, back: &Grey, patch: &Patch, reach: usize, map: &Homography) -> Option<Followed> {
    let near = search(first, back, patch.at, reach)?;
    let seen = refine(first, back, patch, near)?;
    let to = map.apply(seen);
    (0.0..SIDE as f32).contains(&to.x).then_some(())?;
    (0.0..SIDE as f32).contains(&to.y).then_some(Followed { from: patch.at, to })
}

/// The homography that explains most; the points that it explains worst are dropped.
fn fitted(followed: &mut Vec<Followed>) -> Option<Homography> {
    let robust = |followed: &[Followed]| {
        let pairs: Vec<(Point, Point)> = followed.iter().map(|one| (one.from, one.to)).collect();
        Homography::robust(&pairs)
    };
    let map = robust(followed)?;
    let error = |one: &Followed| map.apply(one.from).distance(one.to);
    let mut errors: Vec<f32> = followed.iter().map(error).collect();
    errors.sort_by(f32::total_cmp);
    let median = errors[errors.len() / 2];
    let worst = errors[((errors.len() as f32 * (1.0 - WORST)) as usize).min(errors.len() - 1)];
    // The nose of a face is off every plane: only what nothing explains is dropped.
    let most = worst.max(1e-3).min(4.0 * median + 8.0);
    followed.retain(|one| error(one) <= most);
    if followed.len() < FEWEST_POINTS {
        return None;
    }
    Some(robust(followed).unwrap_or(map))
}

/// What a smooth field leaves of the nose: the mean over it.
fn of_nose(left: &[(Point, Point)]) -> Option<[f32; 2]> {
    let terms = |place: Point| -> [f64; 10] {
        let (x, y) = (f64::from((place.x - MIDDLE.x) / EYES), f64::from((place.y - MIDDLE.y) / EYES - 0.4));
        [1.0, x, y, x * x, x * y, y * y, x * x * x, x * x * y, x * y * y, y * y * y]
    };
    let rows: Vec<[f64; 10]> = left.iter().map(|(place, _)| terms(*place)).collect();
    // The field is that of the rest of the face: a nose that it had to explain would bend it.
    let weights: Vec<f64> = left.iter().map(|(place, _)| if is_nose(*place) { 0.0 } else { 1.0 }).collect();
    let fit = |value: fn(&Point) -> f32| {
        let values: Vec<f64> = left.iter().map(|(_, away)| f64::from(value(away))).collect();
        least_squares(&rows, &values, Some(&weights))
    };
    let (across, down) = (fit(|away| away.x)?, fit(|away| away.y)?);
    let dot = |one: &[f64; 10], two: &[f64; 10]| one.iter().zip(two).map(|(a, b)| a * b).sum::<f64>();
    let mut sum = [0.0; 2];
    let mut count = 0;
    for ((place, away), row) in left.iter().zip(&rows) {
        if is_nose(*place) {
            sum[0] += f64::from(away.x) - dot(row, &across);
            sum[1] += f64::from(away.y) - dot(row, &down);
            count += 1;
        }
    }
    (count >= FEWEST_OF_NOSE).then(|| sum.map(|value| (value / count as f64) as f32))
}

fn beyond_similarity(pairs: &[(Point, Point)]) -> Option<f32> {
    let (from, to): (Vec<Point>, Vec<Point>) = pairs.iter().copied().unzip();
    let fitted = crate::similarity::Similarity::fit(&from, &to)?;
    let left = pairs.iter().map(|(from, to)| {
        let there = fitted.apply(*from);
        Point { x: to.x - there.x, y: to.y - there.y }
    });
    Some(root_mean_square(left))
}

fn root_mean_square(vectors: impl Iterator<Item = Point>) -> f32 {
    let (sum, count) = vectors.fold((0.0, 0), |(sum, count), v| (sum + v.x * v.x + v.y * v.y, count + 1));
    if count == 0 { 0.0 } else { (sum / count as f32).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A skin with pores: smooth noise of several sizes.
    fn skin(place: Point) -> f32 {
        let wave = |x: f32, y: f32, size: f32, phase: f32| {
            ((x + 0.6 * y) / size + phase).sin() * ((y - 0.4 * x) / size + 2.0 * phase).sin()
        };
        let (x, y) = (place.x, place.y);
        let value = 120.0 + 24.0 * wave(x, y, 3.1, 0.3) + 18.0 * wave(y, x, 4.7, 1.1) + 14.0 * wave(x, y, 8.3, 2.0);
        value.clamp(0.0, 255.0)
    }

    /// What the chip shows where each place comes from `back` of it.
    fn chip(back: impl Fn(Point) -> Point) -> GreyChip {
        let luma = (0..SIDE * SIDE).map(|at| skin(back(Point { x: (at % SIDE) as f32, y: (at / SIDE) as f32 })));
        GreyChip { luma: luma.map(|value| value.round() as u8).collect() }
    }

    fn still() -> GreyChip {
        chip(|place| place)
    }

    /// A sheet that is turned: nearer on one side.
    fn turned(place: Point) -> Point {
        let (x, y) = (place.x - 120.0, place.y - 120.0);
        let depth = 1.0 + 0.0009 * x;
        Point { x: 120.0 + 1.03 * x / depth, y: 120.0 + y / depth }
    }

    /// How much of a nose a place has, 0 to 1.
    fn nose(place: Point) -> f32 {
        let (x, y) = ((place.x - MIDDLE.x) / EYES, (place.y - MIDDLE.y) / EYES - NOSE_MIDDLE);
        (-(x / 0.16).powi(2) - (y / 0.26).powi(2)).exp()
    }

    #[test]
    fn a_turned_sheet_is_a_plane_without_a_nose() {
        let seen = solidity(&still(), &chip(turned)).unwrap();
        assert!(seen.motion > 0.015, "{}", seen.motion);
        assert!(seen.off_plane < 0.004, "{}", seen.off_plane);
        assert!(seen.nose.iter().all(|part| part.abs() < 0.002), "{:?}", seen.nose);
    }

    #[test]
    fn a_bowed_sheet_is_no_plane_and_has_no_nose() {
        let bowed = |place: Point| {
            let off = (place.x - 120.0) / 120.0;
            let Point { x, y } = turned(place);
            Point { x: x + 10.0 * off * off, y }
        };
        let seen = solidity(&still(), &chip(bowed)).unwrap();
        assert!(seen.off_plane > 0.004, "{}", seen.off_plane);
        assert!(seen.nose.iter().all(|part| part.abs() < 0.003), "{:?}", seen.nose);
    }

    #[test]
    fn a_nose_is_seen_in_its_direction_and_size() {
        for (across, down) in [(4.0f32, 0.0f32), (-4.0, 0.0), (0.0, 3.0), (0.0, -3.0)] {
            // What stands at a place comes from where the nose has moved away from.
            let moved = |place: Point| {
                let Point { x, y } = turned(place);
                Point { x: x - across * nose(place), y: y - down * nose(place) }
            };
            let seen = solidity(&still(), &chip(moved)).unwrap();
            let [x, y] = seen.nose;
            let along = (x * across + y * down) / across.hypot(down);
            assert!((0.009..0.05).contains(&along), "{across} {down}: {:?}", seen.nose);
        }
    }

    #[test]
    fn nothing_is_said_of_what_has_no_structure_or_is_another_picture() {
        let grey = GreyChip { luma: vec![128; SIDE * SIDE] };
        assert!(solidity(&grey, &grey).is_none());
        let other = chip(|place| Point { x: 3.0 * place.y + 900.0, y: 2.0 * place.x });
        assert!(solidity(&still(), &other).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(6))]
        #[test]
        fn any_two_pictures_give_numbers_or_nothing(first in any::<u64>(), second in any::<u64>()) {
            let noise = |seed: u64| {
                let mut state = seed | 1;
                let next = (0..SIDE * SIDE).map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 56) as u8
                });
                GreyChip { luma: next.collect() }
            };
            if let Some(seen) = solidity(&noise(first), &noise(second)) {
                prop_assert!(seen.motion.is_finite() && seen.off_plane.is_finite() && seen.nose.iter().all(|part| part.is_finite()));
            }
        }
    }
}
