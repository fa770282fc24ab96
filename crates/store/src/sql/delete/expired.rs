//! What goes because its time is over: the sweep.

use std::time::Duration;

use super::super::write::{WriteEffect, WriteTransaction, unsigned};
use super::container::{hide_snapshot, part_of_hidden};
use super::{freed, gone};
use crate::command::{Applied, Lives};
use crate::error::StoreError;
use crate::record::RecordKind;
use crate::types::HIDDEN;

/// How long the idempotency key of a command is remembered. Whoever lost an answer asks again within seconds.
const IDEMPOTENCY_ROWS_KEPT_MILLIS: i64 = 10 * 60_000;

/// How long change rows are kept: a node that has not followed for a day loads the container anew.
pub(crate) const CHANGE_ROWS_KEPT_MILLIS: i64 = 24 * 3_600_000;

fn millis(life: Duration) -> i64 {
    i64::try_from(life.as_millis()).unwrap_or(i64::MAX)
}

/// Removes what has expired, oldest first, change rows that are past their time, and the idempotency rows of old
/// commands. The latter count for nothing: they were never anybody's records.
pub(crate) async fn expired(
    transaction: &mut WriteTransaction<'_>,
    limit: i64,
    lives: Lives,
) -> Result<WriteEffect, StoreError> {
    let now = transaction.at();
    sqlx::query(
        "DELETE FROM command_note WHERE account_id = $1 AND command_id IN (
             SELECT command_id FROM command_note WHERE account_id = $1 AND at <= $2 LIMIT $3)",
    )
    .bind(transaction.account())
    .bind(now.saturating_sub(IDEMPOTENCY_ROWS_KEPT_MILLIS))
    .bind(limit)
    .execute(&mut *transaction.connection)
    .await?;
    // The same records as below, in the same order.
    sqlx::query(
        "DELETE FROM record_tag WHERE account_id = $1 AND (kind, id) IN (
             SELECT kind, id FROM record
             WHERE account_id = $1 AND expires_at <= $2 ORDER BY expires_at, kind, id LIMIT $3)",
    )
    .bind(transaction.account())
    .bind(transaction.at())
    .bind(limit)
    .execute(&mut *transaction.connection)
    .await?;
    let records: Vec<(i64, i64)> = sqlx::query_as(
        "DELETE FROM record WHERE account_id = $1 AND (kind, id) IN (
             SELECT kind, id FROM record
             WHERE account_id = $1 AND expires_at <= $2 ORDER BY expires_at, kind, id LIMIT $3)
         RETURNING kind, CAST(length(sealed) AS BIGINT)",
    )
    .bind(transaction.account())
    .bind(now)
    .bind(limit)
    .fetch_all(&mut *transaction.connection)
    .await?;
    transaction.frees(records.iter().map(|(_, bytes)| bytes).sum());
    // Nobody has to learn of it, for what has expired decided nothing; but the audit log tells what is there.
    transaction.access_changed |= records.iter().any(|(kind, _)| RecordKind::decides_access(*kind));
    let mut room = limit - i64::try_from(records.len()).unwrap_or(limit);
    // What has expired, and where there is a shorter life now, what that has reached.
    let before = |life: Option<Duration>| life.map(|life| now.saturating_sub(millis(life)));
    let after = |life: Option<Duration>| life.map(|life| now.saturating_add(millis(life)));
    for (statement, moment) in [
        (
            "DELETE FROM face_id WHERE account_id = $1 AND face_id IN (
                 SELECT face_id FROM face_id
                 WHERE account_id = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3)
             RETURNING CAST(length(sealed_template) AS BIGINT)",
            Some(now),
        ),
        (
            "DELETE FROM face_id WHERE account_id = $1 AND face_id IN (
                 SELECT face_id FROM face_id
                 WHERE account_id = $1 AND expires_at > $2 ORDER BY expires_at DESC LIMIT $3)
             RETURNING CAST(length(sealed_template) AS BIGINT)",
            after(lives.face_id),
        ),
        (
            concat!(
                "DELETE FROM outbox WHERE account_id = $1 AND seq IN (
                     SELECT seq FROM outbox
                     WHERE account_id = $1 AND gives_up_at <= $2 ORDER BY gives_up_at LIMIT $3)",
                returning_sealed!()
            ),
            Some(now),
        ),
        (
            "DELETE FROM operation WHERE account_id = $1 AND operation_id IN (
                 SELECT operation_id FROM operation
                 WHERE account_id = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3)
             RETURNING CAST(0 AS BIGINT)",
            Some(now),
        ),
        (
            "DELETE FROM operation WHERE account_id = $1 AND operation_id IN (
                 SELECT operation_id FROM operation WHERE account_id = $1 AND created_at <= $2 LIMIT $3)
             RETURNING CAST(0 AS BIGINT)",
            before(lives.operation),
        ),
    ] {
        // Most accounts have shortened nothing, and need not be searched for it.
        let Some(moment) = moment else { continue };
        room -= freed(transaction, statement, &[moment, room]).await?;
    }
    for _ in 0..room {
        let due = expired_snapshot(transaction, before(lives.snapshot)).await?;
        let Some((snapshot, number)) = due else { break };
        hide_snapshot(transaction, &snapshot, number).await?;
    }
    while room > 0 {
        let Some(number) = due_hidden(transaction).await? else { break };
        let part = part_of_hidden(transaction.connection, transaction.command.account, number, room).await?;
        transaction.frees(part.bytes);
        room -= part.rows;
    }
    let removed = unsigned(limit - room)?;
    let trimmed_all = room > 0 && trim_change_rows(transaction, room).await?;
    let applied = Applied { removed, more: !trimmed_all, ..Applied::default() };
    Ok(WriteEffect { applied, target: None, records: removed })
}

/// The hidden container that has been due for longest: what is left of one that was deleted, or an abandoned copy.
async fn due_hidden(transaction: &mut WriteTransaction<'_>) -> Result<Option<i64>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT number FROM container
         WHERE account_id = $1 AND kind = $2 AND coalesce(trim_due, 0) <= $3 ORDER BY trim_due LIMIT 1",
    )
    .bind(transaction.account())
    .bind(HIDDEN)
    .bind(transaction.at())
    .fetch_optional(&mut *transaction.connection)
    .await?)
}

/// The id and the copy of the snapshot that has been due for longest.
async fn expired_snapshot(
    transaction: &mut WriteTransaction<'_>,
    taken_until: Option<i64>,
) -> Result<Option<(Vec<u8>, i64)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT snapshot_id, container FROM snapshot
         WHERE account_id = $1 AND (expires_at <= $2 OR created_at <= $3) ORDER BY expires_at LIMIT 1",
    )
    .bind(transaction.account())
    .bind(transaction.at())
    .bind(taken_until)
    .fetch_optional(&mut *transaction.connection)
    .await?)
}

/// Trims about `room` rows of the containers whose oldest rows are due. `false`: there may be more.
async fn trim_change_rows(transaction: &mut WriteTransaction<'_>, mut room: i64) -> Result<bool, StoreError> {
    let due: Vec<i64> = sqlx::query_scalar(
        "SELECT number FROM container WHERE account_id = $1 AND trim_due <= $2 AND kind <> 8 ORDER BY trim_due LIMIT $3",
    )
    .bind(transaction.account())
    .bind(transaction.at())
    .bind(room)
    .fetch_all(&mut *transaction.connection)
    .await?;
    let may_be_more = due.len() as u64 == unsigned(room)?;
    for number in due {
        if room <= 0 {
            return Ok(false);
        }
        room -= trim_container(transaction, number, room).await?;
    }
    Ok(room > 0 && !may_be_more)
}

/// Trims whole versions, oldest first, and gives the number of rows that went.
async fn trim_container(transaction: &mut WriteTransaction<'_>, number: i64, room: i64) -> Result<i64, StoreError> {
    let oldest_kept = transaction.at().saturating_sub(CHANGE_ROWS_KEPT_MILLIS);
    let last: Option<i64> = sqlx::query_scalar(
        "SELECT max(version) FROM (
             SELECT version, at FROM change WHERE account_id = $1 AND container = $2 ORDER BY version LIMIT $4) oldest
         WHERE at <= $3",
    )
    .bind(transaction.account())
    .bind(number)
    .bind(oldest_kept)
    .bind(room)
    .fetch_one(&mut *transaction.connection)
    .await?;
    let mut rows = 0;
    if let Some(last) = last {
        let trimmed = "DELETE FROM change WHERE account_id = $1 AND container = $2 AND version <= $3";
        rows = gone(transaction.connection, trimmed, transaction.account(), &[number, last]).await?;
    }
    sqlx::query(
        "UPDATE container
         SET trimmed_version = CASE WHEN trimmed_version < $3 THEN $3 ELSE trimmed_version END,
             trim_due = (SELECT at FROM change WHERE account_id = $1 AND container = $2 ORDER BY version LIMIT 1) + $4
         WHERE account_id = $1 AND number = $2",
    )
    .bind(transaction.account())
    .bind(number)
    .bind(last.unwrap_or(0))
    .bind(CHANGE_ROWS_KEPT_MILLIS)
    .execute(&mut *transaction.connection)
    .await?;
    Ok(rows)
}
