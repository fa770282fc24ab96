//! The `likeness` program: HTTP, keys, jobs and the command line around the crates that do one thing each.
//!
//! Start at [`cli::run`]. Only this crate knows all the others; it owns the one clock and the one source of
//! randomness, reads the configuration, and prints.

mod bench;
pub mod cli;
mod config;
mod judge;
mod start;

#[doc(hidden)]
pub use likeness_http::Row;

/// Every row of every route table that is served.
#[doc(hidden)]
pub fn rows() -> Vec<Row> {
    likeness_api::apis().rows()
}
