//! Shrinking and enlarging: from the picture to the small frames that are the input of networks.
//!
//! When shrinking, every source pixel counts by the area it covers in the target (area filter): nothing aliases, and the
//! mean is kept. When enlarging, bilinear. Vertical sums come first because they run along memory and vectorise.

use zeroize::Zeroize;

use crate::geometry::{Point, RectF};
use crate::picture::{Picture, Raster};

/// A small RGB frame in floating point, 0 to 255, interleaved; wiped when dropped.
pub(crate) struct Chip {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) samples: Vec<f32>,
}

impl Chip {
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self { width, height, samples: vec![0.0; width * height * 3] }
    }

    /// Luma of each pixel by the weights of ITU-R BT.601, 0 to 255.
    pub(crate) fn luma(&self) -> Vec<f32> {
        self.samples.chunks_exact(3).map(luma).collect()
    }
}

/// Luma of an RGB pixel by the weights of ITU-R BT.601.
pub(crate) fn luma(pixel: &[f32]) -> f32 {
    0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]
}

impl Drop for Chip {
    fn drop(&mut self) {
        self.samples.zeroize();
    }
}

/// Whole pixels of a raster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) left: usize,
    pub(crate) top: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Window {
    pub(crate) fn whole(raster: &Raster<'_>) -> Self {
        Self { left: 0, top: 0, width: raster.width, height: raster.height }
    }

    pub(crate) fn rect(&self) -> RectF {
        RectF { left: self.left as f32, top: self.top as f32, width: self.width as f32, height: self.height as f32 }
    }
}

/// Scales a window so that one target pixel is `step` source pixels wide and high; a last partial pixel is left out,
/// except that there is always one. Target pixel `x` covers the source from `x * step` to `(x + 1) * step`.
pub(crate) fn scale_window(raster: &Raster<'_>, window: Window, step: f32) -> Chip {
    let length = |source: usize| ((source as f32 / step).round() as usize).max(1);
    let mut chip = Chip::new(length(window.width), length(window.height));
    if step > 1.0 {
        shrink(raster, window, step, &mut chip);
    } else {
        enlarge(raster, window, step, &mut chip);
    }
    chip
}

/// The source span of one target pixel: a first and a last source pixel with their shares, those between count fully.
struct Span {
    first: usize,
    first_share: f32,
    last: usize,
    last_share: f32,
    total: f32,
}

impl Span {
    fn of(target: usize, step: f32, length: usize) -> Self {
        let end = length as f32;
        let from = (target as f32 * step).min(end - 1e-3);
        let to = ((target + 1) as f32 * step).clamp(from + 1e-4, end);
        let first = (from as usize).min(length - 1);
        let last = ((to.ceil() as usize).max(1) - 1).clamp(first, length - 1);
        if last == first {
            return Self { first, first_share: to - from, last, last_share: 0.0, total: to - from };
        }
        let (first_share, last_share) = ((first + 1) as f32 - from, to - last as f32);
        Self { first, first_share, last, last_share, total: first_share + last_share + (last - first - 1) as f32 }
    }

    /// How much of a source pixel of the span belongs to the target.
    fn share(&self, source: usize) -> f32 {
        match source {
            _ if source == self.first => self.first_share,
            _ if source == self.last => self.last_share,
            _ => 1.0,
        }
    }
}

/// Rows are summed first: that runs along memory and vectorises over a whole row. Then each pixel's columns, in four
/// lanes of which the last is spare.
fn shrink(raster: &Raster<'_>, window: Window, step: f32, chip: &mut Chip) {
    let columns: Vec<Span> = (0..chip.width).map(|x| Span::of(x, step, window.width)).collect();
    // One lane more than samples, so that every pixel can be read as four.
    let mut sums = vec![0f32; window.width * 3 + 1];
    for (y, target) in chip.samples.chunks_exact_mut(chip.width * 3).enumerate() {
        let rows = Span::of(y, step, window.height);
        sums.fill(0.0);
        for row in rows.first..=rows.last {
            let source = raster.row(window.top + row, window.left, window.left + window.width);
            let share = rows.share(row);
            sums.iter_mut().zip(source).for_each(|(sum, &v)| *sum += f32::from(v) * share);
        }
        for (pixel, span) in target.chunks_exact_mut(3).zip(&columns) {
            let mut total = [0f32; 4];
            let covered = &sums[span.first * 3..(span.last + 1) * 3 + 1];
            for (lanes, column) in covered.windows(4).step_by(3).zip(span.first..) {
                let share = span.share(column);
                (0..4).for_each(|i| total[i] += lanes[i] * share);
            }
            let scale = 1.0 / (span.total * rows.total);
            (0..3).for_each(|i| pixel[i] = total[i] * scale);
        }
    }
}

fn enlarge(raster: &Raster<'_>, window: Window, step: f32, chip: &mut Chip) {
    // Target and source pixels are squares whose outer edges coincide, hence the halves.
    let place = |target: usize, length: usize| {
        let at = ((target as f32 + 0.5) * step - 0.5).clamp(0.0, (length - 1) as f32);
        let low = at as usize;
        (low, (low + 1).min(length - 1), at - low as f32)
    };
    let columns: Vec<_> = (0..chip.width).map(|x| place(x, window.width)).collect();
    for (y, target) in chip.samples.chunks_exact_mut(chip.width * 3).enumerate() {
        let (above, below, down) = place(y, window.height);
        let row_at = |y: usize| raster.row(window.top + y, window.left, window.left + window.width);
        let (above, below) = (row_at(above), row_at(below));
        for (pixel, &(left, right, across)) in target.chunks_exact_mut(3).zip(&columns) {
            for (c, sample) in pixel.iter_mut().enumerate() {
                let upper = mix(f32::from(above[left * 3 + c]), f32::from(above[right * 3 + c]), across);
                let lower = mix(f32::from(below[left * 3 + c]), f32::from(below[right * 3 + c]), across);
                *sample = mix(upper, lower, down);
            }
        }
    }
}

pub(crate) fn mix(a: f32, b: f32, share: f32) -> f32 {
    a + (b - a) * share
}

/// Averages blocks of `factor` x `factor` pixels of a window. Rows and columns that fill no block are left out.
/// The window must hold at least one block, and `factor` is at most 256 (the sum of a column must fit 16 bits).
pub(crate) fn shrink_by_whole_factor(raster: &Raster<'_>, window: Window, factor: usize) -> Picture {
    let (width, height) = (window.width / factor, window.height / factor);
    let mut pixels = vec![0u8; width * height * 3];
    // One lane more than samples, so that every pixel can be read as four.
    let mut sums = vec![0u16; width * factor * 3 + 1];
    let scale = 1.0 / (factor * factor) as f32;
    for (y, target) in pixels.chunks_exact_mut(width * 3).enumerate() {
        sums.fill(0);
        for row in 0..factor {
            let source = raster.row(window.top + y * factor + row, window.left, window.left + width * factor);
            // Cannot wrap: at most 256 bytes a column. Saying so lets the loop vectorise with overflow checks on too.
            sums.iter_mut().zip(source).for_each(|(sum, &v)| *sum = sum.wrapping_add(u16::from(v)));
        }
        for (x, pixel) in target.chunks_exact_mut(3).enumerate() {
            let mut total = [0u32; 4];
            let block = &sums[x * factor * 3..(x + 1) * factor * 3 + 1];
            for lanes in block.windows(4).step_by(3) {
                (0..4).for_each(|i| total[i] = total[i].wrapping_add(u32::from(lanes[i])));
            }
            // Sums below 2^24 are exact in single precision; larger ones are off by far less than half a step.
            (0..3).for_each(|i| pixel[i] = (total[i] as f32 * scale + 0.5) as u8);
        }
    }
    Picture::from_rgb(width as u32, height as u32, pixels)
        .expect("a window of at least one block gives at least one pixel")
}

/// Bilinear value at a place given in pixel centres (the first pixel's centre is 0, 0); black outside the raster.
pub(crate) fn sample(raster: &Raster<'_>, at: Point) -> [f32; 3] {
    let (left, top) = (at.x.floor(), at.y.floor());
    let (across, down) = (at.x - left, at.y - top);
    let pixel = |x: f32, y: f32| {
        if x < 0.0 || y < 0.0 || x >= raster.width as f32 || y >= raster.height as f32 {
            return [0.0; 3];
        }
        let start = (y as usize * raster.width + x as usize) * 3;
        [0, 1, 2].map(|c| f32::from(raster.pixels[start + c]))
    };
    let (a, b) = (pixel(left, top), pixel(left + 1.0, top));
    let (c, d) = (pixel(left, top + 1.0), pixel(left + 1.0, top + 1.0));
    [0, 1, 2].map(|i| mix(mix(a[i], b[i], across), mix(c[i], d[i], across), down))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Noise of a small congruential generator: every frequency, the same on every run.
    fn noise(width: u32, height: u32) -> Picture {
        let mut state = 7u32;
        let pixels = (0..width * height * 3).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        Picture::from_rgb(width, height, pixels.collect()).unwrap()
    }

    fn channel_means(samples: impl Iterator<Item = f32>) -> [f64; 3] {
        let (mut sums, mut count) = ([0f64; 3], 0f64);
        for (at, value) in samples.enumerate() {
            sums[at % 3] += f64::from(value);
            count += 1.0 / 3.0;
        }
        sums.map(|sum| sum / count)
    }

    proptest! {
        #[test]
        fn shrinking_keeps_the_mean(quarters in 5u32..40, columns in 1u32..6, rows in 1u32..6) {
            // A step of whole quarters and four times as many target pixels: nothing is left over at the edges.
            let picture = noise(columns * quarters, rows * quarters);
            let raster = picture.raster();
            let chip = scale_window(&raster, Window::whole(&raster), quarters as f32 / 4.0);
            prop_assert_eq!((chip.width, chip.height), (4 * columns as usize, 4 * rows as usize));
            let expected = channel_means(picture.pixels().iter().map(|&v| f32::from(v)));
            for (mean, expected) in channel_means(chip.samples.iter().copied()).into_iter().zip(expected) {
                prop_assert!((mean - expected).abs() < 0.01, "{} for {}", mean, expected);
            }
        }

        #[test]
        fn one_colour_stays_that_colour_at_any_scale(grey in 0u8..=255, width in 1u32..60, height in 1u32..60, step in 0.1f32..9.0) {
            let picture = Picture::from_rgb(width, height, vec![grey; (width * height * 3) as usize]).unwrap();
            let raster = picture.raster();
            let chip = scale_window(&raster, Window::whole(&raster), step);
            prop_assert!(chip.samples.iter().all(|v| (v - f32::from(grey)).abs() < 0.01));
        }

        #[test]
        fn whole_blocks_are_means(factor in 1usize..12, columns in 1usize..9, rows in 1usize..9, left in 0usize..5, top in 0usize..5) {
            let picture = noise((left + columns * factor + 3) as u32, (top + rows * factor + 2) as u32);
            let raster = picture.raster();
            let window = Window { left, top, width: columns * factor, height: rows * factor };
            let shrunk = shrink_by_whole_factor(&raster, window, factor);
            for y in 0..rows {
                for x in 0..columns {
                    for c in 0..3 {
                        let sum: u32 = (0..factor * factor)
                            .map(|i| (left + x * factor + i % factor, top + y * factor + i / factor))
                            .map(|(x, y)| u32::from(raster.pixels[(y * raster.width + x) * 3 + c]))
                            .sum();
                        let mean = f64::from(sum) / (factor * factor) as f64;
                        let got = f64::from(shrunk.pixels()[(y * columns + x) * 3 + c]);
                        prop_assert!((got - mean).abs() <= 0.501, "{} for {}", got, mean);
                    }
                }
            }
        }
    }

    #[test]
    fn a_step_of_one_changes_nothing() {
        let picture = noise(23, 17);
        let raster = picture.raster();
        let chip = scale_window(&raster, Window::whole(&raster), 1.0);
        assert_eq!((chip.width, chip.height), (23, 17));
        assert!(chip.samples.iter().zip(picture.pixels()).all(|(a, &b)| (a - f32::from(b)).abs() < 1e-3));
    }
}
