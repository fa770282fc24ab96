//! Counters.

use super::{WriteEffect, WriteTransaction};
use crate::command::{Applied, Usage, UsageWrite};
use crate::error::StoreError;

pub(super) async fn perform(
    transaction: &mut WriteTransaction<'_>,
    write: &UsageWrite,
) -> Result<WriteEffect, StoreError> {
    match write {
        UsageWrite::Count { counts } => count(transaction, counts).await,
    }
}

/// Adds to the counters, of which no audit log tells.
async fn count(transaction: &mut WriteTransaction<'_>, counts: &[Usage]) -> Result<WriteEffect, StoreError> {
    for count in counts {
        sqlx::query(
            "INSERT INTO usage (account_id, day, operation, calls, billed) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (account_id, day, operation)
             DO UPDATE SET calls = usage.calls + excluded.calls, billed = usage.billed + excluded.billed",
        )
        .bind(transaction.account())
        .bind(count.day)
        .bind(&count.operation)
        .bind(i64::try_from(count.calls).unwrap_or(i64::MAX))
        .bind(i64::try_from(count.billed).unwrap_or(i64::MAX))
        .execute(&mut *transaction.connection)
        .await?;
    }
    Ok(WriteEffect { applied: Applied::default(), target: None, records: 0 })
}
