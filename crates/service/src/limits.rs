//! What an account may hold and how fast it may call: the tiers of the public service (`face-api.md` 3.9).
//!
//! Start at [`Limits`]. Who hosts Likeness for themselves needs no limits, so [`Tier::Unlimited`] is the default; the
//! others are there for operators who host it for many, and for clients that want to be tested against them.

use crate::access::AccountState;
use crate::shares::Owner;
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{NotUntil, Quota, RateLimiter};
use likeness_store::{AccountId, ContainerKind};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use std::time::Duration;

/// How much an account has been given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tier {
    /// No limit but those that every tier has: faces of one person.
    #[default]
    #[serde(rename = "unlimited")]
    Unlimited,
    /// The free tier.
    F0,
    /// The standard tier.
    S0,
    /// The enterprise tier: as [`Tier::S0`], with keys of the customer's own.
    E0,
}

impl Tier {
    /// Reads the name of a tier, in any letter case.
    pub fn parse(text: &str) -> Option<Self> {
        let names = [("unlimited", Self::Unlimited), ("F0", Self::F0), ("S0", Self::S0), ("E0", Self::E0)];
        names.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, tier)| tier)
    }

    /// Its name.
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::Unlimited => "unlimited",
            Self::F0 => "F0",
            Self::S0 => "S0",
            Self::E0 => "E0",
        }
    }

    /// Containers of a kind.
    pub const fn containers(self, kind: ContainerKind) -> Option<u64> {
        use ContainerKind as K;
        match (self, kind) {
            // Snapshots are copies of what is counted already: every tier bounds them, the contract none.
            (Self::F0, K::Snapshot) => Some(10),
            (_, K::Snapshot) => Some(1_000),
            (Self::Unlimited, _) | (_, K::PersonDirectory | K::DynamicPersonGroup) => None,
            (_, K::FaceList) | (Self::F0, K::LargeFaceList) => Some(64),
            (Self::F0, K::PersonGroup | K::LargePersonGroup) => Some(1_000),
            (Self::S0 | Self::E0, _) => Some(1_000_000),
        }
    }

    /// Snapshots that the account may offer to one other account at a time.
    pub const fn offers(self) -> Option<u64> {
        Some(match self {
            Self::F0 => 10,
            _ => 100,
        })
    }

    /// Faces of one list.
    pub const fn faces(self, kind: ContainerKind) -> Option<u64> {
        use ContainerKind as K;
        match (self, kind) {
            (Self::F0, K::FaceList | K::LargeFaceList) | (Self::S0 | Self::E0, K::FaceList) => Some(1_000),
            (Self::S0 | Self::E0, K::LargeFaceList) => Some(1_000_000),
            _ => None,
        }
    }

    /// Persons of one group, or of the directory.
    pub const fn persons(self, kind: ContainerKind) -> Option<u64> {
        use ContainerKind as K;
        match (self, kind) {
            (Self::F0, K::PersonGroup | K::LargePersonGroup | K::PersonDirectory) => Some(1_000),
            (Self::S0 | Self::E0, K::PersonGroup) => Some(10_000),
            (Self::S0 | Self::E0, K::LargePersonGroup) => Some(1_000_000),
            // Some versions of the public text say 20 million; the newer number stands.
            (Self::S0 | Self::E0, K::PersonDirectory) => Some(75_000_000),
            _ => None,
        }
    }

    /// Persons of all groups of a kind together.
    pub const fn persons_in_all(self, kind: ContainerKind) -> Option<u64> {
        use ContainerKind as K;
        match (self, kind) {
            (Self::F0, K::PersonGroup | K::LargePersonGroup) => Some(1_000),
            (Self::S0 | Self::E0, K::PersonGroup) => Some(100_000_000),
            (Self::S0 | Self::E0, K::LargePersonGroup) => Some(1_000_000_000),
            _ => None,
        }
    }

    /// Calls: so many at once, and one more after each such time.
    fn calls(self) -> Option<Quota> {
        let burst = |calls: u32| NonZeroU32::new(calls).unwrap_or(NonZeroU32::MIN);
        match self {
            Self::Unlimited => None,
            // 20 a minute.
            Self::F0 => Quota::with_period(Duration::from_secs(3)).map(|quota| quota.allow_burst(burst(20))),
            Self::S0 | Self::E0 => Some(Quota::per_second(burst(10))),
        }
    }
}

const GIB: u64 = 1024 * 1024 * 1024;

type Calls = RateLimiter<AccountId, HashMapStateStore<AccountId>, DefaultClock>;

/// The limits in force.
pub struct Limits {
    /// Of accounts that have no tier of their own.
    usual: Tier,
    /// Sealed bytes in the store for each account.
    stored_bytes: u64,
    free: Option<Calls>,
    standard: Option<Calls>,
    beside: RateLimiter<Owner, HashMapStateStore<Owner>, DefaultClock>,
}

/// Calls beside those that tiers count, such as of notices and of the management API: so many at once, and as many a second.
const BESIDE_BURST: NonZeroU32 = NonZeroU32::new(200).expect("not zero");
const BESIDE: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
/// Owners whose calls are remembered before those are forgotten that have been silent.
const MOST_OWNERS: usize = 10_000;

impl Limits {
    /// Limits by the accounts' tiers, or by this one where an account has none.
    pub fn new(usual: Tier, stored_gib: u64) -> Self {
        let [free, standard] = [Tier::F0, Tier::S0].map(|tier| tier.calls().map(RateLimiter::hashmap));
        let beside = RateLimiter::hashmap(Quota::per_second(BESIDE).allow_burst(BESIDE_BURST));
        Self { usual, stored_bytes: stored_gib.saturating_mul(GIB), free, standard, beside }
    }

    /// What an account may hold and how fast it may call.
    pub fn tier(&self, account: &AccountState) -> Tier {
        account.settings.tier.as_deref().and_then(Tier::parse).unwrap_or(self.usual)
    }

    /// Sealed bytes that an account may have in the store. A free account has a thousand people, for whom one GiB is plenty.
    pub fn stored_bytes(&self, account: &AccountState) -> u64 {
        match self.tier(account) {
            Tier::F0 => self.stored_bytes.min(GIB),
            _ => self.stored_bytes,
        }
    }

    /// Counts a call.
    ///
    /// # Errors
    /// When it is one too many: the seconds after which the next is admitted.
    pub fn admit(&self, account: AccountId, tier: Tier) -> Result<(), u32> {
        let calls = match tier {
            Tier::Unlimited => None,
            Tier::F0 => self.free.as_ref(),
            Tier::S0 | Tier::E0 => self.standard.as_ref(),
        };
        let Some(calls) = calls else { return Ok(()) };
        calls.check_key(&account).map_err(|refused| seconds(&refused))
    }

    /// Counts a call that no tier counts, whatever the tier.
    ///
    /// # Errors
    /// As [`Limits::admit`].
    pub fn admit_beside(&self, owner: Owner) -> Result<(), u32> {
        if self.beside.len() >= MOST_OWNERS {
            self.beside.retain_recent();
        }
        self.beside.check_key(&owner).map_err(|refused| seconds(&refused))
    }
}

/// Until the next call, up to the next whole second: a client that waits as long as `Retry-After` says is admitted.
fn seconds(refused: &NotUntil<<DefaultClock as Clock>::Instant>) -> u32 {
    let wait = refused.wait_time_from(DefaultClock::default().now());
    u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_table_of_the_contract() {
        use ContainerKind::{FaceList, LargeFaceList, LargePersonGroup, PersonDirectory, PersonGroup};
        #[rustfmt::skip]
        let cases = [
            // kind, F0 and S0: containers, faces, persons, persons in all
            (FaceList, [Some(64), Some(1_000), None, None], [Some(64), Some(1_000), None, None]),
            (LargeFaceList, [Some(64), Some(1_000), None, None], [Some(1_000_000), Some(1_000_000), None, None]),
            (PersonGroup, [Some(1_000), None, Some(1_000), Some(1_000)], [Some(1_000_000), None, Some(10_000), Some(100_000_000)]),
            (LargePersonGroup, [Some(1_000), None, Some(1_000), Some(1_000)], [Some(1_000_000), None, Some(1_000_000), Some(1_000_000_000)]),
            (PersonDirectory, [None, None, Some(1_000), None], [None, None, Some(75_000_000), None]),
        ];
        let row =
            |tier: Tier, kind| [tier.containers(kind), tier.faces(kind), tier.persons(kind), tier.persons_in_all(kind)];
        for (kind, free, standard) in cases {
            assert_eq!(row(Tier::F0, kind), free, "{kind:?}");
            assert_eq!(row(Tier::S0, kind), standard, "{kind:?}");
            assert_eq!(row(Tier::E0, kind), standard, "{kind:?}");
            assert_eq!(row(Tier::Unlimited, kind), [None; 4], "{kind:?}");
        }
    }

    #[test]
    fn one_account_does_not_use_up_another_s_calls() {
        let limits = Limits::new(Tier::Unlimited, 200);
        let [first, second] = [1, 2].map(|id| AccountId(Uuid::from_u128(id)));
        for _ in 0..20 {
            assert_eq!(limits.admit(first, Tier::F0), Ok(()));
        }
        let wait = limits.admit(first, Tier::F0).unwrap_err();
        assert!((1..=3).contains(&wait), "{wait}");
        assert_eq!(limits.admit(second, Tier::F0), Ok(()));
        assert!((0..10_000).all(|_| limits.admit(first, Tier::Unlimited).is_ok()));
    }

    #[test]
    fn names_of_tiers() {
        for (text, expected) in [("s0", Some(Tier::S0)), ("Unlimited", Some(Tier::Unlimited)), ("F1", None)] {
            assert_eq!(Tier::parse(text), expected);
        }
    }
}
