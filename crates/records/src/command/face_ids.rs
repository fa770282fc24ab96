//! Detected faces.

use super::{Applied, Domain};
use crate::types::DetectedFace;

/// What can be done with faces that were only detected.
#[derive(Clone, Debug)]
pub enum FaceIdWrite {
    /// Keeps the templates behind freshly given faceIds.
    Keep {
        /// The faces of one picture.
        faces: Vec<DetectedFace>,
    },
}

impl Domain for FaceIdWrite {
    fn action(&self) -> &'static str {
        match self {
            Self::Keep { .. } => "keep_face_ids",
        }
    }

    fn erases(&self, _applied: &Applied) -> bool {
        false
    }
}
