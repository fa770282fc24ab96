//! Calibration on labelled photos: what distances mean for *your* people, and what so many people can show.
//!
//! Start at [`calibrate()`]. For every power of ten it finds the distance within which that share of the pairs of different
//! people lies. A rate that the pairs can show is *measured*; below, a generalised Pareto law fitted to the nearest pairs
//! is continued and the rate is called *extrapolated*. Intervals come from drawing whole people anew.

mod fit;
mod report;

pub use fit::ParetoFit;
pub use report::{Claim, Estimate, Report, VerifyClaim};

use crate::distribution::RULE_OF_THREE;
use crate::labelled::{check, enough};
use crate::pairs::{ExcludedPairs, Pairs, Weights};
use crate::{Basis, Calibration, CalibrationParts, GalleryError, Labelled, Logistic, Rate};
use fit::LARGEST_DECADE;

/// Fewest people. Three give three pairs of people, whatever the number of photos.
const FEWEST_PEOPLE: usize = 4;

/// Fewest pairs of different people: with less not even the first decade has ten pairs.
const FEWEST_IMPOSTOR_PAIRS: usize = 100;

/// The false match rate that verify's confidence 0.5 stands for (`vision.md` 10).
const VERIFY_RATE: f64 = 3e-5;

/// The false match rate at which verify's confidence is 0.9 (`vision.md` 10).
const SURE_RATE: f64 = 1e-6;

/// Calibrates from labelled templates.
///
/// `space` names the model and the kind of template, `rounds` is how often whole people are resampled for the
/// intervals (300 settles two digits), and `seed` makes a report repeatable. Every pair is compared but those in `apart`;
/// `progress` gets how many of twice as many templates as there are have been compared with all before them.
///
/// # Errors
/// [`GalleryError::TooLittle`] with fewer than 4 people, 100 pairs of different people or one pair of the same person;
/// [`GalleryError::TooMuch`] with more than twenty million of the latter;
/// [`GalleryError::NotSeparable`] when the labels cannot be right; [`GalleryError::WrongDimension`] and
/// [`GalleryError::NotFinite`] for templates that cannot be compared.
pub fn calibrate(
    labelled: &[Labelled],
    excluded: &ExcludedPairs,
    space: &str,
    rounds: usize,
    seed: u64,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Report, GalleryError> {
    check(labelled)?;
    let pairs = Pairs::compare(labelled, excluded, progress)?;
    enough("people", FEWEST_PEOPLE, pairs.people)?;
    enough("pairs of photos of different people", FEWEST_IMPOSTOR_PAIRS, pairs.impostor_total as usize)?;
    enough("pairs of photos of one person", 1, pairs.genuine.len())?;
    if pairs.mean_genuine() >= pairs.impostor_spread().mean {
        return Err(GalleryError::NotSeparable);
    }
    let rates = Rates::of(&pairs, &Weights::equal(pairs.people));
    let table: Vec<Rate> = rates.table();
    if table.len() < 2 {
        return Err(GalleryError::NotSeparable);
    }
    let parts = CalibrationParts {
        space: space.to_owned(),
        // Set below, by the table itself.
        verify: Logistic { half_at_distance: 1.0, slope: 1.0 },
        rates: table,
        two_pass_rates: Vec::new(),
        note: report::note(&pairs),
        impostor_pairs: pairs.impostor_total,
        people: pairs.people as u64,
    };
    let (verify, verify_rate) = verify(&Calibration::new(parts.clone())?);
    let calibration = Calibration::new(CalibrationParts { verify, ..parts })?;
    let mut random = fastrand::Rng::with_seed(seed);
    Ok(report::report(labelled.len(), &pairs, &rates, calibration, verify_rate, rounds, seed, &mut random))
}

/// Verify's curve, 0.5 at [`VERIFY_RATE`] and 0.9 at [`SURE_RATE`], and the rate that its 0.5 stands for. Where few people
/// give no distance for that rate, the smallest that they give takes its place.
fn verify(calibration: &Calibration) -> (Logistic, f64) {
    let reached = calibration.parts().rates[0].false_match_rate;
    let rate = VERIFY_RATE.max(reached);
    let half = calibration.distance_for_false_match_rate(rate);
    let sure = calibration.distance_for_false_match_rate(rate * SURE_RATE / VERIFY_RATE);
    // 0.9 = 1 / (1 + exp(-ln 9)).
    let slope = 9.0_f64.ln() / f64::from(half - sure);
    (Logistic { half_at_distance: half, slope: slope as f32 }, rate)
}

/// Distances at the decades of the false match rate, from 1 in 10 on.
struct Rates {
    /// Seen among the pairs; missing where these cannot show the rate.
    measured: Vec<Option<f64>>,
    /// The law of the nearest pairs; missing where these have too few different distances.
    law: Option<ParetoFit>,
}

/// The false match rate of a decade: one in ten to its power.
fn rate_of(decade: i32) -> f64 {
    10.0_f64.powi(-decade)
}

impl Rates {
    fn of(pairs: &Pairs, weights: &Weights) -> Self {
        let drawn = pairs.drawn_pairs(weights);
        let mut measured = vec![None; LARGEST_DECADE as usize];
        let can_show = |rate: f64| rate >= RULE_OF_THREE / pairs.impostor_total as f64;
        // From the nearest pair on, each decade where one pair more would be too many.
        let (mut seen, mut next) = (0, LARGEST_DECADE as usize);
        let mut within = None;
        for pair in &pairs.impostor {
            let before = seen;
            seen += weights.impostor(pair);
            while next > 0 && seen as f64 > (rate_of(next as i32) * drawn).floor() {
                if can_show(rate_of(next as i32)) {
                    measured[next - 1] = within;
                }
                next -= 1;
            }
            if seen > before {
                within = Some(pair.distance);
            }
            if next == 0 {
                break;
            }
        }
        // Beyond what is kept pair by pair the histogram answers, without resampling people.
        for (place, rate) in (1..=LARGEST_DECADE).map(rate_of).enumerate() {
            if place < next && can_show(rate) {
                measured[place] = pairs.distance_by_bars(rate);
            }
        }
        Self { measured, law: fit::tail(pairs, weights) }
    }

    /// Where the law puts a decade; missing where it does not reach.
    fn fitted(&self, decade: i32) -> Option<f64> {
        self.law?.distance(rate_of(decade))
    }

    /// Seen where the pairs show the decade, else by the law.
    fn used(&self, decade: i32) -> Option<(f64, Basis)> {
        let measured = self.measured[decade as usize - 1].map(|distance| (distance, Basis::Measured));
        measured.or_else(|| self.fitted(decade).map(|distance| (distance, Basis::Extrapolated)))
    }

    /// What the calibration uses, strictest first. It ends before a decade that no positive distance gives.
    fn table(&self) -> Vec<Rate> {
        let mut table: Vec<Rate> = Vec::new();
        for decade in 1..=LARGEST_DECADE {
            let Some((distance, basis)) = self.used(decade) else { break };
            // The law may begin above what was measured; a stricter rate never gets a longer distance.
            let distance = table.last().map_or(distance as f32, |last| (distance as f32).min(last.distance * STRICTER));
            if distance <= 0.0 {
                break;
            }
            table.push(Rate { false_match_rate: rate_of(decade), distance, basis });
        }
        table.reverse();
        table
    }
}

/// By how much a distance is shortened that would not be shorter than that of a larger rate.
const STRICTER: f32 = 1.0 - 1e-4;
