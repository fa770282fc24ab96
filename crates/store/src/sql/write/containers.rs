//! Writes lists and groups as a whole, and counts them. Deleting is in `sql/delete.rs`.

use likeness_base::Secret;

use super::super::delete;
use super::super::engine::refuse_duplicate;
use super::{NewVersion, WriteEffect, WriteTransaction, label, next_version, unsigned};
use crate::command::{Applied, ContainerKind, ContainerName, ContainerWrite};
use crate::error::{LimitKind, StoreError};
use crate::keys::{Purpose, RowContext};

pub(super) async fn perform(
    transaction: &mut WriteTransaction<'_>,
    write: &ContainerWrite,
) -> Result<WriteEffect, StoreError> {
    match write {
        ContainerWrite::Create { container, name, user_data, model, limit } => {
            create(transaction, container, name, user_data.as_ref(), model, *limit).await
        }
        ContainerWrite::Update { container, name, user_data } => {
            update(transaction, container, name.as_ref(), user_data.as_ref()).await
        }
        ContainerWrite::Delete { container } => delete::container(transaction, container).await,
    }
}

pub(super) async fn create(
    transaction: &mut WriteTransaction<'_>,
    container: &ContainerName,
    name: &Secret<String>,
    user_data: Option<&Secret<String>>,
    model: &str,
    limit: Option<u64>,
) -> Result<WriteEffect, StoreError> {
    let model = label(transaction, model).await?;
    let number = next_number(transaction).await?;
    sqlx::query(
        "INSERT INTO container (account_id, number, kind, wire_id, model, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(transaction.account())
    .bind(number)
    .bind(i64::from(container.kind.number()))
    .bind(&container.id)
    .bind(model)
    .bind(transaction.at())
    .execute(&mut *transaction.connection)
    .await
    .map_err(refuse_duplicate(StoreError::ContainerExists))?;
    add_texts(transaction, number, container, name, user_data).await?;
    count_one(transaction, container.kind, limit).await?;
    let created = NewVersion { kind: container.kind, number, version: 1, persons: 0, faces: 0, has_change_rows: false };
    Ok(WriteEffect::on(&created, 1, Applied::default()))
}

/// The next number for a container of the account.
pub(super) async fn next_number(transaction: &mut WriteTransaction<'_>) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar(
        "UPDATE account SET next_container = next_container + 1 WHERE account_id = $1 RETURNING next_container - 1",
    )
    .bind(transaction.account())
    .fetch_one(&mut *transaction.connection)
    .await?)
}

/// Adds the texts of a container.
pub(super) async fn add_texts(
    transaction: &mut WriteTransaction<'_>,
    number: i64,
    container: &ContainerName,
    name: &Secret<String>,
    user_data: Option<&Secret<String>>,
) -> Result<(), StoreError> {
    let context = RowContext::container(container.kind.number(), &container.id);
    let sealed_name = transaction.seal(Purpose::ContainerName, number, &context, name.expose().as_bytes());
    let sealed_user_data =
        user_data.map(|text| transaction.seal(Purpose::ContainerUserData, number, &context, text.expose().as_bytes()));
    sqlx::query(
        "INSERT INTO container_text (account_id, number, sealed_name, sealed_user_data) VALUES ($1, $2, $3, $4)",
    )
    .bind(transaction.account())
    .bind(number)
    .bind(sealed_name)
    .bind(sealed_user_data)
    .execute(&mut *transaction.connection)
    .await?;
    Ok(())
}

/// Counts one more container of a kind, if there may be one.
pub(super) async fn count_one(
    transaction: &mut WriteTransaction<'_>,
    kind: ContainerKind,
    limit: Option<u64>,
) -> Result<(), StoreError> {
    let containers: i64 = sqlx::query_scalar(
        "INSERT INTO tally (account_id, kind, containers) VALUES ($1, $2, 1)
         ON CONFLICT (account_id, kind) DO UPDATE SET containers = tally.containers + 1 RETURNING containers",
    )
    .bind(transaction.account())
    .bind(i64::from(kind.number()))
    .fetch_one(&mut *transaction.connection)
    .await?;
    refuse_above(LimitKind::Containers, containers, limit)
}

pub(super) async fn update(
    transaction: &mut WriteTransaction<'_>,
    container: &ContainerName,
    name: Option<&Secret<String>>,
    user_data: Option<&Secret<String>>,
) -> Result<WriteEffect, StoreError> {
    let next = next_version(transaction, container).await?;
    let context = RowContext::container(container.kind.number(), &container.id);
    let seal =
        |purpose, text: &Secret<String>| transaction.seal(purpose, next.number, &context, text.expose().as_bytes());
    let name = name.map(|text| seal(Purpose::ContainerName, text));
    let user_data = user_data.map(|text| seal(Purpose::ContainerUserData, text));
    let before: (i64, i64) = sqlx::query_as(
        "SELECT CAST(length(sealed_name) AS BIGINT), CAST(coalesce(length(sealed_user_data), 0) AS BIGINT)
         FROM container_text WHERE account_id = $1 AND number = $2",
    )
    .bind(transaction.account())
    .bind(next.number)
    .fetch_one(&mut *transaction.connection)
    .await?;
    transaction.replaces(&[(name.as_ref(), before.0), (user_data.as_ref(), before.1)]);
    sqlx::query(
        "UPDATE container_text
         SET sealed_name = coalesce($3, sealed_name), sealed_user_data = coalesce($4, sealed_user_data)
         WHERE account_id = $1 AND number = $2",
    )
    .bind(transaction.account())
    .bind(next.number)
    .bind(name)
    .bind(user_data)
    .execute(&mut *transaction.connection)
    .await?;
    Ok(WriteEffect::on(&next, 1, Applied::default()))
}

/// Refuses a count that has gone above its limit. The transaction is undone with it.
pub(super) fn refuse_above(kind: LimitKind, count: i64, limit: Option<u64>) -> Result<(), StoreError> {
    match limit {
        Some(limit) if unsigned(count)? > limit => Err(StoreError::LimitReached { kind, limit }),
        _ => Ok(()),
    }
}
