//! Where the time of one photo goes, stage by stage, in CPU time of the one thread that does all of it.

use super::measure::{Series, cpu, cpu_ms};
use anyhow::Result;
use likeness_vision::{DescribeOptions, Limits, Picture, RecogniserSet, Search, Stage, Trace, Vision};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What one round gave: milliseconds by stage; the decoding of the photo under [`DECODE`].
type Round = BTreeMap<&'static str, f64>;

/// Decoding comes before the pipeline and is no stage of it.
pub(crate) const DECODE: &str = "Decode";

/// The stages that are neither decoding nor a network: ours alone.
const OURS: [&str; 6] = ["DetectResample", "DetectFinish", "MeshWarp", "IrisWarp", "Measure", "Align"];

/// The times of several rounds.
#[derive(Default)]
pub(crate) struct Stages {
    order: Vec<&'static str>,
    rounds: Vec<Round>,
}

impl Stages {
    /// Decodes a photo, finds all faces and makes a template of the largest by the recogniser of this number, once.
    ///
    /// # Errors
    /// When a network fails.
    pub(crate) fn measure(
        &mut self,
        vision: &mut Vision,
        bytes: &[u8],
        search: Search,
        recogniser: usize,
    ) -> Result<()> {
        let (decode, picture) = cpu(|| Picture::decode(bytes, &Limits::default()));
        let picture = picture?;
        let stopwatch = Arc::new(Mutex::new(Stopwatch::default()));
        vision.set_trace(Some(Box::new(Listener(stopwatch.clone()))));
        let outcome = look(vision, &picture, search, recogniser);
        vision.set_trace(None);
        outcome?;
        let watch = lock(&stopwatch);
        let mut round = Round::from([(DECODE, decode)]);
        for (stage, time) in &watch.spent {
            round.insert(stage, *time);
        }
        for name in std::iter::once(DECODE).chain(watch.order.iter().copied()) {
            if !self.order.contains(&name) {
                self.order.push(name);
            }
        }
        self.rounds.push(round);
        Ok(())
    }

    /// Each stage in order of first use.
    pub(crate) fn each(&self) -> Vec<(&'static str, Series)> {
        let series = |name| Series::cpu(self.rounds.iter().map(|round| time_of(round, name)).collect());
        self.order.iter().map(|name| (*name, series(name))).collect()
    }

    /// Detecting and describing, decoding excluded.
    pub(crate) fn pipeline(&self) -> Series {
        Series::cpu(self.rounds.iter().map(pipeline).collect())
    }

    /// Decoding, detecting and describing.
    pub(crate) fn all(&self) -> Series {
        Series::cpu(self.rounds.iter().map(|round| round.values().sum()).collect())
    }

    /// Resizing, cutting out and reading what networks say: everything but decoding and the networks.
    pub(crate) fn own(&self) -> Series {
        let own = |round: &Round| OURS.iter().map(|name| time_of(round, name)).sum();
        Series::cpu(self.rounds.iter().map(own).collect())
    }
}

fn time_of(round: &Round, name: &str) -> f64 {
    round.get(name).copied().unwrap_or(0.0)
}

fn pipeline(round: &Round) -> f64 {
    round.values().sum::<f64>() - time_of(round, DECODE)
}

/// What the bar is about: all faces found, the largest described, without landmarks.
fn look(vision: &mut Vision, picture: &Picture, search: Search, recogniser: usize) -> Result<()> {
    let detections = vision.detect(picture, search)?;
    if let Some(largest) = detections.first() {
        let options = DescribeOptions { templates: RecogniserSet::NONE.with(recogniser), ..DescribeOptions::default() };
        vision.describe(picture, largest, options)?;
    }
    Ok(())
}

/// Time spent in each stage of one round.
#[derive(Default)]
struct Stopwatch {
    running: Option<(&'static str, f64)>,
    spent: BTreeMap<&'static str, f64>,
    order: Vec<&'static str>,
}

struct Listener(Arc<Mutex<Stopwatch>>);

impl Trace for Listener {
    fn enter(&mut self, stage: Stage) {
        let now = cpu_ms();
        let mut watch = lock(&self.0);
        if let Some((name, begun)) = watch.running.take() {
            *watch.spent.entry(name).or_default() += now - begun;
        }
        if let Some(name) = name(stage) {
            if !watch.order.contains(&name) {
                watch.order.push(name);
            }
            watch.running = Some((name, now));
        }
    }
}

/// The stage for a table; idling has no place in one.
const fn name(stage: Stage) -> Option<&'static str> {
    Some(match stage {
        Stage::Idle => return None,
        Stage::DetectResample => "DetectResample",
        Stage::DetectNetwork => "DetectNetwork",
        Stage::DetectFinish => "DetectFinish",
        Stage::MeshWarp => "MeshWarp",
        Stage::MeshNetwork => "MeshNetwork",
        Stage::IrisWarp => "IrisWarp",
        Stage::IrisNetwork => "IrisNetwork",
        Stage::Measure => "Measure",
        Stage::Align => "Align",
        Stage::EmbedNetwork => "EmbedNetwork",
    })
}

fn lock(watch: &Mutex<Stopwatch>) -> std::sync::MutexGuard<'_, Stopwatch> {
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}
