//! What both engines check of a whole database besides its structure: that counted bytes are those that are there.

use super::engine::Connection;
use super::read::damaged;
use crate::error::StoreError;

/// Fails when an account's count of sealed bytes is not the sum of its values. One that is being destroyed counts no more.
pub(crate) async fn check_stored_bytes(connection: &mut Connection) -> Result<(), StoreError> {
    let wrong: i64 = sqlx::query_scalar(concat!(
        "SELECT count(*) FROM account a
         WHERE EXISTS (SELECT 1 FROM data_key k WHERE k.account_id = a.account_id) AND a.stored_bytes <> ",
        sealed_bytes_of!("a.account_id")
    ))
    .fetch_one(connection)
    .await?;
    if wrong == 0 { Ok(()) } else { Err(damaged("the count of an account's sealed bytes")) }
}
