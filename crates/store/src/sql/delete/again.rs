//! Deletes from the rows of a backup what was deleted since it was made.

use super::super::engine::Connection;
use super::super::write::{PART, unsigned};
use super::container::part_of_hidden;
use super::{gone, rows_of_face, rows_of_person, rows_of_record};
use crate::error::StoreError;
use crate::id::AccountId;
use crate::journal::Act;
use crate::types::HIDDEN;

/// Deletes what an act deleted; gives how much of it was there. What the rows count is counted anew afterwards.
pub(crate) async fn again(connection: &mut Connection, account: AccountId, act: &Act) -> Result<u64, StoreError> {
    let key = account.0.as_bytes().as_slice();
    let rows = match act {
        Act::Face { container, face } => rows_of_face(connection, key, [*container, *face]).await?.0,
        Act::Person { container, person } => {
            let removed = rows_of_person(connection, key, [*container, *person]).await?;
            removed.records + removed.faces + removed.persons
        }
        Act::Container { container } => return whole(connection, account, *container).await,
        Act::Record { kind, id } => return Ok(rows_of_record(connection, key, (i64::from(*kind), id)).await?.0),
        Act::Destroyed => gone(connection, "DELETE FROM data_key WHERE account_id = $1", key, &[]).await?,
        _ => 0,
    };
    unsigned(rows)
}

/// A container with everything in it.
async fn whole(connection: &mut Connection, account: AccountId, number: i64) -> Result<u64, StoreError> {
    let key = account.0.as_bytes().as_slice();
    let hidden = sqlx::query("UPDATE container SET kind = $3, wire_id = $4 WHERE account_id = $1 AND number = $2")
        .bind(key)
        .bind(number)
        .bind(HIDDEN)
        .bind(number.to_string())
        .execute(&mut *connection)
        .await?;
    if hidden.rows_affected() == 0 {
        return Ok(0);
    }
    let mut rows = 0;
    loop {
        let part = part_of_hidden(connection, account, number, PART).await?;
        rows += part.rows.unsigned_abs();
        if part.is_last {
            return Ok(rows);
        }
    }
}

/// An account key that another has replaced since; gives how many went.
pub(crate) async fn replaced_key(
    connection: &mut Connection,
    account: AccountId,
    slot: u8,
    holds: &[u8; 32],
) -> Result<u64, StoreError> {
    let gone = sqlx::query("DELETE FROM account_key WHERE account_id = $1 AND slot = $2 AND lookup <> $3")
        .bind(account.0.as_bytes().as_slice())
        .bind(i64::from(slot))
        .bind(holds.as_slice())
        .execute(connection)
        .await?;
    Ok(gone.rows_affected())
}
