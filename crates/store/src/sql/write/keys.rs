//! Keeps wrapped keys, and who may use them.

use super::{WriteEffect, WriteTransaction, reseal, touch_access};
use crate::answers::RewrappedKey;
use crate::command::{Applied, KeyWrite};
use crate::error::StoreError;
use crate::id::AccountId;
use crate::journal::Act;

pub(super) async fn perform(
    transaction: &mut WriteTransaction<'_>,
    write: &KeyWrite,
) -> Result<WriteEffect, StoreError> {
    let rows = match write {
        KeyWrite::Rewrap { keys } => {
            for key in keys {
                keep(transaction, key).await?;
            }
            let newest = keys.last().filter(|_| transaction.command.account != AccountId::INSTALLATION);
            if let Some(newest) = newest {
                transaction.stays(Act::Moved { provider: newest.key.provider.clone() });
            }
            keys.len() as u64
        }
        KeyWrite::Reseal { after } => return reseal::step(transaction, *after).await,
        KeyWrite::Disable => {
            let once = "UPDATE account SET key_disabled_at = coalesce(key_disabled_at, $2) WHERE account_id = $1";
            note(transaction, once).await?;
            transaction.stays(Act::Disabled);
            touch_access(transaction).await?;
            1
        }
        KeyWrite::Enable => {
            note(transaction, "UPDATE account SET key_disabled_at = NULL WHERE account_id = $1 AND $2 IS NOT NULL")
                .await?;
            transaction.stays(Act::Enabled);
            touch_access(transaction).await?;
            1
        }
        KeyWrite::Used => {
            note(transaction, "UPDATE account SET key_used_at = $2 WHERE account_id = $1").await?;
            1
        }
        KeyWrite::BackedUp if transaction.command.account == AccountId::INSTALLATION => {
            sqlx::query("UPDATE installation SET backed_up_at = $1")
                .bind(transaction.at())
                .execute(&mut *transaction.connection)
                .await?;
            1
        }
        KeyWrite::BackedUp => {
            note(transaction, "UPDATE account SET backed_up_at = $2 WHERE account_id = $1").await?;
            1
        }
    };
    Ok(WriteEffect { applied: Applied::default(), target: None, records: rows })
}

async fn note(transaction: &mut WriteTransaction<'_>, statement: &'static str) -> Result<(), StoreError> {
    sqlx::query(statement)
        .bind(transaction.account())
        .bind(transaction.at())
        .execute(&mut *transaction.connection)
        .await?;
    Ok(())
}

/// Keeps one key, unless somebody else has wrapped it anew since it was read.
async fn keep(transaction: &mut WriteTransaction<'_>, rewrapped: &RewrappedKey) -> Result<(), StoreError> {
    let RewrappedKey { key, version, former } = rewrapped;
    let version = version.map(i64::from);
    let statement = if transaction.command.account == AccountId::INSTALLATION {
        "UPDATE installation SET provider = $3, provider_version = $4, wrapped = $5
         WHERE $1 IS NOT NULL AND $2 = 0 AND $6 IS NULL AND wrapped = $7"
    } else if former.is_some() {
        "UPDATE data_key SET provider = $3, provider_version = $4, wrapped = $5, check_value = $6
         WHERE account_id = $1 AND key_id = $2 AND wrapped = $7"
    } else {
        "INSERT INTO data_key (account_id, key_id, provider, provider_version, wrapped, check_value, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING"
    };
    let statement = sqlx::query(statement)
        .bind(transaction.account())
        .bind(i64::from(key.key_id))
        .bind(key.provider.as_deref())
        .bind(version)
        .bind(key.wrapped.as_slice())
        .bind(key.check_value.as_deref());
    let statement = match former {
        Some(former) => statement.bind(former.as_slice()),
        None => statement.bind(transaction.at()),
    };
    let rows = statement.execute(&mut *transaction.connection).await?.rows_affected();
    if rows == 1 { Ok(()) } else { Err(StoreError::RecordChanged) }
}
