use super::super::engine::refuse_duplicate;
use super::Work;
use crate::command::NewOperation;
use crate::error::StoreError;

/// Notes that the command was done. Its audit row is that of the command.
pub(super) async fn note(work: &mut Work<'_>, operation: &NewOperation) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO operation (account_id, operation_id, expires_at, about, created_at, finished_at, resource)
         VALUES ($1, $2, $3, $4, $5, $5, $6)",
    )
    .bind(work.account())
    .bind(operation.id.as_bytes().as_slice())
    .bind(operation.expires_at.as_millis())
    .bind(i64::from(operation.subject.number()))
    .bind(work.at())
    .bind(operation.resource.as_deref())
    .execute(&mut *work.connection)
    .await
    .map_err(refuse_duplicate(StoreError::OperationExists))?;
    Ok(())
}
