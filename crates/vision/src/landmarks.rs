//! Azure's 27 landmarks, taken from the mesh and the irises.

use std::fmt;

use crate::geometry::Point;
use crate::mesh::Mesh;

/// How many landmarks there are.
pub const LANDMARK_COUNT: usize = 27;

/// Where a landmark comes from.
#[derive(Clone, Copy)]
enum Source {
    /// The iris network.
    Pupil,
    /// A point of the mesh.
    At(usize),
    /// Half way between two points of the mesh.
    Between(usize, usize),
}

use Source::{At, Between, Pupil};

/// Names in the order of the API (face-api 3.3), each with its source. Left is the image's left.
///
/// Indices follow the published FaceMesh topology. Nose tip, nose root, nose wings and brows are those mesh points (or
/// pairs) that lie nearest to where the service itself puts these landmarks: compared, in units of the pupil distance,
/// were five published answers of the service with the mean mesh of 23 near-frontal faces of the sample photos. The
/// service's brow ends lie in the middle of the brow, the mesh has its two edges, hence the pairs. Then checked by eye.
const TABLE: [(&str, Source); LANDMARK_COUNT] = [
    ("pupilLeft", Pupil),
    ("pupilRight", Pupil),
    ("noseTip", At(4)),
    ("mouthLeft", At(61)),
    ("mouthRight", At(291)),
    ("eyebrowLeftOuter", Between(70, 46)),
    ("eyebrowLeftInner", Between(107, 55)),
    ("eyeLeftOuter", At(33)),
    ("eyeLeftTop", At(159)),
    ("eyeLeftBottom", At(145)),
    ("eyeLeftInner", At(133)),
    ("eyebrowRightInner", Between(336, 285)),
    ("eyebrowRightOuter", Between(300, 276)),
    ("eyeRightInner", At(362)),
    ("eyeRightTop", At(386)),
    ("eyeRightBottom", At(374)),
    ("eyeRightOuter", At(263)),
    ("noseRootLeft", At(245)),
    ("noseRootRight", At(465)),
    ("noseLeftAlarTop", At(198)),
    ("noseRightAlarTop", At(420)),
    ("noseLeftAlarOutTip", At(129)),
    ("noseRightAlarOutTip", At(358)),
    ("upperLipTop", At(0)),
    ("upperLipBottom", At(13)),
    ("underLipTop", At(14)),
    ("underLipBottom", At(17)),
];

/// The 27 landmarks of one face in pixels of the upright photo, in the order of [`Landmarks::NAMES`].
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
        let mut pupils = pupils.into_iter();
        for (point, (_, source)) in points.iter_mut().zip(TABLE) {
            *point = match source {
                Pupil => pupils.next().expect("the table has as many pupils as a face"),
                At(index) => mesh.points[index],
                Between(a, b) => mesh.points[a].midway(mesh.points[b]),
            };
        }
        Self { points }
    }

    /// In pixels of the photo that a picture was shrunk from.
    pub(crate) fn enlarged(self, by: f32) -> Self {
        Self { points: self.points.map(|point| Point { x: point.x * by, y: point.y * by }) }
    }
}

impl fmt::Debug for Landmarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Landmarks(..)")
    }
}
