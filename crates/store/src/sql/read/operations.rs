//! Operation statuses, for the account that gave the command and until they expire.

use super::super::engine::Connection;
use likeness_base::Timestamp;
use uuid::Uuid;

use super::{damaged, key};
use crate::answers::Operation;
use crate::command::OperationSubject;
use crate::error::StoreError;
use crate::id::AccountId;

pub(crate) async fn operation(
    connection: &mut Connection,
    account: AccountId,
    id: Uuid,
    now: Timestamp,
) -> Result<Option<Operation>, StoreError> {
    let row: Option<(i64, i64, i64, Option<String>)> = sqlx::query_as(
        "SELECT about, created_at, finished_at, resource FROM operation
         WHERE account_id = $1 AND operation_id = $2 AND expires_at > $3",
    )
    .bind(key(&account))
    .bind(id.as_bytes().as_slice())
    .bind(now.as_millis())
    .fetch_optional(&mut *connection)
    .await?;
    let Some((about, created_at, finished_at, resource)) = row else { return Ok(None) };
    Ok(Some(Operation {
        id,
        subject: OperationSubject::from_number(about).ok_or_else(|| damaged("the subject of an operation"))?,
        created_at: Timestamp::from_millis(created_at),
        finished_at: Timestamp::from_millis(finished_at),
        resource,
    }))
}
