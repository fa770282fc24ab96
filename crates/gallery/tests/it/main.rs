//! The crate through its public interface.

mod calibrate;
mod calibration;
mod concurrent;
mod decisions;
mod draw;
mod evaluate;
mod group;
mod search;
