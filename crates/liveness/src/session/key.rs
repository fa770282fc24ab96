//! The key that a device may bring, once, after an attempt that came to a decision.

use super::Session;
use crate::Decision;
use likeness_base::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Whether a device has brought a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KeyStage {
    /// None came.
    #[default]
    None,
    /// One came, and was not enrolled: nothing had shown a live person, or it was another one than the reference.
    Dropped,
    /// One was enrolled.
    Enrolled,
}

/// Why a session takes no key. None of it tells what was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyRefusal {
    /// The session or its token has ended.
    #[error("the token has expired")]
    TokenExpired,
    /// The app server did not ask for one.
    #[error("the session enrols no key")]
    NotAsked,
    /// No attempt of this number came to a decision.
    #[error("the attempt has come to no decision")]
    NoDecision,
    /// A device has brought one already.
    #[error("a key was brought already")]
    Brought,
}

impl Session {
    /// Whether a device has brought a key.
    pub const fn key(&self) -> KeyStage {
        self.key
    }

    /// The tail of the attempt after which a device may bring a key now.
    ///
    /// # Errors
    /// [`KeyRefusal`].
    pub fn tail_for_key(&self, attempt: u8, now: Timestamp) -> Result<[u8; 32], KeyRefusal> {
        if !self.token_holds(now) {
            return Err(KeyRefusal::TokenExpired);
        }
        if !self.request.enrols_key || self.request.key_holder().is_none() {
            return Err(KeyRefusal::NotAsked);
        }
        let last = self.attempts.last().filter(|last| last.id == attempt);
        let result = last.and_then(super::Attempt::result).ok_or(KeyRefusal::NoDecision)?;
        if self.key != KeyStage::None {
            return Err(KeyRefusal::Brought);
        }
        let tail = hex::decode(&result.digest).ok().and_then(|tail| tail.try_into().ok());
        tail.ok_or(KeyRefusal::NoDecision)
    }

    /// Takes a key after an attempt, and says whether it is to be enrolled. Where nothing showed a live person, or another one
    /// than the reference, it is not; and the device learns nothing of that: else it would learn the decision.
    ///
    /// # Errors
    /// [`KeyRefusal`]; then nothing has changed.
    pub fn bring_key(&mut self, attempt: u8, now: Timestamp) -> Result<bool, KeyRefusal> {
        self.tail_for_key(attempt, now)?;
        let result = self.attempts.last().and_then(super::Attempt::result);
        let is_enrolled = result.is_some_and(|result| {
            let is_asked_for = result.verify.is_none_or(|verify| verify.is_identical);
            result.verdict.decision == Decision::Realface && is_asked_for
        });
        self.key = if is_enrolled { KeyStage::Enrolled } else { KeyStage::Dropped };
        Ok(is_enrolled)
    }
}
