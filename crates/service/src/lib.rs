//! What the program does for every API: access, accounts, the ledger, galleries, inference, jobs.
//!
//! Start at [`app::App`], everything put together. This crate knows no API and no HTTP but the client that fetches what
//! others name; it owns the one clock and the one source of randomness.

pub mod access;
pub mod accounts;
pub mod app;
pub mod clock;
pub mod config;
pub mod engine;
pub mod fetch;
pub mod files;
#[doc(hidden)]
pub mod fuzz_targets;
pub mod galleries;
pub mod inference;
pub mod interruptible;
pub mod jobs;
pub mod key_holders;
pub mod kinds;
pub mod leases;
pub mod ledger;
pub mod limited_access;
pub mod limited_attributes;
pub mod limits;
pub mod liveness;
pub mod meter;
pub mod misses;
pub mod networks;
pub mod randomness;
pub mod recognisers;
pub mod shares;
pub mod stored_templates;
pub mod templates;
pub mod trainings;
pub mod worker_networks;
