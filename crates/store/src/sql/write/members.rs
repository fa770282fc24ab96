//! Dynamic groups: references to people of the directory.

use likeness_base::Secret;
use uuid::Uuid;

use super::super::delete;
use super::{WriteEffect, WriteTransaction, containers, faces, person_number};
use crate::command::{Applied, ContainerKind, ContainerName, DirectoryWrite};
use crate::error::StoreError;

pub(super) async fn perform(
    transaction: &mut WriteTransaction<'_>,
    write: &DirectoryWrite,
) -> Result<WriteEffect, StoreError> {
    match write {
        DirectoryWrite::AddFace { person, model, face, limit } => {
            faces::add(transaction, &ContainerName::directory(), Some(*person), face, Some(model), *limit).await
        }
        DirectoryWrite::CreateGroup { id, name, user_data, add } => {
            create(transaction, &ContainerName::dynamic_group(id), name, user_data.as_ref(), add).await
        }
        DirectoryWrite::UpdateGroup { id, name, user_data, add, remove } => {
            let group = ContainerName::dynamic_group(id);
            update(transaction, &group, name.as_ref(), user_data.as_ref(), add, remove).await
        }
    }
}

/// A dynamic group has no model of its own: its members have faces of several.
const NO_MODEL: &str = "";

async fn create(
    transaction: &mut WriteTransaction<'_>,
    group: &ContainerName,
    name: &Secret<String>,
    user_data: Option<&Secret<String>>,
    add: &[Uuid],
) -> Result<WriteEffect, StoreError> {
    let mut effect = containers::create(transaction, group, name, user_data, NO_MODEL, None).await?;
    effect.records += change(transaction, &effect.applied, add, &[]).await?;
    Ok(effect)
}

async fn update(
    transaction: &mut WriteTransaction<'_>,
    group: &ContainerName,
    name: Option<&Secret<String>>,
    user_data: Option<&Secret<String>>,
    add: &[Uuid],
    remove: &[Uuid],
) -> Result<WriteEffect, StoreError> {
    let mut effect = containers::update(transaction, group, name, user_data).await?;
    effect.records += change(transaction, &effect.applied, add, remove).await?;
    Ok(effect)
}

/// First adds, then removes, and gives the number of members that came or went.
async fn change(
    transaction: &mut WriteTransaction<'_>,
    group: &Applied,
    add: &[Uuid],
    remove: &[Uuid],
) -> Result<u64, StoreError> {
    let group = group.container.expect("a command about a container names it");
    let mut changed = 0;
    if !add.is_empty() {
        let directory = directory(transaction).await?;
        for person in add {
            let number = person_number(transaction, directory, *person).await?;
            changed += sqlx::query(
                "INSERT INTO membership (account_id, dynamic_group, person_id, directory, person)
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            )
            .bind(transaction.account())
            .bind(group)
            .bind(person.as_bytes().as_slice())
            .bind(directory)
            .bind(number)
            .execute(&mut *transaction.connection)
            .await?
            .rows_affected();
        }
    }
    for person in remove {
        changed += delete::member(transaction, group, *person).await?;
    }
    Ok(changed)
}

/// The number of the account's directory. Where there is none, nobody is in it.
async fn directory(transaction: &mut WriteTransaction<'_>) -> Result<i64, StoreError> {
    sqlx::query_scalar("SELECT number FROM container WHERE account_id = $1 AND kind = $2")
        .bind(transaction.account())
        .bind(i64::from(ContainerKind::PersonDirectory.number()))
        .fetch_optional(&mut *transaction.connection)
        .await?
        .ok_or(StoreError::PersonNotFound)
}

/// Makes the account's directory if this is the first that is written into it.
pub(super) async fn open_directory(transaction: &mut WriteTransaction<'_>) -> Result<(), StoreError> {
    match directory(transaction).await {
        Ok(_) => Ok(()),
        Err(StoreError::PersonNotFound) => {
            let nameless = Secret::new(String::new());
            containers::create(transaction, &ContainerName::directory(), &nameless, None, NO_MODEL, None).await?;
            Ok(())
        }
        Err(other) => Err(other),
    }
}
