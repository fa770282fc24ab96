//! The crate through its public interface: one table for each rule, and random input for every parser.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test, which is what it is for")]

mod bearer;
mod features;
mod keys;
mod limited;
mod network;
mod noise;
mod notice;
mod report;
mod resource;
mod retention;
mod roles;
mod settings;
mod sign;
mod webauthn;
