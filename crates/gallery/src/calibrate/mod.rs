//! Calibration from labelled photos: what distances mean for *your* population.
//!
//! Start at [`calibrate`]. It compares all templates with each other, estimates how rarely strangers are near (two
//! laws, the stricter of the two at every rate) and says beside every figure what the data can show and what is
//! extrapolated. It knows no photos: the caller makes the templates.

mod fit;
mod report;

pub use fit::{NormalFit, ParetoFit};
pub use report::{Claim, Estimate, Report, VerifyClaim};

use crate::labelled::{check, enough};
use crate::pairs::{Pairs, Weights};
use crate::{Calibration, CalibrationParts, GalleryError, Labelled, Logistic};
use fit::{Fits, LARGEST_DECADE};

/// Fewest people to calibrate from. Far too few to be trusted, enough for the arithmetic to mean something.
const FEWEST_PEOPLE: usize = 4;

/// Fewest pairs of different people: the lowest twentieth then holds five, below which no tail can be fitted.
const FEWEST_IMPOSTOR_PAIRS: usize = 100;

/// Verify's confidence for the average pair of strangers, which sets the slope of the curve. It is also what the Face
/// Check mapping gives to the median pair: `-log10(0.5) / 10`.
const STRANGERS_CONFIDENCE: f64 = 0.03;

/// The confidence of Face Check is 0 from this many standard deviations above the mean impostor distance on, which is
/// where the shipped table of the default pack ends (`vision.md` 10: 0.567 + 1.41 x 0.059 = 0.65).
const ZERO_ABOVE_MEAN: f64 = std::f64::consts::SQRT_2;

/// Calibrates from labelled templates.
///
/// `space` names the model and the kind of template, `rounds` is how often whole people are resampled for the
/// intervals (300 settles two digits), and `seed` makes a report repeatable.
///
/// Above two million pairs of different people a random part of them is used, so that memory stays bounded.
///
/// # Errors
/// [`GalleryError::TooLittle`] with fewer than 4 people, 100 pairs of different people or one pair of the same person;
/// [`GalleryError::NotSeparable`] when the labels cannot be right; [`GalleryError::WrongDimension`] and
/// [`GalleryError::NotFinite`] for templates that cannot be compared.
pub fn calibrate(labelled: &[Labelled], space: &str, rounds: usize, seed: u64) -> Result<Report, GalleryError> {
    check(labelled)?;
    let mut random = fastrand::Rng::with_seed(seed);
    let pairs = Pairs::compare(labelled, &mut random);
    enough("people", FEWEST_PEOPLE, pairs.people)?;
    enough("pairs of photos of different people", FEWEST_IMPOSTOR_PAIRS, pairs.impostor.len())?;
    enough("pairs of photos of one person", 1, pairs.genuine.len())?;

    let equal = Weights::equal(pairs.people);
    let fits = Fits::of(&pairs.impostor, &equal).ok_or(GalleryError::NotSeparable)?;
    let half = pairs.best_cut();
    if half <= 0.0 || half >= fits.normal.mean || pairs.mean_genuine() >= fits.normal.mean {
        return Err(GalleryError::NotSeparable);
    }
    let slope = (1.0 / STRANGERS_CONFIDENCE - 1.0).ln() / (fits.normal.mean - half);
    let parts = CalibrationParts {
        space: space.to_owned(),
        verify: Logistic { half_at_distance: half as f32, slope: slope as f32 },
        face_check: face_check_table(&fits),
        note: report::note(&pairs),
        impostor_pairs: pairs.impostor_total,
        people: pairs.people as u64,
    };
    let calibration = Calibration::new(parts)?;
    Ok(report::report(labelled.len(), &pairs, &fits, calibration, rounds, seed, &mut random))
}

/// The Face Check mapping: the stricter fit at each decade that is reached at a positive distance, then the median of
/// strangers, then zero. From the smallest distance on.
fn face_check_table(fits: &Fits) -> Vec<[f32; 2]> {
    let mut table = vec![
        [(fits.normal.mean + ZERO_ABOVE_MEAN * fits.normal.standard_deviation) as f32, 0.0],
        [fits.normal.mean as f32, (2.0_f64.log10() / 10.0) as f32],
    ];
    for decade in 1..=LARGEST_DECADE {
        let distance = fits.stricter(10.0_f64.powi(-decade)) as f32;
        if distance <= 0.0 {
            break;
        }
        table.push([distance, decade as f32 / 10.0]);
    }
    table.reverse();
    table
}
