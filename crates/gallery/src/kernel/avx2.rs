//! The kernel for x86-64 processors with AVX2: 32 products of codes at once, four rows at a time.
#![expect(unsafe_code, reason = "calls of functions that need AVX2 are unsafe by rule; each names why it is sound")]

use super::portable::is_near;
use super::{Rows, Sought};
use std::arch::x86_64::{
    __m128, __m128i, __m256i, _mm_add_epi32, _mm_cmpngt_ps, _mm_cvtepi32_ps, _mm_loadu_ps, _mm_movemask_ps, _mm_mul_ps,
    _mm_set1_ps, _mm_storeu_si128, _mm_sub_ps, _mm256_abs_epi8, _mm256_add_epi32, _mm256_castsi256_si128,
    _mm256_extracti128_si256, _mm256_hadd_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16,
    _mm256_set1_epi16, _mm256_setzero_si256, _mm256_sign_epi8,
};

/// Whether this processor has AVX2. Asked once by the standard library, then remembered.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
}

/// As [`super::near`], whose conditions hold here.
pub(super) fn near(sought: Sought<'_>, rows: Rows<'_>, products: &mut [i32]) -> u128 {
    assert!(is_available(), "the caller has asked");
    // SAFETY: AVX2, the one feature the function enables, was just found on this processor.
    unsafe { with_avx2(sought, rows, products) }
}

#[target_feature(enable = "avx2")]
fn with_avx2(sought: Sought<'_>, rows: Rows<'_>, products: &mut [i32]) -> u128 {
    let stride = sought.codes.len();
    let probe = sought.codes.as_chunks::<32>().0;
    let ((scales, last_scales), (norms, last_norms)) = (rows.scales.as_chunks(), rows.norms_squared.as_chunks());
    let (fours, last) = products.as_chunks_mut::<4>();
    let mut codes = rows.codes;
    let mut near = 0;
    for (four, ((products, scales), norms)) in fours.iter_mut().zip(scales).zip(norms).enumerate() {
        let (now, later) = codes.split_at(4 * stride);
        codes = later;
        let (first, second) = now.split_at(2 * stride);
        let ((a, b), (c, d)) = (first.split_at(stride), second.split_at(stride));
        let sums = products_of_four(probe, [a.as_chunks().0, b.as_chunks().0, c.as_chunks().0, d.as_chunks().0]);
        store(products, sums);
        near |= u128::from(near_of_four(sought, sums, scales, norms)) << (4 * four);
    }
    for (at, (row, product)) in codes.chunks_exact(stride).zip(last).enumerate() {
        let mut same = [0; 4];
        store(&mut same, products_of_four(probe, [row.as_chunks().0; 4]));
        *product = same[0];
        near |= u128::from(is_near(sought, last_scales[at], last_norms[at], same[0])) << (4 * fours.len() + at);
    }
    near
}

/// Products of the probe with four rows.
#[inline]
#[target_feature(enable = "avx2")]
fn products_of_four(probe: &[[i8; 32]], [a, b, c, d]: [&[[i8; 32]]; 4]) -> __m128i {
    let mut sums = [_mm256_setzero_si256(); 4];
    for ((((q, a), b), c), d) in probe.iter().zip(a).zip(b).zip(c).zip(d) {
        let q = load(q);
        let magnitude = _mm256_abs_epi8(q);
        for (sum, row) in sums.iter_mut().zip([a, b, c, d]) {
            *sum = _mm256_add_epi32(*sum, products_in_eights(magnitude, q, load(row)));
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

/// A bit for each of four rows that is not far. The same operations in the same order as [`is_near`].
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn near_of_four(sought: Sought<'_>, products: __m128i, scales: &[f32; 4], norms_squared: &[f32; 4]) -> u8 {
    let scales = _mm_mul_ps(_mm_set1_ps(sought.step), load_four(scales));
    let lowered = _mm_sub_ps(load_four(norms_squared), _mm_mul_ps(scales, _mm_cvtepi32_ps(products)));
    // Four bits; the cast cuts off nothing.
    _mm_movemask_ps(_mm_cmpngt_ps(lowered, _mm_set1_ps(sought.limit))) as u8
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(bytes: &[i8; 32]) -> __m256i {
    // SAFETY: the reference vouches for 32 readable bytes, and this load asks for no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_four(numbers: &[f32; 4]) -> __m128 {
    // SAFETY: the reference vouches for four readable numbers, and this load asks for no alignment.
    unsafe { _mm_loadu_ps(numbers.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store(numbers: &mut [i32; 4], register: __m128i) {
    // SAFETY: the array has the 16 bytes that are written, and this store asks for no alignment.
    unsafe { _mm_storeu_si128(numbers.as_mut_ptr().cast(), register) };
}
