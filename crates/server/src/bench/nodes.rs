//! Two servers over one database: what the second costs, and how soon it answers by what was written to the first.

use super::Row;
use super::client::Client;
use super::command;
use super::fill::fill;
use super::http::Setting;
use super::measure::{Clock, Series, quantile};
use super::server::{KEY, Server};
use crate::config::{Config, StoreConfig};
use anyhow::{Context, Result, bail, ensure};
use axum::body::Bytes;
use likeness_base::Secret;
use likeness_service::randomness::{SystemRandomness, random_id};
use likeness_service::templates;
use likeness_store::keys::InstallationKey;
use likeness_store::{
    AccountId, AccountWrite, ContainerKind, ContainerName, ContainerWrite, FaceWrite, NewFace, PostgresStore,
    PostgresTarget, Store, Write,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::Arc;
use std::time::Instant;

const PART: &str = "nodes";

/// Templates of each container that is asked.
const TEMPLATES: usize = 10_000;
/// Identifications of one node in one turn.
const QUESTIONS: usize = 1_000;
/// Turns of the throughput.
const ROUNDS: usize = 5;
/// Faces that are added on one node and searched for on the other.
const SIGHTINGS: usize = 200;
/// Single durable writes, and commits beside them.
const WRITES: usize = 300;
/// Commits of one turn.
const COMMITS_AT_ONCE: usize = 30;

/// Where there are two empty databases of one PostgreSQL server, and its client: set by the program `likeness-test-postgres`.
pub(crate) struct Databases {
    addresses: [String; 2],
    psql: PathBuf,
}

impl Databases {
    /// What the environment names, if it does.
    pub(crate) fn of_environment() -> Option<Self> {
        let addresses = std::env::var("LIKENESS_BENCH_DATABASES").ok()?;
        let mut addresses = addresses.split(' ').map(str::to_owned);
        let addresses = [addresses.next()?, addresses.next()?];
        Some(Self { addresses, psql: std::env::var_os("LIKENESS_BENCH_PSQL")?.into() })
    }

    /// Runs a script of the database's own client on the first, and gives what that prints.
    fn script(&self, folder: &Path, script: &str) -> Result<String> {
        let file = folder.join("script.sql");
        std::fs::write(&file, script)?;
        let mut client = Process::new(&self.psql);
        client.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", &self.addresses[0], "-f"]).arg(&file);
        let said = client.output().context("the client of the database cannot be started")?;
        ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        Ok(String::from_utf8_lossy(&said.stdout).into_owned())
    }
}

/// Measures.
///
/// # Errors
/// When a server or the database does not do what it should.
pub(crate) async fn measure(setting: &Setting<'_>, databases: &Databases) -> Result<Vec<Row>> {
    let mut rows = vec![enrol(setting, databases).await?];
    let store = databases.addresses[1].clone();
    let data = setting.scratch.join("nodes");
    let nodes = [Server::start_on(&setting.cache, &data, &store)?, Server::start_on(&setting.cache, &data, &store)?];
    let photo = Bytes::from(setting.portrait.bytes.expose().clone());
    rows.push(sighting(setting, &nodes, &photo).await?);
    rows.push(throughput(setting, nodes, &data, &store, &photo).await?);
    Ok(rows)
}

/// One durable add beside one commit of PostgreSQL's own client, in turns.
async fn enrol(setting: &Setting<'_>, databases: &Databases) -> Result<Row> {
    (setting.progress)("adding to the database");
    let address = databases.addresses[0].clone();
    databases.script(setting.scratch, "CREATE TABLE floor (n BIGINT PRIMARY KEY, b BYTEA)")?;
    let target = PostgresTarget::new(&Secret::new(address))?;
    let key = Arc::new(InstallationKey::generate(&SystemRandomness));
    let folder = setting.scratch.join("enrol-keys");
    let store = PostgresStore::open(&target, key, &folder, Arc::new(SystemRandomness)).await?;
    let account = AccountId(random_id(&SystemRandomness));
    let apply = |write: Write| store.apply(command(account, write));
    let container = ContainerName { kind: ContainerKind::LargeFaceList, id: "bench".to_owned() };
    let (name, model) = (Secret::new("bench".to_owned()), "recognition_04".to_owned());
    apply(AccountWrite::Create(likeness_store::NewAccount::default()).into()).await?;
    apply(ContainerWrite::Create { container: container.clone(), name, user_data: None, model, limit: None }.into())
        .await?;
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for round in 0..setting.pace.of(WRITES).div_ceil(COMMITS_AT_ONCE) {
        for _ in 0..COMMITS_AT_ONCE {
            let template =
                templates::encode(&vec![0.5; setting.networks.recognisers.default_recogniser().space.dimension]);
            let id = random_id(&SystemRandomness);
            let face = NewFace { id, template, space: "bench/1".to_owned(), user_data: None };
            let begun = Instant::now();
            apply(FaceWrite::Add { container: container.clone(), person: None, face, limit: None }.into()).await?;
            ours.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        let inserts: Vec<String> = (0..COMMITS_AT_ONCE)
            .map(|number| {
                format!("INSERT INTO floor VALUES ({}, decode(repeat('7f', 600), 'hex'));", round * 1_000 + number)
            })
            .collect();
        let said = databases.script(setting.scratch, &format!("\\timing on\n{}", inserts.join("\n")))?;
        floor.extend(
            said.lines().filter_map(|line| line.strip_prefix("Time: ")?.split(' ').next()?.parse::<f64>().ok()),
        );
    }
    store.close().await;
    ensure!(floor.len() == ours.len(), "the client of the database reported other times than asked for");
    let floor = Series::wall(floor);
    let most = floor.median + 2.0;
    let row = Row::alone(PART, "add a face on PostgreSQL", Series::wall(ours)).beside("one commit", floor);
    Ok(row.at_most((most * 100.0).round() / 100.0))
}

/// How long after the answer to an add on one node the other names the face.
async fn sighting(setting: &Setting<'_>, nodes: &[Server; 2], photo: &Bytes) -> Result<Row> {
    let mut one = Client::connect(nodes[0].address, KEY).await?;
    let mut two = Client::connect(nodes[1].address, KEY).await?;
    let made = json!({ "name": "bench", "recognitionModel": "recognition_04" });
    one.json("PUT", "facelists/sighting", &made).await?;
    let count = setting.pace.of(SIGHTINGS);
    let mut times = Vec::new();
    for number in 0..count {
        if number % 20 == 0 {
            (setting.progress)(&format!("waiting for the other node, {number} of {count}"));
        }
        let path = "/face/v1.0/facelists/sighting/persistedfaces";
        let (_, faces) = two.detect(photo).await?;
        let (_, added) = one.send("POST", path, "application/octet-stream", photo.clone()).await?;
        let begun = Instant::now();
        let added: Value = serde_json::from_slice(&added)?;
        let ask = json!({ "faceId": faces[0]["faceId"], "faceListId": "sighting", "mode": "matchFace",
                          "maxNumOfCandidatesReturned": 1000 });
        loop {
            let found = two.json("POST", "findsimilars", &ask).await?;
            let found = found.as_array().context("find similar answers an array")?;
            if found.iter().any(|face| face["persistedFaceId"] == added["persistedFaceId"]) {
                break;
            }
            ensure!(begun.elapsed().as_secs() < 10, "the other node never names the face");
        }
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let tail = Series::wall(vec![quantile(&times, 0.99)]);
    Ok(Row::alone(PART, "added on one node, named by the other, 99th percentile", tail).at_most(1_000.0))
}

/// Identifications a second of two nodes over one database beside those of two servers that share nothing.
async fn throughput(setting: &Setting<'_>, nodes: [Server; 2], data: &Path, store: &str, photo: &Bytes) -> Result<Row> {
    let templates = setting.pace.of(TEMPLATES);
    (setting.progress)(&format!("filling three groups of {templates} faces"));
    let address = Some(Secret::new(store.to_owned()));
    let store = StoreConfig { address, ..StoreConfig::default() };
    let shared = Config { data: data.to_owned(), store, ..Config::default() };
    fill(&shared, setting.networks, ContainerKind::LargePersonGroup, templates).await?;
    let mut alone = Vec::new();
    for name in ["alone-1", "alone-2"] {
        let data = setting.scratch.join(name);
        drop(Server::start(&setting.cache, &data)?);
        let config = Config { data: data.clone(), ..Config::default() };
        fill(&config, setting.networks, ContainerKind::LargePersonGroup, templates).await?;
        alone.push(Server::start(&setting.cache, &data)?);
    }
    train(nodes[0].address).await?;
    for server in &alone {
        train(server.address).await?;
    }
    let questions = setting.pace.of(QUESTIONS);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let rounds = setting.pace.of(ROUNDS).max(3);
    for round in 0..=rounds {
        (setting.progress)(&format!("identifying, round {round} of {rounds}"));
        let together = both([nodes[0].address, nodes[1].address], photo, questions).await?;
        let apart = both([alone[0].address, alone[1].address], photo, questions).await?;
        // The first loads the galleries.
        if round > 0 {
            ours.push(together);
            theirs.push(apart);
        }
    }
    let ours = Series::of("/s", Clock::Wall, ours);
    let theirs = Series::of("/s", Clock::Wall, theirs);
    let what = format!("identify among {templates}, two nodes on one database");
    Ok(Row::alone(PART, what, ours).beside("two servers apart", theirs).ratio_at_least(0.85))
}

async fn train(address: std::net::SocketAddr) -> Result<()> {
    let mut client = Client::connect(address, KEY).await?;
    client.json("POST", "largepersongroups/bench/train", &Value::Null).await?;
    for _ in 0..600 {
        let status = client.json("GET", "largepersongroups/bench/training", &Value::Null).await?;
        match status["status"].as_str() {
            Some("succeeded") => return Ok(()),
            Some("failed") => bail!("the training failed: {}", status["message"]),
            _ => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    }
    bail!("the training did not end")
}

/// Asks both servers at once, and gives how many answers a second came from the two.
async fn both(addresses: [std::net::SocketAddr; 2], photo: &Bytes, questions: usize) -> Result<f64> {
    let mut clients = Vec::new();
    for address in addresses {
        let mut client = Client::connect(address, KEY).await?;
        let (_, faces) = client.detect(photo).await?;
        let ask = json!({ "faceIds": [faces[0]["faceId"]], "largePersonGroupId": "bench" }).to_string();
        clients.push((client, Bytes::from(ask)));
    }
    let begun = Instant::now();
    let mut asking = tokio::task::JoinSet::new();
    for (mut client, ask) in clients {
        asking.spawn(async move {
            for _ in 0..questions {
                client.send("POST", "/face/v1.0/identify", "application/json", ask.clone()).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = asking.join_next().await {
        done??;
    }
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    Ok(2.0 * questions as f64 / begun.elapsed().as_secs_f64())
}
