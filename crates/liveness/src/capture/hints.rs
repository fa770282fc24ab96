//! What the person is told, steadily and seldom.

use crate::HintPolicy;
use crate::message::Hint;

#[derive(Debug, Default)]
pub(super) struct Hints {
    /// What stands on the screen.
    shown: Option<Hint>,
    /// What the latest observations say, and how many of them.
    candidate: Option<Hint>,
    steady: u32,
    waiting: Option<Hint>,
    last_ms: Option<u64>,
}

impl Hints {
    /// Takes in what an observation says; `None`: nothing is amiss.
    pub(super) fn observe(&mut self, says: Option<Hint>, policy: &HintPolicy) {
        self.steady = if says == self.candidate { self.steady.saturating_add(1) } else { 1 };
        self.candidate = says;
        if self.steady >= policy.steady {
            self.waiting = match (self.shown, says) {
                (shown, says) if shown == says => None,
                (None | Some(Hint::Good), None) => None,
                (_, None) => Some(Hint::Good),
                (_, says) => says,
            };
        }
    }

    /// Says that all is good, even if nothing was amiss before: the device waits for it.
    pub(super) fn good(&mut self) {
        if self.shown != Some(Hint::Good) {
            self.waiting = Some(Hint::Good);
        }
    }

    /// Another step is shown, and what was said of the one before is off the screen.
    pub(super) fn clear(&mut self) {
        *self = Self { last_ms: self.last_ms, ..Self::default() };
    }

    /// The next hint, if it is time for it.
    pub(super) fn due(&mut self, now_ms: u64, policy: &HintPolicy) -> Option<Hint> {
        if self.wake_at(policy)? > now_ms {
            return None;
        }
        self.last_ms = Some(now_ms);
        self.shown = self.waiting.take();
        self.shown
    }

    /// When the next hint may be said.
    pub(super) fn wake_at(&self, policy: &HintPolicy) -> Option<u64> {
        self.waiting.map(|_| self.last_ms.map_or(0, |last| last + policy.least_gap_ms))
    }

    /// Since when the device has been told that all is good, and nothing else.
    pub(super) fn good_since(&self) -> Option<u64> {
        self.last_ms.filter(|_| self.shown == Some(Hint::Good))
    }
}
