//! Durable records: accounts, their keys, containers of people and faces, snapshots of them, detected faces
//! that expire, and the history of it all.
//!
//! Start at [`Store`]. Everything durable happens through [`Store::apply`]: one typed [`Command`] carrying
//! account, actor and time becomes one transaction that writes the records, moves the container's version,
//! adds the change rows that galleries follow and the audit row that auditors read. Or it becomes nothing.
//!
//! Templates, names, user data and account keys are sealed one by one before they reach a file; see [`keys`].
//! What is deleted is overwritten; see [`Store::apply`] for when.
//!
//! The store does not know what its bytes mean: a template is a string of bytes in a named space, a model is
//! a label. It asks nobody for the time or for randomness: time comes in commands and queries, randomness
//! is given when the store is opened. It knows no HTTP and no gallery.

mod connections;
mod database_error;
mod error;
mod postgres;
pub mod schema;
mod sqlite;
mod store;
mod transfer;
mod work;

pub use likeness_records::journal;
pub(crate) use likeness_records::{answers, audit, command, id, record, types};

pub use answers::{
    AccessChanges, Account, AccountAccess, AccountKey, ChangeOp, ChangeRow, Container, Delivery, Face, Feed,
    GalleryRow, Holding, HourKeysHeld, KeyStatus, Member, Operation, PageStart, Person, PersonTemplate, Record,
    ResolvedFace, RewrappedKey, Snapshot, Totals, Training, TrainingStatus, UnfinishedTraining,
};
pub use audit::{AuditEntry, AuditOutcome, AuditTarget, Chain, ChainBroken, ChainCheck, GENESIS};
pub use command::{
    AccountNames, AccountWrite, Actor, Applied, AuditEvent, AuditWrite, Command, ContainerKind, ContainerName,
    ContainerWrite, DetectedFace, DirectoryWrite, Expected, ExpireDue, FaceIdWrite, FaceWrite, KeySlot, KeyWrite,
    Lives, NewAccount, NewDelivery, NewFace, NewOperation, NewRecord, OperationSubject, OutboxWrite, PersonWrite,
    RecordWrite, ResealAt, SearchEvent, SnapshotWrite, Tag, TrainingOutcome, TrainingWrite, Usage, UsageWrite, Write,
    back_off,
};
pub use error::{LimitKind, StoreError};
pub use id::{AccountId, FaceId, FaceNumber, PersonNumber};
pub use likeness_keys as keys;
pub use postgres::{PostgresStore, PostgresTarget};
pub use record::{Actions, Erasure, KindRow, Life, RecordKind, TagForm, TagRow};
pub use sqlite::SqliteStore;
pub use store::Store;
pub use transfer::{
    Arrived, Import, Mended, PAGES_AHEAD, Page, Restore, Scope, Step, TableDigest, Transferable, Value, copy, pass_on,
};
