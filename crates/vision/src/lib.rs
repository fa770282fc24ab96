//! Being written.

pub mod engine;
