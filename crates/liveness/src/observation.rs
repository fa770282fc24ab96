//! What vision measures of one frame. Plain numbers: whoever analyses frames fills them, this crate only reads them.

use serde::{Deserialize, Serialize};

/// A rectangle of whole pixels of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rectangle {
    /// First row.
    pub top: i32,
    /// First column.
    pub left: i32,
    /// Number of columns.
    pub width: i32,
    /// Number of rows.
    pub height: i32,
}

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FrameSize {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// `qualityForRecognition`: whether a face is fit to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// Comparing is likely to fail.
    Low,
    /// Good enough to be compared with a reference.
    Medium,
    /// Good enough to be a reference.
    High,
}

/// What of a face is covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Covered {
    /// At least one eye.
    pub eyes: bool,
    /// The mouth.
    pub mouth: bool,
    /// By a mask.
    pub mask: bool,
}

impl Covered {
    /// Whether anything is.
    pub const fn any(self) -> bool {
        self.eyes || self.mouth || self.mask
    }
}

/// The largest face of a frame.
#[derive(Clone, Copy, PartialEq)]
pub struct FaceSeen {
    /// Where it is, in pixels of the frame.
    pub rectangle: Rectangle,
    /// Between the centres of the eyes, in pixels.
    pub eye_distance: f32,
    /// Degrees; positive towards the person's own left. It only steers the capture: a network imagines a pose of a
    /// flat picture, too.
    pub yaw: f32,
    /// Degrees; positive upwards.
    pub pitch: f32,
    /// Degrees; positive clockwise as seen in the frame.
    pub roll: f32,
    /// 0 (sharp) to 1 (blurred).
    pub blur: f32,
    /// 0 (dark) to 1 (burnt out).
    pub exposure: f32,
    /// Mean luma of the face, 0 to 255.
    pub brightness: f32,
    /// What of it is covered.
    pub covered: Covered,
    /// Whether it is fit to be compared.
    pub quality: Quality,
    /// How far the nose lies from the middle of eyes and corners of the mouth, in eye distances: along the line of the
    /// eyes, positive towards the person's own left, and across it, positive upwards. From five points of the picture,
    /// so no network imagines it.
    pub nose_offset: Option<[f32; 2]>,
    /// Mean red, green and blue of the skin, of the rim of the face, and of what is behind it, 0 to 255: what the echo
    /// of coloured light is measured by.
    pub tones: Option<[[f32; 3]; 3]>,
    /// What a passive network says, 0 (artefact) to 1 (live).
    pub passive_score: Option<f32>,
}

/// What is measured of a face reaches no log.
impl std::fmt::Debug for FaceSeen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FaceSeen(..)")
    }
}

/// What was measured of one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The frame.
    pub seq: u32,
    /// When the camera took it, by the device's clock.
    pub capture_ms: f64,
    /// The step that was on the screen.
    pub step: u16,
    /// The size of the frame.
    pub size: FrameSize,
    /// How many faces there are; 255 stands for more, too.
    pub faces: u8,
    /// The largest of them.
    pub face: Option<FaceSeen>,
}
