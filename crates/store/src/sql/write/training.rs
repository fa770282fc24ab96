use super::{Bumped, Done, Work, bump};
use crate::command::{Applied, ContainerName, TrainingOutcome, TrainingWrite};
use crate::error::StoreError;

pub(super) async fn perform(work: &mut Work<'_>, write: &TrainingWrite) -> Result<Done, StoreError> {
    match write {
        TrainingWrite::Start { container } => start(work, container).await,
        TrainingWrite::Progress { container, training } => progress(work, container, *training).await,
        TrainingWrite::Finish { container, training, outcome } => finish(work, container, *training, outcome).await,
    }
}

// The states as the container's row holds them.
pub(crate) const NOT_STARTED: i64 = 0;
pub(crate) const RUNNING: i64 = 1;
pub(crate) const SUCCEEDED: i64 = 2;
pub(crate) const FAILED: i64 = 3;

async fn start(work: &mut Work<'_>, container: &ContainerName) -> Result<Done, StoreError> {
    let bumped = bump(work, container).await?;
    let training: Option<i64> = sqlx::query_scalar(
        "UPDATE container
         SET training = training + 1, training_state = $3, training_created_at = $4, training_action_at = $4,
             training_message = NULL, training_covers = version
         WHERE account_id = $1 AND number = $2 AND coalesce(training_state, $5) IN ($5, $6)
         RETURNING training",
    )
    .bind(work.account())
    .bind(bumped.number)
    .bind(NOT_STARTED)
    .bind(work.at())
    .bind(SUCCEEDED)
    .bind(FAILED)
    .fetch_optional(&mut *work.connection)
    .await?;
    Ok(done(&bumped, training.ok_or(StoreError::TrainingRunning)?))
}

async fn progress(work: &mut Work<'_>, container: &ContainerName, training: i64) -> Result<Done, StoreError> {
    let bumped = bump(work, container).await?;
    let moved = sqlx::query(
        "UPDATE container SET training_state = $4, training_action_at = $5
         WHERE account_id = $1 AND number = $2 AND training = $3 AND training_state IN ($4, $6)",
    )
    .bind(work.account())
    .bind(bumped.number)
    .bind(training)
    .bind(RUNNING)
    .bind(work.at())
    .bind(NOT_STARTED)
    .execute(&mut *work.connection)
    .await?;
    refuse_unmoved(moved.rows_affected())?;
    Ok(done(&bumped, training))
}

async fn finish(
    work: &mut Work<'_>,
    container: &ContainerName,
    training: i64,
    outcome: &TrainingOutcome,
) -> Result<Done, StoreError> {
    let bumped = bump(work, container).await?;
    let moved = match outcome {
        TrainingOutcome::Succeeded => {
            sqlx::query(
                "UPDATE container
                 SET training_state = $4, training_action_at = $5, training_success_at = $5,
                     trained_version = training_covers
                 WHERE account_id = $1 AND number = $2 AND training = $3 AND training_state IN ($6, $7)",
            )
            .bind(work.account())
            .bind(bumped.number)
            .bind(training)
            .bind(SUCCEEDED)
            .bind(work.at())
            .bind(NOT_STARTED)
            .bind(RUNNING)
            .execute(&mut *work.connection)
            .await?
        }
        TrainingOutcome::Failed { message } => {
            sqlx::query(
                "UPDATE container SET training_state = $4, training_action_at = $5, training_message = $8
                 WHERE account_id = $1 AND number = $2 AND training = $3 AND training_state IN ($6, $7)",
            )
            .bind(work.account())
            .bind(bumped.number)
            .bind(training)
            .bind(FAILED)
            .bind(work.at())
            .bind(NOT_STARTED)
            .bind(RUNNING)
            .bind(message)
            .execute(&mut *work.connection)
            .await?
        }
    };
    refuse_unmoved(moved.rows_affected())?;
    Ok(done(&bumped, training))
}

fn refuse_unmoved(rows: u64) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::TrainingNotRunning) }
}

fn done(bumped: &Bumped, training: i64) -> Done {
    Done::to(bumped, 1, Applied { training: Some(training), ..Applied::default() })
}
