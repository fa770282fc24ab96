//! Snapshots.

use likeness_base::{Secret, Timestamp};
use uuid::Uuid;

use super::{Applied, Domain};
use crate::id::AccountId;
use crate::types::ContainerName;

/// What can be done to a snapshot. In updates, `None` leaves a field as it is.
#[derive(Clone, Debug)]
pub enum SnapshotWrite {
    /// Copies a list or group as it is when the command is done, with its people, faces and the state of its last
    /// successful training. What happens to the source afterwards does not touch the copy. A name or user data of a person
    /// or face that is changed while a large container is copied may be in the copy as it was before.
    Take {
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
        /// Most snapshots of the account.
        limit: Option<u64>,
        /// Most snapshots that it offers to any other account.
        offers: Option<u64>,
    },
    /// Changes scope or user data of a snapshot that this account took.
    Update {
        /// Which snapshot.
        snapshot: Uuid,
        /// All who may apply it from now on.
        scope: Option<Vec<AccountId>>,
        /// The new user data.
        user_data: Option<Secret<String>>,
        /// Most snapshots that it offers to any other account.
        offers: Option<u64>,
    },
    /// Removes this account from the scope of a snapshot that another took. The audit logs of both accounts tell of it.
    Decline {
        /// Which snapshot.
        snapshot: Uuid,
        /// Who took it.
        taken_by: AccountId,
    },
    /// Deletes a snapshot that this account took, with the copy in it.
    Delete {
        /// Which snapshot.
        snapshot: Uuid,
    },
    /// Makes a container of a snapshot whose scope names this account: a copy with the same ids, names and
    /// templates, sealed under the keys of this account. The audit logs of both accounts tell of it.
    Apply {
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
}

impl Domain for SnapshotWrite {
    fn action(&self) -> &'static str {
        match self {
            Self::Take { .. } => "take_snapshot",
            Self::Update { .. } => "update_snapshot",
            Self::Decline { .. } => "decline_snapshot",
            Self::Delete { .. } => "delete_snapshot",
            Self::Apply { .. } => "apply_snapshot",
        }
    }

    fn erases(&self, _applied: &Applied) -> bool {
        match self {
            Self::Update { .. } | Self::Delete { .. } => true,
            Self::Take { .. } | Self::Apply { .. } | Self::Decline { .. } => false,
        }
    }
}
