//! Counters.

use super::super::engine::Connection;
use super::{key, unsigned};
use crate::command::Usage;
use crate::error::StoreError;
use crate::id::AccountId;

/// The counters of a range of days, both included.
pub(crate) async fn usage(
    connection: &mut Connection,
    account: AccountId,
    first_day: i64,
    last_day: i64,
) -> Result<Vec<Usage>, StoreError> {
    let rows: Vec<(i64, String, i64, i64)> = sqlx::query_as(
        "SELECT day, operation, calls, billed FROM usage
         WHERE account_id = $1 AND day >= $2 AND day <= $3 ORDER BY day, operation",
    )
    .bind(key(&account))
    .bind(first_day)
    .bind(last_day)
    .fetch_all(&mut *connection)
    .await?;
    rows.into_iter()
        .map(|(day, operation, calls, billed)| {
            Ok(Usage { day, operation, calls: unsigned(calls)?, billed: unsigned(billed)? })
        })
        .collect()
}
