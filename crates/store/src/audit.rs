//! Rows of the audit log, and the chain of hashes that links them.
//!
//! Start at [`AuditEntry`]. This file computes and checks hashes; `sql/write/audit.rs` appends the rows.

use likeness_base::Timestamp;
use sha2::{Digest, Sha256};
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
    /// It was asked for and refused.
    Refused,
}

impl AuditOutcome {
    /// Its number in the database and in the hash: never change one.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Applied => 1,
            Self::Refused => 2,
        }
    }

    pub(crate) fn from_number(number: i64) -> Option<Self> {
        [Self::Applied, Self::Refused].into_iter().find(|outcome| i64::from(outcome.number()) == number)
    }
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
    /// What more there is to say, as JSON; in rows about tokens, consent and what was refused.
    pub detail: Option<String>,
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

impl AuditEntry {
    /// The hash that this row ought to have: SHA-256 over a label, every field with its length in front, and
    /// the hash of the row before. Anybody can recompute it; it proves that the rows belong together, and who
    /// keeps the last hash elsewhere can prove that none was changed since.
    pub fn expected_hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut put = |field: &[u8]| {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field);
        };
        // Rows without detail are hashed as they were before there was any.
        put(if self.detail.is_some() { b"likeness audit row 2" } else { b"likeness audit row 1" });
        put(&self.previous);
        put(self.account.0.as_bytes());
        put(&self.sequence.to_be_bytes());
        put(&self.at.as_millis().to_be_bytes());
        put(self.actor.as_bytes());
        put(self.action.as_bytes());
        match self.target {
            Some(target) => {
                put(&[target.kind.number()]);
                put(&target.number.to_be_bytes());
            }
            None => put(b""),
        }
        put(&self.records.to_be_bytes());
        put(&[self.outcome.number()]);
        put(self.request_id.as_bytes());
        if let Some(detail) = &self.detail {
            put(detail.as_bytes());
        }
        hash.finalize().into()
    }
}

/// Checks consecutive rows of one account against the sequence number and hash before them, and gives the
/// last hash. Start with 0 and [`GENESIS`]; feed page after page.
///
/// # Errors
/// [`ChainBroken`] names the first row that was changed, dropped, moved or put in between.
pub fn verify_chain(sequence: i64, previous: [u8; 32], entries: &[AuditEntry]) -> Result<[u8; 32], ChainBroken> {
    let mut last = previous;
    for (entry, expected) in entries.iter().zip(sequence + 1..) {
        let follows = entry.sequence == expected && entry.previous == last && entry.hash == entry.expected_hash();
        if !follows {
            return Err(ChainBroken { sequence: expected });
        }
        last = entry.hash;
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> Vec<AuditEntry> {
        let mut previous = GENESIS;
        (1..=4)
            .map(|sequence| {
                let mut entry = AuditEntry {
                    account: AccountId(Uuid::from_bytes([1; 16])),
                    sequence,
                    at: Timestamp::from_millis(1_000 + sequence),
                    actor: "key1".into(),
                    action: "add_face".into(),
                    target: Some(AuditTarget { kind: ContainerKind::FaceList, number: 7 }),
                    records: 1,
                    outcome: AuditOutcome::Applied,
                    request_id: Uuid::from_bytes([9; 16]),
                    detail: None,
                    previous,
                    hash: GENESIS,
                };
                entry.hash = entry.expected_hash();
                previous = entry.hash;
                entry
            })
            .collect()
    }

    #[test]
    fn a_whole_chain_holds_in_one_piece_or_in_pages() {
        let rows = chain();
        let middle = verify_chain(0, GENESIS, &rows[..2]).unwrap();
        assert_eq!(verify_chain(2, middle, &rows[2..]), verify_chain(0, GENESIS, &rows));
        assert_eq!(verify_chain(0, GENESIS, &rows), Ok(rows[3].hash));
    }

    #[test]
    fn any_meddling_is_found_where_it_happened() {
        type Meddle = fn(&mut Vec<AuditEntry>);
        let cases: [(&str, Meddle, i64); 13] = [
            ("time", |rows| rows[1].at = Timestamp::from_millis(5), 2),
            ("actor", |rows| rows[1].actor = "key2".into(), 2),
            (
                "letters moved between fields",
                |rows| (rows[1].actor, rows[1].action) = ("key1a".into(), "dd_face".into()),
                2,
            ),
            ("action", |rows| rows[1].action = "delete_face".into(), 2),
            ("target dropped", |rows| rows[1].target = None, 2),
            ("target", |rows| rows[1].target = Some(AuditTarget { kind: ContainerKind::FaceList, number: 8 }), 2),
            ("records", |rows| rows[1].records = 0, 2),
            ("request", |rows| rows[1].request_id = Uuid::nil(), 2),
            ("detail", |rows| rows[1].detail = Some(String::new()), 2),
            ("account", |rows| rows[1].account = AccountId(Uuid::nil()), 2),
            (
                "changed and hashed anew",
                |rows| {
                    rows[1].records = 0;
                    rows[1].hash = rows[1].expected_hash();
                },
                3,
            ),
            ("dropped", |rows| drop(rows.remove(1)), 2),
            ("swapped", |rows| rows.swap(1, 2), 2),
        ];
        for (name, meddle, broken_at) in cases {
            let mut rows = chain();
            meddle(&mut rows);
            assert_eq!(verify_chain(0, GENESIS, &rows), Err(ChainBroken { sequence: broken_at }), "{name}");
        }
    }
}
