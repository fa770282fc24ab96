//! Writes how far a training has come. The training itself is the work of the service.

use super::{NewVersion, WriteEffect, WriteTransaction, next_version};
use crate::command::{Applied, ContainerName, TrainingOutcome, TrainingWrite};
use crate::error::StoreError;

pub(super) async fn perform(
    transaction: &mut WriteTransaction<'_>,
    write: &TrainingWrite,
) -> Result<WriteEffect, StoreError> {
    match write {
        TrainingWrite::Start { container } => start(transaction, container).await,
        TrainingWrite::Progress { container, training } => progress(transaction, container, *training).await,
        TrainingWrite::Finish { container, training, outcome } => {
            finish(transaction, container, *training, outcome).await
        }
    }
}

// The states as the container's row holds them.
pub(crate) const NOT_STARTED: i64 = 0;
pub(crate) const RUNNING: i64 = 1;
pub(crate) const SUCCEEDED: i64 = 2;
pub(crate) const FAILED: i64 = 3;

async fn start(transaction: &mut WriteTransaction<'_>, container: &ContainerName) -> Result<WriteEffect, StoreError> {
    let next = next_version(transaction, container).await?;
    let training: Option<i64> = sqlx::query_scalar(
        "UPDATE container
         SET training = training + 1, training_state = $3, training_created_at = $4, training_action_at = $4,
             training_message = NULL, training_covers = version
         WHERE account_id = $1 AND number = $2 AND coalesce(training_state, $5) IN ($5, $6)
         RETURNING training",
    )
    .bind(transaction.account())
    .bind(next.number)
    .bind(NOT_STARTED)
    .bind(transaction.at())
    .bind(SUCCEEDED)
    .bind(FAILED)
    .fetch_optional(&mut *transaction.connection)
    .await?;
    Ok(effect(&next, training.ok_or(StoreError::TrainingRunning)?))
}

async fn progress(
    transaction: &mut WriteTransaction<'_>,
    container: &ContainerName,
    training: i64,
) -> Result<WriteEffect, StoreError> {
    let next = next_version(transaction, container).await?;
    let moved = sqlx::query(
        "UPDATE container SET training_state = $4, training_action_at = $5
         WHERE account_id = $1 AND number = $2 AND training = $3 AND training_state IN ($4, $6)",
    )
    .bind(transaction.account())
    .bind(next.number)
    .bind(training)
    .bind(RUNNING)
    .bind(transaction.at())
    .bind(NOT_STARTED)
    .execute(&mut *transaction.connection)
    .await?;
    refuse_unmoved(moved.rows_affected())?;
    Ok(effect(&next, training))
}

async fn finish(
    transaction: &mut WriteTransaction<'_>,
    container: &ContainerName,
    training: i64,
    outcome: &TrainingOutcome,
) -> Result<WriteEffect, StoreError> {
    let next = next_version(transaction, container).await?;
    let moved = match outcome {
        TrainingOutcome::Succeeded => {
            sqlx::query(
                "UPDATE container
                 SET training_state = $4, training_action_at = $5, training_success_at = $5,
                     trained_version = training_covers
                 WHERE account_id = $1 AND number = $2 AND training = $3 AND training_state IN ($6, $7)",
            )
            .bind(transaction.account())
            .bind(next.number)
            .bind(training)
            .bind(SUCCEEDED)
            .bind(transaction.at())
            .bind(NOT_STARTED)
            .bind(RUNNING)
            .execute(&mut *transaction.connection)
            .await?
        }
        TrainingOutcome::Failed { message } => {
            sqlx::query(
                "UPDATE container SET training_state = $4, training_action_at = $5, training_message = $8
                 WHERE account_id = $1 AND number = $2 AND training = $3 AND training_state IN ($6, $7)",
            )
            .bind(transaction.account())
            .bind(next.number)
            .bind(training)
            .bind(FAILED)
            .bind(transaction.at())
            .bind(NOT_STARTED)
            .bind(RUNNING)
            .bind(message)
            .execute(&mut *transaction.connection)
            .await?
        }
    };
    refuse_unmoved(moved.rows_affected())?;
    Ok(effect(&next, training))
}

fn refuse_unmoved(rows: u64) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::TrainingNotRunning) }
}

fn effect(next: &NewVersion, training: i64) -> WriteEffect {
    WriteEffect::on(next, 1, Applied { training: Some(training), ..Applied::default() })
}
