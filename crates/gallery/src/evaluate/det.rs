//! The DET curve: both error rates at every threshold, with a band, and the histogram behind it.

use crate::distribution::{Interval, RULE_OF_THREE, interval, standard_normal_quantile};
use crate::pairs::{Pairs, Weights};
use serde::Serialize;

/// Thresholds along the curve.
const STEPS: usize = 200;

/// Most resamplings for the band, which needs fewer than a figure that is quoted.
const MOST_ROUNDS: usize = 200;

/// False match rates at which the band is given.
const BAND_STEPS: usize = 48;

/// Bars of the histogram.
const BINS: usize = 60;

/// How many standard deviations of a normal law leave this share below: the axes of a DET curve, on which two normal
/// laws give a straight line.
pub fn probit(share: f64) -> f64 {
    standard_normal_quantile(share)
}

/// Pairs by distance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Histogram {
    /// Width of a bar; the first begins at distance 0.
    pub width: f64,
    /// Pairs of one person in each bar.
    pub genuine: Vec<u64>,
    /// Pairs of different people in each bar.
    pub impostor: Vec<u64>,
}

impl Histogram {
    pub(super) fn of(pairs: &Pairs) -> Self {
        let largest = |distance: Option<f64>| distance.unwrap_or(0.0);
        let end = largest(pairs.genuine.last().map(|pair| pair.distance))
            .max(pairs.impostor_spread().largest)
            .max(f64::MIN_POSITIVE);
        let width = end / BINS as f64;
        let count = |distances: &mut dyn Iterator<Item = f64>| {
            let mut histogram = vec![0; BINS];
            for distance in distances {
                histogram[((distance / width) as usize).min(BINS - 1)] += 1;
            }
            histogram
        };
        let mut impostor = vec![0; BINS];
        for (distance, pairs) in pairs.histogram.counted().filter(|(_, pairs)| *pairs > 0) {
            impostor[((distance / width) as usize).min(BINS - 1)] += pairs;
        }
        Self { width, genuine: count(&mut pairs.genuine.iter().map(|pair| pair.distance)), impostor }
    }
}

/// The detection error trade-off: what each false match rate costs in false non-matches.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Det {
    /// Thresholds at which both errors occur, strictest first; empty when no threshold errs both ways.
    pub points: Vec<DetPoint>,
    /// Where the curve of other people would lie, at some false match rates.
    pub band: Vec<DetBand>,
    /// False match rates below cannot be shown: three over the pairs of different people.
    pub smallest_false_match: f64,
    /// False non-match rates below cannot be shown: three over the pairs of one person.
    pub smallest_false_non_match: f64,
    /// The rate at which both errors are equally frequent, between two points of the curve.
    pub equal_error: Option<f64>,
}

/// Both errors at a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DetPoint {
    /// The threshold.
    pub distance: f64,
    /// Share of pairs of different people within it.
    pub false_match: f64,
    /// Share of pairs of one person beyond it.
    pub false_non_match: f64,
}

/// The false non-match rate at a false match rate, 95 % of resamplings of people.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DetBand {
    /// The false match rate.
    pub false_match: f64,
    /// Where the false non-match rate lies.
    pub false_non_match: Interval,
}

impl Det {
    pub(super) fn of(pairs: &Pairs, rounds: usize, random: &mut fastrand::Rng) -> Self {
        let mut det = Self {
            points: Vec::new(),
            band: Vec::new(),
            smallest_false_match: RULE_OF_THREE / pairs.impostor_total as f64,
            smallest_false_non_match: RULE_OF_THREE / pairs.genuine.len() as f64,
            equal_error: None,
        };
        // Below the nearest strangers there is no false match, beyond the farthest pair of one person no false non-match.
        let ends = (pairs.impostor.first().map(|pair| pair.distance), pairs.genuine.last().map(|pair| pair.distance));
        let (Some(low), Some(high)) = ends else { return det };
        // Of pairs farther apart nobody knows whose they are; false match rates there are of no use anyway.
        let high = high.min(pairs.reach.next_down());
        if low >= high {
            return det;
        }
        let zone = Zone::between(pairs, low, high);
        let all = zone.rates(pairs, &Weights::equal(pairs.people)).unwrap_or_default();
        let both = |point: &DetPoint| point.false_match > 0.0 && point.false_non_match > 0.0;
        det.equal_error = all
            .array_windows()
            .find(|[a, b]| a.false_match <= a.false_non_match && b.false_match > b.false_non_match)
            .map(|[a, b]| {
                let (before, after) = (a.false_non_match - a.false_match, b.false_match - b.false_non_match);
                a.false_match + (b.false_match - a.false_match) * before / (before + after)
            });
        det.points = all.into_iter().filter(both).collect();
        let (Some(first), Some(last)) = (det.points.first(), det.points.last()) else { return det };

        let drawn: Vec<Vec<DetPoint>> = (0..rounds.min(MOST_ROUNDS))
            .filter_map(|_| zone.rates(pairs, &Weights::resampled(pairs.people, random)))
            .collect();
        let (from, to) = (probit(first.false_match), probit(last.false_match));
        // Levels evenly spaced on the axis, between points of the curve.
        let mut levels: Vec<f64> = det.points.iter().map(|point| point.false_match).collect();
        let every = (to - from) / BAND_STEPS as f64;
        let mut next = from;
        levels.retain(|level| {
            let is_taken = probit(*level) >= next;
            if is_taken {
                next = probit(*level) + every;
            }
            is_taken
        });
        let band = levels.into_iter().filter_map(|level| {
            let costs = drawn.iter().map(|points| cost(points, level)).collect();
            Some(DetBand { false_match: level, false_non_match: interval(costs)? })
        });
        det.band = band.collect();
        det
    }
}

/// The false non-match rate of a curve at a false match rate: at the loosest threshold that keeps it.
fn cost(points: &[DetPoint], level: f64) -> f64 {
    let within = points.partition_point(|point| point.false_match <= level);
    points.get(within.saturating_sub(1)).map_or(1.0, |point| point.false_non_match)
}

/// The thresholds between the nearest strangers and the farthest pair of one person.
struct Zone {
    thresholds: Vec<f64>,
    /// How many pairs lie within each threshold, nearest first.
    impostor: Vec<usize>,
    genuine: Vec<usize>,
}

impl Zone {
    fn between(pairs: &Pairs, low: f64, high: f64) -> Self {
        let step = |place: usize| low + (high - low) * place as f64 / (STEPS - 1) as f64;
        let thresholds: Vec<f64> = (0..STEPS).map(step).collect();
        let impostor = thresholds.iter().map(|cut| pairs.false_matches_kept(*cut).len()).collect();
        let genuine = thresholds.iter().map(|cut| pairs.true_matches(*cut)).collect();
        Self { thresholds, impostor, genuine }
    }

    /// Both errors at each threshold, people counted as often as they were drawn; `None` when they have no pairs.
    fn rates(&self, pairs: &Pairs, weights: &Weights) -> Option<Vec<DetPoint>> {
        let strangers = pairs.drawn_pairs(weights);
        let all: u64 = pairs.genuine.iter().map(|pair| weights.genuine(pair)).sum();
        if all == 0 || strangers <= 0.0 {
            return None;
        }
        let (mut falsely, mut truly) = (0, 0);
        let (mut impostor, mut genuine) = (0, 0);
        let points = self.thresholds.iter().zip(self.impostor.iter().zip(&self.genuine));
        let points = points.map(|(distance, (&until, &truly_until))| {
            falsely += pairs.impostor[impostor..until].iter().map(|pair| weights.impostor(pair)).sum::<u64>();
            truly += pairs.genuine[genuine..truly_until].iter().map(|pair| weights.genuine(pair)).sum::<u64>();
            (impostor, genuine) = (until, truly_until);
            DetPoint {
                distance: *distance,
                false_match: (falsely as f64 / strangers).min(1.0),
                false_non_match: 1.0 - truly as f64 / all as f64,
            }
        });
        Some(points.collect())
    }
}
