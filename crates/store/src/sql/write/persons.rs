use likeness_base::Secret;
use uuid::Uuid;

use super::super::delete;
use super::super::engine::refuse_duplicate;
use super::containers::refuse_above;
use super::members::open_directory;
use super::{Done, Work, bump, count, person_key};
use crate::command::{Applied, ContainerKind, ContainerName, PersonWrite};
use crate::error::{LimitKind, StoreError};
use crate::id::PersonKey;
use crate::keys::{Binding, Purpose};

pub(super) async fn perform(work: &mut Work<'_>, write: &PersonWrite) -> Result<Done, StoreError> {
    match write {
        PersonWrite::Create { container, person, name, user_data, limit, account_limit } => {
            let limits = Limits { container: *limit, account: *account_limit };
            create(work, container, *person, name, user_data.as_ref(), limits).await
        }
        PersonWrite::Update { container, person, name, user_data } => {
            update(work, container, *person, name.as_ref(), user_data.as_ref()).await
        }
        PersonWrite::Delete { container, person } => delete::person(work, container, *person).await,
    }
}

/// How many people there may be.
pub(super) struct Limits {
    pub(super) container: Option<u64>,
    pub(super) account: Option<u64>,
}

async fn create(
    work: &mut Work<'_>,
    container: &ContainerName,
    person: Uuid,
    name: &Secret<String>,
    user_data: Option<&Secret<String>>,
    limits: Limits,
) -> Result<Done, StoreError> {
    if container.kind == ContainerKind::PersonDirectory {
        open_directory(work).await?;
    }
    let bumped = bump(work, container).await?;
    refuse_above(LimitKind::Persons, bumped.persons + 1, limits.container)?;
    let key: i64 = sqlx::query_scalar(
        "UPDATE container SET next_person = next_person + 1 WHERE account_id = $1 AND number = $2
         RETURNING next_person - 1",
    )
    .bind(work.account())
    .bind(bumped.number)
    .fetch_one(&mut *work.connection)
    .await?;
    let record = Binding::person(key, person.as_bytes());
    let sealed_name = work.seal(Purpose::PersonName, bumped.number, &record, name.expose().as_bytes());
    let sealed_user_data =
        user_data.map(|text| work.seal(Purpose::PersonUserData, bumped.number, &record, text.expose().as_bytes()));
    sqlx::query(
        "INSERT INTO person (account_id, container, seq, person_id, sealed_name, sealed_user_data)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(work.account())
    .bind(bumped.number)
    .bind(key)
    .bind(person.as_bytes().as_slice())
    .bind(sealed_name)
    .bind(sealed_user_data)
    .execute(&mut *work.connection)
    .await
    .map_err(refuse_duplicate(StoreError::PersonExists))?;
    count(work, bumped.number, 1, 0).await?;
    let persons: i64 = sqlx::query_scalar(
        "UPDATE tally SET persons = persons + 1 WHERE account_id = $1 AND kind = $2 RETURNING persons",
    )
    .bind(work.account())
    .bind(i64::from(container.kind.number()))
    .fetch_one(&mut *work.connection)
    .await?;
    refuse_above(LimitKind::PersonsInAccount, persons, limits.account)?;
    Ok(Done::to(&bumped, 1, Applied { person: Some(PersonKey(key)), ..Applied::default() }))
}

async fn update(
    work: &mut Work<'_>,
    container: &ContainerName,
    person: Uuid,
    name: Option<&Secret<String>>,
    user_data: Option<&Secret<String>>,
) -> Result<Done, StoreError> {
    let bumped = bump(work, container).await?;
    let key = person_key(work, bumped.number, person).await?;
    let record = Binding::person(key, person.as_bytes());
    let seal = |purpose, text: &Secret<String>| work.seal(purpose, bumped.number, &record, text.expose().as_bytes());
    let name = name.map(|text| seal(Purpose::PersonName, text));
    let user_data = user_data.map(|text| seal(Purpose::PersonUserData, text));
    sqlx::query(
        "UPDATE person
         SET sealed_name = coalesce($4, sealed_name), sealed_user_data = coalesce($5, sealed_user_data)
         WHERE account_id = $1 AND container = $2 AND seq = $3",
    )
    .bind(work.account())
    .bind(bumped.number)
    .bind(key)
    .bind(name)
    .bind(user_data)
    .execute(&mut *work.connection)
    .await?;
    Ok(Done::to(&bumped, 1, Applied { person: Some(PersonKey(key)), ..Applied::default() }))
}
