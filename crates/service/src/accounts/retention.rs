//! What ends when an account keeps it for a shorter time than before, and how old audit rows end.

use super::{AccountError, AccountService, Attribution};
use crate::access::AccountState;
use likeness_base::Timestamp;
use likeness_rules::{RetentionClass, RetentionPolicy};
use likeness_store::{AccountId, AuditWrite, ExpireDue, Lives, Store, StoreError};
use std::time::Duration;

/// Rows that one command removes.
const AT_ONCE: u32 = 400;
/// Rows of an audit log may be so much older than their life: removing them leaves a row, so it is done once a day.
const AUDIT_ROOM: Duration = Duration::from_secs(24 * 60 * 60);

/// The lives that an account has shortened.
pub fn lives(policy: &RetentionPolicy) -> Lives {
    let life = |class| policy.get(class).map(|seconds| Duration::from_secs(seconds.into()));
    Lives {
        face_id: life(RetentionClass::FaceId),
        operation: life(RetentionClass::Operation),
        snapshot: life(RetentionClass::Snapshot),
    }
}

/// What removes the oldest rows of an account's audit log, if they are older than the account keeps them.
///
/// # Errors
/// What the store says.
pub async fn pruning(
    store: &dyn Store,
    account: AccountId,
    policy: &RetentionPolicy,
    now: Timestamp,
) -> Result<Option<AuditWrite>, StoreError> {
    let Some(life) = policy.get(RetentionClass::AuditLog) else { return Ok(None) };
    let before = now.minus(Duration::from_secs(life.into()));
    let oldest = store.audit(account, 0, 1).await?;
    let is_due = oldest.first().is_some_and(|row| row.at.plus(AUDIT_ROOM) < before);
    Ok(is_due.then_some(AuditWrite::Prune { before, limit: AT_ONCE }))
}

impl AccountService {
    /// Ends at once what the account keeps for a shorter time now. By then no node stores anything for longer.
    pub(super) async fn end_what_is_too_old(&self, state: &AccountState) -> Result<(), AccountError> {
        let lives = lives(&state.settings.retention);
        loop {
            let sweep = ExpireDue { limit: AT_ONCE, lives };
            if !self.write(state.id(), &Attribution::of_system(), sweep).await?.more {
                return Ok(());
            }
        }
    }
}
