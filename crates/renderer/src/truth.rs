//! A frame, and what is truly in it.

use crate::geometry::Pose;
use crate::prompt::Colour;

/// A picture, three bytes a pixel, row by row.
#[derive(Clone, PartialEq, Eq)]
pub struct RgbFrame {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// Red, green, blue of each pixel.
    pub pixels: Vec<u8>,
}

impl std::fmt::Debug for RgbFrame {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "RgbFrame({} x {})", self.width, self.height)
    }
}

/// What the camera took, and what was before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The picture, not mirrored.
    pub picture: RgbFrame,
    /// What is in it.
    pub truth: Truth,
}

/// What is truly in a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// The faces, the nearest first. Faces on prints and screens count.
    pub faces: Vec<FaceTruth>,
    /// The colour of the page that lights this frame, after the lag.
    pub light: Colour,
}

/// A face in a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct FaceTruth {
    /// Which of the scene's people it shows.
    pub person: usize,
    /// The pose of the head, or of the sheet or screen that shows the face.
    pub pose: Pose,
    /// The face from the upper forehead to the chin, from temple to temple.
    pub face_box: FaceBox,
    /// Eyes, nose tip and mouth corners in pixels, each pair from the left of the picture to its right.
    pub landmarks: [[f32; 2]; 5],
}

/// A rectangle, in pixels; it may reach out of the frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaceBox {
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Pixels across.
    pub width: f32,
    /// Pixels down.
    pub height: f32,
}

impl FaceBox {
    /// The smallest rectangle around the points.
    pub(crate) fn around(points: &[[f32; 2]]) -> Self {
        let bound = |axis: usize, start: f32, choose: fn(f32, f32) -> f32| {
            points.iter().map(|point| point[axis]).fold(start, choose)
        };
        let (left, top) = (bound(0, f32::MAX, f32::min), bound(1, f32::MAX, f32::min));
        Self { left, top, width: bound(0, f32::MIN, f32::max) - left, height: bound(1, f32::MIN, f32::max) - top }
    }

    /// The middle.
    pub fn centre(&self) -> [f32; 2] {
        [self.left + self.width / 2.0, self.top + self.height / 2.0]
    }
}

/// A point of the skin, the same in every frame, and where it appears.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurfacePoint {
    /// Where it lies on the face as seen from the front: right of and below the middle between the eyes.
    pub face_mm: [f32; 2],
    /// Where it appears.
    pub pixel: [f32; 2],
    /// Whether its surface faces the camera. It may still be hidden behind the nose.
    pub faces_camera: bool,
}
