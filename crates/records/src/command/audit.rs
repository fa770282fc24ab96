//! Rows of the audit log alone.

use super::{Applied, Domain};
use crate::audit::PRUNED;
use crate::types::{Actor, AuditEvent, SearchEvent};
use likeness_base::Timestamp;

/// What is audited without any record changing.
#[derive(Clone, Debug)]
pub enum AuditWrite {
    /// Leaves a row in the audit log, and nothing else.
    Event(AuditEvent),
    /// Leaves a row in the audit log for each of many searches, and nothing else.
    Searches {
        /// In the order in which they were made.
        searches: Vec<SearchEvent>,
    },
    /// Says that what decides who may call is as it ought to be, though no row says so: after an operator has looked at what
    /// somebody changed outside the program.
    AcceptAccess,
    /// Removes the oldest rows, but never the newest of all, and leaves one that says up to where and with which link, so
    /// that the rest can still be checked.
    Prune {
        /// Those older than that.
        before: Timestamp,
        /// At most so many.
        limit: u32,
    },
    /// Puts a pseudonym in the place of an actor in all rows that name them, and removes details that do. The links hold.
    /// Rows of before schema 7 stay as they are: their links do not allow it.
    Pseudonymise {
        /// Who, as rows name them.
        actor: Actor,
        /// Rows after this one; [`Applied::version`] is where to go on while [`Applied::more`].
        after: i64,
        /// At most so many rows are looked at.
        limit: u32,
    },
}

impl Domain for AuditWrite {
    fn action(&self) -> &'static str {
        match self {
            Self::Event(_) => "note",
            Self::Searches { .. } => "note_questions",
            Self::AcceptAccess => "accept_access",
            Self::Prune { .. } => PRUNED,
            Self::Pseudonymise { .. } => "pseudonymise_actor",
        }
    }

    fn erases(&self, applied: &Applied) -> bool {
        applied.removed > 0
    }
}
