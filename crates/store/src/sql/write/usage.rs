//! What is noted without any record changing: rows of the trail alone, and counters.

use super::{Done, Work, audit};
use crate::command::{Applied, NoteWrite, Usage};
use crate::error::StoreError;

pub(super) async fn perform(work: &mut Work<'_>, write: &NoteWrite) -> Result<Done, StoreError> {
    match write {
        NoteWrite::Event(_) => Ok(Done { applied: Applied::default(), target: None, records: 1 }),
        NoteWrite::Questions { questions } => {
            audit::append_questions(work, questions).await?;
            // Each has a row of its own.
            Ok(Done { applied: Applied::default(), target: None, records: 0 })
        }
        NoteWrite::Usage { counts } => count(work, counts).await,
    }
}

/// Adds to the counters, which nobody's trail tells of.
async fn count(work: &mut Work<'_>, counts: &[Usage]) -> Result<Done, StoreError> {
    for count in counts {
        sqlx::query(
            "INSERT INTO usage (account_id, day, operation, calls, billed) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (account_id, day, operation)
             DO UPDATE SET calls = usage.calls + excluded.calls, billed = usage.billed + excluded.billed",
        )
        .bind(work.account())
        .bind(count.day)
        .bind(&count.operation)
        .bind(i64::try_from(count.calls).unwrap_or(i64::MAX))
        .bind(i64::try_from(count.billed).unwrap_or(i64::MAX))
        .execute(&mut *work.connection)
        .await?;
    }
    Ok(Done { applied: Applied::default(), target: None, records: 0 })
}
