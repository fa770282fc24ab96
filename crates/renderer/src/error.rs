//! What can be wrong with what a caller gives.

/// Why a scene cannot be made.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum RenderError {
    /// The bytes of a photo do not fit its size.
    #[error("a photo of {width} x {height} pixels has {expected} bytes of RGB, not {actual}")]
    PhotoSize {
        /// Pixels across.
        width: usize,
        /// Pixels down.
        height: usize,
        /// Three for each pixel.
        expected: usize,
        /// As many were given.
        actual: usize,
    },
    /// The eyes are so close together, or the points so far outside the photo, that no head can be made.
    #[error("the landmarks do not show a face: give eyes at least 12 pixels apart, inside the photo")]
    Landmarks,
    /// The subject shows more people than were given.
    #[error("this subject needs {needed} people, {given} were given")]
    People {
        /// As many the subject shows.
        needed: usize,
        /// As many were given.
        given: usize,
    },
    /// A picture cannot be written as a JPEG.
    #[error("the picture cannot be written as a JPEG: {0}")]
    Jpeg(String),
}
