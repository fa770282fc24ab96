//! The journal on the disk: a file for each process that deletes anything, a line for each act, each line bound to the one
//! before.
//!
//! Start at [`DeletionJournal`] for writing and [`entries_after`] for reading.

use likeness_base::{Clock, Randomness, Timestamp, random_bytes};
use likeness_keys::{InstallationKey, LinkKey, private_folder};
use likeness_store::journal::{Act, Entry, Journal};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How the name of a journal file ends.
const ENDING: &str = ".journal";
const HEAD: &str = "likeness-journal-1";
/// Longest file that is read: some ten million entries.
const LONGEST_FILE: u64 = 2 * 1024 * 1024 * 1024;

/// Up to where each file of the journal was done when a backup was begun, in entries.
pub type Positions = BTreeMap<String, u64>;

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file that a backup knows is not there, or is shorter.
    #[error(
        "the journal is not complete: {0} is missing or shorter than when the backup was made. Without the whole journal, what was \
         deleted since would come back"
    )]
    Incomplete(String),
    /// Lines were changed or left out.
    #[error("the journal file {0} was changed")]
    Changed(String),
    /// Reading or writing.
    #[error("the journal cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// The journal as a process writes it. Its file is made with the first entry.
pub struct DeletionJournal {
    folder: PathBuf,
    key: LinkKey,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    open: Mutex<Option<Open>>,
}

struct Open {
    file: File,
    last: [u8; 32],
}

impl DeletionJournal {
    /// In a folder, which is made when it is needed.
    pub fn at(
        folder: &Path,
        installation: &InstallationKey,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Self {
        let (folder, key) = (folder.to_owned(), installation.journal_key());
        Self { folder, key, clock, randomness, open: Mutex::new(None) }
    }

    fn begin(&self) -> io::Result<Open> {
        private_folder(&self.folder)?;
        let drawn = hex::encode(random_bytes::<8>(&*self.randomness));
        let path = self.folder.join(format!("{:014}-{drawn}{ENDING}", self.clock.now().as_millis()));
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        writeln!(file, "{HEAD}")?;
        file.sync_all()?;
        File::open(&self.folder)?.sync_all()?;
        Ok(Open { file, last: head(&self.key, &name_of(&path)) })
    }

    fn add<'e>(&self, entries: impl Iterator<Item = &'e Entry>) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut current = match open.take() {
            Some(current) => current,
            None => self.begin()?,
        };
        let mut text = String::new();
        for entry in entries {
            let line = entry.to_line();
            current.last = next(&self.key, &current.last, &line);
            text += &format!("{} {line}\n", hex::encode(current.last));
        }
        // A file that could not be written to its end is left behind: the next entries begin another.
        current.file.write_all(text.as_bytes())?;
        current.file.sync_data()?;
        *open = Some(current);
        Ok(())
    }
}

impl Journal for DeletionJournal {
    fn append(&self, entries: &[Entry]) -> io::Result<()> {
        self.add(entries.iter())
    }

    fn void(&self, entries: usize) -> io::Result<()> {
        let at = self.clock.now().as_millis();
        let void = Entry { account: Default::default(), at, audit: 0, act: Act::Void { entries } };
        self.add(std::iter::once(&void))
    }
}

impl fmt::Debug for DeletionJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeletionJournal({})", self.folder.display())
    }
}

fn head(key: &LinkKey, name: &str) -> [u8; 32] {
    key.mac(&[HEAD.as_bytes(), name.as_bytes()])
}

fn next(key: &LinkKey, last: &[u8; 32], line: &str) -> [u8; 32] {
    key.mac(&[last, line.as_bytes()])
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The journal files of a folder, oldest first; none where there is no folder.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if name_of(&path).ends_with(ENDING) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// All entries of a file. A last line that is not finished was never acknowledged, and is none.
fn read(path: &Path, key: &LinkKey) -> Result<Vec<Entry>, JournalError> {
    let changed = || JournalError::Changed(name_of(path));
    let mut text = String::new();
    File::open(path)?.take(LONGEST_FILE).read_to_string(&mut text)?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut lines = whole.split('\n');
    if whole.is_empty() {
        return Ok(Vec::new());
    }
    if lines.next() != Some(HEAD) {
        return Err(changed());
    }
    let mut last = head(key, &name_of(path));
    let mut entries = Vec::new();
    for line in lines {
        let (mac, line) = line.split_once(' ').ok_or_else(changed)?;
        last = next(key, &last, line);
        if mac != hex::encode(last) {
            return Err(changed());
        }
        entries.push(Entry::parse(line).ok_or_else(changed)?);
    }
    Ok(entries)
}

/// Removes files whose entries are all from before a moment. Gives how many.
///
/// # Errors
/// What the file system says.
pub fn forget(folder: &Path, before: Timestamp) -> Result<usize, JournalError> {
    let mut removed = 0;
    for path in files(folder)? {
        let name = name_of(&path);
        let begun = name.split('-').next().and_then(|millis| millis.parse().ok()).map(Timestamp::from_millis);
        let is_old = |written: std::time::SystemTime| {
            let since = written.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_millis()).is_ok_and(|millis| millis < before.as_millis())
        };
        // A file that a process still writes to was touched lately.
        if begun.is_some_and(|begun| begun < before) && is_old(fs::metadata(&path)?.modified()?) {
            fs::remove_file(&path)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Where the journal stands.
///
/// # Errors
/// [`JournalError`], see its variants.
pub(crate) fn positions(folder: &Path, installation: &InstallationKey) -> Result<Positions, JournalError> {
    let key = installation.journal_key();
    files(folder)?.iter().map(|path| Ok((name_of(path), read(path, &key)?.len() as u64))).collect()
}

/// What was done after these positions, in the order of time, without what was taken back.
///
/// # Errors
/// [`JournalError`], see its variants.
pub fn entries_after(
    folder: &Path,
    installation: &InstallationKey,
    positions: &Positions,
) -> Result<Vec<Entry>, JournalError> {
    let key = installation.journal_key();
    let mut after = Vec::new();
    let mut missing: BTreeMap<&String, &u64> = positions.iter().collect();
    for path in files(folder)? {
        let name = name_of(&path);
        let entries = read(&path, &key)?;
        let done = usize::try_from(missing.remove(&name).copied().unwrap_or(0)).unwrap_or(usize::MAX);
        if done > entries.len() {
            return Err(JournalError::Incomplete(name));
        }
        let mut kept = Vec::new();
        for entry in entries.into_iter().skip(done) {
            match entry.act {
                Act::Void { entries } => kept.truncate(kept.len().saturating_sub(entries)),
                _ => kept.push(entry),
            }
        }
        after.extend(kept);
    }
    if let Some((name, _)) = missing.into_iter().find(|(_, done)| **done > 0) {
        return Err(JournalError::Incomplete(name.clone()));
    }
    after.sort_by_key(|entry| entry.at);
    Ok(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use likeness_base::Secret;

    struct Still;
    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(1_767_225_600_000)
        }
    }

    struct Count(std::sync::atomic::AtomicU8);
    impl Randomness for Count {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    fn key(byte: u8) -> InstallationKey {
        InstallationKey::from_bytes(Secret::new([byte; 32]))
    }

    fn journal(folder: &Path, seed: u8) -> DeletionJournal {
        DeletionJournal::at(folder, &key(1), Arc::new(Still), Arc::new(Count(seed.into())))
    }

    fn face(number: i64, at: i64) -> Entry {
        Entry { account: Default::default(), at, audit: number, act: Act::Face { container: 1, face: number } }
    }

    #[test]
    fn entries_of_several_processes_come_in_the_order_of_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("journal");
        assert!(positions(&place, &key(1)).expect("nothing is there").is_empty());
        let (one, two) = (journal(&place, 1), journal(&place, 2));
        one.append(&[face(1, 10), face(3, 30)]).expect("it is written");
        two.append(&[face(2, 20)]).expect("it is written");
        let known = positions(&place, &key(1)).expect("it is read");
        assert_eq!(known.values().sum::<u64>(), 3);
        two.append(&[face(5, 50), face(6, 60)]).expect("it is written");
        two.void(1).expect("it is taken back");
        one.append(&[face(4, 40)]).expect("it is written");
        let after = entries_after(&place, &key(1), &known).expect("it is read");
        assert_eq!(after, [face(4, 40), face(5, 50)]);
        let all = entries_after(&place, &key(1), &Positions::default()).expect("it is read");
        assert_eq!(all.iter().map(|entry| entry.at).collect::<Vec<_>>(), [10, 20, 30, 40, 50]);
    }

    #[test]
    fn what_is_missing_or_changed_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path();
        journal(place, 1).append(&[face(1, 10), face(2, 20)]).expect("it is written");
        let known = positions(place, &key(1)).expect("it is read");
        let path = files(place).expect("a folder").remove(0);
        let good = fs::read_to_string(&path).expect("text");
        let lines: Vec<&str> = good.lines().collect();
        // Half a line was never acknowledged.
        fs::write(&path, format!("{good}0123")).expect("it is written");
        assert_eq!(positions(place, &key(1)).expect("it is read"), known);
        for (name, text) in [
            ("a line less in the middle", [lines[0], lines[2], ""].join("\n")),
            ("a changed line", good.replace("face 1 1", "face 1 9")),
            ("another head", good.replace("journal-1", "journal-9")),
        ] {
            fs::write(&path, text).expect("it is written");
            assert!(matches!(entries_after(place, &key(1), &known), Err(JournalError::Changed(_))), "{name}");
        }
        fs::write(&path, [lines[0], lines[1], ""].join("\n")).expect("it is written");
        assert!(matches!(entries_after(place, &key(1), &known), Err(JournalError::Incomplete(_))), "cut off");
        fs::write(&path, &good).expect("it is written");
        assert!(entries_after(place, &key(2), &known).is_err(), "of another installation");
        fs::remove_file(&path).expect("it is removed");
        assert!(matches!(entries_after(place, &key(1), &known), Err(JournalError::Incomplete(_))), "gone");
    }
}
