//! Deliveries.

use likeness_base::Timestamp;
use uuid::Uuid;

use super::super::delete;
use super::containers::refuse_above;
use super::{Done, Work};
use crate::command::{Applied, NewDelivery, OutboxWrite};
use crate::error::{LimitKind, StoreError};
use crate::keys::{Binding, Purpose};

/// Longest name of a queue, in bytes.
const LONGEST: usize = 200;

pub(super) async fn perform(work: &mut Work<'_>, write: &OutboxWrite) -> Result<Done, StoreError> {
    match write {
        OutboxWrite::Append(delivery) => append(work, delivery).await,
        OutboxWrite::Lease { number, holder, until } => lease(work, *number, *holder, *until).await,
        OutboxWrite::Complete { number, holder } => match delete::delivery(work, *number, *holder).await? {
            0 => Err(StoreError::DeliveryNotHeld),
            removed => Ok(done(*number, removed)),
        },
        OutboxWrite::Retry { number, holder, due_at } => retry(work, *number, *holder, *due_at).await,
    }
}

/// No trail tells of it.
fn done(number: i64, removed: u64) -> Done {
    let version = u64::try_from(number).unwrap_or_default();
    Done { applied: Applied { version, removed, ..Applied::default() }, target: None, records: 0 }
}

pub(super) async fn append(work: &mut Work<'_>, delivery: &NewDelivery) -> Result<Done, StoreError> {
    if !(1..=LONGEST).contains(&delivery.queue.len()) {
        return Err(StoreError::Inconsistent("the name of a queue is 1 to 200 bytes long"));
    }
    if let Some(limit) = delivery.limit {
        let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE account_id = $1 AND gives_up_at > $2")
            .bind(work.account())
            .bind(work.at())
            .fetch_one(&mut *work.connection)
            .await?;
        refuse_above(LimitKind::Deliveries, waiting + 1, Some(limit))?;
    }
    let number: i64 = sqlx::query_scalar(
        "UPDATE account SET next_delivery = next_delivery + 1 WHERE account_id = $1 RETURNING next_delivery - 1",
    )
    .bind(work.account())
    .fetch_one(&mut *work.connection)
    .await?;
    let gives_up_at = delivery.gives_up_at.as_millis();
    let binding = Binding::delivery(number, &delivery.queue, gives_up_at);
    work.writes_until(gives_up_at)?;
    let sealed = work.seal(Purpose::Delivery, 0, &binding, delivery.payload.expose());
    work.hour = None;
    sqlx::query(
        "INSERT INTO outbox (account_id, seq, queue, created_at, due_at, gives_up_at, sealed)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(work.account())
    .bind(number)
    .bind(&delivery.queue)
    .bind(work.at())
    .bind(delivery.due_at.as_millis())
    .bind(gives_up_at)
    .bind(sealed)
    .execute(&mut *work.connection)
    .await?;
    Ok(done(number, 0))
}

async fn lease(work: &mut Work<'_>, number: i64, holder: Uuid, until: Timestamp) -> Result<Done, StoreError> {
    let leased = sqlx::query(
        "UPDATE outbox SET holder = $3, lease_until = $4
         WHERE account_id = $1 AND seq = $2 AND due_at <= $5 AND gives_up_at > $5
           AND (holder IS NULL OR holder = $3 OR lease_until <= $5)
           AND NOT EXISTS (
               SELECT 1 FROM outbox earlier WHERE earlier.account_id = outbox.account_id
                   AND earlier.queue = outbox.queue AND earlier.seq < outbox.seq AND earlier.gives_up_at > $5)",
    )
    .bind(work.account())
    .bind(number)
    .bind(holder.as_bytes().as_slice())
    .bind(until.as_millis())
    .bind(work.at())
    .execute(&mut *work.connection)
    .await?
    .rows_affected();
    held(number, leased)
}

async fn retry(work: &mut Work<'_>, number: i64, holder: Uuid, due_at: Timestamp) -> Result<Done, StoreError> {
    let changed = sqlx::query(
        "UPDATE outbox SET attempts = attempts + 1, due_at = $4, holder = NULL, lease_until = NULL
         WHERE account_id = $1 AND seq = $2 AND holder = $3",
    )
    .bind(work.account())
    .bind(number)
    .bind(holder.as_bytes().as_slice())
    .bind(due_at.as_millis())
    .execute(&mut *work.connection)
    .await?
    .rows_affected();
    held(number, changed)
}

fn held(number: i64, rows: u64) -> Result<Done, StoreError> {
    if rows == 0 { Err(StoreError::DeliveryNotHeld) } else { Ok(done(number, 0)) }
}
