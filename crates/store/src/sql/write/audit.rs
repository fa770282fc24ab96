use likeness_base::Timestamp;

use super::{Done, Work};
use crate::audit::{AuditEntry, AuditOutcome, GENESIS};
use crate::command::{Actor, Event, Question, Write};
use crate::error::StoreError;
use crate::id::AccountId;

/// Adds the command's row to the account's chain.
pub(super) async fn append(work: &mut Work<'_>, done: &Done) -> Result<(), StoreError> {
    let (actor, write) = (&work.command.actor, &work.command.write);
    let event = match write {
        Write::Note(event) => event.clone(),
        write => {
            let detail = match write {
                Write::Described { detail, .. } => Some(detail.clone()),
                _ => None,
            };
            Event { action: write.action().to_owned(), outcome: AuditOutcome::Applied, detail }
        }
    };
    add(work, work.command.account, actor, event, done).await
}

/// Adds a row to the chain of another account that the command concerns. Who acted there is none of its actors, so
/// the system stands for them; the request is the same in both chains.
pub(super) async fn append_elsewhere(
    work: &mut Work<'_>,
    account: AccountId,
    action: &str,
    done: &Done,
) -> Result<(), StoreError> {
    let event = Event { action: action.to_owned(), outcome: AuditOutcome::Applied, detail: None };
    add(work, account, &Actor::System, event, done).await
}

/// Adds a row for each question to the account's chain.
pub(super) async fn append_questions(work: &mut Work<'_>, questions: &[Question]) -> Result<(), StoreError> {
    let account = work.command.account;
    let mut end = end_of(work, account).await?;
    for question in questions {
        let entry = AuditEntry {
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
        };
        end = insert(work, entry, end).await?;
    }
    Ok(())
}

async fn add(
    work: &mut Work<'_>,
    account: AccountId,
    actor: &Actor,
    event: Event,
    done: &Done,
) -> Result<(), StoreError> {
    let end = end_of(work, account).await?;
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
    insert(work, entry, end).await.map(drop)
}

/// Number and hash of the last row of a chain.
type End = (i64, [u8; 32]);

async fn end_of(work: &mut Work<'_>, account: AccountId) -> Result<End, StoreError> {
    let last: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT seq, hash FROM audit WHERE account_id = $1 ORDER BY seq DESC LIMIT 1")
            .bind(account.0.as_bytes().as_slice())
            .fetch_optional(&mut *work.connection)
            .await?;
    let Some((sequence, hash)) = last else { return Ok((0, GENESIS)) };
    let hash = hash.try_into().map_err(|_| StoreError::Damaged { what: "an audit hash".into() })?;
    Ok((sequence, hash))
}

/// Links a row to the end of its chain, writes it, and gives the new end.
async fn insert(work: &mut Work<'_>, entry: AuditEntry, (sequence, previous): End) -> Result<End, StoreError> {
    let mut entry = AuditEntry { sequence: sequence + 1, previous, ..entry };
    entry.hash = entry.expected_hash();
    sqlx::query(
        "INSERT INTO audit (account_id, seq, at, actor, action, target_kind, target_number, records, outcome,
                            request_id, prev_hash, hash, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(entry.account.0.as_bytes().as_slice())
    .bind(entry.sequence)
    .bind(entry.at.as_millis())
    .bind(&entry.actor)
    .bind(&entry.action)
    .bind(entry.target.map(|target| i64::from(target.kind.number())))
    .bind(entry.target.map(|target| target.number))
    .bind(i64::try_from(entry.records).unwrap_or(i64::MAX))
    .bind(i64::from(entry.outcome.number()))
    .bind(entry.request_id.as_bytes().as_slice())
    .bind(entry.previous.as_slice())
    .bind(entry.hash.as_slice())
    .bind(entry.detail.as_deref())
    .execute(&mut *work.connection)
    .await?;
    Ok((entry.sequence, entry.hash))
}
