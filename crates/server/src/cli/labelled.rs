//! A folder of photos with a subfolder for each person, and the templates that come out of it.

use super::exclusions;
use super::output;
use super::photos::{self, Offline};
use crate::config::Config;
use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use likeness_base::Secret;
use likeness_gallery::evaluate::LeftOut;
use likeness_gallery::{ExcludedPairs, Labelled};
use likeness_vision::{DescribeOptions, Detection, Picture, Point, RecogniserSet, Search, Vision};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The form that such a folder must have, for error messages.
pub(super) const SHAPE: &str = "the folder must hold a subfolder for each of at least two people, with photos that show only \
                                that person, at least two of somebody";

/// How photos are taken out of a folder.
#[derive(Args)]
pub(super) struct Taken {
    /// Of a photo with several faces take the one nearest the middle, as sets are made whose photos are cut around the
    /// person who is meant. Without, such photos are left out and counted.
    #[arg(long)]
    centre_face: bool,
    /// CSV of what is not to be compared, `first,second` in the first line: two people who are relatives or the same
    /// person, two photos (`person/file.jpg`), or a photo with a wrong label and nothing behind it.
    #[arg(long, value_name = "CSV")]
    leave_out: Option<PathBuf>,
}

/// The photos of known people.
pub(super) struct Folder {
    /// The names of the subfolders; a person's number is the place here.
    pub people: Vec<String>,
    /// Whose photo, and where it lies.
    pub photos: Vec<(u32, PathBuf)>,
    /// What lies where photos should and is none, or cannot be looked into, with why.
    pub unread: Vec<String>,
}

/// Templates, and what became of the other photos.
pub(super) struct Made {
    /// One for each photo that was taken.
    pub labelled: Vec<Labelled>,
    /// For each person.
    pub left_out: Vec<LeftOut>,
    /// What is not to be compared.
    pub excluded: ExcludedPairs,
    /// How many could not be read.
    pub unread: usize,
}

/// What became of a photo.
enum Outcome {
    Template(Secret<Vec<f32>>),
    NoFace,
    SeveralFaces,
    Unreadable,
}

impl Folder {
    /// Looks for subfolders and files in them; hidden ones are passed over.
    ///
    /// # Errors
    /// When the folder cannot be read or there are fewer than two subfolders.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let people: Vec<PathBuf> = entries(folder)?.into_iter().filter(|path| path.is_dir()).collect();
        if people.len() < 2 {
            bail!("{} must hold a subfolder for each of at least two people", folder.display());
        }
        let (mut photos, mut unread) = (Vec::new(), Vec::new());
        for (number, person) in (0..).zip(&people) {
            let paths = entries(person).unwrap_or_else(|error| {
                unread.push(format!("{error:#}"));
                Vec::new()
            });
            // A link that leads nowhere is taken for a photo here and named when it is read.
            let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = paths.into_iter().partition(|path| path.is_dir());
            unread
                .extend(folders.iter().map(|folder| format!("{} is a folder; photos lie beside it", folder.display())));
            photos.extend(files.into_iter().map(|path| (number, path)));
        }
        Ok(Self { people: people.iter().map(|path| name(path)).collect(), photos, unread })
    }

    /// Makes a template of every photo that shows the person, on as many threads as the server has workers. What could
    /// not be read is named on the way.
    ///
    /// # Errors
    /// When the engine fails, or the list of what to leave out is not right.
    pub(super) fn templates(&self, offline: &Offline, config: &Config, taken: &Taken) -> Result<Made> {
        let exclusions =
            taken.leave_out.as_deref().map(|file| exclusions::read(file, self)).transpose()?.unwrap_or_default();
        self.unread.iter().for_each(|problem| left_out_for(problem));
        let bar = bar(self.photos.len(), "reading photos");
        let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        offline.on_all_workers(config, |vision| {
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some((_, file)) = self.photos.get(place) else { return Ok(()) };
                bar.inc(1);
                if exclusions.photos.contains(&place) {
                    continue;
                }
                let outcome = look(vision, file, taken.centre_face, &bar)?;
                found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((place, outcome));
            }
        })?;
        bar.finish_and_clear();

        // In the order of the folder, however the threads took turns.
        let mut found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        found.sort_by_key(|(place, _)| *place);
        let left_out = vec![LeftOut::default(); self.people.len()];
        let unread = self.unread.len();
        let mut made = Made { labelled: Vec::new(), left_out, excluded: ExcludedPairs::default(), unread };
        let mut place_of = vec![None; self.photos.len()];
        for (place, outcome) in found {
            let person = self.photos[place].0;
            let left_out = &mut made.left_out[person as usize];
            match outcome {
                Outcome::NoFace => left_out.no_face += 1,
                Outcome::SeveralFaces => left_out.several_faces += 1,
                Outcome::Unreadable => {
                    left_out.unreadable += 1;
                    made.unread += 1;
                }
                Outcome::Template(template) => {
                    place_of[place] = Some(made.labelled.len());
                    made.labelled.push(Labelled { person, template });
                }
            }
        }
        exclusions.people.iter().for_each(|(one, other)| made.excluded.people(*one, *other));
        for (one, other) in &exclusions.pairs {
            if let (Some(one), Some(other)) = (place_of[*one], place_of[*other]) {
                made.excluded.templates(one, other);
            }
        }
        Ok(made)
    }
}

fn look(vision: &mut Vision, file: &Path, centre_face: bool, bar: &ProgressBar) -> Result<Outcome> {
    let picture = match photos::read(file) {
        Ok(picture) => picture,
        Err(error) => {
            bar.suspend(|| left_out_for(&format!("{error:#}")));
            return Ok(Outcome::Unreadable);
        }
    };
    let found = vision.detect(&picture, Search::default())?;
    let chosen = match found.as_slice() {
        [] => return Ok(Outcome::NoFace),
        [only] => only,
        several if centre_face => nearest_the_middle(&picture, several),
        _ => return Ok(Outcome::SeveralFaces),
    };
    let options = DescribeOptions { templates: RecogniserSet::FIRST, ..DescribeOptions::default() };
    let face = vision.describe(&picture, chosen, options)?;
    Ok(Outcome::Template(face.template(0).cloned().context("the recogniser gave no template")?))
}

/// Names something that cannot be read.
fn left_out_for(problem: &str) {
    output::hint(&format!("left out: {problem}"));
}

#[expect(clippy::cast_precision_loss, reason = "sides of pictures are far below the precision of f32")]
fn nearest_the_middle<'a>(picture: &Picture, found: &'a [Detection]) -> &'a Detection {
    let middle = Point { x: picture.width() as f32 / 2.0, y: picture.height() as f32 / 2.0 };
    let away = |face: &Detection| face.rect.centre().distance(middle);
    found.iter().min_by(|a, b| away(a).total_cmp(&away(b))).expect("several faces are at least one")
}

/// A bar on standard error that says what goes on.
pub(super) fn bar(steps: usize, message: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(steps as u64);
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(message);
    bar
}

/// The last part of a path, for people.
pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = std::fs::read_dir(folder).with_context(|| format!("the folder {} cannot be read", folder.display()))?;
    let mut paths = read.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| !path.file_name().unwrap_or_default().to_string_lossy().starts_with('.'));
    paths.sort();
    Ok(paths)
}
