//! Anything at all, thrown at every parser of strangers' bytes: an answer or a refusal, never a panic.
//!
//! Each target gets its corpus and then inputs made from it by small damages, from a seed: 1,000 in a usual run. `make fuzz`
//! goes on for longer with a seed of its own (`LIKENESS_FUZZ_RUNS`, `LIKENESS_FUZZ_SEED`). What breaks a parser is written to
//! `target/fuzz`; mend it, and put the input into `tests/corpus`.

use image::{DynamicImage, ImageFormat, RgbImage};
use likeness::strangers;
use likeness_vision::{Limits, Picture};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// Feeds a target; `try_out` says whether the input was accepted.
fn fuzz(target: &str, corpus: &[Vec<u8>], try_out: impl Fn(&[u8]) -> bool) {
    let (runs, seed) = (number("LIKENESS_FUZZ_RUNS", 1_000), number("LIKENESS_FUZZ_SEED", 1));
    let mut random = fastrand::Rng::with_seed(seed);
    let mut accepted = 0_u64;
    let mut feed = |input: &[u8]| match catch_unwind(AssertUnwindSafe(|| try_out(input))) {
        Ok(taken) => accepted += u64::from(taken),
        Err(_) => {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/fuzz");
            std::fs::create_dir_all(&folder).expect("a folder");
            let file = folder.join(format!("{target}-{seed}"));
            std::fs::write(&file, input).expect("the input can be kept");
            panic!("{target} panicked; the input is in {}", file.display());
        }
    };
    corpus.iter().for_each(|input| feed(input));
    for _ in 0..runs {
        feed(&damaged(corpus, &mut random));
    }
    // If nothing or everything passes, the damages are of no use.
    assert!(accepted > 0 && accepted < runs, "{target}: {accepted} of {runs} were accepted");
}

/// One of the corpus with a few damages.
fn damaged(corpus: &[Vec<u8>], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut input = random.choice(corpus).expect("a corpus").clone();
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
                let other = random.choice(corpus).expect("a corpus");
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

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name);
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("a corpus").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).expect("an input")).collect()
}

fn text(input: &[u8]) -> String {
    String::from_utf8_lossy(input).into_owned()
}

#[test]
fn json_bodies() {
    fuzz("json", &corpus("json"), strangers::json);
}

#[test]
fn target_faces() {
    fuzz("target_face", &corpus("target_face"), |input| strangers::target_face(&text(input)));
}

#[test]
fn query_strings() {
    fuzz("query", &corpus("query"), |input| strangers::query(&text(input)));
}

#[test]
fn paths() {
    fuzz("path", &corpus("path"), |input| strangers::path(&text(input)));
}

/// Pictures are made, not kept: small ones of every format and kind that we read.
#[test]
fn pictures() {
    let rgb = DynamicImage::from(RgbImage::from_fn(37, 23, |x, y| image::Rgb([x as u8 * 7, y as u8 * 11, 99])));
    let kinds =
        [rgb.clone(), rgb.to_luma8().into(), rgb.to_rgba8().into(), rgb.to_rgb16().into(), rgb.to_luma16().into()];
    let mut corpus = Vec::new();
    for picture in &kinds {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::Bmp] {
            let mut bytes = Cursor::new(Vec::new());
            // Not every format holds every kind.
            if picture.write_to(&mut bytes, format).is_ok() {
                corpus.push(bytes.into_inner());
            }
        }
    }
    assert!(corpus.len() >= 8, "{} pictures", corpus.len());
    // Small limits, so that a header that lies is refused and not obeyed.
    let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
    fuzz("picture", &corpus, |input| Picture::decode(input, &limits).is_ok());
}
