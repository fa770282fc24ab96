//! The store through its public interface. `conformance` is the list of what every backend must do; the other
//! modules look at what only one backend has: files, keys on disk, damage.
#![expect(clippy::unwrap_used, reason = "a test fails where something is not as it must be")]

mod conformance;
mod former;
mod key_file;
mod postgres;
mod scene;
mod schema;
mod sqlite;
