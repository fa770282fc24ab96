//! The result of a calibration, as data and as a text for people.

use super::fit::{LARGEST_DECADE, ParetoFit};
use super::{Rates, rate_of};
use crate::distribution::{Distribution, Interval, RULE_OF_THREE, interval};
use crate::pairs::{Pairs, Weights};
use crate::{Basis, Calibration};
use serde::Serialize;
use std::fmt;

/// What calibration found, and what it can and cannot claim. Its `Display` is the report for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Templates compared.
    pub templates: usize,
    /// People they belong to.
    pub people: usize,
    /// Distances between templates of one person.
    pub genuine: Distribution,
    /// Distances between templates of different people.
    pub impostor: Distribution,
    /// The law of the smallest impostor distances; missing when too many of them are equal.
    pub pareto: Option<ParetoFit>,
    /// The smallest false match rate that these comparisons could show even if all were independent: three over their
    /// number.
    pub smallest_rate_shown: f64,
    /// Decade by decade.
    pub claims: Vec<Claim>,
    /// Verify's threshold.
    pub verify: VerifyClaim,
    /// Resamplings of people behind the intervals.
    pub rounds: usize,
    /// Seed of the resampling.
    pub seed: u64,
    /// What to start the server with.
    pub calibration: Calibration,
}

/// A figure and how much it moves when other people are drawn. Without an interval when there were too few rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// From all data.
    pub value: f64,
    /// From resampled people.
    pub interval: Option<Interval>,
}

/// One false match rate: where it lies and what supports that.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Claim {
    /// Share of strangers at most as far apart as the distance.
    pub false_match_rate: f64,
    /// Face Check's confidence there.
    pub confidence: f64,
    /// Whether the pairs show the rate or the law claims it.
    pub basis: Basis,
    /// The distance that the calibration uses; missing where no positive one gives the rate.
    pub distance: Option<Estimate>,
    /// Where the law of the nearest pairs puts it, beside what was measured too: so that its prediction can be checked.
    pub fitted: Option<f64>,
    /// Share of pairs of one person within the distance, each pair counted once.
    pub true_match_per_pair: Option<Estimate>,
    /// The same, each person counted once.
    pub true_match_per_person: Option<Estimate>,
    /// Impostor pairs within the distance.
    pub false_matches_seen: u64,
}

/// Verify's threshold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VerifyClaim {
    /// Distance of confidence 0.5.
    pub distance: f64,
    /// The false match rate that it stands for.
    pub false_match_rate: f64,
    /// Whether the pairs show that rate.
    pub basis: Basis,
    /// Share of genuine pairs within it.
    pub true_match_per_pair: Estimate,
    /// The same, each person counted once.
    pub true_match_per_person: Estimate,
    /// Genuine pairs beyond it.
    pub missed: usize,
    /// Impostor pairs within it.
    pub false_matches_seen: u64,
}

/// What the calibration says of itself.
pub(super) fn note(pairs: &Pairs) -> String {
    format!(
        "from {} impostor pairs of {} people. Rates below {:.1e} are beyond what these pairs could show even if they were \
         independent: they are extrapolated, unverified. None covers relatives.",
        pairs.impostor_total,
        pairs.people,
        RULE_OF_THREE / pairs.impostor_total as f64
    )
}

/// What one resampling of people gives: distances by decade, and true match rates at each distance in use, then at
/// verify's.
struct Round {
    distances: Vec<Option<f64>>,
    per_pair: Vec<f64>,
    per_person: Vec<f64>,
}

#[expect(clippy::too_many_arguments, reason = "one caller, which has all of this at hand")]
pub(super) fn report(
    templates: usize,
    pairs: &Pairs,
    rates: &Rates,
    calibration: Calibration,
    verify_rate: f64,
    rounds: usize,
    seed: u64,
    random: &mut fastrand::Rng,
) -> Report {
    let half = f64::from(calibration.parts().verify.half_at_distance);
    let decades: Vec<f64> = (1..=LARGEST_DECADE).map(rate_of).collect();
    let used: Vec<Option<f64>> = decades
        .iter()
        .map(|rate| {
            let mut rows = calibration.parts().rates.iter();
            rows.find(|row| (row.false_match_rate / rate - 1.0).abs() < 1e-6).map(|row| f64::from(row.distance))
        })
        .collect();
    let cuts: Vec<f64> = used.iter().map(|cut| cut.unwrap_or(0.0)).chain([half]).collect();
    let own: Vec<Vec<Option<f64>>> = cuts.iter().map(|cut| pairs.true_match_rates(*cut)).collect();
    let drawn: Vec<Round> = (0..rounds).filter_map(|_| round(pairs, &cuts, &own, random)).collect();
    let equal = Weights::equal(pairs.people);
    let per_pair = |place: usize| Estimate {
        value: pairs.true_matches(cuts[place]) as f64 / pairs.genuine.len() as f64,
        interval: interval(drawn.iter().map(|round| round.per_pair[place]).collect()),
    };
    let per_person = |place: usize| Estimate {
        value: equal.mean(&own[place]).unwrap_or(0.0),
        interval: interval(drawn.iter().map(|round| round.per_person[place]).collect()),
    };
    let claim = |(place, &rate): (usize, &f64)| Claim {
        false_match_rate: rate,
        confidence: -rate.log10() / 10.0,
        basis: if rates.measured[place].is_some() { Basis::Measured } else { Basis::Extrapolated },
        distance: used[place].map(|value| Estimate {
            value,
            interval: interval(drawn.iter().filter_map(|round| round.distances[place]).collect()),
        }),
        fitted: rates.fitted(place as i32 + 1),
        true_match_per_pair: used[place].map(|_| per_pair(place)),
        true_match_per_person: used[place].map(|_| per_person(place)),
        false_matches_seen: used[place].map_or(0, |cut| pairs.false_matches(cut)),
    };
    let last = cuts.len() - 1;
    Report {
        templates,
        people: pairs.people,
        genuine: Distribution::of(&pairs.genuine.iter().map(|pair| pair.distance).collect::<Vec<_>>()),
        impostor: pairs.impostor_spread(),
        pareto: rates.law,
        smallest_rate_shown: RULE_OF_THREE / pairs.impostor_total as f64,
        claims: decades.iter().enumerate().map(claim).collect(),
        verify: VerifyClaim {
            distance: half,
            false_match_rate: verify_rate,
            basis: calibration.basis_at(half as f32),
            true_match_per_pair: per_pair(last),
            true_match_per_person: per_person(last),
            missed: pairs.genuine.len() - pairs.true_matches(half),
            false_matches_seen: pairs.false_matches(half),
        },
        rounds,
        seed,
        calibration,
    }
}

/// `None` when the people drawn happen to have no pair.
fn round(pairs: &Pairs, cuts: &[f64], own: &[Vec<Option<f64>>], random: &mut fastrand::Rng) -> Option<Round> {
    let weights = Weights::resampled(pairs.people, random);
    let rates = Rates::of(pairs, &weights);
    let genuine: u64 = pairs.genuine.iter().map(|pair| weights.genuine(pair)).sum();
    if genuine == 0 {
        return None;
    }
    let per_pair = |cut: &f64| {
        let within = &pairs.genuine[..pairs.true_matches(*cut)];
        within.iter().map(|pair| weights.genuine(pair)).sum::<u64>() as f64 / genuine as f64
    };
    Some(Round {
        distances: (1..=LARGEST_DECADE).map(|decade| rates.used(decade).map(|(distance, _)| distance)).collect(),
        per_pair: cuts.iter().map(per_pair).collect(),
        per_person: own.iter().map(|rates| weights.mean(rates)).collect::<Option<_>>()?,
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} templates of {} people", self.templates, self.people)?;
        writeln!(f, "one person:        {}", self.genuine)?;
        writeln!(f, "different people:  {}", self.impostor)?;
        let Report { verify, smallest_rate_shown: bound, .. } = self;
        writeln!(
            f,
            "\nVerify: same person up to distance {:.4}, false match rate {:.0e} ({})",
            verify.distance,
            verify.false_match_rate,
            basis(verify.basis)
        )?;
        writeln!(
            f,
            "  true matches  {:.4} of pairs, {:.4} with each person counted once; {} missed",
            verify.true_match_per_pair, verify.true_match_per_person, verify.missed
        )?;
        writeln!(
            f,
            "  false matches {} seen; {} pairs cannot show less than {bound:.1e}",
            verify.false_matches_seen, self.impostor.pairs
        )?;
        writeln!(f, "\nBy false match rate (FMR), 95 % intervals by person")?;
        writeln!(
            f,
            "{:>6}  {:>10}  {:<24}  {:>10}  {:<24}  {:<24}  {:>9}  supported by the data?",
            "FMR", "Face Check", "distance", "fitted", "true matches, by pair", "by person", "seen"
        )?;
        for claim in &self.claims {
            let told = |estimate: &Option<Estimate>| {
                estimate.as_ref().map_or_else(|| "out of reach".to_owned(), |estimate| format!("{estimate:.3}"))
            };
            let support = match claim.basis {
                Basis::Measured => "measured, if pairs were independent:",
                Basis::Extrapolated => "no, extrapolated:",
            };
            writeln!(
                f,
                "{:>6.0e}  {:>10.1}  {:<24}  {:>10}  {:<24}  {:<24}  {:>9}  {support} 3/N = {bound:.1e}",
                claim.false_match_rate,
                claim.confidence,
                told(&claim.distance),
                claim.fitted.map_or_else(|| "-".to_owned(), |fitted| format!("{fitted:.3}")),
                told(&claim.true_match_per_pair),
                told(&claim.true_match_per_person),
                claim.false_matches_seen,
            )?;
        }
        if self.claims.iter().any(|claim| claim.distance.is_none()) {
            writeln!(
                f,
                "Out of reach: no distance gives that rate by these photos. Identify in groups that need it names nobody."
            )?;
        }
        write!(f, "\n{}", self.calibration.parts().note)
    }
}

fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Measured => "measured",
        Basis::Extrapolated => "extrapolated, unverified",
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.value, f)?;
        let Some(Interval { low, high }) = self.interval else { return Ok(()) };
        f.write_str(" (")?;
        fmt::Display::fmt(&low, f)?;
        f.write_str(" to ")?;
        fmt::Display::fmt(&high, f)?;
        f.write_str(")")
    }
}
