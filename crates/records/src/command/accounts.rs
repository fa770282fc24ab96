//! Accounts: their life, their names, their keys.

use likeness_base::{Secret, Timestamp};

use super::{Applied, Domain};
use crate::types::{AccountNames, KeySlot, NewAccount};

/// What can be done to an account.
#[derive(Clone, Debug)]
pub enum AccountWrite {
    /// Makes the account of the command, with a data key of its own.
    Create(NewAccount),
    /// Changes the account's settings and by what it is found.
    Set {
        /// By what it is found from now on.
        names: AccountNames,
        /// The settings; opaque here.
        settings: Secret<Vec<u8>>,
        /// The version of the settings that were read before; any other refuses the command with
        /// [`RecordChanged`](crate::StoreError::RecordChanged).
        expected: u64,
    },
    /// Suspends the account: its keys are dead when the call returns. Its records stay until `ends_at`.
    Close {
        /// When it is to be destroyed.
        ends_at: Timestamp,
    },
    /// Takes a closed account up again. Refused once its destruction has begun.
    Reopen,
    /// Destroys a closed account whose time has come: first the key that seals its records, then the records. Its audit
    /// log and its counters stay; they hold nothing of anybody.
    Destroy {
        /// Most records to remove in this one transaction: call again while [`Applied::more`] says so.
        limit: u32,
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
}

impl Domain for AccountWrite {
    fn action(&self) -> &'static str {
        match self {
            Self::Create(_) => "create_account",
            Self::Set { .. } => "set_account",
            Self::Close { .. } => "close_account",
            Self::Reopen => "reopen_account",
            Self::Destroy { .. } => "destroy_account",
            Self::SetKey { .. } => "set_key",
        }
    }

    fn erases(&self, _applied: &Applied) -> bool {
        match self {
            Self::Set { .. } | Self::Destroy { .. } | Self::SetKey { .. } => true,
            Self::Create(_) | Self::Close { .. } | Self::Reopen => false,
        }
    }
}
