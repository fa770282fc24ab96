//! Rows of the audit trail alone, and counters.

use super::{Applied, Domain};
use crate::types::{Event, Question, Usage};

/// What is noted without any record changing.
#[derive(Clone, Debug)]
pub enum NoteWrite {
    /// Leaves a row in the audit trail, and nothing else.
    Event(Event),
    /// Leaves a row in the audit trail for each of many questions, and nothing else.
    Questions {
        /// In the order in which they were asked.
        questions: Vec<Question>,
    },
    /// Adds to the counters. Leaves no audit row.
    Usage {
        /// What to add.
        counts: Vec<Usage>,
    },
}

impl Domain for NoteWrite {
    fn action(&self) -> &'static str {
        match self {
            Self::Event(_) => "note",
            Self::Questions { .. } => "note_questions",
            Self::Usage { .. } => "count_usage",
        }
    }

    fn erases(&self, _applied: &Applied) -> bool {
        false
    }
}
