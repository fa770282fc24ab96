//! `likeness calibrate`: confidences for your own population, with honest bounds.

use super::photos::{self, Offline};
use super::say;
use crate::config::Config;
use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use likeness_gallery::calibrate::{self, Labelled};
use likeness_vision::{AttributeSet, Search, Wanted};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Resamplings of whole people for the intervals. More would not move the second digit.
const ROUNDS: usize = 300;

#[derive(Args)]
pub(super) struct Calibrate {
    /// A folder with one subfolder for each person, photos of that person inside.
    ///
    /// Photos in which not exactly one face is found are left out and counted. Nothing leaves this machine and
    /// nothing is stored but the calibration. At least 100 pairs of photos of different people are needed.
    folder: PathBuf,
    /// Where to write the calibration; start the server with LIKENESS_CALIBRATION naming it.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the whole report as JSON.
    #[arg(long)]
    json: bool,
    /// Seed of the resampling, so that a report can be made again.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Calibrate {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        let photos = labelled_photos(&self.folder)?;
        let mut offline = Offline::load(config)?;
        let bar = ProgressBar::new(photos.len() as u64);
        bar.set_style(
            ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.set_message("reading photos");
        let wanted = Wanted { landmarks: false, attributes: AttributeSet::empty(), template: true };
        let mut labelled = Vec::new();
        let mut left_out = 0;
        for (person, file) in &photos {
            bar.inc(1);
            let picture = match photos::read(file) {
                Ok(picture) => picture,
                Err(error) => {
                    bar.suspend(|| say::note(&format!("left out: {error:#}")));
                    left_out += 1;
                    continue;
                }
            };
            let found = offline.vision.detect(&picture, Search::default())?;
            let [only] = &found[..] else {
                left_out += 1;
                continue;
            };
            let face = offline.vision.describe(&picture, only, wanted)?;
            let template = face.template.context("the recogniser gave no template")?;
            labelled.push(Labelled { person: *person, template });
        }
        bar.finish_and_clear();
        let report = calibrate::calibrate(&labelled, &offline.networks.space_id, ROUNDS, self.seed)?;
        if self.json {
            say::json(&report)?;
        } else {
            say::line(&format!("{} photos used, {left_out} left out for not showing exactly one face", labelled.len()));
            say::line(&report.to_string());
        }
        if let Some(file) = &self.output {
            let text = serde_json::to_string_pretty(&report.calibration)?;
            std::fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))?;
            say::note(&format!(
                "Wrote {}; start the server with LIKENESS_CALIBRATION={}",
                file.display(),
                file.display()
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The photos of a folder, with a number for each subfolder.
fn labelled_photos(folder: &Path) -> Result<Vec<(u32, PathBuf)>> {
    let entries = |folder: &Path| -> Result<Vec<PathBuf>> {
        let read =
            std::fs::read_dir(folder).with_context(|| format!("the folder {} cannot be read", folder.display()))?;
        let mut paths = read.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    };
    let people: Vec<PathBuf> = entries(folder)?.into_iter().filter(|path| path.is_dir()).collect();
    if people.len() < 2 {
        bail!("{} must hold a subfolder for each of at least two people", folder.display());
    }
    let mut photos = Vec::new();
    for (number, person) in (0..).zip(&people) {
        photos.extend(entries(person)?.into_iter().filter(|path| path.is_file()).map(|path| (number, path)));
    }
    Ok(photos)
}
