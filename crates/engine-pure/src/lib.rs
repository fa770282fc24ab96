//! Runs networks in pure Rust: the fallback where the shared library of ONNX Runtime is missing.
//!
//! Start at [`PureRust::new`]. It is the `rten` runtime behind our narrow interface; `docs/adr/0002-pure-rust-engine.md`
//! says why this one. It needs no file, no library and no special processor, answers as ONNX Runtime does to
//! within rounding (`tests/it/equality.rs`) and costs about three and a half times as much processor time per face.
//!
//! The crate knows nothing of where networks come from or what their numbers mean.
//!
//! # What a bad network can do
//!
//! It is answered with an error. `rten` promises memory safety for every file; where it would run for ever on a
//! damaged file, the file is refused before it (`wire.rs`), and where it stops at an assertion, the stop is caught.
//! Time and memory of a network that is well formed but asks for too much are **not** limited. Whoever loads a file
//! decides whether to trust it; the model packs do so by hash.
//!
//! # What `rten` does not read
//!
//! Files written by the third version of the protocol buffer format, which packs lists of whole numbers. ONNX itself
//! is defined in the second, and the exporters in use write that.
//!
//! # Threads
//!
//! Each network has one thread of its own, which works while [`run`](likeness_vision::engine::Network::run) waits for
//! it. Besides, `rten` makes the pool it would use by default, one sleeping thread for each core.

mod engine;
mod network;
mod wire;

pub use engine::PureRust;
