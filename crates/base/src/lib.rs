//! The types that every crate shares: a moment ([`Timestamp`]), a value that must not be printed ([`Secret`]),
//! the two effects that cores take as arguments ([`Clock`], [`Randomness`]), and how a stored document says its format
//! ([`write_document`]).
//!
//! Start at [`Secret`]. This crate has no behaviour of its own: it never reads the machine's clock
//! or for random bytes. The server supplies both; tests supply their own.

mod document;
mod secret;
mod time;

pub use document::{DocumentProblem, read_document, write_document};
pub use secret::Secret;
pub use time::{Clock, Timestamp};

/// A source of random bytes fit for keys, nonces and identifiers.
pub trait Randomness: Send + Sync {
    /// Fills the whole buffer. An implementation that cannot do so must stop the program:
    /// continuing with predictable bytes would be worse than an outage.
    fn fill(&self, buffer: &mut [u8]);
}

/// Draws a fixed number of random bytes.
pub fn random_bytes<const N: usize>(randomness: &dyn Randomness) -> [u8; N] {
    let mut bytes = [0; N];
    randomness.fill(&mut bytes);
    bytes
}
