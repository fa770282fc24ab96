//! The kernel for x86-64 processors with AVX2: 32 products of codes at once, four rows at a time.
#![expect(unsafe_code, reason = "calls of functions that need AVX2 are unsafe by rule; each names why it is sound")]

use super::portable::is_near;
use super::{ProbeCodes, Rows};
use std::arch::x86_64::{
    __m128i, __m256, __m256i, _CMP_NGT_UQ, _mm_add_epi32, _mm_storeu_si128, _mm256_abs_epi8, _mm256_add_epi32,
    _mm256_castsi256_si128, _mm256_cmp_ps, _mm256_cvtepi32_ps, _mm256_extracti128_si256, _mm256_hadd_epi32,
    _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_movemask_ps, _mm256_mul_ps,
    _mm256_set1_epi16, _mm256_set1_ps, _mm256_setzero_si256, _mm256_sign_epi8, _mm256_sub_ps,
};

/// Whether this processor has AVX2. Asked once by the standard library, then remembered.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
}

/// As [`super::near`], whose conditions hold here.
pub(super) fn near(probe_codes: ProbeCodes<'_>, rows: Rows<'_>, products: &mut [i32]) -> u128 {
    assert!(is_available(), "the caller has asked");
    // SAFETY: AVX2, the one feature that the two functions enable, was just found on this processor.
    unsafe {
        multiply(probe_codes.codes, rows.codes, products);
        bits_of_near(probe_codes, rows, products)
    }
}

#[target_feature(enable = "avx2")]
fn multiply(probe: &[i8], rows: &[i8], products: &mut [i32]) {
    let stride = probe.len();
    let probe = probe.as_chunks().0;
    let (fours, rest) = products.as_chunks_mut::<4>();
    let (rows_in_fours, rest_of_rows) = rows.split_at(4 * fours.len() * stride);
    for (four, rows) in fours.iter_mut().zip(rows_in_fours.chunks_exact(4 * stride)) {
        let (first, second) = rows.split_at(2 * stride);
        let ((a, b), (c, d)) = (first.split_at(stride), second.split_at(stride));
        store(four, products_of_four(probe, [a, b, c, d]));
    }
    for (product, row) in rest.iter_mut().zip(rest_of_rows.chunks_exact(stride)) {
        let mut same = [0; 4];
        store(&mut same, products_of_four(probe, [row; 4]));
        *product = same[0];
    }
}

/// Products of the probe with four rows.
#[inline]
#[target_feature(enable = "avx2")]
fn products_of_four(probe: &[[i8; 32]], [a, b, c, d]: [&[i8]; 4]) -> __m128i {
    let (a, b, c, d) = (a.as_chunks().0, b.as_chunks().0, c.as_chunks().0, d.as_chunks().0);
    let mut sums = [_mm256_setzero_si256(); 4];
    for ((((q, a), b), c), d) in probe.iter().zip(a).zip(b).zip(c).zip(d) {
        let q = load(q);
        let magnitude = _mm256_abs_epi8(q);
        for (sum, x) in sums.iter_mut().zip([a, b, c, d]) {
            *sum = _mm256_add_epi32(*sum, products_in_eights(magnitude, q, load(x)));
        }
    }
    sum_each(sums)
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

/// The sum of each of four registers: one chain of additions serves them all.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn sum_each([a, b, c, d]: [__m256i; 4]) -> __m128i {
    let halves = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256::<1>(halves))
}

/// A bit for each row that is not far. The same operations in the same order as [`is_near`].
///
/// A loop of its own after all products are there: in one loop with them, waiting for the scales and lengths of some
/// rows held up reading the codes of the next, and a scan of a million rows took a fifth longer (measured).
#[target_feature(enable = "avx2")]
pub(super) fn bits_of_near(probe_codes: ProbeCodes<'_>, rows: Rows<'_>, products: &[i32]) -> u128 {
    let (step, limit) = (_mm256_set1_ps(probe_codes.step), _mm256_set1_ps(probe_codes.limit));
    let (products, last_products) = products.as_chunks();
    let ((scales, last_scales), (norms, last_norms)) = (rows.scales.as_chunks(), rows.norms_squared.as_chunks());
    let mut near = 0;
    for (eight, ((products, scales), norms)) in products.iter().zip(scales).zip(norms).enumerate() {
        let scales = _mm256_mul_ps(step, load_numbers(scales));
        let products = _mm256_mul_ps(scales, _mm256_cvtepi32_ps(load_products(products)));
        let is_near = _mm256_cmp_ps::<_CMP_NGT_UQ>(_mm256_sub_ps(load_numbers(norms), products), limit);
        // Eight bits; the cast cuts off nothing.
        near |= u128::from(_mm256_movemask_ps(is_near) as u8) << (8 * eight);
    }
    for (at, ((product, scale), norm)) in last_products.iter().zip(last_scales).zip(last_norms).enumerate() {
        near |= u128::from(is_near(probe_codes, *scale, *norm, *product)) << (8 * products.len() + at);
    }
    near
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(bytes: &[i8; 32]) -> __m256i {
    // SAFETY: the reference vouches for 32 readable bytes, and this load asks for no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_products(products: &[i32; 8]) -> __m256i {
    // SAFETY: the reference vouches for eight readable numbers, and this load asks for no alignment.
    unsafe { _mm256_loadu_si256(products.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_numbers(numbers: &[f32; 8]) -> __m256 {
    // SAFETY: the reference vouches for eight readable numbers, and this load asks for no alignment.
    unsafe { _mm256_loadu_ps(numbers.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store(numbers: &mut [i32; 4], register: __m128i) {
    // SAFETY: the array has the 16 bytes that are written, and this store asks for no alignment.
    unsafe { _mm_storeu_si128(numbers.as_mut_ptr().cast(), register) };
}
