//! The state of a session in the words of the contract.

use super::{Session, Stage};
use likeness_base::Timestamp;
use serde::{Deserialize, Serialize};

/// `status` of a session and of an attempt, in the new shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SessionStatus {
    /// No attempt began.
    NotStarted,
    /// One is running, or another may begin.
    Running,
    /// An attempt yielded a decision, whichever.
    Succeeded,
    /// Attempts failed, and no other can begin.
    Failed,
    /// The token expired before use, or all attempts were given up.
    Canceled,
}

/// `status` of a session in the old shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SessionStatusOld {
    /// No attempt began.
    NotStarted,
    /// One is running, or those that were made were given up.
    Started,
    /// The latest attempt has an entry that tells what came of it.
    ResultAvailable,
}

impl SessionStatus {
    /// The name on the wire.
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::NotStarted => "NotStarted",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
        }
    }
}

impl SessionStatusOld {
    /// The name on the wire.
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::NotStarted => "NotStarted",
            Self::Started => "Started",
            Self::ResultAvailable => "ResultAvailable",
        }
    }
}

impl Session {
    /// The state in the new shape. An attempt that is overdue counts as failed, whether or not that is written yet.
    pub fn status(&self, now: Timestamp) -> SessionStatus {
        let attempts = self.attempts();
        if attempts.iter().any(|attempt| attempt.result().is_some()) {
            return SessionStatus::Succeeded;
        }
        if attempts.last().is_some_and(|attempt| attempt.status(now) == SessionStatus::Running) {
            return SessionStatus::Running;
        }
        let another = self.remaining_attempts() > 0 && self.token_holds(now);
        let failed = attempts.iter().any(|attempt| attempt.status(now) == SessionStatus::Failed);
        match (attempts.is_empty(), another) {
            (true, true) => SessionStatus::NotStarted,
            (false, true) => SessionStatus::Running,
            (_, false) if failed => SessionStatus::Failed,
            (_, false) => SessionStatus::Canceled,
        }
    }

    /// The state in the old shape.
    pub fn status_old(&self, now: Timestamp) -> SessionStatusOld {
        match self.attempts().last() {
            None => SessionStatusOld::NotStarted,
            Some(last) if last.is_running() && !last.is_overdue(now) => SessionStatusOld::Started,
            Some(_) if self.attempts().iter().all(|attempt| matches!(attempt.stage, Stage::Canceled { .. })) => {
                SessionStatusOld::Started
            }
            Some(_) => SessionStatusOld::ResultAvailable,
        }
    }
}

impl super::Attempt {
    /// `attemptStatus`.
    pub fn status(&self, now: Timestamp) -> SessionStatus {
        match self.stage {
            Stage::Running { .. } if self.is_overdue(now) => SessionStatus::Failed,
            Stage::Running { .. } => SessionStatus::Running,
            Stage::Succeeded { .. } => SessionStatus::Succeeded,
            Stage::Failed { .. } => SessionStatus::Failed,
            Stage::Canceled { .. } => SessionStatus::Canceled,
        }
    }
}
