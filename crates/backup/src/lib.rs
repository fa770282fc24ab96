//! Backups of an installation: made while it serves, sealed under its key, and put back without bringing back the dead.
//!
//! ```text
//! backup: "likeness-backup" · header in the clear · frames, sealed one by one and bound to the header, the last marked
//! journal: a line for each deletion, revocation, replaced key and closed account, on the disk before it is done
//! restore: header → key from its provider → rows into an empty store → the journal since then → the store opens
//! ```
//!
//! Start at [`create`] and [`restore`]. The header says which provider wraps the installation key, and holds the wrapped key:
//! whoever has the backup and that provider's key can put it back, and nobody else can read it. Names, templates and texts
//! inside are sealed once more, under the accounts' own keys.
//!
//! This crate knows no command line and no place where backups are kept.

mod format;
mod journal;
mod making;
mod restoring;

pub use format::{BackupError, Header, Reader};
pub use journal::{DeletionJournal, JournalError, Positions, entries_after, forget};
pub use making::{Made, create, export, verify};
pub use restoring::{Restored, import, restore};

#[doc(hidden)]
pub mod fuzz_targets {
    //! Parsers of strangers' bytes.

    /// A backup, read with some key.
    pub fn backup(bytes: &[u8]) -> bool {
        crate::format::fuzz(bytes)
    }

    /// A line of a journal.
    pub fn journal(bytes: &[u8]) -> bool {
        std::str::from_utf8(bytes).is_ok_and(|line| likeness_store::journal::Entry::parse(line).is_some())
    }
}
