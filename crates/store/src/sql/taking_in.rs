//! Takes an account of another installation in.
//!
//! Start at [`rows`]. The account is closed until [`admit`], and due to be destroyed in an hour: of one that was cut off nothing
//! stays.

use super::account_keys::{ACCOUNT_KEY, StoredKey};
use super::engine::{Connection, begin_to_write, refuse_duplicate};
use super::key_ring::KeyRing;
use super::read::damaged;
use super::transfer::insert;
use super::{access, mend, write};
use crate::error::StoreError;
use crate::id::AccountId;
use crate::keys::{AccountKeys, DataKey, Purpose};
use crate::schema::{TABLES, Table};
use crate::transfer::{Arrived, Import, Page, Value};
use tokio::sync::mpsc;

/// After how long what was cut off is destroyed.
const CUT_OFF_MILLIS: i64 = 3_600_000;

/// Puts its rows in as they come.
pub(crate) async fn rows(
    connection: &mut Connection,
    key_ring: &KeyRing,
    Import { account, keys, at, .. }: &Import,
    mut pages: mpsc::Receiver<Page>,
) -> Result<Arrived, StoreError> {
    let account = *account;
    let known: i64 = sqlx::query_scalar("SELECT count(*) FROM account WHERE account_id = $1")
        .bind(account.0.as_bytes().as_slice())
        .fetch_one(&mut *connection)
        .await?;
    if known > 0 {
        return Err(StoreError::AccountExists);
    }
    let account_keys = AccountKeys::of(keys.clone()).ok_or_else(|| damaged("an account without keys"))?;
    let mut arrived = None;
    while let Some(page) = pages.recv().await {
        let table = &TABLES[page.table];
        let mut transaction = begin_to_write(connection).await?;
        let mut rows = page.rows;
        if !rows.iter().all(|row| is_of(row, account)) {
            return Err(damaged("a row of another account"));
        }
        match table.name {
            "account" => {
                for row in &mut rows {
                    let closed_at = replace(table, row, "closed_at", at.as_millis())?;
                    let ends_at = replace(table, row, "ends_at", at.as_millis() + CUT_OFF_MILLIS)?;
                    arrived = Some(Arrived { closed_at, ends_at });
                }
                insert(&mut transaction, table, rows).await.map_err(refuse_duplicate(StoreError::NameInUse))?;
                for key in keys {
                    keep(&mut transaction, key_ring, account, at.as_millis(), key).await?;
                }
            }
            "account_key" => {
                for row in rows {
                    account_key(&mut transaction, key_ring, &account_keys, row).await?;
                }
            }
            _ => insert(&mut transaction, table, rows).await?,
        }
        transaction.commit().await?;
    }
    arrived.ok_or_else(|| damaged("an account without its row"))
}

/// Lets it be used: as it was where it came from.
pub(crate) async fn admit(
    connection: &mut Connection,
    key_ring: &KeyRing,
    Import { account, at, told, .. }: &Import,
    Arrived { closed_at, ends_at }: Arrived,
) -> Result<(), StoreError> {
    let account = *account;
    let mut transaction = begin_to_write(connection).await?;
    mend::count(&mut transaction, account, 0).await?;
    sqlx::query("UPDATE account SET closed_at = $2, ends_at = $3, access_version = $4 WHERE account_id = $1")
        .bind(account.0.as_bytes().as_slice())
        .bind(closed_at)
        .bind(ends_at)
        .bind(access::next_version(&mut transaction).await?)
        .execute(&mut *transaction)
        .await?;
    let digest = access::digest(&mut transaction, account).await?;
    write::tell_of_arrival(&mut transaction, key_ring, ("import", account, 0), (*at, told), digest).await?;
    transaction.commit().await?;
    Ok(())
}

/// The account leads every row.
fn is_of(row: &[Value], account: AccountId) -> bool {
    matches!(row.first(), Some(Value::Bytes(Some(bytes))) if bytes.as_slice() == account.0.as_bytes())
}

/// Puts another number into a column, and gives what was there.
fn replace(table: &Table, row: &mut [Value], column: &str, number: i64) -> Result<Option<i64>, StoreError> {
    let place = table.columns.iter().position(|(name, _)| *name == column);
    let value = place.and_then(|place| row.get_mut(place)).ok_or_else(|| damaged("the list of columns"))?;
    match std::mem::replace(value, Value::Integer(Some(number))) {
        Value::Integer(former) => Ok(former),
        _ => Err(damaged("the row of an account")),
    }
}

async fn keep(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    at: i64,
    key: &DataKey,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO data_key (account_id, key_id, created_at, wrapped) VALUES ($1, $2, $3, $4)")
        .bind(account.0.as_bytes().as_slice())
        .bind(i64::from(key.key_id()))
        .bind(at)
        .bind(key_ring.installation().wrap_data_key(key_ring.randomness(), key))
        .execute(connection)
        .await?;
    Ok(())
}

/// A key by which the account is called is found by a digest of this installation.
async fn account_key(
    connection: &mut Connection,
    key_ring: &KeyRing,
    keys: &AccountKeys,
    row: Vec<Value>,
) -> Result<(), StoreError> {
    let Ok(
        [
            Value::Bytes(Some(account)),
            Value::Integer(Some(slot)),
            Value::Bytes(Some(lookup)),
            Value::Bytes(Some(sealed)),
            Value::Integer(Some(set_at)),
        ],
    ) = <[Value; 5]>::try_from(row)
    else {
        return Err(damaged(ACCOUNT_KEY));
    };
    let sent = StoredKey { slot, lookup, sealed, set_at };
    let kept = sent.found_here(key_ring, &keys.sealer(Purpose::AccountKey, 0, 0))?;
    sqlx::query("INSERT INTO account_key (account_id, slot, lookup, sealed, set_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(account)
        .bind(kept.slot)
        .bind(kept.lookup)
        .bind(kept.sealed)
        .bind(kept.set_at)
        .execute(connection)
        .await
        .map_err(refuse_duplicate(StoreError::KeyInUse))?;
    Ok(())
}
