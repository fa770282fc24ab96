//! `likeness pad`: error rates of presentation attack detection.

use super::labelled::bar;
use super::output;
use super::photos::{self, Offline};
use crate::config::Config;
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use likeness_liveness::Policy;
use likeness_models::Cache;
use likeness_pad::{Clip, Light, Presentation, Response, Tally};
use likeness_renderer::Person;
use likeness_vision::Vision;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What every report says first.
const SIMULATED: &str = "Simulated material: rendered faces and rendered attacks. It says nothing on people, and no laboratory has tested this.";

#[derive(Subcommand)]
pub(super) enum Pad {
    /// Play rendered people and attacks under five lights against the checks of this version, and count what came of them.
    Matrix(Matrix),
}

#[derive(Args)]
pub(super) struct Matrix {
    /// Photos of people who look into the camera. Without any, the photos of the demonstration.
    photos: Vec<PathBuf>,
    /// Presentations of each kind under each light.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// The first seed. Others give other people, places, movements and prompts.
    #[arg(long, default_value_t = 1_000)]
    first_seed: u64,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

type Cells = BTreeMap<(Presentation, Light), Tally>;

impl Pad {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        match self {
            Self::Matrix(matrix) => matrix.run(config),
        }
    }
}

impl Matrix {
    fn run(&self, config: &Config) -> Result<ExitCode> {
        let mut offline = Offline::load(config)?;
        let photos = match self.photos.as_slice() {
            [] => likeness_models::demo_photos(&Cache::at(config.cache()))?,
            photos => photos.to_vec(),
        };
        let people = people(&photos, &mut offline.vision)?;
        let policy = Arc::new(config.liveness.policy.clone());
        let clips = Clip::all(self.first_seed, self.seeds);
        let cells = played(&clips, &people, &policy, &offline, config)?;
        if self.json {
            output::json(&report(&cells, &policy, people.len()))?;
        } else {
            tables(&cells, people.len());
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A head of every large face that looks into the camera.
fn people(photos: &[PathBuf], vision: &mut Vision) -> Result<Vec<Person>> {
    let mut people = Vec::new();
    for photo in photos {
        people.extend(likeness_pad::people(vision, &photos::read(photo)?, people.len() as u64)?);
    }
    if people.is_empty() {
        bail!("no photo shows a large face that looks into the camera; name other photos");
    }
    Ok(people)
}

/// Plays all clips on as many threads as the server has workers.
fn played(
    clips: &[Clip],
    people: &[Person],
    policy: &Arc<Policy>,
    offline: &Offline,
    config: &Config,
) -> Result<Cells> {
    let bar = bar(clips.len(), "playing captures");
    let (next, cells) = (AtomicUsize::new(0), Mutex::new(Cells::new()));
    offline.on_all_workers(config, |vision| {
        while let Some(clip) = clips.get(next.fetch_add(1, Ordering::Relaxed)) {
            let tries: Vec<Response> = clip.play(people, policy, vision)?;
            let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
            cells.entry((clip.presentation, clip.light)).or_default().count(&tries);
            bar.inc(1);
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    Ok(cells.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// One presentation under all lights.
fn of_presentation(cells: &Cells, presentation: Presentation) -> Tally {
    let cells = cells.iter().filter(|((cell, _), _)| *cell == presentation);
    cells.fold(Tally::default(), |sum, (_, tally)| sum.with(tally))
}

/// Attacks, the one that got furthest first.
fn attacks(cells: &Cells) -> Vec<(Presentation, Tally)> {
    let attacks = Presentation::ALL.into_iter().filter(|presentation| *presentation != Presentation::Live);
    let mut attacks: Vec<_> =
        attacks.map(|presentation| (presentation, of_presentation(cells, presentation))).collect();
    attacks.sort_by(|one, two| two.1.taken_as_real().share().total_cmp(&one.1.taken_as_real().share()));
    attacks
}

fn tables(cells: &Cells, people: usize) {
    output::line(SIMULATED);
    output::line(&format!(
        "{people} people. Of attacks: APCER, the share that ended realface, the worst species first."
    ));
    output::line("");
    for (presentation, tally) in attacks(cells) {
        let Tally { presentations, spoof, uncertain, no_response, .. } = tally;
        output::line(&format!(
            "{:<22} {presentations:>4} shown   APCER {}   spoofface {spoof}, uncertain {uncertain}, no decision {no_response}",
            presentation.name(),
            tally.taken_as_real(),
        ));
    }
    output::line("");
    output::line(
        "A recording meets random prompts by chance: where no light can be measured about 1 in 12 with two turns.",
    );
    output::line("");
    output::line("Of people: the share that was refused (BPCER and BPNRR together).");
    output::line("");
    for light in Light::ALL {
        let Some(tally) = cells.get(&(Presentation::Live, light)) else { continue };
        output::line(&format!(
            "{:<28} {:>4} shown   after one try {}   after two {}",
            light.name(),
            tally.presentations,
            tally.refused_once(),
            tally.refused_twice(),
        ));
    }
}

fn report(cells: &Cells, policy: &Policy, people: usize) -> Value {
    let cells: Vec<Value> = cells
        .iter()
        .map(|((presentation, light), tally)| json!({ "presentation": presentation, "light": light, "tally": tally }))
        .collect();
    json!({ "about": SIMULATED, "policyVersion": policy.version, "people": people, "cells": cells })
}
