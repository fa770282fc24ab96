//! What hides a face: painted onto its surface.

use crate::atlas::place;
use crate::geometry::smooth_step;
use crate::shape::Shape;
use crate::texture::{Level, Texture};

/// What somebody wears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// A pale blue mask over mouth and nose.
    Mask,
    /// Dark glasses over both eyes.
    Sunglasses,
}

/// The surface with the cover on it.
pub(crate) fn covered(skin: &Level, shape: &Shape, cover: Cover) -> Texture {
    let mut level = skin.clone();
    for row in 0..level.height {
        for column in 0..level.width {
            let (amount, colour) = match cover {
                Cover::Mask => mask(shape, place(column, row)),
                Cover::Sunglasses => (sunglasses(shape, place(column, row)), [20.0, 20.0, 24.0]),
            };
            if amount > 0.0 {
                let texel = &mut level.texels[row * skin.width + column];
                for (value, painted) in texel.iter_mut().zip(colour) {
                    *value = (f32::from(*value) * (1.0 - amount) + painted * amount) as u8;
                }
            }
        }
    }
    Texture::new(level)
}

/// How much of the mask is here, and its colour: pleats across.
fn mask(shape: &Shape, [x, y]: [f32; 2]) -> (f32, [f32; 3]) {
    let top = 0.42 * shape.five[2][1] + 0.004 * x * x;
    let inside = (y - top).min(shape.chin_mm + 3.0 - y).min(66.0 - 0.006 * (y - 50.0) * (y - 50.0) - x.abs());
    let pleat = if y > top + 18.0 { 9.0 * (y * 0.42).sin() } else { 0.0 };
    (smooth_step(inside / 2.5), [152.0 + pleat, 186.0 + pleat, 212.0 + pleat])
}

/// How much of the glasses is here.
fn sunglasses(shape: &Shape, [x, y]: [f32; 2]) -> f32 {
    let [left, right, ..] = shape.five;
    let lens = [left, right].into_iter().map(|[eye_x, eye_y]| {
        let (u, v) = ((x - eye_x * 1.06) / 30.0, (y - eye_y - 3.0) / 23.0);
        1.0 - (u * u * u * u + v * v * v * v).sqrt()
    });
    let bridge = (3.0 - (y + 4.0).abs()).min(20.0 - x.abs()) / 3.0;
    let arm = (2.5 - (y + 5.0).abs()).min(x.abs() - 50.0) / 3.0;
    smooth_step(lens.fold(bridge.max(arm), f32::max) / 0.12)
}
