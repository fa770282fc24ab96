//! Whose turn it is at the connections to a database.
//!
//! Start at [`turns`]. While others are about, no account has the last connection, and whoever waits is served by turns of
//! accounts: a turn costs what the connection was held for.

use std::sync::Arc;
use std::time::Duration;

use likeness_shares::{Limits, Share, Shares};
use tokio::time::Instant;

use crate::error::StoreError;
use crate::id::AccountId;

/// What a turn is worth, in microseconds, and what it costs at least.
const TURN_MICROS: i64 = 10_000;
const LEAST_MICROS: i64 = 500;
/// Callers that may wait for a connection; see [`Limits::waiting`].
const MOST_WAITING: usize = 4_096;
/// Of so many connections one is left for accounts that have none.
const RESERVED_OF: u64 = 8;

/// So many connections, all of them free. Whoever waits longer than `longest_wait` is refused.
pub(crate) fn turns(name: &'static str, connections: u32, longest_wait: Duration) -> Arc<Shares<AccountId>> {
    let capacity = u64::from(connections);
    Shares::new(Limits {
        name,
        capacity,
        most_each: capacity,
        reserve: capacity.div_ceil(RESERVED_OF),
        waiting: MOST_WAITING,
        longest_wait,
        quantum: TURN_MICROS,
        cost_of_unit: LEAST_MICROS,
    })
}

/// A connection's worth of an account's share, paid for by time.
pub(crate) struct Turn {
    share: Share<AccountId>,
    begun: Instant,
}

impl Turn {
    /// Waits until the account may have a connection.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] when that takes too long, as where a database gives no connection.
    pub(crate) async fn take(turns: &Arc<Shares<AccountId>>, account: AccountId) -> Result<Self, StoreError> {
        let share = turns.take(account, 1).await.map_err(|_| StoreError::Unreachable)?;
        Ok(Self { share, begun: Instant::now() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let cost = i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.share.charge(cost.saturating_sub(LEAST_MICROS));
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn nobody_has_the_last_connection_while_others_are_about() {
        let turns = turns("tests", 4, Duration::from_millis(20));
        let [one, two] = [1, 2].map(|number| AccountId(Uuid::from_u128(number)));
        drop(Turn::take(&turns, two).await);
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(Turn::take(&turns, one).await.expect("it is free"));
        }
        let refused = Turn::take(&turns, one).await.err();
        assert!(matches!(refused, Some(StoreError::Unreachable)), "{refused:?}");
        held.push(Turn::take(&turns, two).await.expect("it was left"));
        assert_eq!(turns.free(), 0);
        held.clear();
        assert_eq!(turns.free(), 4);
    }
}
