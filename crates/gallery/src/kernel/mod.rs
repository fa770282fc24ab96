//! Which rows are near enough to be compared exactly? One probe against many rows of codes, the fastest way this processor has.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod codes;
mod portable;
#[cfg(target_arch = "x86_64")]
mod vnni;

pub(crate) use codes::Codes;

/// Most rows of one call: the bits of its answer.
pub(crate) const MOST_ROWS: usize = u128::BITS as usize;

/// Codes of a row come in a multiple of this, which is what a kernel loads at once.
pub(crate) const LOADED_AT_ONCE: usize = 64;

/// The codes of a probe, and how near a row must be.
#[derive(Clone, Copy)]
pub(crate) struct ProbeCodes<'a> {
    /// Codes in -127..=127; a multiple of [`LOADED_AT_ONCE`].
    pub(crate) codes: &'a [i8],
    /// Twice the probe's scale.
    pub(crate) step: f32,
    /// Rows above are far.
    pub(crate) limit: f32,
}

/// Some rows, column by column.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// As many codes for each row as the probe has.
    pub(crate) codes: &'a [i8],
    pub(crate) scales: &'a [f32],
    pub(crate) norms_squared: &'a [f32],
}

/// Writes the integer product of the probe's codes with each row's, and returns a bit for each row that is not far:
/// the first row's is the lowest.
///
/// A row is far when `norm_squared - (step * scale) * product > limit`, computed in `f32` in this order by every kernel.
/// What is not a number is not far.
pub(crate) fn near(probe_codes: ProbeCodes<'_>, rows: Rows<'_>, products: &mut [i32]) -> u128 {
    let count = products.len();
    assert!(count <= MOST_ROWS, "there is a bit for each row");
    assert!(probe_codes.codes.len().is_multiple_of(LOADED_AT_ONCE), "rows are padded to what a kernel loads at once");
    assert_eq!(rows.codes.len(), probe_codes.codes.len() * count, "the columns are of one length");
    assert_eq!((rows.scales.len(), rows.norms_squared.len()), (count, count), "the columns are of one length");
    #[cfg(target_arch = "x86_64")]
    {
        if vnni::is_available() {
            return vnni::near(probe_codes, rows, products);
        }
        if avx2::is_available() {
            return avx2::near(probe_codes, rows, products);
        }
    }
    portable::near(probe_codes, rows, products)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Kernel = fn(ProbeCodes<'_>, Rows<'_>, &mut [i32]) -> u128;

    /// The kernels that this processor can run, besides the portable one.
    fn kernels() -> Vec<(&'static str, Kernel)> {
        let mut kernels: Vec<(&'static str, Kernel)> = vec![("the chosen one", near)];
        #[cfg(target_arch = "x86_64")]
        {
            if avx2::is_available() {
                kernels.push(("AVX2", avx2::near));
            }
            if vnni::is_available() {
                kernels.push(("AVX-512 VNNI", vnni::near));
            }
        }
        kernels
    }

    proptest! {
        #[test]
        fn every_kernel_equals_the_portable_one(
            lines in 1_usize..10,
            count in 0_usize..=MOST_ROWS,
            is_at_the_ends: bool,
            seed: u64,
        ) {
            let stride = lines * LOADED_AT_ONCE;
            let mut random = fastrand::Rng::with_seed(seed);
            let mut codes = |count: usize| -> Vec<i8> {
                let mut code = || if is_at_the_ends { [-127, 127][random.usize(..2)] } else { random.i8(-127..=127) };
                (0..count).map(|_| code()).collect()
            };
            let (probe, codes) = (codes(stride), codes(stride * count));
            let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -1.0];
            let mut numbers = |count: usize| -> Vec<f32> {
                (0..count).map(|_| if random.u8(..) < 20 { odd[random.usize(..5)] } else { random.f32() }).collect()
            };
            let (scales, norms_squared) = (numbers(count), numbers(count));
            let (step, limit) = (numbers(1)[0] / 1e4, numbers(1)[0]);
            let probe_codes = ProbeCodes { codes: &probe, step, limit };
            let rows = Rows { codes: &codes, scales: &scales, norms_squared: &norms_squared };
            let mut expected = vec![0; count];
            let is_near = portable::near(probe_codes, rows, &mut expected);
            prop_assert!(count == MOST_ROWS || is_near >> count == 0, "no bit for a row that is none");
            for (name, kernel) in kernels() {
                let mut products = vec![1; count];
                prop_assert_eq!(kernel(probe_codes, rows, &mut products), is_near, "{}", name);
                prop_assert_eq!(&products, &expected, "{}", name);
            }
        }
    }
}
