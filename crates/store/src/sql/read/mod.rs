//! Queries. Each sees one moment of the database and holds it only for as long as it takes to fetch a
//! bounded number of rows: a long reader would keep erased bytes in the log.

pub(crate) mod accounts;
pub(crate) mod audit;
pub(crate) mod containers;
pub(crate) mod face_ids;
pub(crate) mod faces;
pub(crate) mod feed;
pub(crate) mod holdings;
pub(crate) mod members;
pub(crate) mod operations;
pub(crate) mod outbox;
pub(crate) mod persons;
pub(crate) mod records;
pub(crate) mod snapshots;
mod start;
pub(crate) mod usage;

pub(crate) use audit::last_access_row;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::engine::Connection;
use super::key_ring::KeyRing;
use likeness_base::Secret;
use uuid::Uuid;

use super::write::unsigned;
use crate::command::{ContainerKind, ContainerName};
use crate::error::StoreError;
use crate::id::AccountId;
use crate::keys::{HourKey, RowContext, Sealer};

/// What was fetched and is still sealed. It is opened when its connection has been given back to those who wait.
pub(crate) type Sealed<T> = Box<dyn FnOnce() -> Result<T, StoreError> + Send>;

/// The account's id as the leading key column holds it.
pub(crate) fn key(account: &AccountId) -> &[u8] {
    account.0.as_bytes()
}

/// The store's number of a container.
async fn number_of(
    connection: &mut Connection,
    account: AccountId,
    container: &ContainerName,
) -> Result<i64, StoreError> {
    sqlx::query_scalar("SELECT number FROM container WHERE account_id = $1 AND kind = $2 AND wire_id = $3")
        .bind(key(&account))
        .bind(i64::from(container.kind.number()))
        .bind(&container.id)
        .fetch_optional(connection)
        .await?
        .ok_or(StoreError::ContainerNotFound)
}

/// The key of the hour under which a container's records are sealed as well: that of a snapshot's copy.
async fn hour_of_copy(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    container: &ContainerName,
    number: i64,
) -> Result<Option<HourKey>, StoreError> {
    if container.kind != ContainerKind::Snapshot {
        return Ok(None);
    }
    let expires_at: Option<i64> =
        sqlx::query_scalar("SELECT expires_at FROM snapshot WHERE account_id = $1 AND container = $2")
            .bind(key(&account))
            .bind(number)
            .fetch_optional(connection)
            .await?;
    // Without the key of its hour it does not exist: the records came back from a backup.
    let hour = expires_at.map(|expires_at| key_ring.known_hour_key(expires_at)).transpose()?.flatten();
    hour.map(Some).ok_or(StoreError::ContainerNotFound)
}

/// The store's number of a person.
async fn person_number(
    connection: &mut Connection,
    account: AccountId,
    number: i64,
    person: Uuid,
) -> Result<i64, StoreError> {
    sqlx::query_scalar("SELECT seq FROM person WHERE account_id = $1 AND container = $2 AND person_id = $3")
        .bind(key(&account))
        .bind(number)
        .bind(person.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?
        .ok_or(StoreError::PersonNotFound)
}

/// The labels to which rows refer, cached: labels are only added. Not inside a transaction that writes, where a label
/// may be one that is then undone.
async fn labels(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    needed: HashSet<i64>,
) -> Result<Arc<Labels>, StoreError> {
    let known = key_ring.cached_labels(account);
    if needed.iter().all(|number| known.0.contains_key(number)) {
        return Ok(known);
    }
    let labels = Arc::new(all_labels(connection, account).await?);
    key_ring.cache_labels(account, Arc::clone(&labels));
    Ok(labels)
}

/// The account's labels by their numbers. Read after the rows that refer to them.
pub(crate) async fn all_labels(connection: &mut Connection, account: AccountId) -> Result<Labels, StoreError> {
    let rows: Vec<(i64, String)> = sqlx::query_as("SELECT number, word FROM label WHERE account_id = $1")
        .bind(key(&account))
        .fetch_all(connection)
        .await?;
    Ok(Labels(rows.into_iter().map(|(number, word)| (number, word.into())).collect()))
}

#[derive(Default)]
pub(crate) struct Labels(HashMap<i64, Arc<str>>);

impl Labels {
    pub(crate) fn get(&self, number: i64) -> Result<Arc<str>, StoreError> {
        self.0.get(&number).cloned().ok_or_else(|| damaged("a label"))
    }

    /// The label of a column that may be empty.
    fn get_any(&self, number: Option<i64>) -> Result<Option<Arc<str>>, StoreError> {
        number.map(|number| self.get(number)).transpose()
    }
}

pub(crate) fn open(
    sealer: &Sealer<'_>,
    context: &RowContext,
    sealed: &[u8],
    what: &'static str,
) -> Result<Secret<Vec<u8>>, StoreError> {
    sealer.open(context, sealed).ok_or_else(|| damaged(what))
}

pub(crate) fn open_text(
    sealer: &Sealer<'_>,
    context: &RowContext,
    sealed: &[u8],
    what: &'static str,
) -> Result<Secret<String>, StoreError> {
    let mut plain = open(sealer, context, sealed, what)?;
    let bytes = std::mem::take(plain.expose_mut());
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(error) => {
            drop(Secret::new(error.into_bytes()));
            Err(damaged(what))
        }
    }
}

pub(crate) fn uuid(bytes: &[u8]) -> Result<Uuid, StoreError> {
    Uuid::from_slice(bytes).map_err(|_| damaged("an id"))
}

/// Ids as JSON, one bound value whatever their number: hexadecimal digits need no escaping.
fn as_json(ids: &[Uuid]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("\"{}\"", id.simple())).collect();
    format!("[{}]", ids.join(","))
}

/// Numbers as JSON, one bound value whatever their number, so that the statement stays prepared.
fn numbers_as_json(numbers: impl Iterator<Item = i64>) -> String {
    let numbers: Vec<String> = numbers.map(|number| number.to_string()).collect();
    format!("[{}]", numbers.join(","))
}

pub(crate) fn damaged(what: &str) -> StoreError {
    StoreError::Damaged { what: what.to_owned() }
}

/// A page length or row limit as a bound value.
fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
