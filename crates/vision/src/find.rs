//! From what the detector sees to faces: what is certain is taken; what is in doubt is looked at closely, turned if need
//! be, and must look like a face to the mesh network too.
//!
//! A detector that was trained on upright faces sees a face on its side or on its head too, but less certainly, and often
//! with its eyes where the mouth is. So what is in doubt is turned until it stands upright, and the turn that the networks
//! believe most is the face's own. Upright faces that are large enough cost nothing of this.

use std::f32::consts::PI;

use crate::detect::{Detection, Detector, Search, Seen};
use crate::error::VisionError;
use crate::mesh::{Mesh, MeshNetwork};
use crate::picture::{Picture, Raster};
use crate::trace::Tracer;

/// Azure reports at most this many faces of a picture (face-api, detect).
pub(crate) const MOST_FACES: usize = 100;

/// Closer looks and questions to the mesh network that a picture may cost. The bound keeps a picture made to raise false
/// alarms from costing more than a crowd would; what is still in doubt then is taken by its own score.
const MOST_LOOKS: usize = 2 * MOST_FACES + 50;

/// The mesh network's own decision.
const FACE_CERTAINTY: f32 = 0.5;

/// A face that leans less than this to either side is upright to the detector.
const UPRIGHT: f32 = 50.0 / 180.0 * PI;
/// And this is upright beyond doubt.
const SURELY_UPRIGHT: f32 = 40.0 / 180.0 * PI;
/// Turns that differ by less are one.
const SAME_TURN: f32 = 30.0 / 180.0 * PI;

/// A hint of which so much lies inside a face that was found, and which is not much larger, is a part of it.
const PART_INSIDE: f32 = 0.5;
const PART_SIZE: f32 = 0.6;

/// A closer look is scaled by the size of the hint; where the face turns out so much larger or smaller, it is repeated.
const SCALE_IS_RIGHT: std::ops::RangeInclusive<f32> = 0.8..=1.25;

/// Hypotheses about one hint that the mesh network is asked about.
const MOST_HYPOTHESES: usize = 3;

/// Faces, and the first passes of the mesh over those that it was asked about, so that describing need not repeat them.
pub(crate) struct Found {
    pub(crate) faces: Vec<Detection>,
    pub(crate) first_passes: Vec<(Detection, Mesh)>,
}

/// Looks for faces.
pub(crate) fn find(
    detector: &mut Detector,
    mesh: &mut MeshNetwork,
    picture: &Picture,
    search: Search,
    trace: &mut Tracer,
) -> Result<Found, VisionError> {
    let seen = detector.survey(picture, search, trace)?;
    let belief = detector.belief();
    let is_sure =
        |one: &Seen| one.face.score >= belief.sure && one.pixels >= belief.pixels && one.face.turn().abs() < UPRIGHT;
    let (sure, doubtful): (Vec<_>, Vec<_>) = seen.into_iter().partition(is_sure);
    let mut faces: Vec<Detection> = sure.into_iter().map(|one| one.face).collect();
    let mut finder = Finder { detector, mesh, raster: picture.raster(), looks: 0, first_passes: Vec::new() };
    for hint in doubtful {
        let is_part = |face: &Detection| {
            hint.face.share_in(face) >= PART_INSIDE && face.rect.area() >= PART_SIZE * hint.face.rect.area()
        };
        let is_faint = hint.face.score < belief.likely;
        if faces.iter().any(is_part) || (is_faint && !belief.follows_every_hint && !faces.is_empty()) {
            continue;
        }
        if faces.len() >= 2 * MOST_FACES {
            break;
        }
        if let Some(face) = finder.judge(&hint.face, trace)? {
            faces.push(face);
        }
    }
    let first_passes = finder.first_passes;
    let mut faces = detector.finish(faces, picture, search);
    faces.truncate(MOST_FACES);
    Ok(Found { faces, first_passes })
}

struct Finder<'a> {
    detector: &'a mut Detector,
    mesh: &'a mut MeshNetwork,
    raster: Raster<'a>,
    looks: usize,
    first_passes: Vec<(Detection, Mesh)>,
}

impl Finder<'_> {
    /// The face behind a hint, if there is one.
    fn judge(&mut self, hint: &Detection, trace: &mut Tracer) -> Result<Option<Detection>, VisionError> {
        let belief = self.detector.belief();
        let mut hypotheses = self.hypotheses(hint, trace)?;
        hypotheses.sort_by(|a, b| b.score.total_cmp(&a.score));
        for face in hypotheses.into_iter().take(MOST_HYPOTHESES) {
            if face.score >= belief.sure || self.looks >= MOST_LOOKS {
                return Ok(Some(face));
            }
            self.looks += 1;
            match self.mesh.certainty(&self.raster, &face, trace) {
                Ok((certainty, first)) if certainty >= FACE_CERTAINTY => {
                    self.first_passes.push((face, first));
                    return Ok(Some(face));
                }
                // What the network makes no sense of is no face either.
                Ok(_) | Err(VisionError::Unalignable) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// What the hint may be: itself, and what closer looks make of it. All are likely and upright as they are told.
    fn hypotheses(&mut self, hint: &Detection, trace: &mut Tracer) -> Result<Vec<Detection>, VisionError> {
        let belief = self.detector.belief();
        let is_certain = |face: &Detection| face.score >= belief.sure_closely && face.turn().abs() < SURELY_UPRIGHT;
        let mut hint = *hint;
        let mut hypotheses = Vec::new();
        if hint.score >= belief.likely && hint.turn().abs() < UPRIGHT {
            hypotheses.push(hint);
        }
        let mut upright = self.look(&hint, &[0.0], &mut hypotheses, trace)?;
        if hint.score < belief.likely && upright.is_none_or(|face| face.score < belief.hopeless) {
            return Ok(hypotheses);
        }
        if let Some(face) = upright
            && !is_certain(&face)
            && face.score >= belief.hopeless
            && !SCALE_IS_RIGHT.contains(&(face.rect.width / hint.rect.width))
        {
            hint.rect = face.rect;
            upright = self.look(&hint, &[0.0], &mut hypotheses, trace)?.or(upright);
        }
        if upright.is_some_and(|face| is_certain(&face)) {
            return Ok(hypotheses);
        }
        // On its head, on either side; before that as the eyes tell, where they tell anything.
        let told = upright.map(|face| face.turn()).into_iter().chain([hint.turn()]);
        let mut turns = vec![0.0];
        for turn in told.filter(|turn| turn.abs() >= SURELY_UPRIGHT).chain([PI, PI / 2.0, -PI / 2.0]) {
            if turns.iter().all(|known| apart(turn, *known) >= SAME_TURN) {
                turns.push(turn);
            }
        }
        for turns in turns[1..].chunks(self.detector.looks_at_once()) {
            self.look(&hint, turns, &mut hypotheses, trace)?;
            if hypotheses.iter().any(|face| face.score >= belief.sure_closely) {
                break;
            }
        }
        Ok(hypotheses)
    }

    /// Closer looks in these turns. What they see upright enough joins the hypotheses; gives the best of it, or of all that
    /// is seen where nothing stands upright.
    fn look(
        &mut self,
        hint: &Detection,
        turns: &[f32],
        hypotheses: &mut Vec<Detection>,
        trace: &mut Tracer,
    ) -> Result<Option<Detection>, VisionError> {
        if self.looks >= MOST_LOOKS {
            return Ok(None);
        }
        self.looks += turns.len();
        let likely = self.detector.belief().likely;
        let seen = self.detector.look_closely(&self.raster, hint, turns, trace)?;
        let mut best: Option<(bool, Detection)> = None;
        for (turn, face) in turns.iter().zip(seen).filter_map(|(turn, seen)| Some((turn, seen?.face))) {
            let is_upright = apart(face.turn(), *turn) < UPRIGHT;
            if is_upright && face.score >= likely {
                hypotheses.push(face);
            }
            if best.is_none_or(|(known, best)| (is_upright, face.score) > (known, best.score)) {
                best = Some((is_upright, face));
            }
        }
        Ok(best.map(|(_, face)| face))
    }
}

/// The angle between two turns.
fn apart(a: f32, b: f32) -> f32 {
    let around = (a - b).rem_euclid(2.0 * PI);
    around.min(2.0 * PI - around)
}
