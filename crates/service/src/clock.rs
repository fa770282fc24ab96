//! The one clock. Everything else takes it as an argument.

use likeness_base::{Clock, Timestamp};
use likeness_store::{Store, StoreError};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock that all other code must use")]
    fn now(&self) -> Timestamp {
        let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The clock that all nodes of an installation share: the machine's, corrected by how far the database's clock is from
/// it. So records expire at one instant for all, however wrong the clock of a machine is.
#[derive(Debug)]
pub struct SharedClock {
    machine: SystemClock,
    ahead_millis: AtomicI64,
}

impl Default for SharedClock {
    /// Shows the machine's time until [`SharedClock::adjust`] is called.
    fn default() -> Self {
        Self { machine: SystemClock, ahead_millis: AtomicI64::new(0) }
    }
}

impl SharedClock {
    /// Reads the database's clock, where it has one.
    ///
    /// # Errors
    /// What the store says; the clock then goes on as it was.
    pub async fn adjust(&self, store: &dyn Store) -> Result<(), StoreError> {
        let before = self.machine.now().as_millis();
        if let Some(theirs) = store.clock().await? {
            let after = self.machine.now().as_millis();
            // The database's clock was read at some instant between the two.
            let ours = before + (after - before) / 2;
            self.ahead_millis.store(theirs.as_millis() - ours, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        let ahead = self.ahead_millis.load(Ordering::Relaxed) + test_offset();
        Timestamp::from_millis(self.machine.now().as_millis() + ahead)
    }
}

/// The present instant, for what this node alone measures: how long an address is blocked, when keys were fetched.
pub fn instant() -> Instant {
    let now = Instant::now();
    now.checked_add(Duration::from_millis(u64::try_from(test_offset()).unwrap_or(0))).unwrap_or(now)
}

/// Waits, by the same time as [`instant`].
#[cfg(not(debug_assertions))]
pub async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// The same where tests may set the clock: what is due then is done then.
#[cfg(debug_assertions)]
pub async fn pause(duration: Duration) {
    const CHECK_EVERY: Duration = Duration::from_millis(50);
    if test_clock().is_none() {
        return tokio::time::sleep(duration).await;
    }
    let begun = instant();
    while let Some(left) =
        duration.checked_sub(instant().saturating_duration_since(begun)).filter(|left| !left.is_zero())
    {
        tokio::time::sleep(left.min(CHECK_EVERY)).await;
    }
}

/// The file in which tests write by how many milliseconds the clock is ahead. What a day does to records is tested in
/// seconds this way; a build for use has no such thing.
#[cfg(debug_assertions)]
fn test_clock() -> Option<&'static std::path::Path> {
    static FILE: std::sync::OnceLock<Option<std::path::PathBuf>> = std::sync::OnceLock::new();
    FILE.get_or_init(|| std::env::var_os("LIKENESS_TEST_CLOCK").map(Into::into)).as_deref()
}

#[cfg(debug_assertions)]
fn test_offset() -> i64 {
    let text = test_clock().and_then(|file| std::fs::read_to_string(file).ok());
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

#[cfg(not(debug_assertions))]
const fn test_offset() -> i64 {
    0
}
