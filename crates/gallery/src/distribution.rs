//! Summaries of many numbers: mean and quantiles of distances, and percentile intervals.

use serde::Serialize;
use std::fmt;

/// The part of the resamplings on each side of an interval: together they leave 95 %.
const OUTSIDE: f64 = 0.025;

/// Fewest resamplings for an interval; below, two in a hundred cannot be resolved.
const FEWEST_ROUNDS: usize = 40;

/// Without any false match in `n` independent comparisons the rate is below `3 / n` with 95 % confidence
/// (`-ln 0.05 = 2.996`, the rule of three).
pub(crate) const RULE_OF_THREE: f64 = 3.0;

/// Distances at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Distribution {
    /// Comparisons.
    pub pairs: usize,
    /// Mean distance.
    pub mean: f64,
    /// Standard deviation; 0 with one pair.
    pub standard_deviation: f64,
    /// Smallest distance.
    pub smallest: f64,
    /// Largest distance.
    pub largest: f64,
}

impl Distribution {
    /// Of distances that rise and are not empty.
    pub(crate) fn of(distances: &[f64]) -> Self {
        let n = distances.len() as f64;
        let mean = distances.iter().sum::<f64>() / n;
        let squares: f64 = distances.iter().map(|distance| (distance - mean).powi(2)).sum();
        Self {
            pairs: distances.len(),
            mean,
            standard_deviation: (squares / (n - 1.0).max(1.0)).sqrt(),
            smallest: distances.first().copied().unwrap_or(f64::NAN),
            largest: distances.last().copied().unwrap_or(f64::NAN),
        }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pairs, mean, standard_deviation, smallest, largest } = self;
        write!(f, "{pairs} pairs at distance {mean:.3} +- {standard_deviation:.3}, {smallest:.3} to {largest:.3}")
    }
}

/// 95 of 100 resamplings of people lie between.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Between which 95 % of what resamplings gave lie; `None` when there were too few.
pub(crate) fn interval(mut values: Vec<f64>) -> Option<Interval> {
    if values.len() < FEWEST_ROUNDS {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| values[(share * (values.len() - 1) as f64).round() as usize];
    Some(Interval { low: at(OUTSIDE), high: at(1.0 - OUTSIDE) })
}

/// The inverse of the standard normal law, by halving: slow and right to the last digits, far into the tail.
pub(crate) fn standard_normal_quantile(share: f64) -> f64 {
    // Beyond 38 the law leaves what `f64` holds.
    let (mut low, mut high) = (-38.0_f64, 38.0_f64);
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return middle;
        }
        let below = 0.5 * libm::erfc(-middle * std::f64::consts::FRAC_1_SQRT_2);
        if below < share {
            low = middle;
        } else {
            high = middle;
        }
    }
}
