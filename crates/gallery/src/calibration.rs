//! What a distance means: the two mappings from distances to confidences.

use crate::GalleryError;
use serde::{Deserialize, Serialize};

/// Decades of the false match rate that Face Check's confidence spans: 1.0 stands for one in 10^10, so that 0.5 is
/// one in 10^5 and 0.9 one in 10^9 (`vision.md` 10).
const DECADES: f64 = 10.0;

/// `confidence = 1 / (1 + exp(slope * (distance - half_at_distance)))`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logistic {
    /// The distance at which the confidence is 0.5, the threshold of "same person".
    pub half_at_distance: f32,
    /// How fast it falls, per unit of distance.
    pub slope: f32,
}

/// What a rate of a calibration rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// That share of the pairs of different people lay within the distance, and there were enough of them to show it.
    Measured,
    /// A law fitted to the nearest pairs says so; no data show it.
    Extrapolated,
}

/// The share of pairs of different people who are at most so far apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// The false match rate, above 0 and below 1.
    pub false_match_rate: f64,
    /// The distance.
    pub distance: f32,
    /// What it rests on.
    pub basis: Basis,
}

/// A calibration as it is written down. [`Calibration::new`] checks it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationParts {
    /// Names the model and the kind of template whose distances these are; those of another must not be used.
    pub space: String,
    /// The mapping of verify, find similar and group, and of the confidence of identify.
    pub verify: Logistic,
    /// False match rates of templates as they are stored: distances and rates rising.
    pub rates: Vec<Rate>,
    /// The same for templates of two passes, a face and its mirror image averaged, where those that are stored are of
    /// one: what Face Check compares, which stores none. Empty where both are the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub two_pass_rates: Vec<Rate>,
    /// How far the figures can be trusted, for people.
    pub note: String,
    /// Pairs of different people behind the figures.
    pub impostor_pairs: u64,
    /// People behind the figures.
    pub people: u64,
}

/// What distances between the templates of one model mean.
///
/// Both mappings rest on one table of false match rates. *Verify* is a logistic curve that clients compare with their
/// thresholds; its 0.5 stands for the rate that [`Calibration::false_match_rate`] gives at its distance. *Face Check* is
/// `-log10` of the rate over ten. Rates beyond those measured come from a fitted law: [`Calibration::basis_at`]
/// says which are. None covers relatives, who lie nearer to each other than strangers do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "CalibrationParts", into = "CalibrationParts")]
pub struct Calibration {
    parts: CalibrationParts,
}

impl Calibration {
    /// Takes a calibration that makes sense.
    ///
    /// # Errors
    /// [`GalleryError::BadCalibration`] when it does not.
    pub fn new(parts: CalibrationParts) -> Result<Self, GalleryError> {
        let Logistic { half_at_distance, slope } = parts.verify;
        let is_positive = |value: f32| value > 0.0 && value.is_finite();
        if !is_positive(half_at_distance) || !is_positive(slope) {
            return Err(GalleryError::BadCalibration("the verify mapping needs a positive distance and slope"));
        }
        check(&parts.rates)?;
        if !parts.two_pass_rates.is_empty() {
            check(&parts.two_pass_rates)?;
        }
        Ok(Self { parts })
    }

    /// The name of the model and the kind of template whose distances these are.
    pub fn space(&self) -> &str {
        &self.parts.space
    }

    /// The figures themselves.
    pub const fn parts(&self) -> &CalibrationParts {
        &self.parts
    }

    /// Verify: confidence from 0 to 1 that two templates at this distance are of one person.
    ///
    /// The logistic curve, its upper half stretched by a few parts in ten thousand so that a template compared with
    /// itself gets exactly 1. A distance that is not a number gets 0.
    pub fn verify_confidence(&self, distance: f32) -> f32 {
        if distance.is_nan() {
            return 0.0;
        }
        let plain = self.logistic(f64::from(distance.max(0.0)));
        let confidence = if plain > 0.5 { 0.5 + (plain - 0.5) * self.stretch() } else { plain };
        confidence as f32
    }

    /// Verify: the largest distance that still gets this confidence. Infinite at 0; 0 at 1.
    pub fn verify_distance(&self, confidence: f32) -> f32 {
        let confidence = f64::from(confidence);
        if confidence <= 0.0 {
            return f32::INFINITY;
        }
        if confidence >= 1.0 {
            return 0.0;
        }
        let plain = if confidence > 0.5 { 0.5 + (confidence - 0.5) / self.stretch() } else { confidence };
        let Logistic { half_at_distance, slope } = self.parts.verify;
        (f64::from(half_at_distance) + ((1.0 - plain) / plain).ln() / f64::from(slope)).max(0.0) as f32
    }

    /// Face Check: confidence from 0 to 1 for the distance of two templates of two passes.
    pub fn face_check_confidence(&self, distance: f32) -> f32 {
        let rates = if self.parts.two_pass_rates.is_empty() { &self.parts.rates } else { &self.parts.two_pass_rates };
        (decades(rates, f64::from(distance)) / DECADES).clamp(0.0, 1.0) as f32
    }

    /// The estimated share of strangers at most this far apart, of templates as they are stored.
    ///
    /// Beyond both ends of the table its last lines go on: below so that rates for very large galleries exist at all,
    /// above so that no distance is without a rate. Both are a rule for being stricter, not a measurement.
    pub fn false_match_rate(&self, distance: f32) -> f64 {
        10.0_f64.powf(-decades(&self.parts.rates, f64::from(distance)))
    }

    /// The distance at which this share of strangers would match. 0, equality, where even that is too much.
    pub fn distance_for_false_match_rate(&self, rate: f64) -> f32 {
        if rate.is_nan() || rate <= 0.0 {
            return 0.0;
        }
        let wanted = -rate.min(1.0).log10();
        let [near, far] = line(&self.parts.rates, |far| wanted >= -far.false_match_rate.log10());
        let (strict, loose) = (-near.false_match_rate.log10(), -far.false_match_rate.log10());
        let share = (wanted - loose) / (strict - loose);
        let (low, high) = (f64::from(near.distance), f64::from(far.distance));
        (high + share * (low - high)).max(0.0) as f32
    }

    /// Whether data show the rate at this distance, or a fitted law claims it.
    pub fn basis_at(&self, distance: f32) -> Basis {
        let is_measured =
            |rate: &&Rate| rate.basis == Basis::Measured && f64::from(rate.distance) <= f64::from(distance) + 1e-6;
        self.parts.rates.iter().find(is_measured).map_or(Basis::Extrapolated, |rate| rate.basis)
    }

    /// The distance up to which a person in a gallery of this many templates may be named, so that a stranger is named
    /// in at most this share of searches (ISO/IEC 19795-1 calls it the false-positive identification rate).
    ///
    /// With `n` comparisons of a stranger, each falsely matching at rate `f`, the share is `1 - (1 - f)^n`. Solved for
    /// `f` this takes the distance from the table of rates, but never a larger one than verify's threshold allows.
    /// Comparisons with photos of one person are not independent; counting each makes the cut stricter than needed.
    pub fn identification_cut(&self, gallery_size: usize, target_fpir: f64) -> f32 {
        let classic = self.verify_distance(crate::SAME_PERSON);
        if gallery_size == 0 || target_fpir >= 1.0 {
            return classic;
        }
        let rate = -((-target_fpir).ln_1p() / gallery_size as f64).exp_m1();
        self.distance_for_false_match_rate(rate).min(classic)
    }

    fn logistic(&self, distance: f64) -> f64 {
        let Logistic { half_at_distance, slope } = self.parts.verify;
        1.0 / (1.0 + (f64::from(slope) * (distance - f64::from(half_at_distance))).exp())
    }

    fn stretch(&self) -> f64 {
        0.5 / (self.logistic(0.0) - 0.5)
    }
}

/// `-log10` of the false match rate at a distance; 0, everybody, for one that is not a number.
fn decades(rates: &[Rate], distance: f64) -> f64 {
    if distance.is_nan() {
        return 0.0;
    }
    let [near, far] = line(rates, |far| distance <= f64::from(far.distance));
    let (low, high) = (f64::from(near.distance), f64::from(far.distance));
    let (strict, loose) = (-near.false_match_rate.log10(), -far.false_match_rate.log10());
    (strict + (distance - low) / (high - low) * (loose - strict)).max(0.0)
}

/// The first two neighbours from the strict side of which the second reaches; the last two where none does.
fn line(rates: &[Rate], reaches: impl Fn(&Rate) -> bool) -> [&Rate; 2] {
    let [near, far] = rates
        .array_windows()
        .find(|[_, far]| reaches(far))
        .or_else(|| rates.last_chunk())
        .expect("a table has two rates");
    [near, far]
}

fn check(rates: &[Rate]) -> Result<(), GalleryError> {
    if rates.len() < 2 {
        return Err(GalleryError::BadCalibration("a table of false match rates needs at least two of them"));
    }
    let is_sound = |rate: &Rate| {
        rate.distance.is_finite() && rate.distance >= 0.0 && rate.false_match_rate > 0.0 && rate.false_match_rate < 1.0
    };
    if !rates.iter().all(is_sound) {
        return Err(GalleryError::BadCalibration("distances are at least 0, false match rates between 0 and 1"));
    }
    if rates.array_windows().any(|[a, b]| a.distance >= b.distance || a.false_match_rate >= b.false_match_rate) {
        return Err(GalleryError::BadCalibration("distances and false match rates must rise together"));
    }
    // Smaller rates are harder to show than larger ones.
    if rates.array_windows().any(|[a, b]| a.basis == Basis::Measured && b.basis == Basis::Extrapolated) {
        return Err(GalleryError::BadCalibration("a rate cannot be measured where a larger one is extrapolated"));
    }
    Ok(())
}

impl TryFrom<CalibrationParts> for Calibration {
    type Error = GalleryError;

    fn try_from(parts: CalibrationParts) -> Result<Self, GalleryError> {
        Self::new(parts)
    }
}

impl From<Calibration> for CalibrationParts {
    fn from(calibration: Calibration) -> Self {
        calibration.parts
    }
}
