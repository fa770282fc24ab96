//! Guessed keys: an address that sends wrong ones too often is told for a while to come back later, and nothing more is done
//! for what it guesses. What is right is let in all the same: the look-up is by a keyed digest of 256 random bits, so being
//! deaf to a right key would protect nothing, and one forgotten device with an old key must not lock out its whole office.

use crate::clock::instant;
use governor::clock::DefaultClock;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use likeness_rules::network_of;
use std::collections::HashMap;
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
/// Addresses that are remembered.
const MOST_REMEMBERED: usize = 10_000;

/// The count of wrong keys by address. A whole /64 counts as one, because one machine has as many.
pub(super) struct GuessLimiter {
    failures: RateLimiter<IpAddr, HashMapStateStore<IpAddr>, DefaultClock>,
    blocked: RwLock<HashMap<IpAddr, Instant>>,
}

impl GuessLimiter {
    pub(super) fn new() -> Self {
        let quota = Quota::with_period(FORGIVE_EVERY).expect("the period is not zero").allow_burst(BURST);
        Self { failures: RateLimiter::hashmap(quota), blocked: RwLock::default() }
    }

    /// The seconds for which refusals to this address are still slowed.
    pub(super) fn blocked_for(&self, address: IpAddr) -> Option<u32> {
        let address = network_of(address);
        let until = self.blocked.read().unwrap_or_else(PoisonError::into_inner).get(&address).copied()?;
        let left = until.saturating_duration_since(instant());
        (!left.is_zero()).then(|| u32::try_from(left.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX))
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_guesses_is_slowed() {
        let guesses = GuessLimiter::new();
        let [office, home] = ["2001:db8::1", "10.0.0.1"].map(|text| text.parse::<IpAddr>().unwrap());
        let neighbour: IpAddr = "2001:db8::2".parse().unwrap();
        for _ in 0..100 {
            guesses.record_failure(office);
            assert_eq!(guesses.blocked_for(office), None);
        }
        guesses.record_failure(office);
        let left = guesses.blocked_for(office).expect("it sent too many");
        assert!((1..=10).contains(&left), "{left}");
        assert!(guesses.blocked_for(neighbour).is_some(), "of the same network");
        assert_eq!(guesses.blocked_for(home), None);
    }
}
