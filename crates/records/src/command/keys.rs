//! Who holds the keys above an account's data.

use super::{Applied, Domain};
use crate::answers::RewrappedKey;

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
            Self::Disable => "disable_key",
            Self::Enable => "enable_key",
            Self::Used => "use_key",
            Self::BackedUp => "back_up",
        }
    }

    fn erases(&self, _applied: &Applied) -> bool {
        // A key that is wrapped by somebody else must not be there in its former form.
        matches!(self, Self::Rewrap { .. })
    }
}
