//! Rows of the audit log alone.

use super::{Applied, Domain};
use crate::types::{AuditEvent, SearchEvent};

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
}

impl Domain for AuditWrite {
    fn action(&self) -> &'static str {
        match self {
            Self::Event(_) => "note",
            Self::Searches { .. } => "note_questions",
        }
    }

    fn erases(&self, _applied: &Applied) -> bool {
        false
    }
}
