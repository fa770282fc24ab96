//! Snapshots: copies at rest, and who may have them.

use likeness_base::{Secret, Timestamp};
use uuid::Uuid;

use super::super::delete;
use super::super::engine::refuse_duplicate;
use super::copy::{self, Advance, Limits, Source};
use super::{CommandOutcome, WriteEffect, WriteTransaction, audit, idempotency, refuse_above};
use crate::audit::AuditTarget;
use crate::command::{Applied, ContainerKind, ContainerName, SnapshotWrite};
use crate::error::{LimitKind, StoreError};
use crate::id::AccountId;
use crate::keys::{Purpose, RowContext};
use crate::work::{HiddenCopy, Progress, Step};

pub(super) async fn perform(
    transaction: &mut WriteTransaction<'_>,
    write: &SnapshotWrite,
) -> Result<WriteEffect, StoreError> {
    match write {
        SnapshotWrite::Take { snapshot, scope, user_data, expires_at, limit, offers, .. } => {
            let offered = Offered { scope, limit: *offers };
            take(transaction, write, *snapshot, offered, user_data.as_ref(), *expires_at, *limit).await
        }
        SnapshotWrite::Update { snapshot, scope, user_data, offers } => {
            let offered = scope.as_deref().map(|scope| Offered { scope, limit: *offers });
            update(transaction, *snapshot, offered, user_data.as_ref()).await
        }
        SnapshotWrite::Decline { snapshot, taken_by } => decline(transaction, *snapshot, *taken_by).await,
        SnapshotWrite::Delete { snapshot } => delete::snapshot(transaction, *snapshot).await,
        SnapshotWrite::Apply { container, limit, account_limit, .. } => {
            let limits = Limits { containers: *limit, persons_in_account: *account_limit };
            apply(transaction, container, limits).await
        }
    }
}

/// To whom a snapshot is offered, and how many one account may offer to another.
#[derive(Clone, Copy)]
struct Offered<'s> {
    scope: &'s [AccountId],
    limit: Option<u64>,
}

const NOT_PREPARED: StoreError = StoreError::Inconsistent("a copy is made before it is shown");

/// The actions under which the audit log of the account that took a snapshot tells that another has applied or declined it.
const HANDED_OVER: &str = "hand_over_snapshot";
const DECLINED: &str = "snapshot_was_declined";

/// What is needed of a snapshot to write about it.
pub(crate) struct Found {
    /// Number of the copy.
    pub(crate) container: i64,
    pub(crate) source_kind: i64,
    expires_at: i64,
}

/// A copy that is whole, and its source.
pub(crate) struct Prepared {
    copy: HiddenCopy,
    from: Source,
}

/// Does the next part of the copying that a command asks for. `None`: all of it is copied, or nothing was to be, and the
/// command can be done.
pub(super) async fn prepare(
    transaction: &mut WriteTransaction<'_>,
    write: &SnapshotWrite,
    progress: &Progress,
) -> Result<Option<CommandOutcome>, StoreError> {
    let (from, to, limits) = match write {
        SnapshotWrite::Take { snapshot, source, expires_at, limit, .. } => {
            let from = source_to_take(transaction, source).await?;
            // Its time is over before anybody could see it.
            if matches!(progress, Progress::Copying(_)) && expires_at.as_millis() <= transaction.at() {
                return Err(StoreError::SnapshotNotFound);
            }
            transaction.writes_until(expires_at.as_millis())?;
            (from, ContainerName::copy_of(*snapshot), Limits { containers: *limit, persons_in_account: None })
        }
        SnapshotWrite::Apply { snapshot, taken_by, container, limit, account_limit } => {
            let limits = Limits { containers: *limit, persons_in_account: *account_limit };
            let (from, _) = source_to_apply(transaction, *snapshot, *taken_by, container).await?;
            (from, container.clone(), limits)
        }
        SnapshotWrite::Update { .. } | SnapshotWrite::Decline { .. } | SnapshotWrite::Delete { .. } => {
            return Ok(None);
        }
    };
    let (mut copy, is_new) = match progress {
        Progress::Copying(copy) if copy.source == from.number => (*copy, false),
        // Another has its name now.
        Progress::Copying(_) => return Err(StoreError::ContainerNotFound),
        Progress::NotBegun | Progress::Removing { .. } => (copy::begin(transaction, &from).await?, true),
    };
    let advance = copy::advance(transaction, &from, &mut copy).await?;
    transaction.hour = None;
    match advance {
        Advance::Whole => {
            transaction.copied = Some(Prepared { copy, from });
            return Ok(None);
        }
        Advance::Lost => return Ok(Some(CommandOutcome::Lost)),
        Advance::More if is_new => {
            if idempotency::find(transaction.connection, transaction.command).await?.is_some() {
                return Ok(Some(CommandOutcome::Repeated));
            }
            copy::refuse_hopeless(transaction, &from, &to, limits).await.map_err(of_snapshot(write))?;
            if let SnapshotWrite::Take { scope, .. } = write {
                refuse_strangers(transaction, scope).await?;
            }
        }
        Advance::More => {}
    }
    Ok(Some(CommandOutcome::Wrote(Step::Next(Progress::Copying(copy)))))
}

/// A copy that is there already is a snapshot to whoever takes one.
fn of_snapshot(write: &SnapshotWrite) -> impl FnOnce(StoreError) -> StoreError {
    let takes = matches!(write, SnapshotWrite::Take { .. });
    move |error| match error {
        StoreError::ContainerExists if takes => StoreError::SnapshotExists,
        other => other,
    }
}

async fn source_to_take(transaction: &mut WriteTransaction<'_>, source: &ContainerName) -> Result<Source, StoreError> {
    if !is_copied(source.kind) {
        return Err(StoreError::Inconsistent("that kind of container has no snapshots"));
    }
    let number: i64 =
        sqlx::query_scalar("SELECT number FROM container WHERE account_id = $1 AND kind = $2 AND wire_id = $3")
            .bind(transaction.account())
            .bind(i64::from(source.kind.number()))
            .bind(&source.id)
            .fetch_optional(&mut *transaction.connection)
            .await?
            .ok_or(StoreError::ContainerNotFound)?;
    Ok(Source { account: transaction.command.account, number, keys: transaction.own_keys(), hour: None })
}

/// Shows the copy, which is whole, as a snapshot.
async fn take(
    transaction: &mut WriteTransaction<'_>,
    write: &SnapshotWrite,
    snapshot: Uuid,
    offered: Offered<'_>,
    user_data: Option<&Secret<String>>,
    expires_at: Timestamp,
    limit: Option<u64>,
) -> Result<WriteEffect, StoreError> {
    let Prepared { copy, from } = transaction.copied.take().ok_or(NOT_PREPARED)?;
    transaction.writes_until(expires_at.as_millis())?;
    let name = ContainerName::copy_of(snapshot);
    let limits = Limits { containers: limit, persons_in_account: None };
    let copied = copy::show(transaction, &from, copy.number, &name, limits).await;
    let copied = copied.map_err(of_snapshot(write))?;
    let source_kind = copied.kind;
    let sealed = seal_user_data(transaction, copied.number, snapshot, expires_at.as_millis(), user_data);
    sqlx::query(
        "INSERT INTO snapshot (account_id, snapshot_id, expires_at, container, source_kind, created_at, updated_at,
                               sealed_user_data)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7)",
    )
    .bind(transaction.account())
    .bind(snapshot.as_bytes().as_slice())
    .bind(expires_at.as_millis())
    .bind(copied.number)
    .bind(i64::from(source_kind.number()))
    .bind(transaction.at())
    .bind(sealed)
    .execute(&mut *transaction.connection)
    .await
    .map_err(refuse_duplicate(StoreError::SnapshotExists))?;
    offer(transaction, snapshot, offered).await?;
    let target = AuditTarget { kind: source_kind, number: from.number };
    let applied = Applied { container: Some(copied.number), version: copied.version, ..Applied::default() };
    Ok(WriteEffect { applied, target: Some(target), records: copied.records })
}

async fn update(
    transaction: &mut WriteTransaction<'_>,
    snapshot: Uuid,
    offered: Option<Offered<'_>>,
    user_data: Option<&Secret<String>>,
) -> Result<WriteEffect, StoreError> {
    let found = find(transaction, transaction.command.account, snapshot).await?;
    transaction.writes_until(found.expires_at)?;
    let sealed = seal_user_data(transaction, found.container, snapshot, found.expires_at, user_data);
    let before: i64 = sqlx::query_scalar(
        "SELECT CAST(coalesce(length(sealed_user_data), 0) AS BIGINT) FROM snapshot
         WHERE account_id = $1 AND snapshot_id = $2",
    )
    .bind(transaction.account())
    .bind(snapshot.as_bytes().as_slice())
    .fetch_one(&mut *transaction.connection)
    .await?;
    transaction.replaces(&[(sealed.as_ref(), before)]);
    sqlx::query(
        "UPDATE snapshot SET updated_at = $3, sealed_user_data = coalesce($4, sealed_user_data)
         WHERE account_id = $1 AND snapshot_id = $2",
    )
    .bind(transaction.account())
    .bind(snapshot.as_bytes().as_slice())
    .bind(transaction.at())
    .bind(sealed)
    .execute(&mut *transaction.connection)
    .await?;
    if let Some(offered) = offered {
        delete::offers(transaction, snapshot.as_bytes()).await?;
        offer(transaction, snapshot, offered).await?;
    }
    Ok(WriteEffect { applied: Applied::default(), target: Some(found.target()), records: 1 })
}

/// Removes the account from the scope of another's snapshot.
async fn decline(
    transaction: &mut WriteTransaction<'_>,
    snapshot: Uuid,
    taken_by: AccountId,
) -> Result<WriteEffect, StoreError> {
    let found = find(transaction, taken_by, snapshot).await?;
    if delete::offer(transaction, snapshot, taken_by).await? == 0 {
        return Err(StoreError::SnapshotNotFound);
    }
    let effect = WriteEffect { applied: Applied::default(), target: Some(found.target()), records: 1 };
    if taken_by != transaction.command.account {
        audit::append_elsewhere(transaction, taken_by, DECLINED, &effect).await?;
    }
    Ok(WriteEffect { target: None, ..effect })
}

/// The copy in a snapshot that is offered to the account.
async fn source_to_apply(
    transaction: &mut WriteTransaction<'_>,
    snapshot: Uuid,
    taken_by: AccountId,
    container: &ContainerName,
) -> Result<(Source, Found), StoreError> {
    let found = find(transaction, taken_by, snapshot).await?;
    let is_offered: bool = sqlx::query_scalar(
        "SELECT count(*) > 0 FROM snapshot_offer WHERE account_id = $1 AND snapshot_id = $2 AND taken_by = $3",
    )
    .bind(transaction.account())
    .bind(snapshot.as_bytes().as_slice())
    .bind(taken_by.0.as_bytes().as_slice())
    .fetch_one(&mut *transaction.connection)
    .await?;
    if !is_offered {
        return Err(StoreError::SnapshotNotFound);
    }
    if found.source_kind != i64::from(container.kind.number()) {
        return Err(StoreError::Inconsistent("a snapshot is applied as the kind that was copied"));
    }
    let keys = transaction.source_keys.clone().ok_or(StoreError::SnapshotNotFound)?;
    let hour = transaction.key_ring.known_hour_key(found.expires_at)?.ok_or(StoreError::SnapshotNotFound)?;
    Ok((Source { account: taken_by, number: found.container, keys, hour: Some(hour) }, found))
}

/// Shows the copy, which is whole, as a container.
async fn apply(
    transaction: &mut WriteTransaction<'_>,
    container: &ContainerName,
    limits: Limits,
) -> Result<WriteEffect, StoreError> {
    let Prepared { copy, from } = transaction.copied.take().ok_or(NOT_PREPARED)?;
    let copied = copy::show(transaction, &from, copy.number, container, limits).await?;
    let applied = Applied { container: Some(copied.number), version: copied.version, ..Applied::default() };
    let target = AuditTarget { kind: container.kind, number: copied.number };
    let effect = WriteEffect { applied, target: Some(target), records: copied.records };
    if from.account != transaction.command.account {
        let theirs = AuditTarget { kind: ContainerKind::Snapshot, number: from.number };
        let theirs = WriteEffect { applied, target: Some(theirs), records: copied.records };
        audit::append_elsewhere(transaction, from.account, HANDED_OVER, &theirs).await?;
    }
    Ok(effect)
}

impl Found {
    pub(crate) fn target(&self) -> AuditTarget {
        AuditTarget { kind: ContainerKind::Snapshot, number: self.container }
    }
}

/// A snapshot by the account that took it, unless it has expired by now.
pub(crate) async fn find(
    transaction: &mut WriteTransaction<'_>,
    taken_by: AccountId,
    snapshot: Uuid,
) -> Result<Found, StoreError> {
    let row: Option<(i64, i64, i64)> = sqlx::query_as(
        "SELECT container, source_kind, expires_at FROM snapshot
         WHERE account_id = $1 AND snapshot_id = $2 AND expires_at > $3",
    )
    .bind(taken_by.0.as_bytes().as_slice())
    .bind(snapshot.as_bytes().as_slice())
    .bind(transaction.at())
    .fetch_optional(&mut *transaction.connection)
    .await?;
    let (container, source_kind, expires_at) = row.ok_or(StoreError::SnapshotNotFound)?;
    Ok(Found { container, source_kind, expires_at })
}

/// Refuses a scope that names an account that does not exist.
async fn refuse_strangers(transaction: &mut WriteTransaction<'_>, scope: &[AccountId]) -> Result<(), StoreError> {
    for recipient in scope {
        let exists: bool = sqlx::query_scalar("SELECT count(*) > 0 FROM account WHERE account_id = $1")
            .bind(recipient.0.as_bytes().as_slice())
            .fetch_one(&mut *transaction.connection)
            .await?;
        if !exists {
            return Err(StoreError::RecipientNotFound);
        }
    }
    Ok(())
}

/// Lets these accounts apply the snapshot.
async fn offer(transaction: &mut WriteTransaction<'_>, snapshot: Uuid, offered: Offered<'_>) -> Result<(), StoreError> {
    refuse_strangers(transaction, offered.scope).await?;
    for recipient in offered.scope {
        if *recipient != transaction.command.account {
            refuse_many_offers(transaction, *recipient, offered.limit).await?;
        }
        let recipient = recipient.0.as_bytes().as_slice();
        for (statement, first, last) in [
            (
                "INSERT INTO snapshot_scope (account_id, snapshot_id, offered_to) VALUES ($1, $2, $3)
                 ON CONFLICT DO NOTHING",
                transaction.account(),
                recipient,
            ),
            (
                "INSERT INTO snapshot_offer (account_id, snapshot_id, taken_by) VALUES ($1, $2, $3)
                 ON CONFLICT DO NOTHING",
                recipient,
                transaction.account(),
            ),
        ] {
            sqlx::query(statement)
                .bind(first)
                .bind(snapshot.as_bytes().as_slice())
                .bind(last)
                .execute(&mut *transaction.connection)
                .await?;
        }
    }
    Ok(())
}

/// Refuses one more offer to an account that has been offered enough by this one.
async fn refuse_many_offers(
    transaction: &mut WriteTransaction<'_>,
    recipient: AccountId,
    limit: Option<u64>,
) -> Result<(), StoreError> {
    let offers: i64 = sqlx::query_scalar("SELECT count(*) FROM snapshot_offer WHERE account_id = $1 AND taken_by = $2")
        .bind(recipient.0.as_bytes().as_slice())
        .bind(transaction.account())
        .fetch_one(&mut *transaction.connection)
        .await?;
    refuse_above(LimitKind::Offers, offers + 1, limit)
}

/// Whether snapshots of this kind exist.
const fn is_copied(kind: ContainerKind) -> bool {
    use ContainerKind::{FaceList, LargeFaceList, LargePersonGroup, PersonGroup};
    matches!(kind, FaceList | LargeFaceList | PersonGroup | LargePersonGroup)
}

fn seal_user_data(
    transaction: &WriteTransaction<'_>,
    number: i64,
    snapshot: Uuid,
    expires_at: i64,
    user_data: Option<&Secret<String>>,
) -> Option<Vec<u8>> {
    let context = RowContext::snapshot(snapshot.as_bytes(), expires_at);
    user_data.map(|text| transaction.seal(Purpose::SnapshotUserData, number, &context, text.expose().as_bytes()))
}
