//! The kernel for x86-64 processors with AVX-512 and its neural network instructions: 64 products of codes at once.
#![expect(unsafe_code, reason = "calls of functions that need AVX-512 are unsafe by rule; each names why it is sound")]

use super::avx2::{near_of_four, store, sum_each};
use super::portable::is_near;
use super::{Rows, Sought};
use std::arch::x86_64::{
    __m128i, __m256i, __m512i, _mm_set1_epi32, _mm_sub_epi32, _mm256_add_epi32, _mm512_castsi512_si256,
    _mm512_dpbusd_epi32, _mm512_extracti64x4_epi64, _mm512_loadu_si512, _mm512_set1_epi8, _mm512_setzero_si512,
    _mm512_xor_si512,
};

/// Added to every code of a row to make it positive, as the instruction wants one factor unsigned.
const SHIFT: i32 = 128;

/// Whether this processor has what the kernel needs. Asked once by the standard library, then remembered.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni") && super::avx2::is_available()
}

/// As [`super::near`], whose conditions hold here.
pub(super) fn near(sought: Sought<'_>, rows: Rows<'_>, products: &mut [i32]) -> u128 {
    assert!(is_available(), "the caller has asked");
    // SAFETY: the features that the function enables were just found on this processor.
    unsafe { with_vnni(sought, rows, products) }
}

#[target_feature(enable = "avx2,avx512f,avx512vnni")]
fn with_vnni(sought: Sought<'_>, rows: Rows<'_>, products: &mut [i32]) -> u128 {
    let stride = sought.codes.len();
    // What the shift adds to every product.
    let shifted = _mm_set1_epi32(sought.codes.iter().map(|q| SHIFT * i32::from(*q)).sum());
    let probe = sought.codes.as_chunks::<64>().0;
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
        let sums = _mm_sub_epi32(sums, shifted);
        store(products, sums);
        near |= u128::from(near_of_four(sought, sums, scales, norms)) << (4 * four);
    }
    for (at, (row, product)) in codes.chunks_exact(stride).zip(last).enumerate() {
        let mut same = [0; 4];
        store(&mut same, _mm_sub_epi32(products_of_four(probe, [row.as_chunks().0; 4]), shifted));
        *product = same[0];
        near |= u128::from(is_near(sought, last_scales[at], last_norms[at], same[0])) << (4 * fours.len() + at);
    }
    near
}

/// Products of the probe with four shifted rows.
///
/// `(x + 128) q`, four at a time, is added up in 32 bits at once, so nothing saturates.
#[inline]
#[target_feature(enable = "avx2,avx512f,avx512vnni")]
fn products_of_four(probe: &[[i8; 64]], [a, b, c, d]: [&[[i8; 64]]; 4]) -> __m128i {
    // Flipping the highest bit adds 128 to a signed byte and makes it an unsigned one.
    let highest_bits = _mm512_set1_epi8(i8::MIN);
    let mut sums = [_mm512_setzero_si512(); 4];
    for ((((q, a), b), c), d) in probe.iter().zip(a).zip(b).zip(c).zip(d) {
        let q = load(q);
        for (sum, row) in sums.iter_mut().zip([a, b, c, d]) {
            *sum = _mm512_dpbusd_epi32(*sum, _mm512_xor_si512(load(row), highest_bits), q);
        }
    }
    let [a, b, c, d] = sums;
    sum_each([halved(a), halved(b), halved(c), halved(d)])
}

/// The upper half added to the lower.
#[inline]
#[target_feature(enable = "avx2,avx512f")]
fn halved(sums: __m512i) -> __m256i {
    _mm256_add_epi32(_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64::<1>(sums))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(bytes: &[i8; 64]) -> __m512i {
    // SAFETY: the reference vouches for 64 readable bytes, and this load asks for no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}
