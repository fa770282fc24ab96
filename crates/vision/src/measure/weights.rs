//! Small linear models over [`signals`](super::signals): how they are applied, and their numbers.
//!
//! Fitted by ridge logistic regression, classes weighed alike, on the 22 faces of the six group photos of the face-api
//! package and some 970 drawings on them (masks, glasses, hats, hands; every second one shrunk to a third to two thirds),
//! heads turned less than 45 degrees. The strength of the ridge was chosen by leaving one photo out at a time. No number
//! comes from another photo; `docs/accuracy.md` has the figures on others.

/// Where the numbers of a region lie on the fitted photos, so that weights can be compared.
pub(super) struct Scale<const N: usize> {
    mean: [f32; N],
    spread: [f32; N],
}

/// Beyond so many spreads a number says no more: no single signal decides.
const BOUND: f32 = 3.0;

impl<const N: usize> Scale<N> {
    pub(super) fn apply(&self, signals: &[f32; N]) -> [f32; N] {
        let mut scaled = [0.0; N];
        for (at, value) in scaled.iter_mut().enumerate() {
            let raw = (signals[at] - self.mean[at]) / self.spread[at];
            // What is not a number says nothing.
            *value = if raw.is_nan() { 0.0 } else { raw.clamp(-BOUND, BOUND) };
        }
        scaled
    }
}

/// A weighted sum.
pub(super) struct Line<const N: usize> {
    weights: [f32; N],
    offset: f32,
}

impl<const N: usize> Line<N> {
    fn score(&self, scaled: &[f32; N]) -> f32 {
        self.weights.iter().zip(scaled).map(|(weight, value)| weight * value).sum::<f32>() + self.offset
    }

    /// How likely the statement is, 0 to 1.
    pub(super) fn share(&self, scaled: &[f32; N]) -> f32 {
        1.0 / (1.0 + (-self.score(scaled)).exp())
    }
}

/// How likely each of several is, together 1.
pub(super) fn shares<const N: usize, const K: usize>(lines: &[Line<N>; K], scaled: &[f32; N]) -> [f32; K] {
    let mut shares = [0.0; K];
    shares.iter_mut().zip(lines).for_each(|(share, line)| *share = line.score(scaled));
    let most = shares.into_iter().fold(f32::NEG_INFINITY, f32::max);
    shares.iter_mut().for_each(|share| *share = (*share - most).exp());
    let sum: f32 = shares.iter().sum();
    shares.map(|share| share / sum)
}

pub(super) const EYES_SCALE: Scale<12> = Scale {
    mean: [-0.390, 0.203, 0.801, -0.092, -0.262, 0.322, 0.106, 0.127, 0.160, 0.100, 0.293, 0.089],
    spread: [0.406, 0.209, 0.370, 0.335, 0.339, 0.112, 0.169, 0.163, 0.178, 0.150, 0.367, 0.160],
};

pub(super) const LOWER_SCALE: Scale<18> = Scale {
    mean: [
        0.193, 0.198, 0.288, 0.278, 0.233, 0.185, 0.234, -0.201, 0.094, 0.292, 0.159, 0.521, 0.428, -0.230, 0.083,
        0.165, 0.329, 0.319,
    ],
    spread: [
        0.212, 0.252, 0.296, 0.347, 0.259, 0.262, 0.195, 0.248, 0.096, 0.338, 0.203, 0.368, 0.348, 0.442, 0.443, 0.227,
        0.349, 0.254,
    ],
};

pub(super) const FOREHEAD_SCALE: Scale<12> = Scale {
    mean: [0.124, 0.004, 0.086, 0.134, -0.010, 0.131, -0.041, 0.117, 0.191, 0.189, -0.248, 0.709],
    spread: [0.165, 0.211, 0.086, 0.178, 0.270, 0.183, 0.307, 0.133, 0.316, 0.247, 0.397, 0.458],
};

/// Bare eyes, a frame with clear lenses, dark lenses, hidden by something else.
pub(super) const EYES: [Line<12>; 4] = [
    Line { weights: [0.76, 0.10, 0.92, -0.33, -0.09, 0.81, -1.50, -1.90, 0.16, -0.70, 0.10, -0.92], offset: 1.30 },
    Line { weights: [0.60, -0.84, 0.80, 0.32, 0.33, -0.01, 1.53, 1.07, -0.31, -0.36, -0.73, 1.13], offset: 0.49 },
    Line { weights: [-2.31, 0.65, 0.36, -0.66, 0.51, 0.08, 0.47, 0.94, 0.30, 0.67, -0.47, 0.17], offset: -0.66 },
    Line { weights: [0.96, 0.09, -2.07, 0.66, -0.74, -0.88, -0.49, -0.12, -0.16, 0.40, 1.11, -0.38], offset: -1.13 },
];

/// Whether something is over the mouth.
pub(super) const MOUTH: Line<18> = Line {
    weights: [
        0.29, -0.21, 1.03, 0.43, -0.01, -1.80, -0.76, 0.18, 0.68, 0.32, 0.10, -1.03, -0.27, -0.06, -0.71, -0.48, -0.54,
        0.10,
    ],
    offset: -1.28,
};

/// Whether what is over the mouth is a mask.
pub(super) const CLOTH: Line<18> = Line {
    weights: [
        -0.25, 0.63, 0.94, 0.46, -0.16, 0.09, -0.61, 0.40, 2.11, -1.15, -0.31, -0.05, 0.96, 0.71, -0.26, 0.88, 0.06,
        -0.10,
    ],
    offset: -0.19,
};

/// Whether nose and mouth are both behind a mask.
pub(super) const NOSE: Line<18> = Line {
    weights: [
        0.17, 0.26, -1.14, 0.05, 2.08, -2.01, -1.86, 0.55, 0.58, 0.06, 0.64, 0.08, -1.14, 0.11, -0.70, 0.14, -0.30,
        0.54,
    ],
    offset: -3.43,
};

/// Whether something is over the forehead.
pub(super) const FOREHEAD: Line<12> =
    Line { weights: [-0.83, 0.08, 0.03, -0.43, 0.27, 1.22, -2.35, -0.92, 2.18, 0.93, 0.10, -1.09], offset: -0.75 };

/// Whether a hat is worn.
pub(super) const HEADWEAR: Line<12> =
    Line { weights: [-0.30, -0.24, 0.66, -0.50, 1.48, -1.14, -0.78, -0.67, 1.75, 2.40, -0.34, -2.18], offset: -2.72 };

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shares_are_shares_whatever_comes_in(signals in proptest::array::uniform12(proptest::num::f32::ANY)) {
            let scaled = EYES_SCALE.apply(&signals);
            let eyes = shares(&EYES, &scaled);
            prop_assert!(eyes.iter().all(|share| (0.0..=1.0).contains(share)));
            prop_assert!((eyes.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            let forehead = FOREHEAD.share(&FOREHEAD_SCALE.apply(&signals));
            prop_assert!((0.0..=1.0).contains(&forehead));
        }
    }
}
