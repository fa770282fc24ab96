//! `likeness pad`: error rates of presentation attack detection.

use super::output;
use super::photos::{self, Offline};
use crate::config::Config;
use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use likeness_liveness::message::PromptKind;
use likeness_liveness::{CaptureStart, Challenge, ChallengeRequest, Mode, Policy};
use likeness_renderer::{Conditions, Landmarks, Performer, Person, Photo, Scene, Subject, recorded_prompts};
use likeness_vision::{DescribeOptions, Search};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Subcommand)]
pub(super) enum Pad {
    /// Explore.
    Explore(Explore),
}

#[derive(Args)]
pub(super) struct Explore {
    photos: Vec<PathBuf>,
    #[arg(long, default_value_t = 2)]
    seeds: u64,
    #[arg(long, default_value = "live,print,bowed,screen,replay,recorded")]
    only: String,
    #[arg(long, default_value_t = 150.0)]
    lux: f32,
    #[arg(long, default_value_t = 0.0)]
    drift: f32,
}

impl Pad {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        let Self::Explore(explore) = self;
        explore.run(config)
    }
}

impl Explore {
    fn run(&self, config: &Config) -> Result<ExitCode> {
        let mut offline = Offline::load(config)?;
        let policy = Arc::new(Policy::default());
        for photo in &self.photos {
            let picture = photos::read(photo)?;
            let found = offline.vision.detect(&picture, Search::default())?;
            let face = found.first().context("no face")?;
            let face = offline.vision.describe(
                &picture,
                face,
                DescribeOptions { landmarks: true, ..DescribeOptions::default() },
            )?;
            let landmarks = face.landmarks.context("no landmarks")?;
            let at = |name: &str| {
                let (_, p) = landmarks.named().find(|(n, _)| *n == name).expect("named");
                [p.x, p.y]
            };
            let five = [at("pupilLeft"), at("pupilRight"), at("noseTip"), at("mouthLeft"), at("mouthRight")];
            let (width, height) = (picture.width() as usize, picture.height() as usize);
            for seed in 0..self.seeds {
                let person = Person::new(Photo { width, height, rgb: picture.pixels() }, &Landmarks::new(five), seed)?;
                for subject in self.only.split(',') {
                    let made = match subject {
                        "live" => Subject::Live,
                        "print" => Subject::FlatPrint,
                        "bowed" => Subject::BowedPrint { sagitta_mm: 20.0 + 13.0 * (seed % 4) as f32 },
                        "screen" => Subject::Screen,
                        "replay" => Subject::Replay { recorded: recorded_prompts(seed + 1000) },
                        "recorded" => Subject::RecordedFile { recorded: recorded_prompts(seed + 1000) },
                        _ => Subject::StillFile,
                    };
                    let conditions = Conditions {
                        seed: seed * 7 + 3,
                        ambient_lux: self.lux,
                        exposure_drift: self.drift,
                        white_balance_drift: self.drift,
                        ..Conditions::default()
                    };
                    let performer = Performer::new(Scene::new(std::slice::from_ref(&person), made, conditions)?);
                    let mut source = likeness_device::Acted::new(performer);
                    let mut bytes = [0; 32];
                    bytes[0] = u8::try_from(seed).unwrap_or(0);
                    let start = CaptureStart {
                        session_id: uuid::Uuid::from_u128(u128::from(seed)),
                        attempt: 1,
                        remaining_attempts: 0,
                        nonce: [7; 16],
                        challenge: Challenge::draw(
                            bytes,
                            ChallengeRequest {
                                mode: Mode::PassiveActive,
                                without_light: false,
                                slow: false,
                                frame: None,
                            },
                            &policy,
                        ),
                        expects_reference: false,
                    };
                    let begun = std::time::Instant::now();
                    let played = likeness_pad::play(start, &policy, &mut source, &mut offline.vision)?;
                    let took = begun.elapsed().as_secs_f64();
                    let name = photo.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                    let Some(evidence) = played.evidence() else {
                        output::line(&format!(
                            "{name} {seed} {subject}: {:?} {} frames {took:.1} s",
                            played.outcome, played.frames
                        ));
                        continue;
                    };
                    output::line(&format!(
                        "{name} {seed} {subject}: {} frames {} analysed {took:.1} s",
                        played.frames, played.analysed
                    ));
                    for step in &evidence.steps {
                        if step.prompt.kind() == PromptKind::Turn {
                            let pairs: Vec<String> = evidence
                                .pairs_seen
                                .iter()
                                .filter(|pair| pair.step == step.step)
                                .map(|pair| {
                                    format!(
                                        "m{:.1} p{:.2} n({:.2},{:.2})",
                                        pair.motion * 100.0,
                                        pair.off_plane * 100.0,
                                        pair.nose[0] * 100.0,
                                        pair.nose[1] * 100.0
                                    )
                                })
                                .collect();
                            let offsets: Vec<f32> = evidence
                                .seen_in(step.step)
                                .filter_map(|seen| {
                                    let likeness_liveness::message::Prompt::Turn { direction } = step.prompt else {
                                        return None;
                                    };
                                    Some(direction.component(seen.face.as_ref()?.nose_offset?))
                                })
                                .collect();
                            let most =
                                offsets.iter().copied().fold(f32::MIN, f32::max) - offsets.first().unwrap_or(&0.0);
                            let least =
                                offsets.iter().copied().fold(f32::MAX, f32::min) - offsets.first().unwrap_or(&0.0);
                            output::line(&format!(
                                "   {:?} {:?} nose {least:.2}..{most:.2} {}",
                                step.prompt,
                                step.end,
                                pairs.join(" ")
                            ));
                        }
                    }
                    if std::env::var("TONES").is_ok() {
                        for seen in &evidence.observations {
                            if let Some(tones) = seen.face.as_ref().and_then(|face| face.tones) {
                                let colour = evidence
                                    .steps
                                    .iter()
                                    .find(|step| step.step == seen.step)
                                    .map(|step| format!("{:?} shown {:?}", step.prompt, step.shown_t));
                                output::line(&format!(
                                    "T {} {:.0} {:?} {:?}",
                                    seen.step, seen.capture_ms, tones[0], colour
                                ));
                            }
                        }
                    }
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
