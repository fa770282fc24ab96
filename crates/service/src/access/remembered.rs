//! What was found out about a token, by its digest, so that a signature is checked once and not with every call.

use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// Tokens that are remembered; when there are more, those that ended are forgotten, and then all.
const MOST: usize = 10_000;

/// A memory of checked tokens. The tokens themselves are not in it.
pub(super) struct Remembered<T> {
    known: RwLock<HashMap<[u8; 32], (T, i64)>>,
}

impl<T: Clone> Remembered<T> {
    pub(super) fn new() -> Self {
        Self { known: RwLock::default() }
    }

    /// What is known of a token that has not ended by then.
    pub(super) fn get(&self, digest: &[u8; 32], now: i64) -> Option<T> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(digest).filter(|(_, ends)| *ends > now).map(|(value, _)| value.clone())
    }

    pub(super) fn put(&self, digest: [u8; 32], value: T, ends: i64, now: i64) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, (_, ends)| *ends > now);
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(digest, (value, ends));
    }
}

/// The digest of a token.
pub(super) fn digest_of(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
