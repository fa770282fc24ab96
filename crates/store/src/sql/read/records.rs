//! Records by their ids and by their tags.

use super::super::engine::Connection;
use likeness_base::Timestamp;

use super::super::key_ring::KeyRing;
use super::super::write::{RecordContext, StoredTag};
use super::{Sealed, at_most, key, open, unsigned};
use crate::answers::{PageStart, Record};
use crate::command::Tag;
use crate::error::StoreError;
use crate::id::AccountId;
use crate::keys::Purpose;
use crate::record::RecordKind;

/// Id, version, when it was made and last written, expiry, container and person, sealed value.
type RecordRow = (String, i64, i64, i64, Option<i64>, Option<i64>, Option<i64>, Vec<u8>);

pub(crate) async fn record(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    kind: RecordKind,
    id: &str,
    now: Timestamp,
) -> Result<Option<Record>, StoreError> {
    let row: Option<RecordRow> = sqlx::query_as(concat!(
        "SELECT id, version, created_at, updated_at, expires_at, container, person, sealed FROM record r
         WHERE account_id = $1 AND kind = $2 AND id = $3 AND (expires_at IS NULL OR expires_at > $4) AND ",
        record_is_visible!()
    ))
    .bind(key(&account))
    .bind(i64::from(kind.number()))
    .bind(id)
    .bind(now.as_millis())
    .fetch_optional(&mut *connection)
    .await?;
    let sealed = sealed(connection, key_ring, account, kind, row.into_iter().collect()).await?;
    Ok(sealed()?.pop())
}

pub(crate) async fn records(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    kind: RecordKind,
    page: &PageStart,
    now: Timestamp,
) -> Result<Sealed<Vec<Record>>, StoreError> {
    let rows: Vec<RecordRow> = sqlx::query_as(concat!(
        "SELECT id, version, created_at, updated_at, expires_at, container, person, sealed FROM record r
         WHERE account_id = $1 AND kind = $2 AND id > $3 AND (expires_at IS NULL OR expires_at > $4) AND ",
        record_is_visible!(),
        " ORDER BY id LIMIT $5"
    ))
    .bind(key(&account))
    .bind(i64::from(kind.number()))
    .bind(&page.after)
    .bind(now.as_millis())
    .bind(at_most(page.top))
    .fetch_all(&mut *connection)
    .await?;
    sealed(connection, key_ring, account, kind, rows).await
}

pub(crate) async fn records_tagged(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    kind: RecordKind,
    tag: &Tag,
    page: &PageStart,
    now: Timestamp,
) -> Result<Sealed<Vec<Record>>, StoreError> {
    let keys = key_ring.keys(connection, account).await?;
    let tag = StoredTag::of(&keys, kind, tag)?;
    let rows: Vec<RecordRow> = sqlx::query_as(concat!(
        "SELECT r.id, r.version, r.created_at, r.updated_at, r.expires_at, r.container, r.person, r.sealed
         FROM record_tag t JOIN record r ON r.account_id = t.account_id AND r.kind = t.kind AND r.id = t.id
         WHERE t.account_id = $1 AND t.kind = $2 AND t.tag = $3 AND t.value = $4 AND t.id > $5
           AND (r.expires_at IS NULL OR r.expires_at > $6) AND ",
        record_is_visible!(),
        " ORDER BY t.id LIMIT $7"
    ))
    .bind(key(&account))
    .bind(i64::from(kind.number()))
    .bind(tag.number)
    .bind(tag.value)
    .bind(&page.after)
    .bind(now.as_millis())
    .bind(at_most(page.top))
    .fetch_all(&mut *connection)
    .await?;
    sealed(connection, key_ring, account, kind, rows).await
}

async fn sealed(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    kind: RecordKind,
    rows: Vec<RecordRow>,
) -> Result<Sealed<Vec<Record>>, StoreError> {
    if rows.is_empty() {
        return Ok(Box::new(|| Ok(Vec::new())));
    }
    let keys = key_ring.keys(connection, account).await?;
    let hours = rows.iter().map(|row| match row.4 {
        // Without the key of its hour it does not exist: the record came back from a backup.
        Some(expires_at) => Ok(key_ring.known_hour_key(expires_at)?.map(Some)),
        None => Ok(Some(None)),
    });
    let hours = hours.collect::<Result<Vec<_>, StoreError>>()?;
    Ok(Box::new(move || {
        let row = kind.row();
        let mut records = Vec::with_capacity(rows.len());
        for ((id, version, created_at, updated_at, expires_at, container, person, sealed), hour) in
            rows.into_iter().zip(hours)
        {
            let Some(hour) = hour else { continue };
            let version = unsigned(version)?;
            let context = RecordContext { kind, id: &id, version, expires_at, person: container.zip(person) };
            let sealer = keys.sealer_until(Purpose::Record, 0, context.epoch(), hour);
            let value = open(&sealer, &context.row_context(), &sealed, row.word)?;
            records.push(Record {
                id,
                version,
                created_at: Timestamp::from_millis(created_at),
                updated_at: Timestamp::from_millis(updated_at),
                expires_at: expires_at.map(Timestamp::from_millis),
                value,
            });
        }
        Ok(records)
    }))
}
