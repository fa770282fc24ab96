//! The one error type of the store, with a variant for each case on which a caller can act.
//!
//! What the databases themselves report becomes such a variant in `database_error.rs`.

use likeness_keys::provider::ProviderError;
use likeness_keys::{KeyFileError, KeyProblem};

/// What goes wrong in a store, by what the caller can do about it. No text of it carries a name, a template,
/// user data or a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such account.
    #[error("the account does not exist")]
    AccountNotFound,
    /// There is such an account already.
    #[error("the account exists already")]
    AccountExists,
    /// Another account has that resource id or that subdomain.
    #[error("the resource id or the subdomain belongs to another account")]
    NameInUse,
    /// The account is not closed, or its time has not come, or its destruction has begun.
    #[error("the account is not in a state for that")]
    AccountState,
    /// The record was changed by somebody else since it was read.
    #[error("the record was changed meanwhile")]
    RecordChanged,
    /// There is a record of that kind and id already.
    #[error("the record exists already")]
    RecordExists,
    /// There is no such record, or it has expired.
    #[error("the record does not exist")]
    RecordNotFound,
    /// The record is kept until it expires: an audit log rests on it.
    #[error("the record is kept for the audit trail until it expires")]
    RecordKept,
    /// Another record of the kind has that tag, and only one may.
    #[error("another record has the tag already")]
    TagInUse,
    /// There is no such container in the account.
    #[error("the container does not exist")]
    ContainerNotFound,
    /// There is a container of that kind and id already.
    #[error("the container exists already")]
    ContainerExists,
    /// There is no such person in the container.
    #[error("the person does not exist")]
    PersonNotFound,
    /// There is a person of that id in the container already.
    #[error("the person exists already")]
    PersonExists,
    /// There is no such face where it was looked for.
    #[error("the face does not exist")]
    FaceNotFound,
    /// There is a face of that id already.
    #[error("the face exists already")]
    FaceExists,
    /// There is an operation of that id already.
    #[error("the operation exists already")]
    OperationExists,
    /// There is no such snapshot, it has expired, or it is not this account's to use in this way.
    #[error("the snapshot does not exist")]
    SnapshotNotFound,
    /// There is a snapshot of that id already.
    #[error("the snapshot exists already")]
    SnapshotExists,
    /// A snapshot is offered to an account that does not exist.
    #[error("the account to which the snapshot is offered does not exist")]
    RecipientNotFound,
    /// The delivery is not the caller's to make: it is not the first of its queue, not due, gone, or somebody else's.
    #[error("the delivery is not held")]
    DeliveryNotHeld,
    /// One more would be over the limit given in the command.
    #[error("the limit of {limit} {kind} is reached")]
    LimitReached {
        /// What there would be too many of.
        kind: LimitKind,
        /// The limit.
        limit: u64,
    },
    /// A training is under way; another cannot start.
    #[error("a training is running")]
    TrainingRunning,
    /// That training is not under way: it ended, or it never was.
    #[error("that training is not running")]
    TrainingNotRunning,
    /// The same key value is set already, here or in another account.
    #[error("the key value is in use already")]
    KeyInUse,
    /// The command contradicts itself; a programming error of the caller.
    #[error("the command is not consistent: {0}")]
    Inconsistent(&'static str),
    /// The database is locked by somebody else for longer than we wait. Trying again later may help.
    #[error("the database is busy")]
    Busy,
    /// The database server does not answer, or ended the connection. Trying again may help; a write may have been done
    /// all the same, and applying it again with the same idempotency key finds out.
    #[error("the database cannot be reached")]
    Unreachable,
    /// The disk, or the room granted on it, is full, or it refuses writes. Nothing of the command was written.
    #[error("no room left for the database")]
    DiskFull,
    /// The target of a copy holds something already.
    #[error("the target of the copy is not empty")]
    NotEmpty,
    /// The address of the database cannot be read.
    #[error("the address of the database is not of the form postgres://user@host/database")]
    Address,
    /// The installation key does not belong to this data.
    #[error("the installation key does not belong to this data")]
    WrongKey,
    /// The keys of the account cannot be used now.
    #[error("the keys cannot be used: {0}")]
    KeyUnavailable(KeyProblem),
    /// The installation key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A newer version of the program has written this database.
    #[error("the database has schema {found}, this program knows schemas up to {known}")]
    SchemaTooNew {
        /// The schema in the database.
        found: i64,
        /// The newest schema this program knows.
        known: i64,
    },
    /// The database was made by an older version of the program, and is not changed by itself.
    #[error("the database has schema {found}, this program needs schema {known}: run `likeness migrate` once")]
    SchemaTooOld {
        /// The schema in the database.
        found: i64,
        /// The schema this program works on.
        known: i64,
    },
    /// What is in the database is not what was put there: a broken file, or a record that does not open.
    #[error("the database is damaged: {what}")]
    Damaged {
        /// Which part, as far as known.
        what: String,
    },
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
    /// Anything else the database says.
    #[error("the database failed")]
    Backend(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<ProviderError> for StoreError {
    fn from(error: ProviderError) -> Self {
        Self::KeyUnavailable(KeyProblem::Installation(error))
    }
}

impl From<KeyProblem> for StoreError {
    fn from(problem: KeyProblem) -> Self {
        match problem {
            KeyProblem::Damaged => Self::Damaged { what: "a data key of an account".into() },
            problem => Self::KeyUnavailable(problem),
        }
    }
}

/// What a limit counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LimitKind {
    /// Containers of one kind in an account.
    Containers,
    /// People in one container.
    Persons,
    /// People in all containers of one kind in an account.
    PersonsInAccount,
    /// Faces of one person; in the directory, of one model.
    FacesOfPerson,
    /// Faces in one list.
    Faces,
    /// Deliveries that wait in an account.
    Deliveries,
    /// Snapshots that one account offers to another.
    Offers,
    /// Sealed bytes of an account.
    StoredBytes,
}

impl std::fmt::Display for LimitKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Containers => "containers of this kind",
            Self::Persons => "people in the container",
            Self::PersonsInAccount => "people in containers of this kind",
            Self::FacesOfPerson => "faces of the person",
            Self::Faces => "faces in the list",
            Self::Deliveries => "waiting deliveries",
            Self::Offers => "snapshots offered to one account",
            Self::StoredBytes => "stored bytes",
        })
    }
}
