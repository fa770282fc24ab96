//! What the checks of a capture cost, and how soon there is a decision, with rendered people who do what they are asked.
//!
//! Rendering takes processor time beside the server, about as much as a third of a worker for eight people, so the figures of many at once
//! are those of a busier machine.

use super::Row;
use super::client::Client;
use super::http::Setting;
use super::measure::{Clock, Series, cpu};
use super::server::{KEY, Server};
use anyhow::{Context, Result, ensure};
use axum::body::Bytes;
use likeness_device::{Acted, Address, Client as DeviceClient, Outgoing, RealTime, Tamper};
use likeness_liveness::message::AttemptStatus;
use likeness_liveness::{Policy, RecordedEvent, Recording};
use likeness_pad::{Came, Clip, Light, Presentation, Response, people, replay};
use likeness_renderer::{Conditions, Performer, Person, Scene, Subject};
use likeness_vision::{Limits, Picture, Vision};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

const PART: &str = "captures";
/// Captures whose checks are timed.
const CAPTURES: u64 = 5;
/// Captures at the same time.
const AT_ONCE: usize = 8;
/// Rounds of them.
const ROUNDS: usize = 3;
/// Most milliseconds from the last frame to the decision.
const DECISION_MS: f64 = 2_000.0;
const CREATE: &str = "/face/v1.2/detectLiveness-sessions";

/// Heads of a demo photo.
pub(crate) fn heads(vision: &mut Vision, photo: &Path) -> Result<Vec<Person>> {
    let picture = Picture::decode(&std::fs::read(photo)?, &Limits::default())?;
    let heads = people(vision, &picture, 0)?;
    ensure!(!heads.is_empty(), "no face of the demo photo looks into the camera");
    Ok(heads)
}

/// What the checks of a capture cost: every look at a frame, every comparison of two, and the verdict.
///
/// # Errors
/// When a network fails.
pub(crate) fn cost(setting: &Setting<'_>, vision: &mut Vision, heads: &[Person], policy: &Arc<Policy>) -> Result<Row> {
    let (mut spent, mut took) = (Vec::new(), Vec::new());
    let mut seeds = 0..4 * CAPTURES;
    let wanted = setting.pace.of(CAPTURES as usize).max(1);
    while spent.len() < wanted {
        let seed = seeds.next().context("too few rendered people have a decision")?;
        (setting.progress)(&format!("the checks of a capture: {} of {wanted}", spent.len() + 1));
        let clip = Clip { presentation: Presentation::Live, light: Light::Office, seed };
        let Came { tries, first, frames } = clip.play(heads, policy, vision)?;
        if tries != [Response::Real] {
            continue;
        }
        let mut frame = |seq: u32| frames.get(seq as usize - 1).cloned();
        let (ms, replayed) = cpu(|| replay(&first, &mut frame, policy, vision));
        replayed?;
        spent.push(ms);
        took.push(length_ms(&first));
    }
    Ok(Row::alone(PART, "all checks of one capture, one thread", Series::cpu(spent))
        .beside("the capture takes", Series::wall(took))
        .ratio_at_most(0.2))
}

/// From the first frame to the last, by the device's clock.
fn length_ms(recording: &Recording) -> f64 {
    let mut frames = recording.events.iter().filter_map(|event| match event {
        RecordedEvent::Frame { capture_ms, .. } => Some(*capture_ms),
        _ => None,
    });
    let first = frames.next().unwrap_or_default();
    frames.next_back().unwrap_or(first) - first
}

/// How soon there is a decision, where several capture at once.
///
/// # Errors
/// When the server does not start or a request fails.
pub(crate) async fn decisions(setting: &Setting<'_>, heads: &[Person]) -> Result<Row> {
    let places = AT_ONCE.to_string();
    let data = setting.scratch.join("decisions");
    let server = Server::start_with(&setting.cache, &data, &[("LIKENESS_CAPTURES", places.as_str())])?;
    let address = Address::parse(&format!("http://{}", server.address))?;
    let mut client = Client::connect(server.address, KEY).await?;
    let (mut waited, mut begun) = (Vec::new(), 0);
    for round in 0..setting.pace.of(ROUNDS).max(1) {
        (setting.progress)(&format!("{AT_ONCE} rendered people at once: round {}", round + 1));
        let mut playing = JoinSet::new();
        for number in 0..AT_ONCE {
            let seed = (round * AT_ONCE + number) as u64;
            let asked =
                json!({ "livenessOperationMode": "PassiveActive", "deviceCorrelationId": format!("bench-{seed}") });
            let (_, answer) = client.send("POST", CREATE, "application/json", Bytes::from(asked.to_string())).await?;
            let session: Value = serde_json::from_slice(&answer)?;
            let token = session["authToken"].as_str().context("a session has a token")?.to_owned();
            let conditions = Conditions { seed, ..Conditions::default() };
            let head = &heads[number % heads.len()];
            let scene = Scene::new(std::slice::from_ref(head), Subject::Live, conditions)?;
            playing.spawn(decided(address.clone(), token, Performer::new(scene)));
            begun += 1;
        }
        while let Some(played) = playing.join_next().await {
            waited.extend(played??);
        }
    }
    let decided = waited.len();
    ensure!(decided > 0, "none of {begun} captures had a decision");
    let what = format!("from the last frame to the decision, {AT_ONCE} captures at once: {decided} of {begun} had one");
    let none = Series::of("ms", Clock::Wall, vec![DECISION_MS]);
    Ok(Row::alone(PART, what, Series::wall(waited)).beside("two seconds", none).at_most(DECISION_MS))
}

/// Milliseconds from the last frame to the decision; none where there was no decision.
async fn decided(address: Address, token: String, performer: Performer) -> Result<Option<f64>> {
    let mut ending = Ending::default();
    let outcome =
        DeviceClient::new(address, token).capture(&mut Acted::new(performer), &mut ending, &RealTime::new()).await?;
    let waited = ending.sent.map(|sent| sent.elapsed().as_secs_f64() * 1_000.0);
    Ok(waited.filter(|_| outcome.status == AttemptStatus::Succeeded))
}

/// Notes when the end was sent.
#[derive(Default)]
struct Ending {
    sent: Option<Instant>,
}

impl Tamper for Ending {
    fn send(&mut self, out: &mut Vec<Outgoing>, _now_ms: f64) {
        if out.iter().any(|sent| matches!(sent, Outgoing::End(_))) {
            self.sent = Some(Instant::now());
        }
    }
}
