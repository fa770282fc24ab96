//! Removing what has expired.

use super::{Applied, Domain};

/// Removes what has expired at the time of the command, oldest first, what a program that was stopped has left hidden of
/// copies and deletes in parts, and change rows older than a day.
/// A sweep that finds nothing writes nothing, no audit row either.
#[derive(Clone, Copy, Debug)]
pub struct ExpireDue {
    /// Most records to remove in this one transaction, so that a large sweep does not keep other writers
    /// waiting: call again while [`Applied::more`] says so. Ten thousand is a good number.
    pub limit: u32,
}

impl Domain for ExpireDue {
    fn action(&self) -> &'static str {
        "expire_due"
    }

    /// Of a sweep in parts the last keeps the promise for all.
    fn erases(&self, applied: &Applied) -> bool {
        applied.removed > 0 && !applied.more
    }
}
