//! Removing what has expired.

use std::time::Duration;

use super::{Applied, Domain};

/// Removes what has expired at the time of the command, oldest first, what a program that was stopped has left hidden of
/// copies and deletes in parts, and change rows older than a day.
/// A sweep that finds nothing writes nothing, no audit row either.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExpireDue {
    /// Most records to remove in this one transaction, so that a large sweep does not keep other writers
    /// waiting: call again while [`Applied::more`] says so. Ten thousand is a good number.
    pub limit: u32,
    /// Shorter lives that hold now for what was stored with longer ones.
    pub lives: Lives,
}

/// How long an account lets things live, where that is shorter than they may have been stored for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lives {
    /// FaceIds: those that would live longer from now on go, since nobody knows when they began.
    pub face_id: Option<Duration>,
    /// The status of an operation, from when it began.
    pub operation: Option<Duration>,
    /// Snapshots, from when they were taken.
    pub snapshot: Option<Duration>,
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
