//! From coefficients to samples (ITU T.81, A.3.3), at full size or at a quarter or half of it.
//!
//! A smaller picture comes from the low frequencies alone: the first N by N coefficients of a block, taken as those of an
//! N-point transform, are the block at N samples a side.

use std::f32::consts::PI;

/// The cosines of one size, for the first half of the samples; the second half mirrors it.
pub(super) struct Basis {
    size: usize,
    /// By sample, then by frequency.
    waves: [[f32; 8]; 4],
}

impl Basis {
    /// For blocks of 2, 4 or 8 samples a side.
    pub(super) fn new(size: usize) -> Self {
        let waves = std::array::from_fn(|x| {
            std::array::from_fn(|u| {
                let scale = if u == 0 { 0.125_f32.sqrt() } else { 0.5 };
                scale * ((2 * x + 1) as f32 * u as f32 * PI / (2 * size) as f32).cos()
            })
        });
        Self { size, waves }
    }

    /// Writes a block of samples. Coefficients come dequantised, eight a row, only the first `size` rows and columns count.
    pub(super) fn inverse(&self, coefficients: &[[f32; 8]; 8], samples: &mut [u8], stride: usize) {
        // Down the columns, then along the rows.
        let block = transposed(&self.pass(&transposed(&self.pass(coefficients))));
        // A cast from a float saturates, which is the clamping.
        for (row, values) in samples.chunks_mut(stride).zip(block).take(self.size) {
            for (sample, value) in row.iter_mut().zip(values).take(self.size) {
                *sample = (value + 128.5) as u8;
            }
        }
    }

    /// Writes a block that is the same throughout.
    pub(super) fn flat(&self, dc: f32, samples: &mut [u8], stride: usize) {
        let sample = (dc / 8.0 + 128.5) as u8;
        samples.chunks_mut(stride).take(self.size).for_each(|row| row[..self.size].fill(sample));
    }

    /// One dimension, for eight columns at once.
    fn pass(&self, rows: &[[f32; 8]; 8]) -> [[f32; 8]; 8] {
        let mut out = [[0.0; 8]; 8];
        for (x, waves) in self.waves.iter().enumerate().take(self.size / 2) {
            let (mut even, mut odd) = ([0.0_f32; 8], [0.0_f32; 8]);
            for u in (0..self.size).step_by(2) {
                for lane in 0..8 {
                    even[lane] += rows[u][lane] * waves[u];
                    odd[lane] += rows[u + 1][lane] * waves[u + 1];
                }
            }
            for lane in 0..8 {
                out[x][lane] = even[lane] + odd[lane];
                out[self.size - 1 - x][lane] = even[lane] - odd[lane];
            }
        }
        out
    }
}

fn transposed(rows: &[[f32; 8]; 8]) -> [[f32; 8]; 8] {
    std::array::from_fn(|y| std::array::from_fn(|x| rows[x][y]))
}
