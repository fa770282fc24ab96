//! What commands speak of: who acts, kinds of things, and new things to be kept.

use std::borrow::Cow;
use std::sync::Arc;

use likeness_base::{Secret, Timestamp};
use uuid::Uuid;

use crate::audit::{AuditOutcome, AuditTarget};
use crate::id::FaceId;

/// Who asked for a write.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Actor {
    /// A holder of the account's first key.
    Key1,
    /// A holder of the account's second key.
    Key2,
    /// A holder of a token that was issued in exchange for a key.
    IssuedToken,
    /// A person or service that an identity provider vouches for, by the id it has there.
    Principal(Arc<str>),
    /// The client of another account, which this account lent something. It has no other name here.
    Client,
    /// A device with the token of a liveness session.
    Device,
    /// The person who runs the installation, at its command line or with the operator's key.
    Operator,
    /// The program itself: sweeping, training.
    System,
}

impl Actor {
    /// The form in which the audit row names the actor; stable, because it is hashed into the chain.
    pub fn as_text(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Key1 => "key1",
            Self::Key2 => "key2",
            Self::IssuedToken => "issued token",
            Self::Principal(id) => return Cow::Owned(format!("principal {id}")),
            Self::Client => "client",
            Self::Device => "device",
            Self::Operator => "operator",
            Self::System => "system",
        })
    }
}

/// One of the two keys of an account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeySlot {
    /// The first key.
    Key1,
    /// The second key.
    Key2,
}

impl KeySlot {
    /// Its number in the database and in associated data: never change one.
    pub fn number(self) -> u8 {
        match self {
            Self::Key1 => 1,
            Self::Key2 => 2,
        }
    }

    /// The one with this number in the database.
    pub fn from_number(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::Key1),
            2 => Some(Self::Key2),
            _ => None,
        }
    }
}

/// The kinds of container that hold faces or people.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ContainerKind {
    /// Faces without people; small, needs no training.
    FaceList,
    /// Faces without people; large, trained.
    LargeFaceList,
    /// People and their faces; small.
    PersonGroup,
    /// People and their faces; large.
    LargePersonGroup,
    /// All people of an account at once.
    PersonDirectory,
    /// References to people of the directory.
    DynamicPersonGroup,
    /// A copy of a list or group at one moment, kept until it expires. It holds people and faces as its source
    /// did, and is found by its snapshot alone.
    Snapshot,
}

impl ContainerKind {
    /// Every kind, in the order of their numbers in the database.
    pub const ALL: [Self; 7] = [
        Self::FaceList,
        Self::LargeFaceList,
        Self::PersonGroup,
        Self::LargePersonGroup,
        Self::PersonDirectory,
        Self::DynamicPersonGroup,
        Self::Snapshot,
    ];

    /// Its number in the database and in hashes: never change one.
    pub fn number(self) -> u8 {
        match self {
            Self::FaceList => 1,
            Self::LargeFaceList => 2,
            Self::PersonGroup => 3,
            Self::LargePersonGroup => 4,
            Self::PersonDirectory => 5,
            Self::DynamicPersonGroup => 6,
            Self::Snapshot => 7,
        }
    }

    /// The one with this number in the database.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| i64::from(kind.number()) == number)
    }
}

/// The kind that a container has in the database while nobody may see it: a copy until it is whole, or what is left of one
/// that was deleted. It is none of [`ContainerKind`], so nothing that asks for a kind finds one; what asks by number leaves
/// it out (`kind <> 8`). Its wire id is its number, and from `trim_due` on the sweep may remove it.
pub const HIDDEN: i64 = 8;

/// How the outside names a container. Ids of different kinds do not clash.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ContainerName {
    /// What kind it is.
    pub kind: ContainerKind,
    /// The id on the wire, chosen by the client.
    pub id: String,
}

impl ContainerName {
    /// The directory of an account. Each account has one, which comes into being with the first person in it.
    pub fn directory() -> Self {
        Self { kind: ContainerKind::PersonDirectory, id: "directory".to_owned() }
    }

    /// The dynamic group of that id.
    pub fn dynamic_group(id: &str) -> Self {
        Self { kind: ContainerKind::DynamicPersonGroup, id: id.to_owned() }
    }

    /// The container in which the copy of a snapshot lies.
    pub fn copy_of(snapshot: Uuid) -> Self {
        Self { kind: ContainerKind::Snapshot, id: snapshot.to_string() }
    }
}

/// A face to be kept in a container.
#[derive(Clone, Debug)]
pub struct NewFace {
    /// The id on the wire; random, drawn by the caller. Adding the same id to a container twice is refused.
    pub id: Uuid,
    /// The bytes that galleries compare; opaque here.
    pub template: Secret<Vec<u8>>,
    /// Which templates these bytes may be compared with (model and form); opaque here.
    pub space: String,
    /// What the client wants to remember about the face.
    pub user_data: Option<Secret<String>>,
}

/// The template behind a faceId: a face seen once and kept until it expires.
#[derive(Clone, Debug)]
pub struct DetectedFace {
    /// The id on the wire. It must have been made for `expires_at`.
    pub id: FaceId,
    /// The bytes that galleries compare; opaque here.
    pub template: Secret<Vec<u8>>,
    /// Which templates these bytes may be compared with; opaque here.
    pub space: String,
    /// The recognition model the client asked for; opaque here.
    pub model: String,
    /// From this very instant on the face does not exist.
    pub expires_at: Timestamp,
}

/// What a command with an operation status is about; it decides in which form those who ask are answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OperationSubject {
    /// People of the directory and dynamic groups.
    Directory,
    /// Taking and applying snapshots.
    Snapshot,
}

impl OperationSubject {
    /// Its number in the database: never change one.
    pub fn number(self) -> u8 {
        match self {
            Self::Directory => 1,
            Self::Snapshot => 2,
        }
    }

    /// The one with this number in the database.
    pub fn from_number(number: i64) -> Option<Self> {
        [Self::Directory, Self::Snapshot].into_iter().find(|subject| i64::from(subject.number()) == number)
    }
}

/// The operation status of a command, to be kept for a client that asks later.
#[derive(Clone, Debug)]
pub struct NewOperation {
    /// The id on the wire; random, drawn by the caller.
    pub id: Uuid,
    /// What it is about.
    pub subject: OperationSubject,
    /// Where what it made is found, in the caller's words. Kept in the clear: nothing personal.
    pub resource: Option<String>,
    /// From this very instant on the operation does not exist.
    pub expires_at: Timestamp,
}

/// By what an account is found beside its keys. Each belongs to one account at a time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccountNames {
    /// The resource id, in lower case.
    pub resource: Option<String>,
    /// The first label of the account's own host name.
    pub subdomain: Option<String>,
}

/// An account to be made, whole.
#[derive(Clone, Debug, Default)]
pub struct NewAccount {
    /// By what it is found.
    pub names: AccountNames,
    /// Its settings; opaque here.
    pub settings: Option<Secret<Vec<u8>>>,
    /// Its keys, each with its keyed digest; see [`AccountWrite::SetKey`](crate::AccountWrite::SetKey).
    pub keys: Vec<(KeySlot, Secret<String>, [u8; 32])>,
}

/// Something that happened without any record changing: for the audit log alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEvent {
    /// The stable name of what was done or refused.
    pub action: String,
    /// What became of it.
    pub outcome: AuditOutcome,
    /// What more there is to say, as JSON. Never pixels, templates, scores, keys or tokens.
    pub detail: Option<String>,
}

impl AuditEvent {
    /// Something that was done; `detail` in any form that writes itself as JSON.
    pub fn done(action: &str, detail: Option<impl ToString>) -> Self {
        Self::of(action, AuditOutcome::Applied, detail)
    }

    /// Something with its outcome.
    pub fn of(action: &str, outcome: AuditOutcome, detail: Option<impl ToString>) -> Self {
        Self { action: action.to_owned(), outcome, detail: detail.map(|detail| detail.to_string()) }
    }
}

/// A search that was made and changed nothing: who searched, among whom; never who was found. For the audit log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SearchEvent {
    /// When it was made.
    pub at: Timestamp,
    /// Who searched.
    pub actor: Actor,
    /// With which request.
    pub request_id: Uuid,
    /// The stable name of the search.
    pub action: String,
    /// The container that was searched, if one was.
    pub target: Option<AuditTarget>,
    /// Faces that were searched for.
    pub records: u64,
}

/// How often an operation was called on a day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Usage {
    /// Days since 1970-01-01.
    pub day: i64,
    /// Which operation.
    pub operation: String,
    /// Calls that were answered, refusals included.
    pub calls: u64,
    /// Calls that were not refused.
    pub billed: u64,
}

/// How a training ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TrainingOutcome {
    /// What was in the container when the training started is now visible.
    Succeeded,
    /// Nothing became visible; the former training stays in force.
    Failed {
        /// Shown to clients who ask for the state of the training.
        message: String,
    },
}
