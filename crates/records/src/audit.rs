//! Rows of the audit log, and the links that make a chain of them.
//!
//! Start at [`AuditEntry`] and [`ChainCheck`]. This file computes and checks links; `sql/write/audit.rs` appends the rows.

use std::sync::Arc;

use likeness_base::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::command::ContainerKind;
use crate::id::AccountId;
use crate::keys::LinkKey;

/// The link that the first row of every account's chain follows.
pub const GENESIS: [u8; 32] = [0; 32];
/// The action of the row that tells which rows before it were removed because they were too old.
pub const PRUNED: &str = "prune_audit_log";
/// The action of the row that tells of a restore from a backup.
pub const RESTORED: &str = "restore";
/// How a text begins that stands in for an actor who left.
const PSEUDONYM: &str = "pseudonym:";

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
    /// Its number in the database and in the link: never change one.
    pub fn number(self) -> u8 {
        match self {
            Self::Applied => 1,
            Self::Refused => 2,
        }
    }

    /// The outcome with this number in the database.
    pub fn from_number(number: i64) -> Option<Self> {
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
/// Rows hold no names, no user data, no templates, no scores and no keys. Each row's link covers its fields
/// and the link of the row before, so that a row cannot be changed, dropped or moved without breaking every
/// link after it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEntry {
    /// Whose history.
    pub account: AccountId,
    /// Counts the account's rows from 1 without gaps.
    pub sequence: i64,
    /// When, by the clock that the command carried.
    pub at: Timestamp,
    /// Who, as [`Actor::as_text`](crate::Actor::as_text) gave it, or the pseudonym of somebody who left.
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
    /// In rows that changed who may call: SHA-256 over all that decides it, as it was afterwards.
    pub access_digest: Option<[u8; 32]>,
    /// Link of the row before; [`GENESIS`] in the first.
    pub previous: [u8; 32],
    /// Link of this row.
    pub link: [u8; 32],
}

/// The chain of an account's audit rows does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the audit chain is broken at row {sequence}")]
pub struct ChainBroken {
    /// The first row that does not follow from the one before, or is not there.
    pub sequence: i64,
}

impl AuditEntry {
    /// The link that this row ought to have: a MAC under a key of the installation over every field and the link of the
    /// row before. Actor and detail go in as MACs of their own, so that pseudonyms can take their place.
    pub fn expected_link(&self, key: &LinkKey) -> [u8; 32] {
        let target = self.target.map(|target| [&[target.kind.number()][..], &target.number.to_be_bytes()].concat());
        let detail = self.detail.as_deref().map(|detail| self.commitment(key, "detail", detail));
        key.mac(&[
            b"likeness audit row 3",
            &self.previous,
            self.account.0.as_bytes(),
            &self.sequence.to_be_bytes(),
            &self.at.as_millis().to_be_bytes(),
            &self.commitment(key, "actor", &self.actor),
            self.action.as_bytes(),
            target.as_deref().unwrap_or_default(),
            &self.records.to_be_bytes(),
            &[self.outcome.number()],
            self.request_id.as_bytes(),
            detail.as_ref().map_or(&[], |detail| detail.as_slice()),
            self.access_digest.as_ref().map_or(&[], |digest| digest.as_slice()),
        ])
    }

    /// What stands for a text in the link: its MAC, or the one that a pseudonym carries.
    fn commitment(&self, key: &LinkKey, field: &str, text: &str) -> [u8; 32] {
        let given = text.strip_prefix(PSEUDONYM).and_then(|digits| hex::decode(digits).ok());
        match given.and_then(|bytes| bytes.try_into().ok()) {
            Some(commitment) => commitment,
            None => key.mac(&[b"likeness audit text", self.account.0.as_bytes(), field.as_bytes(), text.as_bytes()]),
        }
    }

    /// What takes the place of the actor; the same for all their rows in an account.
    pub fn pseudonym(&self, key: &LinkKey) -> String {
        format!("{PSEUDONYM}{}", hex::encode(self.commitment(key, "actor", &self.actor)))
    }

    /// What takes the place of the detail.
    pub fn detail_pseudonym(&self, key: &LinkKey) -> Option<String> {
        let detail = self.detail.as_deref()?;
        Some(format!("{PSEUDONYM}{}", hex::encode(self.commitment(key, "detail", detail))))
    }

    /// The link of rows before schema 7: SHA-256, which anybody could compute.
    pub fn expected_hash(&self) -> [u8; 32] {
        let mut hash = FieldHash::default();
        let mut put = |field: &[u8]| hash.put(field);
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
        hash.finish()
    }
}

/// SHA-256 over fields, each with its length in front, so that no two lists of fields give the same.
#[derive(Default)]
pub struct FieldHash(Sha256);

impl FieldHash {
    /// One field more.
    pub fn put(&mut self, field: &[u8]) {
        self.0.update((field.len() as u64).to_be_bytes());
        self.0.update(field);
    }

    /// What is not there is told from what is empty.
    pub fn perhaps(&mut self, field: Option<&[u8]>) {
        self.put(&[u8::from(field.is_some())]);
        self.put(field.unwrap_or_default());
    }

    /// The hash of all.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// What the row about removed rows says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// The last row that was removed.
    pub through: i64,
    /// Its link.
    pub link: [u8; 32],
}

impl Checkpoint {
    /// No row was removed.
    const NOTHING: Self = Self { through: 0, link: GENESIS };

    /// As the detail of the row.
    pub fn as_detail(&self) -> String {
        format!(r#"{{"through":{},"link":"{}"}}"#, self.through, hex::encode(self.link))
    }
}

/// Checks the chain of an account, page after page.
#[derive(Debug)]
pub struct ChainCheck {
    key: Arc<LinkKey>,
    /// What came before the first row that is there.
    before: Option<Checkpoint>,
    is_told: bool,
    is_sealed: bool,
    sequence: i64,
    last: [u8; 32],
}

/// A chain that holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chain {
    /// The first row that is there: those before it were removed because they were too old, and a row says so.
    pub first: i64,
    /// The last row; 0: none.
    pub last: i64,
    /// Its link. Who keeps it elsewhere can prove that nothing was changed since.
    pub link: [u8; 32],
}

impl ChainCheck {
    /// Of a log from its first row on.
    pub fn new(key: Arc<LinkKey>) -> Self {
        Self { key, before: None, is_told: false, is_sealed: false, sequence: 0, last: GENESIS }
    }

    /// Checks the rows that follow.
    ///
    /// # Errors
    /// [`ChainBroken`] names the first row that was changed, dropped, moved or put in between.
    pub fn add(&mut self, rows: &[AuditEntry]) -> Result<(), ChainBroken> {
        for row in rows {
            let before = *self.before.get_or_insert_with(|| {
                (self.sequence, self.last) = (row.sequence - 1, row.previous);
                Checkpoint { through: self.sequence, link: self.last }
            });
            // After a restore numbers go on above those that were given since the backup.
            let is_next = match row.action == RESTORED {
                true => row.sequence > self.sequence,
                false => row.sequence == self.sequence + 1,
            };
            let follows = is_next && row.previous == self.last && self.is_own(row);
            if !follows {
                return Err(ChainBroken { sequence: self.sequence + 1 });
            }
            (self.sequence, self.last) = (row.sequence, row.link);
            if self.is_sealed && row.action == PRUNED {
                self.is_told |= row.detail.as_deref() == Some(&*before.as_detail());
            }
        }
        Ok(())
    }

    /// Whether the row's link is a MAC, or a hash before the first MAC.
    fn is_own(&mut self, row: &AuditEntry) -> bool {
        if row.link == row.expected_link(&self.key) {
            self.is_sealed = true;
            return true;
        }
        !self.is_sealed && row.access_digest.is_none() && row.link == row.expected_hash()
    }

    /// What the chain is, after its last row.
    ///
    /// # Errors
    /// [`ChainBroken`]: rows are missing at its front or its end.
    pub fn finish(self) -> Result<Chain, ChainBroken> {
        let before = self.before.unwrap_or(Checkpoint::NOTHING);
        if before != Checkpoint::NOTHING && !self.is_told {
            return Err(ChainBroken { sequence: before.through });
        }
        // Every chain was sealed when the database came to schema 7.
        if self.sequence > 0 && !self.is_sealed {
            return Err(ChainBroken { sequence: self.sequence + 1 });
        }
        Ok(Chain { first: before.through + 1, last: self.sequence, link: self.last })
    }
}
