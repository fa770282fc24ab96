//! `likeness bench`: how fast this machine is with Likeness, beside floors and peers.

use super::output;
use super::photos::Offline;
use crate::bench::draw::Population;
use crate::bench::measure::Pace;
use crate::bench::peers::Peers;
use crate::bench::portrait::Portrait;
use crate::bench::{
    Machine, Report, access, backup, captures, checks, fairness, http, inference, nodes, search, store,
};
use crate::config::Config;
use crate::start;
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use likeness_base::Secret;
use likeness_vision::{DescribeOptions, Limits, Picture, RecogniserSet, Search};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// What can be measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// One photo, stage by stage.
    Inference,
    /// Galleries of 10 thousand, 100 thousand and a million templates.
    Search,
    /// Durable writes.
    Store,
    /// A server of its own, over loopback.
    Http,
    /// The cost of admitting callers, and what sweeping a million expired templates costs concurrent calls.
    Custody,
    /// What fair shares cost, and how a quiet account fares beside a loud one.
    Fairness,
    /// Liveness: four and eight captures at once, detect beside them, creating sessions, and what these leave in memory.
    Captures,
    /// Sealing, backups and restores of 200,000 templates, and what they cost those who call meanwhile.
    Backup,
    /// Two servers over one PostgreSQL database: by `benches/nodes`, which starts one.
    Nodes,
}

#[derive(Args)]
pub(super) struct Bench {
    /// What to measure; everything when nothing is named.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Print the whole report as JSON.
    #[arg(long)]
    json: bool,
    /// Also run the peers that benches/peers/install has installed: Python's ONNX Runtime, face_recognition, OpenCV, faiss.
    #[arg(long)]
    peers: bool,
    /// Photo for inference and HTTP; without it a portrait of 1280 x 960 is cut out of an installed demo photo.
    #[arg(long, value_name = "FILE")]
    photo: Option<PathBuf>,
    /// A tenth of the rounds, and no gallery of a million: for a first impression.
    #[arg(long)]
    quick: bool,
    /// Folder on the disk that counts for the store; a folder is made in it and removed. Default: the system's own.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl Bench {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        let report = self.measure(config)?;
        if self.json {
            output::json(&report)?;
            return Ok(ExitCode::SUCCESS);
        }
        output::line(&report.machine.text());
        output::line(&format!("Engine: {}", report.engine));
        if let Some(versions) = report.peers.as_object() {
            let peers: Vec<String> =
                versions.iter().map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or(""))).collect();
            output::line(&format!("Peers: {}", peers.join(", ")));
        }
        output::line(
            "Medians; quartiles and rounds beside them. CPU is the time of one thread, the rest is wall time.",
        );
        output::line("");
        output::table(&["part", "what", "median", "quartiles", "beside", "ratio", "aim"], &report.cells());
        Ok(ExitCode::SUCCESS)
    }

    fn wants(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    fn measure(&self, config: &Config) -> Result<Report> {
        let machine = Machine::here();
        if machine.build == "development" {
            output::hint("This is a development build; meaningful figures need `cargo build --release`.");
        }
        let mut peers = if self.peers { Some(Peers::start(&config.cache())?) } else { None };
        let mut offline = Offline::load(config)?;
        offline.load_all_recognisers()?;
        let scratch = match &self.folder {
            Some(folder) => tempfile::tempdir_in(folder),
            None => tempfile::tempdir(),
        };
        let scratch = scratch.context("no folder can be made for the bench")?;
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(120));
        let show = |text: String| bar.set_message(text);

        let demo = config.cache().join("demo/sample6.jpg");
        let portrait = match &self.photo {
            Some(file) => Portrait::read(file)?,
            None => Portrait::make(&mut offline.vision, &demo)?,
        };
        bar.suspend(|| output::hint(&format!("Photo: {}", portrait.text)));
        let pace = if self.quick { Pace::Quick } else { Pace::Full };
        let mut rows = Vec::new();
        if self.wants(Part::Inference) {
            show("inference".to_owned());
            rows.extend(inference::measure(
                &*offline.engine,
                &offline.networks,
                &mut offline.vision,
                &portrait,
                peers.as_mut(),
                scratch.path(),
                pace,
            )?);
        }
        if self.wants(Part::Search) {
            show("search: learning from the demo photos".to_owned());
            let templates = demo_templates(&mut offline, config)?;
            for (recogniser, templates) in offline.networks.recognisers.all().iter().zip(templates) {
                let population = Population::of(&templates, recogniser.unit())?;
                say_population(&bar, &templates, &population);
                let setting = search::Setting {
                    space: recogniser.space.clone(),
                    population,
                    again: f64::from(recogniser.calibration.distance_for_false_match_rate(search::AGAIN)),
                    other: (recogniser.number > 0).then_some(&recogniser.pack.pack.id),
                    pace,
                    scratch: scratch.path(),
                    progress: &|templates| show(format!("search: {templates} templates")),
                };
                let peers = if recogniser.number == 0 { peers.as_mut() } else { None };
                rows.extend(search::measure(&setting, peers)?);
            }
        }
        let show_faces = |faces: usize| show(format!("store: {faces} faces"));
        if self.wants(Part::Store) {
            rows.extend(start::block_on(store::measure(scratch.path(), pace, &show_faces))??);
        }
        let setting = http::Setting {
            engine: &*offline.engine,
            networks: &offline.networks,
            portrait: &portrait,
            cache: config.cache(),
            scratch: scratch.path(),
            pace,
            progress: &|text| show(format!("server: {text}")),
        };
        if self.wants(Part::Http) {
            rows.extend(start::block_on(http::measure(&setting))??);
        }
        if self.wants(Part::Custody) {
            rows.extend(start::block_on(access::measure(&setting))??);
        }
        if self.wants(Part::Fairness) {
            rows.extend(start::block_on(fairness::measure(&setting))??);
        }
        if self.wants(Part::Captures) {
            let frame = Portrait::frame(&mut offline.vision, &demo)?;
            rows.extend(start::block_on(captures::measure(&setting, frame.bytes.expose()))??);
            let heads = checks::heads(&mut offline.vision, &demo)?;
            let policy = Arc::new(config.liveness.policy.clone());
            rows.push(checks::cost(&setting, &mut offline.vision, &heads, &policy)?);
            rows.push(start::block_on(checks::decisions(&setting, &heads))??);
        }
        if self.wants(Part::Backup) {
            rows.extend(start::block_on(backup::measure(&setting))??);
        }
        if self.wants(Part::Nodes) {
            match nodes::Databases::of_environment() {
                Some(databases) => rows.extend(start::block_on(nodes::measure(&setting, &databases))??),
                None => bar.suspend(|| {
                    output::hint("Nodes are not measured: benches/nodes does, with a PostgreSQL of its own.")
                }),
            }
        }
        bar.finish_and_clear();
        let versions = peers.as_mut().map_or(serde_json::Value::Null, |peers| peers.versions.take());
        Ok(Report {
            version: env!("CARGO_PKG_VERSION"),
            machine,
            engine: format!("{}; packs {}", offline.why, offline.networks.packs.join(", ")),
            peers: versions,
            rows,
        })
    }
}

/// Says whether what is searched looks like real templates.
fn say_population(bar: &ProgressBar, templates: &[Secret<Vec<f32>>], population: &Population) {
    let mut random = fastrand::Rng::with_seed(2);
    let drawn: Vec<Vec<f32>> = (0..200).map(|_| population.stranger(&mut random)).collect();
    let real: Vec<&[f32]> = templates.iter().map(|template| template.expose().as_slice()).collect();
    let drawn: Vec<&[f32]> = drawn.iter().map(Vec::as_slice).collect();
    let (real, drawn) = (search::strangers(&real), search::strangers(&drawn));
    bar.suspend(|| {
        output::hint(&format!(
            "Templates drawn from {}: strangers {:.3} +- {:.3} apart, real ones {:.3} +- {:.3}",
            population.text, drawn.0, drawn.1, real.0, real.1
        ));
    });
}

/// Templates of all faces in the installed demo photos, by the number of their recogniser.
fn demo_templates(offline: &mut Offline, config: &Config) -> Result<Vec<Vec<Secret<Vec<f32>>>>> {
    let numbers = 0..offline.networks.recognisers.all().len();
    let options = DescribeOptions {
        templates: numbers.clone().fold(RecogniserSet::NONE, RecogniserSet::with),
        ..DescribeOptions::default()
    };
    let mut templates: Vec<_> = numbers.map(|_| Vec::new()).collect();
    for number in 1..=6 {
        let file = config.cache().join(format!("demo/sample{number}.jpg"));
        let bytes = std::fs::read(&file)
            .with_context(|| format!("{} is missing; run `likeness models install`", file.display()))?;
        let picture = Picture::decode(&bytes, &Limits::default())?;
        for found in offline.vision.detect(&picture, Search::default())? {
            let face = offline.vision.describe(&picture, &found, options)?;
            face.templates.into_iter().for_each(|(number, template)| templates[number].push(template));
        }
    }
    Ok(templates)
}
