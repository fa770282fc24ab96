//! Heads out of photos.

use likeness_renderer::{Landmarks, Person, Photo};
use likeness_vision::{AttributeSet, DescribeOptions, Picture, Search, Vision, VisionError};

/// Least distance of the eyes in a photo of which a head is made, in pixels.
const LEAST_EYES: f32 = 40.0;
/// Furthest turn of a face in such a photo, in degrees.
const MOST_TURN: f32 = 18.0;

/// A head of every large face of a photo that looks into the camera. How far its nose and eyes stand out nobody knows from a photo:
/// it is drawn by a seed, and by the next for the next face.
///
/// # Errors
/// The engine's.
pub fn people(vision: &mut Vision, picture: &Picture, first_seed: u64) -> Result<Vec<Person>, VisionError> {
    let mut people = Vec::new();
    for face in vision.detect(picture, Search::default())? {
        let attributes = AttributeSet::HEAD_POSE;
        let options = DescribeOptions { landmarks: true, attributes, ..DescribeOptions::default() };
        let face = vision.describe(picture, &face, options)?;
        let (Some(landmarks), Some(pose)) = (face.landmarks, face.head_pose) else { continue };
        // Of a picture that was shrunk, landmarks are in pixels of the photo.
        let by = picture.shrunk() as f32;
        let five = ["pupilLeft", "pupilRight", "noseTip", "mouthLeft", "mouthRight"].map(|name| {
            let point = landmarks.named().find(|(named, _)| *named == name).map(|(_, at)| at).unwrap_or_default();
            [point.x / by, point.y / by]
        });
        let eyes = (five[1][0] - five[0][0]).hypot(five[1][1] - five[0][1]);
        if eyes < LEAST_EYES || pose.yaw.abs().max(pose.pitch.abs()) > MOST_TURN {
            continue;
        }
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let photo = Photo { width, height, rgb: picture.pixels() };
        people.extend(Person::new(photo, &Landmarks::new(five), first_seed + people.len() as u64).ok());
    }
    Ok(people)
}
