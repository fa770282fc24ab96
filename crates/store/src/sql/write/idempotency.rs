//! Which commands were done lately, by their idempotency keys, so that whoever lost an answer may
//! apply the command again.

use super::super::engine::Connection;
use super::{WriteTransaction, unsigned};
use crate::command::{Applied, Command};
use crate::error::StoreError;
use crate::id::{FaceNumber, PersonNumber};

/// `false`: the command was done before.
pub(super) async fn add(transaction: &mut WriteTransaction<'_>, applied: &Applied) -> Result<bool, StoreError> {
    let version = i64::try_from(applied.version).unwrap_or(i64::MAX);
    let added = sqlx::query(
        "INSERT INTO command_note (account_id, command_id, at, container, version, person, face, training, removed, more)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
    )
    .bind(transaction.account())
    .bind(transaction.command.idempotency_key.as_bytes().as_slice())
    .bind(transaction.at())
    .bind(applied.container)
    .bind(version)
    .bind(applied.person.map(|person| person.0))
    .bind(applied.face.map(|face| face.0))
    .bind(applied.training)
    .bind(i64::try_from(applied.removed).unwrap_or(i64::MAX))
    .bind(i64::from(applied.more))
    .execute(&mut *transaction.connection)
    .await?;
    Ok(added.rows_affected() == 1)
}

/// Container, version, person, face, training, removed, more.
type IdempotencyRow = (Option<i64>, i64, Option<i64>, Option<i64>, Option<i64>, i64, i64);

pub(super) async fn find(connection: &mut Connection, command: &Command) -> Result<Option<Applied>, StoreError> {
    let row: Option<IdempotencyRow> = sqlx::query_as(
        "SELECT container, version, person, face, training, removed, more FROM command_note
         WHERE account_id = $1 AND command_id = $2",
    )
    .bind(command.account.0.as_bytes().as_slice())
    .bind(command.idempotency_key.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    let Some((container, version, person, face, training, removed, more)) = row else { return Ok(None) };
    Ok(Some(Applied {
        container,
        version: unsigned(version)?,
        person: person.map(PersonNumber),
        face: face.map(FaceNumber),
        training,
        removed: unsigned(removed)?,
        more: more != 0,
    }))
}
