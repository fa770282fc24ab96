//! What a training costs: a list is filled behind the server's back, then the server is asked to train it.

use super::Row;
use super::client::Client;
use super::fill::fill;
use super::http::Setting;
use super::measure::{Clock, Series};
use super::server::{KEY, Server};
use crate::config::Config;
use anyhow::{Context, Result, bail};
use likeness_store::ContainerKind;
use std::time::Duration;

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
    let config = Config { data: data.clone(), ..Config::default() };
    fill(&config, setting.networks, ContainerKind::LargeFaceList, faces).await?;
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
