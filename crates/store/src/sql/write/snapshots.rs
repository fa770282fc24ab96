//! Snapshots: copies at rest, and who may have them.

use likeness_base::{Secret, Timestamp};
use uuid::Uuid;

use super::super::delete;
use super::super::engine::refuse_duplicate;
use super::copy::{self, Limits, Source};
use super::{Done, Work, audit};
use crate::audit::AuditTarget;
use crate::command::{Applied, ContainerKind, ContainerName, SnapshotWrite};
use crate::error::StoreError;
use crate::id::AccountId;
use crate::keys::{Binding, Purpose};

pub(super) async fn perform(work: &mut Work<'_>, write: &SnapshotWrite) -> Result<Done, StoreError> {
    match write {
        SnapshotWrite::Take { snapshot, source, scope, user_data, expires_at } => {
            take(work, *snapshot, source, scope, user_data.as_ref(), *expires_at).await
        }
        SnapshotWrite::Update { snapshot, scope, user_data } => {
            update(work, *snapshot, scope.as_deref(), user_data.as_ref()).await
        }
        SnapshotWrite::Delete { snapshot } => delete::snapshot(work, *snapshot).await,
        SnapshotWrite::Apply { snapshot, taken_by, container, limit, account_limit } => {
            let limits = copy::Limits { containers: *limit, persons_in_account: *account_limit };
            apply(work, *snapshot, *taken_by, container, limits).await
        }
    }
}

/// The action under which the audit trail of the account that took a snapshot tells that another has applied it.
const HANDED_OVER: &str = "hand_over_snapshot";

/// What is needed of a snapshot to write about it.
pub(crate) struct Found {
    /// Number of the copy.
    pub(crate) container: i64,
    pub(crate) source_kind: i64,
    expires_at: i64,
}

async fn take(
    work: &mut Work<'_>,
    snapshot: Uuid,
    source: &ContainerName,
    scope: &[AccountId],
    user_data: Option<&Secret<String>>,
    expires_at: Timestamp,
) -> Result<Done, StoreError> {
    if !is_copied(source.kind) {
        return Err(StoreError::Inconsistent("that kind of container has no snapshots"));
    }
    let number: i64 =
        sqlx::query_scalar("SELECT number FROM container WHERE account_id = $1 AND kind = $2 AND wire_id = $3")
            .bind(work.account())
            .bind(i64::from(source.kind.number()))
            .bind(&source.id)
            .fetch_optional(&mut *work.connection)
            .await?
            .ok_or(StoreError::ContainerNotFound)?;
    let from = Source { account: work.command.account, number, keys: work.own_keys(), hour: None };
    work.writes_until(expires_at.as_millis())?;
    let copied = copy::container(work, &from, &ContainerName::copy_of(snapshot), Limits::NONE).await;
    let copied = copied.map_err(|error| match error {
        StoreError::ContainerExists => StoreError::SnapshotExists,
        other => other,
    })?;
    let sealed = seal_user_data(work, copied.number, snapshot, expires_at.as_millis(), user_data);
    sqlx::query(
        "INSERT INTO snapshot (account_id, snapshot_id, expires_at, container, source_kind, created_at, updated_at,
                               sealed_user_data)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7)",
    )
    .bind(work.account())
    .bind(snapshot.as_bytes().as_slice())
    .bind(expires_at.as_millis())
    .bind(copied.number)
    .bind(i64::from(source.kind.number()))
    .bind(work.at())
    .bind(sealed)
    .execute(&mut *work.connection)
    .await
    .map_err(refuse_duplicate(StoreError::SnapshotExists))?;
    offer(work, snapshot, scope).await?;
    let target = AuditTarget { kind: source.kind, number };
    let applied = Applied { container: Some(copied.number), version: copied.version, ..Applied::default() };
    Ok(Done { applied, target: Some(target), records: copied.records })
}

async fn update(
    work: &mut Work<'_>,
    snapshot: Uuid,
    scope: Option<&[AccountId]>,
    user_data: Option<&Secret<String>>,
) -> Result<Done, StoreError> {
    let found = find(work, work.command.account, snapshot).await?;
    work.writes_until(found.expires_at)?;
    let sealed = seal_user_data(work, found.container, snapshot, found.expires_at, user_data);
    sqlx::query(
        "UPDATE snapshot SET updated_at = $3, sealed_user_data = coalesce($4, sealed_user_data)
         WHERE account_id = $1 AND snapshot_id = $2",
    )
    .bind(work.account())
    .bind(snapshot.as_bytes().as_slice())
    .bind(work.at())
    .bind(sealed)
    .execute(&mut *work.connection)
    .await?;
    if let Some(scope) = scope {
        delete::offers(work, snapshot.as_bytes()).await?;
        offer(work, snapshot, scope).await?;
    }
    Ok(Done { applied: Applied::default(), target: Some(found.target()), records: 1 })
}

async fn apply(
    work: &mut Work<'_>,
    snapshot: Uuid,
    taken_by: AccountId,
    container: &ContainerName,
    limits: Limits,
) -> Result<Done, StoreError> {
    let found = find(work, taken_by, snapshot).await?;
    let is_offered: bool = sqlx::query_scalar(
        "SELECT count(*) > 0 FROM snapshot_offer WHERE account_id = $1 AND snapshot_id = $2 AND taken_by = $3",
    )
    .bind(work.account())
    .bind(snapshot.as_bytes().as_slice())
    .bind(taken_by.0.as_bytes().as_slice())
    .fetch_one(&mut *work.connection)
    .await?;
    if !is_offered {
        return Err(StoreError::SnapshotNotFound);
    }
    if found.source_kind != i64::from(container.kind.number()) {
        return Err(StoreError::Inconsistent("a snapshot is applied as the kind that was copied"));
    }
    let keys = work.source_keys.clone().ok_or(StoreError::SnapshotNotFound)?;
    let hour = work.vault.known_hour_key(found.expires_at)?.ok_or(StoreError::SnapshotNotFound)?;
    let from = Source { account: taken_by, number: found.container, keys, hour: Some(hour) };
    let copied = copy::container(work, &from, container, limits).await?;
    let applied = Applied { container: Some(copied.number), version: copied.version, ..Applied::default() };
    let target = AuditTarget { kind: container.kind, number: copied.number };
    let done = Done { applied, target: Some(target), records: copied.records };
    if taken_by != work.command.account {
        let told = Done { applied, target: Some(found.target()), records: copied.records };
        audit::append_elsewhere(work, taken_by, HANDED_OVER, &told).await?;
    }
    Ok(done)
}

impl Found {
    pub(crate) fn target(&self) -> AuditTarget {
        AuditTarget { kind: ContainerKind::Snapshot, number: self.container }
    }
}

/// A snapshot by the account that took it, unless it has expired by now.
pub(crate) async fn find(work: &mut Work<'_>, taken_by: AccountId, snapshot: Uuid) -> Result<Found, StoreError> {
    let row: Option<(i64, i64, i64)> = sqlx::query_as(
        "SELECT container, source_kind, expires_at FROM snapshot
         WHERE account_id = $1 AND snapshot_id = $2 AND expires_at > $3",
    )
    .bind(taken_by.0.as_bytes().as_slice())
    .bind(snapshot.as_bytes().as_slice())
    .bind(work.at())
    .fetch_optional(&mut *work.connection)
    .await?;
    let (container, source_kind, expires_at) = row.ok_or(StoreError::SnapshotNotFound)?;
    Ok(Found { container, source_kind, expires_at })
}

/// Lets these accounts apply the snapshot.
async fn offer(work: &mut Work<'_>, snapshot: Uuid, scope: &[AccountId]) -> Result<(), StoreError> {
    for recipient in scope {
        let recipient = recipient.0.as_bytes().as_slice();
        let exists: bool = sqlx::query_scalar("SELECT count(*) > 0 FROM account WHERE account_id = $1")
            .bind(recipient)
            .fetch_one(&mut *work.connection)
            .await?;
        if !exists {
            return Err(StoreError::RecipientNotFound);
        }
        for (statement, first, last) in [
            (
                "INSERT INTO snapshot_scope (account_id, snapshot_id, offered_to) VALUES ($1, $2, $3)
                 ON CONFLICT DO NOTHING",
                work.account(),
                recipient,
            ),
            (
                "INSERT INTO snapshot_offer (account_id, snapshot_id, taken_by) VALUES ($1, $2, $3)
                 ON CONFLICT DO NOTHING",
                recipient,
                work.account(),
            ),
        ] {
            sqlx::query(statement)
                .bind(first)
                .bind(snapshot.as_bytes().as_slice())
                .bind(last)
                .execute(&mut *work.connection)
                .await?;
        }
    }
    Ok(())
}

/// Whether snapshots of this kind exist.
const fn is_copied(kind: ContainerKind) -> bool {
    use ContainerKind::{FaceList, LargeFaceList, LargePersonGroup, PersonGroup};
    matches!(kind, FaceList | LargeFaceList | PersonGroup | LargePersonGroup)
}

fn seal_user_data(
    work: &Work<'_>,
    number: i64,
    snapshot: Uuid,
    expires_at: i64,
    user_data: Option<&Secret<String>>,
) -> Option<Vec<u8>> {
    let record = Binding::snapshot(snapshot.as_bytes(), expires_at);
    user_data.map(|text| work.seal(Purpose::SnapshotUserData, number, &record, text.expose().as_bytes()))
}
