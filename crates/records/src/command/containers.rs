//! Lists and groups.

use likeness_base::Secret;

use super::{Applied, Domain};
use crate::types::ContainerName;

/// What can be done to a list, a group or a dynamic group as a whole. In updates, `None` leaves a field as it is.
#[derive(Clone, Debug)]
pub enum ContainerWrite {
    /// Makes an empty container.
    Create {
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
    Update {
        /// Which container.
        container: ContainerName,
        /// The new name.
        name: Option<Secret<String>>,
        /// The new user data.
        user_data: Option<Secret<String>>,
    },
    /// Deletes a container with its people, faces and change rows.
    Delete {
        /// Which container.
        container: ContainerName,
    },
}

impl Domain for ContainerWrite {
    fn action(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create_container",
            Self::Update { .. } => "update_container",
            Self::Delete { .. } => "delete_container",
        }
    }

    fn erases(&self, _applied: &Applied) -> bool {
        match self {
            Self::Update { .. } | Self::Delete { .. } => true,
            Self::Create { .. } => false,
        }
    }
}
