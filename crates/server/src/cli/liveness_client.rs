//! `likeness liveness-client`: plays the pictures of a folder by the device protocol, and nothing else.
//!
//! Whoever writes a client of their own sees here what a server says and when; whoever runs a server sees whether attempts
//! begin and end. Files answer no prompt, so the verdict is nobody's.

use super::output::{self, Bar};
use crate::start;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use likeness_device::{Address, Client, Device, Folder, Honest, Outcome, RealTime, Source, SourceError, Way};
use likeness_liveness::MOST_REFERENCE_BYTES;
use likeness_liveness::message::{AttemptStatus, Direction, FromServer, Hint, Prompt, Shown};
use std::io::{BufRead as _, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The exit code of an attempt that ended without a decision.
const NO_DECISION: u8 = 3;
/// Longest token that is read.
const MOST_TOKEN_BYTES: u64 = 16 * 1024;

#[derive(Args)]
pub(super) struct LivenessClient {
    /// Address of the server, with or without a path below /face.
    url: String,
    /// The session's `authToken`; - reads it from standard input, so that no list of processes shows it.
    token: String,
    /// Folder with JPEG files, played in the order of their names as a camera's frames.
    folder: PathBuf,
    /// The session compares with a reference picture.
    #[arg(long)]
    verify: bool,
    /// Send requests instead of opening a socket.
    #[arg(long)]
    requests: bool,
    /// Ask for turns in place of coloured light.
    #[arg(long)]
    without_light: bool,
    /// Ask for double the time, and send half the frames a second.
    #[arg(long)]
    slow: bool,
    /// Begin again with the first file after the last, until the attempt ends. Without it, the attempt is given up then.
    #[arg(long = "loop")]
    repeats: bool,
    /// Reference picture, for a session with verify that was created without one.
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
}

impl LivenessClient {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let address = Address::parse(&self.url)?;
        let folder = Folder::open(&self.folder, self.repeats)?;
        let reference = self.reference.as_deref().map(read_reference).transpose()?;
        let token = if self.token == "-" { read_token()? } else { self.token.clone() };
        let device = Device {
            camera: folder.size(),
            without_light: self.without_light,
            slow: self.slow,
            reference,
            ..Device::default()
        };
        let way = if self.requests { Way::Requests } else { Way::Socket };
        let verify = self.verify || self.reference.is_some();
        let client = Client::new(address, token).by(way).with_verify(verify).with_device(device);
        let mut source = Narrated { folder, bar: Bar::new("Capturing", "seconds"), begun: None };
        let outcome = start::block_on(async { client.capture(&mut source, &mut Honest, &RealTime::new()).await })?;
        drop(source);
        tell(&outcome?)
    }
}

fn read_token() -> Result<String> {
    let mut line = String::new();
    let stdin = std::io::stdin().lock();
    stdin.take(MOST_TOKEN_BYTES).read_line(&mut line).context("standard input cannot be read")?;
    ensure!(!line.trim().is_empty(), "there is no token on standard input");
    Ok(line.trim().to_owned())
}

fn read_reference(file: &Path) -> Result<Vec<u8>> {
    let picture = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    if picture.len() > MOST_REFERENCE_BYTES {
        let most = MOST_REFERENCE_BYTES / (1024 * 1024);
        bail!("{} has more than {most} MB, which is the most of a reference picture", file.display());
    }
    Ok(picture)
}

fn tell(outcome: &Outcome) -> Result<ExitCode> {
    let frames = output::counted(outcome.frames.into(), "frame", "frames");
    output::line(&format!("{frames} in {:.1} s.", outcome.took_ms / 1_000.0));
    let own = if outcome.is_own_digest { "as computed here" } else { "NOT the one computed here" };
    output::line(&format!("Digest {}, {own}.", outcome.digest));
    let left = output::counted(outcome.remaining_attempts.into(), "attempt", "attempts");
    if let Some(response) = &outcome.response {
        output::json(response)?;
    }
    Ok(match (outcome.status, outcome.code) {
        (AttemptStatus::Succeeded, _) => {
            output::line("The attempt succeeded: there is a decision, which the app server reads with its key.");
            ExitCode::SUCCESS
        }
        (AttemptStatus::Failed, Some(code)) => {
            output::line(&format!("The attempt failed: {}. {} ({left} left)", code.as_text(), code.message()));
            ExitCode::from(NO_DECISION)
        }
        (AttemptStatus::Failed, None) => {
            output::line(&format!("The attempt failed. ({left} left)"));
            ExitCode::from(NO_DECISION)
        }
    })
}

/// A folder that says what the server says.
struct Narrated {
    folder: Folder,
    bar: Bar,
    /// When the attempt began, and how many seconds it may take.
    begun: Option<(f64, u32)>,
}

impl Source for Narrated {
    fn told(&mut self, message: &FromServer, now_ms: f64) {
        if let FromServer::Ready(ready) = message {
            self.begun = Some((now_ms, ready.seconds));
        }
        if let Some(words) = words(message) {
            self.bar.line(&words);
        }
        self.folder.told(message, now_ms);
    }

    fn shown(&mut self, now_ms: f64) -> Option<Shown> {
        self.folder.shown(now_ms)
    }

    fn shows_at(&self) -> Option<f64> {
        self.folder.shows_at()
    }

    fn frame(&mut self, now_ms: f64) -> Result<Option<Vec<u8>>, SourceError> {
        if let Some((since_ms, seconds)) = self.begun {
            let passed = std::time::Duration::from_secs_f64((now_ms - since_ms).max(0.0) / 1_000.0);
            self.bar.show(passed.as_secs(), seconds.into());
        }
        self.folder.frame(now_ms)
    }
}

/// What the server says, for people.
fn words(message: &FromServer) -> Option<String> {
    Some(match message {
        FromServer::Ready(ready) => {
            let left = output::counted(ready.remaining_attempts.into(), "attempt", "attempts");
            format!(
                "Attempt {} of session {} begins; {left} left after it. {} frames a second, at most {} seconds.",
                ready.attempt_id, ready.session_id, ready.frames_per_second, ready.seconds
            )
        }
        FromServer::Step(step) => format!("Step {}: {}.", step.step, asked(&step.prompt)),
        FromServer::Hint { hint } => format!("Hint: {}.", advice(*hint)),
        FromServer::Finish => "All steps are over.".to_owned(),
        FromServer::Result(_) | FromServer::Error(_) => return None,
    })
}

fn asked(prompt: &Prompt) -> String {
    match prompt {
        Prompt::Settle { oval, colours } => {
            let percent = |share: f32| (share * 100.0).round();
            let light = if colours.is_some() { "; then the screen turns white and black" } else { "" };
            format!(
                "bring the face into the oval ({} % from the left, {} % from the top, {} % wide, {} % high){light}",
                percent(oval.x),
                percent(oval.y),
                percent(oval.width),
                percent(oval.height)
            )
        }
        Prompt::Light { colour, milliseconds } => {
            format!("look at the screen, which is filled with {colour} for {milliseconds} ms")
        }
        Prompt::Near { .. } => "come closer until the face fills the larger oval".to_owned(),
        Prompt::Turn { direction } => {
            let way = match direction {
                Direction::Left => "to your left",
                Direction::Right => "to your right",
                Direction::Up => "up",
                Direction::Down => "down",
            };
            format!("turn the head {way}, and back")
        }
        Prompt::Hold { milliseconds } => format!("keep still for {milliseconds} ms"),
    }
}

/// As the protocol's page words it.
const fn advice(hint: Hint) -> &'static str {
    match hint {
        Hint::NoFace => "no face is seen",
        Hint::MoreFaces => "more than one face is seen",
        Hint::TooFar => "come closer",
        Hint::TooClose => "move back",
        Hint::IntoOval => "move the face into the oval",
        Hint::TooDark => "more light is needed",
        Hint::TooBright => "less light is needed; turn away from the window",
        Hint::Blurred => "hold still, clean the lens",
        Hint::Covered => "take off what covers the face",
        Hint::TurnMore => "turn a little further",
        Hint::Good => "good",
    }
}
