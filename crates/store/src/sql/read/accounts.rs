//! Queries about accounts: names, account keys, totals, and what changed about who may call.

use std::collections::HashMap;

use super::super::account_keys::{self, ACCOUNT_KEY};
use super::super::engine::Connection;
use likeness_base::Timestamp;

use super::super::key_ring::KeyRing;
use super::{damaged, key, open_text, unsigned, uuid};
use crate::answers::{AccessChanges, Account, AccountAccess, AccountKey, Totals};
use crate::command::{AccountNames, ContainerKind, KeySlot};
use crate::error::StoreError;
use crate::id::AccountId;
use crate::keys::Purpose;

pub(crate) async fn accounts(connection: &mut Connection) -> Result<Vec<Account>, StoreError> {
    let rows: Vec<AccountRow> = sqlx::query_as(
        "SELECT account_id, created_at, resource, subdomain, closed_at, ends_at FROM account
         WHERE account_id <> $1 ORDER BY account_id",
    )
    .bind(key(&AccountId::INSTALLATION))
    .fetch_all(&mut *connection)
    .await?;
    rows.into_iter().map(account_of).collect()
}

/// Id, when it was made, resource, subdomain, since when closed, when it ends.
type AccountRow = (Vec<u8>, i64, Option<String>, Option<String>, Option<i64>, Option<i64>);

fn account_of((id, created_at, resource, subdomain, closed_at, ends_at): AccountRow) -> Result<Account, StoreError> {
    Ok(Account {
        id: AccountId(uuid(&id)?),
        created_at: Timestamp::from_millis(created_at),
        names: AccountNames { resource, subdomain },
        closed_at: closed_at.map(Timestamp::from_millis),
        ends_at: ends_at.map(Timestamp::from_millis),
    })
}

/// What changed about who may call after a version. Not more than a row is read while nothing did.
pub(crate) async fn access_since(connection: &mut Connection, known: u64) -> Result<Option<AccessChanges>, StoreError> {
    let version: i64 =
        sqlx::query_scalar("SELECT access_version FROM installation").fetch_one(&mut *connection).await?;
    let version = unsigned(version)?;
    if version == known {
        return Ok(None);
    }
    // A store that was moved here counts anew: then everything has changed.
    let after = if version < known { -1 } else { i64::try_from(known).unwrap_or(i64::MAX) };
    let ids: Vec<Vec<u8>> = sqlx::query_scalar("SELECT account_id FROM account").fetch_all(&mut *connection).await?;
    let rows: Vec<AccountRow> = sqlx::query_as(
        "SELECT account_id, created_at, resource, subdomain, closed_at, ends_at FROM account WHERE access_version > $1",
    )
    .bind(after)
    .fetch_all(&mut *connection)
    .await?;
    let keys: Vec<(Vec<u8>, i64, Vec<u8>)> = sqlx::query_as(
        "SELECT account_id, slot, lookup FROM account_key
         WHERE account_id IN (SELECT account_id FROM account WHERE access_version > $1)",
    )
    .bind(after)
    .fetch_all(&mut *connection)
    .await?;
    let mut keys_of: HashMap<AccountId, Vec<(KeySlot, [u8; 32])>> = HashMap::new();
    for (account, slot, lookup) in &keys {
        let lookup = lookup.as_slice().try_into().map_err(|_| damaged("the digest of a key"))?;
        keys_of.entry(AccountId(uuid(account)?)).or_default().push((slot_of(*slot)?, lookup));
    }
    let changed = rows.into_iter().map(|row| {
        let account = account_of(row)?;
        let keys = keys_of.remove(&account.id).unwrap_or_default();
        Ok(AccountAccess { account, keys })
    });
    let changed = changed.collect::<Result<_, StoreError>>()?;
    let accounts = ids.iter().map(|id| Ok(AccountId(uuid(id)?))).collect::<Result<_, StoreError>>()?;
    Ok(Some(AccessChanges { version, accounts, changed }))
}

pub(crate) async fn account(connection: &mut Connection, account: AccountId) -> Result<Option<Account>, StoreError> {
    let row: Option<AccountRow> = sqlx::query_as(
        "SELECT account_id, created_at, resource, subdomain, closed_at, ends_at FROM account WHERE account_id = $1",
    )
    .bind(key(&account))
    .fetch_optional(&mut *connection)
    .await?;
    row.map(account_of).transpose()
}

pub(crate) async fn keys(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
) -> Result<Vec<AccountKey>, StoreError> {
    let rows = account_keys::of_account(connection, account).await?;
    let keys = key_ring.keys(connection, account).await?;
    let sealer = keys.sealer(Purpose::AccountKey, 0, 0);
    rows.iter()
        .map(|row| {
            let value = open_text(&sealer, &row.context()?, &row.sealed, ACCOUNT_KEY)?;
            Ok(AccountKey { slot: slot_of(row.slot)?, value, set_at: Timestamp::from_millis(row.set_at) })
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

pub(crate) async fn stored_bytes(connection: &mut Connection, account: AccountId) -> Result<u64, StoreError> {
    let bytes: Option<i64> = sqlx::query_scalar("SELECT stored_bytes FROM account WHERE account_id = $1")
        .bind(key(&account))
        .fetch_optional(&mut *connection)
        .await?;
    unsigned(bytes.ok_or(StoreError::AccountNotFound)?)
}

fn slot_of(number: i64) -> Result<KeySlot, StoreError> {
    KeySlot::from_number(number).ok_or_else(|| damaged("a key slot"))
}
