//! What fair shares cost, and what they are worth: a part taken and given back beside a plain semaphore, and the latency of a
//! quiet account while another is at its bound.

use super::Row;
use super::client::Client;
use super::http::Setting;
use super::measure::{Clock, Series, quantile};
use super::server::{KEY, Server};
use anyhow::{Context, Result};
use axum::body::Bytes;
use likeness_shares::{Limits, Shares};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

const PART: &str = "fairness";

/// Rounds, in which ours and the semaphore's take turns.
const ROUNDS: usize = 9;
/// Parts taken and given back in one round.
const PARTS: u32 = 20_000;
/// Most microseconds that a call's share of fair shares may cost.
const BAR: f64 = 50.0;
/// Calls of the quiet account of which the 95th percentile is reported.
const CALLS: usize = 100;
/// Clients of the loud account.
const LOUD: usize = 24;

/// Measures.
///
/// # Errors
/// When the server does not start or a request fails.
pub(crate) async fn measure(setting: &Setting<'_>) -> Result<Vec<Row>> {
    (setting.progress)("taking and giving back");
    let mut rows = vec![cost(setting).await?];
    (setting.progress)("a quiet account beside a loud one");
    rows.extend(company(setting).await?);
    Ok(rows)
}

async fn cost(setting: &Setting<'_>) -> Result<Row> {
    let shares = Shares::new(Limits {
        name: "bench",
        capacity: 8,
        most_each: 8,
        reserve: 1,
        waiting: 64,
        longest_wait: Duration::from_secs(1),
        quantum: 1,
        cost_of_unit: 1,
    });
    let plain = Arc::new(Semaphore::new(8));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let micros = |begun: Instant| begun.elapsed().as_secs_f64() * 1e6 / f64::from(PARTS);
    for _ in 0..setting.pace.of(ROUNDS) {
        let begun = Instant::now();
        for number in 0..PARTS {
            drop(shares.take(number % 4, 1).await?);
        }
        ours.push(micros(begun));
        let begun = Instant::now();
        for _ in 0..PARTS {
            drop(plain.clone().acquire_owned().await?);
        }
        theirs.push(micros(begun));
    }
    let series = |values| Series::of("µs", Clock::Wall, values);
    let row = Row::alone(PART, "a part taken and given back", series(ours));
    Ok(row.beside("tokio's semaphore", series(theirs)).at_most(BAR))
}

/// What the quiet account asks.
const DETECT: &str = "/face/v1.0/detect?recognitionModel=recognition_04";

async fn company(setting: &Setting<'_>) -> Result<Vec<Row>> {
    let data = setting.scratch.join("fairness");
    let server = Server::start(&setting.cache, &data)?;
    let photo = Bytes::from(setting.portrait.bytes.expose().clone());
    let loud = another_key(setting, &data)?;
    let calls = setting.pace.of(CALLS);
    let mut quiet = Client::connect(server.address, KEY).await?;
    quiet.detect(&photo).await?;
    let alone = quiet.latencies(DETECT, &photo, calls).await?;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    for _ in 0..LOUD {
        let mut client = Client::connect(server.address, &loud).await?;
        let (photo, is_over) = (photo.clone(), is_over.clone());
        tasks.push(tokio::spawn(async move {
            let (path, media) = ("/face/v1.0/detect?returnFaceId=false", "application/octet-stream");
            while !is_over.load(Ordering::Relaxed) {
                // Many are refused: it asks for far more than its part.
                if client.ask("POST", path, media, photo.clone()).await.is_err() {
                    return;
                }
            }
        }));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let beside_loud = quiet.latencies(DETECT, &photo, calls).await;
    is_over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await?;
    }
    let beside_loud = beside_loud?;
    let tail = |values: &[f64]| Series::wall(vec![quantile(values, 0.95)]);
    let middle = |values: &[f64]| Series::wall(values.to_vec());
    let what = |which: &str| format!("detect of a quiet account beside {LOUD} clients of a loud one, {which}");
    Ok(vec![
        Row::alone(PART, what("median"), middle(&beside_loud)).beside("alone", middle(&alone)),
        Row::alone(PART, what("95th percentile"), tail(&beside_loud)).beside("alone", tail(&alone)).ratio_at_most(2.0),
    ])
}

/// The first key of another account, made on the command line while the server runs.
fn another_key(setting: &Setting<'_>, data: &std::path::Path) -> Result<String> {
    let program = std::env::current_exe().context("this program does not know where it lies")?;
    let output = std::process::Command::new(program)
        .args(["accounts", "add", "loud"])
        .env("LIKENESS_DATA", data)
        .env("LIKENESS_STORE", "")
        .env("LIKENESS_CACHE", &setting.cache)
        .output()?;
    let said = String::from_utf8(output.stdout)?;
    let key = said.lines().find_map(|line| line.strip_prefix("key1")).context("no account could be made")?;
    Ok(key.trim().to_owned())
}
