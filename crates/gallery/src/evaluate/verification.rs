//! Verification measured: error rates at the thresholds in use, and what a false match rate costs.

use super::Setup;
use super::rate::{Rate, Tally};
use crate::SAME_PERSON;
use crate::distribution::{Interval, RULE_OF_THREE, interval};
use crate::pairs::{Pairs, Weights};
use serde::Serialize;

/// The false match rates in the table of what they cost, strictest first.
const TARGETS: [f64; 8] = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1];

/// The false match rate at which the calibration's claim is compared with what is counted.
const CLAIMED_RATE: f64 = 1e-5;

/// A threshold that the server uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Threshold {
    /// Confidence 0.5 of verify, the border of "same person".
    Verify,
    /// The distance for which the calibration claims one false match in 10^5 pairs of strangers.
    OneInHundredThousand,
}

/// Both errors at a threshold in use.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AtThreshold {
    /// Which.
    pub threshold: Threshold,
    /// Photos at most this far apart count as one person.
    pub distance: f64,
    /// The false match rate that the calibration claims here.
    pub claimed_rate: Option<f64>,
    /// False matches among pairs of different people.
    pub false_match: Rate,
    /// False non-matches among pairs of one person.
    pub false_non_match: Rate,
}

/// What a false match rate costs in false non-matches.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AtTarget {
    /// The false match rate.
    pub false_match_rate: f64,
    /// Pairs of different people needed to show it, if they were independent: three over the rate.
    pub pairs_needed: u64,
    /// Missing when there are fewer pairs.
    pub shown: Option<RateAtTarget>,
}

/// A share of what belongs to people, each person counted once however many photos there are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PerPerson {
    /// The mean over people.
    pub value: f64,
    /// 95 %, people drawn anew.
    pub interval: Option<Interval>,
}

/// The part of [`AtTarget`] that takes enough pairs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RateAtTarget {
    /// The largest distance at which these photos stay within the rate.
    pub distance: f64,
    /// Verify's confidence there.
    pub confidence: f64,
    /// False matches at that distance.
    pub false_matches: u64,
    /// Share of pairs of one person within it, each person counted once.
    pub true_match_per_person: PerPerson,
    /// False non-matches there, each pair counted once; what is left of 1 is the true match rate. The interval includes that other people would have given another distance.
    pub false_non_match: Rate,
}

/// For each person with a pair, how many of the pairs are farther apart.
pub(super) fn missed(pairs: &Pairs, cut: f64) -> Vec<Tally> {
    let mut tallies = vec![Tally::default(); pairs.people];
    for pair in &pairs.genuine {
        let tally = &mut tallies[pair.person as usize];
        tally.of += 1;
        tally.errors += u64::from(pair.distance > cut);
    }
    tallies
}

pub(super) fn at_thresholds(pairs: &Pairs, setup: &Setup<'_>, random: &mut fastrand::Rng) -> Vec<AtThreshold> {
    let everybody: Vec<usize> = (0..pairs.people).collect();
    let compared = pairs.impostor_total;
    let verify = setup.calibration.verify_distance(SAME_PERSON);
    let claimed = setup.calibration.distance_for_false_match_rate(CLAIMED_RATE);
    let mut at = |threshold, distance: f32, claimed_rate| {
        let cut = f64::from(distance);
        AtThreshold {
            threshold,
            distance: cut,
            claimed_rate,
            false_match: Rate::of_strangers(pairs, cut, &everybody, compared, setup.rounds, random),
            false_non_match: Rate::by_person(&missed(pairs, cut), None, setup.rounds, random),
        }
    };
    let verify_rate = setup.calibration.false_match_rate(verify);
    vec![
        at(Threshold::Verify, verify, Some(verify_rate)),
        at(Threshold::OneInHundredThousand, claimed, Some(CLAIMED_RATE)),
    ]
}

pub(super) fn at_targets(
    pairs: &Pairs,
    setup: &Setup<'_>,
    random: &mut fastrand::Rng,
    progress: &mut dyn FnMut(usize),
) -> Vec<AtTarget> {
    let allowed = |rate: f64| (rate * pairs.impostor_total as f64).floor() as u64;
    let own: Vec<Option<(f64, Vec<Option<f64>>)>> = TARGETS
        .iter()
        .map(|rate| pairs.cut_for(allowed(*rate)).map(|cut| (cut, pairs.true_match_rates(cut))))
        .collect();
    let drawn: Vec<Round> = (0..setup.rounds)
        .filter_map(|round| {
            let weights = Weights::resampled(pairs.people, random);
            let costs = costs(pairs, &weights);
            progress(round + 1);
            let per_person = own.iter().map(|own| own.as_ref().and_then(|(_, rates)| weights.mean(rates))).collect();
            Some(Round { costs: costs?, per_person })
        })
        .collect();
    let equal = Weights::equal(pairs.people);
    let shown = |place: usize| {
        let (cut, rates) = own[place].as_ref()?;
        let tallies = missed(pairs, *cut);
        let errors = tallies.iter().map(|tally| tally.errors).sum();
        let people = tallies.iter().filter(|tally| tally.of > 0).count();
        let of = pairs.genuine.len() as u64;
        Some(RateAtTarget {
            distance: *cut,
            confidence: f64::from(setup.calibration.verify_confidence(*cut as f32)),
            false_matches: pairs.false_matches(*cut),
            true_match_per_person: PerPerson {
                value: equal.mean(rates)?,
                interval: interval(drawn.iter().filter_map(|round| round.per_person[place]).collect()),
            },
            false_non_match: Rate::judged(errors, of, people, of, || {
                drawn.iter().map(|round| round.costs[place]).collect()
            }),
        })
    };
    let targets = TARGETS.iter().enumerate().filter_map(|(place, &rate)| {
        let pairs_needed = (RULE_OF_THREE / rate).round() as u64;
        if pairs.impostor_total < pairs_needed {
            return Some(AtTarget { false_match_rate: rate, pairs_needed, shown: None });
        }
        // Rates so large that the pairs were counted and not kept decide nothing in a set so large.
        Some(AtTarget { false_match_rate: rate, pairs_needed, shown: Some(shown(place)?) })
    });
    let mut targets: Vec<AtTarget> = targets.collect();
    targets.reverse();
    targets
}

/// What one draw of people gives at each of [`TARGETS`].
struct Round {
    costs: [f64; TARGETS.len()],
    per_person: Vec<Option<f64>>,
}

/// The false non-match rate at each of [`TARGETS`] among the people drawn, each at the distance that gives the rate
/// among them; `None` when they have no pairs.
fn costs(pairs: &Pairs, weights: &Weights) -> Option<[f64; TARGETS.len()]> {
    let strangers = pairs.drawn_pairs(weights);
    // How many copies of the nearest genuine pairs there are, up to each.
    let genuine: Vec<u64> = pairs
        .genuine
        .iter()
        .scan(0, |sum, pair| {
            *sum += weights.genuine(pair);
            Some(*sum)
        })
        .collect();
    let all = *genuine.last()?;
    if all == 0 || strangers <= 0.0 {
        return None;
    }
    let missed_below = |distance: f64| {
        let within = pairs.genuine.partition_point(|pair| pair.distance < distance);
        1.0 - within.checked_sub(1).map_or(0, |last| genuine[last]) as f64 / all as f64
    };
    let mut costs = [missed_below(f64::INFINITY); TARGETS.len()];
    let (mut seen, mut next) = (0, 0);
    for pair in &pairs.impostor {
        seen += weights.impostor(pair);
        while next < TARGETS.len() && seen as f64 > TARGETS[next] * strangers {
            costs[next] = missed_below(pair.distance);
            next += 1;
        }
        if next == TARGETS.len() {
            break;
        }
    }
    Some(costs)
}
