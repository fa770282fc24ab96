//! Triangles onto a canvas, with depth: the nearest surface is seen.

use crate::camera::{HEIGHT, NEAREST_MM, WIDTH};
use crate::texture::Level;

/// Steps of the canvas for each of the 255 levels of a picture.
pub(crate) const STEPS: f32 = 256.0;
/// The brightest a sensor tells apart.
pub(crate) const BRIGHTEST: u32 = 255 * 256;

/// What the lens throws on the sensor, in the camera's curve, 256 steps a level.
pub(crate) struct Canvas {
    /// Three values a pixel.
    pub(crate) values: Vec<u16>,
    /// One over the distance of what is seen.
    nearness: Vec<f32>,
}

/// A corner of triangles, before the camera.
#[derive(Clone, Copy)]
pub(crate) struct Corner {
    /// Where it appears, in pixels.
    pub(crate) pixel: [f32; 2],
    /// Its distance along the axis.
    pub(crate) distance_mm: f32,
    /// Where it lies in the texture, in texels of the first level.
    pub(crate) texel: [f32; 2],
    /// What the texture's values are multiplied by.
    pub(crate) light: [f32; 3],
}

impl Canvas {
    pub(crate) fn new() -> Self {
        Self { values: vec![0; WIDTH * HEIGHT * 3], nearness: vec![0.0; WIDTH * HEIGHT] }
    }

    /// Forgets depths; the background is at no distance in particular.
    pub(crate) fn clear_depth(&mut self) {
        self.nearness.fill(0.0);
    }

    /// Draws triangles. `texel_size` is the level's, in texels of the first level. Triangles are small: places in the
    /// texture and light are linear between their corners, which differs from the perspective by some hundredths of a
    /// pixel.
    pub(crate) fn draw(
        &mut self,
        corners: &[Corner],
        triangles: &[[u32; 3]],
        (level, texel_size): (&Level, f32),
        shade: impl Fn([u32; 3], [u32; 3]) -> [u32; 3],
    ) {
        // In texels of the level, from the middle of its first.
        let places: Vec<[f32; 2]> =
            corners.iter().map(|corner| corner.texel.map(|value| value / texel_size - 0.5)).collect();
        for triangle in triangles {
            let [a, b, c] = triangle.map(|corner| &corners[corner as usize]);
            if a.distance_mm.min(b.distance_mm).min(c.distance_mm) < NEAREST_MM {
                continue;
            }
            let places = triangle.map(|corner| places[corner as usize]);
            self.triangle([a, b, c], places, level, &shade);
        }
    }

    #[inline(always)]
    fn triangle(
        &mut self,
        [a, b, c]: [&Corner; 3],
        places: [[f32; 2]; 3],
        level: &Level,
        shade: &impl Fn([u32; 3], [u32; 3]) -> [u32; 3],
    ) {
        let area = cross(a.pixel, b.pixel, c.pixel);
        if area.abs() < SMALLEST {
            return;
        }
        let low = |axis: usize| a.pixel[axis].min(b.pixel[axis]).min(c.pixel[axis]);
        let high = |axis: usize| a.pixel[axis].max(b.pixel[axis]).max(c.pixel[axis]);
        // Pixels whose middle lies within.
        let first = |axis: usize| (low(axis) - 0.5).ceil().max(0.0) as i32;
        let end = |axis: usize, size: usize| ((high(axis) - 0.5).floor() + 1.0).min(size as f32) as i32;
        let (left, right) = (first(0), end(0, WIDTH));
        let (top, bottom) = (first(1), end(1, HEIGHT));
        if left >= right || top >= bottom {
            return;
        }
        let inverse_area = 1.0 / area;
        // Shares of the corners at the first pixel, and their change to the right and down.
        let middle = [left as f32 + 0.5, top as f32 + 0.5];
        let (share_a, share_b) =
            (cross(middle, b.pixel, c.pixel) * inverse_area, cross(middle, c.pixel, a.pixel) * inverse_area);
        let start = [share_a, share_b, 1.0 - share_a - share_b];
        let change = |toward: usize, sign: f32| {
            let sign = sign * inverse_area;
            let (of_a, of_b) = ((b.pixel[toward] - c.pixel[toward]) * sign, (c.pixel[toward] - a.pixel[toward]) * sign);
            [of_a, of_b, -of_a - of_b]
        };
        let (right_step, down_step) = (change(1, 1.0), change(0, -1.0));
        // In whole numbers of small steps, so that pixels need no conversion.
        let value = |of_a: f32, of_b: f32, of_c: f32, steps: f32| {
            let mixed = |shares: [f32; 3]| ((shares[0] * of_a + shares[1] * of_b + shares[2] * of_c) * steps) as i32;
            Linear { start: mixed(start), right: mixed(right_step), down: mixed(down_step) }
        };
        let [u, v] = [0, 1].map(|i| value(places[0][i], places[1][i], places[2][i], PLACE_STEPS));
        let light = [0, 1, 2].map(|i| value(a.light[i], b.light[i], c.light[i], LIGHT_STEPS));
        let nearness = [1.0 / a.distance_mm, 1.0 / b.distance_mm, 1.0 / c.distance_mm];
        let near = |shares: [f32; 3]| shares[0] * nearness[0] + shares[1] * nearness[1] + shares[2] * nearness[2];
        let (near_start, near_right, near_down) = (near(start), near(right_step), near(down_step));
        for down in 0..bottom - top {
            let shares: [f32; 3] = std::array::from_fn(|i| start[i] + down_step[i] * down as f32);
            let near_row = near_start + near_down * down as f32;
            let row = (top + down) as usize * WIDTH + left as usize;
            for across in 0..right - left {
                let at = across as f32;
                if (0..3).any(|i| shares[i] + right_step[i] * at < -OVERLAP) {
                    continue;
                }
                let near = near_row + near_right * at;
                let pixel = row + across as usize;
                if near <= self.nearness[pixel] {
                    continue;
                }
                let lanes = level.sample_steps(u.at(across, down) >> 8, v.at(across, down) >> 8);
                let cover = lane(lanes, 3);
                if cover < 256 {
                    continue;
                }
                let light = light.map(|light| light.at(across, down).max(0) as u32);
                let shaded = shade([lane(lanes, 0), lane(lanes, 1), lane(lanes, 2)], light);
                let values = &mut self.values[pixel * 3..pixel * 3 + 3];
                if cover >= OPAQUE {
                    for (value, shaded) in values.iter_mut().zip(shaded) {
                        *value = shaded.min(BRIGHTEST) as u16;
                    }
                    self.nearness[pixel] = near;
                } else {
                    for (value, shaded) in values.iter_mut().zip(shaded) {
                        let sum = u32::from(*value) * (OPAQUE - cover) + shaded.min(BRIGHTEST) * cover;
                        *value = (sum / OPAQUE) as u16;
                    }
                    if cover > OPAQUE / 2 {
                        self.nearness[pixel] = near;
                    }
                }
            }
        }
    }
}

/// Something that is linear on the picture.
#[derive(Clone, Copy)]
struct Linear {
    start: i32,
    right: i32,
    down: i32,
}

impl Linear {
    #[inline(always)]
    fn at(&self, across: i32, down: i32) -> i32 {
        self.start.wrapping_add(self.right.wrapping_mul(across)).wrapping_add(self.down.wrapping_mul(down))
    }
}

/// The value of one part, 256 steps a level.
#[inline(always)]
fn lane(lanes: u64, part: u32) -> u32 {
    u32::from((lanes >> (16 * part)) as u16)
}

/// A value under a light: what an ordinary surface does.
#[inline(always)]
pub(crate) fn lit(value: [u32; 3], light: [u32; 3]) -> [u32; 3] {
    std::array::from_fn(|i| (value[i] * light[i].min(16 * LIGHT_STEPS as u32 - 1)) >> LIGHT_BITS)
}

/// Twice the area of the smallest triangle that is drawn, in square pixels.
const SMALLEST: f32 = 1e-3;
/// Triangles overlap by this share, so that no pixel on a common edge is lost to rounding.
const OVERLAP: f32 = 1e-3;
/// Steps of a texel.
const PLACE_STEPS: f32 = 65_536.0;
/// Steps of light that changes nothing.
const LIGHT_BITS: u32 = 12;
const LIGHT_STEPS: f32 = (1 << LIGHT_BITS) as f32;
/// A cover that hides all behind it.
const OPAQUE: u32 = 254 * 256;

/// Twice the area of a triangle, signed.
fn cross(a: [f32; 2], b: [f32; 2], c: [f32; 2]) -> f32 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}
