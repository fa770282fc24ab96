//! Find similar: the faces nearest to a probe.

use crate::{Calibration, FaceNumber, GalleryView, PersonNumber, Probe, SAME_PERSON, Visible, distance};

/// What find similar returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Only faces that verify would call the same person: confidence of at least [`SAME_PERSON`], whatever the size of
    /// the gallery. May be none.
    MatchPerson,
    /// The nearest faces, however far they are.
    MatchFace,
}

impl Mode {
    fn keeps(self, confidence: f32) -> bool {
        match self {
            Self::MatchPerson => confidence >= SAME_PERSON,
            Self::MatchFace => true,
        }
    }
}

/// A similar face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimilarHit {
    /// The face.
    pub face: FaceNumber,
    /// The person it belongs to, or [`crate::NOBODY`].
    pub person: PersonNumber,
    /// Distance from the probe.
    pub distance: f32,
    /// Confidence of the verify mapping.
    pub confidence: f32,
}

/// Which faces of a gallery are similar to this one? Nearest first, of equal distances the smaller face number first, at most
/// `max` of them.
///
/// # Panics
/// When the probe is of another dimension.
pub fn find_similar(
    view: &GalleryView,
    probe: &Probe,
    mode: Mode,
    max: usize,
    visible: Visible,
    calibration: &Calibration,
) -> Vec<SimilarHit> {
    let nearest = view.nearest(probe, max, visible).into_iter();
    let hits = nearest.map(|hit| SimilarHit {
        face: hit.face,
        person: hit.person,
        distance: hit.distance,
        confidence: calibration.verify_confidence(hit.distance),
    });
    hits.take_while(|hit| mode.keeps(hit.confidence)).collect()
}

/// Which of these templates are similar to this one? As [`find_similar`], for templates that are in no gallery: their
/// positions and confidences, of equal distances the earlier position first.
///
/// Meant for the thousand face ids that the contract allows. Templates that are not finite are near nobody.
///
/// # Panics
/// When the templates and the probe are not all of one length.
pub fn find_similar_among(
    templates: &[&[f32]],
    probe: &[f32],
    mode: Mode,
    max: usize,
    calibration: &Calibration,
) -> Vec<(usize, f32)> {
    let mut by_distance: Vec<(usize, f32)> =
        templates.iter().enumerate().map(|(position, template)| (position, distance(template, probe))).collect();
    by_distance.retain(|(_, distance)| !distance.is_nan());
    by_distance.sort_by(|a, b| a.1.total_cmp(&b.1));
    let hits = by_distance.into_iter().map(|(position, distance)| (position, calibration.verify_confidence(distance)));
    hits.take_while(|(_, confidence)| mode.keeps(*confidence)).take(max).collect()
}
