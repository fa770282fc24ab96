//! The one way to delete. Every statement that removes a person, face, container, membership, faceId, operation,
//! snapshot, record, delivery, account, change row or audit row is here. `secure_delete` overwrites what these free, and the writer folds the log afterwards.
//!
//! What may be large is hidden at once and removed in parts: see `hide` and `part_of_hidden`.

use std::time::Duration;

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::engine::Connection;
use super::write::{
    PART, WriteEffect, WriteTransaction, count, find_face, find_snapshot, next_version, person_number, schedule_trim,
    touch_access, unsigned,
};
use crate::command::{Applied, ContainerKind, ContainerName, Lives};
use crate::error::StoreError;
use crate::id::{AccountId, FaceNumber, PersonNumber};
use crate::record::RecordKind;
use crate::schema::{AtTheEnd, TABLES, Table};
use crate::types::HIDDEN;
use crate::work::HiddenCopy;

/// How a change row says that a face was deleted.
pub(crate) const REMOVED: i64 = 2;
/// How long change rows are kept: a node that has not followed for a day loads the container anew.
pub(crate) const CHANGE_ROWS_KEPT_MILLIS: i64 = 24 * 3_600_000;

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
    let one = concat!("DELETE FROM face WHERE account_id = $1 AND container = $2 AND seq = $3", returning_face!());
    let numbers = [next.number, found.number];
    let (_, bytes) = gone_with_bytes(transaction.connection, one, transaction.account(), &numbers).await?;
    transaction.frees(bytes);
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
    let of_person = [next.number, number];
    let account = transaction.account();
    let members = "DELETE FROM membership WHERE account_id = $1 AND directory = $2 AND person = $3";
    gone(transaction.connection, members, account, &of_person).await?;
    let tags = "DELETE FROM record_tag WHERE account_id = $1 AND (kind, id) IN (
        SELECT kind, id FROM record WHERE account_id = $1 AND container = $2 AND person = $3)";
    gone(transaction.connection, tags, account, &of_person).await?;
    let [records, faces, _] = {
        let mut rows = [0; 3];
        for (rows, statement) in rows.iter_mut().zip([
            concat!("DELETE FROM record WHERE account_id = $1 AND container = $2 AND person = $3", returning_sealed!()),
            concat!("DELETE FROM face WHERE account_id = $1 AND container = $2 AND person = $3", returning_face!()),
            concat!("DELETE FROM person WHERE account_id = $1 AND container = $2 AND seq = $3", returning_texts!()),
        ]) {
            let (gone, bytes) = gone_with_bytes(transaction.connection, statement, account, &of_person).await?;
            transaction.frees(bytes);
            *rows = gone;
        }
        rows
    };
    if faces > 0 {
        schedule_trim(transaction, &next).await?;
    }
    count(transaction, next.number, -1, -faces).await?;
    lower_tally(transaction, next.kind, 0, 1).await?;
    let removed = unsigned(faces + records + 1)?;
    let applied = Applied { person: Some(PersonNumber(number)), removed, ..Applied::default() };
    Ok(WriteEffect::on(&next, removed, applied))
}

/// A container takes everything in it along, its change rows too: who follows it learns from the missing
/// version that it is gone. Nobody sees it from here on; what does not go at once goes in further parts.
pub(crate) async fn container(
    transaction: &mut WriteTransaction<'_>,
    container: &ContainerName,
) -> Result<WriteEffect, StoreError> {
    let next = next_version(transaction, container).await?;
    let records: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM record WHERE account_id = $1 AND container = $2 AND person IS NOT NULL",
    )
    .bind(transaction.account())
    .bind(next.number)
    .fetch_one(&mut *transaction.connection)
    .await?;
    lower_tally(transaction, next.kind, 1, next.persons).await?;
    hide(transaction, next.number).await?;
    remove_hidden(transaction, next.number).await?;
    let removed = 1 + unsigned(next.persons)? + unsigned(next.faces)? + unsigned(records)?;
    Ok(WriteEffect::on(&next, removed, Applied { removed, ..Applied::default() }))
}

/// Hides a container for good.
async fn hide(transaction: &mut WriteTransaction<'_>, number: i64) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE container SET kind = $3, wire_id = $4, training_state = NULL, trim_due = $5
         WHERE account_id = $1 AND number = $2",
    )
    .bind(transaction.account())
    .bind(number)
    .bind(HIDDEN)
    .bind(number.to_string())
    .bind(transaction.at())
    .execute(&mut *transaction.connection)
    .await?;
    Ok(())
}

/// Removes the first part of what is in a container that was just hidden.
async fn remove_hidden(transaction: &mut WriteTransaction<'_>, number: i64) -> Result<(), StoreError> {
    let part = part_of_hidden(transaction.connection, transaction.command.account, number, PART).await?;
    transaction.frees(part.bytes);
    transaction.hidden = (!part.is_last).then_some(number);
    Ok(())
}

/// A part of a hidden container that was removed.
pub(crate) struct RemovedPart {
    pub(crate) rows: i64,
    /// How many sealed bytes there were in it.
    pub(crate) bytes: i64,
    /// Whether the container is gone with it.
    pub(crate) is_last: bool,
}

/// Removes so many rows of a hidden container at most, its own with the last.
pub(crate) async fn part_of_hidden(
    connection: &mut Connection,
    account: AccountId,
    number: i64,
    most: i64,
) -> Result<RemovedPart, StoreError> {
    let account = account.0.as_bytes().as_slice();
    let is_hidden: bool =
        sqlx::query_scalar("SELECT count(*) > 0 FROM container WHERE account_id = $1 AND number = $2 AND kind = $3")
            .bind(account)
            .bind(number)
            .bind(HIDDEN)
            .fetch_one(&mut *connection)
            .await?;
    if !is_hidden {
        return Ok(RemovedPart { rows: 0, bytes: 0, is_last: true });
    }
    // The records that go with its people, and before them the tags of the same records.
    let tags = "DELETE FROM record_tag WHERE account_id = $1 AND (kind, id) IN (
        SELECT kind, id FROM record WHERE account_id = $1 AND container = $2 AND person IS NOT NULL
        ORDER BY person, kind, id LIMIT $3)";
    gone(connection, tags, account, &[number, most]).await?;
    let (mut room, mut bytes) = (most, 0);
    for statement in [
        concat!(
            "DELETE FROM record WHERE account_id = $1 AND (kind, id) IN (
                 SELECT kind, id FROM record WHERE account_id = $1 AND container = $2 AND person IS NOT NULL
                 ORDER BY person, kind, id LIMIT $3)",
            returning_sealed!()
        ),
        "DELETE FROM membership WHERE account_id = $1 AND dynamic_group = $2 AND person_id IN (
             SELECT person_id FROM membership WHERE account_id = $1 AND dynamic_group = $2 LIMIT $3)
         RETURNING CAST(0 AS BIGINT)",
        "DELETE FROM membership WHERE account_id = $1 AND (dynamic_group, person_id) IN (
             SELECT dynamic_group, person_id FROM membership WHERE account_id = $1 AND directory = $2 LIMIT $3)
         RETURNING CAST(0 AS BIGINT)",
        "DELETE FROM change WHERE account_id = $1 AND container = $2 AND (version, face) IN (
             SELECT version, face FROM change WHERE account_id = $1 AND container = $2 LIMIT $3)
         RETURNING CAST(0 AS BIGINT)",
        concat!(
            "DELETE FROM face WHERE account_id = $1 AND container = $2 AND seq IN (
                 SELECT seq FROM face WHERE account_id = $1 AND container = $2 LIMIT $3)",
            returning_face!()
        ),
        concat!(
            "DELETE FROM person WHERE account_id = $1 AND container = $2 AND seq IN (
                 SELECT seq FROM person WHERE account_id = $1 AND container = $2 LIMIT $3)",
            returning_texts!()
        ),
    ] {
        let gone = gone_with_bytes(connection, statement, account, &[number, room]).await?;
        (room, bytes) = (room - gone.0, bytes + gone.1);
        if room <= 0 {
            return Ok(RemovedPart { rows: most, bytes, is_last: false });
        }
    }
    let texts = concat!("DELETE FROM container_text WHERE account_id = $1 AND number = $2", returning_texts!());
    bytes += gone_with_bytes(connection, texts, account, &[number]).await?.1;
    let own = "DELETE FROM container WHERE account_id = $1 AND number = $2";
    let rows = most - room + gone(connection, own, account, &[number]).await?;
    Ok(RemovedPart { rows, bytes, is_last: true })
}

/// The hidden container that has been due for longest: what is left of one that was deleted, or an abandoned copy.
async fn due_hidden(transaction: &mut WriteTransaction<'_>) -> Result<Option<i64>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT number FROM container
         WHERE account_id = $1 AND kind = $2 AND coalesce(trim_due, 0) <= $3 ORDER BY trim_due LIMIT 1",
    )
    .bind(transaction.account())
    .bind(HIDDEN)
    .bind(transaction.at())
    .fetch_optional(&mut *transaction.connection)
    .await?)
}

/// Removes the faces of a copy that its source has no more, between two numbers; gives how many went.
pub(crate) async fn vanished_faces(
    transaction: &mut WriteTransaction<'_>,
    copy: &HiddenCopy,
    after: i64,
    last: i64,
) -> Result<i64, StoreError> {
    let faces = concat!(
        "DELETE FROM face WHERE account_id = $1 AND container = $2 AND seq > $4 AND seq <= $5 AND NOT EXISTS (
             SELECT 1 FROM face s WHERE s.account_id = $1 AND s.container = $3 AND s.seq = face.seq)",
        returning_face!()
    );
    let numbers = [copy.number, copy.source, after, last];
    let (faces, bytes) = gone_with_bytes(transaction.connection, faces, transaction.account(), &numbers).await?;
    transaction.frees(bytes);
    Ok(faces)
}

/// The same for people, whose faces go with them; gives how many people and how many faces went.
pub(crate) async fn vanished_persons(
    transaction: &mut WriteTransaction<'_>,
    copy: &HiddenCopy,
    after: i64,
    last: i64,
) -> Result<(i64, i64), StoreError> {
    let numbers = [copy.number, copy.source, after, last];
    let faces = concat!(
        "DELETE FROM face WHERE account_id = $1 AND container = $2 AND person > $4 AND person <= $5 AND NOT EXISTS (
             SELECT 1 FROM person s WHERE s.account_id = $1 AND s.container = $3 AND s.seq = face.person)",
        returning_face!()
    );
    let persons = concat!(
        "DELETE FROM person WHERE account_id = $1 AND container = $2 AND seq > $4 AND seq <= $5 AND NOT EXISTS (
             SELECT 1 FROM person s WHERE s.account_id = $1 AND s.container = $3 AND s.seq = person.seq)",
        returning_texts!()
    );
    let (faces, of_faces) = gone_with_bytes(transaction.connection, faces, transaction.account(), &numbers).await?;
    let (persons, of_persons) =
        gone_with_bytes(transaction.connection, persons, transaction.account(), &numbers).await?;
    transaction.frees(of_faces + of_persons);
    Ok((persons, faces))
}

/// How long the idempotency key of a command is remembered. Whoever lost an answer asks again within seconds.
const IDEMPOTENCY_ROWS_KEPT_MILLIS: i64 = 10 * 60_000;

fn millis(life: Duration) -> i64 {
    i64::try_from(life.as_millis()).unwrap_or(i64::MAX)
}

/// Removes what has expired, oldest first, change rows that are past their time, and the idempotency rows of old
/// commands. The latter count for nothing: they were never anybody's records.
pub(crate) async fn expired(
    transaction: &mut WriteTransaction<'_>,
    limit: i64,
    lives: Lives,
) -> Result<WriteEffect, StoreError> {
    let now = transaction.at();
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
    let access: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM record WHERE account_id = $1 AND expires_at <= $2 AND kind IN (1, 2, 3)",
    )
    .bind(transaction.account())
    .bind(transaction.at())
    .fetch_one(&mut *transaction.connection)
    .await?;
    // Nobody has to learn of it, for what has expired decided nothing; but the audit log tells what is there.
    transaction.access_changed |= access > 0;
    let mut room = limit;
    // What has expired, and what has a shorter life now. Without one its moment is beyond every row.
    let younger_than = |life: Option<Duration>| life.map_or(i64::MIN, |life| now.saturating_sub(millis(life)));
    let ends_until = lives.face_id.map_or(i64::MAX, |life| now.saturating_add(millis(life)));
    for (statement, moment) in [
        (
            concat!(
                "DELETE FROM record WHERE account_id = $1 AND (kind, id) IN (
                     SELECT kind, id FROM record
                     WHERE account_id = $1 AND expires_at <= $2 ORDER BY expires_at, kind, id LIMIT $3)",
                returning_sealed!()
            ),
            now,
        ),
        (
            "DELETE FROM face_id WHERE account_id = $1 AND face_id IN (
                 SELECT face_id FROM face_id
                 WHERE account_id = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3)
             RETURNING CAST(length(sealed_template) AS BIGINT)",
            now,
        ),
        (
            "DELETE FROM face_id WHERE account_id = $1 AND face_id IN (
                 SELECT face_id FROM face_id
                 WHERE account_id = $1 AND expires_at > $2 ORDER BY expires_at DESC LIMIT $3)
             RETURNING CAST(length(sealed_template) AS BIGINT)",
            ends_until,
        ),
        (
            concat!(
                "DELETE FROM outbox WHERE account_id = $1 AND seq IN (
                     SELECT seq FROM outbox
                     WHERE account_id = $1 AND gives_up_at <= $2 ORDER BY gives_up_at LIMIT $3)",
                returning_sealed!()
            ),
            now,
        ),
        (
            "DELETE FROM operation WHERE account_id = $1 AND operation_id IN (
                 SELECT operation_id FROM operation
                 WHERE account_id = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3)
             RETURNING CAST(0 AS BIGINT)",
            now,
        ),
        (
            "DELETE FROM operation WHERE account_id = $1 AND operation_id IN (
                 SELECT operation_id FROM operation WHERE account_id = $1 AND created_at <= $2 LIMIT $3)
             RETURNING CAST(0 AS BIGINT)",
            younger_than(lives.operation),
        ),
    ] {
        // Most accounts have shortened nothing, and need not be searched for it.
        if moment == i64::MIN || moment == i64::MAX {
            continue;
        }
        let numbers = [moment, room];
        let (rows, bytes) = gone_with_bytes(transaction.connection, statement, transaction.account(), &numbers).await?;
        transaction.frees(bytes);
        room -= rows;
    }
    for _ in 0..room {
        let due = expired_snapshot(transaction, younger_than(lives.snapshot)).await?;
        let Some((snapshot, number)) = due else { break };
        hide_snapshot(transaction, &snapshot, number).await?;
    }
    while room > 0 {
        let Some(number) = due_hidden(transaction).await? else { break };
        let part = part_of_hidden(transaction.connection, transaction.command.account, number, room).await?;
        transaction.frees(part.bytes);
        room -= part.rows;
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
    let bytes: Vec<i64> = sqlx::query_scalar(concat!(
        "DELETE FROM record WHERE account_id = $1 AND kind = $2 AND id = $3",
        returning_sealed!()
    ))
    .bind(transaction.account())
    .bind(i64::from(kind.number()))
    .bind(id)
    .fetch_all(&mut *transaction.connection)
    .await?;
    transaction.frees(bytes.iter().sum());
    Ok(bytes.len() as u64)
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
    sqlx::query("DELETE FROM record_tag WHERE account_id = $1 AND kind = $2 AND id = $3")
        .bind(transaction.account())
        .bind(i64::from(kind.number()))
        .bind(id)
        .execute(&mut *transaction.connection)
        .await?;
    Ok(())
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

/// The id and the copy of the snapshot that has been due for longest.
async fn expired_snapshot(
    transaction: &mut WriteTransaction<'_>,
    taken_until: i64,
) -> Result<Option<(Vec<u8>, i64)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT snapshot_id, container FROM snapshot
         WHERE account_id = $1 AND (expires_at <= $2 OR created_at <= $3) ORDER BY expires_at LIMIT 1",
    )
    .bind(transaction.account())
    .bind(transaction.at())
    .bind(taken_until)
    .fetch_optional(&mut *transaction.connection)
    .await?)
}

/// A snapshot goes with everything in it. Nobody sees it from here on; what does not go at once goes in further parts.
pub(crate) async fn snapshot(
    transaction: &mut WriteTransaction<'_>,
    snapshot: Uuid,
) -> Result<WriteEffect, StoreError> {
    let found = find_snapshot(transaction, transaction.command.account, snapshot).await?;
    let (persons, faces) = hide_snapshot(transaction, snapshot.as_bytes(), found.container).await?;
    remove_hidden(transaction, found.container).await?;
    let removed = 1 + unsigned(persons)? + unsigned(faces)?;
    let applied = Applied { container: Some(found.container), removed, ..Applied::default() };
    Ok(WriteEffect { applied, target: Some(found.target()), records: removed })
}

/// Removes the row of a snapshot and all that was offered of it, hides the copy for good, and gives how many people and
/// faces are in it.
async fn hide_snapshot(
    transaction: &mut WriteTransaction<'_>,
    snapshot: &[u8],
    number: i64,
) -> Result<(i64, i64), StoreError> {
    offers(transaction, snapshot).await?;
    let bytes: Vec<i64> = sqlx::query_scalar(
        "DELETE FROM snapshot WHERE account_id = $1 AND snapshot_id = $2
         RETURNING CAST(coalesce(length(sealed_user_data), 0) AS BIGINT)",
    )
    .bind(transaction.account())
    .bind(snapshot)
    .fetch_all(&mut *transaction.connection)
    .await?;
    transaction.frees(bytes.iter().sum());
    let (persons, faces) = sqlx::query_as("SELECT persons, faces FROM container WHERE account_id = $1 AND number = $2")
        .bind(transaction.account())
        .bind(number)
        .fetch_one(&mut *transaction.connection)
        .await?;
    lower_tally(transaction, ContainerKind::Snapshot, 1, persons).await?;
    hide(transaction, number).await?;
    Ok((persons, faces))
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

/// Trims about `room` rows of the containers whose oldest rows are due. `false`: there may be more.
async fn trim_change_rows(transaction: &mut WriteTransaction<'_>, mut room: i64) -> Result<bool, StoreError> {
    let due: Vec<i64> = sqlx::query_scalar(
        "SELECT number FROM container WHERE account_id = $1 AND trim_due <= $2 AND kind <> 8 ORDER BY trim_due LIMIT $3",
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
        let trimmed = "DELETE FROM change WHERE account_id = $1 AND container = $2 AND version <= $3";
        rows = gone(transaction.connection, trimmed, transaction.account(), &[number, last]).await?;
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
    Ok(rows)
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
