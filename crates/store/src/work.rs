//! A command under way: who waits for it, and how far it has come where it is done in parts.
//!
//! Work in proportion to a container is done in parts, each a transaction of its own, so that nobody else waits for all
//! of it: copying a container, and removing one. What is copied is hidden until its last part; what is removed is hidden
//! from the first part on. See [`HIDDEN`](crate::types::HIDDEN).

use likeness_base::Timestamp;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::command::{Applied, Command};
use crate::error::StoreError;

/// Commands of one account that may wait. It is about what is written in a second; whoever has more under way than that is
/// better told so than kept.
pub(crate) const MOST_WAITING: usize = 1_024;

pub(crate) type Answer = oneshot::Sender<Result<Applied, StoreError>>;

/// A command under way.
pub(crate) struct Work {
    pub(crate) command: Command,
    pub(crate) progress: Progress,
    answer: Answer,
    given_at: Timestamp,
    taken_up: Instant,
}

/// How far a command has come.
pub(crate) enum Progress {
    /// Nothing is done.
    NotBegun,
    /// A copy is being filled.
    Copying(HiddenCopy),
    /// All is decided, and a hidden container is being emptied. Then the caller is answered.
    Removing {
        /// Its number.
        number: i64,
        /// The answer.
        answer: Result<Applied, StoreError>,
    },
}

/// A copy in the making.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct HiddenCopy {
    /// Its number.
    pub(crate) number: i64,
    /// The number of its source.
    pub(crate) source: i64,
    /// How many rows the next part copies: as many as are about so many bytes as a part should have.
    pub(crate) rows: i64,
    /// How often all of the copy was compared with what the source still has.
    pub(crate) comparisons: u32,
    /// Up to which of its faces and people it has been compared this time.
    pub(crate) compared: Option<(i64, i64)>,
}

/// What a transaction has brought.
pub(crate) enum Step {
    /// The command is done or refused.
    Answer(Result<Applied, StoreError>),
    /// It goes on from here.
    Next(Progress),
    /// There is more to remove.
    More,
    /// Everything is removed.
    Removed,
}

/// What becomes of a command after a transaction.
pub(crate) enum After {
    /// The caller is answered.
    Answered(Command, Answer, Result<Applied, StoreError>),
    /// It goes on.
    GoesOn(Work),
}

impl Work {
    pub(crate) fn new(command: Command, answer: Answer) -> Self {
        let given_at = command.at;
        Self { command, progress: Progress::NotBegun, answer, given_at, taken_up: Instant::now() }
    }

    /// Whether a part of it is done.
    pub(crate) const fn is_begun(&self) -> bool {
        !matches!(self.progress, Progress::NotBegun)
    }

    /// What follows when its transaction was undone, because it was refused or had been done before: whatever this run or
    /// an earlier one left hidden goes first.
    pub(crate) fn undone(&self, result: Result<Applied, StoreError>) -> Step {
        let hidden = match (&self.progress, &result) {
            (Progress::Copying(copy), _) => Some(copy.number),
            (_, Ok(applied)) if self.command.write.removes_container() => applied.container,
            _ => None,
        };
        match hidden {
            Some(number) => Step::Next(Progress::Removing { number, answer: result }),
            None => Step::Answer(result),
        }
    }

    /// What becomes of it; `Err`: the database failed.
    pub(crate) fn after(mut self, step: Result<Step, StoreError>) -> After {
        let progress = match (step, self.progress) {
            (Ok(Step::Next(progress)), _) => progress,
            (Ok(Step::More), progress) => progress,
            (Err(failure), Progress::Copying(copy)) => Progress::Removing { number: copy.number, answer: Err(failure) },
            (Ok(Step::Answer(answer)), _)
            | (Ok(Step::Removed), Progress::Removing { answer, .. })
            // What cannot be removed now is left to the sweep. A delete of which something is left is not acknowledged.
            | (Err(_), Progress::Removing { answer: answer @ Err(_), .. }) => {
                return After::Answered(self.command, self.answer, answer);
            }
            (Err(failure), _) => return After::Answered(self.command, self.answer, Err(failure)),
            (Ok(Step::Removed), _) => {
                let confused = StoreError::Inconsistent("only what is being removed is removed");
                return After::Answered(self.command, self.answer, Err(confused));
            }
        };
        self.progress = progress;
        // A part is as late as it is: what has expired since the first is not copied by the last.
        self.command.at = self.given_at.plus(self.taken_up.elapsed());
        After::GoesOn(self)
    }
}
