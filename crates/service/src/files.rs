//! Files that only their owner may read.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

pub use likeness_store::keys::private_folder;

/// Writes a file of mode 0600. It appears whole or not at all.
///
/// # Errors
/// What the operating system says.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)
}

/// Opens a file of mode 0600 for writing, and makes it if it is not there.
///
/// # Errors
/// What the operating system says.
pub fn private_file(path: &Path) -> io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

/// Whether others on this machine than its owner may look into a folder.
#[cfg(unix)]
pub fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// Whether others on this machine than its owner may look into a folder; not known here.
#[cfg(not(unix))]
pub const fn is_open_to_others(_: &Path) -> bool {
    false
}
