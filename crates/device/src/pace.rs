//! The device's clock.

use std::time::Duration;
use tokio::time::Instant;

/// A clock that can be waited for. It never runs backwards.
///
/// The server compares it with its own: see the crate's page.
pub trait Pace: Send + Sync {
    /// Milliseconds since the clock began.
    fn now_ms(&self) -> f64;

    /// Waits until it shows this time.
    fn until(&self, at_ms: f64) -> impl Future<Output = ()> + Send;
}

/// The machine's steady clock.
#[derive(Clone, Copy, Debug)]
pub struct RealTime {
    begun: Instant,
}

impl RealTime {
    /// As time passes.
    pub fn new() -> Self {
        Self { begun: Instant::now() }
    }
}

impl Default for RealTime {
    fn default() -> Self {
        Self::new()
    }
}

impl Pace for RealTime {
    fn now_ms(&self) -> f64 {
        self.begun.elapsed().as_secs_f64() * 1_000.0
    }

    fn until(&self, at_ms: f64) -> impl Future<Output = ()> + Send {
        // A year is as good as never, and the timer can hold it.
        let after = (at_ms / 1_000.0).clamp(0.0, 3.2e7);
        // Rounded up, so that the clock has come there when the wait ends.
        tokio::time::sleep_until(self.begun + Duration::from_secs_f64(after) + Duration::from_micros(1))
    }
}
