//! A template as 8-bit codes around the centre of its space, and how far the codes are from the truth.
//!
//! With `x` the template minus the centre: `scale = max|x| / 127`, `code = round(x / scale)` in -127..=127. The
//! product of two coded templates is then an integer product times two scales, and its error follows from the two
//! error norms; see [`Quantised::bound`].

use crate::kernel::LOADED_AT_ONCE;

/// Largest code. -128 must not occur: the AVX2 kernel multiplies magnitudes and would overflow 16 bits.
const LARGEST_CODE: f64 = 127.0;

/// Bytes of one row of codes: the dimension rounded up to what a kernel loads at once. The rest is zero, which adds
/// nothing to a product.
pub(crate) const fn stride(dimension: usize) -> usize {
    dimension.next_multiple_of(LOADED_AT_ONCE)
}

/// What is known of a coded template besides its codes.
#[derive(Clone, Copy)]
pub(crate) struct Quantised {
    /// One code stands for this much.
    pub(crate) scale: f32,
    /// Length of the centred template, and its square.
    pub(crate) norm: f64,
    pub(crate) norm_squared: f64,
    /// Length of the difference between the centred template and its codes times the scale, rounded up.
    pub(crate) error: f64,
}

/// Codes a template. `codes` has the length of [`stride`] and holds zeros.
pub(crate) fn quantise(template: &[f32], center: &[f32], codes: &mut [i8]) -> Quantised {
    let centred = || template.iter().zip(center).map(|(x, m)| f64::from(*x) - f64::from(*m));
    let (mut largest, mut norm_squared) = (0.0_f64, 0.0_f64);
    for x in centred() {
        largest = largest.max(x.abs());
        norm_squared += x * x;
    }
    let scale = (largest / LARGEST_CODE) as f32;
    let step = f64::from(scale);
    let per_step = if scale > 0.0 { 1.0 / step } else { 0.0 };
    let mut error_squared = 0.0_f64;
    for (code, x) in codes.iter_mut().zip(centred()) {
        // Shifted to be positive before the cast, which cuts off: this rounds without a call into the C library.
        let rounded = f64::from((x * per_step + (LARGEST_CODE + 1.5)) as i32) - (LARGEST_CODE + 1.0);
        let rounded = rounded.clamp(-LARGEST_CODE, LARGEST_CODE);
        *code = rounded as i8;
        let residue = x - step * rounded;
        error_squared += residue * residue;
    }
    // Rounded up: the sums above are off by far less than these parts of a million million.
    let error = error_squared.sqrt() * (1.0 + 1e-12) + norm_squared.sqrt() * 1e-12;
    Quantised { scale, norm: norm_squared.sqrt(), norm_squared, error }
}

/// Share of the squared lengths that covers all rounding: `f32` arithmetic of the scan (at most eight roundings of
/// half a unit in 2^23 each on terms below the squared sum of both lengths), the rounding of stored `f32` norms, and
/// the rounding of distances to `f32`. 2^-20 is at least twice their sum.
const ROUNDING: f64 = 1.0 / (1 << 20) as f64;

/// Covers numbers so small that `f32` loses them altogether (its smallest normal number is 1.2e-38).
const UNDERFLOW: f64 = 1e-30;

impl Quantised {
    /// How wrong the squared distance from codes can be, between this template and any whose centred length and error
    /// norm are at most these.
    ///
    /// For centred templates `q`, `x` and what their codes stand for, `q^` and `x^`:
    /// `q.x - q^.x^ = x^.(q - q^) + (x - x^).q`, so the product is off by at most `|x^| e_q + e_x |q|` (Cauchy-Schwarz),
    /// and `|x^|` is at most `|x| + e_x`. The squared distance `|q|^2 + |x|^2 - 2 q.x` carries twice that, and the
    /// rounding.
    pub(crate) fn bound(&self, norm: f64, error: f64) -> f64 {
        let coded = norm + error;
        let reach = coded + self.norm + self.error;
        2.0 * (self.norm * error + coded * self.error) + ROUNDING * reach * reach + UNDERFLOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::squared_distance;
    use proptest::prelude::*;

    /// Templates of lengths from nothing to the end of `f32`, around a centre.
    fn templates(dimension: usize) -> impl Strategy<Value = [Vec<f32>; 3]> {
        let numbers = || prop::collection::vec(-1.0_f32..1.0, dimension);
        let scale = || prop::sample::select(&[0.0, 1e-44, 1e-30, 1e-3, 0.1, 1.0, 40.0, 1e9, 1e18][..]);
        let scaled = |(numbers, scale): (Vec<f32>, f32)| numbers.into_iter().map(|x| x * scale).collect();
        let one = move || (numbers(), scale()).prop_map(scaled);
        [one(), one(), one()]
    }

    proptest! {
        #[test]
        fn the_squared_distance_from_codes_is_never_off_by_more_than_the_bound(
            templates in (1_usize..200).prop_flat_map(templates),
        ) {
            let [center, q, x] = templates;
            let width = stride(center.len());
            let (mut q_codes, mut x_codes) = (vec![0; width], vec![0; width]);
            let probe = quantise(&q, &center, &mut q_codes);
            let row = quantise(&x, &center, &mut x_codes);
            let product: i32 = q_codes.iter().zip(&x_codes).map(|(q, x)| i32::from(*q) * i32::from(*x)).sum();
            // The arithmetic of the scan, in `f32`.
            let lowered = row.norm_squared as f32 - 2.0 * probe.scale * row.scale * product as f32;
            let approximate = probe.norm_squared + f64::from(lowered);
            let bound = probe.bound(row.norm, row.error);
            let truth = squared_distance(&q, &x);
            prop_assert!((approximate - truth).abs() <= bound, "{approximate} and {truth} differ by more than {bound}");
            prop_assert!(row.error <= row.norm + UNDERFLOW, "codes are never worse than none");
        }
    }

    #[test]
    fn codes_and_error_of_known_templates() {
        #[derive(Debug)]
        struct Case {
            name: &'static str,
            template: Vec<f32>,
            codes: Vec<i8>,
            scale: f32,
        }
        let cases = [
            Case { name: "zero", template: vec![0.0; 3], codes: vec![0; 3], scale: 0.0 },
            Case { name: "exact", template: vec![127.0, -127.0, 1.0], codes: vec![127, -127, 1], scale: 1.0 },
            Case { name: "halves", template: vec![127.0, 0.4, -0.6], codes: vec![127, 0, -1], scale: 1.0 },
            Case {
                name: "huge",
                template: vec![f32::MAX, f32::MIN, 0.0],
                codes: vec![127, -127, 0],
                scale: f32::MAX / 127.0,
            },
        ];
        for case in cases {
            let mut codes = vec![0; 3];
            let quantised = quantise(&case.template, &[0.0; 3], &mut codes);
            assert_eq!((&codes, quantised.scale), (&case.codes, case.scale), "{case:?}");
            let residue: f64 = case
                .template
                .iter()
                .zip(&codes)
                .map(|(x, c)| (f64::from(*x) - f64::from(quantised.scale) * f64::from(*c)).powi(2))
                .sum();
            assert!(quantised.error >= residue.sqrt(), "{}", case.name);
        }
    }
}
