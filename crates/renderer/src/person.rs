//! A person: a photo, where the face in it is, and the head that is made of both.

use crate::atlas::{self, Cutout};
use crate::error::RenderError;
use crate::fit::{self, Fit};
use crate::head::HeadMesh;
use crate::room::Room;
use crate::scene::USUAL_DISTANCE_MM;
use crate::shape::Shape;
use crate::texture::{Level, Texture};
use std::sync::Arc;

/// A photo, three bytes a pixel, row by row.
#[derive(Clone, Copy)]
pub struct Photo<'a> {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// Red, green, blue of each pixel.
    pub rgb: &'a [u8],
}

/// Where the face is in a photo, in pixels. The photo should show it from the front, with both eyes.
#[derive(Clone, Debug, PartialEq)]
pub struct Landmarks {
    /// The pupil on the left side of the photo.
    pub eye_left: [f32; 2],
    /// The pupil on its right side.
    pub eye_right: [f32; 2],
    /// The tip of the nose.
    pub nose_tip: [f32; 2],
    /// The mouth's corner on the left side of the photo.
    pub mouth_left: [f32; 2],
    /// The mouth's corner on its right side.
    pub mouth_right: [f32; 2],
    /// Points all over the face, if there are any, such as a dense mesh: they set the width of the head and where the
    /// chin is. Without them, both follow from the five points.
    pub surface: Vec<[f32; 2]>,
}

impl Landmarks {
    /// Eyes, nose tip, corners of the mouth; each pair from the left of the photo to its right.
    pub fn new(points: [[f32; 2]; 5]) -> Self {
        let [eye_left, eye_right, nose_tip, mouth_left, mouth_right] = points;
        Self { eye_left, eye_right, nose_tip, mouth_left, mouth_right, surface: Vec::new() }
    }

    pub(crate) fn five(&self) -> [[f32; 2]; 5] {
        [self.eye_left, self.eye_right, self.nose_tip, self.mouth_left, self.mouth_right]
    }
}

/// A person that can be put into scenes; cheap to clone.
#[derive(Clone)]
pub struct Person {
    pub(crate) body: Arc<Body>,
}

/// What is made once of a photo.
pub(crate) struct Body {
    /// The photo, at most a few pixels to a millimetre of the face.
    pub(crate) photo: Level,
    /// How the head appears in that photo.
    pub(crate) fit: Fit,
    pub(crate) shape: Shape,
    pub(crate) mesh: HeadMesh,
    /// The head's surface, as seen from the front.
    pub(crate) skin: Texture,
    /// The photo without the person, as a background.
    pub(crate) surroundings: Arc<Room>,
}

/// Pixels of the photo to a millimetre of the face, beyond which the photo is made smaller.
const MOST_PX_PER_MM: f32 = 3.0;

impl Person {
    /// Makes a head of a photo. How far nose, eyes and sides stand out from a photo nobody knows: `shape_seed` draws it.
    pub fn new(photo: Photo<'_>, landmarks: &Landmarks, shape_seed: u64) -> Result<Self, RenderError> {
        let Photo { width, height, rgb } = photo;
        let expected = width * height * 3;
        if rgb.len() != expected || expected == 0 {
            return Err(RenderError::PhotoSize { width, height, expected, actual: rgb.len() });
        }
        let five = landmarks.five();
        let inside = |[x, y]: [f32; 2]| {
            x > -0.2 * width as f32 && y > -0.2 * height as f32 && x < 1.2 * width as f32 && y < 1.2 * height as f32
        };
        let apart = (five[1][0] - five[0][0]).hypot(five[1][1] - five[0][1]);
        // A comparison with a number that is none is false.
        if !(five.into_iter().all(inside) && apart >= 12.0 && five[1][0] > five[0][0]) {
            return Err(RenderError::Landmarks);
        }
        let mut photo = Level::from_rgb(width, height, rgb);
        let mut scale = 1.0;
        let mut fitted = fit::fit(&five);
        while fitted.px_per_mm > MOST_PX_PER_MM {
            photo = photo.halved();
            scale /= 2.0;
            fitted = fit::fit(&five.map(|point| point.map(|value| value * scale)));
        }
        let five = five.map(|point| point.map(|value| value * scale));
        let surface: Vec<_> = landmarks.surface.iter().map(|point| point.map(|value| value * scale)).collect();
        let shape = Shape::of(&fitted, &five, &surface, shape_seed);
        let Cutout { skin, surroundings } = atlas::cut_out(&photo, &fitted, &shape);
        let mesh = HeadMesh::new(&shape);
        let surroundings = Arc::new(Room::around(&surroundings, atlas::BACKDROP_TEXELS_PER_MM, USUAL_DISTANCE_MM));
        let body = Body { photo, fit: fitted, shape, mesh, skin: Texture::new(skin), surroundings };
        Ok(Self { body: Arc::new(body) })
    }
}
