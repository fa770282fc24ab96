//! What covers a face: glasses, masks, hats, hands. Read off regions of the face beside each other, by small linear models.

use std::fmt;

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

/// What is worn on the eyes. Swimming goggles cannot be told from other dark glasses and are called that.
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

/// Certainty from which a covering is reported, 0 to 1.
const CERTAIN: f32 = 0.5;

/// Certainty from which a clear frame is reported: wrinkles and bags under the eyes look like rims.
const CERTAIN_FRAME: f32 = 0.6;

/// Certainty from which a covering counts against the quality of a face. None of the bare faces among the group and sample
/// photos reaches it.
const CERTAIN_FOR_QUALITY: f32 = 0.9;

/// Between these, whether the covering of a mouth is cloth is left open.
const CLOTH: (f32, f32) = (0.4, 0.6);

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
    pub(crate) fn of(view: &View) -> Self {
        let mut covering = Self::default();
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

    pub(crate) fn glasses(&self) -> Glasses {
        if self.dark >= CERTAIN {
            Glasses::Sunglasses
        } else if self.frame >= CERTAIN_FRAME {
            Glasses::Reading
        } else {
            Glasses::None
        }
    }

    pub(crate) fn occlusion(&self) -> Occlusion {
        Occlusion {
            forehead: self.forehead >= CERTAIN,
            eye: self.dark + self.hidden >= CERTAIN,
            mouth: self.mouth >= CERTAIN,
        }
    }

    pub(crate) fn mask(&self) -> Mask {
        let is_covered = self.mouth >= CERTAIN;
        let kind = match self.cloth {
            _ if !is_covered => MaskKind::NoMask,
            cloth if cloth < CLOTH.0 => MaskKind::OtherMaskOrOcclusion,
            cloth if cloth < CLOTH.1 => MaskKind::Uncertain,
            _ => MaskKind::FaceMask,
        };
        Mask { kind, nose_and_mouth_covered: is_covered && self.nose >= CERTAIN }
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
        (self.dark + self.hidden).max(self.mouth) >= CERTAIN_FOR_QUALITY
    }

    pub(crate) fn wears_hat(&self) -> bool {
        self.headwear >= CERTAIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsure_is_neutral() {
        let nothing = Covering::default();
        assert!(nothing.glasses() == Glasses::None && nothing.accessories() == Accessories::default());
        assert!(nothing.mask() == Mask { kind: MaskKind::NoMask, nose_and_mouth_covered: false });
        let doubtful = Covering { frame: 0.55, mouth: 0.49, cloth: 0.9, nose: 0.9, headwear: 0.49, ..nothing };
        assert!(doubtful.glasses() == Glasses::None && doubtful.accessories() == Accessories::default());
        assert!(!doubtful.mask().nose_and_mouth_covered && !doubtful.hides_the_face());
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
    }

    #[test]
    fn debug_tells_nothing() {
        assert_eq!(format!("{:?} {:?}", Glasses::Reading, MaskKind::FaceMask), "Glasses(..) MaskKind(..)");
    }
}
