//! Guessed keys: an address that sends wrong ones too often is blocked for a while. Keys that were right from there before
//! still work: one forgotten device with an old key must not lock out its whole office.

use crate::clock::instant;
use governor::clock::DefaultClock;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use likeness_rules::network_of;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Wrong keys that one address may send at once.
const BURST: NonZeroU32 = NonZeroU32::new(100).expect("not zero");
/// After which one more is forgiven.
const FORGIVE_EVERY: Duration = Duration::from_secs(1);
/// How long an address that sent too many is blocked.
const BLOCKED_FOR: Duration = Duration::from_secs(10);
/// Addresses and keys that are remembered.
const MOST_REMEMBERED: usize = 10_000;

/// The count of wrong keys by address. A whole /64 counts as one, because one machine has as many.
pub(super) struct GuessLimiter {
    failures: RateLimiter<IpAddr, HashMapStateStore<IpAddr>, DefaultClock>,
    blocked: RwLock<HashMap<IpAddr, Instant>>,
    good: RwLock<HashSet<(IpAddr, [u8; 32])>>,
}

impl GuessLimiter {
    pub(super) fn new() -> Self {
        let quota = Quota::with_period(FORGIVE_EVERY).expect("the period is not zero").allow_burst(BURST);
        Self { failures: RateLimiter::hashmap(quota), blocked: RwLock::default(), good: RwLock::default() }
    }

    /// Whether to check credentials from this address, by their digest.
    ///
    /// # Errors
    /// The seconds for which the address is still blocked.
    pub(super) fn check(&self, address: IpAddr, digest: &[u8; 32]) -> Result<(), u32> {
        let address = network_of(address);
        let until = self.blocked.read().unwrap_or_else(PoisonError::into_inner).get(&address).copied();
        let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(instant()));
        if left.is_zero() || self.is_good(address, digest) {
            return Ok(());
        }
        Err(u32::try_from(left.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX))
    }

    /// Records that the credentials were right.
    pub(super) fn record_success(&self, address: IpAddr, digest: &[u8; 32]) {
        let address = network_of(address);
        if self.is_good(address, digest) {
            return;
        }
        let mut good = self.good.write().unwrap_or_else(PoisonError::into_inner);
        if good.len() >= MOST_REMEMBERED {
            good.clear();
        }
        good.insert((address, *digest));
    }

    /// Records that they were wrong.
    pub(super) fn record_failure(&self, address: IpAddr) {
        let address = network_of(address);
        if self.failures.len() >= MOST_REMEMBERED {
            self.failures.retain_recent();
        }
        if self.failures.check_key(&address).is_ok() {
            return;
        }
        let mut blocked = self.blocked.write().unwrap_or_else(PoisonError::into_inner);
        if blocked.len() >= MOST_REMEMBERED {
            let now = instant();
            blocked.retain(|_, until| *until > now);
        }
        if blocked.insert(address, instant() + BLOCKED_FOR).is_none_or(|until| until < instant()) {
            tracing::warn!("An address sent too many wrong keys and is blocked for {} s", BLOCKED_FOR.as_secs());
        }
    }

    fn is_good(&self, address: IpAddr, digest: &[u8; 32]) -> bool {
        self.good.read().unwrap_or_else(PoisonError::into_inner).contains(&(address, *digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guessing_address_is_blocked_and_known_keys_still_work() {
        let guesses = GuessLimiter::new();
        let [office, home] = ["2001:db8::1", "10.0.0.1"].map(|text| text.parse::<IpAddr>().unwrap());
        let neighbour: IpAddr = "2001:db8::2".parse().unwrap();
        guesses.record_success(neighbour, &[7; 32]);
        for _ in 0..100 {
            guesses.record_failure(office);
            assert_eq!(guesses.check(office, &[1; 32]), Ok(()));
        }
        guesses.record_failure(office);
        let left = guesses.check(office, &[1; 32]).unwrap_err();
        assert!((1..=10).contains(&left), "{left}");
        assert!(guesses.check(neighbour, &[2; 32]).is_err(), "of the same network");
        assert_eq!(guesses.check(neighbour, &[7; 32]), Ok(()), "was right before");
        assert_eq!(guesses.check(home, &[1; 32]), Ok(()));
    }
}
