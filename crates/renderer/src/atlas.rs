//! The photo laid onto the head as seen from the front, cut out along the person's outline, and the photo without them.

use crate::fit::Fit;
use crate::geometry::smooth_step;
use crate::matte;
use crate::shape::{BOTTOM_MM, HALF_WIDTH_MM, Shape, TOP_MM};
use crate::texture::{Level, blurred, fill};

/// Texels of the head's surface to a millimetre.
pub(crate) const TEXELS_PER_MM: f32 = 2.0;

/// A backdrop's texels to a millimetre at the distance of the head.
pub(crate) const BACKDROP_TEXELS_PER_MM: f32 = 0.25;
/// What a backdrop shows to each side of the head, and above and below.
const BACKDROP_HALF_MM: [f32; 2] = [400.0, 320.0];

/// How wide the edge of the outline is.
const EDGE_MM: f32 = 7.0;

/// A person and what is around them.
pub(crate) struct Cutout {
    /// The surface of head and shoulders; covers nothing outside the outline.
    pub(crate) skin: Level,
    /// What is behind them, unsharp.
    pub(crate) surroundings: Level,
}

/// Where a place of the head is in its texture.
pub(crate) fn texel([x, y]: [f32; 2]) -> [f32; 2] {
    [(x + HALF_WIDTH_MM) * TEXELS_PER_MM, (y - TOP_MM) * TEXELS_PER_MM]
}

/// The place of the head that a texel shows.
pub(crate) fn place(column: usize, row: usize) -> [f32; 2] {
    [(column as f32 + 0.5) / TEXELS_PER_MM - HALF_WIDTH_MM, (row as f32 + 0.5) / TEXELS_PER_MM + TOP_MM]
}

pub(crate) fn cut_out(photo: &Level, fit: &Fit, shape: &Shape) -> Cutout {
    Cutout { skin: skin(photo, fit, shape), surroundings: surroundings(photo, fit, shape) }
}

fn inside(photo: &Level, [u, v]: [f32; 2]) -> bool {
    u >= 1.0 && v >= 1.0 && u <= photo.width as f32 - 1.0 && v <= photo.height as f32 - 1.0
}

fn skin(photo: &Level, fit: &Fit, shape: &Shape) -> Level {
    let width = (2.0 * HALF_WIDTH_MM * TEXELS_PER_MM) as usize;
    let height = ((BOTTOM_MM - TOP_MM) * TEXELS_PER_MM) as usize;
    let mut within = Vec::with_capacity(width * height);
    let mut known = Vec::with_capacity(width * height);
    let mut level = Level::from_fn(width, height, |column, row| {
        let [x, y] = place(column, row);
        let seen = fit.place(shape.point(x, y));
        within.push(shape.within(x, y));
        known.push(inside(photo, seen));
        let [red, green, blue, _] = photo.sample(seen[0], seen[1]).map(|value| value.round() as u8);
        [red, green, blue, 255]
    });
    let foreign = matte::foreign(&level, &known, &within);
    for (index, texel) in level.texels.iter_mut().enumerate() {
        let inside = smooth_step(within[index] / EDGE_MM);
        texel[3] = (255.0 * inside * (1.0 - smooth_step((foreign[index] - 0.4) / 0.3))) as u8;
        // Nobody sees what is outside, but the smooth continuation of the person must not come from there.
        known[index] &= within[index] >= -1.0 && foreign[index] < 0.35;
    }
    fill(&mut level, &known);
    matte::keep_connected(&mut level, texel([0.0, 20.0]).map(|value| value as usize));
    level
}

/// The photo around the person at the head's scale; where the person is, what surrounds them continues.
fn surroundings(photo: &Level, fit: &Fit, shape: &Shape) -> Level {
    let [half_width, half_height] = BACKDROP_HALF_MM;
    let width = (2.0 * half_width * BACKDROP_TEXELS_PER_MM) as usize;
    let height = (2.0 * half_height * BACKDROP_TEXELS_PER_MM) as usize;
    let mut known = Vec::with_capacity(width * height);
    let mut level = Level::from_fn(width, height, |column, row| {
        let x = (column as f32 + 0.5) / BACKDROP_TEXELS_PER_MM - half_width;
        let y = (row as f32 + 0.5) / BACKDROP_TEXELS_PER_MM - half_height;
        let seen: [f32; 2] = std::array::from_fn(|axis| {
            fit.origin_px[axis] + fit.px_per_mm * (fit.rotation[axis][0] * x + fit.rotation[axis][1] * y)
        });
        known.push(inside(photo, seen) && shape.within(x, y) < -8.0);
        let [red, green, blue, _] = photo.sample(seen[0], seen[1]).map(|value| value.round() as u8);
        [red, green, blue, 255]
    });
    if !known.contains(&true) {
        level.texels.fill([128, 128, 128, 255]);
        return level;
    }
    fill(&mut level, &known);
    blurred(&level, 2)
}
