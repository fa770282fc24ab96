use likeness_base::{Secret, Timestamp};
use uuid::Uuid;

use crate::id::{AccountId, FaceId, FaceKey, PersonKey};

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
    /// server fell) applies it again with the same key: it is done once, and both calls get the same answer.
    pub key: Uuid,
    /// What is written.
    pub write: Write,
}

/// Who asked for a write. More kinds will follow when people and services authenticate by token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Actor {
    /// A holder of the account's first key.
    Key1,
    /// A holder of the account's second key.
    Key2,
    /// The person who runs the installation, at its command line.
    Operator,
    /// The program itself: sweeping, training.
    System,
}

impl Actor {
    /// The form in which the audit row names the actor; stable, because it is hashed into the chain.
    pub fn as_text(self) -> &'static str {
        match self {
            Self::Key1 => "key1",
            Self::Key2 => "key2",
            Self::Operator => "operator",
            Self::System => "system",
        }
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
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Key1 => 1,
            Self::Key2 => 2,
        }
    }

    pub(crate) fn from_number(number: i64) -> Option<Self> {
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
    pub(crate) fn number(self) -> u8 {
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

    pub(crate) fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| i64::from(kind.number()) == number)
    }
}

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
    pub(crate) fn dynamic_group(id: &str) -> Self {
        Self { kind: ContainerKind::DynamicPersonGroup, id: id.to_owned() }
    }

    /// The container in which the copy of a snapshot lies.
    pub(crate) fn copy_of(snapshot: Uuid) -> Self {
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

/// What a tracked command is about; it decides how its operation is told to those who ask.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OperationSubject {
    /// People of the directory and dynamic groups.
    Directory,
    /// Taking and applying snapshots.
    Snapshot,
}

impl OperationSubject {
    /// Its number in the database: never change one.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Directory => 1,
            Self::Snapshot => 2,
        }
    }

    pub(crate) fn from_number(number: i64) -> Option<Self> {
        [Self::Directory, Self::Snapshot].into_iter().find(|subject| i64::from(subject.number()) == number)
    }
}

/// A note that a command was done, for a client that asks later.
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

/// Everything that can be written. In updates, `None` leaves a field as it is.
///
/// Limits are inclusive: with `limit: Some(248)` the 248th is accepted and the 249th refused with
/// [`LimitReached`](crate::StoreError::LimitReached). `None` means no limit. Limits are checked inside the
/// transaction, so two writers cannot both take the last place.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Write {
    /// Makes the account of the command, with a data key of its own.
    CreateAccount {},
    /// Sets one of the account's keys; the old value is dead when the call returns.
    SetKey {
        /// Which of the two.
        slot: KeySlot,
        /// The key itself; sealed, so that it can be listed again.
        value: Secret<String>,
        /// Keyed digest of the value by which requests find the account;
        /// see [`InstallationKey::lookup_digest`](crate::keys::InstallationKey::lookup_digest).
        lookup: [u8; 32],
    },
    /// Makes an empty container.
    CreateContainer {
        /// Its name on the wire.
        container: ContainerName,
        /// What people call it.
        name: Secret<String>,
        /// What the client wants to remember about it.
        user_data: Option<Secret<String>>,
        /// Its recognition model; opaque here.
        model: String,
        /// Most containers of this kind in the account.
        limit: Option<u64>,
    },
    /// Changes name or user data.
    UpdateContainer {
        /// Which container.
        container: ContainerName,
        /// The new name.
        name: Option<Secret<String>>,
        /// The new user data.
        user_data: Option<Secret<String>>,
    },
    /// Deletes a container with its people, faces and change rows.
    DeleteContainer {
        /// Which container.
        container: ContainerName,
    },
    /// Adds a person without faces. In the directory, which need not exist yet, an empty name stands for none.
    CreatePerson {
        /// Where.
        container: ContainerName,
        /// The id on the wire; random, drawn by the caller.
        person: Uuid,
        /// What people call them.
        name: Secret<String>,
        /// What the client wants to remember about them.
        user_data: Option<Secret<String>>,
        /// Most people in this container.
        limit: Option<u64>,
        /// Most people in all containers of this kind in the account.
        account_limit: Option<u64>,
    },
    /// Changes name or user data of a person.
    UpdatePerson {
        /// Where.
        container: ContainerName,
        /// Who.
        person: Uuid,
        /// The new name.
        name: Option<Secret<String>>,
        /// The new user data.
        user_data: Option<Secret<String>>,
    },
    /// Deletes a person with their faces. Dynamic groups lose them too.
    DeletePerson {
        /// Where.
        container: ContainerName,
        /// Who.
        person: Uuid,
    },
    /// Adds a face to a person of a group, or to a list.
    AddFace {
        /// Where.
        container: ContainerName,
        /// Whose face; `None` in face lists.
        person: Option<Uuid>,
        /// The face.
        face: NewFace,
        /// Most faces of this person, or in this list.
        limit: Option<u64>,
    },
    /// Changes the user data of a face.
    UpdateFace {
        /// Where.
        container: ContainerName,
        /// Whose face; `None` in face lists.
        person: Option<Uuid>,
        /// Which face.
        face: Uuid,
        /// The new user data.
        user_data: Option<Secret<String>>,
    },
    /// Deletes a face.
    DeleteFace {
        /// Where.
        container: ContainerName,
        /// Whose face; `None` in face lists.
        person: Option<Uuid>,
        /// Which face.
        face: Uuid,
    },
    /// Adds a face to a person of the directory.
    AddDirectoryFace {
        /// Whose face.
        person: Uuid,
        /// The recognition model it belongs to; opaque here. It never changes.
        model: String,
        /// The face.
        face: NewFace,
        /// Most faces of this person and model.
        limit: Option<u64>,
    },
    /// Makes a dynamic group of people of the directory. One who is not there refuses the whole command.
    CreateDynamicGroup {
        /// Its id on the wire.
        id: String,
        /// What people call it.
        name: Secret<String>,
        /// What the client wants to remember about it.
        user_data: Option<Secret<String>>,
        /// Who is in it.
        add: Vec<Uuid>,
    },
    /// Changes a dynamic group: first adds, then removes. Adding a member again and removing somebody who is none
    /// changes nothing; adding one who is not in the directory refuses the whole command.
    /// Deleting the group is [`Write::DeleteContainer`]; it leaves its members as they are.
    UpdateDynamicGroup {
        /// Which group.
        id: String,
        /// The new name.
        name: Option<Secret<String>>,
        /// The new user data.
        user_data: Option<Secret<String>>,
        /// Who comes in.
        add: Vec<Uuid>,
        /// Who goes.
        remove: Vec<Uuid>,
    },
    /// Copies a list or group as it is now, with its people, faces and the state of its last successful training.
    /// What happens to the source afterwards does not touch the copy.
    TakeSnapshot {
        /// The id on the wire; random, drawn by the caller.
        snapshot: Uuid,
        /// What is copied.
        source: ContainerName,
        /// Accounts that may apply it. One that does not exist refuses the command.
        scope: Vec<AccountId>,
        /// What the client wants to remember about it; those in the scope can read it.
        user_data: Option<Secret<String>>,
        /// From this very instant on the snapshot does not exist.
        expires_at: Timestamp,
    },
    /// Changes scope or user data of a snapshot that this account took.
    UpdateSnapshot {
        /// Which snapshot.
        snapshot: Uuid,
        /// All who may apply it from now on.
        scope: Option<Vec<AccountId>>,
        /// The new user data.
        user_data: Option<Secret<String>>,
    },
    /// Deletes a snapshot that this account took, with the copy in it.
    DeleteSnapshot {
        /// Which snapshot.
        snapshot: Uuid,
    },
    /// Makes a container of a snapshot whose scope names this account: a copy with the same ids, names and
    /// templates, sealed under the keys of this account. The audit trails of both accounts tell of it.
    ApplySnapshot {
        /// Which snapshot.
        snapshot: Uuid,
        /// Who took it.
        taken_by: AccountId,
        /// What is made; its kind is that of the source.
        container: ContainerName,
        /// Most containers of this kind in the account.
        limit: Option<u64>,
        /// Most people in all containers of this kind in the account.
        account_limit: Option<u64>,
    },
    /// Does a command and, in the same transaction, keeps a note of it for a client that asks later.
    Tracked {
        /// The note.
        operation: NewOperation,
        /// What is done. Not itself tracked.
        write: Box<Write>,
    },
    /// Keeps the templates behind freshly given faceIds.
    KeepFaceIds {
        /// The faces of one picture.
        faces: Vec<DetectedFace>,
    },
    /// Records that a training was asked for. It covers what is in the container now.
    /// Refused with [`TrainingRunning`](crate::StoreError::TrainingRunning) while another is under way.
    StartTraining {
        /// Which container.
        container: ContainerName,
    },
    /// Records that the work of a training has begun.
    ProgressTraining {
        /// Which container.
        container: ContainerName,
        /// The number [`Applied::training`] gave when it was started.
        training: i64,
    },
    /// Records how a training ended. Success makes visible what the training covers.
    FinishTraining {
        /// Which container.
        container: ContainerName,
        /// The number [`Applied::training`] gave when it was started.
        training: i64,
        /// How it ended.
        outcome: TrainingOutcome,
    },
    /// Removes what has expired at the time of the command, oldest first, and change rows older than a day.
    /// A sweep that finds nothing writes nothing, no audit row either.
    ExpireDue {
        /// Most records to remove in this one transaction, so that a large sweep does not keep other writers
        /// waiting: call again while [`Applied::more`] says so. Ten thousand is a good number.
        limit: u32,
    },
}

impl Write {
    /// The stable name under which the audit row tells what was done.
    pub fn action(&self) -> &'static str {
        match self {
            Self::CreateAccount {} => "create_account",
            Self::SetKey { .. } => "set_key",
            Self::CreateContainer { .. } => "create_container",
            Self::UpdateContainer { .. } => "update_container",
            Self::DeleteContainer { .. } => "delete_container",
            Self::CreatePerson { .. } => "create_person",
            Self::UpdatePerson { .. } => "update_person",
            Self::DeletePerson { .. } => "delete_person",
            Self::AddFace { .. } => "add_face",
            Self::UpdateFace { .. } => "update_face",
            Self::DeleteFace { .. } => "delete_face",
            Self::AddDirectoryFace { .. } => "add_directory_face",
            Self::CreateDynamicGroup { .. } => "create_dynamic_group",
            Self::UpdateDynamicGroup { .. } => "update_dynamic_group",
            Self::TakeSnapshot { .. } => "take_snapshot",
            Self::UpdateSnapshot { .. } => "update_snapshot",
            Self::DeleteSnapshot { .. } => "delete_snapshot",
            Self::ApplySnapshot { .. } => "apply_snapshot",
            Self::Tracked { write, .. } => write.action(),
            Self::KeepFaceIds { .. } => "keep_face_ids",
            Self::StartTraining { .. } => "start_training",
            Self::ProgressTraining { .. } => "progress_training",
            Self::FinishTraining { .. } => "finish_training",
            Self::ExpireDue { .. } => "expire_due",
        }
    }
}

/// What a command did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Applied {
    /// The container's number in the account, if the command was about a container.
    pub container: Option<i64>,
    /// The container's version after the command; 0 if it was not about a container.
    pub version: u64,
    /// The person made, changed or deleted.
    pub person: Option<PersonKey>,
    /// The face made, changed or deleted.
    pub face: Option<FaceKey>,
    /// The training started, moved on or finished.
    pub training: Option<i64>,
    /// How many faces, people and containers were removed, each counted; for a sweep, how many records that had
    /// expired: faceIds, operations, snapshots and what is in them.
    pub removed: u64,
    /// Only after a sweep: there may be more to remove.
    pub more: bool,
}
