//! Enrolled faces.

use likeness_base::Secret;
use uuid::Uuid;

use super::{Applied, Domain};
use crate::types::{ContainerName, NewFace};

/// What can be done to an enrolled face. In updates, `None` leaves a field as it is.
#[derive(Clone, Debug)]
pub enum FaceWrite {
    /// Adds a face to a person of a group, or to a list.
    Add {
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
    Update {
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
    Delete {
        /// Where.
        container: ContainerName,
        /// Whose face; `None` in face lists.
        person: Option<Uuid>,
        /// Which face.
        face: Uuid,
    },
}

impl Domain for FaceWrite {
    fn action(&self) -> &'static str {
        match self {
            Self::Add { .. } => "add_face",
            Self::Update { .. } => "update_face",
            Self::Delete { .. } => "delete_face",
        }
    }

    fn erases(&self, _applied: &Applied) -> bool {
        match self {
            Self::Update { .. } | Self::Delete { .. } => true,
            Self::Add { .. } => false,
        }
    }
}
