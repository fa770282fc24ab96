//! Results of token checks by the token's digest, so that a signature is checked once and not with every call.

use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

/// Tokens that are kept; beyond, those that are used least are dropped.
const MOST: usize = 10_000;

/// A memory of checked tokens. The tokens themselves are not in it.
pub(super) struct TokenCache<T>(Cache<[u8; 32], (T, i64)>);

impl<T: Clone> TokenCache<T> {
    pub(super) fn new() -> Self {
        Self(Cache::new(MOST))
    }

    /// What is known of a token that has not ended by then.
    pub(super) fn get(&self, digest: &[u8; 32], now: i64) -> Option<T> {
        self.0.get(digest).filter(|(_, ends)| *ends > now).map(|(value, _)| value)
    }

    pub(super) fn put(&self, digest: [u8; 32], value: T, ends: i64) {
        self.0.insert(digest, (value, ends));
    }
}

/// The digest of a token.
pub(super) fn digest_of(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_used_outlives_many_that_are_not() {
        let remembered = TokenCache::new();
        let of = |number: usize| digest_of(&number.to_string());
        remembered.put(of(0), 0, 100);
        for number in 1..5 * MOST {
            assert_eq!(remembered.get(&of(0), 99), Some(0), "after {number}");
            remembered.put(of(number), number, 100);
        }
        assert_eq!(remembered.get(&of(0), 100), None, "it has ended");
    }
}
