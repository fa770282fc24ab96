//! The `likeness` program: HTTP, keys, jobs and the command line around the crates that do one thing each.
//!
//! Start at [`cli::run`]. Only this crate knows all the others; it owns the one clock and the one source of
//! randomness, reads the configuration, and prints.

mod access;
mod admin;
mod app;
mod bench;
pub mod cli;
mod config;
mod custody;
mod effects;
mod engine;
mod face;
mod fetch;
mod files;
mod galleries;
mod held;
mod http;
mod inference;
mod jobs;
mod kinds;
mod leases;
mod ledger;
mod limited_attributes;
mod limits;
mod meter;
mod networks;
mod openapi;
mod recognisers;
mod sight;
mod start;
#[doc(hidden)]
pub mod strangers;
mod templates;
mod trainings;
mod unicode;
