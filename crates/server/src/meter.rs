//! Counters of calls, by account, day and operation.
//!
//! Counted in memory and added to the store every second, and when the server stops: a crash loses the counts of the
//! last second, never a record. What must not be lost is in the audit trail.

use crate::effects::random_id;
use crate::ledger::Ledger;
use governor::clock::DefaultClock;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use likeness_base::{Randomness, Timestamp};
use likeness_store::{AccountId, Actor, Command, Usage, Write};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

const DAY_MILLIS: i64 = 86_400_000;
/// Refusals of one account that its trail tells of, a second; a client that runs amok must not fill a disk.
const REFUSALS: NonZeroU32 = NonZeroU32::new(10).expect("not zero");

/// Account, day, operation.
type Counted = (AccountId, i64, &'static str);

/// The counters that are not in the store yet.
pub(crate) struct Meter {
    counts: Mutex<HashMap<Counted, (u64, u64)>>,
    refusals: RateLimiter<AccountId, HashMapStateStore<AccountId>, DefaultClock>,
    dead_tokens: RateLimiter<AccountId, HashMapStateStore<AccountId>, DefaultClock>,
}

/// The day of a moment, counted from 1970-01-01.
pub(crate) fn day_of(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(DAY_MILLIS)
}

impl Meter {
    pub(crate) fn new() -> Self {
        let limit = || RateLimiter::hashmap(Quota::per_second(REFUSALS));
        Self { counts: Mutex::default(), refusals: limit(), dead_tokens: limit() }
    }

    /// Counts a call that was answered.
    pub(crate) fn count(&self, account: AccountId, at: Timestamp, operation: &'static str, status: u16) {
        let mut counts = self.lock();
        let (calls, billed) = counts.entry((account, day_of(at), operation)).or_default();
        *calls += 1;
        *billed += u64::from(status < 400);
    }

    /// Whether an account has been refused so often in this second that its trail need not tell of more.
    pub(crate) fn is_noisy(&self, account: AccountId) -> bool {
        self.refusals.check_key(&account).is_err()
    }

    /// The same for tokens that do not count any more. Apart, so that nobody hides from a vendor behind other refusals.
    pub(crate) fn is_trying(&self, account: AccountId) -> bool {
        self.dead_tokens.check_key(&account).is_err()
    }

    /// Adds what was counted to the store.
    pub(crate) async fn flush(&self, ledger: &Ledger, randomness: &dyn Randomness, at: Timestamp) {
        let mut by_account: HashMap<AccountId, Vec<(Counted, u64, u64)>> = HashMap::new();
        for (counted, (calls, billed)) in std::mem::take(&mut *self.lock()) {
            by_account.entry(counted.0).or_default().push((counted, calls, billed));
        }
        for (account, rows) in by_account {
            let usage = |((_, day, operation), calls, billed): &(Counted, u64, u64)| Usage {
                day: *day,
                operation: (*operation).to_owned(),
                calls: *calls,
                billed: *billed,
            };
            let counts = rows.iter().map(usage).collect();
            let (actor, request_id, key) = (Actor::System, Uuid::nil(), random_id(randomness));
            let command = Command { account, actor, at, request_id, key, write: Write::CountUsage { counts } };
            match ledger.apply(command).await {
                // An account that was destroyed has nobody who would want to know.
                Ok(_) | Err(likeness_store::StoreError::AccountNotFound) => {}
                Err(error) => {
                    tracing::debug!(%error, "Counters could not be stored; trying again");
                    let mut counts = self.lock();
                    for (counted, more_calls, more_billed) in rows {
                        let (calls, billed) = counts.entry(counted).or_default();
                        *calls += more_calls;
                        *billed += more_billed;
                    }
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Counted, (u64, u64)>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
