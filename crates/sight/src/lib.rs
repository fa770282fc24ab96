//! What is seen of the frames of a liveness capture: the measures of `likeness-vision` in the words of `likeness-liveness`.
//!
//! Start at [`observe`] for one frame while a capture runs, at [`compare`] for pairs of frames once it is over. Nothing is kept:
//! pixels end with the call, and the grey chips that pairs are compared by are the caller's, who wipes them with the capture.
//!
//! What this crate does not know: the rules of a capture, workers, sessions, HTTP.

use likeness_liveness::{Covered, FaceSeen, FramePair, FrameSize, Observation, PairSeen, Quality, Rectangle};
use likeness_vision::{
    AttributeSet, DescribeOptions, Face, GreyChip, Limits, MaskKind, Picture, Search, Vision, VisionError, solidity,
};

/// Faces that the protocol counts; more are as many.
const MOST_FACES: usize = 255;

/// Why a frame shows nothing.
#[derive(Debug, thiserror::Error)]
pub enum Unseen {
    /// It is no picture.
    #[error("the frame cannot be decoded")]
    Undecodable,
    /// A network failed.
    #[error(transparent)]
    Vision(#[from] VisionError),
}

/// One frame: what the rules read of it, and the chip by which its face can be compared with that of another.
#[derive(Debug)]
pub struct Glimpse {
    /// For the rules.
    pub observation: Observation,
    /// For [`compare`], where there is a face.
    pub chip: Option<GreyChip>,
}

/// Decodes a frame.
///
/// # Errors
/// [`Unseen::Undecodable`].
pub fn decoded(jpeg: &[u8]) -> Result<Picture, Unseen> {
    Picture::decode(jpeg, &Limits::default()).map_err(|_| Unseen::Undecodable)
}

/// Measures one frame.
///
/// # Errors
/// [`Unseen`].
pub fn observe(vision: &mut Vision, jpeg: &[u8], seq: u32, step: u16) -> Result<Glimpse, Unseen> {
    let picture = decoded(jpeg)?;
    let found = vision.detect(&picture, Search::capture())?;
    let attributes = AttributeSet::HEAD_POSE
        | AttributeSet::BLUR
        | AttributeSet::EXPOSURE
        | AttributeSet::QUALITY
        | AttributeSet::OCCLUSION
        | AttributeSet::MASK;
    let options = DescribeOptions { attributes, capture: true, ..DescribeOptions::default() };
    let mut face = found.first().map(|largest| vision.describe(&picture, largest, options)).transpose()?;
    Ok(Glimpse {
        observation: Observation {
            seq,
            // The capture knows it.
            capture_ms: 0.0,
            step,
            size: FrameSize { width: picture.original_width(), height: picture.original_height() },
            faces: u8::try_from(found.len().min(MOST_FACES)).unwrap_or(u8::MAX),
            face: face.as_ref().and_then(seen),
        },
        chip: face.as_mut().and_then(|face| face.capture.take()).map(|view| view.chip),
    })
}

fn seen(face: &Face) -> Option<FaceSeen> {
    let (pose, view) = (face.head_pose?, face.capture.as_ref()?);
    let occlusion = face.occlusion;
    let exposure = face.exposure.unwrap_or(0.5);
    let covered = Covered {
        eyes: occlusion.as_ref().is_some_and(|occlusion| occlusion.eye),
        mouth: occlusion.as_ref().is_some_and(|occlusion| occlusion.mouth),
        mask: face.mask.as_ref().is_some_and(|mask| mask.kind == MaskKind::FaceMask),
    };
    let rect = face.rect;
    Some(FaceSeen {
        rectangle: Rectangle { top: rect.top, left: rect.left, width: rect.width, height: rect.height },
        eye_distance: view.eye_distance,
        yaw: pose.yaw,
        pitch: pose.pitch,
        roll: pose.roll,
        blur: face.blur.unwrap_or(1.0),
        exposure,
        brightness: exposure * 255.0,
        covered,
        quality: quality(face.quality),
        nose_offset: Some(view.nose_offset),
        tones: Some([view.tones.skin, view.tones.rim, view.tones.background]),
        passive_score: None,
    })
}

/// The quality in the words of a liveness result.
pub fn quality(quality: Option<likeness_vision::Quality>) -> Quality {
    match quality {
        Some(likeness_vision::Quality::High) => Quality::High,
        Some(likeness_vision::Quality::Medium) => Quality::Medium,
        Some(likeness_vision::Quality::Low) | None => Quality::Low,
    }
}

/// Compares pairs of frames, some milliseconds each; `chip` gives that of a frame. Pairs of which too little can be followed are
/// left out.
pub fn compare<'a>(pairs: &[FramePair], chip: impl Fn(u32) -> Option<&'a GreyChip>) -> Vec<PairSeen> {
    let compared = pairs.iter().filter_map(|pair| {
        let seen = solidity(chip(pair.rest)?, chip(pair.out)?)?;
        Some(PairSeen { step: pair.step, motion: seen.motion, off_plane: seen.off_plane, nose: seen.nose })
    });
    compared.collect()
}
