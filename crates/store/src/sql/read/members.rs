//! Members of dynamic groups, the groups of a person, and the store's numbers of people.

use std::collections::HashMap;

use super::super::engine::Connection;
use uuid::Uuid;

use super::start::last_not_after;
use super::{as_json, at_most, key, number_of, person_number, uuid};
use crate::answers::{Member, PageStart};
use crate::command::ContainerName;
use crate::error::StoreError;
use crate::id::{AccountId, PersonNumber};

pub(crate) async fn members(
    connection: &mut Connection,
    account: AccountId,
    group: &str,
    page: &PageStart,
) -> Result<Vec<Member>, StoreError> {
    let number = number_of(connection, account, &ContainerName::dynamic_group(group)).await?;
    let rows: Vec<(Vec<u8>, i64)> = sqlx::query_as(
        "SELECT m.person_id, m.person FROM membership m
         JOIN container d ON d.account_id = m.account_id AND d.number = m.directory AND d.kind <> 8
         WHERE m.account_id = $1 AND m.dynamic_group = $2 AND m.person_id > $3 ORDER BY m.person_id LIMIT $4",
    )
    .bind(key(&account))
    .bind(number)
    .bind(last_not_after(&page.after))
    .bind(at_most(page.top))
    .fetch_all(&mut *connection)
    .await?;
    rows.iter().map(|(id, person)| Ok(Member { person: uuid(id)?, number: PersonNumber(*person) })).collect()
}

pub(crate) async fn groups_of_person(
    connection: &mut Connection,
    account: AccountId,
    person: Uuid,
    page: &PageStart,
) -> Result<Vec<String>, StoreError> {
    let directory = number_of(connection, account, &ContainerName::directory()).await?;
    let person = person_number(connection, account, directory, person).await?;
    let groups = sqlx::query_scalar(
        "SELECT c.wire_id FROM membership m
         JOIN container c ON c.account_id = m.account_id AND c.number = m.dynamic_group AND c.kind <> 8
         WHERE m.account_id = $1 AND m.directory = $2 AND m.person = $3 AND c.wire_id > $4
         ORDER BY c.wire_id LIMIT $5",
    )
    .bind(key(&account))
    .bind(directory)
    .bind(person)
    .bind(&page.after)
    .bind(at_most(page.top))
    .fetch_all(&mut *connection)
    .await?;
    Ok(groups)
}

pub(crate) async fn person_numbers(
    connection: &mut Connection,
    account: AccountId,
    container: &ContainerName,
    persons: &[Uuid],
) -> Result<Vec<Option<PersonNumber>>, StoreError> {
    let rows: Vec<(Vec<u8>, i64)> = sqlx::query_as(concat!(
        "SELECT p.person_id, p.seq
         FROM container c CROSS JOIN ",
        ids_in!("$4"),
        " w
         ",
        then_join!(),
        " person p ON p.account_id = $1 AND p.container = c.number AND p.person_id = w.id
         WHERE c.account_id = $1 AND c.kind = $2 AND c.wire_id = $3"
    ))
    .bind(key(&account))
    .bind(i64::from(container.kind.number()))
    .bind(&container.id)
    .bind(as_json(persons))
    .fetch_all(&mut *connection)
    .await?;
    let known: HashMap<Vec<u8>, i64> = rows.into_iter().collect();
    Ok(persons.iter().map(|id| known.get(id.as_bytes().as_slice()).map(|number| PersonNumber(*number))).collect())
}
