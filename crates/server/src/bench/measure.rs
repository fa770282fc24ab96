//! Clocks, rounds, medians.

use serde::Serialize;
use std::time::Instant;

/// What a figure was measured with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Clock {
    /// CPU time of the thread that works: what others on the machine disturb least.
    Cpu,
    /// Wall time: what a caller waits.
    Wall,
    /// No clock: a count or a size.
    None,
}

/// How much to repeat.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// As often as a figure needs that will be quoted.
    Full,
    /// A tenth of it: for a first look, and for tests.
    Quick,
}

impl Pace {
    /// How often, where `full` is as often as it should be.
    pub(crate) const fn of(self, full: usize) -> usize {
        match self {
            Self::Full => full,
            Self::Quick => full.div_ceil(10),
        }
    }
}

/// Repeated measurements of one thing.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Series {
    /// `ms`, `MB`, `/s` or `x`.
    pub unit: &'static str,
    /// What it was measured with.
    pub clock: Clock,
    /// The median.
    pub median: f64,
    /// The lower quartile.
    pub low: f64,
    /// The upper quartile.
    pub high: f64,
    /// How many measurements.
    pub rounds: usize,
}

impl Series {
    /// Summarises; no measurement at all gives NaN.
    pub(crate) fn of(unit: &'static str, clock: Clock, mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| quantile(&values, share);
        Self { unit, clock, median: at(0.5), low: at(0.25), high: at(0.75), rounds: values.len() }
    }

    /// Milliseconds of CPU time.
    pub(crate) fn cpu(values: Vec<f64>) -> Self {
        Self::of("ms", Clock::Cpu, values)
    }

    /// Milliseconds of wall time.
    pub(crate) fn wall(values: Vec<f64>) -> Self {
        Self::of("ms", Clock::Wall, values)
    }

    /// The median for people.
    pub(crate) fn text(&self) -> String {
        let clock = match self.clock {
            Clock::Cpu => " CPU",
            Clock::Wall | Clock::None => "",
        };
        format!("{} {}{clock}", digits(self.median), self.unit)
    }

    /// The quartiles for people, and of how many.
    pub(crate) fn spread(&self) -> String {
        if self.rounds < 2 {
            return String::new();
        }
        format!("{} .. {} of {}", digits(self.low), digits(self.high), self.rounds)
    }
}

/// A quantile of values that rise: the nearest rank.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few values")]
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    sorted[(last as f64 * share).round() as usize]
}

/// Three digits that matter.
pub(crate) fn digits(value: f64) -> String {
    let decimals = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

/// CPU milliseconds that this thread has used.
#[cfg(unix)]
#[expect(clippy::cast_precision_loss, reason = "seconds of one process")]
pub(crate) fn cpu_ms() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

/// Where the system keeps no such clock, wall time has to do.
#[cfg(not(unix))]
pub(crate) fn cpu_ms() -> f64 {
    static BEGUN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    BEGUN.elapsed().as_secs_f64() * 1e3
}

/// CPU milliseconds of some work on this thread, and what it gave.
pub(crate) fn cpu<R>(work: impl FnOnce() -> R) -> (f64, R) {
    let begun = cpu_ms();
    let result = work();
    (cpu_ms() - begun, result)
}

/// Wall milliseconds of some work, and what it gave.
pub(crate) fn wall<R>(work: impl FnOnce() -> R) -> (f64, R) {
    let begun = Instant::now();
    let result = work();
    (begun.elapsed().as_secs_f64() * 1e3, result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_quartiles() {
        let series = Series::cpu(vec![9.0, 1.0, 5.0, 3.0, 7.0]);
        assert_eq!((series.low, series.median, series.high, series.rounds), (3.0, 5.0, 7.0, 5));
        assert!(Series::cpu(Vec::new()).median.is_nan());
        assert_eq!(Series::cpu(vec![4.0]).spread(), "");
    }

    #[test]
    fn cpu_time_counts_work_and_not_sleep() {
        let (asleep, ()) = cpu(|| std::thread::sleep(std::time::Duration::from_millis(50)));
        assert!(asleep < 40.0, "{asleep} ms while asleep");
        let (busy, sum) = cpu(|| (0..3_000_000_u64).map(std::hint::black_box).sum::<u64>());
        assert!(busy > 0.0 && sum > 0);
    }

    #[test]
    fn three_digits() {
        for (value, expected) in [(1234.5, "1234"), (12.345, "12.3"), (1.2345, "1.23"), (0.12345, "0.123")] {
            assert_eq!(digits(value), expected);
        }
    }
}
