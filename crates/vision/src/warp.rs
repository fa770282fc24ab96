//! Cutting a turned and scaled square out of a picture.

use crate::geometry::Point;
use crate::picture::Raster;
use crate::resample::{Chip, Window, mix, sample, shrink_by_whole_factor};
use crate::similarity::Similarity;

/// Fills a chip of the given size: its pixel (x, y) is taken from `to_source` of (x, y), both in pixel centres.
/// Black outside the picture, as dlib's chip extraction has it.
///
/// Where one chip pixel spans two source pixels or more, the part of the picture under the chip is first averaged in
/// whole blocks; the rest is bilinear. So nothing aliases, and a large picture is never resized as a whole.
pub(crate) fn warp(raster: &Raster<'_>, to_source: &Similarity, width: usize, height: usize) -> Chip {
    let factor = (to_source.scale() as usize).min(256);
    if factor < 2 {
        return bilinear(raster, to_source, width, height);
    }
    let Some(window) = window_under(raster, to_source, width, height, factor) else {
        return Chip::new(width, height);
    };
    let shrunk = shrink_by_whole_factor(raster, window, factor);
    // Block (0, 0) has its centre at (factor - 1) / 2 of its window.
    let (factor, half) = (factor as f32, (factor as f32 - 1.0) / 2.0);
    let (x, y) = (-(window.left as f32 + half) / factor, -(window.top as f32 + half) / factor);
    bilinear(&shrunk.raster(), &to_source.then_scale_and_move(1.0 / factor, x, y), width, height)
}

/// The pixels under the chip, in whole blocks and with a block to spare; `None` if the picture lies beside it or has no
/// whole block there.
fn window_under(
    raster: &Raster<'_>,
    to_source: &Similarity,
    width: usize,
    height: usize,
    factor: usize,
) -> Option<Window> {
    let corners = [(0, 0), (width, 0), (0, height), (width, height)]
        .map(|(x, y)| to_source.apply(Point { x: x as f32, y: y as f32 }));
    let span = |values: [f32; 4], length: usize| {
        let low = values.into_iter().fold(f32::INFINITY, f32::min) - factor as f32;
        let high = values.into_iter().fold(f32::NEG_INFINITY, f32::max) + factor as f32;
        // `as` saturates: below zero becomes zero.
        let (low, high) = (low.floor() as usize, (high.ceil() as usize).min(length));
        (high >= low + factor).then_some((low, high - low))
    };
    let (left, width) = span(corners.map(|p| p.x), raster.width)?;
    let (top, height) = span(corners.map(|p| p.y), raster.height)?;
    Some(Window { left, top, width, height })
}

fn bilinear(raster: &Raster<'_>, to_source: &Similarity, width: usize, height: usize) -> Chip {
    let mut chip = Chip::new(width, height);
    let step = to_source.step();
    let stride = raster.width * 3;
    // Beyond these the four neighbours do not all exist.
    let (last_x, last_y) = ((raster.width - 1) as f32, (raster.height - 1) as f32);
    for (y, row) in chip.samples.chunks_exact_mut(width * 3).enumerate() {
        let start = to_source.apply(Point { x: 0.0, y: y as f32 });
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            let at = Point { x: start.x + step.x * x as f32, y: start.y + step.y * x as f32 };
            if !(at.x >= 0.0 && at.y >= 0.0 && at.x < last_x && at.y < last_y) {
                pixel.copy_from_slice(&sample(raster, at));
                continue;
            }
            let (left, top) = (at.x as usize, at.y as usize);
            let (across, down) = (at.x - left as f32, at.y - top as f32);
            let corner = top * stride + left * 3;
            let above = &raster.pixels[corner..corner + 6];
            let below = &raster.pixels[corner + stride..corner + stride + 6];
            for c in 0..3 {
                let upper = mix(f32::from(above[c]), f32::from(above[c + 3]), across);
                let lower = mix(f32::from(below[c]), f32::from(below[c + 3]), across);
                pixel[c] = mix(upper, lower, down);
            }
        }
    }
    chip
}
