//! `likeness detect` and `likeness compare`: the networks on files, without a server and without a trace.

use super::{annotate, ended, output};
use crate::bench::inference;
use crate::bench::measure::{Series, digits};
use crate::bench::stages::Stages;
use crate::config::Config;
use anyhow::{Context, Result, bail};
use clap::Args;
use likeness_api::face::FaceAttributes;
use likeness_api::face::Version;
use likeness_base::Secret;
use likeness_service::engine;
use likeness_service::networks::Networks;
use likeness_vision::engine::Engine;
use likeness_vision::{
    AttributeSet, Depth, DescribeOptions, Face, Flaws, Limits, Picture, Quality, RecogniserSet, Search, Vision,
};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// The networks, for one command.
pub(super) struct Offline {
    /// Looks at pictures.
    pub vision: Vision,
    /// What it was loaded from.
    pub networks: Networks,
    /// What runs them.
    pub engine: Arc<dyn Engine>,
    /// Which engine, and why.
    pub why: String,
}

impl Offline {
    /// Loads the installed packs into the engine of this machine. No command shows a limited attribute, so their networks
    /// are left out.
    ///
    /// # Errors
    /// When something is not installed; the text says what to do.
    pub(super) fn load(config: &Config) -> Result<Self> {
        let chosen = engine::choose(&config.inference, &config.packs())?;
        let networks = Networks::read_for(&config.inference, &config.packs(), AttributeSet::empty())?;
        Ok(Self { vision: networks.load(&*chosen.engine)?, networks, engine: chosen.engine, why: chosen.why })
    }

    /// Does the same work on as many threads as the server has workers, each with networks of its own, until all are done.
    ///
    /// # Errors
    /// The first of the works', and when the engine refuses a network.
    pub(super) fn on_all_workers(
        &self,
        config: &Config,
        work: impl Fn(&mut Vision) -> Result<()> + Sync,
    ) -> Result<()> {
        let (networks, engine) = (&self.networks, &*self.engine);
        let one = || work(&mut networks.load(engine)?);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..config.inference.workers()).map(|_| scope.spawn(one)).collect();
            let joined = workers.into_iter().map(|worker| worker.join().expect("a thread that fails says so"));
            joined.collect()
        })
    }

    /// Loads the recognisers of the other installed packs too, under their numbers.
    ///
    /// # Errors
    /// When a file is damaged.
    pub(super) fn load_all_recognisers(&mut self) -> Result<()> {
        for recogniser in self.networks.recognisers.all().iter().skip(1) {
            let onnx = recogniser.onnx()?;
            self.vision.add_recogniser(recogniser.number, &*self.engine, &recogniser.part(&onnx))?;
        }
        Ok(())
    }
}

/// Largest photo file. A raw photo of the largest sensors has a quarter of it.
const MOST_BYTES: u64 = 512 * 1024 * 1024;

/// Reads a photo from a file.
///
/// # Errors
/// When it cannot be read or is no picture; the text names the file.
pub(super) fn read(file: &Path) -> Result<Picture> {
    decode(file, &bytes(file)?)
}

/// What stands in a file.
fn bytes(file: &Path) -> Result<Secret<Vec<u8>>> {
    let shown = file.display();
    let mut opened = File::open(file).with_context(|| format!("{shown} cannot be read"))?;
    let about = opened.metadata().with_context(|| format!("{shown} cannot be read"))?;
    if about.is_dir() {
        bail!("{shown} is a folder; name the photos in it");
    }
    // With room for all at once, since a buffer that grows leaves unwiped copies behind.
    let room = usize::try_from(about.len().min(MOST_BYTES)).unwrap_or_default();
    let mut bytes = Secret::new(Vec::with_capacity(room + 1));
    let read = opened.by_ref().take(MOST_BYTES + 1).read_to_end(bytes.expose_mut());
    match read.with_context(|| format!("{shown} cannot be read"))? as u64 {
        0 => bail!("{shown} is empty"),
        length if length > MOST_BYTES => bail!("{shown} is larger than {} MB", MOST_BYTES / 1024 / 1024),
        _ => Ok(bytes),
    }
}

/// What was read; what could not be is reported on standard error and counted.
fn or_told<T>(read: Result<T>, unread: &mut usize) -> Option<T> {
    read.inspect_err(|error| {
        output::error(&format!("{error:#}"));
        *unread += 1;
    })
    .ok()
}

fn decode(file: &Path, bytes: &Secret<Vec<u8>>) -> Result<Picture> {
    Picture::decode(bytes.expose(), &Limits::default())
        .with_context(|| format!("{} is no picture that can be read", file.display()))
}

#[derive(Args)]
pub(super) struct Detect {
    /// Photos: JPEG, PNG, GIF or BMP.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Also search for faces below 36 pixels in a full-HD frame. Slower.
    #[arg(long)]
    thorough: bool,
    /// Draw boxes and landmarks and write the picture to this PNG file; with several photos, to this folder.
    #[arg(long, value_name = "PNG")]
    annotate: Option<PathBuf>,
    /// Say where the time goes: detect all faces, make a template of the largest, fifteen times, medians of CPU time.
    #[arg(long)]
    times: bool,
}

/// The attributes that are printed: those that say something about the photo and what is worn, not the limited ones.
const OPEN: AttributeSet = AttributeSet::all().difference(AttributeSet::LIMITED);

impl Detect {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        let mut offline = Offline::load(config)?;
        let search = if self.thorough { Search { depth: Depth::Deep, ..Search::default() } } else { Search::default() };
        if self.times {
            return self.tell_times(&mut offline, search);
        }
        let mut report = Vec::new();
        let mut rows = Vec::new();
        let mut unread = 0;
        for file in &self.files {
            let Some(picture) = or_told(read(file), &mut unread) else { continue };
            let options = DescribeOptions { landmarks: true, attributes: OPEN, ..DescribeOptions::default() };
            let detections = offline.vision.detect(&picture, search)?;
            let faces: Vec<Face> = detections
                .iter()
                .map(|found| offline.vision.describe(&picture, found, options))
                .collect::<Result<_, _>>()?;
            rows.extend(faces.iter().enumerate().map(|(number, face)| row(file, number + 1, face)));
            if faces.is_empty() {
                rows.push(vec![file.display().to_string(), "no face".to_owned()]);
            }
            report.push(json!({ "file": file.display().to_string(), "width": picture.original_width(),
                "height": picture.original_height(), "faces": faces.iter().map(shown).collect::<Vec<_>>() }));
            if let Some(place) = &self.annotate {
                annotate::write(&picture, &faces, &annotate::place(place, file, self.files.len())?)?;
            }
        }
        if self.json {
            output::json(&report)?;
        } else {
            output::table(
                &[
                    "photo",
                    "face",
                    "left,top,width,height",
                    "yaw",
                    "pitch",
                    "roll",
                    "blur",
                    "exposure",
                    "noise",
                    "quality",
                    "wears",
                    "covered",
                    "as a reference",
                ],
                &rows,
            );
        }
        Ok(ended(unread))
    }

    fn tell_times(&self, offline: &mut Offline, search: Search) -> Result<ExitCode> {
        let mut unread = 0;
        for file in &self.files {
            let read = bytes(file).and_then(|bytes| decode(file, &bytes).map(|picture| (bytes, picture)));
            let Some((bytes, picture)) = or_told(read, &mut unread) else { continue };
            let mut stages = Stages::default();
            // The first round warms caches and does not count.
            Stages::default().measure(&mut offline.vision, bytes.expose(), search, 0)?;
            for _ in 0..inference::ROUNDS {
                stages.measure(&mut offline.vision, bytes.expose(), search, 0)?;
            }
            let all = stages.all();
            output::line(&format!("{} ({} x {})", file.display(), picture.original_width(), picture.original_height()));
            let row = |name: &str, series: &Series| {
                let share = format!("{:.0} %", series.median / all.median * 100.0);
                vec![name.to_owned(), digits(series.median), share, series.spread()]
            };
            let mut rows: Vec<Vec<String>> = stages.each().iter().map(|(name, series)| row(name, series)).collect();
            rows.push(row("all", &all));
            output::table(&["stage", "CPU ms", "share", "quartiles"], &rows);
        }
        Ok(ended(unread))
    }
}

fn row(file: &Path, number: usize, face: &Face) -> Vec<String> {
    let rect = face.rect;
    let pose = |value: fn(&likeness_vision::HeadPose) -> f32| {
        face.head_pose.as_ref().map_or_else(String::new, |pose| format!("{:.0}", value(pose)))
    };
    let share = |value: Option<f32>| value.map_or_else(String::new, |value| format!("{value:.2}"));
    vec![
        file.display().to_string(),
        number.to_string(),
        format!("{},{},{},{}", rect.left, rect.top, rect.width, rect.height),
        pose(|pose| pose.yaw),
        pose(|pose| pose.pitch),
        pose(|pose| pose.roll),
        share(face.blur),
        share(face.exposure),
        share(face.noise),
        face.quality.map_or("", quality).to_owned(),
        face.accessories.map_or_else(String::new, |worn| {
            let names = [("headwear", worn.headwear), ("glasses", worn.glasses), ("mask", worn.mask)];
            list(names.map(|(name, confidence)| (name, confidence.is_some())))
        }),
        face.occlusion.map_or_else(String::new, |covered| {
            list([("forehead", covered.forehead), ("eyes", covered.eye), ("mouth", covered.mouth)])
        }),
        face.flaws.map_or_else(String::new, as_reference),
    ]
}

/// Whether the face may be enrolled with this photo, or what speaks against it.
fn as_reference(flaws: Flaws) -> String {
    if flaws.is_empty() { "good".to_owned() } else { format!("poor: {}", flaws.names().collect::<Vec<_>>().join(", ")) }
}

fn list<const N: usize>(names: [(&str, bool); N]) -> String {
    let there: Vec<&str> = names.iter().filter(|(_, is_there)| *is_there).map(|(name, _)| *name).collect();
    if there.is_empty() { "-".to_owned() } else { there.join(" ") }
}

const fn quality(quality: Quality) -> &'static str {
    match quality {
        Quality::Low => "low",
        Quality::Medium => "medium",
        Quality::High => "high",
    }
}

fn shown(face: &Face) -> Value {
    let rect = face.rect;
    let landmarks: serde_json::Map<String, Value> = face
        .landmarks
        .iter()
        .flat_map(|landmarks| landmarks.named())
        .map(|(name, point)| (name.to_owned(), json!({ "x": point.x, "y": point.y })))
        .collect();
    let attributes = serde_json::to_value(FaceAttributes::of(face, Version::V1_2)).unwrap_or_default();
    json!({
        "faceRectangle": { "left": rect.left, "top": rect.top, "width": rect.width, "height": rect.height },
        "headPose": face.head_pose.as_ref().map(|pose| json!({ "pitch": pose.pitch, "roll": pose.roll, "yaw": pose.yaw })),
        "blur": face.blur,
        "exposure": face.exposure,
        "noise": face.noise,
        "qualityForRecognition": face.quality.map(quality),
        "flawsAsReference": face.flaws.map(|flaws| flaws.names().collect::<Vec<_>>()),
        "glasses": attributes["glasses"],
        "occlusion": attributes["occlusion"],
        "accessories": attributes["accessories"],
        "mask": attributes["mask"],
        "faceLandmarks": landmarks,
    })
}

#[derive(Args)]
pub(super) struct Compare {
    /// The first photo; its largest face is taken.
    first: PathBuf,
    /// The second photo; every face in it is compared.
    second: PathBuf,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Draw the boxes on the second photo and write it to this PNG file; the nearest face is drawn green, same person or not.
    #[arg(long, value_name = "PNG")]
    annotate: Option<PathBuf>,
}

impl Compare {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        let mut offline = Offline::load(config)?;
        let options =
            DescribeOptions { landmarks: true, templates: RecogniserSet::FIRST, ..DescribeOptions::default() };
        // Both, so that who named two bad files learns of both.
        let (first_picture, second_picture) = match (read(&self.first), read(&self.second)) {
            (Ok(first), Ok(second)) => (first, second),
            (first, second) => {
                let unread: Vec<anyhow::Error> = [first.err(), second.err()].into_iter().flatten().collect();
                unread.iter().for_each(|error| output::error(&format!("{error:#}")));
                return Ok(ended(unread.len()));
            }
        };
        let first = offline.vision.detect(&first_picture, Search::default())?;
        let Some(largest) = first.first() else { bail!("no face is found in {}", self.first.display()) };
        let probe = offline.vision.describe(&first_picture, largest, options)?;
        let probe = template(&probe)?;

        let found = offline.vision.detect(&second_picture, Search::default())?;
        if found.is_empty() {
            bail!("no face is found in {}", self.second.display());
        }
        let mut faces = Vec::with_capacity(found.len());
        for detection in &found {
            faces.push(offline.vision.describe(&second_picture, detection, options)?);
        }
        let calibration = &offline.networks.recognisers.default_recogniser().calibration;
        let mut compared = Vec::new();
        for (number, face) in faces.iter().enumerate() {
            let distance = likeness_gallery::distance(probe, template(face)?);
            compared.push((number, distance, calibration.verify_confidence(distance)));
        }
        let best = compared.iter().min_by(|a, b| a.1.total_cmp(&b.1)).map(|(number, ..)| *number);
        if let Some(place) = &self.annotate {
            annotate::write_marked(&second_picture, &faces, best, &annotate::place(place, &self.second, 1)?)?;
        }
        if self.json {
            let faces: Vec<Value> = compared
                .iter()
                .map(|(number, distance, confidence)| {
                    json!({ "faceRectangle": shown(&faces[*number])["faceRectangle"], "distance": distance,
                        "confidence": confidence, "isIdentical": *confidence >= 0.5 })
                })
                .collect();
            let (first, second) = (self.first.display().to_string(), self.second.display().to_string());
            return output::json(&json!({ "first": first, "second": second, "faces": faces }))
                .map(|()| ExitCode::SUCCESS);
        }
        let rows: Vec<Vec<String>> = compared
            .iter()
            .map(|(number, distance, confidence)| {
                let rect = faces[*number].rect;
                vec![
                    (number + 1).to_string(),
                    format!("{},{},{},{}", rect.left, rect.top, rect.width, rect.height),
                    format!("{distance:.3}"),
                    format!("{confidence:.3}"),
                    if *confidence >= 0.5 { "same person" } else { "different people" }.to_owned(),
                ]
            })
            .collect();
        output::table(&["face", "left,top,width,height", "distance", "confidence", "verdict"], &rows);
        output::line("Confidence 0.5 is the threshold of verify; docs/accuracy.md says what it means.");
        Ok(ExitCode::SUCCESS)
    }
}

fn template(face: &Face) -> Result<&[f32]> {
    face.template(0).map(|template| template.expose().as_slice()).context("the recogniser gave no template")
}
