//! Answers far below the threshold: how often a caller is told that a probe is nothing like an enrolled person.
//!
//! Each exact confidence gives away a distance to the person's template, and about a hundred distances give away the
//! template. A hundred misses at one person on one day are an attack or a broken door. Beyond [`MOST_MISSES`] the caller is
//! told nothing below the threshold any more; nothing is refused, so that a stranger before a door locks nobody out. The
//! audit log has a sum for each caller and day. Each node counts for itself.

use crate::ledger::Ledger;
use crate::meter::{command, day_of};
use likeness_base::{Randomness, Timestamp};
use likeness_store::{AccountId, Actor, AuditEvent, AuditWrite, StoreError};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// Answers far below the threshold that a caller gets about one person on one day.
pub const MOST_MISSES: u32 = 50;
/// Pairs of callers and persons that are counted; beyond them every one counts as one too many.
const MOST_PAIRS: usize = 200_000;

/// The count of misses of one day.
#[derive(Default)]
pub struct Misses(Mutex<Day>);

#[derive(Default)]
struct Day {
    number: i64,
    of_person: HashMap<(AccountId, String, Uuid), u32>,
    /// By account and caller.
    sums: HashMap<(AccountId, String), Sum>,
}

/// What the audit log is told of a caller.
#[derive(Clone, Copy, Default)]
struct Sum {
    answers: u64,
    /// Persons about whom there were too many.
    beyond: u64,
}

impl Misses {
    /// Counts one; whether the caller had too many about this person today.
    pub fn count(&self, account: AccountId, actor: &Actor, person: Uuid, at: Timestamp) -> bool {
        let mut day = self.lock();
        day.number = day.number.max(day_of(at));
        let actor = actor.as_text().into_owned();
        let pair = (account, actor.clone(), person);
        let is_full = day.of_person.len() >= MOST_PAIRS && !day.of_person.contains_key(&pair);
        let count = if is_full {
            MOST_MISSES + 1
        } else {
            let count = day.of_person.entry(pair).or_default();
            *count += 1;
            *count
        };
        let sum = day.sums.entry((account, actor)).or_default();
        sum.answers += 1;
        sum.beyond += u64::from(count == MOST_MISSES + 1);
        count > MOST_MISSES
    }

    /// Whether the day is over that is counted.
    pub(crate) fn ends_day(&self, at: Timestamp) -> bool {
        let day = self.lock();
        !day.sums.is_empty() && day.number < day_of(at)
    }

    /// Tells the audit logs the sums, and begins anew where the day is over.
    pub(crate) async fn flush(&self, ledger: &Ledger, randomness: &dyn Randomness, at: Timestamp) {
        let sums = {
            let mut day = self.lock();
            if day.number < day_of(at) {
                day.of_person.clear();
                day.number = day_of(at);
            }
            std::mem::take(&mut day.sums)
        };
        for ((account, actor), Sum { answers, beyond }) in sums {
            let detail = serde_json::json!({ "actor": actor, "answers": answers, "personsBeyond": beyond });
            let event = AuditEvent::done("low_confidence", Some(detail));
            match ledger.apply(command(account, AuditWrite::Event(event), randomness, at)).await {
                // A destroyed account needs none.
                Ok(_) | Err(StoreError::AccountNotFound) => {}
                Err(error) => {
                    tracing::debug!(%error, "Sums for an audit log could not be written; trying again");
                    let mut day = self.lock();
                    let sum = day.sums.entry((account, actor)).or_default();
                    sum.answers += answers;
                    sum.beyond += beyond;
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Day> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fifty_first_miss_of_a_caller_at_a_person_is_one_too_many() {
        let misses = Misses::default();
        let (account, at) = (AccountId(Uuid::from_u128(1)), Timestamp::from_millis(1_000));
        let [person, other] = [1, 2].map(Uuid::from_u128);
        for _ in 0..MOST_MISSES {
            assert!(!misses.count(account, &Actor::Key1, person, at));
        }
        assert!(misses.count(account, &Actor::Key1, person, at));
        assert!(!misses.count(account, &Actor::Key2, person, at), "another caller");
        assert!(!misses.count(account, &Actor::Key1, other, at), "another person");
        assert!(!misses.ends_day(at));
        assert!(misses.ends_day(Timestamp::from_millis(86_400_000)));
    }
}
