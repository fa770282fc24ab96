//! The plain form of the kernel: for processors without a faster one, and the truth that the others are tested against.

use super::{ProbeCodes, Rows};

pub(super) fn near(probe_codes: ProbeCodes<'_>, rows: Rows<'_>, products: &mut [i32]) -> u128 {
    let mut near = 0;
    for (row, (codes, product)) in rows.codes.chunks_exact(probe_codes.codes.len()).zip(products).enumerate() {
        *product = codes.iter().zip(probe_codes.codes).map(|(x, q)| i32::from(*x) * i32::from(*q)).sum();
        near |= u128::from(is_near(probe_codes, rows.scales[row], rows.norms_squared[row], *product)) << row;
    }
    near
}

/// Whether a row with this product is not far.
pub(super) fn is_near(probe_codes: ProbeCodes<'_>, scale: f32, norm_squared: f32, product: i32) -> bool {
    let is_far = norm_squared - probe_codes.step * scale * product as f32 > probe_codes.limit;
    !is_far
}
