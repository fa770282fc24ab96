//! What an account has in every table: how many rows, the oldest, and those that are past their end.

use std::time::Duration;

use likeness_base::Timestamp;
use sqlx::AssertSqlSafe;

use super::super::engine::Connection;
use super::super::key_ring::KeyRing;
use super::super::write::unsigned;
use super::key;
use crate::answers::Holding;
use crate::error::StoreError;
use crate::id::AccountId;
use crate::schema::{AtTheEnd, Ends, Kinds, TABLES, Table};

/// Every table that has rows of accounts on both engines. Leases say which node does what, and hold nothing of an account.
pub(crate) fn tables() -> impl Iterator<Item = &'static Table> {
    TABLES.iter().filter(|table| table.at_the_end != AtTheEnd::OfNobody && table.in_a_file)
}

/// Kind, rows, when the oldest was made.
type Counted = (Option<i64>, i64, Option<i64>);
/// Kind, hour, rows past their end, rows past it for too long.
type Past = (Option<i64>, i64, i64, i64);

pub(crate) async fn of_table(
    connection: &mut Connection,
    key_ring: &KeyRing,
    table: &'static Table,
    account: AccountId,
    now: Timestamp,
    patience: Duration,
) -> Result<Vec<Holding>, StoreError> {
    let rows: Vec<Counted> =
        sqlx::query_as(AssertSqlSafe(counting(table))).bind(key(&account)).fetch_all(&mut *connection).await?;
    let mut holdings = Vec::with_capacity(rows.len());
    for (kind, rows, oldest) in rows {
        let oldest = oldest.map(Timestamp::from_millis);
        holdings.push(Holding { table: table.name, kind, rows: unsigned(rows)?, oldest, ended: 0, overdue: 0 });
    }
    let (moment, with_its_hour) = match table.ends {
        Ends::Never => return Ok(holdings),
        Ends::At(moment) => (moment, false),
        Ends::WithItsHour(moment) => (moment, true),
    };
    let past: Vec<Past> = sqlx::query_as(AssertSqlSafe(past_their_end(table, moment)))
        .bind(key(&account))
        .bind(now.as_millis())
        .bind(now.minus(patience).as_millis())
        .fetch_all(connection)
        .await?;
    for (kind, hour, ended, late) in past {
        // Without the key of their hour nobody can open them, wherever their bytes are.
        let is_readable = !with_its_hour || key_ring.known_hour_key(hour.saturating_mul(HOUR_MILLIS))?.is_some();
        // Two statements: a row may have come or gone in between.
        let Some(holding) = holdings.iter_mut().find(|holding| holding.kind == kind) else { continue };
        holding.ended += unsigned(ended)?;
        holding.overdue += if is_readable { unsigned(late)? } else { 0 };
    }
    Ok(holdings)
}

const HOUR_MILLIS: i64 = 3_600_000;

/// Rows are counted by container before anybody asks of which kind those are: there are fewer of them.
fn counting(table: &Table) -> String {
    let name = table.name;
    let oldest = table.made_at.map_or_else(|| "CAST(NULL AS BIGINT)".to_owned(), |column| format!("min({column})"));
    match table.kinds {
        Kinds::One => format!("SELECT CAST(NULL AS BIGINT), count(*), {oldest} FROM {name} WHERE account_id = $1"),
        Kinds::Column(column) => {
            format!("SELECT {column}, count(*), {oldest} FROM {name} WHERE account_id = $1 GROUP BY {column}")
        }
        Kinds::OfContainer(column) => format!(
            "SELECT c.kind, CAST(sum(n.many) AS BIGINT), min(n.oldest)
             FROM (SELECT {column} AS number, count(*) AS many, {oldest} AS oldest FROM {name}
                   WHERE account_id = $1 GROUP BY {column}) n
             LEFT JOIN container c ON c.account_id = $1 AND c.number = n.number GROUP BY c.kind"
        ),
    }
}

fn past_their_end(table: &Table, moment: &str) -> String {
    let kind = match table.kinds {
        Kinds::One => "CAST(NULL AS BIGINT)".to_owned(),
        Kinds::Column(column) => column.to_owned(),
        Kinds::OfContainer(column) => {
            format!("(SELECT c.kind FROM container c WHERE c.account_id = $1 AND c.number = {column})")
        }
    };
    format!(
        "SELECT kind, hour, count(*), CAST(sum(CASE WHEN ends <= $3 THEN 1 ELSE 0 END) AS BIGINT)
         FROM (SELECT {kind} AS kind, {moment} / {HOUR_MILLIS} AS hour, {moment} AS ends FROM {name}
               WHERE account_id = $1 AND {moment} <= $2) past
         GROUP BY kind, hour",
        name = table.name
    )
}
