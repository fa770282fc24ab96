//! Writes enrolled faces, with the change rows that galleries follow. Deleting is in `sql/delete.rs`.

use likeness_base::Secret;
use uuid::Uuid;

use super::super::delete;
use super::super::engine::refuse_duplicate;
use super::containers::refuse_above;
use super::{WriteEffect, WriteTransaction, count, label, next_version, person_number, schedule_trim};
use crate::command::{Applied, ContainerKind, ContainerName, FaceWrite, NewFace};
use crate::error::{LimitKind, StoreError};
use crate::id::{FaceNumber, PersonNumber};
use crate::keys::{Purpose, RowContext};

pub(super) async fn perform(
    transaction: &mut WriteTransaction<'_>,
    write: &FaceWrite,
) -> Result<WriteEffect, StoreError> {
    match write {
        FaceWrite::Add { container, person, face, limit } => {
            add(transaction, container, *person, face, None, *limit).await
        }
        FaceWrite::Update { container, person, face, user_data } => {
            update(transaction, container, *person, *face, user_data.as_ref()).await
        }
        FaceWrite::Delete { container, person, face } => delete::face(transaction, container, *person, *face).await,
    }
}

/// How a change row says that a face came in.
pub(crate) const ADDED: i64 = 1;

pub(super) async fn add(
    transaction: &mut WriteTransaction<'_>,
    container: &ContainerName,
    person: Option<Uuid>,
    face: &NewFace,
    model: Option<&str>,
    limit: Option<u64>,
) -> Result<WriteEffect, StoreError> {
    if (container.kind == ContainerKind::PersonDirectory) != model.is_some() {
        return Err(StoreError::Inconsistent("faces of the directory, and no others, have a model of their own"));
    }
    let next = next_version(transaction, container).await?;
    let model_label = match model {
        Some(model) => Some(label(transaction, model).await?),
        None => None,
    };
    let person = match person {
        Some(person) => Some(person_number(transaction, next.number, person).await?),
        None => None,
    };
    match person {
        Some(person) => {
            // The first is answered from the index alone, for groups, where no face has a model.
            let count = match model_label {
                None => "SELECT count(*) FROM face WHERE account_id = $1 AND container = $2 AND person = $3",
                Some(_) => {
                    "SELECT count(*) FROM face
                     WHERE account_id = $1 AND container = $2 AND person = $3 AND model = $4"
                }
            };
            let mut count = sqlx::query_scalar(count).bind(transaction.account()).bind(next.number).bind(person);
            if model_label.is_some() {
                count = count.bind(model_label);
            }
            let faces: i64 = count.fetch_one(&mut *transaction.connection).await?;
            refuse_above(LimitKind::FacesOfPerson, faces + 1, limit)?;
        }
        None => refuse_above(LimitKind::Faces, next.faces + 1, limit)?,
    }
    let number: i64 = sqlx::query_scalar(
        "UPDATE container SET next_face = next_face + 1 WHERE account_id = $1 AND number = $2
         RETURNING next_face - 1",
    )
    .bind(transaction.account())
    .bind(next.number)
    .fetch_one(&mut *transaction.connection)
    .await?;
    let space = label(transaction, &face.space).await?;
    let template = RowContext::template(number, face.id.as_bytes(), person, &face.space, model);
    let sealed_template = transaction.seal(Purpose::FaceTemplate, next.number, &template, face.template.expose());
    let sealed_user_data = seal_user_data(transaction, next.number, number, face.id, face.user_data.as_ref());
    sqlx::query(
        "INSERT INTO face (account_id, container, seq, face_id, person, added_version, space, sealed_template,
                           sealed_user_data, model)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(transaction.account())
    .bind(next.number)
    .bind(number)
    .bind(face.id.as_bytes().as_slice())
    .bind(person)
    .bind(next.version_column())
    .bind(space)
    .bind(sealed_template)
    .bind(sealed_user_data)
    .bind(model_label)
    .execute(&mut *transaction.connection)
    .await
    .map_err(refuse_duplicate(StoreError::FaceExists))?;
    sqlx::query("INSERT INTO change (account_id, container, version, face, op, at) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(transaction.account())
        .bind(next.number)
        .bind(next.version_column())
        .bind(number)
        .bind(ADDED)
        .bind(transaction.at())
        .execute(&mut *transaction.connection)
        .await?;
    schedule_trim(transaction, &next).await?;
    count(transaction, next.number, 0, 1).await?;
    let applied = Applied { face: Some(FaceNumber(number)), person: person.map(PersonNumber), ..Applied::default() };
    Ok(WriteEffect::on(&next, 1, applied))
}

async fn update(
    transaction: &mut WriteTransaction<'_>,
    container: &ContainerName,
    person: Option<Uuid>,
    face: Uuid,
    user_data: Option<&Secret<String>>,
) -> Result<WriteEffect, StoreError> {
    let next = next_version(transaction, container).await?;
    let found = find_face(transaction, next.number, person, face).await?;
    let sealed_user_data = seal_user_data(transaction, next.number, found.number, face, user_data);
    let before: i64 = sqlx::query_scalar(
        "SELECT CAST(coalesce(length(sealed_user_data), 0) AS BIGINT) FROM face
         WHERE account_id = $1 AND container = $2 AND seq = $3",
    )
    .bind(transaction.account())
    .bind(next.number)
    .bind(found.number)
    .fetch_one(&mut *transaction.connection)
    .await?;
    transaction.replaces(&[(sealed_user_data.as_ref(), before)]);
    sqlx::query(
        "UPDATE face SET sealed_user_data = coalesce($4, sealed_user_data)
         WHERE account_id = $1 AND container = $2 AND seq = $3",
    )
    .bind(transaction.account())
    .bind(next.number)
    .bind(found.number)
    .bind(sealed_user_data)
    .execute(&mut *transaction.connection)
    .await?;
    let applied =
        Applied { face: Some(FaceNumber(found.number)), person: found.person.map(PersonNumber), ..Applied::default() };
    Ok(WriteEffect::on(&next, 1, applied))
}

/// A face by the store's numbers.
pub(crate) struct Found {
    pub(crate) number: i64,
    pub(crate) person: Option<i64>,
}

/// Finds a face where it is said to be: of that person, or of nobody.
pub(crate) async fn find_face(
    transaction: &mut WriteTransaction<'_>,
    container: i64,
    person: Option<Uuid>,
    face: Uuid,
) -> Result<Found, StoreError> {
    let person = match person {
        Some(person) => Some(person_number(transaction, container, person).await?),
        None => None,
    };
    let number: Option<i64> = sqlx::query_scalar(
        "SELECT seq FROM face WHERE account_id = $1 AND container = $2 AND face_id = $3 AND person IS NOT DISTINCT FROM $4",
    )
    .bind(transaction.account())
    .bind(container)
    .bind(face.as_bytes().as_slice())
    .bind(person)
    .fetch_optional(&mut *transaction.connection)
    .await?;
    Ok(Found { number: number.ok_or(StoreError::FaceNotFound)?, person })
}

fn seal_user_data(
    transaction: &WriteTransaction<'_>,
    container: i64,
    number: i64,
    face: Uuid,
    user_data: Option<&Secret<String>>,
) -> Option<Vec<u8>> {
    let context = RowContext::face(number, face.as_bytes());
    user_data.map(|text| transaction.seal(Purpose::FaceUserData, container, &context, text.expose().as_bytes()))
}
