//! Containers and snapshots: hidden at once, removed in parts. See [`hide`] and [`part_of_hidden`].

use uuid::Uuid;

use super::super::engine::Connection;
use super::super::write::{PART, WriteEffect, WriteTransaction, find_snapshot, next_version, unsigned};
use super::{freed, gone, gone_with_bytes, lower_tally, offers};
use crate::command::{Applied, ContainerKind, ContainerName};
use crate::error::StoreError;
use crate::id::AccountId;
use crate::journal::Act;
use crate::types::HIDDEN;
use crate::work::HiddenCopy;

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
    transaction.stays(Act::Container { container: next.number });
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
    freed(transaction, faces, &[copy.number, copy.source, after, last]).await
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
    let faces = freed(transaction, faces, &numbers).await?;
    Ok((freed(transaction, persons, &numbers).await?, faces))
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
pub(super) async fn hide_snapshot(
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
