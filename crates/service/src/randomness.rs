//! The one source of randomness. Everything else takes it as an argument.

use likeness_base::{Randomness, random_bytes};
use uuid::Uuid;

/// A random id.
pub fn random_id(randomness: &dyn Randomness) -> Uuid {
    uuid::Builder::from_random_bytes(random_bytes(randomness)).into_uuid()
}

/// The operating system's source of random bytes.
#[derive(Debug)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system has random bytes; going on without would be unsafe");
    }
}
