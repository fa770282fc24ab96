//! `likeness pad fusing`: what is gained by comparing several frames of a capture instead of the best one.
//!
//! A capture of each photo of a folder is rendered while the person keeps still, and compared with the other photos as they are: the photos
//! are of real people, the frames between are not.

use super::SIMULATED;
use crate::cli::labelled::{Folder, bar};
use crate::cli::photos::{self, Offline};
use crate::cli::{ended, output};
use crate::config::Config;
use anyhow::{Context, Result, ensure};
use clap::Args;
use likeness_base::Secret;
use likeness_gallery::distance;
use likeness_pad::{Rate, people};
use likeness_renderer::{Conditions, Oval, Performer, Prompt, Scene, Subject, jpeg};
use likeness_service::liveness::fused_and_best;
use likeness_vision::{DescribeOptions, Picture, RecogniserSet, Search, Vision};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

/// Frames of a second of keeping still, as many as a server fuses at most.
const FRAMES: u32 = 8;
/// When the person keeps still.
const STILL_MS: f64 = 2_500.0;
/// As capture pages send.
const JPEG_QUALITY: u8 = 85;

#[derive(Args)]
pub(in crate::cli) struct Fusing {
    /// A folder with one subfolder for each person, several photos of that person inside.
    folder: PathBuf,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

type Template = Secret<Vec<f32>>;

/// A photo, and the frames of a capture that was made of it.
struct Seen {
    person: u32,
    photo: Template,
    best: Template,
    fused: Template,
}

/// How the probes of one kind compare with photos.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Compared {
    probe: &'static str,
    /// Of pairs of one person: the middle of all distances, and the share that is taken for one person at confidence 0.5.
    median_distance: f32,
    accepted: Rate,
    /// Of pairs of two people: the middle, and the share that is taken for one person.
    strangers_median_distance: f32,
    strangers_accepted: Rate,
}

impl Fusing {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        let folder = Folder::read(&self.folder)?;
        let mut offline = Offline::load(config)?;
        let calibration = offline.networks.recognisers.default_recogniser().calibration.clone();
        let (mut seen, mut unread) = (Vec::new(), folder.unread.len());
        let bar = bar(folder.photos.len(), "rendering captures");
        for (place, (person, file)) in folder.photos.iter().enumerate() {
            bar.inc(1);
            match photos::read(file) {
                Ok(picture) => seen.extend(captured(&mut offline.vision, *person, &picture, place as u64)?),
                Err(error) => {
                    bar.suspend(|| output::hint(&format!("left out: {error:#}")));
                    unread += 1;
                }
            }
        }
        bar.finish_and_clear();
        let all = [
            ("the best frame", (|one: &Seen| &one.best) as fn(&Seen) -> &Template),
            ("all frames, fused", |one: &Seen| &one.fused),
        ];
        let is_one = |distance: f32| calibration.verify_confidence(distance) >= 0.5;
        let compared = all.map(|(name, probe)| compared(&seen, name, probe, &is_one));
        let [best, fused] = compared;
        let (best, fused) = (best?, fused?);
        let people = seen.iter().map(|one| one.person).collect::<std::collections::BTreeSet<_>>().len();
        if self.json {
            output::json(
                &serde_json::json!({ "about": SIMULATED, "people": people, "photos": seen.len(), "probes": [best, fused] }),
            )?;
        } else {
            output::line(SIMULATED);
            output::line(&format!("{} photos of {people} people, each compared with every other photo.\n", seen.len()));
            let row = |one: &Compared| {
                vec![
                    one.probe.to_owned(),
                    format!("{:.3}", one.median_distance),
                    format!("{} of {}", one.accepted.count, one.accepted.of),
                    format!("{:.3}", one.strangers_median_distance),
                    format!("{} of {}", one.strangers_accepted.count, one.strangers_accepted.of),
                ]
            };
            output::table(
                &[
                    "probe",
                    "one person: median distance",
                    "taken for one",
                    "strangers: median distance",
                    "taken for one",
                ],
                &[row(&best), row(&fused)],
            );
        }
        Ok(ended(unread))
    }
}

/// A photo of one person who looks into the camera, and a capture made of it; none of another photo.
fn captured(vision: &mut Vision, person: u32, picture: &Picture, seed: u64) -> Result<Option<Seen>> {
    let options = DescribeOptions { templates: RecogniserSet::FIRST, ..DescribeOptions::default() };
    let found = vision.detect(picture, Search::default())?;
    let [only] = found.as_slice() else { return Ok(None) };
    let photo = vision.describe(picture, only, options)?.template(0).cloned().context("no template")?;
    let heads = people(vision, picture, seed)?;
    let [head] = heads.as_slice() else { return Ok(None) };
    let conditions = Conditions { seed, ..Conditions::default() };
    let mut performer = Performer::new(Scene::new(std::slice::from_ref(head), Subject::Live, conditions)?);
    performer
        .show(Prompt::Settle { oval: Oval { x: 0.5, y: 0.5, width: 0.33, height: 0.58 }, colours: Vec::new() }, 0.0);
    let frames: Vec<Vec<u8>> = (0..FRAMES)
        .map(|number| jpeg(&performer.frame(STILL_MS + 100.0 * f64::from(number)).picture, JPEG_QUALITY))
        .collect::<Result<_, _>>()?;
    let made = fused_and_best(vision, &frames).map_err(anyhow::Error::msg)?;
    let Some([fused, best]) = made else { return Ok(None) };
    Ok(Some(Seen { person, photo, best, fused }))
}

fn compared(
    seen: &[Seen],
    name: &'static str,
    probe: fn(&Seen) -> &Template,
    is_one: &impl Fn(f32) -> bool,
) -> Result<Compared> {
    let (mut own, mut strangers) = (Vec::new(), Vec::new());
    for (place, one) in seen.iter().enumerate() {
        // The photo that the capture was rendered from is no other photo.
        for (_, other) in seen.iter().enumerate().filter(|(at, _)| *at != place) {
            let apart = distance(probe(one).expose(), other.photo.expose());
            if one.person == other.person { own.push(apart) } else { strangers.push(apart) }
        }
    }
    ensure!(
        !own.is_empty() && !strangers.is_empty(),
        "two photos of somebody who looks into the camera are needed, and one of somebody else"
    );
    let rate = |distances: &[f32]| {
        let count = distances.iter().filter(|distance| is_one(**distance)).count();
        Rate::new(u32::try_from(count).unwrap_or(u32::MAX), u32::try_from(distances.len()).unwrap_or(u32::MAX))
    };
    let (accepted, strangers_accepted) = (rate(&own), rate(&strangers));
    Ok(Compared {
        probe: name,
        median_distance: median(own),
        accepted,
        strangers_median_distance: median(strangers),
        strangers_accepted,
    })
}

fn median(mut distances: Vec<f32>) -> f32 {
    distances.sort_by(f32::total_cmp);
    distances[distances.len() / 2]
}
