//! Shares with what is known of them.

use serde::Serialize;

/// A share of trials, with the bounds of 95 % (Wilson).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// Of how many.
    pub of: u32,
    /// The lower bound, 0 to 1.
    pub low: f64,
    /// The upper bound, 0 to 1.
    pub high: f64,
}

/// Of the normal distribution, for 95 % on both sides.
const Z: f64 = 1.96;

impl Rate {
    /// So many of so many. Of none, everything is possible.
    pub fn new(count: u32, of: u32) -> Self {
        if of == 0 {
            return Self { count, of, low: 0.0, high: 1.0 };
        }
        let (n, p) = (f64::from(of), f64::from(count) / f64::from(of));
        let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
        let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        Self { count, of, low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
    }

    /// The share, 0 to 1; of none, 0.
    pub fn share(&self) -> f64 {
        if self.of == 0 { 0.0 } else { f64::from(self.count) / f64::from(self.of) }
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} % (95 %: {:.1} to {:.1})", 100.0 * self.share(), 100.0 * self.low, 100.0 * self.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_of_many_is_not_zero_for_certain() {
        let rate = Rate::new(0, 100);
        assert_eq!(rate.share(), 0.0);
        assert!((rate.high - 0.037).abs() < 0.001, "{rate}");
        assert_eq!((Rate::new(0, 0).low, Rate::new(0, 0).high), (0.0, 1.0));
        let half = Rate::new(50, 100);
        assert!((half.low - 0.404).abs() < 0.002 && (half.high - 0.596).abs() < 0.002, "{half}");
    }
}
