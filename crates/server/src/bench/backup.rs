//! What sealing costs, how fast backups are made and put back, what a backup or a rotation costs those who call meanwhile, and
//! how soon a server with very many templates gives its first right answer.

use super::Row;
use super::client::Client;
use super::fill::fill;
use super::http::Setting;
use super::measure::{Clock, Pace, Series, quantile};
use super::server::{KEY, Server, memory_of};
use crate::config::Config;
use anyhow::{Context, Result, ensure};
use axum::body::Bytes;
use likeness_base::{Secret, random_bytes};
use likeness_service::randomness::SystemRandomness;
use likeness_store::ContainerKind;
use likeness_store::keys::{InstallationKey, Purpose, RowContext};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use uuid::Uuid;

const PART: &str = "backup";

/// Rounds of sealing, in which ours and the bare cipher take turns.
const ROUNDS: usize = 9;
/// Templates sealed in one round.
const SEALED: u32 = 20_000;
/// Bytes of a template.
const TEMPLATE_BYTES: usize = 512;
/// What is asked beside backups.
const DETECT: &str = "/face/v1.0/detect?recognitionModel=recognition_04&returnFaceId=false";
/// Calls of which the 95th percentile is reported.
const CALLS: usize = 100;

/// Templates in the store.
const fn templates(pace: Pace) -> usize {
    match pace {
        Pace::Full => 200_000,
        Pace::Quick => 5_000,
    }
}

/// Measures.
///
/// # Errors
/// When a server does not start, or a command fails.
pub(crate) async fn measure(setting: &Setting<'_>) -> Result<Vec<Row>> {
    (setting.progress)("sealing");
    let mut rows = vec![sealing(setting)?];
    let faces = templates(setting.pace);
    let data = setting.scratch.join("backup");
    drop(Server::start(&setting.cache, &data)?);
    (setting.progress)("filling a store");
    let config = Config { data: data.clone(), cache: setting.cache.clone(), ..Config::default() };
    fill(&config, setting.networks, ContainerKind::FaceList, faces).await?;
    (setting.progress)("a backup");
    let file = setting.scratch.join("bench.backup");
    let [file_text, journal] = [file.clone(), data.join("journal")].map(|path| path.display().to_string());
    let made = run(&setting.cache, &data, None, &["backup", "create", &file_text])?;
    rows.extend(rate(format!("back up {faces} templates"), faces, &made));
    let verified = run(&setting.cache, &data, None, &["backup", "verify", &file_text])?;
    rows.extend(rate(format!("verify {faces} templates"), faces, &verified));
    (setting.progress)("a restore");
    let restored = setting.scratch.join("restored");
    let key = data.join("installation.key");
    let words = ["backup", "restore", file_text.as_str(), "--journal", &journal];
    let put_back = run(&setting.cache, &restored, Some(&key), &words)?;
    rows.extend(rate(format!("restore {faces} templates"), faces, &put_back));
    std::fs::remove_dir_all(&restored)?;
    rows.push(first_answer(setting, &data, faces).await?);
    (setting.progress)("calls beside backups");
    rows.extend(company(setting, &data).await?);
    Ok(rows)
}

/// Microseconds of a template.
fn sealing(setting: &Setting<'_>) -> Result<Row> {
    let key = InstallationKey::generate(&SystemRandomness);
    let account = Uuid::from_bytes(random_bytes(&SystemRandomness));
    let wrapped = key.new_data_key(&SystemRandomness, account, 1);
    let keys = key.unwrap_data_keys(account, &[(1, wrapped)]).context("a key that was just made")?;
    let sealer = keys.sealer(Purpose::FaceTemplate, 7, 7);
    let template = Secret::new(vec![7_u8; TEMPLATE_BYTES]);
    let mut bare = key.backup_key(&[1; 32], b"bench");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let micros = |begun: Instant| begun.elapsed().as_secs_f64() * 1e6 / f64::from(SEALED);
    for _ in 0..setting.pace.of(ROUNDS) {
        let begun = Instant::now();
        for number in 0..SEALED {
            let context = RowContext::template(i64::from(number), account.as_bytes(), None, "bench/1", None);
            std::hint::black_box(sealer.seal(&SystemRandomness, &context, template.expose()));
        }
        ours.push(micros(begun));
        let begun = Instant::now();
        for _ in 0..SEALED {
            let mut frame = template.expose().clone();
            bare.seal(&mut frame, false);
            std::hint::black_box(frame);
        }
        theirs.push(micros(begun));
    }
    let series = |values| Series::of("µs", Clock::Wall, values);
    let row = Row::alone(PART, "seal a template of 512 bytes", series(ours));
    Ok(row.beside("AES-256-GCM of the same bytes", series(theirs)).at_most(10.0))
}

/// How long a command took, and how much memory it had at most.
struct Ran {
    seconds: f64,
    peak_mb: Option<f64>,
}

fn run(cache: &Path, data: &Path, key: Option<&Path>, words: &[&str]) -> Result<Ran> {
    let mut command = Command::new(std::env::current_exe().context("this program does not know where it lies")?);
    command.args(words).env("LIKENESS_DATA", data).env("LIKENESS_STORE", "").env("LIKENESS_CACHE", cache);
    if let Some(key) = key {
        command.env("LIKENESS_KEY_FILE", key);
    }
    let begun = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut peak_mb = None;
    let status = loop {
        peak_mb = memory_of(child.id(), "VmHWM").or(peak_mb);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    ensure!(status.success(), "likeness {} failed", words.join(" "));
    Ok(Ran { seconds: begun.elapsed().as_secs_f64(), peak_mb })
}

#[expect(clippy::cast_precision_loss, reason = "a million templates")]
fn rate(what: String, faces: usize, ran: &Ran) -> Vec<Row> {
    let per_second = Series::of("templates/s", Clock::Wall, vec![faces as f64 / ran.seconds]);
    let floor = Series::of("templates/s", Clock::Wall, vec![20_000.0]);
    let memory = ran
        .peak_mb
        .map(|peak| Row::alone(PART, format!("{what}: most memory"), Series::of("MB", Clock::Wall, vec![peak])));
    let row = Row::alone(PART, what, per_second).beside("the aim", floor).ratio_at_least(1.0);
    [Some(row), memory].into_iter().flatten().collect()
}

/// Seconds from starting the program to the first right answer of a search.
async fn first_answer(setting: &Setting<'_>, data: &Path, faces: usize) -> Result<Row> {
    (setting.progress)("the first answer");
    let begun = Instant::now();
    let server = Server::start(&setting.cache, data)?;
    let mut client = Client::connect(server.address, KEY).await?;
    let photo = Bytes::from(setting.portrait.bytes.expose().clone());
    let detect = "/face/v1.0/detect?recognitionModel=recognition_04";
    let (_, found) = client.send("POST", detect, "application/octet-stream", photo).await?;
    let found: serde_json::Value = serde_json::from_slice(&found)?;
    let ask = serde_json::json!({ "faceId": found[0]["faceId"], "faceListId": "bench", "mode": "matchFace" });
    let ask = Bytes::from(serde_json::to_vec(&ask)?);
    let (_, answer) = client.send("POST", "/face/v1.0/findsimilars", "application/json", ask).await?;
    let answer: serde_json::Value = serde_json::from_slice(&answer)?;
    ensure!(answer.as_array().is_some_and(|likely| !likely.is_empty()), "the search found nobody: {answer}");
    let seconds = Series::of("s", Clock::Wall, vec![begun.elapsed().as_secs_f64()]);
    Ok(Row::alone(PART, format!("from start to the first answer over {faces} templates"), seconds).at_most(3.0))
}

/// Detections beside backups and rotations that follow each other without a pause, and without any.
async fn company(setting: &Setting<'_>, data: &Path) -> Result<Vec<Row>> {
    let server = Server::start(&setting.cache, data)?;
    let photo = Bytes::from(setting.portrait.bytes.expose().clone());
    let calls = setting.pace.of(CALLS);
    let mut client = Client::connect(server.address, KEY).await?;
    for _ in 0..5 {
        client.latencies(DETECT, &photo, 1).await?;
    }
    let (first, second) =
        (client.latencies(DETECT, &photo, calls).await?, client.latencies(DETECT, &photo, calls).await?);
    let tail = |values: &[f64]| quantile(values, 0.95);
    let idle = Series::wall(vec![tail(&first), tail(&second)]);
    let mut rows = Vec::new();
    for (what, words) in [("backups", ["backup", "create", "-"]), ("rotations", ["keys", "rotate", "file"])] {
        let is_over = Arc::new(AtomicBool::new(false));
        let cache = setting.cache.as_path();
        let busy = std::thread::scope(|scope| -> Result<Vec<f64>> {
            let over = is_over.clone();
            let work = scope.spawn(move || -> Result<()> {
                // A key file has 64 versions at most.
                for _ in 0..40 {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    run(cache, data, None, &words)?;
                }
                Ok(())
            });
            let asked = tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(client.latencies(DETECT, &photo, calls))
            });
            is_over.store(true, Ordering::Relaxed);
            work.join().map_err(|_| anyhow::anyhow!("the other thread failed"))??;
            asked
        })?;
        let busy = Series::wall(vec![tail(&busy)]);
        let what = format!("detect beside {what} one after another, 95th percentile");
        rows.push(Row::alone(PART, what, busy).beside("idle", idle.clone()).ratio_at_most(1.1));
    }
    Ok(rows)
}
