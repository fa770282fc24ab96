//! Counters, which nobody's trail tells of.

use super::{Done, Work};
use crate::command::{Applied, Usage};
use crate::error::StoreError;

pub(super) async fn count(work: &mut Work<'_>, counts: &[Usage]) -> Result<Done, StoreError> {
    for count in counts {
        sqlx::query(
            "INSERT INTO usage (account_id, day, operation, calls, billed) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (account_id, day, operation)
             DO UPDATE SET calls = usage.calls + excluded.calls, billed = usage.billed + excluded.billed",
        )
        .bind(work.account())
        .bind(count.day)
        .bind(&count.operation)
        .bind(i64::try_from(count.calls).unwrap_or(i64::MAX))
        .bind(i64::try_from(count.billed).unwrap_or(i64::MAX))
        .execute(&mut *work.connection)
        .await?;
    }
    Ok(Done { applied: Applied::default(), target: None, records: 0 })
}
