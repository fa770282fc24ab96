//! The one clock and the one source of randomness. Everything else takes them as arguments.

use likeness_base::{Clock, Randomness, Timestamp, random_bytes};
use likeness_store::{Store, StoreError};
use std::sync::atomic::{AtomicI64, Ordering};
use uuid::Uuid;

/// The machine's clock.
#[derive(Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock that everybody else is told to ask")]
    fn now(&self) -> Timestamp {
        let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The clock that all nodes of an installation share: the machine's, corrected by how far the database's clock is from
/// it. So records expire at one instant for all, however wrong the clock of a machine is.
#[derive(Debug)]
pub(crate) struct SharedClock {
    machine: SystemClock,
    ahead_millis: AtomicI64,
}

impl SharedClock {
    /// Shows the machine's time until [`SharedClock::adjust`] is called.
    pub(crate) const fn new() -> Self {
        Self { machine: SystemClock, ahead_millis: AtomicI64::new(0) }
    }

    /// Asks the database for its time, where it has a clock of its own.
    ///
    /// # Errors
    /// What the store says; the clock then goes on as it was.
    pub(crate) async fn adjust(&self, store: &dyn Store) -> Result<(), StoreError> {
        let before = self.machine.now().as_millis();
        if let Some(theirs) = store.clock().await? {
            let after = self.machine.now().as_millis();
            // The answer was given somewhere between asking and hearing.
            let ours = before + (after - before) / 2;
            self.ahead_millis.store(theirs.as_millis() - ours, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.machine.now().as_millis() + self.ahead_millis.load(Ordering::Relaxed))
    }
}

/// A random id.
pub(crate) fn random_id(randomness: &dyn Randomness) -> Uuid {
    uuid::Builder::from_random_bytes(random_bytes(randomness)).into_uuid()
}

/// The operating system's source of random bytes.
#[derive(Debug)]
pub(crate) struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system has random bytes; going on without would be unsafe");
    }
}
