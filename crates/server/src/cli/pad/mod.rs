//! `likeness pad`: error rates of presentation attack detection.

mod evaluate;
mod fusing;
mod inject;
mod matrix;
mod record;
mod recordings;

use crate::config::Config;
use anyhow::Result;
use clap::Subcommand;
use std::process::ExitCode;

/// What every report of simulated material says first.
const SIMULATED: &str = "Simulated material: rendered faces and rendered attacks. It says nothing on people, and no laboratory has tested this.";

#[derive(Subcommand)]
pub(super) enum Pad {
    /// Play rendered people and attacks under five lights against the checks of this version, and count what came of them.
    Matrix(matrix::Matrix),
    /// Play recordings of people and of attacks against the checks of this version, and write a report. The exit code is 3 if a recording
    /// cannot be read.
    Evaluate(evaluate::Evaluate),
    /// Compare captures rendered of photos with other photos of the same people, by the best frame and by all frames.
    Fusing(fusing::Fusing),
    /// Send rendered material in place of a camera's frames, as a client of one's own can, and count what is accepted.
    Inject(inject::Inject),
    /// Record somebody who agrees, or an attack, with the capture page of a running server. The exit code is 3 if nothing was recorded.
    Record(record::Record),
}

impl Pad {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        match self {
            Self::Matrix(matrix) => matrix.run(config),
            Self::Evaluate(evaluate) => evaluate.run(config),
            Self::Fusing(fusing) => fusing.run(config),
            Self::Inject(inject) => inject.run(config),
            Self::Record(record) => record.run(config),
        }
    }
}
