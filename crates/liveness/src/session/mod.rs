//! A session: what an account asked for, and the attempts that were made.
//!
//! Start at [`Session`]. What changes it takes what it needs and the time, and may refuse. Frames and templates are no
//! part of it: whoever stores a session keeps the template of its reference picture beside it.

mod attempt;
mod key;
mod record;
mod request;
mod status;

pub use attempt::{Attempt, AttemptOutcome, AttemptResult, AttemptStart, FlaggedSession, Origin, Stage, VerifyResult};
pub use key::{KeyRefusal, KeyStage};
pub use record::{MOST_SESSION_BYTES, SessionProblem};
pub use request::{Correlation, MOST_ATTEMPTS_ALLOWED, ReferenceSource, SessionRequest, VerifyRequest};
pub use status::{SessionStatus, SessionStatusOld};

use crate::AttemptCode;
use crate::text::moment;
use likeness_base::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use thiserror::Error;
use uuid::Uuid;

/// Attempts that a session remembers, those that did not count among them. A server that fails more often than this
/// within one session will not do better the next time.
const MOST_ATTEMPTS_KEPT: usize = 12;
/// How much longer than its longest life an attempt may be found running before its node is taken for dead.
const GRACE: Duration = Duration::from_secs(15);

/// A session from its creation to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: Uuid,
    /// What was asked for.
    pub request: SessionRequest,
    /// When it was created.
    #[serde(with = "moment")]
    pub created_at: Timestamp,
    /// When it ends with all that belongs to it.
    #[serde(with = "moment")]
    pub expires_at: Timestamp,
    /// When its token ends.
    #[serde(with = "moment")]
    pub token_expires_at: Timestamp,
    /// When the account's notice was accepted.
    #[serde(default, with = "moment::optional")]
    notice_accepted_at: Option<Timestamp>,
    /// Whether a device has brought a key.
    #[serde(default)]
    key: KeyStage,
    /// Attempts, oldest first.
    #[serde(default)]
    attempts: Vec<Attempt>,
}

/// Why a session does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SessionRefusal {
    /// The session has ended.
    #[error("the session has expired")]
    SessionExpired,
    /// Its token has.
    #[error("the token has expired")]
    TokenExpired,
    /// The account has a notice, and nobody accepted it.
    #[error("the notice was not accepted")]
    NoticeNotAccepted,
    /// Another attempt is running.
    #[error("an attempt is running")]
    AttemptInProgress,
    /// They are used up, or one of them yielded a decision.
    #[error("no attempts are left")]
    NoAttemptsLeft,
    /// The attempt is not the one that is running.
    #[error("this attempt is not running")]
    NotThisAttempt,
}

impl Session {
    /// A new session. The token ends with the session at the latest.
    pub fn new(id: Uuid, request: SessionRequest, now: Timestamp, life: Duration) -> Self {
        let expires_at = now.plus(life);
        Self {
            id,
            token_expires_at: now.plus(Duration::from_secs(request.token_seconds.into())).min(expires_at),
            notice_accepted_at: request.notice_accepted.then_some(now),
            request,
            created_at: now,
            expires_at,
            key: KeyStage::None,
            attempts: Vec::new(),
        }
    }

    /// Attempts, oldest first.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// The attempt that is running, if it can still be alive.
    pub fn running(&self, now: Timestamp) -> Option<&Attempt> {
        self.attempts.last().filter(|attempt| attempt.is_running() && !attempt.is_overdue(now))
    }

    /// Whether the device may still use its token: for reading the notice, and for beginning an attempt.
    pub fn token_holds(&self, now: Timestamp) -> bool {
        now < self.token_expires_at && now < self.expires_at
    }

    /// When the account's notice was accepted, by the person or, at creation, by the app server.
    pub fn notice_accepted_at(&self) -> Option<Timestamp> {
        self.notice_accepted_at
    }

    /// Remembers that the person accepted the notice. Accepting it again changes nothing.
    ///
    /// # Errors
    /// [`SessionRefusal::SessionExpired`], [`SessionRefusal::TokenExpired`].
    pub fn accept_notice(&mut self, now: Timestamp) -> Result<(), SessionRefusal> {
        self.check_token(now)?;
        self.notice_accepted_at.get_or_insert(now);
        Ok(())
    }

    /// Begins an attempt, and says its number. One that is overdue is ended first.
    ///
    /// A correlation id that the session lets clients set is taken from the first attempt that brings one, and stays: a
    /// later attempt does not change whom the session counts for. One that clients may not set is ignored.
    ///
    /// # Errors
    /// [`SessionRefusal`]; then nothing has changed, but for an overdue attempt.
    pub fn begin_attempt(&mut self, start: AttemptStart, now: Timestamp) -> Result<u8, SessionRefusal> {
        self.end_overdue(now);
        self.check_token(now)?;
        if start.needs_notice && self.notice_accepted_at.is_none() {
            return Err(SessionRefusal::NoticeNotAccepted);
        }
        if self.attempts.last().is_some_and(Attempt::is_running) {
            return Err(SessionRefusal::AttemptInProgress);
        }
        if self.remaining_attempts() == 0 || self.attempts.len() >= MOST_ATTEMPTS_KEPT {
            return Err(SessionRefusal::NoAttemptsLeft);
        }
        self.request.device_correlation.adopt(start.device_correlation_id.clone());
        self.request.user_correlation.adopt(start.user_correlation_id.clone());
        let id = u8::try_from(self.attempts.len() + 1).expect("no more attempts are kept");
        self.attempts.push(Attempt::begin(id, start, now));
        Ok(id)
    }

    /// Ends an attempt as it turned out.
    ///
    /// # Errors
    /// [`SessionRefusal::NotThisAttempt`] when it is not running: it was ended already, by its own node or, because
    /// that was taken for dead, by another.
    pub fn finish_attempt(
        &mut self,
        attempt: u8,
        outcome: AttemptOutcome,
        now: Timestamp,
    ) -> Result<(), SessionRefusal> {
        match self.attempts.last_mut().filter(|last| last.id == attempt && last.is_running()) {
            Some(last) => {
                last.end(outcome, now);
                Ok(())
            }
            None => Err(SessionRefusal::NotThisAttempt),
        }
    }

    /// Ends a running attempt that nobody ends any more: `TimedOut` if it has run longer than any attempt can. Says
    /// whether there was one.
    pub fn end_overdue(&mut self, now: Timestamp) -> bool {
        match self.attempts.last_mut().filter(|last| last.is_running() && last.is_overdue(now)) {
            Some(last) => {
                last.end(AttemptOutcome::Failed(AttemptCode::TimedOut), now);
                true
            }
            None => false,
        }
    }

    /// Ends the running attempt of a node that is known to be gone. That is no fault of the person, so the attempt does
    /// not count. Says whether there was one.
    pub fn abandon_attempt(&mut self, dead: Uuid, now: Timestamp) -> bool {
        match self.attempts.last_mut().filter(|last| last.running_on() == Some(dead)) {
            Some(last) => {
                last.end(AttemptOutcome::Failed(AttemptCode::UnexpectedServerError), now);
                true
            }
            None => false,
        }
    }

    /// How many attempts may still begin, without regard to the token. None after a decision, whichever it is: another
    /// attempt could only replace an answer that the app server may have read. One that is running is used up.
    pub fn remaining_attempts(&self) -> u8 {
        if self.attempts.iter().any(|attempt| attempt.result().is_some()) {
            return 0;
        }
        let used = self.attempts.iter().filter(|attempt| attempt.counts()).count();
        self.request.attempts_allowed.saturating_sub(u8::try_from(used).unwrap_or(u8::MAX))
    }

    fn check_token(&self, now: Timestamp) -> Result<(), SessionRefusal> {
        if now >= self.expires_at {
            Err(SessionRefusal::SessionExpired)
        } else if now >= self.token_expires_at {
            Err(SessionRefusal::TokenExpired)
        } else {
            Ok(())
        }
    }
}
