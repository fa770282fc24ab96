//! Dynamic groups: references to people of the directory.

use likeness_base::Secret;
use uuid::Uuid;

use super::super::delete;
use super::{Done, Work, containers, faces, person_key};
use crate::command::{Applied, ContainerKind, ContainerName, DirectoryWrite};
use crate::error::StoreError;

pub(super) async fn perform(work: &mut Work<'_>, write: &DirectoryWrite) -> Result<Done, StoreError> {
    match write {
        DirectoryWrite::AddFace { person, model, face, limit } => {
            faces::add(work, &ContainerName::directory(), Some(*person), face, Some(model), *limit).await
        }
        DirectoryWrite::CreateGroup { id, name, user_data, add } => {
            create(work, &ContainerName::dynamic_group(id), name, user_data.as_ref(), add).await
        }
        DirectoryWrite::UpdateGroup { id, name, user_data, add, remove } => {
            let group = ContainerName::dynamic_group(id);
            update(work, &group, name.as_ref(), user_data.as_ref(), add, remove).await
        }
    }
}

/// A dynamic group has no model of its own: its members have faces of several.
const NO_MODEL: &str = "";

async fn create(
    work: &mut Work<'_>,
    group: &ContainerName,
    name: &Secret<String>,
    user_data: Option<&Secret<String>>,
    add: &[Uuid],
) -> Result<Done, StoreError> {
    let mut done = containers::create(work, group, name, user_data, NO_MODEL, None).await?;
    done.records += change(work, &done.applied, add, &[]).await?;
    Ok(done)
}

async fn update(
    work: &mut Work<'_>,
    group: &ContainerName,
    name: Option<&Secret<String>>,
    user_data: Option<&Secret<String>>,
    add: &[Uuid],
    remove: &[Uuid],
) -> Result<Done, StoreError> {
    let mut done = containers::update(work, group, name, user_data).await?;
    done.records += change(work, &done.applied, add, remove).await?;
    Ok(done)
}

/// First adds, then removes, and gives the number of members that came or went.
async fn change(work: &mut Work<'_>, group: &Applied, add: &[Uuid], remove: &[Uuid]) -> Result<u64, StoreError> {
    let group = group.container.expect("a command about a container names it");
    let mut changed = 0;
    if !add.is_empty() {
        let directory = directory(work).await?;
        for person in add {
            let key = person_key(work, directory, *person).await?;
            changed += sqlx::query(
                "INSERT INTO membership (account_id, dynamic_group, person_id, directory, person)
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            )
            .bind(work.account())
            .bind(group)
            .bind(person.as_bytes().as_slice())
            .bind(directory)
            .bind(key)
            .execute(&mut *work.connection)
            .await?
            .rows_affected();
        }
    }
    for person in remove {
        changed += delete::member(work, group, *person).await?;
    }
    Ok(changed)
}

/// The number of the account's directory. Where there is none, nobody is in it.
async fn directory(work: &mut Work<'_>) -> Result<i64, StoreError> {
    sqlx::query_scalar("SELECT number FROM container WHERE account_id = $1 AND kind = $2")
        .bind(work.account())
        .bind(i64::from(ContainerKind::PersonDirectory.number()))
        .fetch_optional(&mut *work.connection)
        .await?
        .ok_or(StoreError::PersonNotFound)
}

/// Makes the account's directory if this is the first that is written into it.
pub(super) async fn open_directory(work: &mut Work<'_>) -> Result<(), StoreError> {
    match directory(work).await {
        Ok(_) => Ok(()),
        Err(StoreError::PersonNotFound) => {
            let nameless = Secret::new(String::new());
            containers::create(work, &ContainerName::directory(), &nameless, None, NO_MODEL, None).await?;
            Ok(())
        }
        Err(other) => Err(other),
    }
}
