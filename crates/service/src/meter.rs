//! Counters of calls, by account, day and operation, and search events for the audit logs.
//!
//! Kept in memory and added to the store every second, and when the server stops: a crash loses those of the last
//! second, never a record. What must not be lost, because something comes of it, is written before it takes effect.

use crate::ledger::Ledger;
use crate::randomness::random_id;
use governor::clock::DefaultClock;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use likeness_base::{Randomness, Timestamp};
use likeness_store::{
    AccountId, Actor, AuditEvent, AuditOutcome, AuditWrite, Command, SearchEvent, StoreError, Usage, UsageWrite, Write,
};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

const DAY_MILLIS: i64 = 86_400_000;
/// Refusals of one account that its audit log records per second; a client that runs wild must not fill a disk.
const REFUSALS: NonZeroU32 = NonZeroU32::new(10).expect("not zero");

/// Search events that may wait to be written; what the store cannot keep up with is counted, and the audit log says how many.
const MOST_WAITING: usize = 20_000;
/// Search events in one transaction.
const SEARCHES_AT_ONCE: usize = 500;

/// Account, day, operation.
type Counted = (AccountId, i64, &'static str);

/// The counters that are not in the store yet.
pub struct Meter {
    counts: Mutex<HashMap<Counted, (u64, u64)>>,
    searches: Mutex<Searches>,
    refusals: RateLimiter<AccountId, HashMapStateStore<AccountId>, DefaultClock>,
    dead_tokens: RateLimiter<AccountId, HashMapStateStore<AccountId>, DefaultClock>,
}

/// Search events that are not in the store yet.
#[derive(Default)]
struct Searches {
    waiting: Vec<(AccountId, SearchEvent)>,
    lost: HashMap<AccountId, u64>,
}

/// A command of the program itself.
fn command(account: AccountId, write: impl Into<Write>, randomness: &dyn Randomness, at: Timestamp) -> Command {
    let (actor, request_id, idempotency_key) = (Actor::System, Uuid::nil(), random_id(randomness));
    Command { account, actor, at, request_id, idempotency_key, write: write.into() }
}

/// The day of a moment, counted from 1970-01-01.
pub fn day_of(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(DAY_MILLIS)
}

impl Default for Meter {
    /// Nothing is counted yet.
    fn default() -> Self {
        let limit = || RateLimiter::hashmap(Quota::per_second(REFUSALS));
        Self { counts: Mutex::default(), searches: Mutex::default(), refusals: limit(), dead_tokens: limit() }
    }
}

impl Meter {
    /// Counts a call that was answered.
    pub fn count(&self, account: AccountId, at: Timestamp, operation: &'static str, status: u16) {
        let mut counts = self.lock();
        let (calls, billed) = counts.entry((account, day_of(at), operation)).or_default();
        *calls += 1;
        *billed += u64::from(status < 400);
    }

    /// Whether an account has been refused so often in this second that its audit log need not record more.
    pub fn throttles_refusals(&self, account: AccountId) -> bool {
        self.refusals.check_key(&account).is_err()
    }

    /// The same for tokens that are no longer valid. Separate, so that other refusals cannot hide them from a vendor.
    pub fn throttles_dead_tokens(&self, account: AccountId) -> bool {
        self.dead_tokens.check_key(&account).is_err()
    }

    /// Keeps a search event for the account's audit log.
    pub fn record_search(&self, account: AccountId, event: SearchEvent) {
        let mut searches = self.searches.lock().unwrap_or_else(PoisonError::into_inner);
        if searches.waiting.len() < MOST_WAITING {
            searches.waiting.push((account, event));
        } else {
            *searches.lost.entry(account).or_default() += 1;
        }
    }

    /// Writes counters and search events to the store.
    pub async fn flush(&self, ledger: &Ledger, randomness: &dyn Randomness, at: Timestamp) {
        self.flush_searches(ledger, randomness, at).await;
        self.flush_counts(ledger, randomness, at).await;
    }

    async fn flush_searches(&self, ledger: &Ledger, randomness: &dyn Randomness, at: Timestamp) {
        let Searches { waiting, lost } =
            std::mem::take(&mut *self.searches.lock().unwrap_or_else(PoisonError::into_inner));
        let mut by_account: HashMap<AccountId, Vec<SearchEvent>> = HashMap::new();
        for (account, event) in waiting {
            by_account.entry(account).or_default().push(event);
        }
        let command = |account, write| command(account, write, randomness, at);
        for (account, count) in lost {
            let detail = serde_json::json!({ "questions": count });
            let event = AuditEvent::of("not_listed", AuditOutcome::Refused, Some(detail));
            if let Err(error) = ledger.apply(command(account, AuditWrite::Event(event))).await {
                tracing::error!(%account, %error, "{count} search events could not be recorded in the audit log");
            }
        }
        for (account, searches) in by_account {
            let mut rest = searches.as_slice();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rest.len().min(SEARCHES_AT_ONCE));
                match ledger.apply(command(account, AuditWrite::Searches { searches: now.to_vec() })).await {
                    // A destroyed account needs no search events.
                    Ok(_) | Err(StoreError::AccountNotFound) => rest = later,
                    Err(error) => {
                        tracing::debug!(%error, "Search events could not be written; trying again");
                        for event in rest {
                            self.record_search(account, event.clone());
                        }
                        break;
                    }
                }
            }
        }
    }

    async fn flush_counts(&self, ledger: &Ledger, randomness: &dyn Randomness, at: Timestamp) {
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
            match ledger.apply(command(account, UsageWrite::Count { counts }, randomness, at)).await {
                // A destroyed account needs no counters.
                Ok(_) | Err(StoreError::AccountNotFound) => {}
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
