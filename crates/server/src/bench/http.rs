//! The server as a client meets it: start, verify, detect from one and from many, and what memory does over photos.

use super::Row;
use super::client::Client;
use super::measure::{Clock, Pace, Series};
use super::portrait::Portrait;
use super::server::{KEY, Server};
use anyhow::{Context, Result};
use axum::body::Bytes;
use likeness_service::networks::Networks;
use likeness_vision::engine::Engine;
use likeness_vision::{DescribeOptions, Limits, Picture, RecogniserSet, Search, Vision};
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::{Duration, Instant};

const PART: &str = "http";

/// Starts of which the median is reported.
const STARTS: usize = 5;
/// Verifications; they take fractions of a millisecond.
const VERIFICATIONS: usize = 2_000;
/// Rounds of the throughput, each with one client, many clients, one thread, all threads in turn.
const ROUNDS: usize = 5;
/// Photos of one turn of a round.
const PHOTOS: usize = 40;
/// Clients at once.
const CLIENTS: usize = 4;
/// Photos after which memory is measured first; and once more after as many again.
const MEMORY_PHOTOS: usize = 1_000;

/// What the server is measured with.
pub(crate) struct Setting<'a> {
    /// The engine, for the bare threads beside.
    pub engine: &'a dyn Engine,
    /// The networks, for the same.
    pub networks: &'a Networks,
    /// The photo that is sent.
    pub portrait: &'a Portrait,
    /// Cache folder with the packs.
    pub cache: PathBuf,
    /// Folder for data.
    pub scratch: &'a Path,
    /// How much to repeat.
    pub pace: Pace,
    /// Told after each step.
    pub progress: &'a dyn Fn(&str),
}

/// Measures.
///
/// # Errors
/// When the server does not start or a request fails.
pub(crate) async fn measure(setting: &Setting<'_>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let data = setting.scratch.join("data");
    (setting.progress)("starting the server");
    let mut starts = Vec::new();
    for _ in 0..setting.pace.of(STARTS) {
        starts.push(Server::start(&setting.cache, &data)?.ready_ms);
    }
    rows.push(Row::alone(PART, "start to ready", Series::wall(starts)).at_most(1_500.0));

    let server = Server::start(&setting.cache, &data)?;
    let photo = Bytes::from(setting.portrait.bytes.expose().clone());
    (setting.progress)("verifying");
    rows.extend(verify(&server, &photo, setting.pace).await?);
    rows.extend(super::calls::measure(&server, setting.pace, setting.progress).await?);
    rows.extend(super::training::measure(setting).await?);
    rows.extend(scaling(setting, &server, &photo).await?);
    rows.extend(memory(setting, &server, &photo).await?);
    Ok(rows)
}

async fn verify(server: &Server, photo: &Bytes, pace: Pace) -> Result<Vec<Row>> {
    let mut client = Client::connect(server.address, KEY).await?;
    let (_, faces) = client.detect(photo).await?;
    let id = faces[0]["faceId"].as_str().context("no face is found in the portrait")?.to_owned();
    let body = Bytes::from(serde_json::json!({ "faceId1": id, "faceId2": id }).to_string());
    let calls = async |client: &mut Client| {
        let mut seen = Vec::new();
        for _ in 0..pace.of(VERIFICATIONS) {
            seen.push(client.send("POST", "/face/v1.0/verify", "application/json", body.clone()).await?.0);
        }
        Ok(seen)
    };
    let (seen, mean) = client.server_time("Verify", calls).await?;
    Ok(vec![
        Row::alone(PART, "verify two faceIds, server time (mean)", mean).at_most(1.0),
        Row::alone(PART, "verify two faceIds, as the client sees it", Series::wall(seen)),
    ])
}

/// Throughput with one and with several clients beside what bare threads reach with the same networks.
async fn scaling(setting: &Setting<'_>, server: &Server, photo: &Bytes) -> Result<Vec<Row>> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (mut one, mut many, mut bare_one, mut bare_all) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut workers =
        (0..threads).map(|_| setting.networks.load(setting.engine)).collect::<Result<Vec<Vision>, _>>()?;
    let rounds = setting.pace.of(ROUNDS);
    for round in 0..rounds {
        (setting.progress)(&format!("detecting, round {} of {rounds}", round + 1));
        one.push(clients(server, photo, 1).await?);
        bare_one.push(bare(&mut workers[..1], photo)?);
        many.push(clients(server, photo, CLIENTS).await?);
        bare_all.push(bare(&mut workers, photo)?);
    }
    let ratio = |all: &[f64], one: &[f64]| {
        Series::of("x", Clock::Wall, all.iter().zip(one).map(|(all, one)| all / one).collect())
    };
    let scales = ratio(&many, &one);
    let bare_scales = ratio(&bare_all, &bare_one);
    let rate = |values: Vec<f64>| Series::of("photos/s", Clock::Wall, values);
    Ok(vec![
        Row::alone(PART, "detect with faceId, 1 client", rate(one)).beside("1 bare thread", rate(bare_one)),
        Row::alone(PART, format!("detect with faceId, {CLIENTS} clients"), rate(many))
            .beside(format!("{threads} bare threads"), rate(bare_all)),
        Row::alone(PART, format!("{CLIENTS} clients over 1"), scales)
            .beside(format!("{threads} bare threads over 1"), bare_scales)
            .ratio_at_least(0.85),
    ])
}

/// Photos a second with so many clients, each on a connection of its own.
#[expect(clippy::cast_precision_loss, reason = "some dozens of photos")]
async fn clients(server: &Server, photo: &Bytes, count: usize) -> Result<f64> {
    let mut connections = Vec::new();
    for _ in 0..count {
        connections.push(Client::connect(server.address, KEY).await?);
    }
    let begun = Instant::now();
    let each = PHOTOS / count;
    let mut under_way = tokio::task::JoinSet::new();
    for mut client in connections {
        let photo = photo.clone();
        under_way.spawn(async move {
            for _ in 0..each {
                client.detect(&photo).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    Ok((each * count) as f64 / begun.elapsed().as_secs_f64())
}

/// Photos a second with one thread for each set of networks: decode, detect, embed, and nothing else.
#[expect(clippy::cast_precision_loss, reason = "some dozens of photos")]
fn bare(workers: &mut [Vision], photo: &[u8]) -> Result<f64> {
    let each = PHOTOS / workers.len();
    let total = each * workers.len();
    let together = Barrier::new(workers.len() + 1);
    let time = std::thread::scope(|scope| -> Result<Duration> {
        let running: Vec<_> = workers
            .iter_mut()
            .map(|vision| {
                scope.spawn(|| {
                    together.wait();
                    (0..each).try_for_each(|_| look(vision, photo))
                })
            })
            .collect();
        together.wait();
        let begun = Instant::now();
        for thread in running {
            thread.join().map_err(|_| anyhow::anyhow!("a bare thread panicked"))??;
        }
        Ok(begun.elapsed())
    })?;
    Ok(total as f64 / time.as_secs_f64())
}

/// What the server's worker does for one detect.
fn look(vision: &mut Vision, photo: &[u8]) -> Result<()> {
    let picture = Picture::decode(photo, &Limits::default())?;
    let options = DescribeOptions { templates: RecogniserSet::FIRST, ..DescribeOptions::default() };
    for found in vision.detect(&picture, Search::default())? {
        vision.describe(&picture, &found, options)?;
    }
    Ok(())
}

/// Resident memory after photos, and after as many again.
async fn memory(setting: &Setting<'_>, server: &Server, photo: &Bytes) -> Result<Vec<Row>> {
    let photos = setting.pace.of(MEMORY_PHOTOS);
    let Some(_) = server.memory() else { return Ok(Vec::new()) };
    let mut after = Vec::new();
    for half in ["first", "second"] {
        (setting.progress)(&format!("memory: the {half} {photos} photos"));
        let turns = photos / PHOTOS;
        for _ in 0..turns {
            clients(server, photo, CLIENTS).await?;
        }
        after.push(server.memory().context("the server is gone")?);
    }
    let megabytes = |value: f64| Series::of("MB", Clock::None, vec![value]);
    Ok(vec![
        Row::alone(PART, format!("resident memory after {photos} photos"), megabytes(after[0])).at_most(400.0),
        Row::alone(PART, format!("resident memory after {} photos", 2 * photos), megabytes(after[1]))
            .beside("after the first half", megabytes(after[0]))
            .ratio_at_most(1.05),
    ])
}
