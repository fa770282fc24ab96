//! From a detector's boxes to faces: certain boxes are accepted; a doubtful one is examined at a closer scale, turned if
//! need be, and must be confirmed by the mesh network.
//!
//! A detector that was trained on upright faces finds a face on its side or upside down too, but with a lower score, and
//! often with its eyes where the mouth is. So a doubtful box is turned until its face is upright, and the turn with the
//! highest certainty is the face's own. Where most faces of a picture are turned, the whole picture is turned and searched
//! once more. Upright faces that are large enough need none of this.
//!
//! A second detector beside BlazeFace proposes faces too. Where both find one, its box and points are taken.

use std::f32::consts::PI;

use crate::detect::{Detection, Detector, KeyPoints, Search, Sighting, smallest_face_px};
use crate::error::VisionError;
use crate::mesh::{Certainty, Mesh, MeshNetwork};
use crate::picture::{Picture, Raster};
use crate::quarter_turn::QuarterTurn;
use crate::trace::Tracer;

/// Azure reports at most this many faces of a picture (face-api, detect).
pub(crate) const MOST_FACES: usize = 100;

/// How many doubtful boxes are examined (at a closer scale or by the mesh network) before a picture shows a face, and how
/// many each face adds: a crowd is searched to its end, and a picture made to raise false alarms costs no more than a small
/// crowd. A box that is still doubtful when the budget is spent is no face.
const CHECKS: usize = 250;
const CHECKS_PER_FACE: usize = 4;

/// A box of at least this score, upright and of so many pixels in its frame, is accepted as it is; of less where it was examined
/// closely. Upright portraits score 0.71 to 0.96 and, examined closely, 0.82 to 0.96; upside down 0.52 to 0.81 and 0.37
/// to 0.67; the ground of blurred noise, closely, 0.25 in the median and 0.71 once in a hundred.
const SURE: f32 = 0.85;
const SURE_CLOSELY: f32 = 0.8;
const SURE_PX: f32 = 18.0;

/// A closer examination that scores less than this ends the search at a hint that was unlikely anyway.
const HOPELESS: f32 = 0.2;

/// A box of a second detector of at least this score, upright, is a face even where BlazeFace and the mesh network do
/// not confirm it: they are weaker on faces that are cut off or half hidden.
const STANDS_ALONE: f32 = 0.85;

/// Side of BlazeFace's reported rectangle over that of the same face by a detector whose boxes are taller: 81 x 81 and
/// 83 x 117 pixels of a portrait. With such a detector, faces are measured by its boxes.
const OVER_TALL_BOXES: f32 = 0.82;

/// Boxes of two detectors that overlap so much show the same face.
const SAME_FACE: f32 = 0.3;

/// How certain the mesh network must be of a doubtful face; and from which certainty on no other hypothesis is tried.
const FACE_CERTAINTY: f32 = 0.5;
const BEYOND_DOUBT: f32 = 0.95;

/// In a profile the mesh does not fit and the detector finds no eyes: points are unstable, and turns are reported that are
/// none. What scores so much in the whole picture and so much upright in a closer examination is a face nevertheless, if the
/// network's own flag, of its box taken for upright, is not below the third number. The one profile among the group photos, scaled to 0.4 and more of its size,
/// scores 0.68 and 0.69 and more, with flags of 0.17 and more; filling its picture 0.66 and 0.53, with 0.84 and more. Of 897
/// pictures without people two score like it. Faces on their head score up to 0.67 closely.
const PLAIN: [(f32, f32, f32); 2] = [(0.68, 0.68, 0.15), (0.65, 0.5, 0.8)];

/// A face that leans less than this to either side is upright to the detector.
const UPRIGHT: f32 = 50.0 / 180.0 * PI;
/// And this is upright beyond doubt.
const SURELY_UPRIGHT: f32 = 40.0 / 180.0 * PI;
/// Turns that differ by less are one.
const SAME_TURN: f32 = 30.0 / 180.0 * PI;

/// A hint of which so much lies inside a face that was found, and which is not much larger, is a part of it.
const PART_INSIDE: f32 = 0.5;
const PART_SIZE: f32 = 0.6;

/// A doubtful face that shares more of the smaller box with one that was found is a piece of it with hair or neck. Of two
/// people cheek to cheek a third is shared at most; of the pieces of enlarged portraits 0.38 and more.
const MOST_SHARED: f32 = 0.36;

/// A closer examination is scaled by the size of the hint; where the face turns out so much larger or smaller, it is repeated.
const SCALE_IS_RIGHT: std::ops::RangeInclusive<f32> = 0.8..=1.25;

/// Hypotheses about one hint that the mesh network checks.
const MOST_HYPOTHESES: usize = 5;

/// Faces, and the meshes of those that the mesh network checked, so that describing need not find them again.
pub(crate) struct Found {
    pub(crate) faces: Vec<Detection>,
    pub(crate) meshes: Vec<(Detection, Mesh)>,
}

/// The networks that find faces.
pub(crate) struct FaceNetworks<'a> {
    pub(crate) detector: &'a mut Detector,
    pub(crate) second: Option<&'a mut Detector>,
    pub(crate) mesh: &'a mut MeshNetwork,
}

/// Finds the faces of a picture.
pub(crate) fn find(
    networks: FaceNetworks<'_>,
    picture: &Picture,
    search: Search,
    trace: &mut Tracer,
) -> Result<Found, VisionError> {
    let FaceNetworks { detector, second, mesh } = networks;
    let yardstick = if second.is_some() { OVER_TALL_BOXES } else { 1.0 };
    let smallest = search.smallest_px.unwrap_or_else(|| smallest_face_px(picture.width(), picture.height()));
    let proposed = match second {
        Some(second) => second.survey(picture, search.depth, 1.0, QuarterTurn::Upright, trace)?,
        None => Vec::new(),
    };
    let mut finder = Finder {
        detector,
        mesh,
        raster: picture.raster(),
        budget: CHECKS,
        quarter: QuarterTurn::Upright,
        is_sure_of_one: false,
        faces: Vec::new(),
        meshes: Vec::new(),
    };
    let survey = |finder: &mut Finder<'_>, quarter, trace: &mut Tracer| {
        finder.quarter = quarter;
        let seen = finder.detector.survey(picture, search.depth, yardstick, quarter, trace)?;
        Ok::<_, VisionError>(finder.accept_sure(seen))
    };
    let doubtful = survey(&mut finder, QuarterTurn::Upright, trace)?;
    let alone = finder.accept_second(proposed, trace)?;
    finder.examine(doubtful, trace)?;
    for face in alone {
        finder.add(face);
    }
    if let Some(quarter) = quarter_of_most(&finder.faces) {
        let doubtful = survey(&mut finder, quarter, trace)?;
        finder.examine(doubtful, trace)?;
    }
    let Finder { detector, faces, meshes, .. } = finder;
    let mut faces = detector.finish(faces, picture, smallest, yardstick);
    faces.truncate(MOST_FACES);
    Ok(Found { faces, meshes })
}

/// How to turn the picture for another search: as most of its faces are turned. Of a hundred small faces upside down the
/// detector gives no hint of 16 to 23; one is missed where it searches the picture turned upright.
fn quarter_of_most(faces: &[Detection]) -> Option<QuarterTurn> {
    let many = |quarter: &QuarterTurn| {
        2 * faces.iter().filter(|face| QuarterTurn::of(face.turn()) == *quarter).count() > faces.len()
    };
    QuarterTurn::TURNED.into_iter().find(many)
}

fn is_apart(face: &Detection, faces: &[Detection]) -> bool {
    faces.iter().all(|known| known.share_in(face).max(face.share_in(known)) <= MOST_SHARED)
}

/// A face that the mesh network checked.
struct Checked {
    certainty: Certainty,
    face: Detection,
    mesh: Mesh,
}

/// What a hint may be.
struct Hypotheses {
    /// All are likely, and upright after their turn.
    all: Vec<Detection>,
    /// What the closer examination without a turn found, likely or not.
    upright: Option<Detection>,
}

struct Finder<'a> {
    detector: &'a mut Detector,
    mesh: &'a mut MeshNetwork,
    raster: Raster<'a>,
    /// How many examinations are left.
    budget: usize,
    /// The turn of the faces that are searched for: what the rest of this file calls upright.
    quarter: QuarterTurn,
    /// Whether the picture has a face that is surely upright.
    is_sure_of_one: bool,
    faces: Vec<Detection>,
    meshes: Vec<(Detection, Mesh)>,
}

impl Finder<'_> {
    /// Accepts what is surely a face and returns the rest.
    fn accept_sure(&mut self, seen: Vec<Sighting>) -> Vec<Detection> {
        let mut doubtful = Vec::new();
        let known = self.faces.len();
        for Sighting { face, pixels } in seen {
            if face.score >= SURE && pixels >= SURE_PX && self.is_upright(&face) {
                self.is_sure_of_one = true;
                // Which of two sure ones is a piece of the other is decided at the end.
                if is_apart(&face, &self.faces[..known]) {
                    self.faces.push(face);
                }
            } else {
                doubtful.push(face);
            }
        }
        doubtful
    }

    /// Accepts what a second detector proposes where the others confirm it. Returns what it alone is sure of.
    fn accept_second(&mut self, proposed: Vec<Sighting>, trace: &mut Tracer) -> Result<Vec<Detection>, VisionError> {
        let mut alone = Vec::new();
        for face in proposed.into_iter().map(|seen| seen.face) {
            let is_upright = self.is_upright(&face);
            if let Some(known) = self.faces.iter_mut().find(|known| known.rect.overlap(&face.rect) >= SAME_FACE) {
                if is_upright {
                    *known = face;
                }
            } else if self.faces.len() < 2 * MOST_FACES {
                match self.confirm(face, trace)? {
                    Some(face) => self.add(face),
                    None if face.score >= STANDS_ALONE && is_upright => alone.push(face),
                    None => {}
                }
            }
        }
        Ok(alone)
    }

    /// Examines the doubtful boxes closely.
    fn examine(&mut self, doubtful: Vec<Detection>, trace: &mut Tracer) -> Result<(), VisionError> {
        for hint in doubtful {
            let is_part = |face: &Detection| {
                hint.share_in(face) >= PART_INSIDE && face.rect.area() >= PART_SIZE * hint.rect.area()
            };
            if self.faces.iter().any(is_part) {
                continue;
            }
            if self.faces.len() >= 2 * MOST_FACES {
                break;
            }
            if let Some(face) = self.best_hypothesis(&hint, trace)? {
                self.add(face);
            }
        }
        Ok(())
    }

    /// A face, unless it is a piece of one that is known.
    fn add(&mut self, face: Detection) {
        if is_apart(&face, &self.faces) {
            self.faces.push(face);
        }
    }

    fn leans(&self, face: &Detection) -> f32 {
        apart(face.turn(), self.quarter.turn())
    }

    fn is_upright(&self, face: &Detection) -> bool {
        self.leans(face) < UPRIGHT
    }

    /// The face that a second detector found, where the other networks confirm it; what they find there instead, if it is
    /// turned.
    fn confirm(&mut self, proposed: Detection, trace: &mut Tracer) -> Result<Option<Detection>, VisionError> {
        let Some(face) = self.best_hypothesis(&proposed, trace)? else { return Ok(None) };
        let agree =
            self.is_upright(&face) && self.is_upright(&proposed) && face.rect.overlap(&proposed.rect) >= SAME_FACE;
        if !agree {
            return Ok(Some(face));
        }
        if let Some((known, _)) = self.meshes.last_mut().filter(|(known, _)| *known == face) {
            *known = proposed;
        }
        Ok(Some(proposed))
    }

    /// The face behind a hint, if there is one: the hypothesis of which the mesh is most certain.
    fn best_hypothesis(&mut self, hint: &Detection, trace: &mut Tracer) -> Result<Option<Detection>, VisionError> {
        let Hypotheses { mut all, upright } = self.hypotheses(hint, trace)?;
        all.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut best: Option<Checked> = None;
        for face in all.into_iter().take(MOST_HYPOTHESES) {
            // Another detector's score says less: YuNet's is up to 0.92 for a face upside down that it takes for upright.
            if face.score >= SURE && self.is_upright(&face) && matches!(face.points, KeyPoints::Six(_)) {
                return Ok(Some(face));
            }
            let Some(checked) = self.check_mesh(face, trace)? else { continue };
            if best.as_ref().is_none_or(|best| checked.certainty.is_face > best.certainty.is_face) {
                best = Some(checked);
            }
            if best.as_ref().is_some_and(|best| best.certainty.is_face >= BEYOND_DOUBT) {
                break;
            }
        }
        best = best.filter(|best| best.certainty.is_face >= FACE_CERTAINTY);
        if let (None, Some(upright)) = (&best, upright)
            && let Some((_, _, flag)) =
                PLAIN.iter().find(|(from_afar, closely, _)| hint.score >= *from_afar && upright.score >= *closely)
        {
            best = self
                .check_mesh(upright.levelled(self.quarter), trace)?
                .filter(|checked| checked.certainty.flag >= *flag);
        }
        let Some(checked) = best else { return Ok(None) };
        self.budget += CHECKS_PER_FACE;
        self.meshes.push((checked.face, checked.mesh));
        Ok(Some(checked.face))
    }

    /// Spends one of the examinations that are left; `false` when there is none.
    fn spend(&mut self) -> bool {
        let left = self.budget.checked_sub(1);
        self.budget = left.unwrap_or(0);
        left.is_some()
    }

    fn check_mesh(&mut self, face: Detection, trace: &mut Tracer) -> Result<Option<Checked>, VisionError> {
        if !self.spend() {
            return Ok(None);
        }
        match self.mesh.find(&self.raster, &face, trace) {
            Ok((certainty, mesh)) => Ok(Some(Checked { certainty, face, mesh })),
            // Where the network finds no mesh there is no face either.
            Err(VisionError::Unalignable) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the hint may be: itself, and what closer examinations find.
    fn hypotheses(&mut self, hint: &Detection, trace: &mut Tracer) -> Result<Hypotheses, VisionError> {
        let level = self.quarter.turn();
        let is_certain = |face: &Detection| face.score >= SURE_CLOSELY && apart(face.turn(), level) < SURELY_UPRIGHT;
        let is_likely = hint.score >= self.detector.likely();
        let mut places = vec![*hint];
        let mut all = Vec::new();
        if is_likely && self.is_upright(hint) {
            all.push(*hint);
        }
        let mut upright = self.refine(hint, level, &mut all, trace)?;
        if !is_likely && upright.is_none_or(|face| face.score < HOPELESS) {
            return Ok(Hypotheses { all, upright });
        }
        if let Some(face) = upright
            && !is_certain(&face)
            && face.score >= HOPELESS
            && !SCALE_IS_RIGHT.contains(&(face.rect.width / hint.rect.width))
        {
            let place = Detection { rect: face.rect, ..*hint };
            upright = self.refine(&place, level, &mut all, trace)?.or(upright);
            places.push(place);
        }
        if upright.is_some_and(|face| is_certain(&face)) {
            return Ok(Hypotheses { all, upright });
        }
        // A picture with upright faces hardly has others that are on their side and faint too.
        let is_faint = !is_likely && self.is_sure_of_one;
        let sides: &[f32] = if is_faint { &[] } else { &[PI / 2.0, -PI / 2.0] };
        let turns = turns(level, upright.map(|face| face.turn()).into_iter().chain([hint.turn()]), sides);
        if is_faint {
            places.truncate(1);
        }
        // What was taken for a face of another size, upright, may have been the hair of one upside down: the hint's own
        // place comes first.
        for place in &places {
            for turn in &turns {
                self.refine(place, *turn, &mut all, trace)?;
                if all.iter().any(|face| face.score >= SURE_CLOSELY) {
                    return Ok(Hypotheses { all, upright });
                }
            }
        }
        Ok(Hypotheses { all, upright })
    }

    /// Examines a hint closely, turned. What is upright enough joins the hypotheses.
    fn refine(
        &mut self,
        hint: &Detection,
        turn: f32,
        hypotheses: &mut Vec<Detection>,
        trace: &mut Tracer,
    ) -> Result<Option<Detection>, VisionError> {
        if !self.spend() {
            return Ok(None);
        }
        let seen = self.detector.refine(&self.raster, hint, turn, trace)?;
        hypotheses
            .extend(seen.filter(|face| face.score >= self.detector.likely() && apart(face.turn(), turn) < UPRIGHT));
        Ok(seen)
    }
}

/// Which other turns to try: those of the eyes where they say that the face leans, upside down, and the sides that are
/// named; none twice.
fn turns(level: f32, of_eyes: impl Iterator<Item = f32>, sides: &[f32]) -> Vec<f32> {
    let mut turns = vec![level];
    let leaning = of_eyes.filter(|turn| apart(*turn, level) >= SURELY_UPRIGHT);
    for turn in leaning.chain([PI].iter().chain(sides).map(|turn| turn + level)) {
        if turns.iter().all(|known| apart(turn, *known) >= SAME_TURN) {
            turns.push(turn);
        }
    }
    turns.split_off(1)
}

/// The angle between two turns.
fn apart(a: f32, b: f32) -> f32 {
    let around = (a - b).rem_euclid(2.0 * PI);
    around.min(2.0 * PI - around)
}
