use super::super::engine::Connection;
use likeness_base::Timestamp;

use super::super::vault::Vault;
use super::{at_most, key, open, unsigned};
use crate::command::{DocumentKind, Usage};
use crate::error::StoreError;
use crate::id::AccountId;
use crate::keys::{Purpose, Record};
use crate::records::{Document, PageStart};

/// Name, version, when it was written, expiry, sealed value.
type DocumentRow = (String, i64, i64, Option<i64>, Vec<u8>);

pub(crate) async fn document(
    connection: &mut Connection,
    vault: &Vault,
    account: AccountId,
    kind: DocumentKind,
    name: &str,
    now: Timestamp,
) -> Result<Option<Document>, StoreError> {
    let row: Option<DocumentRow> = sqlx::query_as(
        "SELECT name, version, written_at, expires_at, sealed FROM document
         WHERE account_id = $1 AND kind = $2 AND name = $3 AND (expires_at IS NULL OR expires_at > $4)",
    )
    .bind(key(&account))
    .bind(i64::from(kind.number()))
    .bind(name)
    .bind(now.as_millis())
    .fetch_optional(&mut *connection)
    .await?;
    Ok(opened(connection, vault, account, kind, row.into_iter().collect()).await?.pop())
}

pub(crate) async fn documents(
    connection: &mut Connection,
    vault: &Vault,
    account: AccountId,
    kind: DocumentKind,
    page: &PageStart,
    now: Timestamp,
) -> Result<Vec<Document>, StoreError> {
    let rows: Vec<DocumentRow> = sqlx::query_as(
        "SELECT name, version, written_at, expires_at, sealed FROM document
         WHERE account_id = $1 AND kind = $2 AND name > $3 AND (expires_at IS NULL OR expires_at > $4)
         ORDER BY name LIMIT $5",
    )
    .bind(key(&account))
    .bind(i64::from(kind.number()))
    .bind(&page.after)
    .bind(now.as_millis())
    .bind(at_most(page.top))
    .fetch_all(&mut *connection)
    .await?;
    opened(connection, vault, account, kind, rows).await
}

async fn opened(
    connection: &mut Connection,
    vault: &Vault,
    account: AccountId,
    kind: DocumentKind,
    rows: Vec<DocumentRow>,
) -> Result<Vec<Document>, StoreError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let keys = vault.keys(connection, account).await?;
    let mut documents = Vec::with_capacity(rows.len());
    for (name, version, written_at, expires_at, sealed) in rows {
        let record = Record::document(kind.number(), &name, expires_at);
        let hour = match expires_at {
            // Without the key of its hour it does not exist: the record came back from a backup.
            Some(expires_at) => match vault.known_hour_key(expires_at)? {
                Some(hour) => Some(hour),
                None => continue,
            },
            None => None,
        };
        let compartment = keys.compartment_until(Purpose::Document, 0, 0, hour);
        let value = open(&compartment, &record, &sealed, "a document")?;
        documents.push(Document {
            name,
            version: unsigned(version)?,
            written_at: Timestamp::from_millis(written_at),
            expires_at: expires_at.map(Timestamp::from_millis),
            value,
        });
    }
    Ok(documents)
}

/// The counters of a range of days, both included.
pub(crate) async fn usage(
    connection: &mut Connection,
    account: AccountId,
    first_day: i64,
    last_day: i64,
) -> Result<Vec<Usage>, StoreError> {
    let rows: Vec<(i64, String, i64, i64)> = sqlx::query_as(
        "SELECT day, operation, calls, billed FROM usage
         WHERE account_id = $1 AND day >= $2 AND day <= $3 ORDER BY day, operation",
    )
    .bind(key(&account))
    .bind(first_day)
    .bind(last_day)
    .fetch_all(&mut *connection)
    .await?;
    rows.into_iter()
        .map(|(day, operation, calls, billed)| {
            Ok(Usage { day, operation, calls: unsigned(calls)?, billed: unsigned(billed)? })
        })
        .collect()
}
