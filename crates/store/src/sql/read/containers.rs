//! Queries about containers as a whole: texts, version, counts and training. What is in them has files of its own.

use std::collections::HashMap;

use likeness_base::Timestamp;
use sqlx::Row;

use super::super::engine::{Connection, EngineRow};

use super::super::key_ring::KeyRing;
use super::super::write::{FAILED, NOT_STARTED, RUNNING, SUCCEEDED};
use super::{Sealed, at_most, damaged, key, numbers_as_json, open_text, unsigned};
use crate::answers::{Container, PageStart, Training, TrainingStatus, UnfinishedTraining};
use crate::command::{ContainerKind, ContainerName};
use crate::error::StoreError;
use crate::id::AccountId;
use crate::keys::{AccountKeys, Purpose, RowContext};

pub(crate) async fn container(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    container: &ContainerName,
) -> Result<Option<Container>, StoreError> {
    let row = sqlx::query(
        "SELECT c.*, t.sealed_name, t.sealed_user_data, l.word
         FROM container c
         JOIN container_text t ON t.account_id = c.account_id AND t.number = c.number
         JOIN label l ON l.account_id = c.account_id AND l.number = c.model
         WHERE c.account_id = $1 AND c.kind = $2 AND c.wire_id = $3",
    )
    .bind(key(&account))
    .bind(i64::from(container.kind.number()))
    .bind(&container.id)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let keys = key_ring.keys(connection, account).await?;
    read(&row, &keys).map(Some)
}

pub(crate) async fn containers(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    kind: ContainerKind,
    page: &PageStart,
) -> Result<Sealed<Vec<Container>>, StoreError> {
    let rows = sqlx::query(
        "SELECT c.*, t.sealed_name, t.sealed_user_data, l.word
         FROM container c
         JOIN container_text t ON t.account_id = c.account_id AND t.number = c.number
         JOIN label l ON l.account_id = c.account_id AND l.number = c.model
         WHERE c.account_id = $1 AND c.kind = $2 AND c.wire_id > $3
         ORDER BY c.wire_id LIMIT $4",
    )
    .bind(key(&account))
    .bind(i64::from(kind.number()))
    .bind(&page.after)
    .bind(at_most(page.top))
    .fetch_all(&mut *connection)
    .await?;
    if rows.is_empty() {
        return Ok(Box::new(|| Ok(Vec::new())));
    }
    let keys = key_ring.keys(connection, account).await?;
    Ok(Box::new(move || rows.iter().map(|row| read(row, &keys)).collect()))
}

pub(crate) async fn version_of(
    connection: &mut Connection,
    account: AccountId,
    number: i64,
) -> Result<Option<u64>, StoreError> {
    let version: Option<i64> =
        sqlx::query_scalar("SELECT version FROM container WHERE account_id = $1 AND number = $2 AND kind <> 8")
            .bind(key(&account))
            .bind(number)
            .fetch_optional(&mut *connection)
            .await?;
    version.map(unsigned).transpose()
}

pub(crate) async fn versions_of(
    connection: &mut Connection,
    account: AccountId,
    numbers: &[i64],
) -> Result<Vec<Option<u64>>, StoreError> {
    let rows: Vec<(i64, i64)> = sqlx::query_as(concat!(
        "SELECT c.number, c.version FROM ",
        numbers_in!("$2"),
        " w ",
        then_join!(),
        " container c ON c.account_id = $1 AND c.number = w.seq AND c.kind <> 8"
    ))
    .bind(key(&account))
    .bind(numbers_as_json(numbers.iter().copied()))
    .fetch_all(&mut *connection)
    .await?;
    let known: HashMap<i64, i64> = rows.into_iter().collect();
    numbers.iter().map(|number| known.get(number).copied().map(unsigned).transpose()).collect()
}

pub(crate) async fn unfinished_trainings(
    connection: &mut Connection,
    account: AccountId,
) -> Result<Vec<UnfinishedTraining>, StoreError> {
    let rows = sqlx::query(
        "SELECT * FROM container WHERE account_id = $1 AND training_state IN (0, 1) AND kind <> 8 ORDER BY number",
    )
    .bind(key(&account))
    .fetch_all(&mut *connection)
    .await?;
    rows.iter()
        .map(|row| {
            let training = training(row)?.ok_or_else(|| damaged("a training"))?;
            Ok(UnfinishedTraining { container: name_on_wire(row)?, number: row.try_get("number")?, training })
        })
        .collect()
}

fn read(row: &EngineRow, keys: &AccountKeys) -> Result<Container, StoreError> {
    let number = row.try_get("number")?;
    let name_on_wire = name_on_wire(row)?;
    let context = RowContext::container(name_on_wire.kind.number(), &name_on_wire.id);
    let text = |purpose, sealed: &[u8]| {
        open_text(&keys.sealer(purpose, number, number), &context, sealed, "the texts of a container")
    };
    let user_data: Option<&[u8]> = row.try_get("sealed_user_data")?;
    Ok(Container {
        number,
        name: text(Purpose::ContainerName, row.try_get("sealed_name")?)?,
        user_data: user_data.map(|sealed| text(Purpose::ContainerUserData, sealed)).transpose()?,
        model: row.try_get("word")?,
        version: unsigned(row.try_get("version")?)?,
        created_at: Timestamp::from_millis(row.try_get("created_at")?),
        training: training(row)?,
        trained_version: row.try_get::<Option<i64>, _>("trained_version")?.map(unsigned).transpose()?,
        persons: unsigned(row.try_get("persons")?)?,
        faces: unsigned(row.try_get("faces")?)?,
        name_on_wire,
    })
}

fn name_on_wire(row: &EngineRow) -> Result<ContainerName, StoreError> {
    let kind = ContainerKind::from_number(row.try_get("kind")?).ok_or_else(|| damaged("a container kind"))?;
    Ok(ContainerName { kind, id: row.try_get("wire_id")? })
}

fn training(row: &EngineRow) -> Result<Option<Training>, StoreError> {
    let Some(state) = row.try_get::<Option<i64>, _>("training_state")? else { return Ok(None) };
    let status = match state {
        NOT_STARTED => TrainingStatus::NotStarted,
        RUNNING => TrainingStatus::Running,
        SUCCEEDED => TrainingStatus::Succeeded,
        FAILED => TrainingStatus::Failed,
        _ => return Err(damaged("the state of a training")),
    };
    Ok(Some(Training {
        number: row.try_get("training")?,
        status,
        created: Timestamp::from_millis(row.try_get("training_created_at")?),
        last_action: Timestamp::from_millis(row.try_get("training_action_at")?),
        last_success: row.try_get::<Option<i64>, _>("training_success_at")?.map(Timestamp::from_millis),
        message: row.try_get("training_message")?,
        covers_version: unsigned(row.try_get("training_covers")?)?,
    }))
}
