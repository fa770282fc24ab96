//! Counters.

use super::{Applied, Domain};
use crate::types::Usage;

/// What can be done to the counters.
#[derive(Clone, Debug)]
pub enum UsageWrite {
    /// Adds to them. Leaves no audit row.
    Count {
        /// What to add.
        counts: Vec<Usage>,
    },
}

impl Domain for UsageWrite {
    fn action(&self) -> &'static str {
        match self {
            Self::Count { .. } => "count_usage",
        }
    }

    fn erases(&self, _applied: &Applied) -> bool {
        false
    }
}
