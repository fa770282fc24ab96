//! What decides who may call in an account, as one digest.
//!
//! Start at [`digest`]. A change of access writes it into its audit row; [`is_as_audited`] compares that with what is there.
//! So rows that were put back to an earlier state are found, whatever they open with.

use super::account_keys;
use super::engine::Connection;
use super::key_ring::KeyRing;
use super::read;
use crate::audit::FieldHash;
use crate::error::StoreError;
use crate::id::AccountId;
use crate::record::RecordKind;

/// Rows of records read at once.
const PAGE: i64 = 1_000;

/// Resource, subdomain, since when closed, when it ends.
type StateRow = (Option<String>, Option<String>, Option<i64>, Option<i64>);

/// SHA-256 over names and state of an account, its keys and its records of access, as they are stored.
pub(crate) async fn digest(connection: &mut Connection, account: AccountId) -> Result<[u8; 32], StoreError> {
    let key = account.0.as_bytes().as_slice();
    let mut hash = FieldHash::default();
    hash.put(b"likeness access 1");
    let state: Option<StateRow> =
        sqlx::query_as("SELECT resource, subdomain, closed_at, ends_at FROM account WHERE account_id = $1")
            .bind(key)
            .fetch_optional(&mut *connection)
            .await?;
    if let Some((resource, subdomain, closed_at, ends_at)) = state {
        for text in [resource, subdomain] {
            hash.perhaps(text.as_ref().map(String::as_bytes));
        }
        for moment in [closed_at, ends_at] {
            hash.perhaps(moment.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
        }
    }
    for stored in account_keys::of_account(connection, account).await? {
        hash.put(&stored.slot.to_be_bytes());
        hash.put(&stored.lookup);
        hash.put(&stored.sealed);
        hash.put(&stored.set_at.to_be_bytes());
    }
    for kind in RecordKind::ALL.into_iter().filter(|kind| kind.row().is_about_access) {
        hash.put(&[kind.number()]);
        let mut after = String::new();
        loop {
            let page: Vec<(String, i64, Option<i64>, Vec<u8>)> = sqlx::query_as(
                "SELECT id, version, expires_at, sealed FROM record
                 WHERE account_id = $1 AND kind = $2 AND id > $3 ORDER BY id LIMIT $4",
            )
            .bind(key)
            .bind(i64::from(kind.number()))
            .bind(&after)
            .bind(PAGE)
            .fetch_all(&mut *connection)
            .await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.0);
            for (id, version, expires_at, sealed) in page {
                hash.put(id.as_bytes());
                hash.put(&version.to_be_bytes());
                hash.perhaps(expires_at.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
                hash.put(&sealed);
            }
        }
    }
    Ok(hash.finish())
}

/// The next version of who may call. The row of the installation is locked from here to the commit.
pub(crate) async fn next_version(connection: &mut Connection) -> Result<i64, StoreError> {
    let next = "UPDATE installation SET access_version = access_version + 1 RETURNING access_version";
    Ok(sqlx::query_scalar(next).fetch_one(connection).await?)
}

/// Whether what decides who may call is what the newest audit row about it says. Both are read at one moment.
pub(crate) async fn is_as_audited(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
) -> Result<bool, StoreError> {
    let Some(told) = read::last_access_row(connection, account).await? else { return Ok(false) };
    let is_own = told.link == told.expected_link(key_ring.link_key());
    Ok(is_own && told.access_digest == Some(digest(connection, account).await?))
}
