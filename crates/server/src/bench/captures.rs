//! Captures of liveness sessions: whether eight at once keep their rate, what they cost those who detect meanwhile, what a session
//! costs to create, and what many of them leave in memory.
//!
//! The frames are one still portrait, drawn beforehand, because the program carries no renderer: so every attempt settles, is asked to
//! turn, and does not. In these steps the server analyses every frame, which is the most that captures ask of it; and all of them are asked
//! at the same moment, which people seldom are.

use super::Row;
use super::client::Client;
use super::http::Setting;
use super::measure::{Clock, Series, quantile};
use super::portrait::FRAME_SIZE;
use super::server::{KEY, Server};
use super::store::Commits;
use anyhow::{Context, Result, ensure};
use axum::body::Bytes;
use likeness_device::{Address, Client as DeviceClient, Device, Honest, RealTime, Screen, Source, SourceError};
use likeness_liveness::message::{FromServer, Shown};
use likeness_liveness::{AttemptCode, Bounds};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tokio::task::JoinSet;

const PART: &str = "captures";

/// Rounds, in which detect alone and detect beside captures take turns.
const ROUNDS: usize = 5;
/// Captures at once: as many as two processors have places for, and half of them.
const AT_ONCE: [usize; 2] = [4, 8];
/// Calls of detect alone in a round.
const CALLS: usize = 60;
/// Sessions that are created and deleted.
const SESSIONS: usize = 1_000;
/// Most milliseconds beyond one commit that creating a session should take.
const BEYOND_A_COMMIT: f64 = 1.0;

const DETECT: &str = "/face/v1.0/detect?recognitionModel=recognition_04&returnFaceId=false";
const CREATE: &str = "/face/v1.2/detectLiveness-sessions";

/// Measures. `frame`: what the camera of each capture delivers.
///
/// # Errors
/// When the server does not start or a request fails.
pub(crate) async fn measure(setting: &Setting<'_>, frame: &[u8]) -> Result<Vec<Row>> {
    let data = setting.scratch.join("captures");
    let places = AT_ONCE[1].to_string();
    let server = Server::start_with(&setting.cache, &data, &[("LIKENESS_CAPTURES", places.as_str())])?;
    let mut rows = sessions(setting, &server).await?;
    for (turn, captures) in AT_ONCE.into_iter().enumerate() {
        rows.extend(at_once(setting, &server, &Arc::from(frame), captures, turn).await?);
    }
    Ok(rows)
}

async fn create(client: &mut Client, number: usize) -> Result<(f64, Value)> {
    let session = json!({
        "livenessOperationMode": "PassiveActive", "deviceCorrelationId": format!("bench-{number}"),
    });
    let (time, answer) = client.send("POST", CREATE, "application/json", Bytes::from(session.to_string())).await?;
    Ok((time, serde_json::from_slice(&answer)?))
}

/// Creates and deletes sessions, beside commits of a store of our own on the same disk.
async fn sessions(setting: &Setting<'_>, server: &Server) -> Result<Vec<Row>> {
    let count = setting.pace.of(SESSIONS);
    let commits = Commits::open(&setting.scratch.join("commits.db")).await?;
    let mut client = Client::connect(server.address, KEY).await?;
    let (mut created, mut committed) = (Vec::new(), Vec::new());
    let mut turn = async |rounds: usize| {
        created.clear();
        committed.clear();
        for number in 0..rounds {
            let (time, session) = create(&mut client, number).await?;
            let path = format!("{CREATE}/{}", session["sessionId"].as_str().context("a session has an id")?);
            client.send("DELETE", &path, "application/json", Bytes::new()).await?;
            created.push(time);
            committed.push(commits.one().await?);
        }
        anyhow::Ok(())
    };
    // What the first sessions allocate stays.
    (setting.progress)("sessions: the first ones");
    turn(count.div_ceil(4)).await?;
    let before = server.memory();
    (setting.progress)(&format!("sessions: creating and deleting {count}"));
    turn(count).await?;
    let after = server.memory();
    commits.close().await;
    let commit = Series::wall(committed);
    let most = ((commit.median + BEYOND_A_COMMIT) * 100.0).round() / 100.0;
    let mut rows =
        vec![Row::alone(PART, "create a session", Series::wall(created)).beside("one commit", commit).at_most(most)];
    if let Some((before, after)) = before.zip(after) {
        let megabytes = |value: f64| Series::of("MB", Clock::None, vec![value]);
        let what = format!("resident memory after {count} sessions were created and deleted");
        rows.push(Row::alone(PART, what, megabytes(after)).beside("before", megabytes(before)).ratio_at_most(1.05));
    }
    Ok(rows)
}

/// How it went with one capture.
struct Played {
    frames_per_second: f64,
    /// Whether the server had no worker for its frames.
    is_starved: bool,
}

async fn at_once(
    setting: &Setting<'_>,
    server: &Server,
    frame: &Arc<[u8]>,
    captures: usize,
    turn: usize,
) -> Result<Vec<Row>> {
    let photo = Bytes::from(setting.portrait.bytes.expose().clone());
    let address = Address::parse(&format!("http://{}", server.address))?;
    let mut client = Client::connect(server.address, KEY).await?;
    client.latencies(DETECT, &photo, 3).await?;
    let (mut alone, mut beside, mut rates, mut served) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let rounds = setting.pace.of(ROUNDS);
    for round in 0..rounds {
        (setting.progress)(&format!("{captures} captures at once: round {} of {rounds}", round + 1));
        let calls = client.latencies(DETECT, &photo, setting.pace.of(CALLS).max(10)).await?;
        alone.push(quantile(&calls, 0.95));
        let mut playing = JoinSet::new();
        for number in 0..captures {
            // An id of its own for each: nobody's failures count for another.
            let person = SESSIONS + (turn * rounds + round) * AT_ONCE[1] + number;
            let (_, session) = create(&mut client, person).await?;
            let token = session["authToken"].as_str().context("a session has a token")?.to_owned();
            playing.spawn(play(address.clone(), token, frame.clone()));
        }
        let is_over = Arc::new(AtomicBool::new(false));
        let detecting = tokio::spawn(detect_until(server.address, photo.clone(), is_over.clone()));
        let mut starved = 0_u32;
        while let Some(played) = playing.join_next().await {
            let played = played??;
            rates.push(played.frames_per_second);
            starved += u32::from(played.is_starved);
        }
        is_over.store(true, Ordering::Relaxed);
        served.push(f64::from(u32::try_from(captures)?.saturating_sub(starved)));
        let mut calls = detecting.await??;
        ensure!(!calls.is_empty(), "detect was not answered once beside captures");
        calls.sort_by(f64::total_cmp);
        beside.push(quantile(&calls, 0.95));
    }
    let rate = |values: Vec<f64>| Series::of("frames/s", Clock::Wall, values);
    let count = |values: Vec<f64>| Series::of("captures", Clock::None, values);
    let asked = f64::from(Bounds::of(false).frames_per_second);
    let begun = f64::from(u32::try_from(captures)?);
    let (width, height) = FRAME_SIZE;
    Ok(vec![
        Row::alone(PART, format!("each of {captures} captures at once, frames of {width} x {height}"), rate(rates))
            .beside("asked for", rate(vec![asked]))
            .ratio_at_least(0.95),
        Row::alone(PART, format!("of {captures} captures at once, those whose frames found workers"), count(served))
            .beside("begun", count(vec![begun]))
            .ratio_at_least(1.0),
        Row::alone(PART, format!("detect beside {captures} captures, 95th percentile"), Series::wall(beside))
            .beside("alone", Series::wall(alone))
            .ratio_at_most(1.2),
    ])
}

/// Milliseconds of calls, one after another, until somebody says that it is over.
async fn detect_until(address: std::net::SocketAddr, photo: Bytes, is_over: Arc<AtomicBool>) -> Result<Vec<f64>> {
    let mut client = Client::connect(address, KEY).await?;
    let mut calls = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        calls.push(client.send("POST", DETECT, "application/octet-stream", photo.clone()).await?.0);
    }
    Ok(calls)
}

async fn play(address: Address, token: String, frame: Arc<[u8]>) -> Result<Played> {
    let device = Device { camera: FRAME_SIZE, without_light: true, ..Device::default() };
    let client = DeviceClient::new(address, token).with_device(device);
    let mut still = Still { frame, screen: Screen::default(), first: None, last: None, frames: 0 };
    let outcome = client.capture(&mut still, &mut Honest, &RealTime::new()).await?;
    let took = still.first.zip(still.last).map_or(0.0, |(first, last)| (last - first).as_secs_f64());
    ensure!(took > 1.0, "a capture ended at once: {:?}", outcome.code);
    Ok(Played {
        frames_per_second: f64::from(still.frames - 1) / took,
        is_starved: outcome.code == Some(AttemptCode::UnexpectedServerError),
    })
}

/// A camera before a portrait.
struct Still {
    frame: Arc<[u8]>,
    screen: Screen,
    first: Option<Instant>,
    last: Option<Instant>,
    frames: u32,
}

impl Source for Still {
    fn told(&mut self, message: &FromServer, now_ms: f64) {
        self.screen.told(message, now_ms);
    }

    fn shown(&mut self, now_ms: f64) -> Option<Shown> {
        self.screen.shown(now_ms).map(|(_, shown)| shown)
    }

    fn shows_at(&self) -> Option<f64> {
        self.screen.shows_at()
    }

    fn frame(&mut self, _: f64) -> Result<Option<Vec<u8>>, SourceError> {
        let now = Instant::now();
        self.first.get_or_insert(now);
        self.last = Some(now);
        self.frames += 1;
        Ok(Some(self.frame.to_vec()))
    }
}
