//! A session as bytes.

use super::Session;
use likeness_base::{DocumentProblem, Secret, read_document, write_document};
use thiserror::Error;

/// How sessions are written. A reader refuses what is newer: it would drop members that it does not know.
const FORMAT: u32 = 1;
/// Bytes of a session: all that it may hold has room, however its texts are escaped.
pub const MOST_SESSION_BYTES: usize = 128 * 1024;

/// Bytes that are no session, or a session that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SessionProblem {
    /// Longer than any session.
    #[error("the session's record is too long")]
    TooLong,
    /// Not written by this program, or damaged.
    #[error("the session's record is damaged")]
    Damaged,
    /// Written by a newer program.
    #[error("the session's record has the format {0}, this program reads up to {FORMAT}")]
    Newer(u32),
    /// A value beyond the contract's bounds.
    #[error("{0} is out of bounds")]
    OutOfBounds(&'static str),
}

impl From<DocumentProblem> for SessionProblem {
    fn from(problem: DocumentProblem) -> Self {
        match problem {
            DocumentProblem::Unreadable { .. } => Self::Damaged,
            DocumentProblem::Newer(format) => Self::Newer(format),
        }
    }
}

impl Session {
    /// The session as it is stored, before it is sealed.
    ///
    /// # Errors
    /// [`SessionProblem::TooLong`] when it is longer than can be read again.
    pub fn to_bytes(&self) -> Result<Secret<Vec<u8>>, SessionProblem> {
        let bytes = Secret::new(write_document(FORMAT, self));
        if bytes.expose().len() > MOST_SESSION_BYTES { Err(SessionProblem::TooLong) } else { Ok(bytes) }
    }

    /// Reads what [`Session::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`SessionProblem`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SessionProblem> {
        if bytes.len() > MOST_SESSION_BYTES {
            return Err(SessionProblem::TooLong);
        }
        let session: Self = read_document(FORMAT, bytes)?;
        session.request.check()?;
        let numbered = session.attempts.iter().zip(1..).all(|(attempt, number)| attempt.id == number);
        let before_last = session.attempts.split_last().map_or(&[][..], |(_, before)| before);
        if !numbered || before_last.iter().any(super::Attempt::is_running) {
            return Err(SessionProblem::Damaged);
        }
        Ok(session)
    }
}
