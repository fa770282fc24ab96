//! One component of a picture while it is decoded.

use zeroize::Zeroizing;

use super::survey::{Component, Survey};
use super::transform::Basis;

/// Where the coefficients of a scan's order stand in a block, row by row (T.81, figure A.6).
#[rustfmt::skip]
pub(super) const ZIGZAG: [u8; 64] = [
     0,  1,  8, 16,  9,  2,  3, 10, 17, 24, 32, 25, 18, 11,  4,  5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,  6,  7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Samples, and for progressive files the coefficients that become them.
pub(super) struct Plane {
    pub(super) h: usize,
    pub(super) v: usize,
    /// Samples a side of a decoded block: 8, or less where the picture is shrunk.
    pub(super) size: usize,
    /// Blocks that hold picture, across and down.
    pub(super) real: (usize, usize),
    /// Blocks across and down with those that fill the last MCU.
    pub(super) across: usize,
    pub(super) down: usize,
    /// Samples that hold picture.
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// Row by row, `across * size` a row; empty until needed.
    pub(super) samples: Zeroizing<Vec<u8>>,
    /// Steps of quantisation in zigzag order, as they were at the component's first scan.
    pub(super) steps: Option<[u16; 64]>,
    /// The lowest `size` by `size` coefficients of every block, row by row.
    coefficients: Zeroizing<Vec<i16>>,
    /// Which coefficients of a block are not 0, in zigzag order, with those that are not kept.
    present: Zeroizing<Vec<u64>>,
    basis: Basis,
}

impl Plane {
    /// For a picture that is shrunk so that a block of the finest component has `least` samples a side.
    pub(super) fn new(survey: &Survey<'_>, component: &Component, least: usize) -> Self {
        let (most_h, most_v) = survey.most();
        let (h, v) = (component.h, component.v);
        // Where a coarser component needs no enlarging if it is shrunk less, it is shrunk less.
        let fits = |most: usize, factor: usize, size: usize| {
            factor * size <= most * least && (most * least).is_multiple_of(factor * size)
        };
        let mut size = least;
        while size < 8 && fits(most_h, h, 2 * size) && fits(most_v, v, 2 * size) {
            size *= 2;
        }
        let columns = (survey.width * h * size).div_ceil(8 * most_h);
        let rows = (survey.height * v * size).div_ceil(8 * most_v);
        let real = ((survey.width * h).div_ceil(8 * most_h), (survey.height * v).div_ceil(8 * most_v));
        let (across, down) = (survey.width.div_ceil(8 * most_h) * h, survey.height.div_ceil(8 * most_v) * v);
        let blocks = across * down;
        let kept = if survey.is_progressive { blocks * size * size } else { 0 };
        Self {
            h,
            v,
            size,
            real,
            across,
            down,
            columns,
            rows,
            samples: Zeroizing::new(if survey.is_progressive { Vec::new() } else { vec![0; blocks * size * size] }),
            steps: None,
            coefficients: Zeroizing::new(vec![0; kept]),
            present: Zeroizing::new(vec![0; if survey.is_progressive { blocks } else { 0 }]),
            basis: Basis::new(size),
        }
    }

    /// A row of samples, without those that fill the last block.
    pub(super) fn row(&self, y: usize) -> &[u8] {
        &self.samples[y * self.across * self.size..][..self.columns]
    }

    /// Writes the samples of a block; `coefficients` in zigzag order, not yet dequantised, none beyond `last` but zeros.
    pub(super) fn write(&mut self, block: usize, coefficients: &[i16; 64], last: usize) {
        let steps = self.steps.unwrap_or([1; 64]);
        let stride = self.across * self.size;
        let (x, y) = (block % self.across, block / self.across);
        let samples = &mut self.samples[y * self.size * stride + x * self.size..];
        let value = |k: usize| f32::from(coefficients[k]) * f32::from(steps[k]);
        if last == 0 {
            return self.basis.flat(value(0), samples, stride);
        }
        let mut rows = [[0.0; 8]; 8];
        for (k, place) in ZIGZAG.iter().enumerate().take(last + 1) {
            rows[usize::from(place / 8)][usize::from(place % 8)] = value(k);
        }
        self.basis.inverse(&rows, samples, stride);
    }

    /// Coefficients to samples, once all scans are read.
    pub(super) fn finish(&mut self) {
        if self.present.is_empty() {
            return;
        }
        self.samples = Zeroizing::new(vec![0; self.coefficients.len()]);
        let kept = self.size * self.size;
        for block in 0..self.present.len() {
            let mut coefficients = [0; 64];
            let mut last = 0;
            for (k, coefficient) in coefficients.iter_mut().enumerate() {
                if let Some(place) = place(k, self.size) {
                    *coefficient = self.coefficients[block * kept + place];
                    if *coefficient != 0 {
                        last = k;
                    }
                }
            }
            self.write(block, &coefficients, last);
        }
        self.coefficients = Zeroizing::new(Vec::new());
        self.present = Zeroizing::new(Vec::new());
    }

    /// The DC coefficient of a block.
    pub(super) fn dc(&mut self, block: usize) -> &mut i16 {
        &mut self.coefficients[block * self.size * self.size]
    }

    /// Which coefficients of a block are not 0, in zigzag order.
    pub(super) fn present(&self, block: usize) -> u64 {
        self.present[block]
    }

    /// Sets a coefficient that was 0.
    pub(super) fn set(&mut self, block: usize, k: usize, value: i16) {
        self.present[block] |= 1 << k;
        if let Some(place) = place(k, self.size) {
            self.coefficients[block * self.size * self.size + place] = value;
        }
    }

    /// Moves a coefficient that is not 0 away from it by a bit that it does not have yet.
    pub(super) fn correct(&mut self, block: usize, k: usize, bit: i16) {
        if let Some(place) = place(k, self.size) {
            let value = &mut self.coefficients[block * self.size * self.size + place];
            if value.unsigned_abs() & bit.unsigned_abs() == 0 {
                *value = value.wrapping_add(bit * value.signum());
            }
        }
    }
}

/// Where the coefficient is kept, if it is.
#[inline]
fn place(k: usize, size: usize) -> Option<usize> {
    let (row, column) = (usize::from(ZIGZAG[k] / 8), usize::from(ZIGZAG[k] % 8));
    (row < size && column < size).then_some(row * size + column)
}
