//! Writes accounts: their names, settings, keys and state. Rows of a destroyed account go in `sql/delete.rs`.

use likeness_base::{Secret, Timestamp};

use super::super::engine::refuse_duplicate;
use super::super::{access, delete};
use super::{WriteEffect, WriteTransaction, records};
use crate::command::{AccountNames, AccountWrite, Applied, Expected, KeySlot, NewAccount, NewRecord};
use crate::error::StoreError;
use crate::journal::Act;
use crate::keys::{Purpose, RowContext};
use crate::record::RecordKind;

pub(super) async fn perform(
    transaction: &mut WriteTransaction<'_>,
    write: &AccountWrite,
) -> Result<WriteEffect, StoreError> {
    match write {
        AccountWrite::Create(account) => create(transaction, account).await,
        AccountWrite::Set { names, settings, expected } => set(transaction, names, settings, *expected).await,
        AccountWrite::Close { ends_at } => close(transaction, *ends_at).await,
        AccountWrite::Reopen => reopen(transaction).await,
        AccountWrite::Destroy { limit } => delete::account(transaction, i64::from(*limit)).await,
        AccountWrite::SetKey { slot, value, lookup } => set_key(transaction, *slot, value, lookup).await,
    }
}

/// The number of an account's first data key.
const FIRST_KEY: u32 = 1;
/// The id of an account's one record of settings.
const SETTINGS: &str = "settings";

async fn create(transaction: &mut WriteTransaction<'_>, account: &NewAccount) -> Result<WriteEffect, StoreError> {
    sqlx::query("INSERT INTO account (account_id, created_at) VALUES ($1, $2)")
        .bind(transaction.account())
        .bind(transaction.at())
        .execute(&mut *transaction.connection)
        .await
        .map_err(refuse_duplicate(StoreError::AccountExists))?;
    let wrapped = transaction.key_ring.installation().new_data_key(
        transaction.key_ring.randomness(),
        transaction.command.account.0,
        FIRST_KEY,
    );
    sqlx::query("INSERT INTO data_key (account_id, key_id, created_at, wrapped) VALUES ($1, $2, $3, $4)")
        .bind(transaction.account())
        .bind(i64::from(FIRST_KEY))
        .bind(transaction.at())
        .bind(&wrapped)
        .execute(&mut *transaction.connection)
        .await?;
    let keys =
        transaction.key_ring.installation().unwrap_data_keys(transaction.command.account.0, &[(FIRST_KEY, wrapped)]);
    transaction.keys = Some(keys.ok_or(StoreError::Damaged { what: "a data key just made".into() })?.into());
    name(transaction, &account.names).await?;
    if let Some(settings) = &account.settings {
        records::put(transaction, &settings_record(settings, Expected::Any)).await?;
    }
    for (slot, value, lookup) in &account.keys {
        set_key(transaction, *slot, value, lookup).await?;
    }
    touch_access(transaction).await?;
    Ok(WriteEffect { applied: Applied::default(), target: None, records: 1 })
}

fn settings_record(value: &Secret<Vec<u8>>, expected: Expected) -> NewRecord {
    NewRecord::new(RecordKind::Settings, SETTINGS, value.clone()).expecting(expected)
}

async fn set(
    transaction: &mut WriteTransaction<'_>,
    names: &AccountNames,
    settings: &Secret<Vec<u8>>,
    expected: u64,
) -> Result<WriteEffect, StoreError> {
    let expected = if expected == 0 { Expected::Absent } else { Expected::Version(expected) };
    name(transaction, names).await?;
    match records::put(transaction, &settings_record(settings, expected)).await {
        // Somebody else wrote the first.
        Err(StoreError::RecordExists) => Err(StoreError::RecordChanged),
        other => {
            let version = other.as_ref().map_or(0, |effect| effect.applied.version);
            transaction.stays(Act::Settings { version });
            other
        }
    }
}

async fn name(transaction: &mut WriteTransaction<'_>, names: &AccountNames) -> Result<(), StoreError> {
    sqlx::query("UPDATE account SET resource = $2, subdomain = $3 WHERE account_id = $1")
        .bind(transaction.account())
        .bind(names.resource.as_deref())
        .bind(names.subdomain.as_deref())
        .execute(&mut *transaction.connection)
        .await
        .map_err(refuse_duplicate(StoreError::NameInUse))?;
    Ok(())
}

async fn set_key(
    transaction: &mut WriteTransaction<'_>,
    slot: KeySlot,
    value: &Secret<String>,
    lookup: &[u8; 32],
) -> Result<WriteEffect, StoreError> {
    let context = RowContext::account_key(slot.number(), lookup, transaction.at());
    let sealed = transaction.seal(Purpose::AccountKey, 0, &context, value.expose().as_bytes());
    sqlx::query(
        "INSERT INTO account_key (account_id, slot, lookup, sealed, set_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account_id, slot)
         DO UPDATE SET lookup = excluded.lookup, sealed = excluded.sealed, set_at = excluded.set_at",
    )
    .bind(transaction.account())
    .bind(i64::from(slot.number()))
    .bind(lookup.as_slice())
    .bind(sealed)
    .bind(transaction.at())
    .execute(&mut *transaction.connection)
    .await
    .map_err(refuse_duplicate(StoreError::KeyInUse))?;
    transaction.stays(Act::Key { slot: slot.number(), lookup: *lookup });
    touch_access(transaction).await?;
    Ok(WriteEffect { applied: Applied::default(), target: None, records: 1 })
}

/// Suspends the account. Closing it again only moves its end.
async fn close(transaction: &mut WriteTransaction<'_>, ends_at: Timestamp) -> Result<WriteEffect, StoreError> {
    sqlx::query("UPDATE account SET closed_at = coalesce(closed_at, $2), ends_at = $3 WHERE account_id = $1")
        .bind(transaction.account())
        .bind(transaction.at())
        .bind(ends_at.as_millis())
        .execute(&mut *transaction.connection)
        .await?;
    transaction.stays(Act::Closed { ends_at: ends_at.as_millis() });
    touch_access(transaction).await?;
    Ok(WriteEffect { applied: Applied::default(), target: None, records: 1 })
}

/// Only an account that still has its key has anything to be taken up again.
async fn reopen(transaction: &mut WriteTransaction<'_>) -> Result<WriteEffect, StoreError> {
    let reopened = sqlx::query(
        "UPDATE account SET closed_at = NULL, ends_at = NULL WHERE account_id = $1 AND closed_at IS NOT NULL",
    )
    .bind(transaction.account())
    .execute(&mut *transaction.connection)
    .await?
    .rows_affected();
    if reopened == 0 {
        return Err(StoreError::AccountState);
    }
    transaction.stays(Act::Reopened);
    touch_access(transaction).await?;
    Ok(WriteEffect { applied: Applied::default(), target: None, records: 1 })
}

/// Makes every node look at this account anew. The row of the installation is locked from here to the commit, so that
/// versions become visible in their order.
pub(crate) async fn touch_access(transaction: &mut WriteTransaction<'_>) -> Result<(), StoreError> {
    transaction.access_changed = true;
    let version = access::next_version(transaction.connection).await?;
    sqlx::query("UPDATE account SET access_version = $2 WHERE account_id = $1")
        .bind(transaction.account())
        .bind(version)
        .execute(&mut *transaction.connection)
        .await?;
    Ok(())
}
