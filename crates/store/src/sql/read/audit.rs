//! Pages of an account's audit log, as stored. [`ChainCheck`](crate::ChainCheck) checks whether the chain holds.

use likeness_base::Timestamp;
use sqlx::Row;

use super::super::engine::{Connection, EngineRow};

use super::{at_most, damaged, key, unsigned, uuid};
use crate::audit::{AuditEntry, AuditOutcome, AuditTarget};
use crate::command::ContainerKind;
use crate::error::StoreError;
use crate::id::AccountId;

pub(crate) async fn audit(
    connection: &mut Connection,
    account: AccountId,
    after: i64,
    limit: usize,
) -> Result<Vec<AuditEntry>, StoreError> {
    let rows = sqlx::query(
        "SELECT seq, at, actor, action, target_kind, target_number, records, outcome, request_id, previous, link, detail,
                access_digest
         FROM audit WHERE account_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
    )
    .bind(key(&account))
    .bind(after)
    .bind(at_most(limit))
    .fetch_all(&mut *connection)
    .await?;
    rows.iter().map(|row| entry(account, row)).collect()
}

/// The newest row of an account that tells what decides who may call.
pub(crate) async fn last_access_row(
    connection: &mut Connection,
    account: AccountId,
) -> Result<Option<AuditEntry>, StoreError> {
    let row = sqlx::query(
        "SELECT seq, at, actor, action, target_kind, target_number, records, outcome, request_id, previous, link, detail,
                access_digest
         FROM audit WHERE account_id = $1 AND access_digest IS NOT NULL ORDER BY seq DESC LIMIT 1",
    )
    .bind(key(&account))
    .fetch_optional(&mut *connection)
    .await?;
    row.map(|row| entry(account, &row)).transpose()
}

fn entry(account: AccountId, row: &EngineRow) -> Result<AuditEntry, StoreError> {
    let target = match (row.try_get("target_kind")?, row.try_get("target_number")?) {
        (Some(kind), Some(number)) => Some(AuditTarget {
            kind: ContainerKind::from_number(kind).ok_or_else(|| damaged("a container kind"))?,
            number,
        }),
        _ => None,
    };
    Ok(AuditEntry {
        account,
        sequence: row.try_get("seq")?,
        at: Timestamp::from_millis(row.try_get("at")?),
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        target,
        records: unsigned(row.try_get("records")?)?,
        outcome: AuditOutcome::from_number(row.try_get("outcome")?).ok_or_else(|| damaged("an audit outcome"))?,
        request_id: uuid(row.try_get("request_id")?)?,
        detail: row.try_get("detail")?,
        access_digest: row.try_get::<Option<&[u8]>, _>("access_digest")?.map(link).transpose()?,
        previous: link(row.try_get("previous")?)?,
        link: link(row.try_get("link")?)?,
    })
}

fn link(bytes: &[u8]) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| damaged("an audit link"))
}
