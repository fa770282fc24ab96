//! Exact search beside the speed of memory and beside faiss.

use super::Row;
use super::draw::Population;
use super::measure::{Pace, Series, wall};
use super::peers::Peers;
use anyhow::{Context, Result};
use likeness_gallery::{Gallery, Probe, Row as Template, Space, Visible};
use serde_json::{Value, json};
use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;

const PART: &str = "search";

/// Probes that are searched for one by one, and all at once.
const PROBES: usize = 32;

/// Another photo of a person lies as far away as the calibration puts this false match rate: with the recognisers we know
/// most pairs of one person lie nearer (docs/accuracy.md), so that searches are rather too hard than too easy.
pub(crate) const AGAIN: f64 = 1e-8;

/// Sizes and rounds. A search of ten thousand takes microseconds.
const SIZES: [(usize, usize); 3] = [(10_000, 300), (100_000, 100), (1_000_000, 40)];

/// What search is measured on.
pub(crate) struct Setting<'a> {
    /// The space of the templates.
    pub space: Space,
    /// Draws them.
    pub population: Population,
    /// How far another photo of a person lies away.
    pub again: f64,
    /// The recogniser, if it is not the one that all else is measured with: then the largest size alone is measured.
    pub other: Option<&'a str>,
    /// How much to repeat; at a quick pace the million is left out.
    pub pace: Pace,
    /// Where files for peers go.
    pub scratch: &'a Path,
    /// Told after each step: templates that are there.
    pub progress: &'a dyn Fn(usize),
}

/// Measures.
///
/// # Errors
/// When a peer fails, or finds somebody else.
pub(crate) fn measure(setting: &Setting<'_>, mut peers: Option<&mut Peers>) -> Result<Vec<Row>> {
    let mut random = fastrand::Rng::with_seed(1);
    let gallery = Gallery::new(setting.space.clone());
    let rows_file = setting.scratch.join("rows.f32");
    let mut file = peers.is_some().then(|| File::create(&rows_file).map(BufWriter::new)).transpose()?;
    let mut rows = Vec::new();
    let sizes = match setting.pace {
        Pace::Full => &SIZES[..],
        Pace::Quick => &SIZES[..2],
    };
    let sizes = match (setting.other.is_some(), setting.pace) {
        (true, Pace::Full) => &sizes[sizes.len() - 1..],
        (true, Pace::Quick) => &sizes[..1],
        (false, _) => sizes,
    };
    for &(size, rounds) in sizes {
        let rounds = setting.pace.of(rounds);
        let mut enrolled = Vec::new();
        for face in gallery.len()..size {
            let template = setting.population.stranger(&mut random);
            if let Some(file) = &mut file {
                write_row(file, &template)?;
            }
            let key = i64::try_from(face).unwrap_or(i64::MAX);
            gallery.add(Template { face: key, person: key + 1, added_version: 1, template: &template })?;
            if face % (size / PROBES) == 0 {
                enrolled.push(template);
            }
            if face % 10_000 == 0 {
                (setting.progress)(face);
            }
        }
        let probes: Vec<Vec<f32>> = enrolled
            .iter()
            .rev()
            .take(PROBES)
            .map(|template| setting.population.again(template, setting.again, &mut random))
            .collect();
        if let Some(file) = &mut file {
            file.flush()?;
        }
        rows.extend(one_size(setting, &gallery, &probes, rounds, &rows_file, peers.as_deref_mut())?);
    }
    Ok(rows)
}

fn write_row(file: &mut impl Write, template: &[f32]) -> Result<()> {
    for value in template {
        file.write_all(&value.to_le_bytes()).context("the templates cannot be written for the peers")?;
    }
    Ok(())
}

/// Times of one size, each in turns with the others.
#[derive(Default)]
struct Times {
    floor: Vec<f64>,
    first: Vec<f64>,
    ten: Vec<f64>,
    together: Vec<f64>,
    /// One list for each number of threads.
    faiss: Vec<Vec<f64>>,
}

fn one_size(
    setting: &Setting<'_>,
    gallery: &Gallery,
    raw: &[Vec<f32>],
    rounds: usize,
    rows_file: &Path,
    mut peers: Option<&mut Peers>,
) -> Result<Vec<Row>> {
    let dimension = setting.space.dimension;
    let probes: Vec<Probe> = raw.iter().map(|probe| setting.space.probe(probe)).collect();
    let probes_file = setting.scratch.join("probes.f32");
    if peers.is_some() {
        let mut file = BufWriter::new(File::create(&probes_file)?);
        raw.iter().try_for_each(|probe| write_row(&mut file, probe))?;
        file.flush()?;
    }
    let threads = thread_counts();
    let view = gallery.view();
    let size = view.len();
    // As many bytes as the codes have, read by the same thread: nothing can scan them faster.
    let bytes = vec![[1_u64; 8]; size * dimension / 64];
    let mut times = Times { faiss: vec![Vec::new(); threads.len()], ..Times::default() };
    for round in 0..rounds {
        let probe = &probes[round % probes.len()];
        times.floor.push(wall(|| black_box(read(black_box(&bytes)))).0);
        let (time, found) = wall(|| view.nearest(probe, 1, Visible::All));
        times.first.push(time);
        times.ten.push(wall(|| black_box(view.nearest(probe, 10, Visible::All))).0);
        // It takes as long as a dozen single searches.
        if round % 4 == 0 {
            let (time, _) = wall(|| black_box(view.nearest_many(&probes, 10, Visible::All)));
            times.together.push(time / PROBES as f64);
        }
        let Some(peers) = peers.as_deref_mut().filter(|_| round % 4 == 0) else { continue };
        for (threads, times) in threads.iter().zip(&mut times.faiss) {
            let question = json!({
                "do": "faiss", "rows": rows_file, "probes": probes_file, "dimension": dimension,
                "k": 1, "threads": threads, "turn": round, "together": false, "runs": 1,
                // The file grows from size to size; the peer keys its index by this name.
                "size": size,
            });
            let answer = peers.ask(&question)?;
            times.extend(answer["wall"].as_array().into_iter().flatten().filter_map(Value::as_f64));
            let theirs = answer["nearest"][0].as_i64();
            anyhow::ensure!(
                theirs == found.first().map(|hit| hit.face),
                "faiss and Likeness disagree who is nearest among {size} templates"
            );
        }
    }
    Ok(text(setting, size, times, &threads))
}

fn text(setting: &Setting<'_>, size: usize, times: Times, threads: &[usize]) -> Vec<Row> {
    let Times { floor, first, ten, together, faiss } = times;
    let (floor, first, ten, together) =
        (Series::wall(floor), Series::wall(first), Series::wall(ten), Series::wall(together));
    let whose = setting.other.map_or_else(String::new, |pack| format!(" of {pack}"));
    let of = |what: &str| format!("{size} templates{whose}, {what}");
    let name = "reading the codes";
    // What fits the caches is limited by arithmetic, not by memory: no bar there.
    let is_large = size >= 1_000_000;
    let against_floor = Row::alone(PART, of("nearest 1"), first.clone()).beside(name, floor.clone());
    let mut rows = vec![
        if is_large { against_floor.ratio_at_most(1.3) } else { against_floor },
        Row::alone(PART, of("nearest 10"), ten.clone()).beside(name, floor),
    ];
    let together = Row::alone(PART, of("32 probes at once, nearest 10, each"), together).beside("one alone", ten);
    rows.push(if is_large { together.ratio_at_most(0.5) } else { together });
    let best = faiss
        .into_iter()
        .zip(threads)
        .filter(|(times, _)| !times.is_empty())
        .map(|(times, threads)| (Series::wall(times), threads))
        .min_by(|(a, _), (b, _)| a.median.total_cmp(&b.median));
    if let Some((series, threads)) = best {
        let whose = format!("faiss flat, {threads} thread{}, its best", if *threads == 1 { "" } else { "s" });
        let row = Row::alone(PART, of("nearest 1"), first).beside(whose, series);
        rows.push(if is_large { row.faster_by(4.0) } else { row });
    }
    rows
}

/// One thread, and all there are.
fn thread_counts() -> Vec<usize> {
    match std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
        1 => vec![1],
        all => vec![1, all],
    }
}

/// Reads every byte once.
fn read(bytes: &[[u64; 8]]) -> u64 {
    let mut sums = [0_u64; 8];
    for line in bytes {
        for (sum, word) in sums.iter_mut().zip(line) {
            *sum ^= word;
        }
    }
    sums.iter().fold(0, |all, sum| all ^ sum)
}

/// How far apart strangers lie: mean and standard deviation of the distances of all pairs. It says whether what is
/// searched looks like what will be.
#[expect(clippy::cast_precision_loss, reason = "some thousand pairs")]
pub(crate) fn strangers(templates: &[&[f32]]) -> (f64, f64) {
    let mut distances = Vec::new();
    for (at, first) in templates.iter().enumerate() {
        for second in &templates[..at] {
            distances.push(f64::from(likeness_gallery::distance(first, second)));
        }
    }
    let n = distances.len().max(1) as f64;
    let mean = distances.iter().sum::<f64>() / n;
    let deviation = (distances.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
    (mean, deviation)
}
