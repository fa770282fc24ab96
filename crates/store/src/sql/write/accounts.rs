use likeness_base::Secret;

use super::super::engine::refuse_duplicate;
use super::{Done, Work};
use crate::command::{Applied, KeySlot};
use crate::error::StoreError;
use crate::keys::{Purpose, Record};

/// The number of an account's first data key.
const FIRST_KEY: u32 = 1;

pub(super) async fn create(work: &mut Work<'_>) -> Result<Done, StoreError> {
    sqlx::query("INSERT INTO account (account_id, created_at) VALUES ($1, $2)")
        .bind(work.account())
        .bind(work.at())
        .execute(&mut *work.connection)
        .await
        .map_err(refuse_duplicate(StoreError::AccountExists))?;
    let wrapped = work.vault.installation().new_data_key(work.vault.randomness(), work.command.account.0, FIRST_KEY);
    sqlx::query("INSERT INTO data_key (account_id, key_id, created_at, wrapped) VALUES ($1, $2, $3, $4)")
        .bind(work.account())
        .bind(i64::from(FIRST_KEY))
        .bind(work.at())
        .bind(wrapped)
        .execute(&mut *work.connection)
        .await?;
    Ok(Done { applied: Applied::default(), target: None, records: 1 })
}

pub(super) async fn set_key(
    work: &mut Work<'_>,
    slot: KeySlot,
    value: &Secret<String>,
    lookup: &[u8; 32],
) -> Result<Done, StoreError> {
    let record = Record::account_key(slot.number(), lookup);
    let sealed = work.seal(Purpose::AccountKey, 0, &record, value.expose().as_bytes());
    sqlx::query(
        "INSERT INTO account_key (account_id, slot, lookup, sealed, set_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account_id, slot)
         DO UPDATE SET lookup = excluded.lookup, sealed = excluded.sealed, set_at = excluded.set_at",
    )
    .bind(work.account())
    .bind(i64::from(slot.number()))
    .bind(lookup.as_slice())
    .bind(sealed)
    .bind(work.at())
    .execute(&mut *work.connection)
    .await
    .map_err(refuse_duplicate(StoreError::KeyInUse))?;
    Ok(Done { applied: Applied::default(), target: None, records: 1 })
}
