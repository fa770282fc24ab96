//! The plain form of the kernel: for processors without a faster one, and the truth that the others are tested against.

pub(super) fn products(probe: &[i8], rows: &[i8], products: &mut [i32]) {
    for (row, product) in rows.chunks_exact(probe.len()).zip(products) {
        *product = row.iter().zip(probe).map(|(x, q)| i32::from(*x) * i32::from(*q)).sum();
    }
}
