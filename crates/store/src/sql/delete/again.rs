//! Deletes from the rows of a backup what was deleted since it was made.

use super::super::engine::Connection;
use super::container::part_of_hidden;
use super::gone;
use crate::error::StoreError;
use crate::id::AccountId;
use crate::journal::Act;
use crate::types::HIDDEN;

/// Deletes what an act deleted; gives how much of it was there. What the rows count is counted anew afterwards.
pub(crate) async fn again(connection: &mut Connection, account: AccountId, act: &Act) -> Result<u64, StoreError> {
    let key = account.0.as_bytes().as_slice();
    let (numbers, statements): (Vec<i64>, &[&'static str]) = match act {
        Act::Face { container, face } => {
            (vec![*container, *face], &["DELETE FROM face WHERE account_id = $1 AND container = $2 AND seq = $3"])
        }
        Act::Person { container, person } => (
            vec![*container, *person],
            &[
                "DELETE FROM membership WHERE account_id = $1 AND directory = $2 AND person = $3",
                "DELETE FROM record_tag WHERE account_id = $1 AND (kind, id) IN (
                     SELECT kind, id FROM record WHERE account_id = $1 AND container = $2 AND person = $3)",
                "DELETE FROM record WHERE account_id = $1 AND container = $2 AND person = $3",
                "DELETE FROM face WHERE account_id = $1 AND container = $2 AND person = $3",
                "DELETE FROM person WHERE account_id = $1 AND container = $2 AND seq = $3",
            ],
        ),
        Act::Container { container } => return whole(connection, account, *container).await,
        Act::Record { kind, id } => return record(connection, key, i64::from(*kind), id).await,
        Act::Destroyed => (Vec::new(), &["DELETE FROM data_key WHERE account_id = $1"]),
        _ => return Ok(0),
    };
    let mut rows = 0;
    for statement in statements {
        rows += gone(connection, statement, key, &numbers).await?;
    }
    Ok(rows.unsigned_abs())
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
        let part = part_of_hidden(connection, account, number, super::super::write::PART).await?;
        rows += part.rows.unsigned_abs();
        if part.is_last {
            return Ok(rows);
        }
    }
}

async fn record(connection: &mut Connection, key: &[u8], kind: i64, id: &str) -> Result<u64, StoreError> {
    let mut rows = 0;
    for statement in [
        "DELETE FROM record_tag WHERE account_id = $1 AND kind = $2 AND id = $3",
        "DELETE FROM record WHERE account_id = $1 AND kind = $2 AND id = $3",
    ] {
        let gone = sqlx::query(statement).bind(key).bind(kind).bind(id).execute(&mut *connection).await?;
        rows = gone.rows_affected();
    }
    Ok(rows)
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
