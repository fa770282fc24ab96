//! The tail of the impostor distances: a generalised Pareto law fitted by moments.

use crate::pairs::{Pairs, Weights};
use serde::Serialize;

/// The smallest false match rate of a calibration is ten to the minus this.
pub(super) const LARGEST_DECADE: i32 = 10;

/// The part of the pairs of different people that the Pareto law is fitted to, from the nearest on (`vision.md` 10): on
/// 87 million pairs it foretold the next decade within 1 % of distance.
const TAIL: f64 = 0.001;

/// Few pairs have no thousandth worth fitting: then this many, but at most [`WIDEST_TAIL`] of them.
const TAIL_OF_FEW: u64 = 500;

/// See [`TAIL_OF_FEW`]. Farther in is no tail.
const WIDEST_TAIL: f64 = 0.05;

/// Fewest distances in the tail; fewer give no shape.
const FEWEST_IN_TAIL: u64 = 5;

/// Below this the shape is taken for zero, where the law is the exponential one and the general formula divides by it.
const NO_SHAPE: f64 = 1e-9;

/// From 1 on the law has no mean, so that moments cannot find it, and from -1 down its density grows towards the end of
/// the tail, which no distances do; fits outside are refused.
const LARGEST_SHAPE: f64 = 1.0;

/// A generalised Pareto law for how far the smallest distances of strangers lie below a threshold, which extreme value
/// theory expects of any tail (Pickands 1975).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ParetoFit {
    /// The law holds below this distance.
    pub threshold: f64,
    /// The share of strangers below it.
    pub share: f64,
    /// Negative: the law ends at a distance, and claims that nobody is nearer. That is an artefact of few data.
    pub shape: f64,
    /// In units of distance.
    pub scale: f64,
}

impl ParetoFit {
    /// The distance below which this share of strangers lies; `None` for shares outside the tail.
    pub fn distance(&self, rate: f64) -> Option<f64> {
        if rate > self.share {
            return None;
        }
        let ratio = rate / self.share;
        let below =
            if self.shape.abs() < NO_SHAPE { -ratio.ln() } else { (ratio.powf(-self.shape) - 1.0) / self.shape };
        Some(self.threshold - self.scale * below)
    }

    /// By probability-weighted moments (Hosking and Wallis 1987), which need no iteration and behave well with few
    /// data. `excesses` are how far below the threshold, rising, each with how often it occurs.
    fn of(threshold: f64, share: f64, excesses: &[(f64, u64)]) -> Option<Self> {
        let count: u64 = excesses.iter().map(|(_, copies)| copies).sum();
        if count < FEWEST_IN_TAIL {
            return None;
        }
        let n = count as f64;
        let (mut mean, mut weighted, mut before) = (0.0, 0.0, 0.0);
        for &(excess, copies) in excesses {
            let copies = copies as f64;
            mean += excess * copies;
            // Ranks before+1 to before+copies, each weighted with how many lie above it.
            weighted += excess * (copies * (n - before) - copies * (copies + 1.0) / 2.0) / (n - 1.0);
            before += copies;
        }
        let (mean, weighted) = (mean / n, weighted / n);
        let spread = mean - 2.0 * weighted;
        let (shape, scale) = (2.0 - mean / spread, 2.0 * mean * weighted / spread);
        // Not also when something is not a number, as with equal distances.
        let is_valid = shape.abs() < LARGEST_SHAPE && scale > 0.0;
        is_valid.then_some(Self { threshold, share, shape, scale })
    }
}

/// Fits the law to the nearest pairs of different people, people counted as often as they were drawn;
/// `None` when the tail has too few different distances.
pub(super) fn tail(pairs: &Pairs, weights: &Weights) -> Option<ParetoFit> {
    let members = pairs.impostor_total as f64;
    let drawn = pairs.drawn_pairs(weights);
    let wanted = ((members * TAIL) as u64).max(TAIL_OF_FEW.min((members * WIDEST_TAIL).ceil() as u64));
    let impostor = &pairs.impostor;
    let (mut seen, mut end) = (0, 0);
    while end < impostor.len() && seen < wanted {
        seen += weights.impostor(&impostor[end]);
        end += 1;
    }
    // The first distance that is not in the tail is where the law begins.
    let first_outside = impostor[end..].iter().find(|pair| weights.impostor(pair) > 0)?;
    let threshold = first_outside.distance;
    let excesses = impostor[..end].iter().rev().map(|pair| (threshold - pair.distance, weights.impostor(pair)));
    let excesses: Vec<(f64, u64)> = excesses.filter(|(_, copies)| *copies > 0).collect();
    ParetoFit::of(threshold, seen as f64 / drawn, &excesses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::standard_normal_quantile;

    #[test]
    fn quantiles_of_known_laws() {
        // Published quantiles of the standard normal law.
        for (share, quantile) in [
            (0.5, 0.0),
            (0.025, -1.959_963_984_540_054),
            (1e-5, -4.264_890_793_922_825),
            (1e-9, -5.997_807_015_007_687),
        ] {
            assert!((standard_normal_quantile(share) - quantile).abs() < 1e-9, "share {share}");
        }

        let exponential = ParetoFit { threshold: 1.0, share: 0.05, shape: 0.0, scale: 0.1 };
        assert!((exponential.distance(0.05 * (-3.0_f64).exp()).unwrap() - 0.7).abs() < 1e-12);
        let nearly = ParetoFit { shape: 1e-7, ..exponential };
        assert!((exponential.distance(1e-6).unwrap() - nearly.distance(1e-6).unwrap()).abs() < 1e-5);
        assert_eq!(exponential.distance(0.06), None, "outside the tail");
    }

    #[test]
    fn pareto_finds_its_own_parameters_again() {
        for (shape, scale) in [(-0.2, 0.05), (0.0, 0.1), (0.25, 1.0)] {
            let law = ParetoFit { threshold: 0.0, share: 1.0, shape, scale };
            let n = 20_000;
            let excesses: Vec<(f64, u64)> =
                (0..n).rev().map(|i| (-law.distance((f64::from(i) + 0.5) / f64::from(n)).unwrap(), 1)).collect();
            let fit = ParetoFit::of(0.0, 1.0, &excesses).unwrap();
            assert!((fit.shape - shape).abs() < 0.02, "shape {shape} was fitted as {}", fit.shape);
            assert!((fit.scale / scale - 1.0).abs() < 0.02, "scale {scale} was fitted as {}", fit.scale);
        }
    }

    #[test]
    fn copies_count_like_distances_of_their_own() {
        let once = [(0.1, 1), (0.2, 1), (0.2, 1), (0.2, 1), (0.5, 1), (0.5, 1), (0.9, 1)];
        let copied = [(0.1, 1), (0.2, 3), (0.5, 2), (0.9, 1)];
        let (a, b) = (ParetoFit::of(1.0, 0.05, &once).unwrap(), ParetoFit::of(1.0, 0.05, &copied).unwrap());
        assert!((a.shape - b.shape).abs() < 1e-12 && (a.scale - b.scale).abs() < 1e-12);
    }
}
