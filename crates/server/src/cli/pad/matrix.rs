//! `likeness pad matrix`: rendered people and attacks.

use super::{SIMULATED, recordings};
use crate::cli::labelled::bar;
use crate::cli::output;
use crate::cli::photos::{self, Offline};
use crate::config::Config;
use anyhow::{Context, Result, bail};
use clap::Args;
use likeness_liveness::Policy;
use likeness_models::Cache;
use likeness_pad::{Came, Clip, Light, Presentation, Tally};
use likeness_renderer::Person;
use likeness_vision::Vision;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Rendered material: of whom, how much, and by which seeds.
#[derive(Args)]
pub(super) struct Rendered {
    /// Photos of people who look into the camera. Without any, the photos of the demonstration.
    photos: Vec<PathBuf>,
    /// Presentations of each kind under each light.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// The first seed. Others give other people, places, movements and prompts.
    #[arg(long, default_value_t = 1_000)]
    first_seed: u64,
}

#[derive(Args)]
pub(in crate::cli) struct Matrix {
    #[command(flatten)]
    rendered: Rendered,
    /// Play this presentation alone, such as live or print; may be given several times.
    #[arg(long, value_name = "PRESENTATION", value_parser = presentation)]
    only: Vec<Presentation>,
    /// Keep the first try of each as a recording in this folder, for `likeness pad evaluate`. A recording takes about 2 MB.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// What came of rendered material.
pub(super) struct Outcome {
    pub(super) cells: Cells,
    pub(super) people: usize,
    pub(super) policy: Arc<Policy>,
}

pub(super) type Cells = BTreeMap<(Presentation, Light), Tally>;

impl Matrix {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        let wanted = if self.only.is_empty() { &Presentation::ALL } else { self.only.as_slice() };
        let Outcome { cells, people, policy } = self.rendered.play(config, wanted, self.keep.as_deref())?;
        if self.json {
            output::json(&report(&cells, &policy, people))?;
        } else {
            tables(&cells, people);
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Rendered {
    /// Plays some presentations under every light, and keeps them where that is wanted.
    pub(super) fn play(&self, config: &Config, wanted: &[Presentation], keep: Option<&Path>) -> Result<Outcome> {
        let mut offline = Offline::load(config)?;
        let photos = match self.photos.as_slice() {
            [] => likeness_models::demo_photos(&Cache::at(config.cache()))?,
            photos => photos.to_vec(),
        };
        let people = people(&photos, &mut offline.vision)?;
        let policy = Arc::new(config.liveness.policy.clone());
        let mut clips = Clip::all(self.first_seed, self.seeds);
        clips.retain(|clip| wanted.contains(&clip.presentation));
        if let Some(folder) = keep {
            std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        let cells = played(&clips, &people, &policy, &offline, config, keep)?;
        Ok(Outcome { cells, people: people.len(), policy })
    }
}

fn presentation(word: &str) -> Result<Presentation, String> {
    let known = Presentation::ALL.into_iter().find(|presentation| presentation.word() == word);
    known.ok_or_else(|| format!("it is one of {}", Presentation::ALL.map(Presentation::word).join(", ")))
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
    keep: Option<&Path>,
) -> Result<Cells> {
    let bar = bar(clips.len(), "playing captures");
    let (next, cells) = (AtomicUsize::new(0), Mutex::new(Cells::new()));
    offline.on_all_workers(config, |vision| {
        while let Some(clip) = clips.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Came { tries, first, frames } = clip.play(people, policy, vision)?;
            if let Some(folder) = keep {
                let name = format!("{}_{}_{}", clip.presentation.word(), clip.light.word(), clip.seed);
                recordings::write(&folder.join(name), first, &frames)?;
            }
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
pub(super) fn of_presentation(cells: &Cells, presentation: Presentation) -> Tally {
    let cells = cells.iter().filter(|((cell, _), _)| *cell == presentation);
    cells.fold(Tally::default(), |sum, (_, tally)| sum.with(tally))
}

/// Attacks, the one that got furthest first.
fn attacks(cells: &Cells) -> Vec<(Presentation, Tally)> {
    let is_shown = |presentation: &Presentation| cells.keys().any(|(shown, _)| shown == presentation);
    let attacks = Presentation::ALL.into_iter().filter(|one| *one != Presentation::Live && is_shown(one));
    let mut attacks: Vec<_> =
        attacks.map(|presentation| (presentation, of_presentation(cells, presentation))).collect();
    attacks.sort_by(|one, two| two.1.taken_as_real().share().total_cmp(&one.1.taken_as_real().share()));
    attacks
}

fn tables(cells: &Cells, people: usize) {
    output::line(SIMULATED);
    output::line(&format!("{people} people. Seeds draw the rest: prompts, places, movements, camera, screen."));
    let attacks = attacks(cells);
    if !attacks.is_empty() {
        output::line(
            "\nAttacks, the worst species first: APCER, the share that ended realface; then by light, of those shown",
        );
        let rows: Vec<Vec<String>> = attacks
            .iter()
            .map(|(presentation, tally)| {
                let Tally { presentations, spoof, uncertain, no_response, .. } = tally;
                let start =
                    [presentation.name().to_owned(), presentations.to_string(), tally.taken_as_real().to_string()];
                let by_light = Light::ALL.map(|light| match cells.get(&(*presentation, light)) {
                    Some(tally) => format!("{} of {}", tally.real, tally.presentations),
                    None => String::new(),
                });
                let end = [spoof, uncertain, no_response].map(u32::to_string);
                start.into_iter().chain(by_light).chain(end).collect()
            })
            .collect();
        let head =
            ["species", "shown", "APCER", "50 lux", "150", "300", "1,000", "10,000", "spoofface", "uncertain", "none"];
        output::table(&head, &rows);
        output::line(
            "\nA recording meets random prompts by chance: where no light can be measured about 1 in 12 with two turns.",
        );
    }
    let refused = |light: Light| {
        let tally = cells.get(&(Presentation::Live, light))?;
        let shown = tally.presentations.to_string();
        Some(vec![light.name().to_owned(), shown, tally.refused_once().to_string(), tally.refused_twice().to_string()])
    };
    let rows: Vec<Vec<String>> = Light::ALL.into_iter().filter_map(refused).collect();
    if !rows.is_empty() {
        output::line("\nPeople: the share that was refused, BPCER and BPNRR together");
        output::table(&["light", "shown", "after one try", "after two"], &rows);
    }
}

fn report(cells: &Cells, policy: &Policy, people: usize) -> Value {
    let cells: Vec<Value> = cells
        .iter()
        .map(|((presentation, light), tally)| json!({ "presentation": presentation, "light": light, "tally": tally }))
        .collect();
    json!({ "about": SIMULATED, "policyVersion": policy.version, "people": people, "cells": cells })
}
