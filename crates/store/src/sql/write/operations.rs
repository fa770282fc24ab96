//! Writes operation statuses, in the transaction of their command: no status tells of a command that was undone.

use super::super::engine::refuse_duplicate;
use super::WriteTransaction;
use crate::command::NewOperation;
use crate::error::StoreError;

/// Keeps the operation status of the command. Its audit row is that of the command.
pub(super) async fn add(transaction: &mut WriteTransaction<'_>, operation: &NewOperation) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO operation (account_id, operation_id, expires_at, about, created_at, finished_at, resource)
         VALUES ($1, $2, $3, $4, $5, $5, $6)",
    )
    .bind(transaction.account())
    .bind(operation.id.as_bytes().as_slice())
    .bind(operation.expires_at.as_millis())
    .bind(i64::from(operation.subject.number()))
    .bind(transaction.at())
    .bind(operation.resource.as_deref())
    .execute(&mut *transaction.connection)
    .await
    .map_err(refuse_duplicate(StoreError::OperationExists))?;
    Ok(())
}
