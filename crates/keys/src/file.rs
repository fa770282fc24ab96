//! Key files: a line of text for each version of the key, the oldest first, so that they survive being printed and typed in again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use likeness_base::{Randomness, Secret, random_bytes};
use zeroize::Zeroize;

use crate::error::{KeyFileError, KeyFileProblem};

/// Stands before the 64 hexadecimal digits, so that a reader knows what the file is.
const LABEL: &str = "likeness-installation-key-1:";
/// Nothing longer than this is a key file; longer files are not read.
const LONGEST_BYTES: u64 = 8_192;

/// Makes a folder of mode 0700, and those above it that are missing. One that is there stays as it is.
///
/// # Errors
/// What the operating system says.
pub fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// All versions in a file, the oldest first.
pub(crate) fn load_all(path: &Path) -> Result<Vec<Secret<[u8; 32]>>, KeyFileError> {
    let fail = |problem| KeyFileError { path: path.to_owned(), problem };
    let file = File::open(path).map_err(|error| {
        fail(match error.kind() {
            io::ErrorKind::NotFound => KeyFileProblem::Missing,
            _ => KeyFileProblem::Io(error),
        })
    })?;
    refuse_open_modes(&file).map_err(fail)?;
    let mut text = Secret::new(Vec::with_capacity(LONGEST_BYTES as usize));
    file.take(LONGEST_BYTES).read_to_end(text.expose_mut()).map_err(|error| fail(KeyFileProblem::Io(error)))?;
    let lines = text.expose().trim_ascii().split(|byte| *byte == b'\n');
    lines.map(parse).collect::<Option<Vec<_>>>().ok_or_else(|| fail(KeyFileProblem::Malformed))
}

fn parse(line: &[u8]) -> Option<Secret<[u8; 32]>> {
    let digits = line.trim_ascii().strip_prefix(LABEL.as_bytes())?;
    let mut key = Secret::new([0; 32]);
    hex::decode_to_slice(digits, key.expose_mut()).ok()?;
    Some(key)
}

#[cfg(unix)]
fn refuse_open_modes(file: &File) -> Result<(), KeyFileProblem> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata().map_err(KeyFileProblem::Io)?.permissions().mode() & 0o7777;
    // 0400 is stricter than what we write, and welcome.
    if mode & !0o600 == 0 { Ok(()) } else { Err(KeyFileProblem::Mode { mode }) }
}

#[cfg(not(unix))]
fn refuse_open_modes(_: &File) -> Result<(), KeyFileProblem> {
    Ok(())
}

pub(crate) fn create(path: &Path, key: &Secret<[u8; 32]>, randomness: &dyn Randomness) -> Result<(), KeyFileError> {
    let fail = |error: io::Error| KeyFileError {
        path: path.to_owned(),
        problem: match error.kind() {
            io::ErrorKind::AlreadyExists => KeyFileProblem::Exists,
            _ => KeyFileProblem::Io(error),
        },
    };
    let draft = draft_path(path, randomness);
    let written = write_draft(&draft, &[key])
        // A link, unlike a rename, never replaces a file that is there already.
        .and_then(|()| fs::hard_link(&draft, path));
    // The draft holds the key too; it must go whether or not the link worked.
    let removed = match fs::remove_file(&draft) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    written.and(removed).and_then(|()| sync_folder(path)).map_err(fail)
}

/// Puts other versions into a file that is there. Whoever reads it meanwhile sees the former or the new ones.
pub(crate) fn replace(
    path: &Path,
    keys: &[&Secret<[u8; 32]>],
    randomness: &dyn Randomness,
) -> Result<(), KeyFileError> {
    let draft = draft_path(path, randomness);
    let written = write_draft(&draft, keys).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // It holds the keys too. That it cannot be removed is told by the error that stands.
        let _ = fs::remove_file(&draft);
    }
    written
        .and_then(|()| sync_folder(path))
        .map_err(|error| KeyFileError { path: path.to_owned(), problem: KeyFileProblem::Io(error) })
}

fn draft_path(path: &Path, randomness: &dyn Randomness) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.draft", hex::encode(random_bytes::<8>(randomness))));
    path.with_file_name(name)
}

fn write_draft(draft: &Path, keys: &[&Secret<[u8; 32]>]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    for key in keys {
        let mut digits = [0; 64];
        hex::encode_to_slice(key.expose(), &mut digits).expect("64 digits hold 32 bytes");
        let written = file.write_all(LABEL.as_bytes()).and_then(|()| file.write_all(&digits));
        digits.zeroize();
        written.and_then(|()| file.write_all(b"\n"))?;
    }
    file.sync_all()
}

/// Makes the file's entry in its folder as durable as its contents.
#[cfg(unix)]
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
