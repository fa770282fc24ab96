//! Calls without a picture: reads, refusals, writes, long lists, and what memory does over very many of them.

use super::Row;
use super::client::Client;
use super::measure::{Clock, Pace, Series};
use super::server::{KEY, Server};
use anyhow::{Context, Result, ensure};
use axum::body::Bytes;
use serde_json::{Value, json};
use std::time::Instant;

const PART: &str = "http";

/// Calls of one kind.
const CALLS: usize = 1_000;
/// Persons of the long list.
const PERSONS: usize = 10_000;
/// Calls over which memory must stay.
const MIXED: usize = 20_000;
/// Connections that make persons at once, so that their writes share commits.
const MAKERS: usize = 16;

/// Measures, and leaves a group of persons behind on the server.
///
/// # Errors
/// When a call is answered otherwise than expected.
pub(super) async fn measure(server: &Server, pace: Pace, progress: &dyn Fn(&str)) -> Result<Vec<Row>> {
    let mut client = Client::connect(server.address, KEY).await?;
    let group = json!({ "name": "bench", "recognitionModel": "recognition_04" });
    client.json("PUT", "persongroups/bench", &group).await?;
    progress("reads, refusals, writes");
    let mut rows = Vec::new();
    for (what, operation, method, path, status) in [
        ("read a group", "GetPersonGroup", "GET", "persongroups/bench", 200),
        ("refuse what is not there", "GetFaceList", "GET", "facelists/nothing", 404),
        ("rename a group", "UpdatePersonGroup", "PATCH", "persongroups/bench", 200),
    ] {
        let calls = async |client: &mut Client| {
            for number in 0..pace.of(CALLS) {
                let body = json!({ "name": format!("bench {number}") });
                let answered = client.expect(method, path, &body).await?;
                ensure!(answered == status, "{method} {path} answered {answered}");
            }
            Ok(())
        };
        let ((), mean) = client.server_time(operation, calls).await?;
        let row = Row::alone(PART, format!("{what}, server time (mean)"), mean);
        // A write waits for the disk; `store` has that beside its floor.
        rows.push(if method == "PATCH" { row } else { row.at_most(1.0) });
    }
    rows.extend(long_list(server, &mut client, pace, progress).await?);
    rows.extend(many(server, &mut client, pace, progress).await?);
    Ok(rows)
}

async fn long_list(server: &Server, client: &mut Client, pace: Pace, progress: &dyn Fn(&str)) -> Result<Vec<Row>> {
    let persons = pace.of(PERSONS);
    progress(&format!("making {persons} persons"));
    let mut makers = tokio::task::JoinSet::new();
    for _ in 0..MAKERS {
        let mut maker = Client::connect(server.address, KEY).await?;
        let each = persons.div_ceil(MAKERS);
        makers.spawn(async move {
            for number in 0..each {
                maker
                    .json("POST", "persongroups/bench/persons", &json!({ "name": format!("person {number}") }))
                    .await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = makers.join_next().await {
        done??;
    }
    progress("listing them");
    let (mut pages, mut start, mut seen) = (Vec::new(), String::new(), 0);
    loop {
        let begun = Instant::now();
        let page =
            client.json("GET", &format!("persongroups/bench/persons?top=1000&start={start}"), &Value::Null).await?;
        pages.push(begun.elapsed().as_secs_f64() * 1e3);
        let page = page.as_array().context("a list is an array")?;
        let Some(last) = page.last() else { break };
        seen += page.len();
        start = last["personId"].as_str().context("a person has an id")?.to_owned();
    }
    ensure!(seen >= persons, "{seen} of {persons} persons were listed");
    Ok(vec![Row::alone(PART, format!("a page of 1000 of {seen} persons"), Series::wall(pages))])
}

/// Reads, refusals and writes by turns; memory before and after.
async fn many(server: &Server, client: &mut Client, pace: Pace, progress: &dyn Fn(&str)) -> Result<Vec<Row>> {
    let calls = pace.of(MIXED);
    progress(&format!("{calls} mixed calls"));
    // What is made once, such as buffers and caches of the database, is made in the first tenth.
    let mut before = None;
    for number in 0..calls {
        if number == calls / 10 {
            before = server.memory();
        }
        let name = json!({ "name": format!("mixed {number}") });
        match number % 5 {
            0 => client.expect("PATCH", "persongroups/bench", &name).await?,
            1 => client.expect("GET", "persongroups/bench", &Value::Null).await?,
            2 => client.expect("GET", "persongroups/bench/persons?top=20", &Value::Null).await?,
            3 => client.expect("POST", "verify", &name).await?,
            _ => client.expect("GET", "largefacelists/nothing", &Value::Null).await?,
        };
    }
    let (Some(before), Some(after)) = (before, server.memory()) else { return Ok(Vec::new()) };
    let megabytes = |value: f64| Series::of("MB", Clock::None, vec![value]);
    let row = Row::alone(PART, format!("resident memory after {calls} mixed calls"), megabytes(after));
    Ok(vec![row.beside("after a tenth of them", megabytes(before)).ratio_at_most(1.05)])
}

impl Client {
    /// Sends JSON below version 1.0 and reads the answer.
    ///
    /// # Errors
    /// When the answer is anything but good.
    pub(super) async fn json(&mut self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let (_, answer) =
            self.send(method, &format!("/face/v1.0/{path}"), "application/json", Bytes::from(body.to_string())).await?;
        Ok(if answer.is_empty() { Value::Null } else { serde_json::from_slice(&answer)? })
    }

    /// Sends JSON below version 1.0 and returns the status.
    async fn expect(&mut self, method: &str, path: &str, body: &Value) -> Result<u16> {
        let path = format!("/face/v1.0/{path}");
        Ok(self.ask(method, &path, "application/json", Bytes::from(body.to_string())).await?.0)
    }
}
