//! Parts that are paid for by the time for which they are held.

use std::sync::Arc;
use std::time::Instant;

use crate::{Busy, Owner, Share, Shares};

/// A part that is paid for by time: a microsecond for which it is held costs one.
#[derive(Debug)]
pub struct TimedShare<K: Owner> {
    share: Share<K>,
    taken: Instant,
}

impl<K: Owner> Shares<K> {
    /// Takes a part like [`Shares::take`], to be paid for by time. [`Limits::cost_of_unit`](crate::Limits::cost_of_unit) is
    /// what it costs at least.
    ///
    /// # Errors
    /// As [`Shares::take`].
    pub async fn take_timed(self: &Arc<Self>, owner: K, units: u64) -> Result<TimedShare<K>, Busy> {
        let share = self.take(owner, units).await?;
        Ok(TimedShare { share, taken: Instant::now() })
    }
}

impl<K: Owner> Drop for TimedShare<K> {
    fn drop(&mut self) {
        let cost = i64::try_from(self.taken.elapsed().as_micros()).unwrap_or(i64::MAX);
        let paid = self.share.shares.cost_of(self.share.units);
        self.share.charge(cost.saturating_sub(paid).max(0));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Limits;

    #[tokio::test]
    async fn what_was_held_for_long_is_paid_for_with_turns() {
        let shares = Shares::new(Limits {
            name: "tests",
            capacity: 1,
            most_each: 1,
            reserve: 0,
            waiting: 8,
            longest_wait: Duration::from_secs(60),
            quantum: 1_000,
            cost_of_unit: 1,
        });
        let slow = shares.take_timed("slow", 1).await.expect("it is free");
        let wait = |owner| {
            let shares = shares.clone();
            tokio::spawn(async move { shares.take_timed(owner, 1).await.map(|share| (owner, share)) })
        };
        let (slow_again, quick) = (wait("slow"), wait("quick"));
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(slow);
        // Whoever held it for twenty turns comes after whoever held nothing, though it asked first.
        let (owner, share) = quick.await.expect("no panic").expect("it has a turn");
        assert!(!slow_again.is_finished(), "{owner} had the turn");
        drop(share);
        slow_again.await.expect("no panic").expect("it has a turn");
    }
}
