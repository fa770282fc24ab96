//! One photo: each network beside Python's ONNX Runtime, each stage, and the whole beside `face_recognition` and beside the
//! other recognisers that are installed.

use super::Row;
use super::measure::{Clock, Pace, Series, cpu};
use super::peers::Peers;
use super::portrait::Portrait;
use super::stages::{DECODE, Stages};
use anyhow::{Context, Result};
use likeness_service::networks::Networks;
use likeness_vision::engine::{Engine, Tensor};
use likeness_vision::{Limits, Picture, Search, Vision};
use serde_json::json;
use std::path::Path;

const PART: &str = "inference";

/// Rounds of the whole photo.
pub(crate) const ROUNDS: usize = 15;
/// Rounds of one network or one decoding: they take milliseconds.
const SHORT_ROUNDS: usize = 40;
/// Rounds of `face_recognition`, which takes a large part of a second.
const LONG_ROUNDS: usize = 5;

/// Measures. `scratch` is a folder for files that peers read.
///
/// # Errors
/// When a network or a peer fails.
pub(crate) fn measure(
    engine: &dyn Engine,
    networks: &Networks,
    vision: &mut Vision,
    portrait: &Portrait,
    mut peers: Option<&mut Peers>,
    scratch: &Path,
    pace: Pace,
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, onnx, shape) in networks.each() {
        rows.push(one_network(engine, name, onnx, shape, peers.as_deref_mut(), scratch, pace)?);
    }
    let photo = scratch.join("portrait.jpg");
    std::fs::write(&photo, portrait.bytes.expose()).context("the portrait cannot be written for the peers")?;
    rows.push(decoding(portrait, &photo, peers.as_deref_mut(), pace)?);
    rows.extend(whole(networks, vision, portrait, &photo, peers, pace)?);
    Ok(rows)
}

fn one_network(
    engine: &dyn Engine,
    name: &str,
    onnx: &[u8],
    shape: [usize; 4],
    mut peers: Option<&mut Peers>,
    scratch: &Path,
    pace: Pace,
) -> Result<Row> {
    let mut network = engine.load(onnx, &shape)?;
    let mut input = Tensor::zeros(&shape);
    // The same ramp that the peer feeds to its own copy.
    for (at, value) in input.data.iter_mut().enumerate() {
        *value = f32::from(u8::try_from(at % 251).unwrap_or(0)) / 251.0;
    }
    network.run(&input)?;
    let file = scratch.join(format!("{name}.onnx"));
    if peers.is_some() {
        std::fs::write(&file, onnx).context("a network cannot be written for the peers")?;
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..pace.of(SHORT_ROUNDS) {
        let (time, outcome) = cpu(|| network.run(&input));
        outcome?;
        ours.push(time);
        if let Some(peers) = peers.as_deref_mut() {
            theirs.extend(peers.times(&json!({ "do": "network", "file": file, "shape": shape, "runs": 1 }), "cpu")?);
        }
    }
    let row = Row::alone(PART, format!("network: {name}"), Series::cpu(ours));
    Ok(if theirs.is_empty() { row } else { row.beside("Python onnxruntime", Series::cpu(theirs)).ratio_at_most(1.05) })
}

fn decoding(portrait: &Portrait, photo: &Path, mut peers: Option<&mut Peers>, pace: Pace) -> Result<Row> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..pace.of(SHORT_ROUNDS) {
        let (time, outcome) = cpu(|| Picture::decode(portrait.bytes.expose(), &Limits::default()));
        outcome?;
        ours.push(time);
        if let Some(peers) = peers.as_deref_mut() {
            theirs.extend(peers.times(&json!({ "do": "decode", "file": photo, "runs": 1 }), "cpu")?);
        }
    }
    let row = Row::alone(PART, "decode the photo", Series::cpu(ours));
    Ok(if theirs.is_empty() {
        row
    } else {
        row.beside("libjpeg-turbo in OpenCV", Series::cpu(theirs)).ratio_at_most(1.3)
    })
}

fn whole(
    networks: &Networks,
    vision: &mut Vision,
    portrait: &Portrait,
    photo: &Path,
    mut peers: Option<&mut Peers>,
    pace: Pace,
) -> Result<Vec<Row>> {
    let recognisers = networks.recognisers.all();
    // One for each recogniser, in turns.
    let mut each: Vec<Stages> = recognisers.iter().map(|_| Stages::default()).collect();
    let (mut usual, mut plain) = (Vec::new(), Vec::new());
    let look = |vision: &mut Vision, stages: &mut Stages, number: usize| {
        stages.measure(vision, portrait.bytes.expose(), Search::default(), number)
    };
    // Caches and buffers warm up in a round that does not count.
    for recogniser in recognisers {
        look(vision, &mut Stages::default(), recogniser.number)?;
    }
    for round in 0..pace.of(ROUNDS) {
        for (stages, recogniser) in each.iter_mut().zip(recognisers) {
            look(vision, stages, recogniser.number)?;
        }
        if let Some(peers) = peers.as_deref_mut().filter(|_| round < LONG_ROUNDS) {
            for (times, upsample) in [(&mut usual, 1), (&mut plain, 0)] {
                let question = json!({ "do": "face_recognition", "file": photo, "upsample": upsample, "runs": 1 });
                times.extend(peers.times(&question, "cpu")?);
            }
        }
    }
    let stages = &each[0];
    let mut rows: Vec<Row> = stages
        .each()
        .into_iter()
        .filter(|(name, _)| *name != DECODE)
        .map(|(name, series)| Row::alone(PART, format!("stage: {name}"), series))
        .collect();
    let pipeline = stages.pipeline();
    let own = stages.own();
    let share = |value: f64| Series::of("%", Clock::Cpu, vec![100.0 * value / pipeline.median]);
    rows.push(Row::alone(PART, "resize, cut out, read outputs", own.clone()));
    rows.push(Row::alone(PART, "the same as a share of the whole", share(own.median)).at_most(15.0));
    rows.push(Row::alone(PART, "decode, detect, embed", stages.all()).at_most(45.0));
    for (other, recogniser) in each.iter().zip(recognisers).skip(1) {
        let what = format!("decode, detect, embed by {}", recogniser.pack.pack.id);
        let first = &recognisers[0].pack.pack.id;
        rows.push(Row::alone(PART, what, other.all()).beside(format!("by {first}"), stages.all()));
    }
    let whole = || Row::alone(PART, "detect and embed, decoded before", pipeline.clone());
    if usual.is_empty() {
        rows.push(whole());
    } else {
        rows.push(whole().beside("face_recognition, defaults", Series::cpu(usual)).faster_by(15.0));
        rows.push(whole().beside("face_recognition, no upsampling", Series::cpu(plain)).faster_by(5.0));
    }
    Ok(rows)
}
