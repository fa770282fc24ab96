//! Whether the device's clock runs as the server's does.
//!
//! A frame takes some time to arrive, never less than none. So of two clocks that run alike, the *shortest* delay stays
//! what it is, however the network stalls: it is what is compared, over a while, and no frame is judged by its own.

use crate::Bounds;
use std::collections::VecDeque;

/// Frames of the first milliseconds say what the shortest delay is.
const OPENING_MS: f64 = 2_000.0;
/// Over how long the shortest delay is sought again. Longer than the longest pause, so that frames from before a stall,
/// or from after it, are among them.
const WINDOW_MS: f64 = 6_000.0;

/// The delays of frames, in milliseconds: the server's time of arrival less the device's time of capture.
#[derive(Debug)]
pub(super) struct Clocks {
    first_arrival: Option<f64>,
    opening: f64,
    shortest: f64,
    recent: VecDeque<(f64, f64)>,
}

impl Clocks {
    pub(super) fn new() -> Self {
        Self { first_arrival: None, opening: f64::INFINITY, shortest: f64::INFINITY, recent: VecDeque::new() }
    }

    /// Takes a frame in. Whether the clocks still agree.
    pub(super) fn take(&mut self, arrived_ms: u64, capture_ms: f64, bounds: &Bounds) -> bool {
        let arrived = arrived_ms as f64;
        let delay = arrived - capture_ms;
        let first = *self.first_arrival.get_or_insert(arrived);
        self.shortest = self.shortest.min(delay);
        // The shortest of the window stands at its front: what is longer and older than a newcomer never counts again.
        while self.recent.back().is_some_and(|(_, older)| *older >= delay) {
            self.recent.pop_back();
        }
        self.recent.push_back((arrived, delay));
        while self.recent.front().is_some_and(|(at, _)| *at < arrived - WINDOW_MS) {
            self.recent.pop_front();
        }
        let elapsed = arrived - first;
        if elapsed <= OPENING_MS {
            self.opening = self.opening.min(delay);
            return true;
        }
        let tolerance = bounds.drift_ms + bounds.drift * elapsed;
        let is_fast = delay < self.opening - tolerance;
        let is_slow = elapsed >= WINDOW_MS && self.recent_delay() > self.opening + tolerance;
        !is_fast && !is_slow
    }

    /// Whether the device's clock can have shown `t` by the time it was heard of; `since_ms` is when what it answers was
    /// sent. Without a frame nothing can be said.
    pub(super) fn may_have_shown(&self, t: f64, since_ms: u64, now_ms: u64, early_ms: f64, bounds: &Bounds) -> bool {
        let Some(first) = self.first_arrival else { return true };
        let tolerance = bounds.drift_ms + bounds.drift * (now_ms as f64 - first).max(0.0);
        // As late as it can have been, and as early.
        t + self.shortest + early_ms >= since_ms as f64 && t + self.shortest <= now_ms as f64 + tolerance
    }

    fn recent_delay(&self) -> f64 {
        self.recent.front().map_or(f64::INFINITY, |(_, delay)| *delay)
    }
}
