//! Writes people and counts them. Deleting is in `sql/delete.rs`.

use likeness_base::Secret;
use uuid::Uuid;

use super::super::delete;
use super::super::engine::refuse_duplicate;
use super::containers::refuse_above;
use super::members::open_directory;
use super::{WriteEffect, WriteTransaction, count, next_version, person_number};
use crate::command::{Applied, ContainerKind, ContainerName, PersonWrite};
use crate::error::{LimitKind, StoreError};
use crate::id::PersonNumber;
use crate::keys::{Purpose, RowContext};

pub(super) async fn perform(
    transaction: &mut WriteTransaction<'_>,
    write: &PersonWrite,
) -> Result<WriteEffect, StoreError> {
    match write {
        PersonWrite::Create { container, person, name, user_data, limit, account_limit } => {
            let limits = Limits { container: *limit, account: *account_limit };
            create(transaction, container, *person, name, user_data.as_ref(), limits).await
        }
        PersonWrite::Update { container, person, name, user_data } => {
            update(transaction, container, *person, name.as_ref(), user_data.as_ref()).await
        }
        PersonWrite::Delete { container, person } => delete::person(transaction, container, *person).await,
    }
}

/// How many people there may be.
pub(super) struct Limits {
    pub(super) container: Option<u64>,
    pub(super) account: Option<u64>,
}

async fn create(
    transaction: &mut WriteTransaction<'_>,
    container: &ContainerName,
    person: Uuid,
    name: &Secret<String>,
    user_data: Option<&Secret<String>>,
    limits: Limits,
) -> Result<WriteEffect, StoreError> {
    if container.kind == ContainerKind::PersonDirectory {
        open_directory(transaction).await?;
    }
    let next = next_version(transaction, container).await?;
    refuse_above(LimitKind::Persons, next.persons + 1, limits.container)?;
    let number: i64 = sqlx::query_scalar(
        "UPDATE container SET next_person = next_person + 1 WHERE account_id = $1 AND number = $2
         RETURNING next_person - 1",
    )
    .bind(transaction.account())
    .bind(next.number)
    .fetch_one(&mut *transaction.connection)
    .await?;
    let context = RowContext::person(number, person.as_bytes());
    let sealed_name = transaction.seal(Purpose::PersonName, next.number, &context, name.expose().as_bytes());
    let sealed_user_data = user_data
        .map(|text| transaction.seal(Purpose::PersonUserData, next.number, &context, text.expose().as_bytes()));
    sqlx::query(
        "INSERT INTO person (account_id, container, seq, person_id, sealed_name, sealed_user_data)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(transaction.account())
    .bind(next.number)
    .bind(number)
    .bind(person.as_bytes().as_slice())
    .bind(sealed_name)
    .bind(sealed_user_data)
    .execute(&mut *transaction.connection)
    .await
    .map_err(refuse_duplicate(StoreError::PersonExists))?;
    count(transaction, next.number, 1, 0).await?;
    let persons: i64 = sqlx::query_scalar(
        "UPDATE tally SET persons = persons + 1 WHERE account_id = $1 AND kind = $2 RETURNING persons",
    )
    .bind(transaction.account())
    .bind(i64::from(container.kind.number()))
    .fetch_one(&mut *transaction.connection)
    .await?;
    refuse_above(LimitKind::PersonsInAccount, persons, limits.account)?;
    Ok(WriteEffect::on(&next, 1, Applied { person: Some(PersonNumber(number)), ..Applied::default() }))
}

async fn update(
    transaction: &mut WriteTransaction<'_>,
    container: &ContainerName,
    person: Uuid,
    name: Option<&Secret<String>>,
    user_data: Option<&Secret<String>>,
) -> Result<WriteEffect, StoreError> {
    let next = next_version(transaction, container).await?;
    let number = person_number(transaction, next.number, person).await?;
    let context = RowContext::person(number, person.as_bytes());
    let seal =
        |purpose, text: &Secret<String>| transaction.seal(purpose, next.number, &context, text.expose().as_bytes());
    let name = name.map(|text| seal(Purpose::PersonName, text));
    let user_data = user_data.map(|text| seal(Purpose::PersonUserData, text));
    let before: (i64, i64) = sqlx::query_as(
        "SELECT CAST(length(sealed_name) AS BIGINT), CAST(coalesce(length(sealed_user_data), 0) AS BIGINT) FROM person
         WHERE account_id = $1 AND container = $2 AND seq = $3",
    )
    .bind(transaction.account())
    .bind(next.number)
    .bind(number)
    .fetch_one(&mut *transaction.connection)
    .await?;
    transaction.replaces(&[(name.as_ref(), before.0), (user_data.as_ref(), before.1)]);
    sqlx::query(
        "UPDATE person
         SET sealed_name = coalesce($4, sealed_name), sealed_user_data = coalesce($5, sealed_user_data)
         WHERE account_id = $1 AND container = $2 AND seq = $3",
    )
    .bind(transaction.account())
    .bind(next.number)
    .bind(number)
    .bind(name)
    .bind(user_data)
    .execute(&mut *transaction.connection)
    .await?;
    Ok(WriteEffect::on(&next, 1, Applied { person: Some(PersonNumber(number)), ..Applied::default() }))
}
