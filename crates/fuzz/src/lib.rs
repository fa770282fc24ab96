//! Every parser of bytes from outside, by itself: an answer or a refusal, never a panic.
//!
//! Start at [`TARGETS`], the one list. `make fuzz` gives each target to libFuzzer (`src/bin/fuzzer.rs`), which looks for
//! inputs that reach new code; `tests/replay.rs` feeds each its seeds and damaged copies of them with every `cargo test`.
//! A target that is in the list is in both.
//!
//! Seeds are the files of `corpus/NAME` and what [`Target::seeds`] makes: pictures and tokens are made, not kept. Inputs
//! that once broke a parser are among the files. This crate is no part of serving.

mod accounts;
mod keys;
mod liveness;
mod models;
mod pictures;
mod requests;
mod tokens;

use std::path::{Path, PathBuf};

/// A parser, with inputs to begin with.
pub struct Target {
    /// Its name, and that of its folder in `corpus`.
    pub name: &'static str,
    /// Feeds it; whether the input was accepted. A panic is a fault.
    pub feed: fn(&[u8]) -> bool,
    /// Inputs that are made.
    made: fn() -> Vec<Vec<u8>>,
}

/// All parsers of bytes from outside.
pub const TARGETS: &[&[Target]] = &[
    requests::TARGETS,
    liveness::TARGETS,
    keys::TARGETS,
    accounts::TARGETS,
    tokens::TARGETS,
    pictures::TARGETS,
    models::TARGETS,
];

/// The targets, one after the other.
pub fn targets() -> impl Iterator<Item = &'static Target> {
    TARGETS.iter().copied().flatten()
}

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    targets().find(|target| target.name == name)
}

/// Where the files of all targets are.
pub fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

impl Target {
    /// A target whose seeds are files.
    const fn of(name: &'static str, feed: fn(&[u8]) -> bool) -> Self {
        Self { name, feed, made: Vec::new }
    }

    /// A target that has seeds besides its files.
    const fn with(name: &'static str, feed: fn(&[u8]) -> bool, made: fn() -> Vec<Vec<u8>>) -> Self {
        Self { name, feed, made }
    }

    /// Inputs to begin with, the same each time: the files in the order of their names, then what is made.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn seeds(&self) -> std::io::Result<Vec<Vec<u8>>> {
        let folder = corpus().join(self.name);
        let mut files = Vec::new();
        if folder.is_dir() {
            files = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
            files.sort();
        }
        let mut seeds = files.iter().map(std::fs::read).collect::<std::io::Result<Vec<_>>>()?;
        seeds.extend((self.made)());
        Ok(seeds)
    }
}

/// An input as text; what is no UTF-8 is replaced, as it is before such a parser.
fn text(input: &[u8]) -> String {
    String::from_utf8_lossy(input).into_owned()
}
