//! Presentation attack detection: captures that are played in virtual time, and the error rates of what came of them.
//!
//! Start at [`play`].

mod play;

pub use play::{Played, play};
