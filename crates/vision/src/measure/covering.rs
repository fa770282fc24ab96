//! What covers a face: glasses, masks, hats, hands. Read off regions of the face beside each other, by small linear models.

use std::fmt;

use super::pose::HeadPose;
use super::signals;
use super::view::View;
use super::weights;

/// Prints that there is a value, never the value: it says something about a person.
macro_rules! closed_debug {
    ($($name:ident),*) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        })*
    };
}
pub(crate) use closed_debug;

/// What is worn on the eyes. Swimming goggles cannot be distinguished from other dark glasses and are reported as them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Glasses {
    /// Nothing, or nothing certain.
    None,
    /// A frame through whose lenses the eyes are seen.
    Reading,
    /// Dark lenses.
    Sunglasses,
}

/// Which parts of the face cannot be seen. Dark lenses occlude the eyes; hair over the forehead occludes it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Occlusion {
    /// The forehead.
    pub forehead: bool,
    /// At least one eye, as far as both could be judged together.
    pub eye: bool,
    /// The mouth.
    pub mouth: bool,
}

/// What is worn, each with a confidence from above 0.5 to 1; `None` is not worn, or not certain.
#[derive(Clone, Copy, PartialEq, Default)]
pub struct Accessories {
    /// A hat, cap or helmet.
    pub headwear: Option<f32>,
    /// Glasses of any kind.
    pub glasses: Option<f32>,
    /// A mask over the mouth.
    pub mask: Option<f32>,
}

/// What is over the mouth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum MaskKind {
    /// Cloth or paper.
    FaceMask,
    /// Nothing.
    NoMask,
    /// Something, but not a mask.
    OtherMaskOrOcclusion,
    /// It cannot be said.
    Uncertain,
}

/// A mask and how it is worn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mask {
    /// What it is.
    pub kind: MaskKind,
    /// Whether nose and mouth are both behind it.
    pub nose_and_mouth_covered: bool,
}

closed_debug!(Glasses, Occlusion, Accessories, MaskKind, Mask);

/// How certain each statement must be before it is made, 0 to 1; below that the face is said to wear and hide nothing.
///
/// All thresholds of this module stand here. A wrong "yes" does more harm than a wrong "no": a client turns somebody away
/// for glasses that nobody wears. So each is about the least in steps of 0.05 with which, on the drawings over the group
/// photos and over the sample photos, a wrong "yes" is clearly rarer than a wrong "no", and which no bare face of the
/// labelled photos reaches (`crates/server/tests/it/data/worn.csv`; the highest of them is given below). `docs/accuracy.md`
/// has the rates and what the choice costs.
mod certain {
    /// Dark lenses, which hide the eyes too. 0.03 on a bare face.
    pub(super) const DARK: f32 = 0.6;
    /// Glasses of either kind, the shares of a frame and of dark lenses together: wrinkles, bags under the eyes and dark
    /// brows look like rims. 0.91 on a bare face; both faces with glasses reach 0.99.
    pub(super) const GLASSES: f32 = 0.95;
    /// Eyes behind anything, dark lenses or a hand. 0.15 on a bare face, but shadows of small faces look like it: an eighth of
    /// those about 33 pixels wide reach 0.7.
    pub(super) const EYE: f32 = 0.85;
    /// A covered mouth. 0.55 on a bare face, which looks down and is soft.
    pub(super) const MOUTH: f32 = 0.6;
    /// A covered nose, where the mouth is covered.
    pub(super) const NOSE: f32 = 0.6;
    /// Between these, whether the covering of a mouth is cloth is left open.
    pub(super) const CLOTH: (f32, f32) = (0.4, 0.6);
    /// A covered forehead. 0.45 on a bare one; four of five that are covered reach 0.67, by fringe or helmet.
    pub(super) const FOREHEAD: f32 = 0.6;
    /// A hat. 0.36 on a bare head.
    pub(super) const HEADWEAR: f32 = 0.7;
    /// Hidden eyes or a covered mouth that count against the quality of a face.
    pub(super) const FOR_QUALITY: f32 = 0.9;
}

/// Yaw in degrees beyond which nothing is said: the models know no heads that are turned further.
const MOST_YAW: f32 = 45.0;

/// Width of a face in pixels below which nothing is said, as where its quality becomes low: a rim is thinner than a pixel.
const LEAST_WIDTH: f32 = 36.0;

/// How certain each covering is, 0 to 1. Regions that lie outside the picture say nothing, and then nothing is worn.
#[derive(Clone, Copy, Default)]
pub(crate) struct Covering {
    /// A frame with clear lenses; dark lenses; something else before the eyes.
    frame: f32,
    dark: f32,
    hidden: f32,
    mouth: f32,
    cloth: f32,
    nose: f32,
    forehead: f32,
    headwear: f32,
}

impl Covering {
    /// What covers a face that is turned like this and so many pixels wide.
    pub(crate) fn of(view: &View, pose: HeadPose, width_px: f32) -> Self {
        let mut covering = Self::default();
        if pose.yaw.abs() > MOST_YAW || width_px < LEAST_WIDTH {
            return covering;
        }
        if let Some(eyes) = signals::eyes(view) {
            let scaled = weights::EYES_SCALE.apply(&eyes);
            [_, covering.frame, covering.dark, covering.hidden] = weights::shares(&weights::EYES, &scaled);
        }
        if let Some(lower) = signals::lower(view) {
            let scaled = weights::LOWER_SCALE.apply(&lower);
            covering.mouth = weights::MOUTH.share(&scaled);
            covering.cloth = weights::CLOTH.share(&scaled);
            covering.nose = weights::NOSE.share(&scaled);
        }
        if let Some(forehead) = signals::forehead(view) {
            let scaled = weights::FOREHEAD_SCALE.apply(&forehead);
            covering.forehead = weights::FOREHEAD.share(&scaled);
            covering.headwear = weights::HEADWEAR.share(&scaled);
        }
        covering
    }

    /// Either certain of dark lenses, or certain of glasses, whose kind then is the likelier one.
    pub(crate) fn glasses(&self) -> Glasses {
        if self.has_dark_lenses() {
            Glasses::Sunglasses
        } else if self.frame + self.dark < certain::GLASSES {
            Glasses::None
        } else if self.dark > self.frame {
            Glasses::Sunglasses
        } else {
            Glasses::Reading
        }
    }

    fn has_dark_lenses(&self) -> bool {
        self.dark >= certain::DARK
    }

    pub(crate) fn occlusion(&self) -> Occlusion {
        Occlusion {
            forehead: self.forehead >= certain::FOREHEAD,
            eye: self.has_dark_lenses() || self.dark + self.hidden >= certain::EYE,
            mouth: self.mouth >= certain::MOUTH,
        }
    }

    pub(crate) fn mask(&self) -> Mask {
        let is_covered = self.mouth >= certain::MOUTH;
        let kind = match self.cloth {
            _ if !is_covered => MaskKind::NoMask,
            cloth if cloth < certain::CLOTH.0 => MaskKind::OtherMaskOrOcclusion,
            cloth if cloth < certain::CLOTH.1 => MaskKind::Uncertain,
            _ => MaskKind::FaceMask,
        };
        Mask { kind, nose_and_mouth_covered: is_covered && self.nose >= certain::NOSE }
    }

    pub(crate) fn accessories(&self) -> Accessories {
        let glasses = match self.glasses() {
            Glasses::None => None,
            Glasses::Reading | Glasses::Sunglasses => Some((self.frame + self.dark).min(1.0)),
        };
        let is_mask = self.mask().kind == MaskKind::FaceMask;
        Accessories {
            headwear: self.wears_hat().then_some(self.headwear),
            glasses,
            mask: is_mask.then_some(self.mouth.min(self.cloth)),
        }
    }

    /// Whether eyes or mouth are certainly behind something.
    pub(crate) fn hides_the_face(&self) -> bool {
        (self.dark + self.hidden).max(self.mouth) >= certain::FOR_QUALITY
    }

    pub(crate) fn wears_hat(&self) -> bool {
        self.headwear >= certain::HEADWEAR
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::view_of;
    use super::*;

    #[test]
    fn unsure_is_neutral() {
        let nothing = Covering::default();
        assert!(nothing.glasses() == Glasses::None && nothing.accessories() == Accessories::default());
        assert!(nothing.mask() == Mask { kind: MaskKind::NoMask, nose_and_mouth_covered: false });
        let doubtful = [
            Covering { frame: 0.91, dark: 0.03, hidden: 0.03, ..nothing },
            Covering { frame: 0.45, dark: 0.45, hidden: 0.05, ..nothing },
            Covering { dark: 0.5, hidden: 0.3, ..nothing },
            Covering { mouth: 0.59, cloth: 0.9, nose: 0.9, forehead: 0.59, headwear: 0.69, ..nothing },
        ];
        for (at, doubtful) in doubtful.into_iter().enumerate() {
            assert!(doubtful.glasses() == Glasses::None && doubtful.accessories() == Accessories::default(), "{at}");
            assert!(doubtful.occlusion() == Occlusion { forehead: false, eye: false, mouth: false }, "{at}");
            assert!(doubtful.mask() == nothing.mask() && !doubtful.hides_the_face(), "{at}");
        }
    }

    #[test]
    fn far_turned_and_very_small_faces_are_said_to_wear_nothing() {
        // Dark bars where lenses are, a frame around them.
        let view = view_of(|u, v| if (u.abs() - 0.5).hypot(v) < 0.35 { [12.0; 3] } else { [200.0, 150.0, 130.0] });
        let turned = |yaw: f32| HeadPose { pitch: 0.0, roll: 0.0, yaw };
        assert!(Covering::of(&view, turned(44.0), 36.0).dark > 0.0);
        for (yaw, width) in [(46.0, 200.0), (-46.0, 200.0), (0.0, 35.0), (90.0, 10.0)] {
            let covering = Covering::of(&view, turned(yaw), width);
            assert!(covering.glasses() == Glasses::None && covering.accessories() == Accessories::default());
            assert!(covering.dark.abs() < f32::EPSILON && !covering.occlusion().eye && !covering.hides_the_face());
        }
    }

    #[test]
    fn a_covered_mouth_is_a_mask_something_else_or_uncertain() {
        let cases = [
            (0.1, MaskKind::OtherMaskOrOcclusion, None),
            (0.5, MaskKind::Uncertain, None),
            (0.8, MaskKind::FaceMask, Some(0.8)),
        ];
        for (cloth, kind, listed) in cases {
            let covering = Covering { mouth: 0.9, cloth, ..Covering::default() };
            assert!(covering.mask().kind == kind && covering.accessories().mask == listed, "{cloth}");
            assert!(covering.occlusion().mouth && covering.hides_the_face(), "{cloth}");
        }
    }

    #[test]
    fn dark_glasses_hide_the_eyes() {
        let covering = Covering { dark: 0.7, frame: 0.2, ..Covering::default() };
        assert!(covering.glasses() == Glasses::Sunglasses && covering.occlusion().eye);
        assert!(covering.accessories().glasses.is_some_and(|sure| (sure - 0.9).abs() < 1e-6));
        let clear = Covering { dark: 0.1, frame: 0.87, ..Covering::default() };
        assert!(clear.glasses() == Glasses::Reading && !clear.occlusion().eye);
    }

    #[test]
    fn debug_tells_nothing() {
        assert_eq!(format!("{:?} {:?}", Glasses::Reading, MaskKind::FaceMask), "Glasses(..) MaskKind(..)");
    }
}
