//! Reading with a bound, hashing, and writing so that a reader sees all of a file or none.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::ModelsError;

/// No file we read is larger: the largest, the ONNX Runtime library, has 46 MB.
pub(crate) const LARGEST_FILE: u64 = 256 << 20;

/// What brings a missing file, for the text of an error.
pub(crate) const RUN_INSTALL: &str = "run `likeness models install`";

/// Turns an I/O error into ours.
pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ModelsError {
    let path = path.to_owned();
    move |source| ModelsError::Io { action, path, source }
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Reads a file of at most `most` bytes; a larger one is cut off and will not have the expected hash.
pub(crate) fn read(path: &Path, most: u64, hint: &'static str) -> Result<Vec<u8>, ModelsError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(ModelsError::Missing { path: path.to_owned(), hint });
        }
        other => other.map_err(io("open", path))?,
    };
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).map_err(io("read", path))?;
    Ok(bytes)
}

/// Refuses bytes that are not those with this hash.
pub(crate) fn expect_sha256(file: &str, bytes: &[u8], expected: &str) -> Result<(), ModelsError> {
    let found = sha256(bytes);
    if found == expected {
        return Ok(());
    }
    Err(ModelsError::WrongHash { file: file.to_owned(), expected: expected.to_owned(), found })
}

/// Creates a folder and those above it.
pub(crate) fn make_folder(path: &Path) -> Result<(), ModelsError> {
    fs::create_dir_all(path).map_err(io("create", path))
}

/// Writes a new file and waits until the disk has it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), ModelsError> {
    let mut file = File::create(path).map_err(io("create", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io("write", path))
}

/// Puts a file in its place, replacing what is there. Whoever reads meanwhile sees the old file or the new.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), ModelsError> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = Path::new(&partial);
    write(partial, bytes)?;
    fs::rename(partial, path).map_err(io("rename into place", path))
}

/// Removes a folder with all it holds; one that is not there is fine.
pub(crate) fn remove_folder(path: &Path) -> Result<(), ModelsError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io("remove", path)(error)),
        _ => Ok(()),
    }
}
