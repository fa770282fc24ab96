//! From what the detector sees to faces: what is certain is taken; what is in doubt is looked at closely, turned if need
//! be, and must look like a face to the mesh network too.
//!
//! A detector that was trained on upright faces sees a face on its side or on its head too, but less certainly, and often
//! with its eyes where the mouth is. So what is in doubt is turned until it stands upright, and the turn that the networks
//! believe most is the face's own. Where most faces of a picture lie, the whole of it is looked at once more, set upright.
//! Upright faces that are large enough cost nothing of this.
//!
//! A second detector beside BlazeFace proposes faces too. Where both see one, its box and points are taken.

use std::f32::consts::PI;

use crate::detect::{Detection, Detector, KeyPoints, Search, Seen, smallest_face_px};
use crate::error::VisionError;
use crate::quarter_turn::Lie;
use crate::mesh::{Certainty, Mesh, MeshNetwork};
use crate::picture::{Picture, Raster};
use crate::trace::Tracer;

/// Azure reports at most this many faces of a picture (face-api, detect).
pub(crate) const MOST_FACES: usize = 100;

/// Closer looks and questions to the mesh network that a picture may cost before it shows a face, and what each face adds:
/// a crowd is looked through to its end, and a picture made to raise false alarms costs no more than a small crowd. What is
/// still in doubt when they are spent is no face.
const LOOKS: usize = 250;
const LOOKS_OF_A_FACE: usize = 4;

/// A box of at least this score, upright and of so many pixels in its frame, is taken as it is; of less where it was looked
/// at closely. Upright portraits score 0.71 to 0.96 and, looked at closely, 0.82 to 0.96; on their head 0.52 to 0.81 and 0.37
/// to 0.67; the ground of blurred noise, closely, 0.25 in the median and 0.71 once in a hundred.
const SURE: f32 = 0.85;
const SURE_CLOSELY: f32 = 0.8;
const SURE_PX: f32 = 18.0;

/// A closer look that sees less than this of a hint that was unlikely anyway ends the matter.
const HOPELESS: f32 = 0.2;

/// A box of a second detector of at least this score, upright, is a face even where BlazeFace and the mesh make nothing of
/// it: they know less of faces cut off and half hidden.
const STANDS_ALONE: f32 = 0.85;

/// Side of BlazeFace's reported rectangle over that of the same face by a detector whose boxes are taller: 81 x 81 and
/// 83 x 117 pixels of a portrait. Who has such a detector measures faces by it.
const OVER_TALL_BOXES: f32 = 0.82;

/// Boxes of two detectors that overlap so much show the same face.
const SAME_FACE: f32 = 0.3;

/// How certain the mesh must be of a face that was in doubt; and from where on no other hypothesis is asked about.
const FACE_CERTAINTY: f32 = 0.5;
const BEYOND_DOUBT: f32 = 0.95;

/// In a profile the mesh finds no hold and the detector no eyes: points wander, and turns are told that are none. What scores
/// so much from afar and so much upright in a closer look is a face nevertheless, if the network's own flag, of its box taken
/// for upright, is not below the third number. The one profile among the group photos, scaled to 0.4 and more of its size,
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

/// A closer look is scaled by the size of the hint; where the face turns out so much larger or smaller, it is repeated.
const SCALE_IS_RIGHT: std::ops::RangeInclusive<f32> = 0.8..=1.25;

/// Hypotheses about one hint that the mesh network is asked about.
const MOST_HYPOTHESES: usize = 5;

/// Faces, and the meshes of those that the mesh network was asked about, so that describing need not find them again.
pub(crate) struct Found {
    pub(crate) faces: Vec<Detection>,
    pub(crate) meshes: Vec<(Detection, Mesh)>,
}

/// The networks that look for faces.
pub(crate) struct Eyes<'a> {
    pub(crate) detector: &'a mut Detector,
    pub(crate) second: Option<&'a mut Detector>,
    pub(crate) mesh: &'a mut MeshNetwork,
}

/// Looks for faces.
pub(crate) fn find(
    eyes: Eyes<'_>,
    picture: &Picture,
    search: Search,
    trace: &mut Tracer,
) -> Result<Found, VisionError> {
    let Eyes { detector, second, mesh } = eyes;
    let yardstick = if second.is_some() { OVER_TALL_BOXES } else { 1.0 };
    let smallest = search.smallest_px.unwrap_or_else(|| smallest_face_px(picture.width(), picture.height()));
    let proposed = match second {
        Some(second) => second.survey(picture, search.depth, 1.0, Lie::Upright, trace)?,
        None => Vec::new(),
    };
    let mut finder = Finder {
        detector,
        mesh,
        raster: picture.raster(),
        looks: LOOKS,
        lie: Lie::Upright,
        is_sure_of_one: false,
        faces: Vec::new(),
        meshes: Vec::new(),
    };
    let survey = |finder: &mut Finder<'_>, lie, trace: &mut Tracer| {
        finder.lie = lie;
        let seen = finder.detector.survey(picture, search.depth, yardstick, lie, trace)?;
        Ok::<_, VisionError>(finder.take_what_is_sure(seen))
    };
    let doubtful = survey(&mut finder, Lie::Upright, trace)?;
    let alone = finder.hear_second_detector(proposed, trace)?;
    finder.settle(doubtful, trace)?;
    for face in alone {
        finder.add(face);
    }
    if let Some(lie) = lie_of_most(&finder.faces) {
        let doubtful = survey(&mut finder, lie, trace)?;
        finder.settle(doubtful, trace)?;
    }
    let Finder { detector, faces, meshes, .. } = finder;
    let mut faces = detector.finish(faces, picture, smallest, yardstick);
    faces.truncate(MOST_FACES);
    Ok(Found { faces, meshes })
}

/// How else to look at the picture: as most of its faces lie. Of a hundred small faces on their head the detector gives no
/// hint of 16 to 23; one is missed where it looks at the picture set upright.
fn lie_of_most(faces: &[Detection]) -> Option<Lie> {
    let many = |lie: &Lie| 2 * faces.iter().filter(|face| Lie::of(face.turn()) == *lie).count() > faces.len();
    Lie::TURNED.into_iter().find(many)
}

fn is_apart(face: &Detection, faces: &[Detection]) -> bool {
    faces.iter().all(|known| known.share_in(face).max(face.share_in(known)) <= MOST_SHARED)
}

/// A face that the mesh was asked about.
struct Judged {
    certainty: Certainty,
    face: Detection,
    mesh: Mesh,
}

/// What a hint may be.
struct Hypotheses {
    /// All are likely, and upright as they are told.
    all: Vec<Detection>,
    /// What the closer look without a turn saw, likely or not.
    upright: Option<Detection>,
}

struct Finder<'a> {
    detector: &'a mut Detector,
    mesh: &'a mut MeshNetwork,
    raster: Raster<'a>,
    /// How many are left.
    looks: usize,
    /// How the faces lie that are looked for: what the rest of this calls upright.
    lie: Lie,
    /// Whether the picture has a face that is surely upright.
    is_sure_of_one: bool,
    faces: Vec<Detection>,
    meshes: Vec<(Detection, Mesh)>,
}

impl Finder<'_> {
    /// Takes what is surely a face and gives back the rest.
    fn take_what_is_sure(&mut self, seen: Vec<Seen>) -> Vec<Detection> {
        let mut doubtful = Vec::new();
        let known = self.faces.len();
        for Seen { face, pixels } in seen {
            if face.score >= SURE && pixels >= SURE_PX && self.is_upright(&face) {
                self.is_sure_of_one = true;
                // Which of two that are sure is a piece of the other is found out in the end.
                if is_apart(&face, &self.faces[..known]) {
                    self.faces.push(face);
                }
            } else {
                doubtful.push(face);
            }
        }
        doubtful
    }

    /// Takes what a second detector proposes where the others confirm it. Gives back what it alone is sure of.
    fn hear_second_detector(&mut self, proposed: Vec<Seen>, trace: &mut Tracer) -> Result<Vec<Detection>, VisionError> {
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

    /// Looks closely at what is in doubt.
    fn settle(&mut self, doubtful: Vec<Detection>, trace: &mut Tracer) -> Result<(), VisionError> {
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
            if let Some(face) = self.judge(&hint, trace)? {
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
        apart(face.turn(), self.lie.turn())
    }

    fn is_upright(&self, face: &Detection) -> bool {
        self.leans(face) < UPRIGHT
    }

    /// The face that a second detector sees, where the other networks confirm it; what they see there instead, if it is
    /// turned.
    fn confirm(&mut self, proposed: Detection, trace: &mut Tracer) -> Result<Option<Detection>, VisionError> {
        let Some(face) = self.judge(&proposed, trace)? else { return Ok(None) };
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
    fn judge(&mut self, hint: &Detection, trace: &mut Tracer) -> Result<Option<Detection>, VisionError> {
        let Hypotheses { mut all, upright } = self.hypotheses(hint, trace)?;
        all.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut best: Option<Judged> = None;
        for face in all.into_iter().take(MOST_HYPOTHESES) {
            // Another detector's score says less: YuNet's is up to 0.92 for a face on its head that it calls upright.
            if face.score >= SURE && self.is_upright(&face) && matches!(face.points, KeyPoints::Six(_)) {
                return Ok(Some(face));
            }
            let Some(judged) = self.ask_mesh(face, trace)? else { continue };
            if best.as_ref().is_none_or(|best| judged.certainty.is_face > best.certainty.is_face) {
                best = Some(judged);
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
            best = self.ask_mesh(upright.levelled(self.lie), trace)?.filter(|judged| judged.certainty.flag >= *flag);
        }
        let Some(judged) = best else { return Ok(None) };
        self.looks += LOOKS_OF_A_FACE;
        self.meshes.push((judged.face, judged.mesh));
        Ok(Some(judged.face))
    }

    /// Takes one of the looks that are left.
    fn may_look(&mut self) -> bool {
        let left = self.looks.checked_sub(1);
        self.looks = left.unwrap_or(0);
        left.is_some()
    }

    fn ask_mesh(&mut self, face: Detection, trace: &mut Tracer) -> Result<Option<Judged>, VisionError> {
        if !self.may_look() {
            return Ok(None);
        }
        match self.mesh.find(&self.raster, &face, trace) {
            Ok((certainty, mesh)) => Ok(Some(Judged { certainty, face, mesh })),
            // What the network makes no sense of is no face either.
            Err(VisionError::Unalignable) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the hint may be: itself, and what closer looks make of it.
    fn hypotheses(&mut self, hint: &Detection, trace: &mut Tracer) -> Result<Hypotheses, VisionError> {
        let level = self.lie.turn();
        let is_certain = |face: &Detection| face.score >= SURE_CLOSELY && apart(face.turn(), level) < SURELY_UPRIGHT;
        let is_likely = hint.score >= self.detector.likely();
        let mut places = vec![*hint];
        let mut all = Vec::new();
        if is_likely && self.is_upright(hint) {
            all.push(*hint);
        }
        let mut upright = self.look(hint, level, &mut all, trace)?;
        if !is_likely && upright.is_none_or(|face| face.score < HOPELESS) {
            return Ok(Hypotheses { all, upright });
        }
        if let Some(face) = upright
            && !is_certain(&face)
            && face.score >= HOPELESS
            && !SCALE_IS_RIGHT.contains(&(face.rect.width / hint.rect.width))
        {
            let place = Detection { rect: face.rect, ..*hint };
            upright = self.look(&place, level, &mut all, trace)?.or(upright);
            places.push(place);
        }
        if upright.is_some_and(|face| is_certain(&face)) {
            return Ok(Hypotheses { all, upright });
        }
        // A picture with upright faces hardly has others that lie on their side and are faint too.
        let is_faint = !is_likely && self.is_sure_of_one;
        let sides: &[f32] = if is_faint { &[] } else { &[PI / 2.0, -PI / 2.0] };
        let turns = turns(level, upright.map(|face| face.turn()).into_iter().chain([hint.turn()]), sides);
        if is_faint {
            places.truncate(1);
        }
        // What looked like a face of another size, upright, may have been the hair of one on its head: the hint's own place
        // comes first.
        for place in &places {
            for turn in &turns {
                self.look(place, *turn, &mut all, trace)?;
                if all.iter().any(|face| face.score >= SURE_CLOSELY) {
                    return Ok(Hypotheses { all, upright });
                }
            }
        }
        Ok(Hypotheses { all, upright })
    }

    /// A closer look at a hint, turned. What it sees upright enough joins the hypotheses.
    fn look(
        &mut self,
        hint: &Detection,
        turn: f32,
        hypotheses: &mut Vec<Detection>,
        trace: &mut Tracer,
    ) -> Result<Option<Detection>, VisionError> {
        if !self.may_look() {
            return Ok(None);
        }
        let seen = self.detector.look_closely(&self.raster, hint, turn, trace)?;
        hypotheses
            .extend(seen.filter(|face| face.score >= self.detector.likely() && apart(face.turn(), turn) < UPRIGHT));
        Ok(seen)
    }
}

/// In which other turns to look: as eyes tell where they tell that the face leans, on its head, on the sides that are named; none twice.
fn turns(level: f32, told: impl Iterator<Item = f32>, sides: &[f32]) -> Vec<f32> {
    let mut turns = vec![level];
    let leaning = told.filter(|turn| apart(*turn, level) >= SURELY_UPRIGHT);
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
