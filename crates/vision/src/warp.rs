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

/// The pixels under the chip, with blocks to spare at every side; `None` if the picture lies beside it or has no
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
        // Two blocks beyond: up to one is lost to the whole number of blocks, one is the neighbour of the last.
        let high = values.into_iter().fold(f32::NEG_INFINITY, f32::max) + 2.0 * factor as f32;
        // `as` saturates: below zero becomes zero.
        let (low, high) = (low.floor() as usize, (high.ceil() as usize).min(length));
        (high >= low + factor).then(|| (low, high - low))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Picture;
    use proptest::prelude::*;

    /// Each pixel holds its place: red is x, green is y. Linear, so bilinear sampling is exact inside.
    fn map(width: u32, height: u32) -> Picture {
        let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, 77]));
        Picture::from_rgb(width, height, pixels.collect()).unwrap()
    }

    #[test]
    fn the_identity_copies() {
        let picture = map(40, 30);
        let identity = Similarity::crop(Point { x: 20.0, y: 20.0 }, 40.0, 0.0, 40.0);
        let chip = warp(&picture.raster(), &identity, 40, 30);
        assert!(chip.samples.iter().zip(picture.pixels()).all(|(a, &b)| (a - f32::from(b)).abs() < 1e-3));
    }

    #[test]
    fn outside_is_black() {
        let picture = map(40, 30);
        for centre in [Point { x: -500.0, y: 10.0 }, Point { x: 20.0, y: 4000.0 }, Point { x: 1e9, y: -1e9 }] {
            for side in [10.0, 300.0] {
                let chip = warp(&picture.raster(), &Similarity::crop(centre, side, 0.3, 20.0), 20, 20);
                assert!(chip.samples.iter().all(|&v| v == 0.0), "{centre:?} {side}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_chip_pixel_comes_from_its_place(
            x in 60f32..190.0, y in 60f32..190.0, side in 10f32..400.0, angle in -3.1f32..3.1,
        ) {
            let picture = map(250, 250);
            let raster = picture.raster();
            let to_source = Similarity::crop(Point { x, y }, side, angle, 32.0);
            let chip = warp(&raster, &to_source, 32, 32);
            // Blocks blur the picture's own edge, so places near it are left out.
            let margin = 2.0 * to_source.scale() + 1.0;
            for (at, pixel) in chip.samples.chunks_exact(3).enumerate() {
                let place = to_source.apply(Point { x: (at % 32) as f32, y: (at / 32) as f32 });
                let inside = |v: f32| v > margin && v < 249.0 - margin;
                if inside(place.x) && inside(place.y) {
                    prop_assert!((pixel[0] - place.x).abs() < 0.6, "{:?} for {:?}", pixel, place);
                    prop_assert!((pixel[1] - place.y).abs() < 0.6, "{:?} for {:?}", pixel, place);
                }
            }
        }
    }
}
