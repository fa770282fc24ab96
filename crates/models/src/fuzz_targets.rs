//! The reader of a pack's manifest by itself, for fuzzing. Nothing here is part of the crate's interface.

use crate::Pack;

/// `pack.json`, if it makes sense.
pub fn pack(json: &[u8]) -> Option<Pack> {
    Pack::parse(json).ok()
}
