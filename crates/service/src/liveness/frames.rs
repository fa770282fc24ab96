//! What is seen in one frame of a capture, and which template its face has. Nothing is kept: pixels end with the worker's call.

use crate::recognisers::Recogniser;
use crate::worker_networks::WorkerNetworks;
use likeness_base::Secret;
use likeness_liveness::{Covered, FaceSeen, FrameSize, Observation, Rectangle};
use likeness_vision::{
    AttributeSet, DescribeOptions, Face, Landmarks, Limits, MaskKind, Picture, Point, RecogniserSet, Search,
    VisionError,
};

/// Faces that the protocol counts; more are as many.
const MOST_FACES: usize = 255;

/// Why a frame shows nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unseen {
    /// It is no picture.
    #[error("the frame cannot be decoded")]
    Undecodable,
    /// A network failed.
    #[error(transparent)]
    Vision(#[from] VisionError),
}

/// Analyses a frame as captures do and keeps nothing: for whoever measures how long that takes. Says whether a face was seen.
///
/// # Errors
/// When it is no picture or a network fails; the text says which.
pub fn rehearse(vision: &mut WorkerNetworks, jpeg: &[u8]) -> Result<bool, String> {
    observe(vision, jpeg, 1, 1).map(|seen| seen.face.is_some()).map_err(|error| error.to_string())
}

fn decoded(jpeg: &[u8]) -> Result<Picture, Unseen> {
    Picture::decode(jpeg, &Limits::default()).map_err(|_| Unseen::Undecodable)
}

/// Measures what steers a capture.
pub(super) fn observe(vision: &mut WorkerNetworks, jpeg: &[u8], seq: u32, step: u16) -> Result<Observation, Unseen> {
    let picture = decoded(jpeg)?;
    let found = vision.detect(&picture, Search::default())?;
    let attributes = AttributeSet::HEAD_POSE
        | AttributeSet::BLUR
        | AttributeSet::EXPOSURE
        | AttributeSet::QUALITY
        | AttributeSet::OCCLUSION
        | AttributeSet::MASK;
    let options = DescribeOptions { landmarks: true, attributes, templates: RecogniserSet::NONE };
    let face = found.first().map(|largest| vision.describe(&picture, largest, options)).transpose()?;
    Ok(Observation {
        seq,
        // The capture knows it.
        capture_ms: 0.0,
        step,
        size: FrameSize { width: picture.original_width(), height: picture.original_height() },
        faces: u8::try_from(found.len().min(MOST_FACES)).unwrap_or(u8::MAX),
        face: face.as_ref().and_then(seen),
    })
}

fn seen(face: &Face) -> Option<FaceSeen> {
    let landmarks = face.landmarks.as_ref()?;
    let pose = face.head_pose?;
    let occlusion = face.occlusion;
    let exposure = face.exposure.unwrap_or(0.5);
    let (eye_distance, nose_offset) = nose(landmarks)?;
    let covered = Covered {
        eyes: occlusion.as_ref().is_some_and(|occlusion| occlusion.eye),
        mouth: occlusion.as_ref().is_some_and(|occlusion| occlusion.mouth),
        mask: face.mask.as_ref().is_some_and(|mask| mask.kind == MaskKind::FaceMask),
    };
    let rect = face.rect;
    Some(FaceSeen {
        rectangle: Rectangle { top: rect.top, left: rect.left, width: rect.width, height: rect.height },
        eye_distance,
        yaw: pose.yaw,
        pitch: pose.pitch,
        roll: pose.roll,
        blur: face.blur.unwrap_or(1.0),
        exposure,
        brightness: exposure * 255.0,
        covered,
        quality: super::reference::quality(face.quality),
        nose_offset: Some(nose_offset),
        tones: None,
        passive_score: None,
    })
}

/// The distance between the eyes in pixels, and how far the nose lies from the middle of eyes and corners of the mouth, in
/// those: along the line of the eyes, positive to the right of the picture, and across it, positive upwards.
fn nose(landmarks: &Landmarks) -> Option<(f32, [f32; 2])> {
    let point = |wanted: &str| landmarks.named().find(|(name, _)| *name == wanted).map(|(_, point)| point);
    let [left, right] = [point("pupilLeft")?, point("pupilRight")?];
    let others = [left, right, point("mouthLeft")?, point("mouthRight")?];
    let middle = Point {
        x: others.iter().map(|point| point.x).sum::<f32>() / 4.0,
        y: others.iter().map(|point| point.y).sum::<f32>() / 4.0,
    };
    let nose = point("noseTip")?;
    let (across_x, across_y) = (right.x - left.x, right.y - left.y);
    let distance = across_x.hypot(across_y);
    if distance < 1.0 {
        return None;
    }
    let (unit_x, unit_y) = (across_x / distance, across_y / distance);
    let (from_x, from_y) = (nose.x - middle.x, nose.y - middle.y);
    let along = from_x * unit_x + from_y * unit_y;
    let down = from_y * unit_x - from_x * unit_y;
    Some((distance, [along / distance, -down / distance]))
}

/// The template of a person out of several frames: the mean of theirs. `None`: none of them shows one face.
pub(super) fn fused(
    vision: &mut WorkerNetworks,
    frames: &[Secret<Vec<u8>>],
    recogniser: &Recogniser,
) -> Result<Option<Secret<Vec<f32>>>, Unseen> {
    let templates = RecogniserSet::NONE.with(recogniser.number);
    let options = DescribeOptions { templates, ..DescribeOptions::default() };
    let mut sum: Option<Secret<Vec<f32>>> = None;
    for jpeg in frames {
        let picture = decoded(jpeg.expose())?;
        let found = vision.detect(&picture, Search::default())?;
        let [face] = found.as_slice() else { continue };
        let face = vision.describe(&picture, face, options)?;
        let Some(template) = face.template(recogniser.number) else { continue };
        match &mut sum {
            None => sum = Some(normalised(template.clone())),
            Some(sum) => {
                let own = normalised(template.clone());
                sum.expose_mut().iter_mut().zip(own.expose()).for_each(|(sum, own)| *sum += own);
            }
        }
    }
    Ok(sum.map(normalised))
}

fn normalised(mut template: Secret<Vec<f32>>) -> Secret<Vec<f32>> {
    let length = template.expose().iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        template.expose_mut().iter_mut().for_each(|value| *value /= length);
    }
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(nose: Point) -> Landmarks {
        let places = [
            ("pupilLeft", (10.0, 10.0)),
            ("pupilRight", (30.0, 10.0)),
            ("mouthLeft", (12.0, 30.0)),
            ("mouthRight", (28.0, 30.0)),
            ("noseTip", (nose.x, nose.y)),
        ];
        let points = Landmarks::NAMES.map(|name| {
            let place = places.iter().find(|(named, _)| *named == name).map_or((0.0, 0.0), |(_, place)| *place);
            Point { x: place.0, y: place.1 }
        });
        Landmarks { points }
    }

    #[test]
    fn the_nose_moves_to_the_right_and_up() {
        let straight = nose(&face(Point { x: 20.0, y: 20.0 }));
        assert_eq!(straight, Some((20.0, [0.0, 0.0])));
        let turned = nose(&face(Point { x: 25.0, y: 15.0 }));
        assert_eq!(turned, Some((20.0, [0.25, 0.25])));
    }

    #[test]
    fn a_mean_has_length_one() {
        let template = normalised(Secret::new(vec![3.0, 4.0]));
        assert_eq!(template.expose(), &[0.6, 0.8]);
    }
}
