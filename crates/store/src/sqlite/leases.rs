//! Leases where one process does all the work: kept in memory, because they end with it anyway.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::id::AccountId;

/// Who has which job, and until when.
#[derive(Debug, Default)]
pub(super) struct Leases(Mutex<HashMap<(AccountId, String), (Uuid, Instant)>>);

impl Leases {
    pub(super) fn take(&self, account: AccountId, job: &str, holder: Uuid, length: Duration) -> bool {
        let now = Instant::now();
        let mut leases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lease = leases.entry((account, job.to_owned())).or_insert((holder, now));
        if lease.0 != holder && lease.1 > now {
            return false;
        }
        *lease = (holder, now + length);
        true
    }

    pub(super) fn release(&self, account: AccountId, job: &str, holder: Uuid) {
        let mut leases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let job = (account, job.to_owned());
        if leases.get(&job).is_some_and(|(present, _)| *present == holder) {
            leases.remove(&job);
        }
    }
}
