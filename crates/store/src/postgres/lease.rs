//! Jobs that are done once across nodes, by the clock of the database, which is `likeness_now()` and no other function.

use std::time::Duration;

use likeness_base::Timestamp;
use uuid::Uuid;

use super::engine::Connection;
use crate::error::StoreError;
use crate::id::AccountId;

pub(super) async fn take(
    connection: &mut Connection,
    account: AccountId,
    job: &str,
    holder: Uuid,
    length: Duration,
) -> Result<bool, StoreError> {
    let taken = sqlx::query(
        "INSERT INTO lease (account_id, job, holder, lease_until)
         VALUES ($1, $2, $3, likeness_now() + $4 * INTERVAL '1 millisecond')
         ON CONFLICT (account_id, job) DO UPDATE
         SET holder = excluded.holder, lease_until = excluded.lease_until,
             attempts = lease.attempts + CASE WHEN lease.holder = excluded.holder THEN 0 ELSE 1 END
         WHERE lease.holder = excluded.holder OR lease.lease_until <= likeness_now()",
    )
    .bind(account.0.as_bytes().as_slice())
    .bind(job)
    .bind(holder.as_bytes().as_slice())
    .bind(i64::try_from(length.as_millis()).unwrap_or(i64::MAX))
    .execute(connection)
    .await?;
    Ok(taken.rows_affected() == 1)
}

pub(super) async fn release(
    connection: &mut Connection,
    account: AccountId,
    job: &str,
    holder: Uuid,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE lease SET lease_until = likeness_now() WHERE account_id = $1 AND job = $2 AND holder = $3")
        .bind(account.0.as_bytes().as_slice())
        .bind(job)
        .bind(holder.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn clock(connection: &mut Connection) -> Result<Timestamp, StoreError> {
    let millis: i64 = sqlx::query_scalar("SELECT CAST(extract(epoch FROM likeness_now()) * 1000 AS BIGINT)")
        .fetch_one(connection)
        .await?;
    Ok(Timestamp::from_millis(millis))
}
