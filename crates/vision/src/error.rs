//! Errors of this crate.

use thiserror::Error;

use crate::engine::EngineError;

/// What goes wrong between a picture and its faces. None of it is the picture's fault.
#[derive(Debug, Error)]
pub enum VisionError {
    /// The engine refused or failed.
    #[error("{network}: {source}")]
    Engine {
        /// Which network: `detector`, `mesh`, `iris`, `recogniser`, `age` or `smile`.
        network: &'static str,
        /// What the engine says.
        source: EngineError,
    },
    /// A network's outputs are not those of its kind: the model file and its manifest do not belong together.
    #[error("{network}: {reason}")]
    Model {
        /// Which network.
        network: &'static str,
        /// What was expected.
        reason: String,
    },
    /// The face found by the detector cannot be aligned (its points coincide or are not numbers).
    #[error("the face cannot be aligned")]
    Unalignable,
}
