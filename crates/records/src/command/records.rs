//! Writing records of every kind.

use std::fmt;

use likeness_base::{Secret, Timestamp};
use uuid::Uuid;

use super::{Applied, Domain};
use crate::record::RecordKind;
use crate::types::ContainerName;

/// What can be done to a record.
#[derive(Clone, Debug)]
pub enum RecordWrite {
    /// Keeps a record, in place of one of the same id if that is expected. [`Applied::version`] says which version it has.
    Put(NewRecord),
    /// Deletes a record; one that is not there is no error.
    Delete {
        /// What it is for.
        kind: RecordKind,
        /// Its id.
        id: String,
    },
    /// Uses a record up: it must be there, alive, and still be what was read. Of several callers exactly one succeeds;
    /// the others are refused with [`RecordNotFound`](crate::StoreError::RecordNotFound) or
    /// [`RecordChanged`](crate::StoreError::RecordChanged). What comes of it is written in the same transaction by
    /// [`Write::Accompanied`](crate::Write::Accompanied).
    Take {
        /// What it is for.
        kind: RecordKind,
        /// Its id.
        id: String,
        /// The version that was read before.
        version: u64,
    },
}

/// A record to be kept.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// What it is for.
    pub kind: RecordKind,
    /// Its id among records of its kind, 1 to 200 bytes; kept in the clear: nothing personal.
    pub id: String,
    /// The bytes.
    pub value: Secret<Vec<u8>>,
    /// What must be there now.
    pub expected: Expected,
    /// From this very instant on the record does not exist; `None`: it stays until it is deleted. The kind's row says
    /// which of the two may be.
    pub expires_at: Option<Timestamp>,
    /// By what it is found, in place of the tags it had.
    pub tags: Vec<Tag>,
    /// The person it goes with, for the kinds that go with one.
    pub person: Option<(ContainerName, Uuid)>,
}

/// What must be there when a record is written. One that has expired is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expected {
    /// Whatever it is.
    Any,
    /// Nothing; else the command is refused with [`RecordExists`](crate::StoreError::RecordExists).
    Absent,
    /// This version; else the command is refused with [`RecordChanged`](crate::StoreError::RecordChanged).
    Version(u64),
}

/// Something by which a record is found.
#[derive(Clone)]
pub struct Tag {
    /// Which of the tags of its kind.
    pub name: &'static str,
    /// Its value, 1 to 200 bytes.
    pub value: Secret<String>,
}

impl Tag {
    /// A tag with its value.
    pub fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into().into() }
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({}, ..)", self.name)
    }
}

impl NewRecord {
    /// A record that replaces whatever is there, stays until it is deleted and is found by its id alone.
    pub fn new(kind: RecordKind, id: impl Into<String>, value: Secret<Vec<u8>>) -> Self {
        let id = id.into();
        Self { kind, id, value, expected: Expected::Any, expires_at: None, tags: Vec::new(), person: None }
    }

    /// The same until an instant.
    #[must_use]
    pub fn until(mut self, expires_at: impl Into<Option<Timestamp>>) -> Self {
        self.expires_at = expires_at.into();
        self
    }

    /// The same only where this is there.
    #[must_use]
    pub fn expecting(mut self, expected: Expected) -> Self {
        self.expected = expected;
        self
    }

    /// The same, found by one more tag.
    #[must_use]
    pub fn tagged(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.tags.push(Tag::new(name, value));
        self
    }

    /// The same about a person of a container, with whom it goes.
    #[must_use]
    pub fn about(mut self, container: ContainerName, person: Uuid) -> Self {
        self.person = Some((container, person));
        self
    }
}

impl Domain for RecordWrite {
    fn action(&self) -> &'static str {
        match self {
            Self::Put(record) => record.kind.row().actions.put,
            Self::Delete { kind, .. } => kind.row().actions.delete,
            Self::Take { kind, .. } => kind.row().actions.take,
        }
    }

    /// Whether sealed bytes went: those of a record that was replaced count.
    fn erases(&self, applied: &Applied) -> bool {
        match self {
            Self::Put(_) => applied.version > 1 || applied.removed > 0,
            Self::Delete { .. } | Self::Take { .. } => applied.removed > 0,
        }
    }
}
