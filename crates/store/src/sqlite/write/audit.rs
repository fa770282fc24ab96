use likeness_base::Timestamp;

use super::{Done, Work};
use crate::audit::{AuditEntry, AuditOutcome, GENESIS};
use crate::error::StoreError;

/// Adds the command's row to the account's chain.
pub(super) async fn append(work: &mut Work<'_>, done: &Done) -> Result<(), StoreError> {
    let last: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT seq, hash FROM audit WHERE account_id = ?1 ORDER BY seq DESC LIMIT 1")
            .bind(work.account())
            .fetch_optional(&mut *work.connection)
            .await?;
    let (sequence, previous) = match last {
        Some((sequence, hash)) => {
            let hash = hash.try_into().map_err(|_| StoreError::Damaged { what: "an audit hash".into() })?;
            (sequence, hash)
        }
        None => (0, GENESIS),
    };
    let mut entry = AuditEntry {
        account: work.command.account,
        sequence: sequence + 1,
        at: Timestamp::from_millis(work.at()),
        actor: work.command.actor.as_text().to_owned(),
        action: work.command.write.action().to_owned(),
        target: done.target,
        records: done.records,
        outcome: AuditOutcome::Applied,
        request_id: work.command.request_id,
        previous,
        hash: GENESIS,
    };
    entry.hash = entry.expected_hash();
    sqlx::query(
        "INSERT INTO audit (account_id, seq, at, actor, action, target_kind, target_number, records, outcome,
                            request_id, prev_hash, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )
    .bind(work.account())
    .bind(entry.sequence)
    .bind(work.at())
    .bind(&entry.actor)
    .bind(&entry.action)
    .bind(entry.target.map(|target| target.kind.number()))
    .bind(entry.target.map(|target| target.number))
    .bind(i64::try_from(entry.records).unwrap_or(i64::MAX))
    .bind(entry.outcome.number())
    .bind(entry.request_id.as_bytes().as_slice())
    .bind(entry.previous.as_slice())
    .bind(entry.hash.as_slice())
    .execute(&mut *work.connection)
    .await?;
    Ok(())
}
