//! A folder of photos with a subfolder for each person, and the templates that come out of it.

use super::photos::{self, Offline};
use super::say;
use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use likeness_gallery::Labelled;
use likeness_gallery::evaluate::LeftOut;
use likeness_vision::{AttributeSet, Search, Wanted};
use std::path::{Path, PathBuf};

/// What such a folder must look like, for whoever has another one.
pub(super) const SHAPE: &str = "the folder must hold a subfolder for each of at least two people, with photos that show only \
                                that person, at least two of somebody";

/// The photos of known people.
pub(super) struct Folder {
    /// The names of the subfolders; a person's number is the place here.
    pub people: Vec<String>,
    photos: Vec<(u32, PathBuf)>,
}

/// Templates, and what became of the other photos.
pub(super) struct Made {
    /// One for each photo that shows exactly one face.
    pub labelled: Vec<Labelled>,
    /// For each person.
    pub left_out: Vec<LeftOut>,
}

impl Folder {
    /// Looks for subfolders and files in them; hidden ones are passed over.
    ///
    /// # Errors
    /// When a folder cannot be read or there are fewer than two subfolders.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let people: Vec<PathBuf> = entries(folder)?.into_iter().filter(|path| path.is_dir()).collect();
        if people.len() < 2 {
            bail!("{} must hold a subfolder for each of at least two people", folder.display());
        }
        let mut photos = Vec::new();
        for (number, person) in (0..).zip(&people) {
            photos.extend(entries(person)?.into_iter().filter(|path| path.is_file()).map(|path| (number, path)));
        }
        let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { people: people.iter().map(name).collect(), photos })
    }

    /// Makes a template of every photo that shows exactly one face. Which files were no pictures is said on the way.
    ///
    /// # Errors
    /// When the engine fails.
    pub(super) fn templates(&self, offline: &mut Offline) -> Result<Made> {
        let bar = bar(self.photos.len(), "reading photos");
        let wanted = Wanted { landmarks: false, attributes: AttributeSet::empty(), template: true };
        let mut made = Made { labelled: Vec::new(), left_out: vec![LeftOut::default(); self.people.len()] };
        for (person, file) in &self.photos {
            bar.inc(1);
            let left_out = &mut made.left_out[*person as usize];
            let picture = match photos::read(file) {
                Ok(picture) => picture,
                Err(error) => {
                    bar.suspend(|| say::note(&format!("left out: {error:#}")));
                    left_out.unreadable += 1;
                    continue;
                }
            };
            match &offline.vision.detect(&picture, Search::default())?[..] {
                [] => left_out.no_face += 1,
                [only] => {
                    let face = offline.vision.describe(&picture, only, wanted)?;
                    let template = face.template.context("the recogniser gave no template")?;
                    made.labelled.push(Labelled { person: *person, template });
                }
                _ => left_out.several_faces += 1,
            }
        }
        bar.finish_and_clear();
        Ok(made)
    }
}

/// A bar on standard error that says what goes on.
pub(super) fn bar(steps: usize, message: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(steps as u64);
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(message);
    bar
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = std::fs::read_dir(folder).with_context(|| format!("the folder {} cannot be read", folder.display()))?;
    let mut paths = read.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| !path.file_name().unwrap_or_default().to_string_lossy().starts_with('.'));
    paths.sort();
    Ok(paths)
}
