//! What can be written.

mod records;

use likeness_base::{Secret, Timestamp};
use uuid::Uuid;

use crate::id::{AccountId, FaceKey, PersonKey};
pub use crate::words::{
    AccountNames, Actor, ContainerKind, ContainerName, DetectedFace, Event, KeySlot, NewAccount, NewFace, NewOperation,
    OperationSubject, Question, TrainingOutcome, Usage,
};
pub use records::{Expected, NewRecord, RecordWrite, Tag};

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

/// Everything that can be written. In updates, `None` leaves a field as it is.
///
/// Limits are inclusive: with `limit: Some(248)` the 248th is accepted and the 249th refused with
/// [`LimitReached`](crate::StoreError::LimitReached). `None` means no limit. Limits are checked inside the
/// transaction, so two writers cannot both take the last place.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Write {
    /// Makes the account of the command, with a data key of its own.
    CreateAccount(NewAccount),
    /// Changes the account's settings and by what it is found.
    SetAccount {
        /// By what it is found from now on.
        names: AccountNames,
        /// The settings; opaque here.
        settings: Secret<Vec<u8>>,
        /// The version of the settings that were read before; any other refuses the command with
        /// [`RecordChanged`](crate::StoreError::RecordChanged).
        expected: u64,
    },
    /// Suspends the account: its keys are dead when the call returns. Its records stay until `ends_at`.
    CloseAccount {
        /// When it is to be destroyed.
        ends_at: Timestamp,
    },
    /// Takes a closed account up again. Refused once its destruction has begun.
    ReopenAccount {},
    /// Destroys a closed account whose time has come: first the key that seals its records, then the records. Its audit
    /// trail and its counters stay; they hold nothing of anybody.
    DestroyAccount {
        /// Most records to remove in this one transaction: call again while [`Applied::more`] says so.
        limit: u32,
    },
    /// Records of every kind. Settings are written by [`Write::SetAccount`].
    Record(RecordWrite),
    /// Leaves a row in the audit trail, and nothing else.
    Note(Event),
    /// Leaves a row in the audit trail for each of many questions, and nothing else.
    NoteQuestions {
        /// In the order in which they were asked.
        questions: Vec<Question>,
    },
    /// Adds to the counters. Leaves no audit row.
    CountUsage {
        /// What to add.
        counts: Vec<Usage>,
    },
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
    /// Does a command and says more of it in its audit row.
    Described {
        /// What more there is to say, as JSON. Never pixels, templates, scores, keys or tokens.
        detail: String,
        /// What is done. Not itself described.
        write: Box<Write>,
    },
    /// Writes records and does a command, all in one transaction or nothing. Each leaves an audit row of its own; what
    /// the caller is told is the command's.
    Accompanied {
        /// The records, which are written first, in this order.
        records: Vec<RecordWrite>,
        /// What is done. Not itself accompanied.
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
            Self::CreateAccount(_) => "create_account",
            Self::SetAccount { .. } => "set_account",
            Self::CloseAccount { .. } => "close_account",
            Self::ReopenAccount {} => "reopen_account",
            Self::DestroyAccount { .. } => "destroy_account",
            Self::Record(write) => write.action(),
            Self::Note(_) => "note",
            Self::NoteQuestions { .. } => "note_questions",
            Self::CountUsage { .. } => "count_usage",
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
            Self::Tracked { write, .. } | Self::Described { write, .. } | Self::Accompanied { write, .. } => {
                write.action()
            }
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

impl From<RecordWrite> for Write {
    fn from(write: RecordWrite) -> Self {
        Self::Record(write)
    }
}
