//! Tests through the public door of the gallery.

mod calibrate;
mod calibration;
mod concurrent;
mod decisions;
mod draw;
mod evaluate;
mod group;
mod search;
