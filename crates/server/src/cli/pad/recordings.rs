//! Recordings on the disk: a folder each, with `recording.json` and the JPEGs of its frames.

use anyhow::{Context, Result, bail};
use likeness_base::Clock as _;
use likeness_liveness::Recording;
use likeness_service::clock::SystemClock;
use std::path::{Path, PathBuf};

const FILE: &str = Recording::FILE;

/// Writes one. A folder that has one is not written over.
pub(super) fn write(folder: &Path, mut recording: Recording, frames: &[Vec<u8>]) -> Result<()> {
    recording.made_ms = SystemClock.now().as_millis();
    let save = || -> std::io::Result<()> {
        std::fs::create_dir(folder)?;
        for (seq, frame) in (1..).zip(frames) {
            std::fs::write(folder.join(Recording::frame_name(seq)), frame)?;
        }
        // Last: a folder without it is none.
        std::fs::write(folder.join(FILE), recording.to_json())
    };
    save().with_context(|| format!("{} cannot be written", folder.display()))
}

/// Recordings by their folders.
pub(super) type Recordings = Vec<(PathBuf, Recording)>;

/// Those of a folder, in the order of their names, and those that cannot be read, with the reason.
pub(super) fn read_all(folder: &Path) -> Result<(Recordings, Vec<String>)> {
    let (mut read, mut unread) = (Vec::new(), Vec::new());
    let entries = std::fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut folders = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    folders.retain(|path| path.join(FILE).is_file());
    folders.sort();
    if folders.is_empty() {
        bail!(
            "{} has no recordings: folders with a file {FILE}; `likeness pad record` makes them of people who agreed, \
             `likeness pad matrix --keep {}` of rendered ones",
            folder.display(),
            folder.display()
        );
    }
    for one in folders {
        let recording = std::fs::read(one.join(FILE)).map_err(|error| error.to_string());
        match recording.and_then(|bytes| Recording::parse(&bytes).map_err(|problem| problem.to_string())) {
            Ok(recording) => read.push((one, recording)),
            Err(problem) => unread.push(format!("{}: {problem}", one.display())),
        }
    }
    Ok((read, unread))
}

/// A frame of one.
pub(super) fn frame(folder: &Path, seq: u32) -> Option<Vec<u8>> {
    std::fs::read(folder.join(Recording::frame_name(seq))).ok()
}
