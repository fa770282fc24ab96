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

/// A calibration as it is written down. [`Calibration::new`] checks it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationParts {
    /// Names the model and the kind of template whose distances these are; those of another must not be used.
    pub space: String,
    /// The mapping of verify, identify, find similar and group. It promises no error rate.
    pub verify: Logistic,
    /// The mapping of Face Check: pairs of distance and confidence, distances rising, confidences falling, straight
    /// lines between them. `confidence = -log10(false match rate) / 10`.
    pub face_check: Vec<[f32; 2]>,
    /// How far the figures can be trusted, for people: "extrapolated, unverified".
    pub note: String,
    /// Pairs of different people behind the figures.
    pub impostor_pairs: u64,
    /// People behind the figures.
    pub people: u64,
}

/// What distances between the templates of one model mean.
///
/// Two mappings, because they serve two promises. *Verify* is a logistic curve with 0.5 at the distance that separates
/// people best; clients compare it with their thresholds, and it stands for no error rate. *Face Check* is a table that
/// does stand for one, far beyond what its data can show: read [`CalibrationParts::note`] before relying on it. Neither
/// covers relatives, who lie nearer to each other than strangers do.
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
        if parts.face_check.len() < 2 {
            return Err(GalleryError::BadCalibration("the Face Check mapping needs at least two points"));
        }
        if parts
            .face_check
            .iter()
            .any(|[distance, confidence]| !distance.is_finite() || *distance < 0.0 || !(0.0..=1.0).contains(confidence))
        {
            return Err(GalleryError::BadCalibration("Face Check distances are at least 0, confidences from 0 to 1"));
        }
        if parts.face_check.array_windows().any(|[a, b]| a[0] >= b[0] || a[1] <= b[1]) {
            return Err(GalleryError::BadCalibration("Face Check distances must rise and confidences must fall"));
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

    /// Face Check: confidence from 0 to 1, `-log10` of the estimated false match rate over ten.
    pub fn face_check_confidence(&self, distance: f32) -> f32 {
        (self.decades(f64::from(distance)) / DECADES).clamp(0.0, 1.0) as f32
    }

    /// The estimated share of strangers at most this far apart. Extrapolated: see [`CalibrationParts::note`].
    ///
    /// Below the smallest distance of the table the last line is continued, so that rates for very large galleries
    /// exist at all; they are a rule for being stricter, not a measurement.
    pub fn false_match_rate(&self, distance: f32) -> f64 {
        10.0_f64.powf(-self.decades(f64::from(distance)))
    }

    /// The distance at which this share of strangers would match. 0, equality, where even that is too much.
    pub fn distance_for_false_match_rate(&self, rate: f64) -> f32 {
        if rate.is_nan() || rate <= 0.0 {
            return 0.0;
        }
        let wanted = -rate.log10() / DECADES;
        let points = &self.parts.face_check;
        // The first line from the strict side that reaches down to what is wanted, continued upwards if need be.
        let Some([near, far]) = points.array_windows().find(|[_, far]| wanted >= f64::from(far[1])) else {
            return points[points.len() - 1][0];
        };
        let per_confidence = (f64::from(near[0]) - f64::from(far[0])) / (f64::from(near[1]) - f64::from(far[1]));
        (f64::from(far[0]) + (wanted - f64::from(far[1])) * per_confidence).max(0.0) as f32
    }

    /// The distance up to which somebody in a gallery of this many templates may be named, so that a stranger is named
    /// in at most this share of searches (ISO/IEC 19795-1 calls it the false-positive identification rate).
    ///
    /// With `n` comparisons of a stranger, each falsely matching at rate `f`, the share is `1 - (1 - f)^n`. Solved for
    /// `f` this takes the distance from the Face Check table, but never a larger one than verify's threshold allows.
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

    /// `-log10` of the false match rate at a distance.
    fn decades(&self, distance: f64) -> f64 {
        if distance.is_nan() {
            return 0.0;
        }
        let points = &self.parts.face_check;
        let Some([near, far]) = points.array_windows().find(|[_, far]| distance <= f64::from(far[0])) else {
            return DECADES * f64::from(points[points.len() - 1][1]);
        };
        let share = (distance - f64::from(near[0])) / (f64::from(far[0]) - f64::from(near[0]));
        DECADES * (f64::from(near[1]) + share * (f64::from(far[1]) - f64::from(near[1])))
    }
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
