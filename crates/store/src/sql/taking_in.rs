//! Takes an account of another installation in.
//!
//! Start at [`account`]. It is closed until everything is there, and due to be destroyed in an hour: of one that was cut off
//! nothing stays.

use super::engine::{Connection, refuse_duplicate};
use super::key_ring::KeyRing;
use super::read::{damaged, open_text};
use super::transfer::insert;
use super::{access, mend, write};
use crate::error::StoreError;
use crate::id::AccountId;
use crate::keys::{AccountKeys, DataKey, Purpose, RowContext};
use crate::schema::TABLES;
use crate::transfer::{Import, Page, Value};
use sqlx::Connection as _;
use tokio::sync::mpsc;

/// After how long what was cut off is destroyed.
const CUT_OFF_MILLIS: i64 = 3_600_000;

/// Does it.
pub(crate) async fn account(
    connection: &mut Connection,
    key_ring: &KeyRing,
    import: Import,
    mut pages: mpsc::Receiver<Page>,
) -> Result<(), StoreError> {
    let Import { account, keys, at, told } = import;
    let known: i64 = sqlx::query_scalar("SELECT count(*) FROM account WHERE account_id = $1")
        .bind(account.0.as_bytes().as_slice())
        .fetch_one(&mut *connection)
        .await?;
    if known > 0 {
        return Err(StoreError::AccountExists);
    }
    let account_keys = AccountKeys::of(keys.clone()).ok_or_else(|| damaged("an account without keys"))?;
    let mut ends = None;
    while let Some(page) = pages.recv().await {
        let table = &TABLES[page.table];
        let mut transaction = connection.begin().await?;
        let mut rows = page.rows;
        if !rows.iter().all(|row| is_of(row, account)) {
            return Err(damaged("a row of another account"));
        }
        match table.name {
            "account" => {
                let place = |column: &str| table.columns.iter().position(|(name, _)| *name == column);
                for row in &mut rows {
                    for (column, value) in [("closed_at", at.as_millis()), ("ends_at", at.as_millis() + CUT_OFF_MILLIS)]
                    {
                        let place = place(column).ok_or_else(|| damaged("the list of columns"))?;
                        let former = std::mem::replace(&mut row[place], Value::Integer(Some(value)));
                        if let Value::Integer(former) = former {
                            ends.get_or_insert_with(Vec::new).push(former);
                        }
                    }
                }
                insert(&mut transaction, table, rows).await.map_err(duplicate_name)?;
                for key in &keys {
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
    let ends = ends.ok_or_else(|| damaged("an account without its row"))?;
    let mut transaction = connection.begin().await?;
    mend::count(&mut transaction, account, 0).await?;
    sqlx::query("UPDATE account SET closed_at = $2, ends_at = $3, access_version = $4 WHERE account_id = $1")
        .bind(account.0.as_bytes().as_slice())
        .bind(ends.first().copied().flatten())
        .bind(ends.get(1).copied().flatten())
        .bind(access::next_version(&mut transaction).await?)
        .execute(&mut *transaction)
        .await?;
    let digest = access::digest(&mut transaction, account).await?;
    write::tell_of_arrival(&mut transaction, key_ring, ("import", account, 0), (at, &told), digest).await?;
    transaction.commit().await?;
    Ok(())
}

/// The account leads every row.
fn is_of(row: &[Value], account: AccountId) -> bool {
    matches!(row.first(), Some(Value::Bytes(Some(bytes))) if bytes.as_slice() == account.0.as_bytes())
}

fn duplicate_name(error: StoreError) -> StoreError {
    match error {
        StoreError::Backend(source) => match source.downcast::<sqlx::Error>() {
            Ok(source) => refuse_duplicate(StoreError::NameInUse)(*source),
            Err(source) => StoreError::Backend(source),
        },
        other => other,
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
    let [
        Value::Bytes(Some(account)),
        Value::Integer(Some(slot)),
        Value::Bytes(Some(lookup)),
        Value::Bytes(Some(sealed)),
        Value::Integer(Some(set_at)),
    ] = row.as_slice()
    else {
        return Err(damaged("an account key"));
    };
    let number = u8::try_from(*slot).map_err(|_| damaged("a key slot"))?;
    let sealer = keys.sealer(Purpose::AccountKey, 0, 0);
    let value = open_text(&sealer, &RowContext::account_key(number, lookup, *set_at), sealed, "an account key")?;
    let lookup = key_ring.installation().lookup_digest(&value);
    let context = RowContext::account_key(number, &lookup, *set_at);
    sqlx::query("INSERT INTO account_key (account_id, slot, lookup, sealed, set_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(account)
        .bind(slot)
        .bind(lookup.as_slice())
        .bind(sealer.seal(key_ring.randomness(), &context, value.expose().as_bytes()))
        .bind(set_at)
        .execute(connection)
        .await
        .map_err(refuse_duplicate(StoreError::KeyInUse))?;
    Ok(())
}
