//! Finding small patches of one frame in another, to a few hundredths of a pixel.

use super::super::capture::{GreyChip, SIDE};
use super::homography::Homography;
use super::{is_face, is_nose};
use crate::geometry::Point;

/// Half the side of a patch, without its middle.
const HALF: usize = 9;
/// Between two patches of the face, and of the nose.
const STEP: usize = 12;
const NOSE_STEP: usize = 6;
/// Patches whose weaker direction has less structure than this are left out: what is the same along a line, or everywhere, cannot
/// be followed. Mean squared slope, in levels.
const LEAST_STRUCTURE: f32 = 0.25;
/// Least correlation of a patch with its place in the other frame.
const LEAST_CORRELATION: f32 = 0.7;
/// Steps of refinement.
const REFINEMENTS: usize = 8;
/// Furthest that refinement may go from where the search found the patch.
const MOST_REFINED: f32 = 1.6;

/// A chip in floating point.
pub(super) struct Grey {
    values: Vec<f32>,
}

impl Grey {
    pub(super) fn of(chip: &GreyChip) -> Self {
        Self { values: smoothed(&chip.luma.iter().map(|value| f32::from(*value)).collect::<Vec<f32>>()) }
    }

    /// What the chip shows where the map leads from each place.
    pub(super) fn seen_through(&self, map: &Homography) -> Self {
        let place = |at: usize| Point { x: (at % SIDE) as f32, y: (at / SIDE) as f32 };
        Self { values: (0..SIDE * SIDE).map(|at| self.at(map.apply(place(at)))).collect() }
    }

    /// Between four pixels; the edge goes on for ever.
    fn at(&self, point: Point) -> f32 {
        let last = (SIDE - 1) as f32;
        let (x, y) = (point.x.clamp(0.0, last - 1e-3), point.y.clamp(0.0, last - 1e-3));
        let (left, top) = (x as usize, y as usize);
        let (across, down) = (x - left as f32, y - top as f32);
        let corner = top * SIDE + left;
        let v = &self.values;
        let above = v[corner] + (v[corner + 1] - v[corner]) * across;
        let below = v[corner + SIDE] + (v[corner + SIDE + 1] - v[corner + SIDE]) * across;
        above + (below - above) * down
    }

    /// The values of a patch around a whole pixel, row by row.
    fn patch(&self, at: Point) -> Vec<f32> {
        let (x, y) = (at.x as usize, at.y as usize);
        let row = |row: usize| self.values[row * SIDE + x - HALF..=row * SIDE + x + HALF].iter().copied();
        (y - HALF..=y + HALF).flat_map(row).collect()
    }

    fn slope(&self, x: usize, y: usize) -> [f32; 2] {
        let at = y * SIDE + x;
        let v = &self.values;
        [(v[at + 1] - v[at - 1]) / 2.0, (v[at + SIDE] - v[at - SIDE]) / 2.0]
    }
}

/// A little smoother: noise of sensors and of JPEG has less to say.
fn smoothed(values: &[f32]) -> Vec<f32> {
    let line = |values: &[f32], step: usize, count: usize, at: usize, along: usize| {
        let before = if along == 0 { at } else { at - step };
        let after = if along + 1 == count { at } else { at + step };
        0.25 * values[before] + 0.5 * values[at] + 0.25 * values[after]
    };
    let across: Vec<f32> = (0..values.len()).map(|at| line(values, 1, SIDE, at, at % SIDE)).collect();
    (0..values.len()).map(|at| line(&across, SIDE, SIDE, at, at / SIDE)).collect()
}

/// A patch of the first frame, and its structure: mean products of its slopes.
pub(super) struct Patch {
    pub(super) at: Point,
    structure: [f32; 3],
}

/// Patches of a frame that can be followed: a grid over the face, denser on the nose.
pub(super) fn patches(grey: &Grey) -> Vec<Patch> {
    let edge = HALF + 2;
    let grid = |step: usize| {
        (edge..SIDE - edge).step_by(step).flat_map(move |y| (edge..SIDE - edge).step_by(step).map(move |x| (x, y)))
    };
    let place = |(x, y): (usize, usize)| Point { x: x as f32, y: y as f32 };
    let sparse = grid(STEP).map(place).filter(|place| is_face(*place) && !is_nose(*place));
    let dense = grid(NOSE_STEP).map(place).filter(|place| is_nose(*place));
    sparse.chain(dense).filter_map(|at| structured(grey, at)).collect()
}

fn structured(grey: &Grey, at: Point) -> Option<Patch> {
    let (x, y) = (at.x as usize, at.y as usize);
    let mut sums = [0f32; 3];
    for row in y - HALF..=y + HALF {
        for column in x - HALF..=x + HALF {
            let [across, down] = grey.slope(column, row);
            sums[0] += across * across;
            sums[1] += across * down;
            sums[2] += down * down;
        }
    }
    let count = ((2 * HALF + 1) * (2 * HALF + 1)) as f32;
    let structure = sums.map(|sum| sum / count);
    let [xx, xy, yy] = structure;
    let weaker = (xx + yy) / 2.0 - (((xx - yy) / 2.0).powi(2) + xy * xy).sqrt();
    (weaker >= LEAST_STRUCTURE).then_some(Patch { at, structure })
}

/// The whole pixel at which a patch of the first frame looks most like the second, within `reach` of its own place. `None`: nowhere, or at
/// the end of the reach, where it may go on.
pub(super) fn search(first: &Grey, second: &Grey, at: Point, reach: usize) -> Option<Point> {
    let template = first.patch(at);
    let count = template.len() as f32;
    let mean = template.iter().sum::<f32>() / count;
    let power = template.iter().map(|value| (value - mean) * (value - mean)).sum::<f32>();
    let bound = |centre: f32, from: bool| {
        let reach = if from { -(reach as isize) } else { reach as isize };
        (centre as isize + reach).clamp(HALF as isize + 1, (SIDE - HALF - 2) as isize) as usize
    };
    let (left, right) = (bound(at.x, true), bound(at.x, false));
    let (top, bottom) = (bound(at.y, true), bound(at.y, false));
    let score = |column: usize, row: usize| {
        let (mut sum, mut squares, mut products) = (0f32, 0f32, 0f32);
        for (line, own) in (row - HALF..=row + HALF).zip(template.chunks_exact(2 * HALF + 1)) {
            let other = &second.values[line * SIDE + column - HALF..=line * SIDE + column + HALF];
            for (one, two) in own.iter().zip(other) {
                sum += two;
                squares += two * two;
                products += one * two;
            }
        }
        let spread = (squares - sum * sum / count) * power;
        if spread > 1e-3 { (products - mean * sum) / spread.sqrt() } else { 0.0 }
    };
    // Every second pixel first, then around the best.
    let coarse = (top..=bottom).step_by(2).flat_map(|row| (left..=right).step_by(2).map(move |column| (column, row)));
    let best = |places: &mut dyn Iterator<Item = (usize, usize)>| {
        places.map(|(column, row)| (score(column, row), column, row)).max_by(|one, two| one.0.total_cmp(&two.0))
    };
    let (_, column, row) = best(&mut coarse.into_iter())?;
    let mut near = (row.saturating_sub(1).max(top)..=(row + 1).min(bottom)).flat_map(|row| {
        (column.saturating_sub(1).max(left)..=(column + 1).min(right)).map(move |column| (column, row))
    });
    let (score, column, row) = best(&mut near)?;
    (score >= LEAST_CORRELATION).then_some(Point { x: column as f32, y: row as f32 })
}

/// The place of a patch to a fraction of a pixel, by its slopes (Lucas and Kanade), light and contrast being free to differ.
pub(super) fn refine(first: &Grey, second: &Grey, patch: &Patch, near: Point) -> Option<Point> {
    let (x, y) = (patch.at.x as usize, patch.at.y as usize);
    let side = 2 * HALF + 1;
    let count = (side * side) as f32;
    let [xx, xy, yy] = patch.structure.map(|value| value * count);
    let determinant = xx * yy - xy * xy;
    if determinant < 1e-3 {
        return None;
    }
    let own = first.patch(patch.at);
    let own_mean = own.iter().sum::<f32>() / count;
    let own_spread = own.iter().map(|value| (value - own_mean).powi(2)).sum::<f32>().sqrt();
    let mut at = near;
    for _ in 0..REFINEMENTS {
        let seen: Vec<f32> = (0..side * side)
            .map(|index| {
                let (column, row) = ((index % side) as f32 - HALF as f32, (index / side) as f32 - HALF as f32);
                second.at(Point { x: at.x + column, y: at.y + row })
            })
            .collect();
        let mean = seen.iter().sum::<f32>() / count;
        let spread = seen.iter().map(|value| (value - mean).powi(2)).sum::<f32>().sqrt();
        let gain = if spread > 1e-3 { own_spread / spread } else { return None };
        let (mut across, mut down) = (0.0, 0.0);
        for (index, (one, two)) in own.iter().zip(&seen).enumerate() {
            let off = (two - mean) * gain - (one - own_mean);
            let [sx, sy] = first.slope(x + index % side - HALF, y + index / side - HALF);
            across += off * sx;
            down += off * sy;
        }
        let step = Point { x: (yy * across - xy * down) / determinant, y: (xx * down - xy * across) / determinant };
        at = Point { x: at.x - step.x, y: at.y - step.y };
        if at.distance(near) > MOST_REFINED || !(at.x.is_finite() && at.y.is_finite()) {
            return None;
        }
        if step.x.hypot(step.y) < 0.005 {
            break;
        }
    }
    Some(at)
}
