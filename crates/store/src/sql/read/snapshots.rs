//! Snapshots that an account may see: those it took, and those that others offer to it.

use likeness_base::Timestamp;
use sqlx::Row;

use super::super::engine::{Connection, EngineRow};
use uuid::Uuid;

use super::super::key_ring::KeyRing;
use super::start::last_not_after;
use super::{at_most, damaged, key, open_text, uuid};
use crate::answers::{PageStart, Snapshot};
use crate::command::ContainerKind;
use crate::error::StoreError;
use crate::id::AccountId;
use crate::keys::{Purpose, RowContext};

pub(crate) async fn snapshot(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    id: Uuid,
    now: Timestamp,
) -> Result<Option<Snapshot>, StoreError> {
    Ok(visible(connection, key_ring, account, Which::One(id), now).await?.0.pop())
}

pub(crate) async fn snapshots(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    page: &PageStart,
    now: Timestamp,
) -> Result<Vec<Snapshot>, StoreError> {
    let mut found = Vec::new();
    let mut page = page.clone();
    loop {
        let (visible, last) = visible(connection, key_ring, account, Which::Page(&page), now).await?;
        // Those without the key of their hour are left out, so that a page is not short before the last.
        page.top -= visible.len();
        found.extend(visible);
        match last {
            Some(last) if page.top > 0 => page.after = last.to_string(),
            _ => return Ok(found),
        }
    }
}

/// Which of the snapshots that an account sees.
enum Which<'p> {
    One(Uuid),
    Page(&'p PageStart),
}

/// What the account took or may apply, and the last id of a page that is full; of several ways to see one snapshot, its own.
async fn visible(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    which: Which<'_>,
    now: Timestamp,
) -> Result<(Vec<Snapshot>, Option<Uuid>), StoreError> {
    // Ids of the wire are random; the page after none begins before all of them.
    let (only, after, top) = match which {
        Which::One(id) => (Some(id), Vec::new(), 1),
        Which::Page(page) => (None, last_not_after(&page.after), at_most(page.top)),
    };
    let rows = sqlx::query(
        "SELECT s.* FROM snapshot s
         WHERE s.account_id = $1 AND ($3 IS NULL OR s.snapshot_id = $3) AND s.snapshot_id > $4 AND s.expires_at > $2
         UNION ALL
         SELECT s.* FROM snapshot_offer o
         JOIN snapshot s ON s.account_id = o.taken_by AND s.snapshot_id = o.snapshot_id
         WHERE o.account_id = $1 AND o.taken_by <> $1 AND ($3 IS NULL OR o.snapshot_id = $3) AND o.snapshot_id > $4
             AND s.expires_at > $2
         ORDER BY 2 LIMIT $5",
    )
    .bind(key(&account))
    .bind(now.as_millis())
    .bind(only.as_ref().map(|id| id.as_bytes().as_slice()))
    .bind(after)
    .bind(top)
    .fetch_all(&mut *connection)
    .await?;
    let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows == top);
    let last = rows.last().filter(|_| is_full).map(|row| uuid(row.try_get("snapshot_id")?)).transpose()?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let taken_by = AccountId(uuid(row.try_get("account_id")?)?);
        let scope = if taken_by == account {
            let ids: Vec<Vec<u8>> = sqlx::query_scalar(
                "SELECT offered_to FROM snapshot_scope WHERE account_id = $1 AND snapshot_id = $2 ORDER BY offered_to",
            )
            .bind(key(&account))
            .bind(row.try_get::<&[u8], _>("snapshot_id")?)
            .fetch_all(&mut *connection)
            .await?;
            ids.iter().map(|id| Ok(AccountId(uuid(id)?))).collect::<Result<_, StoreError>>()?
        } else {
            vec![account]
        };
        let keys = key_ring.keys(connection, taken_by).await?;
        let snapshot = read(row, taken_by, scope)?;
        // Without the key of its hour it does not exist: the records came back from a backup.
        let Some(hour) = key_ring.known_hour_key(snapshot.expires_at.as_millis())? else { continue };
        let number: i64 = row.try_get("container")?;
        let context = RowContext::snapshot(snapshot.id.as_bytes(), snapshot.expires_at.as_millis());
        let sealed: Option<&[u8]> = row.try_get("sealed_user_data")?;
        let sealer = keys.sealer_until(Purpose::SnapshotUserData, number, number, Some(hour));
        let user_data =
            sealed.map(|sealed| open_text(&sealer, &context, sealed, "the user data of a snapshot")).transpose()?;
        found.push(Snapshot { user_data, ..snapshot });
    }
    Ok((found, last))
}

/// Everything but the user data.
fn read(row: &EngineRow, taken_by: AccountId, scope: Vec<AccountId>) -> Result<Snapshot, StoreError> {
    let moment = |column| row.try_get(column).map(Timestamp::from_millis);
    Ok(Snapshot {
        id: uuid(row.try_get("snapshot_id")?)?,
        taken_by,
        kind: ContainerKind::from_number(row.try_get("source_kind")?).ok_or_else(|| damaged("a container kind"))?,
        scope,
        user_data: None,
        created_at: moment("created_at")?,
        updated_at: moment("updated_at")?,
        expires_at: moment("expires_at")?,
    })
}
