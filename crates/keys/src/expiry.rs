//! Keys that end before their records do.
//!
//! What expires is sealed under a random key of its hour as well as under its account's data key. The hour's key lies
//! in a small file of a folder beside the database, wrapped by the installation key, and is destroyed when the hour is
//! over. So a database's log, its standby and its backups may hold the sealed bytes for as long as they like: there is
//! no key left. The folder must be one for all nodes, and must be left out of backups.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use likeness_base::{Randomness, Timestamp, random_bytes};

use crate::error::{KeyFileError, KeyFileProblem};
use crate::file::sync_folder;
use crate::installation::InstallationKey;
use crate::locked::LockedKey;

/// Nothing longer than this is one of our files; longer ones are not read.
const LONGEST_BYTES: u64 = 256;
const ENDING: &str = ".hour-key";
/// The file that tells which key was destroyed last, and when: a report must be able to say so when nothing else is left.
const LAST_DESTROYED: &str = "last-destroyed";

/// The key of one hour.
pub type HourKey = Arc<LockedKey>;

/// Which hours have keys, and which key went last.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HoursWithKeys {
    /// The hours, ascending.
    pub hours: Vec<i64>,
    /// The newest hour whose key was destroyed, and when. `None`: none was, or it is not known.
    pub last_destroyed: Option<(i64, Timestamp)>,
}

/// The folder of the hours' keys, and those that are in use.
pub struct ExpiryKeys {
    folder: PathBuf,
    known: Mutex<HashMap<i64, HourKey>>,
}

impl ExpiryKeys {
    /// Nothing is read yet.
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), known: Mutex::default() }
    }

    /// The key for what expires in an hour; drawn now if it is the first to do so. When it returns, the key is on the
    /// disk.
    pub fn to_seal(
        &self,
        hour: i64,
        installation: &InstallationKey,
        randomness: &dyn Randomness,
    ) -> Result<HourKey, KeyFileError> {
        if let Some(known) = self.to_open(hour, installation)? {
            return Ok(known);
        }
        let path = self.path(hour);
        let fail = |error| KeyFileError { path: path.clone(), problem: KeyFileProblem::Io(error) };
        fs::create_dir_all(&self.folder).map_err(fail)?;
        let wrapped = installation.new_hour_key(randomness, hour);
        match self.publish(&path, &wrapped, randomness) {
            Ok(()) => {}
            // Another node was first; its key is the one.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(fail(error)),
        }
        self.to_open(hour, installation)?.ok_or_else(|| fail(io::ErrorKind::NotFound.into()))
    }

    /// The key for what expired or will expire in an hour; `None` once it has been destroyed.
    pub fn to_open(&self, hour: i64, installation: &InstallationKey) -> Result<Option<HourKey>, KeyFileError> {
        if let Some(known) = self.lock().get(&hour) {
            return Ok(Some(Arc::clone(known)));
        }
        let path = self.path(hour);
        let fail = |problem| KeyFileError { path: path.clone(), problem };
        let mut wrapped = Vec::new();
        match File::open(&path).and_then(|file| file.take(LONGEST_BYTES).read_to_end(&mut wrapped)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fail(KeyFileProblem::Io(error))),
        }
        let key = installation.unwrap_hour_key(hour, &wrapped).ok_or_else(|| fail(KeyFileProblem::Malformed))?;
        let key = Arc::new(LockedKey::new(&key));
        self.lock().insert(hour, Arc::clone(&key));
        Ok(Some(key))
    }

    /// Destroys the keys of all hours that are over, and forgets those that another node has destroyed.
    pub fn destroy(&self, now: Timestamp) -> Result<u64, KeyFileError> {
        let present = hour_of(now);
        self.lock().retain(|hour, _| *hour >= present);
        let fail = |error| self.failed(error);
        let (mut destroyed, mut last) = (0, None);
        for hour in self.hours()?.into_iter().filter(|hour| *hour < present) {
            match overwrite_and_remove(&self.path(hour)) {
                Ok(()) => (destroyed, last) = (destroyed + 1, Some(hour)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(fail(error)),
            }
        }
        if let Some(hour) = last {
            self.note_destroyed(hour, now).map_err(fail)?;
            sync_folder(&self.path(present)).map_err(fail)?;
        }
        Ok(destroyed)
    }

    /// Which hours have keys, and which key went last.
    pub fn present(&self) -> Result<HoursWithKeys, KeyFileError> {
        let last_destroyed = match fs::read_to_string(self.folder.join(LAST_DESTROYED)) {
            Ok(text) => text
                .split_once(' ')
                .and_then(|(hour, at)| Some((hour.parse().ok()?, Timestamp::from_millis(at.trim().parse().ok()?)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(self.failed(error)),
        };
        Ok(HoursWithKeys { hours: self.hours()?, last_destroyed })
    }

    /// The hours that have a key in the folder, ascending.
    fn hours(&self) -> Result<Vec<i64>, KeyFileError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(error)),
        };
        let mut hours = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| self.failed(error))?.file_name();
            hours.extend(name.to_str().and_then(|name| name.strip_suffix(ENDING)?.parse::<i64>().ok()));
        }
        hours.sort_unstable();
        Ok(hours)
    }

    /// Notes which key went last. Whoever reads meanwhile finds the former note or this one.
    fn note_destroyed(&self, hour: i64, now: Timestamp) -> io::Result<()> {
        let draft = self.folder.join(format!("{LAST_DESTROYED}-{}.draft", std::process::id()));
        fs::write(&draft, format!("{hour} {}\n", now.as_millis()))?;
        match fs::rename(&draft, self.folder.join(LAST_DESTROYED)) {
            // Another node with the same number for its process was faster, and wrote the same.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn failed(&self, error: io::Error) -> KeyFileError {
        KeyFileError { path: self.folder.clone(), problem: KeyFileProblem::Io(error) }
    }

    fn path(&self, hour: i64) -> PathBuf {
        self.folder.join(format!("{hour}{ENDING}"))
    }

    /// The file is there with the whole key in it, or not at all; one that is there is never replaced.
    fn publish(&self, path: &Path, wrapped: &[u8], randomness: &dyn Randomness) -> io::Result<()> {
        let draft = self.folder.join(format!("{}.draft", hex::encode(random_bytes::<8>(randomness))));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&draft).and_then(|mut file| {
            file.write_all(wrapped)?;
            file.sync_all()
        });
        let linked = written.and_then(|()| fs::hard_link(&draft, path));
        let removed = remove_name(&draft);
        linked.and(removed).and_then(|()| sync_folder(path))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i64, HourKey>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The draft shares its bytes with the file, so only its name goes.
fn remove_name(draft: &Path) -> io::Result<()> {
    match fs::remove_file(draft) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// In place, so that a file system that writes in place keeps nothing.
fn overwrite_and_remove(path: &Path) -> io::Result<()> {
    let length = fs::metadata(path)?.len().min(LONGEST_BYTES);
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(&vec![0; usize::try_from(length).unwrap_or(0)])?;
    file.sync_all()?;
    fs::remove_file(path)
}

impl fmt::Debug for ExpiryKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExpiryKeys(..)")
    }
}

/// Hours since the Unix epoch at which a moment lies, rounded down.
pub fn hour_of(moment: Timestamp) -> i64 {
    moment.as_millis().div_euclid(HOUR_MILLIS)
}

const HOUR_MILLIS: i64 = 3_600_000;
