//! Deliveries that wait.

use likeness_base::Timestamp;

use super::super::engine::Connection;
use super::super::key_ring::KeyRing;
use super::{at_most, damaged, key, open, uuid};
use crate::answers::Delivery;
use crate::error::StoreError;
use crate::id::AccountId;
use crate::keys::{Purpose, RowContext};

/// Number, queue, attempts, when it was caused, its end, sealed payload.
type DeliveryRow = (i64, String, i64, i64, i64, Vec<u8>);

/// The first of each queue, where it is due and nobody is at it.
pub(crate) async fn deliveries(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Delivery>, StoreError> {
    let rows: Vec<DeliveryRow> = sqlx::query_as(
        "SELECT seq, queue, attempts, created_at, gives_up_at, sealed FROM outbox
         WHERE account_id = $1 AND due_at <= $2 AND gives_up_at > $2 AND (lease_until IS NULL OR lease_until <= $2)
           AND NOT EXISTS (
               SELECT 1 FROM outbox earlier WHERE earlier.account_id = outbox.account_id
                   AND earlier.queue = outbox.queue AND earlier.seq < outbox.seq AND earlier.gives_up_at > $2)
         ORDER BY seq LIMIT $3",
    )
    .bind(key(&account))
    .bind(now.as_millis())
    .bind(at_most(limit))
    .fetch_all(&mut *connection)
    .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let keys = key_ring.keys(connection, account).await?;
    let mut deliveries = Vec::with_capacity(rows.len());
    for (number, queue, attempts, created_at, gives_up_at, sealed) in rows {
        // Without the key of its hour it does not exist: the row came back from a backup.
        let Some(hour) = key_ring.known_hour_key(gives_up_at)? else { continue };
        let sealer = keys.sealer_until(Purpose::Delivery, 0, 0, Some(hour));
        let payload = open(&sealer, &RowContext::delivery(number, &queue, gives_up_at), &sealed, "a delivery")?;
        deliveries.push(Delivery {
            number,
            queue,
            attempts: u32::try_from(attempts).map_err(|_| damaged("a negative count"))?,
            created_at: Timestamp::from_millis(created_at),
            gives_up_at: Timestamp::from_millis(gives_up_at),
            payload,
        });
    }
    Ok(deliveries)
}

/// Accounts that have deliveries, due or not.
pub(crate) async fn accounts_with_deliveries(connection: &mut Connection) -> Result<Vec<AccountId>, StoreError> {
    let ids: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT DISTINCT account_id FROM outbox ORDER BY account_id").fetch_all(connection).await?;
    ids.iter().map(|id| Ok(AccountId(uuid(id)?))).collect()
}
