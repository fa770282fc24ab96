use super::fit::{Fits, LARGEST_DECADE, NormalFit, ParetoFit};
use crate::Calibration;
use crate::pairs::{Pairs, Weights};
use crate::spread::{Interval, RULE_OF_THREE, Spread, interval};
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
    pub genuine: Spread,
    /// Distances between templates of different people.
    pub impostor: Spread,
    /// Pairs of different people that exist; above two million a random part of them was compared.
    pub impostor_pairs_existing: u64,
    /// Skewness of the impostor distances. A normal law has 0; below, strangers come nearer than it says.
    pub impostor_skewness: f64,
    /// The normal law of impostor distances.
    pub normal: NormalFit,
    /// The law of the smallest impostor distances; missing when too many of them are equal.
    pub pareto: Option<ParetoFit>,
    /// The smallest false match rate that these comparisons could show even if all were independent: three over their
    /// number.
    pub smallest_rate_shown: f64,
    /// Face Check, decade by decade.
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

/// One false match rate: where it is estimated to lie and what supports that.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Claim {
    /// Share of strangers at most as far apart as the distance.
    pub false_match_rate: f64,
    /// Face Check's confidence there.
    pub confidence: f64,
    /// Where the normal law puts it.
    pub normal: Estimate,
    /// Where the Pareto law puts it; missing outside the tail.
    pub pareto: Option<Estimate>,
    /// The stricter of the two, which the calibration uses. At zero or below the rate is not reached by any comparison,
    /// and the calibration's table ends before it.
    pub distance: Estimate,
    /// Share of genuine pairs within that distance.
    pub true_match_rate: Estimate,
    /// Impostor pairs within that distance.
    pub false_matches_seen: usize,
    /// Three over the impostor pairs: rates below are extrapolated.
    pub smallest_rate_shown: f64,
    /// Whether the rate is below what the data could show.
    pub is_extrapolated: bool,
}

/// Verify's threshold: the distance with the smallest mean of both error rates, on the same photos that chose it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VerifyClaim {
    /// Distance of confidence 0.5.
    pub distance: f64,
    /// Share of genuine pairs within it.
    pub true_match_rate: Estimate,
    /// Share of impostor pairs within it.
    pub false_match_rate: Estimate,
    /// Genuine pairs beyond it.
    pub missed: usize,
    /// Impostor pairs within it.
    pub false_matches_seen: usize,
}

/// What the calibration says of itself.
pub(super) fn note(pairs: &Pairs) -> String {
    format!(
        "extrapolated, unverified: from {} impostor pairs of {} people. Rates below {:.1e} are beyond what these pairs \
         could show even if they were independent, and none covers relatives.",
        pairs.impostor.len(),
        pairs.people,
        RULE_OF_THREE / pairs.impostor.len() as f64
    )
}

/// What one resampling of people gives.
struct Round {
    normal: Vec<f64>,
    pareto: Vec<Option<f64>>,
    stricter: Vec<f64>,
    /// At each claim's distance, then at verify's.
    true_match_rates: Vec<f64>,
    verify_false_match_rate: f64,
}

pub(super) fn report(
    templates: usize,
    pairs: &Pairs,
    fits: &Fits,
    calibration: Calibration,
    rounds: usize,
    seed: u64,
    random: &mut fastrand::Rng,
) -> Report {
    let rates: Vec<f64> = (1..=LARGEST_DECADE).map(|decade| 10.0_f64.powi(-decade)).collect();
    let half = f64::from(calibration.parts().verify.half_at_distance);
    let mut cuts: Vec<f64> = rates.iter().map(|rate| fits.stricter(*rate)).collect();
    cuts.push(half);
    let drawn: Vec<Round> = (0..rounds).filter_map(|_| round(pairs, &rates, &cuts, random)).collect();
    let interval = |figure: &dyn Fn(&Round) -> Option<f64>| interval(drawn.iter().filter_map(figure).collect());

    let smallest_rate_shown = RULE_OF_THREE / pairs.impostor.len() as f64;
    let true_match_rate = |cut: f64| pairs.true_matches(cut) as f64 / pairs.genuine.len() as f64;
    let claim = |(place, &rate): (usize, &f64)| Claim {
        false_match_rate: rate,
        confidence: -rate.log10() / 10.0,
        normal: Estimate { value: fits.normal.distance(rate), interval: interval(&|round| Some(round.normal[place])) },
        pareto: fits
            .pareto
            .and_then(|fit| fit.distance(rate))
            .map(|value| Estimate { value, interval: interval(&|round| round.pareto[place]) }),
        distance: Estimate { value: cuts[place], interval: interval(&|round| Some(round.stricter[place])) },
        true_match_rate: Estimate {
            value: true_match_rate(cuts[place]),
            interval: interval(&|round| Some(round.true_match_rates[place])),
        },
        false_matches_seen: pairs.false_matches(cuts[place]),
        smallest_rate_shown,
        is_extrapolated: rate < smallest_rate_shown,
    };
    let false_matches_seen = pairs.false_matches(half);
    Report {
        templates,
        people: pairs.people,
        genuine: Spread::of(&pairs.genuine.iter().map(|pair| pair.distance).collect::<Vec<_>>()),
        impostor: Spread::of(&pairs.impostor.iter().map(|pair| pair.distance).collect::<Vec<_>>()),
        impostor_pairs_existing: pairs.impostor_total,
        impostor_skewness: fits.skewness,
        normal: fits.normal,
        pareto: fits.pareto,
        smallest_rate_shown,
        claims: rates.iter().enumerate().map(claim).collect(),
        verify: VerifyClaim {
            distance: half,
            true_match_rate: Estimate {
                value: true_match_rate(half),
                interval: interval(&|round| round.true_match_rates.last().copied()),
            },
            false_match_rate: Estimate {
                value: false_matches_seen as f64 / pairs.impostor.len() as f64,
                interval: interval(&|round| Some(round.verify_false_match_rate)),
            },
            missed: pairs.genuine.len() - pairs.true_matches(half),
            false_matches_seen,
        },
        rounds,
        seed,
        calibration,
    }
}

/// `None` when the people drawn happen to give nothing to fit.
fn round(pairs: &Pairs, rates: &[f64], cuts: &[f64], random: &mut fastrand::Rng) -> Option<Round> {
    let weights = Weights::resampled(pairs.people, random);
    let fits = Fits::of(&pairs.impostor, &weights)?;
    let genuine: u64 = pairs.genuine.iter().map(|pair| weights.genuine(pair)).sum();
    if genuine == 0 {
        return None;
    }
    let matched = |cut: f64| {
        let within = &pairs.genuine[..pairs.true_matches(cut)];
        within.iter().map(|pair| weights.genuine(pair)).sum::<u64>() as f64 / genuine as f64
    };
    let impostor: u64 = pairs.impostor.iter().map(|pair| weights.impostor(pair)).sum();
    let falsely = cuts.last().map_or(0, |half| {
        pairs.impostor[..pairs.false_matches(*half)].iter().map(|pair| weights.impostor(pair)).sum::<u64>()
    });
    Some(Round {
        normal: rates.iter().map(|rate| fits.normal.distance(*rate)).collect(),
        pareto: rates.iter().map(|rate| fits.pareto.and_then(|fit| fit.distance(*rate))).collect(),
        stricter: rates.iter().map(|rate| fits.stricter(*rate)).collect(),
        true_match_rates: cuts.iter().map(|cut| matched(*cut)).collect(),
        verify_false_match_rate: falsely as f64 / impostor as f64,
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} templates of {} people", self.templates, self.people)?;
        writeln!(f, "one person:        {}", self.genuine)?;
        writeln!(f, "different people:  {}, skewness {:.2}", self.impostor, self.impostor_skewness)?;
        if self.impostor_pairs_existing > self.impostor.pairs as u64 {
            writeln!(f, "                   (a random part of {} pairs)", self.impostor_pairs_existing)?;
        }
        let Report { verify, smallest_rate_shown: bound, .. } = self;
        writeln!(
            f,
            "\nVerify: same person up to distance {:.4}; chosen on these photos, so expect less elsewhere",
            verify.distance
        )?;
        writeln!(f, "  true matches  {:.4}, {} missed", verify.true_match_rate, verify.missed)?;
        writeln!(
            f,
            "  false matches {:.1e}, {} seen; {} pairs cannot show less than {bound:.1e}",
            verify.false_match_rate, verify.false_matches_seen, self.impostor.pairs
        )?;
        writeln!(f, "\nFace Check: the stricter of two laws at each false match rate (FMR), 95 % intervals by person")?;
        writeln!(
            f,
            "{:>6}  {:>10}  {:<24}  {:<24}  {:<24}  {:<24}  {:>4}  supported by the data?",
            "FMR", "confidence", "distance used", "normal law", "Pareto law", "true matches", "seen"
        )?;
        for claim in &self.claims {
            let told = |estimate: &Estimate| {
                if estimate.value > 0.0 { format!("{estimate:.3}") } else { "out of reach".to_owned() }
            };
            let pareto = claim.pareto.as_ref().map_or_else(|| "-".to_owned(), told);
            let support = if claim.is_extrapolated { "no, extrapolated:" } else { "yes, if independent:" };
            writeln!(
                f,
                "{:>6.0e}  {:>10.1}  {:<24}  {:<24}  {:<24}  {:<24}  {:>4}  {support} 3/N = {:.1e}",
                claim.false_match_rate,
                claim.confidence,
                told(&claim.distance),
                told(&claim.normal),
                pareto,
                format!("{:.3}", claim.true_match_rate),
                claim.false_matches_seen,
                claim.smallest_rate_shown,
            )?;
        }
        if self.claims.iter().any(|claim| claim.distance.value <= 0.0) {
            writeln!(
                f,
                "Out of reach: no distance gives that rate by these photos. Identify in groups that need it names nobody."
            )?;
        }
        write!(f, "\n{}", self.calibration.parts().note)
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

impl fmt::LowerExp for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerExp::fmt(&self.value, f)?;
        let Some(Interval { low, high }) = self.interval else { return Ok(()) };
        f.write_str(" (")?;
        fmt::LowerExp::fmt(&low, f)?;
        f.write_str(" to ")?;
        fmt::LowerExp::fmt(&high, f)?;
        f.write_str(")")
    }
}
