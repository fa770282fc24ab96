//! Whether what moves between two frames of a face is a sheet or has a nose: the method of `docs/accuracy.md`, "Solid".
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
    let patches = patches(&first, is_face);
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
    let near = search(first, back, patch.at, patch.at, reach)?;
    let seen = refine(first, back, patch, near)?;
    let to = map.apply(seen);
    (0.0..SIDE as f32).contains(&to.x).then_some(())?;
    (0.0..SIDE as f32).contains(&to.y).then_some(Followed { from: patch.at, to })
}

/// The homography that explains most; the points that it explains worst are dropped.
fn fitted(followed: &mut Vec<Followed>) -> Option<Homography> {
    let pairs =
        |followed: &[Followed]| -> Vec<(Point, Point)> { followed.iter().map(|one| (one.from, one.to)).collect() };
    let mut map = Homography::robust(&pairs(followed))?;
    let mut errors: Vec<f32> = followed.iter().map(|one| map.apply(one.from).distance(one.to)).collect();
    let order = {
        let mut sorted = errors.clone();
        sorted.sort_by(f32::total_cmp);
        sorted
    };
    let median = order[order.len() / 2];
    let worst = order[((order.len() as f32 * (1.0 - WORST)) as usize).min(order.len() - 1)];
    // The nose of a face is off every plane: only what nothing explains is dropped.
    let most = worst.max(1e-3).min(4.0 * median + 8.0);
    let mut errors = errors.drain(..);
    followed.retain(|_| errors.next().is_some_and(|error| error <= most));
    if followed.len() < FEWEST_POINTS {
        return None;
    }
    map = Homography::robust(&pairs(followed)).unwrap_or(map);
    Some(map)
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
