//! Presentation attack detection: captures that are played in virtual time, and the error rates of what came of them.
//!
//! Start at [`Clip`] for the matrix of rendered people and attacks, at [`play`] for one capture, at [`replay`] for one that was kept, at
//! [`Tally`] for what is counted. The words are those of ISO/IEC 30107-3: of attacks, *APCER* is the share taken for a person; of people, *BPCER* the
//! share that was refused.
//!
//! What this crate does not know: files, networks of computers, the clock, the command line.

mod led;
mod matrix;
mod people;
mod play;
mod rates;
mod replay;

pub use matrix::{Came, Clip, ClipProblem, Light, Presentation, Tally};
pub use people::people;
pub use play::{Kept, NotPlayed, Played, Response, play};
pub use rates::Rate;
pub use replay::{NotReplayed, Replayed, replay};
