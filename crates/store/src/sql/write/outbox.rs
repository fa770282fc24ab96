//! Deliveries.

use likeness_base::Timestamp;
use uuid::Uuid;

use super::super::delete;
use super::containers::refuse_above;
use super::{WriteEffect, WriteTransaction};
use crate::command::{Applied, NewDelivery, OutboxWrite};
use crate::error::{LimitKind, StoreError};
use crate::keys::{Purpose, RowContext};

/// Longest name of a queue, in bytes.
const LONGEST: usize = 200;

pub(super) async fn perform(
    transaction: &mut WriteTransaction<'_>,
    write: &OutboxWrite,
) -> Result<WriteEffect, StoreError> {
    match write {
        OutboxWrite::Append(delivery) => append(transaction, delivery).await,
        OutboxWrite::Lease { number, holder, until } => lease(transaction, *number, *holder, *until).await,
        OutboxWrite::Complete { number, holder } => match delete::delivery(transaction, *number, *holder).await? {
            0 => Err(StoreError::DeliveryNotHeld),
            removed => Ok(effect(*number, removed)),
        },
        OutboxWrite::Retry { number, holder, due_at } => retry(transaction, *number, *holder, *due_at).await,
    }
}

/// No audit log tells of it.
fn effect(number: i64, removed: u64) -> WriteEffect {
    let version = u64::try_from(number).unwrap_or_default();
    WriteEffect { applied: Applied { version, removed, ..Applied::default() }, target: None, records: 0 }
}

pub(super) async fn append(
    transaction: &mut WriteTransaction<'_>,
    delivery: &NewDelivery,
) -> Result<WriteEffect, StoreError> {
    if !(1..=LONGEST).contains(&delivery.queue.len()) {
        return Err(StoreError::Inconsistent("the name of a queue is 1 to 200 bytes long"));
    }
    if let Some(limit) = delivery.limit {
        let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE account_id = $1 AND gives_up_at > $2")
            .bind(transaction.account())
            .bind(transaction.at())
            .fetch_one(&mut *transaction.connection)
            .await?;
        refuse_above(LimitKind::Deliveries, waiting + 1, Some(limit))?;
    }
    let number: i64 = sqlx::query_scalar(
        "UPDATE account SET next_delivery = next_delivery + 1 WHERE account_id = $1 RETURNING next_delivery - 1",
    )
    .bind(transaction.account())
    .fetch_one(&mut *transaction.connection)
    .await?;
    let gives_up_at = delivery.gives_up_at.as_millis();
    let context = RowContext::delivery(number, &delivery.queue, gives_up_at);
    transaction.writes_until(gives_up_at)?;
    let sealed = transaction.seal(Purpose::Delivery, 0, &context, delivery.payload.expose());
    transaction.hour = None;
    sqlx::query(
        "INSERT INTO outbox (account_id, seq, queue, created_at, due_at, gives_up_at, sealed)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(transaction.account())
    .bind(number)
    .bind(&delivery.queue)
    .bind(transaction.at())
    .bind(delivery.due_at.as_millis())
    .bind(gives_up_at)
    .bind(sealed)
    .execute(&mut *transaction.connection)
    .await?;
    Ok(effect(number, 0))
}

async fn lease(
    transaction: &mut WriteTransaction<'_>,
    number: i64,
    holder: Uuid,
    until: Timestamp,
) -> Result<WriteEffect, StoreError> {
    let leased = sqlx::query(
        "UPDATE outbox SET holder = $3, lease_until = $4
         WHERE account_id = $1 AND seq = $2 AND due_at <= $5 AND gives_up_at > $5
           AND (holder IS NULL OR holder = $3 OR lease_until <= $5)
           AND NOT EXISTS (
               SELECT 1 FROM outbox earlier WHERE earlier.account_id = outbox.account_id
                   AND earlier.queue = outbox.queue AND earlier.seq < outbox.seq AND earlier.gives_up_at > $5)",
    )
    .bind(transaction.account())
    .bind(number)
    .bind(holder.as_bytes().as_slice())
    .bind(until.as_millis())
    .bind(transaction.at())
    .execute(&mut *transaction.connection)
    .await?
    .rows_affected();
    require_leased(number, leased)
}

async fn retry(
    transaction: &mut WriteTransaction<'_>,
    number: i64,
    holder: Uuid,
    due_at: Timestamp,
) -> Result<WriteEffect, StoreError> {
    let changed = sqlx::query(
        "UPDATE outbox SET attempts = attempts + 1, due_at = $4, holder = NULL, lease_until = NULL
         WHERE account_id = $1 AND seq = $2 AND holder = $3",
    )
    .bind(transaction.account())
    .bind(number)
    .bind(holder.as_bytes().as_slice())
    .bind(due_at.as_millis())
    .execute(&mut *transaction.connection)
    .await?
    .rows_affected();
    require_leased(number, changed)
}

fn require_leased(number: i64, rows: u64) -> Result<WriteEffect, StoreError> {
    if rows == 0 { Err(StoreError::DeliveryNotHeld) } else { Ok(effect(number, 0)) }
}
