//! Checks the whole database file, for [`Store::check_integrity`](crate::Store::check_integrity).

use sqlx::SqlitePool;

use super::sql::integrity::check_stored_bytes;
use super::sql::read::damaged;
use crate::error::StoreError;

pub(super) async fn check(pool: &SqlitePool) -> Result<(), StoreError> {
    // The text of a finding names tables and pages; it could quote a key column, so only the fact is passed on.
    let finding: String = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(pool).await?;
    if finding != "ok" {
        return Err(damaged("the structure of the database file"));
    }
    let orphan: Option<String> =
        sqlx::query_scalar("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1").fetch_optional(pool).await?;
    match orphan {
        Some(table) => Err(damaged(&format!("a row of table {table} belongs to nothing"))),
        None => check_stored_bytes(&mut *pool.acquire().await?).await,
    }
}
