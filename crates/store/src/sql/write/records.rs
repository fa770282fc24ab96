//! Records whose meaning the store does not know.

use likeness_base::Timestamp;

use super::super::delete;
use super::super::engine::refuse_duplicate;
use super::accounts::touch_access;
use super::{WriteEffect, WriteTransaction, person_number, unsigned};
use crate::command::{Applied, ContainerKind, ContainerName, Expected, NewRecord, RecordWrite, Tag};
use crate::error::StoreError;
use crate::journal::Act;
use crate::keys::{AccountKeys, Purpose, RowContext};
use crate::record::{Erasure, Life, RecordKind, TagForm};
use uuid::Uuid;

/// Longest id of a record and longest value of a tag, in bytes.
const LONGEST: usize = 200;

pub(super) async fn perform(
    transaction: &mut WriteTransaction<'_>,
    write: &RecordWrite,
) -> Result<WriteEffect, StoreError> {
    match write {
        RecordWrite::Put(record) if record.kind == RecordKind::Settings => {
            Err(StoreError::Inconsistent("settings are written with the names of their account"))
        }
        RecordWrite::Put(record) => put(transaction, record).await,
        RecordWrite::Delete { kind, id } => drop_record(transaction, *kind, id).await,
        RecordWrite::Take { kind, id, version } => take(transaction, *kind, id, *version).await,
    }
}

/// What there is of a record before it is written.
pub(crate) struct Present {
    version: u64,
    expires_at: Option<i64>,
    bytes: i64,
    /// Nobody sees it any more: its person's container was deleted.
    is_hidden: bool,
}

impl Present {
    /// From the very instant of its expiry on it does not exist, swept or not.
    fn is_alive(&self, now: i64) -> bool {
        !self.is_hidden && self.expires_at.is_none_or(|expires_at| expires_at > now)
    }
}

async fn present(
    transaction: &mut WriteTransaction<'_>,
    kind: RecordKind,
    id: &str,
) -> Result<Option<Present>, StoreError> {
    let row: Option<(i64, Option<i64>, i64, bool)> = sqlx::query_as(concat!(
        "SELECT version, expires_at, CAST(length(sealed) AS BIGINT), NOT ",
        record_is_visible!(),
        " FROM record r WHERE account_id = $1 AND kind = $2 AND id = $3"
    ))
    .bind(transaction.account())
    .bind(i64::from(kind.number()))
    .bind(id)
    .fetch_optional(&mut *transaction.connection)
    .await?;
    row.map(|(version, expires_at, bytes, is_hidden)| {
        Ok(Present { version: unsigned(version)?, expires_at, bytes, is_hidden })
    })
    .transpose()
}

pub(super) async fn put(transaction: &mut WriteTransaction<'_>, record: &NewRecord) -> Result<WriteEffect, StoreError> {
    refuse_unfit(record)?;
    let (kind, row) = (record.kind, record.kind.row());
    let present = present(transaction, kind, &record.id).await?;
    let alive = present.as_ref().filter(|present| present.is_alive(transaction.at()));
    match record.expected {
        Expected::Any => {}
        Expected::Absent if alive.is_none() => {}
        Expected::Absent => return Err(StoreError::RecordExists),
        Expected::Version(version) if alive.is_some_and(|alive| alive.version == version) => {}
        Expected::Version(_) => return Err(StoreError::RecordChanged),
    }
    // Counts on from one that has expired, so that whoever read that one does not take this for it.
    let version = present.as_ref().map_or(0, |present| present.version) + 1;
    let created_again = alive.is_none();
    let person = match &record.person {
        Some((container, person)) => Some(location_of(transaction, container, *person).await?),
        None => None,
    };
    let expires_at = record.expires_at.map(Timestamp::as_millis);
    if let Some(expires_at) = expires_at {
        transaction.writes_until(expires_at)?;
    }
    let context = RecordContext { kind, id: &record.id, version, expires_at, person };
    let sealed =
        transaction.seal_in_epoch(Purpose::Record, 0, context.epoch(), &context.row_context(), record.value.expose());
    transaction.hour = None;
    transaction.frees(present.as_ref().map_or(0, |present| present.bytes));
    sqlx::query(
        "INSERT INTO record (account_id, kind, id, version, created_at, updated_at, expires_at, container, person, sealed)
         VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9)
         ON CONFLICT (account_id, kind, id) DO UPDATE SET version = excluded.version,
             created_at = CASE WHEN $10 = 1 THEN excluded.created_at ELSE record.created_at END,
             updated_at = excluded.updated_at, expires_at = excluded.expires_at, container = excluded.container,
             person = excluded.person, sealed = excluded.sealed",
    )
    .bind(transaction.account())
    .bind(i64::from(kind.number()))
    .bind(&record.id)
    .bind(i64::try_from(version).unwrap_or(i64::MAX))
    .bind(transaction.at())
    .bind(expires_at)
    .bind(person.map(|(container, _)| container))
    .bind(person.map(|(_, person)| person))
    .bind(sealed)
    .bind(i64::from(created_again))
    .execute(&mut *transaction.connection)
    .await?;
    let removed = if row.tags.is_empty() { 0 } else { tag(transaction, record).await? };
    match (kind, Uuid::try_parse(&record.id)) {
        (RecordKind::RevokedToken, Ok(token)) => transaction.stays(Act::Revoked { token, until: expires_at }),
        (RecordKind::SigningKey, _) if expires_at.is_some() => {
            transaction.stays(Act::SigningKey { id: record.id.clone() });
        }
        _ => {}
    }
    if row.is_about_access {
        touch_access(transaction).await?;
    }
    Ok(WriteEffect { applied: Applied { version, removed, ..Applied::default() }, target: None, records: 1 + removed })
}

/// What a command may not say, whatever is in the store.
fn refuse_unfit(record: &NewRecord) -> Result<(), StoreError> {
    let row = record.kind.row();
    let life_fits = match row.life {
        Life::Lasting => record.expires_at.is_none(),
        Life::MayExpire => true,
        Life::MustExpire => record.expires_at.is_some(),
    };
    let is_short = |text: &str| (1..=LONGEST).contains(&text.len());
    let problem = if !is_short(&record.id) {
        "the id of a record is 1 to 200 bytes long"
    } else if !life_fits {
        "records of this kind expire otherwise"
    } else if (row.erasure == Erasure::WithPerson) != record.person.is_some() {
        "records of a person name their person, and no others do"
    } else if !record.tags.iter().all(|tag| record.kind.tag(tag.name).is_some()) {
        "records of this kind have no such tag"
    } else if !record.tags.iter().all(|tag| is_short(tag.value.expose())) {
        "the value of a tag is 1 to 200 bytes long"
    } else {
        return Ok(());
    };
    Err(StoreError::Inconsistent(problem))
}

/// The store's numbers of a person's container and of the person.
async fn location_of(
    transaction: &mut WriteTransaction<'_>,
    container: &ContainerName,
    person: Uuid,
) -> Result<(i64, i64), StoreError> {
    if container.kind == ContainerKind::Snapshot {
        // A copy is nobody's to write to.
        return Err(StoreError::ContainerNotFound);
    }
    let number: i64 =
        sqlx::query_scalar("SELECT number FROM container WHERE account_id = $1 AND kind = $2 AND wire_id = $3")
            .bind(transaction.account())
            .bind(i64::from(container.kind.number()))
            .bind(&container.id)
            .fetch_optional(&mut *transaction.connection)
            .await?
            .ok_or(StoreError::ContainerNotFound)?;
    Ok((number, person_number(transaction, number, person).await?))
}

/// Gives the record its tags in place of those it had; gives how many records that had expired stood in the way.
async fn tag(transaction: &mut WriteTransaction<'_>, record: &NewRecord) -> Result<u64, StoreError> {
    delete::tags_of_record(transaction, record.kind, &record.id).await?;
    let keys = transaction.own_keys();
    let mut removed = 0;
    for tag in &record.tags {
        let stored = StoredTag::of(&keys, record.kind, tag)?;
        if stored.is_unique {
            removed += make_way(transaction, record, &stored).await?;
        }
        sqlx::query(
            "INSERT INTO record_tag (account_id, kind, tag, value, id, is_unique) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(transaction.account())
        .bind(i64::from(record.kind.number()))
        .bind(stored.number)
        .bind(stored.value)
        .bind(&record.id)
        .bind(i64::from(stored.is_unique))
        .execute(&mut *transaction.connection)
        .await
        .map_err(refuse_duplicate(StoreError::TagInUse))?;
    }
    Ok(removed)
}

/// Removes the holder of a unique tag if it has expired, or nobody sees it any more.
async fn make_way(
    transaction: &mut WriteTransaction<'_>,
    record: &NewRecord,
    tag: &StoredTag,
) -> Result<u64, StoreError> {
    let holder: Option<String> = sqlx::query_scalar(concat!(
        "SELECT r.id FROM record_tag t
         JOIN record r ON r.account_id = t.account_id AND r.kind = t.kind AND r.id = t.id
         WHERE t.account_id = $1 AND t.kind = $2 AND t.tag = $3 AND t.value = $4 AND t.is_unique = 1
           AND (r.expires_at <= $5 OR NOT ",
        record_is_visible!(),
        ")"
    ))
    .bind(transaction.account())
    .bind(i64::from(record.kind.number()))
    .bind(tag.number)
    .bind(&tag.value)
    .bind(transaction.at())
    .fetch_optional(&mut *transaction.connection)
    .await?;
    match holder {
        Some(id) => delete::record(transaction, record.kind, &id).await,
        None => Ok(0),
    }
}

/// A record that need not be there.
async fn drop_record(
    transaction: &mut WriteTransaction<'_>,
    kind: RecordKind,
    id: &str,
) -> Result<WriteEffect, StoreError> {
    let present = present(transaction, kind, id).await?;
    refuse_kept(kind, present.as_ref().is_some_and(|present| present.is_alive(transaction.at())))?;
    let removed = if present.is_some() { delete::record(transaction, kind, id).await? } else { 0 };
    removed_from(transaction, kind, removed).await
}

async fn take(
    transaction: &mut WriteTransaction<'_>,
    kind: RecordKind,
    id: &str,
    version: u64,
) -> Result<WriteEffect, StoreError> {
    let present = present(transaction, kind, id).await?.filter(|present| present.is_alive(transaction.at()));
    let present = present.ok_or(StoreError::RecordNotFound)?;
    if present.version != version {
        return Err(StoreError::RecordChanged);
    }
    refuse_kept(kind, true)?;
    let removed = delete::record(transaction, kind, id).await?;
    removed_from(transaction, kind, removed).await
}

fn refuse_kept(kind: RecordKind, is_alive: bool) -> Result<(), StoreError> {
    if is_alive && kind.row().erasure == Erasure::KeptForAudit {
        return Err(StoreError::RecordKept);
    }
    Ok(())
}

async fn removed_from(
    transaction: &mut WriteTransaction<'_>,
    kind: RecordKind,
    removed: u64,
) -> Result<WriteEffect, StoreError> {
    if removed > 0 && kind.row().is_about_access {
        touch_access(transaction).await?;
    }
    Ok(WriteEffect { applied: Applied { removed, ..Applied::default() }, target: None, records: removed })
}

/// What a record is bound to in its seal.
pub(crate) struct RecordContext<'a> {
    pub(crate) kind: RecordKind,
    pub(crate) id: &'a str,
    pub(crate) version: u64,
    pub(crate) expires_at: Option<i64>,
    pub(crate) person: Option<(i64, i64)>,
}

impl RecordContext<'_> {
    pub(crate) fn row_context(&self) -> RowContext {
        RowContext::record(self.kind.number(), self.id, self.version, self.expires_at, self.person)
    }

    /// Each kind has sub-keys of its own.
    pub(crate) fn epoch(&self) -> i64 {
        i64::from(self.kind.number())
    }
}

/// A tag as it stands in the database.
pub(crate) struct StoredTag {
    pub(crate) number: i64,
    pub(crate) value: Vec<u8>,
    is_unique: bool,
}

impl StoredTag {
    pub(crate) fn of(keys: &AccountKeys, kind: RecordKind, tag: &Tag) -> Result<Self, StoreError> {
        let (number, row) =
            kind.tag(tag.name).ok_or(StoreError::Inconsistent("records of this kind have no such tag"))?;
        let plain = tag.value.expose().as_bytes();
        let value = match row.form {
            TagForm::Word => plain.to_vec(),
            TagForm::Digest => {
                let epoch = (i64::from(kind.number()) << 8) + number;
                keys.digest(Purpose::RecordTag, epoch, plain).to_vec()
            }
        };
        Ok(Self { number, value, is_unique: row.is_unique })
    }
}
