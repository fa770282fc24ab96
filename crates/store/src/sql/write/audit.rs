//! Appends rows to the audit log of an account, each linked to the one before.

use likeness_base::Timestamp;
use sqlx::QueryBuilder;

use super::super::engine::Engine;
use super::{WriteEffect, WriteTransaction};
use crate::audit::{AuditEntry, AuditOutcome, GENESIS};
use crate::command::{Actor, Applied, AuditEvent, AuditWrite, SearchEvent};
use crate::error::StoreError;
use crate::id::AccountId;

/// Rows of search events in one statement: a statement for each would cost more than the rows.
const ROWS_AT_ONCE: usize = 64;

pub(super) async fn perform(
    transaction: &mut WriteTransaction<'_>,
    write: &AuditWrite,
) -> Result<WriteEffect, StoreError> {
    let records = match write {
        // The row that every command leaves is the event's.
        AuditWrite::Event(_) => 1,
        AuditWrite::Searches { searches } => {
            append_searches(transaction, searches).await?;
            // Each has a row of its own.
            0
        }
    };
    Ok(WriteEffect { applied: Applied::default(), target: None, records })
}

/// What a row says of a command that was done.
pub(super) fn applied(action: &str, detail: Option<&str>) -> AuditEvent {
    AuditEvent::done(action, detail)
}

/// Adds a row to the account's chain.
pub(super) async fn append(
    transaction: &mut WriteTransaction<'_>,
    event: AuditEvent,
    effect: &WriteEffect,
) -> Result<(), StoreError> {
    add(transaction, transaction.command.account, &transaction.command.actor, event, effect).await
}

/// Adds a row to the chain of another account that the command concerns. Who acted there is none of its actors, so
/// the system stands for them; the request is the same in both chains.
pub(super) async fn append_elsewhere(
    transaction: &mut WriteTransaction<'_>,
    account: AccountId,
    action: &str,
    effect: &WriteEffect,
) -> Result<(), StoreError> {
    add(transaction, account, &Actor::System, applied(action, None), effect).await
}

/// Adds a row for each search event to the account's chain.
async fn append_searches(transaction: &mut WriteTransaction<'_>, searches: &[SearchEvent]) -> Result<(), StoreError> {
    let account = transaction.command.account;
    let entries = searches.iter().map(|search| AuditEntry {
        account,
        sequence: 0,
        at: search.at,
        actor: search.actor.as_text().into_owned(),
        action: search.action.clone(),
        target: search.target,
        records: search.records,
        outcome: AuditOutcome::Applied,
        request_id: search.request_id,
        detail: None,
        previous: GENESIS,
        hash: GENESIS,
    });
    link(transaction, account, entries.collect()).await
}

async fn add(
    transaction: &mut WriteTransaction<'_>,
    account: AccountId,
    actor: &Actor,
    event: AuditEvent,
    effect: &WriteEffect,
) -> Result<(), StoreError> {
    let entry = AuditEntry {
        account,
        sequence: 0,
        at: Timestamp::from_millis(transaction.at()),
        actor: actor.as_text().into_owned(),
        action: event.action,
        target: effect.target,
        records: effect.records,
        outcome: event.outcome,
        request_id: transaction.command.request_id,
        detail: event.detail,
        previous: GENESIS,
        hash: GENESIS,
    };
    link(transaction, account, vec![entry]).await
}

/// Links rows to the end of an account's chain and writes them.
async fn link(
    transaction: &mut WriteTransaction<'_>,
    account: AccountId,
    mut entries: Vec<AuditEntry>,
) -> Result<(), StoreError> {
    let last: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT seq, hash FROM audit WHERE account_id = $1 ORDER BY seq DESC LIMIT 1")
            .bind(account.0.as_bytes().as_slice())
            .fetch_optional(&mut *transaction.connection)
            .await?;
    let (mut sequence, mut previous) = match last {
        Some((sequence, hash)) => {
            let hash = hash.try_into().map_err(|_| StoreError::Damaged { what: "an audit hash".into() })?;
            (sequence, hash)
        }
        None => (0, GENESIS),
    };
    for entry in &mut entries {
        sequence += 1;
        (entry.sequence, entry.previous) = (sequence, previous);
        entry.hash = entry.expected_hash();
        previous = entry.hash;
    }
    for rows in entries.chunks(ROWS_AT_ONCE) {
        insert(transaction, rows).await?;
    }
    Ok(())
}

async fn insert(transaction: &mut WriteTransaction<'_>, rows: &[AuditEntry]) -> Result<(), StoreError> {
    let mut statement = QueryBuilder::<Engine>::new(
        "INSERT INTO audit (account_id, seq, at, actor, action, target_kind, target_number, records, outcome,
                            request_id, prev_hash, hash, detail) ",
    );
    statement.push_values(rows, |mut row, entry| {
        row.push_bind(entry.account.0.as_bytes().to_vec())
            .push_bind(entry.sequence)
            .push_bind(entry.at.as_millis())
            .push_bind(entry.actor.clone())
            .push_bind(entry.action.clone())
            .push_bind(entry.target.map(|target| i64::from(target.kind.number())))
            .push_bind(entry.target.map(|target| target.number))
            .push_bind(i64::try_from(entry.records).unwrap_or(i64::MAX))
            .push_bind(i64::from(entry.outcome.number()))
            .push_bind(entry.request_id.as_bytes().to_vec())
            .push_bind(entry.previous.to_vec())
            .push_bind(entry.hash.to_vec())
            .push_bind(entry.detail.clone());
    });
    // Kept prepared for the two lengths that come again.
    let comes_again = rows.len() == 1 || rows.len() == ROWS_AT_ONCE;
    statement.build().persistent(comes_again).execute(&mut *transaction.connection).await?;
    Ok(())
}
