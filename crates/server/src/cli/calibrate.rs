//! `likeness calibrate`: confidences for your own population, with honest bounds.

use super::labelled::{self, Folder, Made, Taken};
use super::photos::Offline;
use super::{ended, output};
use crate::config::Config;
use anyhow::{Context, Result};
use clap::Args;
use likeness_gallery::calibrate;
use std::path::PathBuf;
use std::process::ExitCode;

/// Resamplings of whole people for the intervals. More would not move the second digit.
const ROUNDS: usize = 300;

#[derive(Args)]
pub(super) struct Calibrate {
    /// A folder with one subfolder for each person, photos of that person inside.
    ///
    /// Photos in which not exactly one face is found are left out and counted (see --centre-face). Nothing leaves this machine and
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
    #[command(flatten)]
    taken: Taken,
}

impl Calibrate {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        let folder = Folder::read(&self.folder)?;
        let offline = Offline::load(config)?;
        let Made { labelled, left_out, excluded, unread } = folder.templates(&offline, config, &self.taken)?;
        let left_out: u64 = left_out.iter().map(|out| out.no_face + out.several_faces).sum();
        let space = &offline.networks.recognisers.default_recogniser().space_id;
        let bar = labelled::bar(2 * labelled.len(), "comparing all pairs");
        let report =
            calibrate::calibrate(&labelled, &excluded, space, ROUNDS, self.seed, &|done| bar.set_position(done as u64));
        bar.finish_and_clear();
        let report = report.with_context(|| format!("{} cannot be calibrated from", self.folder.display()))?;
        if self.json {
            output::json(&report)?;
        } else {
            let used = labelled.len();
            output::line(&format!(
                "{used} photos used, {left_out} left out for not showing exactly one face, {unread} that could not be read"
            ));
            output::line(&report.to_string());
        }
        if let Some(file) = &self.output {
            let text = serde_json::to_string_pretty(&report.calibration)?;
            std::fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))?;
            output::hint(&format!(
                "Wrote {}; start the server with LIKENESS_CALIBRATION={}",
                file.display(),
                file.display()
            ));
        }
        Ok(ended(unread))
    }
}
