//! What is behind the person: a drawn room, or the photo's own surroundings, unsharp. It keeps still; a phone in the hand
//! makes it wander a little.

use crate::camera::{FOCAL_PX, HEIGHT, WIDTH};
use crate::light::Light;
use crate::raster::{BRIGHTEST, Canvas};
use crate::texture::{Level, blurred};
use fastrand::Rng;

/// Pixels at hand beyond each edge of the frame.
const SPARE: usize = 24;
const ROW: usize = (WIDTH + 2 * SPARE) * 3;
/// How far away it is.
const DISTANCE_MM: f32 = 1_700.0;

/// A background, a little larger than the frame.
pub(crate) struct Room {
    pixels: Vec<u8>,
}

impl Room {
    /// A wall with soft colours, and a few shelves and frames on it.
    pub(crate) fn drawn(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed ^ 0x0000_0520);
        let (width, height) = (WIDTH + 2 * SPARE, HEIGHT + 2 * SPARE);
        let base: [u8; 3] = std::array::from_fn(|_| random.u8(110..170));
        let coarse = Level::from_fn(9, 7, |_, _| {
            let [red, green, blue] = base.map(|value| value.saturating_add(random.u8(0..50)));
            [red, green, blue, 255]
        });
        let mut wall = Level::from_fn(width, height, |x, y| {
            let [red, green, blue, _] =
                coarse.sample(9.0 * (x as f32 + 0.5) / width as f32, 7.0 * (y as f32 + 0.5) / height as f32);
            [red as u8, green as u8, blue as u8, 255]
        });
        for _ in 0..12 {
            let (across, down) = (random.usize(24..110), random.usize(10..100));
            let (left, top) = (random.usize(..width - across), random.usize(..height - down));
            let colour = [random.u8(40..210), random.u8(40..210), random.u8(40..210), 255];
            for y in top..top + down {
                wall.texels[y * width + left..y * width + left + across].fill(colour);
            }
        }
        Self::of(&blurred(&wall, 1))
    }

    /// The surroundings of a photo at the scale of a head at this distance.
    pub(crate) fn around(surroundings: &Level, texels_per_mm: f32, distance_mm: f32) -> Self {
        let texels_per_px = texels_per_mm * distance_mm / FOCAL_PX;
        let (width, height) = (WIDTH + 2 * SPARE, HEIGHT + 2 * SPARE);
        let place = |at: usize, of: usize, texels: usize| {
            texels as f32 / 2.0 + (at as f32 + 0.5 - of as f32 / 2.0) * texels_per_px
        };
        let level = Level::from_fn(width, height, |x, y| {
            surroundings
                .sample(place(x, width, surroundings.width), place(y, height, surroundings.height))
                .map(|value| value.round() as u8)
        });
        Self::of(&level)
    }

    fn of(level: &Level) -> Self {
        Self { pixels: level.texels.iter().flat_map(|texel| [texel[0], texel[1], texel[2]]).collect() }
    }

    /// Fills the canvas, moved by some pixels, as it is lit.
    pub(crate) fn draw(&self, canvas: &mut Canvas, [x, y]: [f32; 2], light: &Light) {
        let most = SPARE as f32 - 2.0;
        let (x, y) = (x.clamp(-most, most) + SPARE as f32, y.clamp(-most, most) + SPARE as f32);
        let (column, row) = (x as usize, y as usize);
        let (right, below) = ((256.0 * x.fract()) as u16, (256.0 * y.fract()) as u16);
        // Of two weights of 1/256 each; together 256.
        let fourth = ((u32::from(right) * u32::from(below)) >> 8) as u16;
        let weights = [256 + fourth - right - below, right - fourth, below - fourth, fourth];
        let factor = light.factor(1.0, light.screen.lux_at(DISTANCE_MM));
        // Two bits before the point, fourteen after it.
        let factors: Vec<u16> =
            (0..WIDTH * 3).map(|value| (factor[value % 3] * 16_384.0).min(65_535.0) as u16).collect();
        for (line, values) in canvas.values.chunks_exact_mut(WIDTH * 3).enumerate() {
            let start = (line + row) * ROW + column * 3;
            let part = |start: usize| &self.pixels[start..start + WIDTH * 3];
            let (here, beside) = (part(start), part(start + 3));
            let (under, beside_under) = (part(start + ROW), part(start + ROW + 3));
            let factors = &factors[..values.len()];
            // Sixteen bits throughout, and the least of two by saturation: eight values at a time on any processor.
            for i in 0..values.len() {
                let mixed = u16::from(here[i]) * weights[0]
                    + u16::from(beside[i]) * weights[1]
                    + u16::from(under[i]) * weights[2]
                    + u16::from(beside_under[i]) * weights[3];
                let quarter = ((u32::from(mixed) * u32::from(factors[i])) >> 16) as u16;
                values[i] = (quarter - quarter.saturating_sub(BRIGHTEST as u16 / 4)) * 4;
            }
        }
    }
}
