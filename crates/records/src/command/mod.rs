//! What can be written: a command, and the sum of what all domains can do.
//!
//! Each domain has a file of its own here, which says what can be done, under which name the audit log tells of it and
//! whether it erases; what an audit row points at is known where it is done, in the file of the same name in
//! `sql/write`. A new kind of durable thing is mostly a row of [`RecordKind`](crate::RecordKind) and no new domain.

mod accounts;
mod audit;
mod containers;
mod directory;
mod face_ids;
mod faces;
mod keys;
mod outbox;
mod persons;
mod records;
mod snapshots;
mod sweep;
mod training;
mod usage;

use likeness_base::Timestamp;
use uuid::Uuid;

use crate::id::{AccountId, FaceNumber, PersonNumber};
pub use crate::types::{
    AccountNames, Actor, AuditEvent, ContainerKind, ContainerName, DetectedFace, KeySlot, NewAccount, NewFace,
    NewOperation, OperationSubject, SearchEvent, TrainingOutcome, Usage,
};
pub use accounts::AccountWrite;
pub use audit::AuditWrite;
pub use containers::ContainerWrite;
pub use directory::DirectoryWrite;
pub use face_ids::FaceIdWrite;
pub use faces::FaceWrite;
pub use keys::{KeyWrite, ResealAt};
pub use outbox::{NewDelivery, OutboxWrite, back_off};
pub use persons::PersonWrite;
pub use records::{Expected, NewRecord, RecordWrite, Tag};
pub use snapshots::SnapshotWrite;
pub use sweep::{ExpireDue, Lives};
pub use training::TrainingWrite;
pub use usage::UsageWrite;

/// One durable write: what, for whom, by whom and when.
#[derive(Clone, Debug)]
pub struct Command {
    /// Whose records are written.
    pub account: AccountId,
    /// Who asked for it.
    pub actor: Actor,
    /// When it happens, by the one clock of the program.
    pub at: Timestamp,
    /// The request this command serves; it goes into the audit row and nowhere else.
    pub request_id: Uuid,
    /// Drawn at random for this command. Whoever does not know whether a command was done (the connection broke, the
    /// server fell) applies it again with the same idempotency key: it is done once, and both calls get the same
    /// answer.
    pub idempotency_key: Uuid,
    /// How many sealed bytes the account may have; a command that makes it more than that is refused.
    pub most_stored_bytes: Option<u64>,
    /// What is written.
    pub write: Write,
}

/// Everything that can be written, by domain.
///
/// Limits are inclusive: with `limit: Some(248)` the 248th is accepted and the 249th refused with
/// [`LimitReached`](crate::StoreError::LimitReached). `None` means no limit. Limits are checked inside the
/// transaction, so two writers cannot both take the last place.
#[derive(Clone, Debug)]
pub enum Write {
    /// Accounts.
    Account(AccountWrite),
    /// Records of every kind, but for settings: [`AccountWrite::Set`].
    Record(RecordWrite),
    /// Lists and groups.
    Container(ContainerWrite),
    /// People.
    Person(PersonWrite),
    /// Enrolled faces.
    Face(FaceWrite),
    /// What only the directory has.
    Directory(DirectoryWrite),
    /// Snapshots.
    Snapshot(SnapshotWrite),
    /// Trainings.
    Training(TrainingWrite),
    /// Detected faces.
    FaceId(FaceIdWrite),
    /// The audit log alone.
    Audit(AuditWrite),
    /// Who holds keys.
    Key(KeyWrite),
    /// Counters.
    Usage(UsageWrite),
    /// Deliveries.
    Outbox(OutboxWrite),
    /// Removing what has expired.
    ExpireDue(ExpireDue),
    /// Does a command and, in the same transaction, keeps its operation status for a client that asks later.
    WithOperation {
        /// Its operation status.
        operation: NewOperation,
        /// What is done. Not itself one with an operation status.
        write: Box<Write>,
    },
    /// Does a command and says more of it in its audit row.
    WithDetail {
        /// What more there is to say, as JSON. Never pixels, templates, scores, keys or tokens.
        detail: String,
        /// What is done. Not itself one with detail.
        write: Box<Write>,
    },
    /// Writes records and deliveries and does a command, all in one transaction or nothing. Each record leaves an audit
    /// row of its own; what the caller is told is the command's.
    Accompanied {
        /// The records, which are written first, in this order.
        records: Vec<RecordWrite>,
        /// What comes of it, in this order.
        deliveries: Vec<NewDelivery>,
        /// What is done. Not itself accompanied.
        write: Box<Write>,
    },
}

/// What every domain says of its commands.
pub trait Domain {
    /// The stable name under which the audit row tells what was done: never change one.
    fn action(&self) -> &'static str;

    /// Whether the command, which did this, removed or replaced sealed bytes: they must then be in no file.
    fn erases(&self, applied: &Applied) -> bool;
}

impl Write {
    /// The stable name under which the audit row tells what was done.
    pub fn action(&self) -> &'static str {
        self.domain().action()
    }

    /// Whether sealed bytes must be in no file after it.
    pub fn erases(&self, applied: &Applied) -> bool {
        // What the records beside it did is told to nobody.
        self.is_accompanied() || self.domain().erases(applied)
    }

    /// Whether it deletes a container, or the copy in a snapshot, with all that is in it.
    pub fn removes_container(&self) -> bool {
        match self {
            Self::Container(ContainerWrite::Delete { .. }) | Self::Snapshot(SnapshotWrite::Delete { .. }) => true,
            Self::WithOperation { write, .. } | Self::WithDetail { write, .. } | Self::Accompanied { write, .. } => {
                write.removes_container()
            }
            _ => false,
        }
    }

    fn is_accompanied(&self) -> bool {
        match self {
            Self::Accompanied { .. } => true,
            Self::WithOperation { write, .. } | Self::WithDetail { write, .. } => write.is_accompanied(),
            _ => false,
        }
    }

    /// The command itself, without what is wrapped around it.
    fn domain(&self) -> &dyn Domain {
        match self {
            Self::Account(write) => write,
            Self::Record(write) => write,
            Self::Container(write) => write,
            Self::Person(write) => write,
            Self::Face(write) => write,
            Self::Directory(write) => write,
            Self::Snapshot(write) => write,
            Self::Training(write) => write,
            Self::FaceId(write) => write,
            Self::Audit(write) => write,
            Self::Key(write) => write,
            Self::Usage(write) => write,
            Self::Outbox(write) => write,
            Self::ExpireDue(write) => write,
            Self::WithOperation { write, .. } | Self::WithDetail { write, .. } | Self::Accompanied { write, .. } => {
                write.domain()
            }
        }
    }
}

/// Makes the commands of each domain commands.
macro_rules! is_write {
    ($($domain:ident of $write:ident,)+) => {
        $(
            impl From<$write> for Write {
                fn from(write: $write) -> Self {
                    Self::$domain(write)
                }
            }
        )+
    };
}

is_write! {
    Account of AccountWrite,
    Record of RecordWrite,
    Container of ContainerWrite,
    Person of PersonWrite,
    Face of FaceWrite,
    Directory of DirectoryWrite,
    Snapshot of SnapshotWrite,
    Training of TrainingWrite,
    FaceId of FaceIdWrite,
    Audit of AuditWrite,
    Key of KeyWrite,
    Usage of UsageWrite,
    Outbox of OutboxWrite,
    ExpireDue of ExpireDue,
}

/// What a command did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Applied {
    /// The container's number in the account, if the command was about a container.
    pub container: Option<i64>,
    /// The version after the command of the container or record that it was about; of a delivery its number; else 0.
    pub version: u64,
    /// The person made, changed or deleted.
    pub person: Option<PersonNumber>,
    /// The face made, changed or deleted.
    pub face: Option<FaceNumber>,
    /// The training started, moved on or finished.
    pub training: Option<i64>,
    /// How many faces, people and containers were removed, each counted; for a sweep, how many records that had
    /// expired: faceIds, operations, snapshots and what is in them; rows that were left hidden count too.
    pub removed: u64,
    /// Only after a sweep: there may be more to remove.
    pub more: bool,
}
