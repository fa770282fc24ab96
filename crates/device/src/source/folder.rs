//! The JPEG files of a folder, as if a camera took them.

use super::{Screen, Source};
use crate::SourceError;
use likeness_liveness::message::{FromServer, Shown};
use likeness_liveness::{MOST_FRAME_SIDE, jpeg_size};
use std::path::{Path, PathBuf};

/// Plays the JPEG files of a folder in the order of their names, one for each frame.
#[derive(Clone, Debug)]
pub struct Folder {
    files: Vec<PathBuf>,
    next: usize,
    repeats: bool,
    screen: Screen,
    size: (u32, u32),
}

impl Folder {
    /// The files of a folder whose names end in `.jpg` or `.jpeg`. When all were played, they begin again, or the attempt
    /// is given up.
    ///
    /// # Errors
    /// [`SourceError`] when the folder cannot be read or has none.
    pub fn open(folder: &Path, repeats: bool) -> Result<Self, SourceError> {
        let unreadable = |error| SourceError(format!("the folder {} cannot be read: {error}", folder.display()));
        let entries = std::fs::read_dir(folder).map_err(unreadable)?;
        let mut files = entries.map(|entry| Ok(entry.map_err(unreadable)?.path())).collect::<Result<Vec<_>, _>>()?;
        files.retain(|file| {
            let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            ["jpg", "jpeg"].iter().any(|known| ending.eq_ignore_ascii_case(known)) && file.is_file()
        });
        files.sort();
        let Some(first) = files.first() else {
            return Err(SourceError(format!("the folder {} holds no JPEG files", folder.display())));
        };
        let (_, size) = read(first)?;
        Ok(Self { files, next: 0, repeats, screen: Screen::default(), size })
    }

    /// How many files there are.
    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// Columns and rows of the first.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }
}

fn read(file: &Path) -> Result<(Vec<u8>, (u32, u32)), SourceError> {
    let jpeg =
        std::fs::read(file).map_err(|error| SourceError(format!("{} cannot be read: {error}", file.display())))?;
    let size = jpeg_size(&jpeg).ok_or_else(|| SourceError(format!("{} is no JPEG", file.display())))?;
    if size.0.max(size.1) > MOST_FRAME_SIDE {
        let (width, height) = size;
        return Err(SourceError(format!(
            "{} is {width} x {height} pixels; a frame has at most {MOST_FRAME_SIDE} a side. Make it smaller",
            file.display()
        )));
    }
    Ok((jpeg, size))
}

impl Source for Folder {
    fn told(&mut self, message: &FromServer, now_ms: f64) {
        self.screen.told(message, now_ms);
    }

    fn shown(&mut self, now_ms: f64) -> Option<Shown> {
        self.screen.shown(now_ms).map(|(_, shown)| shown)
    }

    fn shows_at(&self) -> Option<f64> {
        self.screen.shows_at()
    }

    fn frame(&mut self, _: f64) -> Result<Option<Vec<u8>>, SourceError> {
        if self.next == self.files.len() && self.repeats {
            self.next = 0;
        }
        let Some(file) = self.files.get(self.next) else { return Ok(None) };
        self.next += 1;
        read(file).map(|(jpeg, _)| Some(jpeg))
    }
}
