//! The sensor: blur of the lens, the small shake of the camera, noise, and eight bits.

use crate::camera::{HEIGHT, WIDTH};
use crate::raster::{Canvas, STEPS};
use fastrand::Rng;

/// Values of a row.
const ROW: usize = WIDTH * 3;
/// Values of noise at hand; each row starts somewhere in them.
const NOISE_VALUES: usize = 3 * 65_536;

/// Normal values, in halves of the canvas's steps.
pub(crate) struct Noise {
    values: Vec<i16>,
}

impl Noise {
    /// Noise of this standard deviation, in levels of 255.
    pub(crate) fn new(seed: u64, levels: f32) -> Self {
        if levels == 0.0 {
            return Self { values: vec![0; NOISE_VALUES + ROW] };
        }
        let mut random = Rng::with_seed(seed ^ 0x4015_E000);
        let mut values = Vec::with_capacity(NOISE_VALUES + ROW);
        while values.len() < NOISE_VALUES + ROW {
            let [first, second] = normal_pair(&mut random);
            let halves = STEPS / 2.0 * levels;
            values.extend([first, second].map(|value| (value.clamp(-5.0, 5.0) * halves).round() as i16));
        }
        Self { values }
    }

    fn row(&self, random: &mut Rng) -> &[i16] {
        let start = random.usize(..NOISE_VALUES);
        &self.values[start..start + ROW]
    }
}

/// Two independent values of mean 0 and variance 1.
pub(crate) fn normal_pair(random: &mut Rng) -> [f32; 2] {
    let radius = (-2.0 * (1.0 - random.f32()).max(f32::MIN_POSITIVE).ln()).sqrt();
    let (sin, cos) = (random.f32() * std::f32::consts::TAU).sin_cos();
    [radius * cos, radius * sin]
}

/// How a frame is taken.
#[derive(Clone, Copy)]
pub(crate) struct Exposure {
    /// Standard deviation of the lens's blur, in pixels.
    pub(crate) blur_px: f32,
    /// How far the picture is moved, in pixels.
    pub(crate) shift_px: [f32; 2],
}

/// The picture that the sensor makes of the canvas.
pub(crate) fn develop(canvas: &Canvas, exposure: Exposure, noise: &Noise, random: &mut Rng) -> Vec<u8> {
    let across = kernel(exposure.blur_px, exposure.shift_px[0]);
    let down = kernel(exposure.blur_px, exposure.shift_px[1]);
    let (reach_across, reach_down) = (across.len() / 2, down.len() / 2);
    let mut pixels = vec![0u8; ROW * HEIGHT];
    let pad = reach_across * 3;
    let mut padded = vec![0u16; ROW + 2 * pad];
    let mut row = vec![0u16; ROW];
    for (y, pixels) in pixels.chunks_exact_mut(ROW).enumerate() {
        let middle = &mut padded[pad..pad + ROW];
        middle.fill(0);
        for (tap, weight) in down.iter().enumerate() {
            let from = (y + tap).saturating_sub(reach_down).min(HEIGHT - 1);
            add(middle, &canvas.values[from * ROW..(from + 1) * ROW], *weight);
        }
        for value in 0..pad {
            padded[value] = padded[pad + value % 3];
            padded[pad + ROW + value] = padded[pad + ROW - 3 + value % 3];
        }
        row.fill(0);
        for (tap, weight) in across.iter().enumerate() {
            add(&mut row, &padded[tap * 3..tap * 3 + ROW], *weight);
        }
        // Sixteen bits and saturation: eight values at a time on any processor.
        for ((pixel, value), noise) in pixels.iter_mut().zip(&row).zip(noise.row(random)) {
            let noisy = ((*value >> 1) as i16).saturating_add(*noise).saturating_add(64).max(0);
            *pixel = (noisy >> 7) as u8;
        }
    }
    pixels
}

/// Adds a share of `values`, in 1/65536.
fn add(sums: &mut [u16], values: &[u16], weight: u16) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum = sum.saturating_add(((u32::from(*value) * u32::from(weight)) >> 16) as u16);
    }
}

/// Weights of a blur that also moves the picture, in 1/65536; the middle one belongs to the pixel itself.
fn kernel(blur_px: f32, shift_px: f32) -> Vec<u16> {
    let reach = (blur_px * 2.5 + shift_px.abs()).ceil().max(1.0) as i32;
    let weights: Vec<f32> = (-reach..=reach)
        .map(|tap| {
            let away = tap as f32 + shift_px;
            // Without blur, a move is an interpolation.
            if blur_px < 0.3 { (1.0 - away.abs()).max(0.0) } else { (-away * away / (2.0 * blur_px * blur_px)).exp() }
        })
        .collect();
    let sum: f32 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum * 65_535.0).round() as u16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_moves_the_picture_and_keeps_its_light() {
        let mut canvas = Canvas::new();
        canvas.values.fill(100 << 8);
        let spot = (200 * WIDTH + 300) * 3;
        canvas.values[spot..spot + 3].fill(200 << 8);
        for blur_px in [0.0, 0.8] {
            let exposure = Exposure { blur_px, shift_px: [0.25, 0.0] };
            let pixels = develop(&canvas, exposure, &Noise::new(1, 0.0), &mut Rng::with_seed(1));
            let (mut weight, mut place) = (0.0, 0.0);
            for x in 290..310 {
                for y in 190..210 {
                    let above = f32::from(pixels[(y * WIDTH + x) * 3]) - f32::from(pixels[0]);
                    weight += above;
                    place += above * x as f32;
                }
            }
            assert!((weight - 100.0).abs() < 6.0, "{weight}");
            assert!((place / weight - 300.25).abs() < 0.06, "{}", place / weight);
        }
    }
}
