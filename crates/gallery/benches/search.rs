//! How near is a search to the speed of memory?
//!
//! `cargo bench -p likeness-gallery` prints, for galleries of 10 thousand, 100 thousand and a million templates of 128
//! numbers, the time of a search on one thread and its ratio to the *floor*: the time that the same thread needs to
//! read as many bytes as the codes have, and nothing else. Floor and search take turns, so that both meet the same
//! machine; the ratio is of medians, and in brackets of the best times, which other work on the machine disturbs least.
//! A gallery that fits the caches is limited by arithmetic instead.
//!
//! Templates are drawn around a common mean like real ones (norm 0.92, unit length), each probe lies near one of them.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use likeness_gallery::{Gallery, Probe, Row, Snapshot, Space, Visible};
use std::hint::black_box;
use std::time::{Duration, Instant};

const DIMENSION: usize = 128;
const PROBES: usize = 32;

/// Norm of the mean template of the default pack (`storage-and-search.md` 2.1).
const MEAN_NORM: f32 = 0.92;

fn main() {
    println!("one thread, {DIMENSION} numbers, median ms; ratio to the memory floor (of the best times)");
    println!(
        "{:>9} {:>4} {:>7} {:>9} {:>9} {:>15}   32 probes, each",
        "templates", "k", "floor", "one probe", "p99", "ratio"
    );
    let mut random = fastrand::Rng::with_seed(1);
    let mean = scaled_to(MEAN_NORM, draw(&mut random));
    let space = Space::new(DIMENSION, &mean).expect("a space");
    let gallery = Gallery::new(space.clone());
    let mut enrolled = Vec::new();
    for (templates, rounds) in [(10_000, 400), (100_000, 100), (1_000_000, 30)] {
        let started = Instant::now();
        let already = gallery.len();
        for face in already..templates {
            let template = around(&mean, 1.0 - MEAN_NORM * MEAN_NORM, &mut random);
            let row = Row { face: face as i64, person: face as i64 / 3 + 1, added_version: 1, template: &template };
            gallery.add(row).expect("a finite template");
            if face % (templates / PROBES) == 0 {
                enrolled.push(template);
            }
        }
        let each = started.elapsed() / u32::try_from(templates - already).expect("a small number");
        println!(
            "added {} templates, {each:?} each (drawing them included), {} MB",
            templates - already,
            gallery.memory_bytes() >> 20
        );
        // Squared distance 0.08, about 0.28: another photo of the same person.
        let probes: Vec<Probe> = enrolled
            .iter()
            .rev()
            .take(PROBES)
            .map(|template| space.probe(&around(template, 0.08, &mut random)))
            .collect();
        let snapshot = gallery.snapshot();
        let bytes = vec![[1_u64; 8]; templates * DIMENSION / 64];
        for k in [1, 10, 100] {
            compare(&snapshot, &probes, k, rounds, &bytes);
        }
    }
}

fn compare(snapshot: &Snapshot, probes: &[Probe], k: usize, rounds: usize, bytes: &[[u64; 8]]) {
    let (mut floor, mut single, mut many) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        floor.push(timed(|| black_box(read(black_box(bytes)))));
        let probe = &probes[round % probes.len()];
        single.push(timed(|| black_box(snapshot.nearest(probe, k, Visible::All))));
        // Every fourth time: it takes as long as a dozen single searches.
        if round % 4 == 0 {
            many.push(timed(|| black_box(snapshot.nearest_many(probes, k, Visible::All))) / probes.len() as f64);
        }
    }
    let (typical, best) = (quantile(&mut floor, 0.5), quantile(&mut floor, 0.0));
    let (one, slow, each) = (quantile(&mut single, 0.5), quantile(&mut single, 0.99), quantile(&mut many, 0.5));
    let (one_best, each_best) = (quantile(&mut single, 0.0), quantile(&mut many, 0.0));
    println!(
        "{:>9} {k:>4} {typical:>7.3} {one:>9.3} {slow:>9.3} {:>6.2} ({:>5.2})   {each:>7.3}, {:.2} ({:.2}) x of one alone",
        snapshot.len(),
        one / typical,
        one_best / best,
        each / one,
        each_best / one_best,
    );
}

/// Milliseconds.
fn timed<R>(work: impl FnOnce() -> R) -> f64 {
    let started = Instant::now();
    black_box(work());
    started.elapsed().max(Duration::from_nanos(1)).as_secs_f64() * 1e3
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

fn quantile(times: &mut [f64], share: f64) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * share) as usize]
}

fn draw(random: &mut fastrand::Rng) -> Vec<f32> {
    let normal = |random: &mut fastrand::Rng| {
        let (u, v) = (1.0 - random.f64(), random.f64());
        ((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()) as f32
    };
    (0..DIMENSION).map(|_| normal(random)).collect()
}

fn scaled_to(length: f32, mut template: Vec<f32>) -> Vec<f32> {
    let norm = template.iter().map(|x| x * x).sum::<f32>().sqrt();
    template.iter_mut().for_each(|x| *x *= length / norm);
    template
}

/// A template of unit length at about this squared distance.
fn around(center: &[f32], squared_distance: f32, random: &mut fastrand::Rng) -> Vec<f32> {
    let apart = scaled_to(squared_distance.sqrt(), draw(random));
    scaled_to(1.0, center.iter().zip(apart).map(|(c, x)| c + x).collect())
}
