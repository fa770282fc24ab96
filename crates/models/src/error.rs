/// What can go wrong with model files, grouped by what the reader can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelsError {
    /// A network could not be written down in ONNX: the source file is damaged or of another kind.
    #[error("cannot convert ({place}): {reason}")]
    Conversion {
        /// Tensor, node or part of the file.
        place: String,
        /// What was found there.
        reason: String,
    },
}
