//! The `likeness` program: HTTP, keys, jobs and the command line around the crates that do one thing each.
//!
//! Start at [`cli::run`]. Only this crate knows all the others; it owns the one clock and the one source of
//! randomness, reads the configuration, and prints.

mod admin;
mod bench;
pub mod cli;
mod config;
mod face;
mod http;
mod openapi;
mod start;
#[doc(hidden)]
pub mod strangers;
mod unicode;
