//! The directory: faces that have a model of their own, and dynamic groups of its people.

use likeness_base::Secret;
use uuid::Uuid;

use super::{Applied, Domain};
use crate::types::NewFace;

/// What can be done in the directory alone. In updates, `None` leaves a field as it is.
#[derive(Clone, Debug)]
pub enum DirectoryWrite {
    /// Adds a face to a person of the directory.
    AddFace {
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
    CreateGroup {
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
    /// Deleting the group is [`ContainerWrite::Delete`](crate::ContainerWrite::Delete); it leaves its members as they are.
    UpdateGroup {
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
}

impl Domain for DirectoryWrite {
    fn action(&self) -> &'static str {
        match self {
            Self::AddFace { .. } => "add_directory_face",
            Self::CreateGroup { .. } => "create_dynamic_group",
            Self::UpdateGroup { .. } => "update_dynamic_group",
        }
    }

    fn erases(&self, _applied: &Applied) -> bool {
        match self {
            Self::UpdateGroup { .. } => true,
            Self::AddFace { .. } | Self::CreateGroup { .. } => false,
        }
    }
}
