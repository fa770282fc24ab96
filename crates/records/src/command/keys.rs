//! Who holds the keys above an account's data.

use super::{Applied, Domain};
use crate::answers::RewrappedKey;

/// A place in an account's rows, in the order in which they are sealed anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ResealAt {
    /// The container's number; 0: what lies in none.
    pub container: i64,
    /// Texts of the container, people, faces.
    pub stage: i64,
    /// The number of the last row.
    pub row: i64,
}

impl ResealAt {
    /// The place that a command reached.
    pub fn reached(applied: &Applied) -> Self {
        Self {
            container: applied.container.unwrap_or(0),
            stage: applied.person.map_or(0, |stage| stage.0),
            row: applied.version.cast_signed(),
        }
    }
}

/// What can be done with the keys of an account, or with the installation's. None of it changes a value that they seal.
#[derive(Clone, Debug)]
pub enum KeyWrite {
    /// Keeps keys as they were wrapped anew: see [`Store::rewrapped_keys`](crate::Store::rewrapped_keys). Refused with
    /// [`RecordChanged`](crate::StoreError::RecordChanged) where another did so meanwhile. One that is new seals what is
    /// written from then on.
    Rewrap {
        /// The keys.
        keys: Vec<RewrappedKey>,
    },
    /// Seals anew what an older data key sealed: the next rows after a place, as many as fit a part. The answer has the place
    /// that was reached: [`ResealAt::reached`].
    Reseal {
        /// After this place.
        after: ResealAt,
    },
    /// Disables the account's key by order: within a second no node uses it any more.
    Disable,
    /// Takes that back.
    Enable,
    /// Tells that a provider was asked for them.
    Used,
    /// Tells that a backup was made of the account, or of all.
    BackedUp,
}

impl Domain for KeyWrite {
    fn action(&self) -> &'static str {
        match self {
            Self::Rewrap { .. } => "wrap_key",
            Self::Reseal { .. } => "reseal",
            Self::Disable => "disable_key",
            Self::Enable => "enable_key",
            Self::Used => "use_key",
            Self::BackedUp => "back_up",
        }
    }

    fn erases(&self, applied: &Applied) -> bool {
        match self {
            // A key that is wrapped by somebody else must not be there in its former form.
            Self::Rewrap { .. } => true,
            Self::Reseal { .. } => !applied.more,
            _ => false,
        }
    }
}
