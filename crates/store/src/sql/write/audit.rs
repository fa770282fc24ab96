//! Appends rows to the audit log of an account, each linked to the one before.

use std::sync::Arc;

use likeness_base::Timestamp;
use serde_json::Value;
use sqlx::QueryBuilder;
use uuid::Uuid;

use super::super::engine::{Connection, Engine};
use super::super::key_ring::KeyRing;
use super::super::{access, delete, read};
use super::{WriteEffect, WriteTransaction, unsigned};
use crate::audit::{AuditEntry, Checkpoint, GENESIS, PRUNED};
use crate::command::{Actor, Applied, AuditEvent, AuditWrite, SearchEvent};
use crate::error::StoreError;
use crate::id::AccountId;

/// Rows of search events in one statement: a statement for each would cost more than the rows.
const ROWS_AT_ONCE: usize = 64;

pub(super) async fn perform(
    transaction: &mut WriteTransaction<'_>,
    write: &AuditWrite,
) -> Result<WriteEffect, StoreError> {
    match write {
        // The row that every command leaves is the event's.
        AuditWrite::Event(_) => Ok(effect(Applied::default(), 1)),
        AuditWrite::Searches { searches } => {
            append_searches(transaction, searches).await?;
            // Each has a row of its own.
            Ok(effect(Applied::default(), 0))
        }
        AuditWrite::AcceptAccess => {
            transaction.access_changed = true;
            Ok(effect(Applied::default(), 1))
        }
        AuditWrite::Prune { before, limit } => prune(transaction, *before, i64::from(*limit)).await,
        AuditWrite::Pseudonymise { actor, after, limit } => {
            pseudonymise(transaction, actor, *after, *limit as usize).await
        }
    }
}

fn effect(applied: Applied, records: u64) -> WriteEffect {
    WriteEffect { applied, target: None, records }
}

/// Removes the oldest rows. The row that tells of it carries what the removed ones told of access as well.
async fn prune(
    transaction: &mut WriteTransaction<'_>,
    before: Timestamp,
    limit: i64,
) -> Result<WriteEffect, StoreError> {
    let last: Option<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT seq, link FROM (SELECT seq, at, link FROM audit WHERE account_id = $1 ORDER BY seq LIMIT $3) oldest
         WHERE at < $2 AND seq < (SELECT max(seq) FROM audit WHERE account_id = $1) ORDER BY seq DESC LIMIT 1",
    )
    .bind(transaction.account())
    .bind(before.as_millis())
    .bind(limit)
    .fetch_optional(&mut *transaction.connection)
    .await?;
    let Some((through, link)) = last else { return Ok(effect(Applied::default(), 0)) };
    let checkpoint = Checkpoint { through, link: as_link(link)? };
    let removed = delete::audit_rows(transaction, through).await?;
    transaction.access_changed = true;
    transaction.told = Some(checkpoint.as_detail());
    let more = removed >= unsigned(limit)?;
    Ok(effect(Applied { removed, more, ..Applied::default() }, removed))
}

/// Puts a pseudonym in the place of an actor.
async fn pseudonymise(
    transaction: &mut WriteTransaction<'_>,
    actor: &Actor,
    after: i64,
    limit: usize,
) -> Result<WriteEffect, StoreError> {
    if !matches!(actor, Actor::Principal(_)) {
        return Err(StoreError::Inconsistent("only people and services have a pseudonym"));
    }
    let key = Arc::clone(transaction.key_ring.link_key());
    let rows = read::audit::audit(transaction.connection, transaction.command.account, after, limit).await?;
    let mut changed = 0;
    for row in &rows {
        let is_theirs = row.actor == actor.as_text();
        // A row about removed rows is read by whoever verifies the rest, and names nobody.
        let tells_of_them = row.action != PRUNED && row.detail.as_deref().is_some_and(|detail| names(detail, actor));
        if !(is_theirs || tells_of_them) || row.link != row.expected_link(&key) {
            continue;
        }
        let actor = if is_theirs { row.pseudonym(&key) } else { row.actor.clone() };
        let detail = if tells_of_them { row.detail_pseudonym(&key) } else { row.detail.clone() };
        sqlx::query("UPDATE audit SET actor = $3, detail = $4 WHERE account_id = $1 AND seq = $2")
            .bind(transaction.account())
            .bind(row.sequence)
            .bind(actor)
            .bind(detail)
            .execute(&mut *transaction.connection)
            .await?;
        changed += 1;
    }
    let through = rows.last().map_or(after, |row| row.sequence);
    let more = rows.len() == limit;
    let applied = Applied { version: unsigned(through)?, removed: changed, more, ..Applied::default() };
    Ok(effect(applied, changed))
}

/// Whether a text in a detail is the actor's id, or the actor as rows name them. Names of members are no texts of it.
fn names(detail: &str, actor: &Actor) -> bool {
    fn is_in(value: &Value, texts: [&str; 2]) -> bool {
        match value {
            Value::String(text) => texts.contains(&text.as_str()),
            Value::Array(values) => values.iter().any(|value| is_in(value, texts)),
            Value::Object(members) => members.values().any(|value| is_in(value, texts)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
    let Actor::Principal(id) = actor else { return false };
    serde_json::from_str(detail).is_ok_and(|detail| is_in(&detail, [&**id, &*actor.as_text()]))
}

/// Adds a row that tells what decides who may call, in the name of the program.
pub(crate) async fn seal_log(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    action: &str,
    access_digest: [u8; 32],
) -> Result<(), StoreError> {
    // It has no other time than that of the row before: a database tells none.
    let at: i64 = sqlx::query_scalar("SELECT at FROM audit WHERE account_id = $1 ORDER BY seq DESC LIMIT 1")
        .bind(account.0.as_bytes().as_slice())
        .fetch_one(&mut *connection)
        .await?;
    let made = unlinked(account, Timestamp::from_millis(at), &Actor::System, applied(action, None), Uuid::nil());
    let entry = AuditEntry { records: 1, access_digest: Some(access_digest), ..made };
    link(connection, key_ring, account, vec![entry], 0).await.map(drop)
}

/// Adds a row that tells of a restore or an import, and of what decides who may call since. After a restore it comes after the
/// highest number that is known to have been given since the backup.
pub(crate) async fn tell_of_arrival(
    connection: &mut Connection,
    key_ring: &KeyRing,
    (action, account, highest): (&str, AccountId, i64),
    (at, told): (Timestamp, &str),
    access_digest: [u8; 32],
) -> Result<(), StoreError> {
    let made = unlinked(account, at, &Actor::Operator, applied(action, Some(told)), Uuid::nil());
    let entry = AuditEntry { records: 1, access_digest: Some(access_digest), ..made };
    link(connection, key_ring, account, vec![entry], highest).await.map(drop)
}

/// A row that has no place in a chain yet, about no container and no record.
fn unlinked(account: AccountId, at: Timestamp, actor: &Actor, event: AuditEvent, request_id: Uuid) -> AuditEntry {
    AuditEntry {
        account,
        sequence: 0,
        at,
        actor: actor.as_text().into_owned(),
        action: event.action,
        target: None,
        records: 0,
        outcome: event.outcome,
        request_id,
        detail: event.detail,
        access_digest: None,
        previous: GENESIS,
        link: GENESIS,
    }
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
    let entries = searches.iter().map(|search| {
        let made = unlinked(account, search.at, &search.actor, applied(&search.action, None), search.request_id);
        AuditEntry { target: search.target, records: search.records, ..made }
    });
    link(transaction.connection, transaction.key_ring, account, entries.collect(), 0).await.map(drop)
}

async fn add(
    transaction: &mut WriteTransaction<'_>,
    account: AccountId,
    actor: &Actor,
    event: AuditEvent,
    effect: &WriteEffect,
) -> Result<(), StoreError> {
    let access_digest = match transaction.access_changed && account == transaction.command.account {
        true => Some(access::digest(transaction.connection, account).await?),
        false => None,
    };
    transaction.access_changed &= access_digest.is_none();
    let (at, request_id) = (transaction.command.at, transaction.command.request_id);
    let made = unlinked(account, at, actor, event, request_id);
    let entry = AuditEntry { target: effect.target, records: effect.records, access_digest, ..made };
    let last = link(transaction.connection, transaction.key_ring, account, vec![entry], 0).await?;
    if account == transaction.command.account {
        transaction.audit_row = last;
    }
    Ok(())
}

/// Links rows to the end of an account's chain and writes them, with numbers above one; gives the number of the last.
async fn link(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    mut entries: Vec<AuditEntry>,
    highest: i64,
) -> Result<i64, StoreError> {
    let last: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT seq, link FROM audit WHERE account_id = $1 ORDER BY seq DESC LIMIT 1")
            .bind(account.0.as_bytes().as_slice())
            .fetch_optional(&mut *connection)
            .await?;
    let (mut sequence, mut previous) = match last {
        Some((sequence, link)) => (sequence, as_link(link)?),
        None => (0, GENESIS),
    };
    sequence = sequence.max(highest);
    for entry in &mut entries {
        sequence += 1;
        (entry.sequence, entry.previous) = (sequence, previous);
        entry.link = entry.expected_link(key_ring.link_key());
        previous = entry.link;
    }
    for rows in entries.chunks(ROWS_AT_ONCE) {
        insert(connection, rows).await?;
    }
    Ok(sequence)
}

fn as_link(bytes: Vec<u8>) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Damaged { what: "an audit link".into() })
}

async fn insert(connection: &mut Connection, rows: &[AuditEntry]) -> Result<(), StoreError> {
    let mut statement = QueryBuilder::<Engine>::new(
        "INSERT INTO audit (account_id, seq, at, actor, action, target_kind, target_number, records, outcome,
                            request_id, previous, link, detail, access_digest) ",
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
            .push_bind(entry.link.to_vec())
            .push_bind(entry.detail.clone())
            .push_bind(entry.access_digest.map(|digest| digest.to_vec()));
    });
    // Kept prepared for the two lengths that come again.
    let comes_again = rows.len() == 1 || rows.len() == ROWS_AT_ONCE;
    statement.build().persistent(comes_again).execute(connection).await?;
    Ok(())
}
