//! Whose turn it is at the connections to a database.
//!
//! While others are about, no account has the last connection, and whoever waits is served by turns of accounts: a turn
//! costs what the connection was held for.

use std::sync::Arc;
use std::time::Duration;

use likeness_shares::{Limits, Shares, TimedShare};

use crate::error::StoreError;
use crate::id::AccountId;

/// What a turn is worth, in microseconds, and what it costs at least.
pub(crate) const TURN_MICROS: i64 = 10_000;
pub(crate) const LEAST_MICROS: i64 = 500;
/// Callers that may wait for a connection; see [`Limits::waiting`].
const MOST_WAITING: usize = 4_096;
/// Of so many connections one is left for accounts that have none.
const RESERVED_OF: u64 = 8;

/// A connection's worth of an account's share.
pub(crate) type Turn = TimedShare<AccountId>;

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

/// Waits until the account may have a connection. What takes too long is `Unreachable`, as where a database gives none.
pub(crate) async fn turn(turns: &Arc<Shares<AccountId>>, account: AccountId) -> Result<Turn, StoreError> {
    turns.take_timed(account, 1).await.map_err(|_| StoreError::Unreachable)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn nobody_has_the_last_connection_while_others_are_about() {
        let turns = turns("tests", 4, Duration::from_millis(20));
        let [one, two] = [1, 2].map(|number| AccountId(Uuid::from_u128(number)));
        drop(turn(&turns, two).await);
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(turn(&turns, one).await.expect("it is free"));
        }
        let refused = turn(&turns, one).await.err();
        assert!(matches!(refused, Some(StoreError::Unreachable)), "{refused:?}");
        held.push(turn(&turns, two).await.expect("it was left"));
        assert_eq!(turns.free(), 0);
        held.clear();
        assert_eq!(turns.free(), 4);
    }
}
