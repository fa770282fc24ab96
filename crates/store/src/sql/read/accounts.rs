use super::super::engine::Connection;
use likeness_base::Timestamp;

use super::super::vault::Vault;
use super::{damaged, key, open_text, unsigned, uuid};
use crate::command::{ContainerKind, KeySlot};
use crate::error::StoreError;
use crate::id::AccountId;
use crate::keys::{Purpose, Record};
use crate::records::{Account, AccountKey, Totals};

pub(crate) async fn accounts(connection: &mut Connection) -> Result<Vec<Account>, StoreError> {
    let rows: Vec<(Vec<u8>, i64)> = sqlx::query_as("SELECT account_id, created_at FROM account ORDER BY account_id")
        .fetch_all(&mut *connection)
        .await?;
    rows.iter()
        .map(|(id, created_at)| {
            Ok(Account { id: AccountId(uuid(id)?), created_at: Timestamp::from_millis(*created_at) })
        })
        .collect()
}

pub(crate) async fn account(connection: &mut Connection, account: AccountId) -> Result<Option<Account>, StoreError> {
    let created_at: Option<i64> = sqlx::query_scalar("SELECT created_at FROM account WHERE account_id = $1")
        .bind(key(&account))
        .fetch_optional(&mut *connection)
        .await?;
    Ok(created_at.map(|millis| Account { id: account, created_at: Timestamp::from_millis(millis) }))
}

pub(crate) async fn account_of_key(
    connection: &mut Connection,
    lookup: &[u8; 32],
) -> Result<Option<(AccountId, KeySlot)>, StoreError> {
    let row: Option<(Vec<u8>, i64)> = sqlx::query_as("SELECT account_id, slot FROM account_key WHERE lookup = $1")
        .bind(lookup.as_slice())
        .fetch_optional(&mut *connection)
        .await?;
    let Some((account, slot)) = row else { return Ok(None) };
    Ok(Some((AccountId(uuid(&account)?), slot_of(slot)?)))
}

pub(crate) async fn keys(
    connection: &mut Connection,
    vault: &Vault,
    account: AccountId,
) -> Result<Vec<AccountKey>, StoreError> {
    let rows: Vec<(i64, Vec<u8>, Vec<u8>, i64)> =
        sqlx::query_as("SELECT slot, lookup, sealed, set_at FROM account_key WHERE account_id = $1 ORDER BY slot")
            .bind(key(&account))
            .fetch_all(&mut *connection)
            .await?;
    let keys = vault.keys(connection, account).await?;
    let compartment = keys.compartment(Purpose::AccountKey, 0, 0);
    rows.iter()
        .map(|(slot, lookup, sealed, set_at)| {
            let slot = slot_of(*slot)?;
            let record = Record::account_key(slot.number(), lookup);
            let value = open_text(&compartment, &record, sealed, "an account key")?;
            Ok(AccountKey { slot, value, set_at: Timestamp::from_millis(*set_at) })
        })
        .collect()
}

pub(crate) async fn totals(connection: &mut Connection, account: AccountId) -> Result<Vec<Totals>, StoreError> {
    let rows: Vec<(i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT kind, containers, persons,
                (SELECT CAST(coalesce(sum(faces), 0) AS BIGINT) FROM container c
                 WHERE c.account_id = t.account_id AND c.kind = t.kind)
         FROM tally t WHERE account_id = $1",
    )
    .bind(key(&account))
    .fetch_all(&mut *connection)
    .await?;
    ContainerKind::ALL
        .into_iter()
        .map(|kind| {
            let row = rows.iter().find(|row| row.0 == i64::from(kind.number()));
            let &(_, containers, persons, faces) = row.unwrap_or(&(0, 0, 0, 0));
            Ok(Totals { kind, containers: unsigned(containers)?, persons: unsigned(persons)?, faces: unsigned(faces)? })
        })
        .collect()
}

fn slot_of(number: i64) -> Result<KeySlot, StoreError> {
    KeySlot::from_number(number).ok_or_else(|| damaged("a key slot"))
}
