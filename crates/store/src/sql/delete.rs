//! The one way to delete. Every statement that removes a person, face, container, membership, faceId, operation,
//! snapshot, record, delivery, account or change row is here. `secure_delete` overwrites what these free, and the writer folds the log afterwards.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::write::{
    WriteEffect, WriteTransaction, count, find_face, find_snapshot, next_version, person_number, schedule_trim,
    touch_access, unsigned,
};
use crate::command::{Applied, ContainerKind, ContainerName};
use crate::error::StoreError;
use crate::id::{FaceNumber, PersonNumber};
use crate::record::RecordKind;
use crate::schema::{AtTheEnd, TABLES, Table};

/// How a change row says that a face was deleted.
pub(crate) const REMOVED: i64 = 2;
/// How long change rows are kept: a node that has not followed for a day loads the container anew.
pub(crate) const CHANGE_ROWS_KEPT_MILLIS: i64 = 24 * 3_600_000;

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
    sqlx::query("DELETE FROM face WHERE account_id = $1 AND container = $2 AND seq = $3")
        .bind(transaction.account())
        .bind(next.number)
        .bind(found.number)
        .execute(&mut *transaction.connection)
        .await?;
    count(transaction, next.number, 0, -1).await?;
    let applied = Applied {
        face: Some(FaceNumber(found.number)),
        person: found.person.map(PersonNumber),
        removed: 1,
        ..Applied::default()
    };
    Ok(WriteEffect::on(&next, 1, applied))
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
    sqlx::query("DELETE FROM membership WHERE account_id = $1 AND directory = $2 AND person = $3")
        .bind(transaction.account())
        .bind(next.number)
        .bind(number)
        .execute(&mut *transaction.connection)
        .await?;
    let records = records_of_persons(transaction, next.number, Some(number)).await?;
    let faces = sqlx::query("DELETE FROM face WHERE account_id = $1 AND container = $2 AND person = $3")
        .bind(transaction.account())
        .bind(next.number)
        .bind(number)
        .execute(&mut *transaction.connection)
        .await?
        .rows_affected();
    sqlx::query("DELETE FROM person WHERE account_id = $1 AND container = $2 AND seq = $3")
        .bind(transaction.account())
        .bind(next.number)
        .bind(number)
        .execute(&mut *transaction.connection)
        .await?;
    if faces > 0 {
        schedule_trim(transaction, &next).await?;
    }
    count(transaction, next.number, -1, -i64::try_from(faces).unwrap_or(i64::MAX)).await?;
    lower_tally(transaction, next.kind, 0, 1).await?;
    let removed = faces + records + 1;
    let applied = Applied { person: Some(PersonNumber(number)), removed, ..Applied::default() };
    Ok(WriteEffect::on(&next, removed, applied))
}

/// A container takes everything in it along, its change rows too: who follows it learns from the missing
/// version that it is gone.
pub(crate) async fn container(
    transaction: &mut WriteTransaction<'_>,
    container: &ContainerName,
) -> Result<WriteEffect, StoreError> {
    let next = next_version(transaction, container).await?;
    let records = records_of_persons(transaction, next.number, None).await?;
    for statement in [
        "DELETE FROM membership WHERE account_id = $1 AND (dynamic_group = $2 OR directory = $2)",
        "DELETE FROM change WHERE account_id = $1 AND container = $2",
        "DELETE FROM face WHERE account_id = $1 AND container = $2",
        "DELETE FROM person WHERE account_id = $1 AND container = $2",
        "DELETE FROM container_text WHERE account_id = $1 AND number = $2",
        "DELETE FROM container WHERE account_id = $1 AND number = $2",
    ] {
        sqlx::query(statement)
            .bind(transaction.account())
            .bind(next.number)
            .execute(&mut *transaction.connection)
            .await?;
    }
    lower_tally(transaction, next.kind, 1, next.persons).await?;
    let removed = 1 + unsigned(next.persons)? + unsigned(next.faces)? + records;
    Ok(WriteEffect::on(&next, removed, Applied { removed, ..Applied::default() }))
}

/// How long the idempotency key of a command is remembered. Whoever lost an answer asks again within seconds.
const IDEMPOTENCY_ROWS_KEPT_MILLIS: i64 = 10 * 60_000;

/// Removes what has expired, oldest first, change rows that are past their time, and the idempotency rows of old
/// commands. The latter count for nothing: they were never anybody's records.
pub(crate) async fn expired(transaction: &mut WriteTransaction<'_>, limit: i64) -> Result<WriteEffect, StoreError> {
    sqlx::query(
        "DELETE FROM command_note WHERE account_id = $1 AND command_id IN (
             SELECT command_id FROM command_note WHERE account_id = $1 AND at <= $2 LIMIT $3)",
    )
    .bind(transaction.account())
    .bind(transaction.at().saturating_sub(IDEMPOTENCY_ROWS_KEPT_MILLIS))
    .bind(limit)
    .execute(&mut *transaction.connection)
    .await?;
    // The same records as below, in the same order.
    sqlx::query(
        "DELETE FROM record_tag WHERE account_id = $1 AND (kind, id) IN (
             SELECT kind, id FROM record
             WHERE account_id = $1 AND expires_at <= $2 ORDER BY expires_at, kind, id LIMIT $3)",
    )
    .bind(transaction.account())
    .bind(transaction.at())
    .bind(limit)
    .execute(&mut *transaction.connection)
    .await?;
    let mut room = limit;
    for statement in [
        "DELETE FROM record WHERE account_id = $1 AND (kind, id) IN (
             SELECT kind, id FROM record
             WHERE account_id = $1 AND expires_at <= $2 ORDER BY expires_at, kind, id LIMIT $3)",
        "DELETE FROM face_id WHERE account_id = $1 AND face_id IN (
             SELECT face_id FROM face_id
             WHERE account_id = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3)",
        "DELETE FROM outbox WHERE account_id = $1 AND seq IN (
             SELECT seq FROM outbox
             WHERE account_id = $1 AND gives_up_at <= $2 ORDER BY gives_up_at LIMIT $3)",
        "DELETE FROM operation WHERE account_id = $1 AND operation_id IN (
             SELECT operation_id FROM operation
             WHERE account_id = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3)",
    ] {
        let expired = sqlx::query(statement).bind(transaction.account()).bind(transaction.at()).bind(room);
        let removed = expired.execute(&mut *transaction.connection).await?.rows_affected();
        room -= i64::try_from(removed).unwrap_or(room);
    }
    while room > 0 {
        let Some((snapshot, number)) = expired_snapshot(transaction).await? else { break };
        room -= part_of_snapshot(transaction, &snapshot, number, room).await?;
    }
    let removed = unsigned(limit - room)?;
    let trimmed_all = room > 0 && trim_change_rows(transaction, room).await?;
    let applied = Applied { removed, more: !trimmed_all, ..Applied::default() };
    Ok(WriteEffect { applied, target: None, records: removed })
}

/// A record with its tags; gives how many went.
pub(crate) async fn record(
    transaction: &mut WriteTransaction<'_>,
    kind: RecordKind,
    id: &str,
) -> Result<u64, StoreError> {
    tags_of_record(transaction, kind, id).await?;
    Ok(sqlx::query("DELETE FROM record WHERE account_id = $1 AND kind = $2 AND id = $3")
        .bind(transaction.account())
        .bind(i64::from(kind.number()))
        .bind(id)
        .execute(&mut *transaction.connection)
        .await?
        .rows_affected())
}

/// A delivery that this holder has made; gives how many went.
pub(crate) async fn delivery(
    transaction: &mut WriteTransaction<'_>,
    number: i64,
    holder: Uuid,
) -> Result<u64, StoreError> {
    Ok(sqlx::query("DELETE FROM outbox WHERE account_id = $1 AND seq = $2 AND holder = $3")
        .bind(transaction.account())
        .bind(number)
        .bind(holder.as_bytes().as_slice())
        .execute(&mut *transaction.connection)
        .await?
        .rows_affected())
}

/// The tags of a record, which is then found by its id alone.
pub(crate) async fn tags_of_record(
    transaction: &mut WriteTransaction<'_>,
    kind: RecordKind,
    id: &str,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM record_tag WHERE account_id = $1 AND kind = $2 AND id = $3")
        .bind(transaction.account())
        .bind(i64::from(kind.number()))
        .bind(id)
        .execute(&mut *transaction.connection)
        .await?;
    Ok(())
}

/// The records that go with a person of a container, or with all people of it; gives how many went.
async fn records_of_persons(
    transaction: &mut WriteTransaction<'_>,
    container: i64,
    person: Option<i64>,
) -> Result<u64, StoreError> {
    let mut removed = 0;
    for statement in [
        "DELETE FROM record_tag WHERE account_id = $1 AND (kind, id) IN (
             SELECT kind, id FROM record
             WHERE account_id = $1 AND container = $2 AND person = coalesce($3, person))",
        "DELETE FROM record WHERE account_id = $1 AND container = $2 AND person = coalesce($3, person)",
    ] {
        let rows = sqlx::query(statement).bind(transaction.account()).bind(container).bind(person);
        removed = rows.execute(&mut *transaction.connection).await?.rows_affected();
    }
    Ok(removed)
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
        touch_access(transaction).await?;
        let applied = Applied { removed: keys, more: true, ..Applied::default() };
        return Ok(WriteEffect { applied, target: None, records: keys });
    }
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

/// The id and the copy of the snapshot that has been due for longest.
async fn expired_snapshot(transaction: &mut WriteTransaction<'_>) -> Result<Option<(Vec<u8>, i64)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT snapshot_id, container FROM snapshot
         WHERE account_id = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT 1",
    )
    .bind(transaction.account())
    .bind(transaction.at())
    .fetch_optional(&mut *transaction.connection)
    .await?)
}

/// A snapshot goes with everything in it, at once.
pub(crate) async fn snapshot(
    transaction: &mut WriteTransaction<'_>,
    snapshot: Uuid,
) -> Result<WriteEffect, StoreError> {
    let found = find_snapshot(transaction, transaction.command.account, snapshot).await?;
    let removed = unsigned(part_of_snapshot(transaction, snapshot.as_bytes(), found.container, i64::MAX).await?)?;
    let applied = Applied { removed, ..Applied::default() };
    Ok(WriteEffect { applied, target: Some(found.target()), records: removed })
}

/// Removes at most `room` records of a snapshot, its own row with the last, and gives how many went: a copy of a
/// large group must not keep other writers waiting.
async fn part_of_snapshot(
    transaction: &mut WriteTransaction<'_>,
    snapshot: &[u8],
    number: i64,
    room: i64,
) -> Result<i64, StoreError> {
    let mut removed = 0;
    for statement in [
        "DELETE FROM face WHERE account_id = $1 AND container = $2 AND seq IN (
             SELECT seq FROM face WHERE account_id = $1 AND container = $2 LIMIT $3)",
        "DELETE FROM person WHERE account_id = $1 AND container = $2 AND seq IN (
             SELECT seq FROM person WHERE account_id = $1 AND container = $2 LIMIT $3)",
    ] {
        let rows = sqlx::query(statement)
            .bind(transaction.account())
            .bind(number)
            .bind(room - removed)
            .execute(&mut *transaction.connection)
            .await?
            .rows_affected();
        removed += i64::try_from(rows).unwrap_or(i64::MAX);
        if removed >= room {
            return Ok(removed);
        }
    }
    offers(transaction, snapshot).await?;
    sqlx::query("DELETE FROM snapshot WHERE account_id = $1 AND snapshot_id = $2")
        .bind(transaction.account())
        .bind(snapshot)
        .execute(&mut *transaction.connection)
        .await?;
    sqlx::query("DELETE FROM container_text WHERE account_id = $1 AND number = $2")
        .bind(transaction.account())
        .bind(number)
        .execute(&mut *transaction.connection)
        .await?;
    let persons: i64 =
        sqlx::query_scalar("DELETE FROM container WHERE account_id = $1 AND number = $2 RETURNING persons")
            .bind(transaction.account())
            .bind(number)
            .fetch_one(&mut *transaction.connection)
            .await?;
    lower_tally(transaction, ContainerKind::Snapshot, 1, persons).await?;
    Ok(removed + 1)
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

/// Trims about `room` rows of the containers whose oldest rows are due. `false`: there may be more.
async fn trim_change_rows(transaction: &mut WriteTransaction<'_>, mut room: i64) -> Result<bool, StoreError> {
    let due: Vec<i64> = sqlx::query_scalar(
        "SELECT number FROM container WHERE account_id = $1 AND trim_due <= $2 ORDER BY trim_due LIMIT $3",
    )
    .bind(transaction.account())
    .bind(transaction.at())
    .bind(room)
    .fetch_all(&mut *transaction.connection)
    .await?;
    let may_be_more = due.len() as u64 == unsigned(room)?;
    for number in due {
        if room <= 0 {
            return Ok(false);
        }
        room -= trim_container(transaction, number, room).await?;
    }
    Ok(room > 0 && !may_be_more)
}

/// Trims whole versions, oldest first, and gives the number of rows that went.
async fn trim_container(transaction: &mut WriteTransaction<'_>, number: i64, room: i64) -> Result<i64, StoreError> {
    let oldest_kept = transaction.at().saturating_sub(CHANGE_ROWS_KEPT_MILLIS);
    let last: Option<i64> = sqlx::query_scalar(
        "SELECT max(version) FROM (
             SELECT version, at FROM change WHERE account_id = $1 AND container = $2 ORDER BY version LIMIT $4) oldest
         WHERE at <= $3",
    )
    .bind(transaction.account())
    .bind(number)
    .bind(oldest_kept)
    .bind(room)
    .fetch_one(&mut *transaction.connection)
    .await?;
    let mut rows = 0;
    if let Some(last) = last {
        rows = sqlx::query("DELETE FROM change WHERE account_id = $1 AND container = $2 AND version <= $3")
            .bind(transaction.account())
            .bind(number)
            .bind(last)
            .execute(&mut *transaction.connection)
            .await?
            .rows_affected();
    }
    sqlx::query(
        "UPDATE container
         SET trimmed_version = CASE WHEN trimmed_version < $3 THEN $3 ELSE trimmed_version END,
             trim_due = (SELECT at FROM change WHERE account_id = $1 AND container = $2 ORDER BY version LIMIT 1) + $4
         WHERE account_id = $1 AND number = $2",
    )
    .bind(transaction.account())
    .bind(number)
    .bind(last.unwrap_or(0))
    .bind(CHANGE_ROWS_KEPT_MILLIS)
    .execute(&mut *transaction.connection)
    .await?;
    Ok(i64::try_from(rows).unwrap_or(i64::MAX))
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
