//! How grainy a face is.

use crate::geometry::RectF;
use crate::picture::Raster;

/// Standard deviations of luma noise, in 8-bit steps, at which the value leaves 0 and reaches 1.
///
/// Faces of the sample photos read 0 to 4.5 (median 1.5; the upper ones are sharpened, not noisy); with Gaussian noise of
/// 10 and 20 steps added to each channel they read 7 and 14. Azure's borders 0.3 and 0.7 then lie at 8 and 15.
const CLEAN_SIGMA: f32 = 3.0;
const GRAINY_SIGMA: f32 = 20.0;

/// 0 (clean) to 1. Measured on the picture's own pixels, since any resampling would smooth the grain away.
///
/// Median absolute deviation of the finest diagonal wavelet band (Donoho and Johnstone 1994, Haar): noise fills the
/// band everywhere, edges only some places, so the median sees the noise. `rect` is the face's box.
pub(crate) fn noise(raster: &Raster<'_>, rect: &RectF) -> f32 {
    let sigma = sigma(raster, rect);
    ((sigma - CLEAN_SIGMA) / (GRAINY_SIGMA - CLEAN_SIGMA)).clamp(0.0, 1.0)
}

pub(crate) fn sigma(raster: &Raster<'_>, rect: &RectF) -> f32 {
    // The middle of the box: skin, little hair and background.
    let inner = RectF {
        left: rect.left + rect.width * 0.2,
        top: rect.top + rect.height * 0.2,
        width: rect.width * 0.6,
        height: rect.height * 0.6,
    };
    let inside = inner.clip(raster.width as u32, raster.height as u32);
    let (left, top) = (inside.left as usize, inside.top as usize);
    let (width, height) = (inside.width as usize, inside.height as usize);
    let mut diagonal = Vec::with_capacity(width * height / 4);
    for y in (top..(top + height).saturating_sub(1)).step_by(2) {
        let luma = |row: &[u8], x: usize| {
            0.299 * f32::from(row[x]) + 0.587 * f32::from(row[x + 1]) + 0.114 * f32::from(row[x + 2])
        };
        let (above, below) = (raster.row(y, left, left + width), raster.row(y + 1, left, left + width));
        for x in (0..(width * 3).saturating_sub(3)).step_by(6) {
            let value = luma(above, x) - luma(above, x + 3) - luma(below, x) + luma(below, x + 3);
            diagonal.push((value / 2.0).abs());
        }
    }
    if diagonal.is_empty() {
        return 0.0;
    }
    let middle = diagonal.len() / 2;
    let (_, median, _) = diagonal.select_nth_unstable_by(middle, f32::total_cmp);
    // 0.6745 is the median of the absolute value of a standard normal variable.
    *median / 0.6745
}
