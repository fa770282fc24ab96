//! Every target on its seeds and on damaged copies of them, without instruments: an answer or a refusal, never a panic, and
//! never an endless one. `make fuzz` looks further.

use likeness_fuzz::{Target, corpus, targets};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// No input may keep a parser busy for longer, on a machine with other things to do.
const LONGEST: Duration = Duration::from_secs(10);
/// Damaged inputs for each target.
const RUNS: usize = 1_000;
/// Bytes of the whole corpus: it is part of every checkout.
const MOST_BYTES: u64 = 300 * 1024;

#[test]
fn nothing_breaks_a_parser() {
    let waiting = Mutex::new(targets());
    let next = || waiting.lock().expect("nobody panics with it").next();
    let work = || std::iter::from_fn(next).filter_map(|target| broken(target).err()).collect::<Vec<String>>();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let faults: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a fault is told, not raised")).collect()
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Feeds a target. The error says what happened and where the input is.
fn broken(target: &Target) -> Result<(), String> {
    let name = target.name;
    let seeds = target.seeds().map_err(|error| format!("{name}: its corpus cannot be read: {error}"))?;
    if seeds.is_empty() {
        return Err(format!("{name}: has no seeds; put some into {}", corpus().join(name).display()));
    }
    let mut random = fastrand::Rng::with_seed(1);
    let damages = (0..RUNS).map(|_| damaged(&seeds, &mut random));
    let mut accepted = 0;
    for input in seeds.iter().cloned().chain(damages) {
        let begun = Instant::now();
        let what = match catch_unwind(AssertUnwindSafe(|| (target.feed)(&input))) {
            Ok(_) if begun.elapsed() > LONGEST => "took too long",
            Ok(taken) => {
                accepted += usize::from(taken);
                continue;
            }
            Err(_) => "panicked",
        };
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let file = folder.join(format!("{name}-broken"));
        std::fs::write(&file, &input).map_err(|error| format!("{name} {what}, and the input is lost: {error}"))?;
        return Err(format!("{name} {what}; the input is in {}", file.display()));
    }
    // If nothing or everything passes, the damages are of no use.
    let all = seeds.len() + RUNS;
    if accepted == 0 || accepted == all { Err(format!("{name}: {accepted} of {all} were accepted")) } else { Ok(()) }
}

/// One of the seeds with a few damages.
fn damaged(seeds: &[Vec<u8>], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut input = random.choice(seeds).expect("there are seeds").clone();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(..=input.len());
        let length = random.usize(..16).min(input.len() - at);
        match random.u8(..8) {
            0 => input.truncate(at),
            1 => drop(input.drain(at..at + length)),
            2 => input.insert(at, random.u8(..)),
            3 => {
                let copy = input[at..at + length].to_vec();
                input.splice(at..at, copy);
            }
            4 => {
                let other = random.choice(seeds).expect("there are seeds");
                let from = random.usize(..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            5 => {
                // Lengths and counts break at their ends.
                let value = random.choice([0_u8, 1, 0x7f, 0x80, 0xff]).expect("a value");
                input[at..at + length].fill(value);
            }
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << random.u8(..8);
                }
            }
        }
    }
    input
}

/// A folder that no target reads would be fuzzed by nobody.
#[test]
fn the_corpus_is_that_of_the_targets_and_small() {
    let names: BTreeSet<&str> = targets().map(|target| target.name).collect();
    assert_eq!(names.len(), targets().count(), "two targets have one name");
    let mut bytes = 0;
    for folder in std::fs::read_dir(corpus()).expect("a corpus") {
        let folder = folder.expect("an entry").path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        assert!(names.contains(name.as_str()), "no target is called {name}");
        for file in std::fs::read_dir(&folder).expect("a folder for each target") {
            bytes += file.expect("an entry").metadata().expect("its length").len();
        }
    }
    assert!(bytes < MOST_BYTES, "the corpus has {bytes} bytes; keep it below {MOST_BYTES}");
}
