//! People.

use likeness_base::Secret;
use uuid::Uuid;

use super::{Applied, Domain};
use crate::types::ContainerName;

/// What can be done to a person of a group or of the directory. In updates, `None` leaves a field as it is.
#[derive(Clone, Debug)]
pub enum PersonWrite {
    /// Adds a person without faces. In the directory, which need not exist yet, an empty name stands for none.
    Create {
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
    Update {
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
    Delete {
        /// Where.
        container: ContainerName,
        /// Who.
        person: Uuid,
    },
}

impl Domain for PersonWrite {
    fn action(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create_person",
            Self::Update { .. } => "update_person",
            Self::Delete { .. } => "delete_person",
        }
    }

    fn erases(&self, _applied: &Applied) -> bool {
        match self {
            Self::Update { .. } | Self::Delete { .. } => true,
            Self::Create { .. } => false,
        }
    }
}
