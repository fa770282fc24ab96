use likeness_base::Timestamp;
use sqlx::QueryBuilder;

use super::super::engine::Engine;
use super::{Done, Work};
use crate::audit::{AuditEntry, AuditOutcome, GENESIS};
use crate::command::{Actor, Event, Question};
use crate::error::StoreError;
use crate::id::AccountId;

/// Rows of questions in one statement: a statement for each would cost more than the rows.
const ROWS_AT_ONCE: usize = 64;

/// What a row says of a command that was done.
pub(super) fn applied(action: &str, detail: Option<&str>) -> Event {
    Event::done(action, detail)
}

/// Adds a row to the account's chain.
pub(super) async fn append(work: &mut Work<'_>, event: Event, done: &Done) -> Result<(), StoreError> {
    add(work, work.command.account, &work.command.actor, event, done).await
}

/// Adds a row to the chain of another account that the command concerns. Who acted there is none of its actors, so
/// the system stands for them; the request is the same in both chains.
pub(super) async fn append_elsewhere(
    work: &mut Work<'_>,
    account: AccountId,
    action: &str,
    done: &Done,
) -> Result<(), StoreError> {
    add(work, account, &Actor::System, applied(action, None), done).await
}

/// Adds a row for each question to the account's chain.
pub(super) async fn append_questions(work: &mut Work<'_>, questions: &[Question]) -> Result<(), StoreError> {
    let account = work.command.account;
    let entries = questions.iter().map(|question| AuditEntry {
        account,
        sequence: 0,
        at: question.at,
        actor: question.actor.as_text().into_owned(),
        action: question.action.clone(),
        target: question.target,
        records: question.records,
        outcome: AuditOutcome::Applied,
        request_id: question.request_id,
        detail: None,
        previous: GENESIS,
        hash: GENESIS,
    });
    link(work, account, entries.collect()).await
}

async fn add(
    work: &mut Work<'_>,
    account: AccountId,
    actor: &Actor,
    event: Event,
    done: &Done,
) -> Result<(), StoreError> {
    let entry = AuditEntry {
        account,
        sequence: 0,
        at: Timestamp::from_millis(work.at()),
        actor: actor.as_text().into_owned(),
        action: event.action,
        target: done.target,
        records: done.records,
        outcome: event.outcome,
        request_id: work.command.request_id,
        detail: event.detail,
        previous: GENESIS,
        hash: GENESIS,
    };
    link(work, account, vec![entry]).await
}

/// Links rows to the end of an account's chain and writes them.
async fn link(work: &mut Work<'_>, account: AccountId, mut entries: Vec<AuditEntry>) -> Result<(), StoreError> {
    let last: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT seq, hash FROM audit WHERE account_id = $1 ORDER BY seq DESC LIMIT 1")
            .bind(account.0.as_bytes().as_slice())
            .fetch_optional(&mut *work.connection)
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
        insert(work, rows).await?;
    }
    Ok(())
}

async fn insert(work: &mut Work<'_>, rows: &[AuditEntry]) -> Result<(), StoreError> {
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
    statement.build().persistent(comes_again).execute(&mut *work.connection).await?;
    Ok(())
}
