//! The one way to delete. Every statement that removes a person, face, container, membership, faceId, operation,
//! snapshot, record, delivery, account, change row or audit row is here. `secure_delete` overwrites what these free, and the writer folds the log afterwards.
//!
//! What may be large is hidden at once and removed in parts: [`container`]. What has expired: [`expired`].

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::engine::Connection;
use super::write::{
    WriteEffect, WriteTransaction, count, find_face, next_version, person_number, schedule_trim, touch_access, unsigned,
};
use crate::command::{Applied, ContainerKind, ContainerName};
use crate::error::StoreError;
use crate::id::{AccountId, FaceNumber, PersonNumber};
use crate::journal::Act;
use crate::record::RecordKind;
use crate::schema::{AtTheEnd, TABLES, Table};

/// How a change row says that a face was deleted.
pub(crate) const REMOVED: i64 = 2;

/// Runs a statement about rows of an account, with numbers as its further arguments, and gives how many rows went.
async fn gone(
    connection: &mut Connection,
    statement: &'static str,
    account: &[u8],
    numbers: &[i64],
) -> Result<i64, StoreError> {
    let mut statement = sqlx::query(statement).bind(account);
    for number in numbers {
        statement = statement.bind(*number);
    }
    let rows = statement.execute(connection).await?.rows_affected();
    Ok(i64::try_from(rows).unwrap_or(i64::MAX))
}

/// The same for a statement that returns how many sealed bytes each row had; gives rows and bytes.
async fn gone_with_bytes(
    connection: &mut Connection,
    statement: &'static str,
    account: &[u8],
    numbers: &[i64],
) -> Result<(i64, i64), StoreError> {
    let mut statement = sqlx::query_scalar(statement).bind(account);
    for number in numbers {
        statement = statement.bind(*number);
    }
    let rows: Vec<i64> = statement.fetch_all(connection).await?;
    Ok((i64::try_from(rows.len()).unwrap_or(i64::MAX), rows.iter().sum()))
}

/// The same in a command, whose account has so many bytes fewer; gives how many rows went.
async fn freed(
    transaction: &mut WriteTransaction<'_>,
    statement: &'static str,
    numbers: &[i64],
) -> Result<i64, StoreError> {
    let (rows, bytes) = gone_with_bytes(transaction.connection, statement, transaction.account(), numbers).await?;
    transaction.frees(bytes);
    Ok(rows)
}

/// What a person or a container has of texts.
macro_rules! returning_texts {
    () => {
        " RETURNING CAST(length(sealed_name) + coalesce(length(sealed_user_data), 0) AS BIGINT)"
    };
}

/// What a face has.
macro_rules! returning_face {
    () => {
        " RETURNING CAST(length(sealed_template) + coalesce(length(sealed_user_data), 0) AS BIGINT)"
    };
}

/// What a record or a delivery has.
macro_rules! returning_sealed {
    () => {
        " RETURNING CAST(length(sealed) AS BIGINT)"
    };
}

mod again;
mod container;
mod expired;

pub(crate) use again::{again, replaced_key};
pub(crate) use container::{container, part_of_hidden, snapshot, vanished_faces, vanished_persons};
pub(crate) use expired::{CHANGE_ROWS_KEPT_MILLIS, expired};

pub(crate) async fn face(
    transaction: &mut WriteTransaction<'_>,
    container: &ContainerName,
    person: Option<Uuid>,
    face: Uuid,
) -> Result<WriteEffect, StoreError> {
    let next = next_version(transaction, container).await?;
    let found = find_face(transaction, next.number, person, face).await?;
    sqlx::query("INSERT INTO change (account_id, container, version, face, op, at) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(transaction.account())
        .bind(next.number)
        .bind(next.version_column())
        .bind(found.number)
        .bind(REMOVED)
        .bind(transaction.at())
        .execute(&mut *transaction.connection)
        .await?;
    schedule_trim(transaction, &next).await?;
    let (_, bytes) = rows_of_face(transaction.connection, transaction.account(), [next.number, found.number]).await?;
    transaction.frees(bytes);
    count(transaction, next.number, 0, -1).await?;
    transaction.stays(Act::Face { container: next.number, face: found.number });
    let applied = Applied {
        face: Some(FaceNumber(found.number)),
        person: found.person.map(PersonNumber),
        removed: 1,
        ..Applied::default()
    };
    Ok(WriteEffect::on(&next, 1, applied))
}

/// The row of a face, by its container and its number; gives rows and bytes.
async fn rows_of_face(connection: &mut Connection, account: &[u8], face: [i64; 2]) -> Result<(i64, i64), StoreError> {
    let one = concat!("DELETE FROM face WHERE account_id = $1 AND container = $2 AND seq = $3", returning_face!());
    gone_with_bytes(connection, one, account, &face).await
}

/// What went with a person.
struct RemovedPerson {
    records: i64,
    faces: i64,
    /// 0: there was no such person.
    persons: i64,
    /// How many sealed bytes there were in all of it.
    bytes: i64,
}

/// The rows of a person, by their container and their number.
async fn rows_of_person(
    connection: &mut Connection,
    account: &[u8],
    person: [i64; 2],
) -> Result<RemovedPerson, StoreError> {
    let members = "DELETE FROM membership WHERE account_id = $1 AND directory = $2 AND person = $3";
    gone(connection, members, account, &person).await?;
    let tags = "DELETE FROM record_tag WHERE account_id = $1 AND (kind, id) IN (
        SELECT kind, id FROM record WHERE account_id = $1 AND container = $2 AND person = $3)";
    gone(connection, tags, account, &person).await?;
    let (records, of_records) = gone_with_bytes(
        connection,
        concat!("DELETE FROM record WHERE account_id = $1 AND container = $2 AND person = $3", returning_sealed!()),
        account,
        &person,
    )
    .await?;
    let (faces, of_faces) = gone_with_bytes(
        connection,
        concat!("DELETE FROM face WHERE account_id = $1 AND container = $2 AND person = $3", returning_face!()),
        account,
        &person,
    )
    .await?;
    let (persons, of_texts) = gone_with_bytes(
        connection,
        concat!("DELETE FROM person WHERE account_id = $1 AND container = $2 AND seq = $3", returning_texts!()),
        account,
        &person,
    )
    .await?;
    Ok(RemovedPerson { records, faces, persons, bytes: of_records + of_faces + of_texts })
}

/// A person takes their faces, memberships and records with them.
pub(crate) async fn person(
    transaction: &mut WriteTransaction<'_>,
    container: &ContainerName,
    person: Uuid,
) -> Result<WriteEffect, StoreError> {
    let next = next_version(transaction, container).await?;
    let number = person_number(transaction, next.number, person).await?;
    sqlx::query(
        "INSERT INTO change (account_id, container, version, face, op, at)
         SELECT account_id, container, $4, seq, $5, $6 FROM face
         WHERE account_id = $1 AND container = $2 AND person = $3",
    )
    .bind(transaction.account())
    .bind(next.number)
    .bind(number)
    .bind(next.version_column())
    .bind(REMOVED)
    .bind(transaction.at())
    .execute(&mut *transaction.connection)
    .await?;
    let RemovedPerson { records, faces, bytes, .. } =
        rows_of_person(transaction.connection, transaction.account(), [next.number, number]).await?;
    transaction.frees(bytes);
    if faces > 0 {
        schedule_trim(transaction, &next).await?;
    }
    count(transaction, next.number, -1, -faces).await?;
    lower_tally(transaction, next.kind, 0, 1).await?;
    transaction.stays(Act::Person { container: next.number, person: number });
    let removed = unsigned(faces + records + 1)?;
    let applied = Applied { person: Some(PersonNumber(number)), removed, ..Applied::default() };
    Ok(WriteEffect::on(&next, removed, applied))
}

/// A record with its tags; gives how many went.
pub(crate) async fn record(
    transaction: &mut WriteTransaction<'_>,
    kind: RecordKind,
    id: &str,
) -> Result<u64, StoreError> {
    let number = i64::from(kind.number());
    let (rows, bytes) = rows_of_record(transaction.connection, transaction.account(), (number, id)).await?;
    transaction.frees(bytes);
    if rows > 0 {
        transaction.stays(Act::Record { kind: kind.number(), id: id.to_owned() });
    }
    Ok(rows)
}

/// The row of a record and those of its tags; gives how many records went, and their bytes.
async fn rows_of_record(
    connection: &mut Connection,
    account: &[u8],
    (kind, id): (i64, &str),
) -> Result<(u64, i64), StoreError> {
    rows_of_tags(connection, account, (kind, id)).await?;
    let bytes: Vec<i64> = sqlx::query_scalar(concat!(
        "DELETE FROM record WHERE account_id = $1 AND kind = $2 AND id = $3",
        returning_sealed!()
    ))
    .bind(account)
    .bind(kind)
    .bind(id)
    .fetch_all(connection)
    .await?;
    Ok((bytes.len() as u64, bytes.iter().sum()))
}

async fn rows_of_tags(connection: &mut Connection, account: &[u8], (kind, id): (i64, &str)) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM record_tag WHERE account_id = $1 AND kind = $2 AND id = $3")
        .bind(account)
        .bind(kind)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// A delivery that this holder has made; gives how many went.
pub(crate) async fn delivery(
    transaction: &mut WriteTransaction<'_>,
    number: i64,
    holder: Uuid,
) -> Result<u64, StoreError> {
    let bytes: Vec<i64> = sqlx::query_scalar(concat!(
        "DELETE FROM outbox WHERE account_id = $1 AND seq = $2 AND holder = $3",
        returning_sealed!()
    ))
    .bind(transaction.account())
    .bind(number)
    .bind(holder.as_bytes().as_slice())
    .fetch_all(&mut *transaction.connection)
    .await?;
    transaction.frees(bytes.iter().sum());
    Ok(bytes.len() as u64)
}

/// The rows of an audit log up to one; gives how many went.
pub(crate) async fn audit_rows(transaction: &mut WriteTransaction<'_>, through: i64) -> Result<u64, StoreError> {
    let rows = "DELETE FROM audit WHERE account_id = $1 AND seq <= $2";
    unsigned(gone(transaction.connection, rows, transaction.account(), &[through]).await?)
}

/// The tags of a record, which is then found by its id alone.
pub(crate) async fn tags_of_record(
    transaction: &mut WriteTransaction<'_>,
    kind: RecordKind,
    id: &str,
) -> Result<(), StoreError> {
    rows_of_tags(transaction.connection, transaction.account(), (i64::from(kind.number()), id)).await
}

/// Removes some of the rows that go with an account; `None`: the table's rows do not.
fn rows_of_account(table: &Table) -> Option<String> {
    let also = match table.at_the_end {
        AtTheEnd::Deleted => String::new(),
        // What other accounts offered to it goes too; what it offered to others is its own.
        AtTheEnd::DeletedWith(column) => format!(" OR {column} = $1"),
        AtTheEnd::Kept | AtTheEnd::OfNobody => return None,
    };
    let (name, key) = (table.name, table.key_columns().collect::<Vec<_>>().join(", "));
    Some(format!("DELETE FROM {name} WHERE ({key}) IN (SELECT {key} FROM {name} WHERE account_id = $1{also} LIMIT $2)"))
}

/// An account whose time has come: first its key, in a transaction of its own, without which all the rest is noise
/// wherever it lies; then the rest in parts.
pub(crate) async fn account(transaction: &mut WriteTransaction<'_>, limit: i64) -> Result<WriteEffect, StoreError> {
    let ends_at: Option<Option<i64>> = sqlx::query_scalar("SELECT ends_at FROM account WHERE account_id = $1")
        .bind(transaction.account())
        .fetch_optional(&mut *transaction.connection)
        .await?;
    match ends_at {
        None => return Err(StoreError::AccountNotFound),
        Some(Some(ends_at)) if ends_at <= transaction.at() => {}
        Some(_) => return Err(StoreError::AccountState),
    }
    let keys = sqlx::query("DELETE FROM data_key WHERE account_id = $1")
        .bind(transaction.account())
        .execute(&mut *transaction.connection)
        .await?
        .rows_affected();
    if keys > 0 {
        transaction.stays(Act::Destroyed);
        touch_access(transaction).await?;
        let applied = Applied { removed: keys, more: true, ..Applied::default() };
        return Ok(WriteEffect { applied, target: None, records: keys });
    }
    // Each part takes something of what the audit log tells of.
    transaction.access_changed = true;
    let mut room = limit;
    let mut is_gone = false;
    // Backwards: what refers to others goes before them, the account's own row last.
    for table in TABLES.iter().rev() {
        let Some(statement) = rows_of_account(table) else { continue };
        if room <= 0 {
            break;
        }
        let rows = sqlx::query(AssertSqlSafe(statement))
            .bind(transaction.account())
            .bind(room)
            .execute(&mut *transaction.connection)
            .await?
            .rows_affected();
        room -= i64::try_from(rows).unwrap_or(room);
        is_gone = table.name == "account";
    }
    if is_gone {
        touch_access(transaction).await?;
    }
    let (removed, more) = (unsigned(limit - room)?, !is_gone);
    Ok(WriteEffect { applied: Applied { removed, more, ..Applied::default() }, target: None, records: removed })
}

/// Takes a snapshot back from all to whom it was offered.
pub(crate) async fn offers(transaction: &mut WriteTransaction<'_>, snapshot: &[u8]) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM snapshot_offer WHERE snapshot_id = $2 AND taken_by = $1 AND account_id IN (
             SELECT offered_to FROM snapshot_scope WHERE account_id = $1 AND snapshot_id = $2)",
        "DELETE FROM snapshot_scope WHERE account_id = $1 AND snapshot_id = $2",
    ] {
        sqlx::query(statement).bind(transaction.account()).bind(snapshot).execute(&mut *transaction.connection).await?;
    }
    Ok(())
}

/// Takes another's snapshot back from this account; 0: it was not offered.
pub(crate) async fn offer(
    transaction: &mut WriteTransaction<'_>,
    snapshot: Uuid,
    taken_by: AccountId,
) -> Result<u64, StoreError> {
    let mut removed = 0;
    for statement in [
        "DELETE FROM snapshot_scope WHERE account_id = $3 AND snapshot_id = $2 AND offered_to = $1",
        "DELETE FROM snapshot_offer WHERE account_id = $1 AND snapshot_id = $2 AND taken_by = $3",
    ] {
        removed = sqlx::query(statement)
            .bind(transaction.account())
            .bind(snapshot.as_bytes().as_slice())
            .bind(taken_by.0.as_bytes().as_slice())
            .execute(&mut *transaction.connection)
            .await?
            .rows_affected();
    }
    Ok(removed)
}

/// Takes a person out of a dynamic group; 0 if they are no member.
pub(crate) async fn member(
    transaction: &mut WriteTransaction<'_>,
    group: i64,
    person: Uuid,
) -> Result<u64, StoreError> {
    Ok(sqlx::query("DELETE FROM membership WHERE account_id = $1 AND dynamic_group = $2 AND person_id = $3")
        .bind(transaction.account())
        .bind(group)
        .bind(person.as_bytes().as_slice())
        .execute(&mut *transaction.connection)
        .await?
        .rows_affected())
}

async fn lower_tally(
    transaction: &mut WriteTransaction<'_>,
    kind: ContainerKind,
    containers: i64,
    persons: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE tally SET containers = containers - $3, persons = persons - $4 WHERE account_id = $1 AND kind = $2",
    )
    .bind(transaction.account())
    .bind(i64::from(kind.number()))
    .bind(containers)
    .bind(persons)
    .execute(&mut *transaction.connection)
    .await?;
    Ok(())
}
