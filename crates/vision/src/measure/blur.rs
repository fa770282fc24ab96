//! How soft a face looks.

use super::on_face;
use crate::resample::Chip;

/// Variance of the Laplacian on the aligned 112-pixel chip from which a face counts as sharp (blur 0) and below which it
/// counts as wholly blurred (blur 1).
const SHARP: f32 = 1000.0;
const BLURRED: f32 = 10.0;

/// 0 (sharp) to 1 (blurred).
pub(crate) fn blur(chip: &Chip) -> f32 {
    let variance = laplacian_variance(chip);
    let share = (SHARP.ln() - variance.max(1e-3).ln()) / (SHARP.ln() - BLURRED.ln());
    share.clamp(0.0, 1.0)
}

pub(crate) fn laplacian_variance(chip: &Chip) -> f32 {
    let luma = chip.luma();
    let width = chip.width;
    let (mut count, mut sum, mut squares) = (0f64, 0f64, 0f64);
    for y in 1..chip.height - 1 {
        for x in 1..width - 1 {
            if !on_face(x, y) {
                continue;
            }
            let at = y * width + x;
            let around = luma[at - 1] + luma[at + 1] + luma[at - width] + luma[at + width];
            let value = f64::from(around - 4.0 * luma[at]);
            count += 1.0;
            sum += value;
            squares += value * value;
        }
    }
    let mean = sum / count;
    (squares / count - mean * mean) as f32
}
