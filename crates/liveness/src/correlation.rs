//! When a device or a person may not try again: the rule that closes correlation ids.
//!
//! Start at [`CorrelationRecord`], one for each id of an account. It knows no id: whoever stores it finds it by a keyed
//! digest. What is counted expires, and with it everything that the record says.

use crate::text::moment;
use crate::{AttemptCode, Decision, Reason, Stage};
use likeness_base::{DocumentProblem, Timestamp, read_document, write_document};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use thiserror::Error;

const FORMAT: u32 = 1;
/// Attempts that a record remembers: as many as the highest limit that may be set.
const MOST_COUNTED: usize = 100;
/// Bytes of a record.
const MOST_BYTES: usize = 16 * 1024;
/// Characters of a reason.
const MOST_REASON: usize = 200;

/// From how many attempts on an id is closed. 0: never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CorrelationLimits {
    /// Attempts that ended `spoofface`.
    pub spoofs: u32,
    /// Attempts that failed or ended `uncertain`.
    pub failures: u32,
}

impl Default for CorrelationLimits {
    fn default() -> Self {
        Self { spoofs: 3, failures: 10 }
    }
}

impl CorrelationLimits {
    /// The limits as far as they can be counted.
    fn of(self, kind: CountedAs) -> Option<usize> {
        let limit = match kind {
            CountedAs::Spoof => self.spoofs,
            CountedAs::Failure => self.failures,
        };
        (limit > 0).then(|| usize::try_from(limit).unwrap_or(MOST_COUNTED).min(MOST_COUNTED))
    }
}

/// As what an attempt counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CountedAs {
    /// It ended `spoofface`.
    Spoof,
    /// It failed or ended `uncertain`.
    Failure,
}

impl CountedAs {
    /// As what an attempt counts, if it does: a real face, an attempt that was given up, a fault of the server and one
    /// that is running do not.
    pub fn of(stage: &Stage) -> Option<Self> {
        match stage {
            Stage::Succeeded { result, .. } => match result.verdict.decision {
                Decision::Realface => None,
                Decision::Spoofface => Some(Self::Spoof),
                // Where nothing was measured that could have decided, nobody failed.
                Decision::Uncertain if matches!(result.verdict.reason, Some(Reason::NoEvidence | Reason::NoChain)) => {
                    None
                }
                Decision::Uncertain => Some(Self::Failure),
            },
            // The person is not to blame for what the session demands of the device.
            Stage::Failed { code: AttemptCode::UnexpectedServerError | AttemptCode::AssuranceTooLow, .. } => None,
            Stage::Failed { .. } => Some(Self::Failure),
            Stage::Running { .. } | Stage::Canceled { .. } => None,
        }
    }
}

/// Whether an id may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorrelationState {
    /// It may.
    Open,
    /// Too many attempts are counted for it.
    ClosedByCount,
    /// A person closed it.
    ClosedByHand,
}

/// What counting an attempt did.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// The id was closed by it: this is to be audited.
    Closed,
    /// The id is as it was.
    Unchanged,
}

/// What is remembered of one correlation id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CorrelationRecord {
    #[serde(default)]
    counted: Vec<CountedAttempt>,
    #[serde(default)]
    closed: Option<ClosedByHand>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CountedAttempt {
    #[serde(with = "moment")]
    at: Timestamp,
    kind: CountedAs,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ClosedByHand {
    #[serde(with = "moment")]
    at: Timestamp,
    reason: String,
}

/// A person wrote the reason, and may have named another.
impl std::fmt::Debug for ClosedByHand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClosedByHand").field("at", &self.at).finish_non_exhaustive()
    }
}

/// Bytes that are no record of a correlation id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CorrelationProblem {
    /// Not written by this program, or damaged.
    #[error("the record of a correlation id is damaged")]
    Damaged,
    /// Written by a newer program.
    #[error("the record of a correlation id has the format {0}, this program reads up to {FORMAT}")]
    Newer(u32),
}

impl From<DocumentProblem> for CorrelationProblem {
    fn from(problem: DocumentProblem) -> Self {
        match problem {
            DocumentProblem::Unreadable { .. } => Self::Damaged,
            DocumentProblem::Newer(format) => Self::Newer(format),
        }
    }
}

impl CorrelationRecord {
    /// Counts an attempt that ended now. `life` is how long it is counted: the account's life of correlations, 48 hours
    /// at most.
    pub fn count(&mut self, kind: CountedAs, limits: CorrelationLimits, now: Timestamp, life: Duration) -> Counted {
        let before = self.state(limits, now, life);
        self.forget(now, life);
        if self.counted.len() >= MOST_COUNTED {
            self.counted.remove(0);
        }
        self.counted.push(CountedAttempt { at: now, kind });
        match (before, self.state(limits, now, life)) {
            (CorrelationState::Open, CorrelationState::ClosedByCount) => Counted::Closed,
            _ => Counted::Unchanged,
        }
    }

    /// Whether the id may be used.
    pub fn state(&self, limits: CorrelationLimits, now: Timestamp, life: Duration) -> CorrelationState {
        if self.closed.as_ref().is_some_and(|closed| is_alive(closed.at, now, life)) {
            return CorrelationState::ClosedByHand;
        }
        let is_reached = |kind: CountedAs| {
            let counted = self.counted.iter().filter(|one| one.kind == kind && is_alive(one.at, now, life)).count();
            limits.of(kind).is_some_and(|limit| counted >= limit)
        };
        if is_reached(CountedAs::Spoof) || is_reached(CountedAs::Failure) {
            CorrelationState::ClosedByCount
        } else {
            CorrelationState::Open
        }
    }

    /// How many spoofs and failures are counted now.
    pub fn counts(&self, now: Timestamp, life: Duration) -> (usize, usize) {
        let of = |kind| self.counted.iter().filter(|one| one.kind == kind && is_alive(one.at, now, life)).count();
        (of(CountedAs::Spoof), of(CountedAs::Failure))
    }

    /// Closes the id because a person says so. It opens by itself when `life` is over: no link between sessions is kept
    /// longer. Closing it again begins anew.
    pub fn close(&mut self, reason: &str, now: Timestamp) {
        self.closed = Some(ClosedByHand { at: now, reason: reason.chars().take(MOST_REASON).collect() });
    }

    /// The reason of whoever closed it by hand.
    pub fn reason(&self) -> Option<&str> {
        self.closed.as_ref().map(|closed| closed.reason.as_str())
    }

    /// Opens the id: what was counted is forgotten.
    pub fn reopen(&mut self) {
        *self = Self::default();
    }

    /// When nothing of it holds any more, and it is to be deleted. `None` if nothing does already.
    pub fn expires_at(&self, life: Duration) -> Option<Timestamp> {
        let closed = self.closed.as_ref().map(|closed| closed.at);
        self.counted.iter().map(|one| one.at).chain(closed).max().map(|last| last.plus(life))
    }

    /// The record as it is stored, before it is sealed.
    pub fn to_bytes(&self) -> Vec<u8> {
        write_document(FORMAT, self)
    }

    /// Reads what [`CorrelationRecord::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`CorrelationProblem`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CorrelationProblem> {
        if bytes.len() > MOST_BYTES {
            return Err(CorrelationProblem::Damaged);
        }
        let record: Self = read_document(FORMAT, bytes)?;
        if record.counted.len() > MOST_COUNTED { Err(CorrelationProblem::Damaged) } else { Ok(record) }
    }

    fn forget(&mut self, now: Timestamp, life: Duration) {
        self.counted.retain(|one| is_alive(one.at, now, life));
        self.closed = self.closed.take().filter(|closed| is_alive(closed.at, now, life));
    }
}

fn is_alive(at: Timestamp, now: Timestamp, life: Duration) -> bool {
    now < at.plus(life)
}
