//! Documents whose meaning the store does not know, rows for the audit trail alone, and counters.

use super::accounts::touch_access;
use super::{Done, Work, unsigned};
use crate::command::{Applied, DocumentKind, NewDocument, Usage};
use crate::error::StoreError;
use crate::keys::{Purpose, Record};

pub(super) async fn put(work: &mut Work<'_>, document: &NewDocument) -> Result<Done, StoreError> {
    if document.kind == DocumentKind::Settings {
        return Err(StoreError::Inconsistent("settings are written with the names of their account"));
    }
    let version = write(work, document).await?;
    Ok(Done { applied: Applied { version, ..Applied::default() }, target: None, records: 1 })
}

/// Writes the document and gives its version.
pub(super) async fn write(work: &mut Work<'_>, document: &NewDocument) -> Result<u64, StoreError> {
    let expires_at = document.expires_at.map(likeness_base::Timestamp::as_millis);
    let record = Record::document(document.kind.number(), &document.name, expires_at);
    if let Some(expires_at) = expires_at {
        work.writes_until(expires_at)?;
    }
    let sealed = work.seal(Purpose::Document, 0, &record, document.value.expose());
    work.hour = None;
    let version: i64 = sqlx::query_scalar(
        "INSERT INTO document (account_id, kind, name, version, written_at, expires_at, sealed)
         VALUES ($1, $2, $3, 1, $4, $5, $6)
         ON CONFLICT (account_id, kind, name) DO UPDATE SET version = document.version + 1,
             written_at = excluded.written_at, expires_at = excluded.expires_at, sealed = excluded.sealed
         RETURNING version",
    )
    .bind(work.account())
    .bind(i64::from(document.kind.number()))
    .bind(&document.name)
    .bind(work.at())
    .bind(expires_at)
    .bind(sealed)
    .fetch_one(&mut *work.connection)
    .await?;
    if document.kind.is_about_access() {
        touch_access(work).await?;
    }
    unsigned(version)
}

/// Adds to the counters, which nobody's trail tells of.
pub(super) async fn count_usage(work: &mut Work<'_>, counts: &[Usage]) -> Result<Done, StoreError> {
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
