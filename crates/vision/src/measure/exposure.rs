//! Whether a face is too dark or too bright to judge.

use super::on_face;
use crate::resample::Chip;

/// 0 (black) to 1 (burnt out); 0.25 and 0.75 are Azure's borders of good exposure.
///
/// The mean alone would call well-lit dark skin under-exposed, so the bright end of the face (its 95th percentile,
/// highlights and eye whites) counts too: a face whose highlights are bright is not under-exposed.
/// Clipped pixels push the value up. The weights are ours: faces of the sample photos read 0.23 to 0.68 as they are, 0.08
/// to 0.30 at half the light and 0.63 to 1.00 at two and a half times the light.
pub(crate) fn exposure(chip: &Chip) -> f32 {
    let luma = chip.luma();
    let mut face: Vec<f32> =
        (0..luma.len()).filter(|&at| on_face(at % chip.width, at / chip.width)).map(|at| luma[at] / 255.0).collect();
    face.sort_by(f32::total_cmp);
    let count = face.len() as f32;
    let mean = face.iter().sum::<f32>() / count;
    let bright = face[(count * 0.95) as usize];
    let clipped = face.iter().filter(|&&v| v > 0.98).count() as f32 / count;
    (0.6 * mean + 0.4 * bright - 0.08 + 0.5 * clipped).clamp(0.0, 1.0)
}
