//! The kernel for x86-64 processors with AVX-512 and its neural network instructions: 64 products of codes at once.
#![expect(unsafe_code, reason = "calls of functions that need AVX-512 are unsafe by rule; each names why it is sound")]

use super::avx2::{bits_of_near, store, sum_each};
use super::{ProbeCodes, Rows};
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
pub(super) fn near(probe_codes: ProbeCodes<'_>, rows: Rows<'_>, products: &mut [i32]) -> u128 {
    assert!(is_available(), "the caller has asked");
    // SAFETY: the features that the two functions enable were just found on this processor.
    unsafe {
        multiply(probe_codes.codes, rows.codes, products);
        bits_of_near(probe_codes, rows, products)
    }
}

#[target_feature(enable = "avx2,avx512f,avx512vnni")]
fn multiply(probe: &[i8], rows: &[i8], products: &mut [i32]) {
    let stride = probe.len();
    // What the shift adds to every product.
    let shifted = _mm_set1_epi32(probe.iter().map(|q| SHIFT * i32::from(*q)).sum());
    let probe = probe.as_chunks().0;
    let (fours, rest) = products.as_chunks_mut::<4>();
    let (rows_in_fours, rest_of_rows) = rows.split_at(4 * fours.len() * stride);
    for (four, rows) in fours.iter_mut().zip(rows_in_fours.chunks_exact(4 * stride)) {
        let (first, second) = rows.split_at(2 * stride);
        let ((a, b), (c, d)) = (first.split_at(stride), second.split_at(stride));
        store(four, _mm_sub_epi32(products_of_four(probe, [a, b, c, d]), shifted));
    }
    for (product, row) in rest.iter_mut().zip(rest_of_rows.chunks_exact(stride)) {
        let mut same = [0; 4];
        store(&mut same, _mm_sub_epi32(products_of_four(probe, [row; 4]), shifted));
        *product = same[0];
    }
}

/// Products of the probe with four shifted rows.
///
/// `(x + 128) q`, four at a time, is added up in 32 bits at once, so nothing saturates.
#[inline]
#[target_feature(enable = "avx2,avx512f,avx512vnni")]
fn products_of_four(probe: &[[i8; 64]], [a, b, c, d]: [&[i8]; 4]) -> __m128i {
    // Flipping the highest bit adds 128 to a signed byte and makes it an unsigned one.
    let highest_bits = _mm512_set1_epi8(i8::MIN);
    let (a, b, c, d) = (a.as_chunks().0, b.as_chunks().0, c.as_chunks().0, d.as_chunks().0);
    let mut sums = [_mm512_setzero_si512(); 4];
    for ((((q, a), b), c), d) in probe.iter().zip(a).zip(b).zip(c).zip(d) {
        let q = load(q);
        for (sum, x) in sums.iter_mut().zip([a, b, c, d]) {
            *sum = _mm512_dpbusd_epi32(*sum, _mm512_xor_si512(load(x), highest_bits), q);
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
