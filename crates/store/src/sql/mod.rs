//! Commands and queries in SQL: one text, compiled once for each engine.
//!
//! Each engine includes this folder as a module of its own and says in its module `engine` what `Connection` and
//! `EngineRow` are, so every statement is checked and run with the engine's own types and driver. What both engines
//! understand alike stands here as it is; the few words in which they differ are macros that the engine defines
//! before it includes this folder: `ids_in!` and `numbers_in!` (a bound JSON list as rows) and `then_join!` (a join
//! that must keep its order where the planner needs to be told).
//!
//! All parameters are numbered (`$1`), all numbers are 64 bits, all moments are milliseconds.

pub(crate) mod delete;
pub(crate) mod engine_store;
pub(crate) mod key_ring;
pub(crate) mod read;
mod transfer;
pub(crate) mod write;

use super::engine;
