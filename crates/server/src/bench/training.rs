//! What a training costs: a list is filled behind the server's back, then the server is asked to train it.

use super::Row;
use super::client::Client;
use super::http::Setting;
use super::measure::{Clock, Series};
use super::server::{KEY, Server};
use crate::config::Config;
use crate::effects::{SystemClock, SystemRandomness};
use crate::start::{Missing, open_store};
use crate::templates;
use anyhow::{Context, Result, bail};
use likeness_base::{Clock as _, Secret};
use likeness_store::{Actor, Command, ContainerKind, ContainerName, NewFace, Write};
use std::path::Path;
use std::time::Duration;
use uuid::Uuid;

/// Faces of the list.
const FACES: usize = 10_000;

/// Measures CPU seconds of the server over one training.
///
/// # Errors
/// When the list cannot be filled or the training does not succeed.
pub(super) async fn measure(setting: &Setting<'_>) -> Result<Vec<Row>> {
    let faces = setting.pace.of(FACES);
    (setting.progress)(&format!("training: {faces} faces"));
    let data = setting.scratch.join("training");
    // The first start makes account and keys.
    drop(Server::start(&setting.cache, &data)?);
    fill(setting, &data, faces).await?;
    let server = Server::start(&setting.cache, &data)?;
    let mut client = Client::connect(server.address, KEY).await?;
    let Some(before) = server.cpu_seconds() else { return Ok(Vec::new()) };
    client.json("POST", "largefacelists/bench/train", &serde_json::Value::Null).await?;
    for _ in 0..600 {
        let status = client.json("GET", "largefacelists/bench/training", &serde_json::Value::Null).await?;
        match status["status"].as_str() {
            Some("succeeded") => {
                let spent = server.cpu_seconds().context("the server is gone")? - before;
                let series = Series::of("s", Clock::Cpu, vec![spent]);
                return Ok(vec![Row::alone("http", format!("train {faces} faces"), series).at_most(1.0)]);
            }
            Some("failed") => bail!("the training failed: {}", status["message"]),
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    bail!("the training did not end")
}

/// Puts faces into the store of a server that does not run.
async fn fill(setting: &Setting<'_>, data: &Path, faces: usize) -> Result<()> {
    let config = Config { data: data.to_owned(), ..Config::default() };
    let store = open_store(&config, Missing::Refuse).await?.store;
    let account = store.accounts().await?.first().context("the first start made an account")?.id;
    let apply = |write| {
        let command = Command {
            account,
            actor: Actor::Operator,
            at: SystemClock.now(),
            request_id: Uuid::nil(),
            key: crate::effects::random_id(&SystemRandomness),
            write,
        };
        let store = store.clone();
        async move { store.apply(command).await }
    };
    let container = ContainerName { kind: ContainerKind::LargeFaceList, id: "bench".to_owned() };
    let (name, model) = (Secret::new("bench".to_owned()), "recognition_04".to_owned());
    apply(Write::CreateContainer { container: container.clone(), name, user_data: None, model, limit: None }).await?;
    let mut random = fastrand::Rng::with_seed(4);
    let mut under_way = tokio::task::JoinSet::new();
    for _ in 0..faces {
        let template: Vec<f32> = (0..setting.networks.space.dimension).map(|_| random.f32() - 0.5).collect();
        let face = NewFace {
            id: crate::effects::random_id(&SystemRandomness),
            template: templates::encode(&template),
            space: setting.networks.space_id.clone(),
            user_data: None,
        };
        under_way.spawn(apply(Write::AddFace { container: container.clone(), person: None, face, limit: None }));
        if under_way.len() >= 256
            && let Some(done) = under_way.join_next().await
        {
            done??;
        }
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    store.close().await;
    Ok(())
}
