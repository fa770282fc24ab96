//! Azure's 27 landmarks, taken from the mesh and the irises.

use std::fmt;

use crate::geometry::Point;
use crate::mesh::Mesh;

/// How many landmarks there are.
pub const LANDMARK_COUNT: usize = 27;

/// Names in the order of the API (face-api 3.3), each with its mesh point. Left is the image's left.
/// The pupils come from the iris network. Indices follow the published FaceMesh topology; those of brows, nose root and
/// nose wings were checked by eye on the sample photos.
const TABLE: [(&str, Option<usize>); LANDMARK_COUNT] = [
    ("pupilLeft", None),
    ("pupilRight", None),
    ("noseTip", Some(1)),
    ("mouthLeft", Some(61)),
    ("mouthRight", Some(291)),
    ("eyebrowLeftOuter", Some(70)),
    ("eyebrowLeftInner", Some(107)),
    ("eyeLeftOuter", Some(33)),
    ("eyeLeftTop", Some(159)),
    ("eyeLeftBottom", Some(145)),
    ("eyeLeftInner", Some(133)),
    ("eyebrowRightInner", Some(336)),
    ("eyebrowRightOuter", Some(300)),
    ("eyeRightInner", Some(362)),
    ("eyeRightTop", Some(386)),
    ("eyeRightBottom", Some(374)),
    ("eyeRightOuter", Some(263)),
    ("noseRootLeft", Some(193)),
    ("noseRootRight", Some(417)),
    ("noseLeftAlarTop", Some(198)),
    ("noseRightAlarTop", Some(420)),
    ("noseLeftAlarOutTip", Some(64)),
    ("noseRightAlarOutTip", Some(294)),
    ("upperLipTop", Some(0)),
    ("upperLipBottom", Some(13)),
    ("underLipTop", Some(14)),
    ("underLipBottom", Some(17)),
];

/// The 27 landmarks of one face in pixels of the upright picture, in the order of [`Landmarks::NAMES`].
///
/// They describe a person's face, therefore `Debug` prints none of them.
#[derive(Clone, PartialEq)]
pub struct Landmarks {
    /// The points; some may lie outside the picture where the face does.
    pub points: [Point; LANDMARK_COUNT],
}

impl Landmarks {
    /// The names of the points, in order, as the API spells them.
    pub const NAMES: [&'static str; LANDMARK_COUNT] = {
        let mut names = [""; LANDMARK_COUNT];
        let mut i = 0;
        while i < LANDMARK_COUNT {
            names[i] = TABLE[i].0;
            i += 1;
        }
        names
    };

    /// Names with their points.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, Point)> + '_ {
        Self::NAMES.into_iter().zip(self.points)
    }

    pub(crate) fn from_mesh(mesh: &Mesh, pupils: [Point; 2]) -> Self {
        let mut points = [Point::default(); LANDMARK_COUNT];
        for (point, (_, index)) in points.iter_mut().zip(TABLE) {
            if let Some(index) = index {
                *point = mesh.points[index];
            }
        }
        points[..2].copy_from_slice(&pupils);
        Self { points }
    }
}

impl fmt::Debug for Landmarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Landmarks(..)")
    }
}
