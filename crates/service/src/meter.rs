//! Counters of calls, by account, day and operation, and search events for the audit logs.
//!
//! Kept in memory and added to the store every second, and when the server stops: a crash loses those of the last
//! second, never a record. What must not be lost, because something comes of it, is written before it takes effect.

use crate::clock::instant;
use crate::ledger::Ledger;
use crate::misses::Misses;
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
use std::time::{Duration, Instant};
use uuid::Uuid;

const DAY_MILLIS: i64 = 86_400_000;
/// Refusals of one caller that an account's audit log records per second; a client that runs wild must not fill a disk.
const REFUSALS: NonZeroU32 = NonZeroU32::new(5).expect("not zero");
/// Callers whose refusals are remembered before those are forgotten that have been silent.
const MOST_ACTORS: usize = 10_000;
/// How often the sums of what is not listed go to the store.
const SUMS_EVERY: Duration = Duration::from_secs(60);

/// Search events that may wait to be written; what the store cannot keep up with is counted, and the audit log says how many.
const MOST_WAITING: usize = 20_000;
/// Of these, those of one account.
const MOST_WAITING_EACH: usize = MOST_WAITING / 4;
/// Search events in one transaction.
const SEARCHES_AT_ONCE: usize = 500;

/// Account, day, operation.
type Counted = (AccountId, i64, &'static str);

/// The counters that are not in the store yet.
pub struct Meter {
    counts: Mutex<HashMap<Counted, (u64, u64)>>,
    searches: Mutex<Searches>,
    refusals: RateLimiter<(AccountId, String), HashMapStateStore<(AccountId, String)>, DefaultClock>,
    /// What was not listed one by one, and since when it is summed.
    sums: Mutex<HashMap<AccountId, Sum>>,
    summed: Mutex<Option<Instant>>,
    /// Search events that are listed of one account on one day.
    searches_a_day: u64,
    /// Answers far below the threshold.
    pub misses: Misses,
    dead_tokens: RateLimiter<AccountId, HashMapStateStore<AccountId>, DefaultClock>,
}

/// Search events that are not in the store yet.
#[derive(Default)]
struct Searches {
    waiting: HashMap<AccountId, Vec<SearchEvent>>,
    /// How many wait in all.
    count: usize,
    /// How many were listed on a day.
    listed: HashMap<AccountId, (i64, u64)>,
}

/// What is not listed one by one in an account's audit log.
#[derive(Clone, Copy, Default)]
struct Sum {
    searches: u64,
    refusals: u64,
}

/// A command of the program itself.
pub(crate) fn command(
    account: AccountId,
    write: impl Into<Write>,
    randomness: &dyn Randomness,
    at: Timestamp,
) -> Command {
    let (actor, request_id, idempotency_key) = (Actor::System, Uuid::nil(), random_id(randomness));
    Command { account, actor, at, request_id, idempotency_key, most_stored_bytes: None, write: write.into() }
}

/// The day of a moment, counted from 1970-01-01.
pub fn day_of(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(DAY_MILLIS)
}

impl Meter {
    /// Nothing is counted yet. Of one account so many search events are listed on one day; the rest is summed.
    pub fn new(searches_a_day: u64) -> Self {
        Self {
            counts: Mutex::default(),
            searches: Mutex::default(),
            refusals: RateLimiter::hashmap(Quota::per_second(REFUSALS)),
            dead_tokens: RateLimiter::hashmap(Quota::per_second(REFUSALS)),
            sums: Mutex::default(),
            summed: Mutex::default(),
            searches_a_day,
            misses: Misses::default(),
        }
    }

    /// Counts a call that was answered.
    pub fn count(&self, account: AccountId, at: Timestamp, operation: &'static str, status: u16) {
        let mut counts = self.lock();
        let (calls, billed) = counts.entry((account, day_of(at), operation)).or_default();
        *calls += 1;
        *billed += u64::from(status < 400);
    }

    /// Whether a caller has been refused so often in this second that the account's audit log need not record more. One caller
    /// does not use up what is recorded of another; what is left out is counted.
    pub fn throttles_refusals(&self, account: AccountId, actor: &Actor) -> bool {
        if self.refusals.len() >= MOST_ACTORS {
            self.refusals.retain_recent();
        }
        let is_throttled = self.refusals.check_key(&(account, actor.as_text().into_owned())).is_err();
        if is_throttled {
            self.add(account, Sum { refusals: 1, searches: 0 });
        }
        is_throttled
    }

    /// The same for tokens that are no longer valid. Separate, so that other refusals cannot hide them from a vendor.
    pub fn throttles_dead_tokens(&self, account: AccountId) -> bool {
        self.dead_tokens.check_key(&account).is_err()
    }

    /// Keeps a search event for the account's audit log, or counts it where the account has searched so often on that day, or
    /// the store is so far behind, that it is not listed any more.
    pub fn record_search(&self, account: AccountId, event: SearchEvent) {
        let mut searches = self.searches.lock().unwrap_or_else(PoisonError::into_inner);
        let day = day_of(event.at);
        let (listed_on, listed) = searches.listed.get(&account).copied().unwrap_or((day, 0));
        let listed = if listed_on == day { listed } else { 0 };
        let waiting = searches.waiting.get(&account).map_or(0, Vec::len);
        if listed >= self.searches_a_day || waiting >= MOST_WAITING_EACH || searches.count >= MOST_WAITING {
            drop(searches);
            self.add(account, Sum { searches: 1, refusals: 0 });
            return;
        }
        searches.listed.insert(account, (day, listed + 1));
        searches.count += 1;
        searches.waiting.entry(account).or_default().push(event);
    }

    fn add(&self, account: AccountId, more: Sum) {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = sums.entry(account).or_default();
        sum.searches += more.searches;
        sum.refusals += more.refusals;
    }

    /// Writes counters and search events to the store, and now and then the sums of what is not listed.
    pub async fn flush(&self, ledger: &Ledger, randomness: &dyn Randomness, at: Timestamp) {
        let now = instant();
        let is_due = {
            let mut summed = self.summed.lock().unwrap_or_else(PoisonError::into_inner);
            let since = *summed.get_or_insert(now);
            let is_due = now.duration_since(since) >= SUMS_EVERY;
            if is_due {
                *summed = Some(now);
            }
            is_due
        };
        if is_due {
            self.flush_sums(ledger, randomness, at).await;
        }
        if self.misses.ends_day(at) {
            self.misses.flush(ledger, randomness, at).await;
        }
        self.flush_searches(ledger, randomness, at).await;
        self.flush_counts(ledger, randomness, at).await;
    }

    /// The same at the end, with the sums in any case.
    pub async fn flush_all(&self, ledger: &Ledger, randomness: &dyn Randomness, at: Timestamp) {
        self.flush_sums(ledger, randomness, at).await;
        self.misses.flush(ledger, randomness, at).await;
        self.flush(ledger, randomness, at).await;
    }

    async fn flush_sums(&self, ledger: &Ledger, randomness: &dyn Randomness, at: Timestamp) {
        let sums = std::mem::take(&mut *self.sums.lock().unwrap_or_else(PoisonError::into_inner));
        for (account, sum) in sums {
            let mut detail = serde_json::Map::new();
            for (name, count) in [("questions", sum.searches), ("refusals", sum.refusals)] {
                if count > 0 {
                    detail.insert(name.to_owned(), count.into());
                }
            }
            let event = AuditEvent::of("not_listed", AuditOutcome::Refused, Some(serde_json::Value::Object(detail)));
            match ledger.apply(command(account, AuditWrite::Event(event), randomness, at)).await {
                Ok(_) | Err(StoreError::AccountNotFound) => {}
                Err(error) => {
                    tracing::debug!(%error, "Sums for an audit log could not be written; trying again");
                    self.add(account, sum);
                }
            }
        }
    }

    async fn flush_searches(&self, ledger: &Ledger, randomness: &dyn Randomness, at: Timestamp) {
        let by_account = {
            let mut searches = self.searches.lock().unwrap_or_else(PoisonError::into_inner);
            searches.count = 0;
            let today = day_of(at);
            searches.listed.retain(|_, (day, _)| *day >= today - 1);
            std::mem::take(&mut searches.waiting)
        };
        for (account, searches) in by_account {
            let mut rest = searches.as_slice();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rest.len().min(SEARCHES_AT_ONCE));
                let write = AuditWrite::Searches { searches: now.to_vec() };
                match ledger.apply(command(account, write, randomness, at)).await {
                    // A destroyed account needs no search events.
                    Ok(_) | Err(StoreError::AccountNotFound) => rest = later,
                    Err(error) => {
                        tracing::debug!(%error, "Search events could not be written; trying again");
                        let mut searches = self.searches.lock().unwrap_or_else(PoisonError::into_inner);
                        searches.count += rest.len();
                        searches.waiting.entry(account).or_default().extend_from_slice(rest);
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
