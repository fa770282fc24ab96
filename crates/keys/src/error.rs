//! What can be wrong with a key file.

use std::path::PathBuf;

/// A key file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("key file {}: {problem}", path.display())]
pub struct KeyFileError {
    /// Which file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: KeyFileProblem,
}

/// What is wrong with an key file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileProblem {
    /// It is not there.
    #[error("it does not exist")]
    Missing,
    /// It is there already, and a key is never overwritten.
    #[error("it exists already")]
    Exists,
    /// Others than its owner may read or write it.
    #[error("its mode is {mode:04o}, but only its owner may read it: run chmod 600 on it")]
    Mode {
        /// The permission bits found.
        mode: u32,
    },
    /// It is not a key file of ours.
    #[error("it does not hold an installation key")]
    Malformed,
    /// The operating system refused.
    #[error("{0}")]
    Io(#[source] std::io::Error),
}
