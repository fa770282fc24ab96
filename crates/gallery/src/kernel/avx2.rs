//! The kernel for x86-64 processors with AVX2: 32 products of codes at once, four rows at a time.
#![expect(unsafe_code, reason = "calls of functions that need AVX2 are unsafe by rule; each names why it is sound")]

use std::arch::x86_64::{
    __m128i, __m256i, _mm_add_epi32, _mm_storeu_si128, _mm256_abs_epi8, _mm256_add_epi32, _mm256_castsi256_si128,
    _mm256_extracti128_si256, _mm256_hadd_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16,
    _mm256_set1_epi16, _mm256_setzero_si256, _mm256_sign_epi8,
};

/// Whether this processor has AVX2. Asked once by the standard library, then remembered.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
}

/// As [`super::products`], whose conditions hold here.
pub(super) fn products(probe: &[i8], rows: &[i8], products: &mut [i32]) {
    assert!(is_available(), "the caller has asked");
    // SAFETY: AVX2, the one feature the function enables, was just found on this processor.
    unsafe { with_avx2(probe, rows, products) }
}

#[target_feature(enable = "avx2")]
fn with_avx2(probe: &[i8], rows: &[i8], products: &mut [i32]) {
    let stride = probe.len();
    let probe = probe.as_chunks::<32>().0;
    let (fours, rest) = products.as_chunks_mut::<4>();
    let mut rows = rows;
    for four in fours {
        let (now, later) = rows.split_at(4 * stride);
        rows = later;
        let (first, second) = now.split_at(2 * stride);
        let ((a, b), (c, d)) = (first.split_at(stride), second.split_at(stride));
        *four = four_products(probe, a.as_chunks().0, b.as_chunks().0, c.as_chunks().0, d.as_chunks().0);
    }
    for (row, product) in rows.chunks_exact(stride).zip(rest) {
        let row = row.as_chunks().0;
        *product = four_products(probe, row, row, row, row)[0];
    }
}

/// Products of the probe with four rows; one horizontal sum serves them all.
#[inline]
#[target_feature(enable = "avx2")]
fn four_products(probe: &[[i8; 32]], a: &[[i8; 32]], b: &[[i8; 32]], c: &[[i8; 32]], d: &[[i8; 32]]) -> [i32; 4] {
    let mut sums = [_mm256_setzero_si256(); 4];
    for ((((q, a), b), c), d) in probe.iter().zip(a).zip(b).zip(c).zip(d) {
        let q = load(q);
        let magnitude = _mm256_abs_epi8(q);
        for (sum, row) in sums.iter_mut().zip([a, b, c, d]) {
            *sum = _mm256_add_epi32(*sum, products_in_eights(magnitude, q, load(row)));
        }
    }
    let [a, b, c, d] = sums;
    let halves = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    store(_mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256::<1>(halves)))
}

/// Multiplies 32 codes with 32 and adds them up to eight sums.
///
/// The instruction wants one factor unsigned, so the probe's signs move to the row: `|q| * (x * sign q)`. Two
/// neighbours are added in 16 bits; 2 x 127 x 127 = 32,258 fits because no code is -128.
#[inline]
#[target_feature(enable = "avx2")]
fn products_in_eights(magnitude: __m256i, q: __m256i, x: __m256i) -> __m256i {
    let pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(x, q));
    _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(bytes: &[i8; 32]) -> __m256i {
    // SAFETY: the reference vouches for 32 readable bytes, and this load asks for no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(sums: __m128i) -> [i32; 4] {
    let mut numbers = [0; 4];
    // SAFETY: the array has the 16 bytes that are written, and this store asks for no alignment.
    unsafe { _mm_storeu_si128(numbers.as_mut_ptr().cast(), sums) };
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_its_portable_twin(stride in 1_usize..20, rows in 0_usize..11, seed: u64, at_the_ends: bool) {
            prop_assume!(is_available());
            let stride = stride * 32;
            let mut random = fastrand::Rng::with_seed(seed);
            let mut code = || if at_the_ends { [-127, 127][random.usize(..2)] } else { random.i8(-127..=127) };
            let probe: Vec<i8> = (0..stride).map(|_| code()).collect();
            let codes: Vec<i8> = (0..stride * rows).map(|_| code()).collect();
            let (mut fast, mut plain) = (vec![0; rows], vec![0; rows]);
            products(&probe, &codes, &mut fast);
            super::super::portable::products(&probe, &codes, &mut plain);
            prop_assert_eq!(fast, plain);
        }
    }
}
