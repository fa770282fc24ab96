//! The crate through its public interface: each rule as a table, each attack as an event.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test, which is what it is for")]

mod attacks;
mod captures;
mod chain;
mod challenges;
mod correlation;
mod device;
mod messages;
mod names;
mod random;
mod session;
mod verdicts;
