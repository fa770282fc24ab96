//! Presentation attack detection: captures that are played in virtual time, and the error rates of what came of them.
//!
//! Start at [`Clip`] for the matrix of rendered people and attacks, at [`play`] for one capture, at [`Tally`] for what is
//! counted. The words are those of ISO/IEC 30107-3: of attacks, *APCER* is the share taken for a person; of people, *BPCER* the
//! share that was refused.
//!
//! What this crate does not know: files, networks of computers, the clock, the command line.

mod matrix;
mod people;
mod play;
mod rates;

pub use matrix::{Clip, ClipProblem, Light, Presentation, Response, Tally};
pub use people::people;
pub use play::{NotPlayed, Played, play};
pub use rates::Rate;
