//! What queries give back, as plain data: accounts, containers, people, faces, records, gallery rows, the change feed.
//! Sealed values come out opened, as secrets. The types know no SQL and no wire format.

use std::sync::Arc;

use likeness_base::{Secret, Timestamp};
use uuid::Uuid;

use crate::command::{AccountNames, ContainerKind, ContainerName, KeySlot, OperationSubject};
use crate::id::{AccountId, FaceNumber, PersonNumber};
use crate::keys::{KeyProblem, WrappedKey};

/// An account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// When it was made.
    pub created_at: Timestamp,
    /// By what it is found beside its keys.
    pub names: AccountNames,
    /// Since when it is suspended.
    pub closed_at: Option<Timestamp>,
    /// When it is destroyed.
    pub ends_at: Option<Timestamp>,
}

/// An account as those who let callers in must know it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountAccess {
    /// The account.
    pub account: Account,
    /// The keyed digests of its keys.
    pub keys: Vec<(KeySlot, [u8; 32])>,
}

/// Who holds the key above the data of an account, or above the installation's, and how it stands with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyStatus {
    /// The name of the provider that wraps it; `None`: the installation key wraps the account's, or nobody the
    /// installation's.
    pub provider: Option<String>,
    /// By which version of the provider's key.
    pub version: Option<u32>,
    /// How many data keys the account has; the newest seals.
    pub data_keys: usize,
    /// Since when it is disabled by order.
    pub disabled_at: Option<Timestamp>,
    /// When a provider last gave it, as far as it was told.
    pub used_at: Option<Timestamp>,
    /// When a backup was last made that holds the account.
    pub backed_up_at: Option<Timestamp>,
    /// Why this node cannot use it now.
    pub problem: Option<KeyProblem>,
}

/// A key that was wrapped anew, on its way into the store.
#[derive(Clone, Debug)]
pub struct RewrappedKey {
    /// As it is wrapped from now on.
    pub key: WrappedKey,
    /// By which version of the provider's key.
    pub version: Option<u32>,
    /// As it was wrapped before; a key that was wrapped anew by somebody else meanwhile stays. `None`: it is new.
    pub former: Option<Vec<u8>>,
}

/// What has changed about who may call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessChanges {
    /// The version that has been reached.
    pub version: u64,
    /// Every account there is, the installation's own included.
    pub accounts: Vec<AccountId>,
    /// Those that changed.
    pub changed: Vec<AccountAccess>,
}

/// A record.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its id among those of its kind.
    pub id: String,
    /// Counts its writes.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// From when on it does not exist.
    pub expires_at: Option<Timestamp>,
    /// The bytes.
    pub value: Secret<Vec<u8>>,
}

/// A delivery that waits to be made.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its number in the account, which is never used again.
    pub number: i64,
    /// Its queue.
    pub queue: String,
    /// How often it was tried and failed.
    pub attempts: u32,
    /// When it was caused.
    pub created_at: Timestamp,
    /// From when on it does not exist.
    pub gives_up_at: Timestamp,
    /// What is delivered.
    pub payload: Secret<Vec<u8>>,
}

/// One of an account's keys, unsealed.
#[derive(Clone, Debug)]
pub struct AccountKey {
    /// Which of the two.
    pub slot: KeySlot,
    /// The key itself.
    pub value: Secret<String>,
    /// When it was set.
    pub set_at: Timestamp,
}

/// Where a page of a list starts and how long it is. Lists ascend by wire id, compared as text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageStart {
    /// Only ids greater than this text; empty for the first page. It need not be an id that exists.
    pub after: String,
    /// Most entries to return.
    pub top: usize,
}

impl PageStart {
    /// All entries as one page; for lists that are short.
    pub fn everything() -> Self {
        Self::first(usize::MAX)
    }

    /// The first of several pages.
    pub fn first(top: usize) -> Self {
        Self { after: String::new(), top }
    }

    /// Advances to the page after the one that ended with this id; `false`: that page was empty, so there is none.
    pub fn advance(&mut self, last: Option<String>) -> bool {
        last.map(|last| self.after = last).is_some()
    }
}

/// A face list, group or directory, without its contents.
#[derive(Clone, Debug)]
pub struct Container {
    /// Kind and wire id.
    pub name_on_wire: ContainerName,
    /// The store's number of it inside the account; never used again.
    pub number: i64,
    /// What people call it.
    pub name: Secret<String>,
    /// What the client wants to remember about it.
    pub user_data: Option<Secret<String>>,
    /// Its recognition model.
    pub model: String,
    /// Counts its writes without gaps, from 1, or from the version of its source if it was made of a snapshot.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its latest training, if there ever was one.
    pub training: Option<Training>,
    /// The version that the last successful training covers: faces added later are not yet visible.
    pub trained_version: Option<u64>,
    /// How many people it holds.
    pub persons: u64,
    /// How many faces it holds.
    pub faces: u64,
}

/// Where a training stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TrainingStatus {
    /// Asked for; no work done yet.
    NotStarted,
    /// Under way.
    Running,
    /// Done; what it covers is visible.
    Succeeded,
    /// Given up; the former training stays in force.
    Failed,
}

/// The latest training of a container.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Training {
    /// Counts the container's trainings from 1.
    pub number: i64,
    /// Where it stands.
    pub status: TrainingStatus,
    /// When it was asked for.
    pub created: Timestamp,
    /// When its status last changed.
    pub last_action: Timestamp,
    /// When a training of this container last succeeded, this one or an earlier one.
    pub last_success: Option<Timestamp>,
    /// Why it failed.
    pub message: Option<String>,
    /// The container's version when it was asked for: faces added up to it become visible.
    pub covers_version: u64,
}

/// A training that was asked for and has not ended: work for a server that has just started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnfinishedTraining {
    /// The container, as the outside names it.
    pub container: ContainerName,
    /// The container's number.
    pub number: i64,
    /// The training.
    pub training: Training,
}

/// A person with the ids of their faces.
#[derive(Clone, Debug)]
pub struct Person {
    /// The id on the wire.
    pub id: Uuid,
    /// The store's number of the person inside the container.
    pub number: PersonNumber,
    /// What people call them.
    pub name: Secret<String>,
    /// What the client wants to remember about them.
    pub user_data: Option<Secret<String>>,
    /// Wire ids of their faces, in the order in which they were added.
    pub faces: Vec<Uuid>,
}

/// A kept face without its template.
#[derive(Clone, Debug)]
pub struct Face {
    /// The id on the wire.
    pub id: Uuid,
    /// The store's number of the face inside the container.
    pub number: FaceNumber,
    /// Whose face; `None` in face lists.
    pub person: Option<Uuid>,
    /// Its own recognition model, which only faces of the directory have.
    pub model: Option<Arc<str>>,
    /// What the client wants to remember about it.
    pub user_data: Option<Secret<String>>,
}

/// One template of a person, for comparing a face with that person alone.
#[derive(Clone, Debug)]
pub struct PersonTemplate {
    /// Wire id of the face.
    pub face: Uuid,
    /// Its own recognition model, which only faces of the directory have.
    pub model: Option<Arc<str>>,
    /// What the template may be compared with.
    pub space: Arc<str>,
    /// The template.
    pub template: Secret<Vec<u8>>,
}

/// A member of a dynamic group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// Wire id of the person.
    pub person: Uuid,
    /// The store's number of the person in the directory.
    pub number: PersonNumber,
}

/// The operation status of a command that was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operation {
    /// The id on the wire.
    pub id: Uuid,
    /// What it was about.
    pub subject: OperationSubject,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was done.
    pub finished_at: Timestamp,
    /// Where what it made is found, in the words of whoever gave the command.
    pub resource: Option<String>,
}

/// A snapshot without the copy in it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The id on the wire.
    pub id: Uuid,
    /// Whose it is.
    pub taken_by: AccountId,
    /// What kind of container was copied.
    pub kind: ContainerKind,
    /// Who may apply it, in order of their ids. One who did not take it sees only itself.
    pub scope: Vec<AccountId>,
    /// What the client wants to remember about it.
    pub user_data: Option<Secret<String>>,
    /// When it was taken.
    pub created_at: Timestamp,
    /// When scope or user data last changed.
    pub updated_at: Timestamp,
    /// From this very instant on it does not exist.
    pub expires_at: Timestamp,
}

/// A row of a gallery: what a node needs to search a container.
#[derive(Clone, Debug)]
pub struct GalleryRow {
    /// The face.
    pub face: FaceNumber,
    /// Whose face; [`PersonNumber::NONE`] in face lists.
    pub person: PersonNumber,
    /// The container's version that added it.
    pub added_version: u64,
    /// Its own recognition model, which only faces of the directory have.
    pub model: Option<Arc<str>>,
    /// What the template may be compared with.
    pub space: Arc<str>,
    /// The template.
    pub template: Secret<Vec<u8>>,
}

/// Who has a face number, asked just before an answer names them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResolvedFace {
    /// The face that was asked for.
    pub number: FaceNumber,
    /// Its id on the wire.
    pub face: Uuid,
    /// Wire id of the person, if it has one.
    pub person: Option<Uuid>,
}

/// What happened to a face.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ChangeOp {
    /// It came in. Fetch it with [`Store::rows`](crate::Store::rows); it may be gone again by then.
    Added,
    /// It was deleted.
    Removed,
}

/// One step of a container's history.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ChangeRow {
    /// The container's version that did it.
    pub version: u64,
    /// What happened.
    pub op: ChangeOp,
    /// To which face.
    pub face: FaceNumber,
}

/// The answer to "what changed since?".
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Feed {
    /// The steps in order. Who applies them all stands at version `through`, which is past the last row
    /// where writes touched no face. A version is never cut in two.
    Changes {
        /// The steps, oldest first.
        rows: Vec<ChangeRow>,
        /// Where the follower stands afterwards. Equal to the version asked from: nothing happened.
        through: u64,
    },
    /// The rows that far back have been trimmed: load the container anew.
    Reload,
}

/// How much an account holds of one kind of container.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Totals {
    /// Which kind.
    pub kind: ContainerKind,
    /// How many containers of it.
    pub containers: u64,
    /// How many people in all of them.
    pub persons: u64,
    /// How many faces in all of them.
    pub faces: u64,
}

/// How much of one kind is in one table of an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holding {
    /// The table.
    pub table: &'static str,
    /// The kind of record or of container, by its number, where the table has several.
    pub kind: Option<i64>,
    /// How many rows.
    pub rows: u64,
    /// When the oldest was made, where that is stored.
    pub oldest: Option<Timestamp>,
    /// How many are past their end, and still there.
    pub ended: u64,
    /// How many of those are past it for longer than the sweep needs, and can still be opened with the keys that are there.
    pub overdue: u64,
}

/// How it stands with the keys of hours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HourKeysHeld {
    /// How many there are.
    pub keys: u64,
    /// How many of them are of hours that are over for longer than the sweep needs.
    pub overdue: u64,
    /// When the newest hour ended whose key was destroyed, and when that was done. `None`: none was yet.
    pub last_destroyed: Option<(Timestamp, Timestamp)>,
}
