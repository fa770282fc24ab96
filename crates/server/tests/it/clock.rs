//! A clock that tests move while the server runs: what is due then is done then, and nobody sleeps for it.

use std::time::Duration;

/// The clock of the servers that are started with its [`Clock::setting`].
pub(crate) struct Clock(tempfile::NamedTempFile);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(tempfile::NamedTempFile::new().expect("a file"))
    }

    /// What a server is started with so that it goes by this clock.
    pub(crate) fn setting(&self) -> (&str, &str) {
        ("LIKENESS_TEST_CLOCK", self.0.path().to_str().expect("a path"))
    }

    /// So many milliseconds ahead of the machine's.
    pub(crate) fn set(&self, millis: i64) {
        // In one step: the server reads it whenever it likes.
        let next = self.0.path().with_extension("next");
        std::fs::write(&next, millis.to_string()).expect("the clock can be set");
        std::fs::rename(&next, self.0.path()).expect("the clock can be set");
    }

    /// A while later than it shows now.
    pub(crate) fn forward(&self, duration: Duration) {
        let text = std::fs::read_to_string(self.0.path()).expect("the clock can be read");
        let ahead: i64 = text.trim().parse().unwrap_or(0);
        self.set(ahead + i64::try_from(duration.as_millis()).expect("not too long"));
    }
}
