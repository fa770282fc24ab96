use likeness_base::Secret;
use uuid::Uuid;

use super::super::delete;
use super::super::engine::refuse_duplicate;
use super::containers::refuse_above;
use super::{Done, Work, bump, count, label, note_change_rows, person_key};
use crate::command::{Applied, ContainerKind, ContainerName, FaceWrite, NewFace};
use crate::error::{LimitKind, StoreError};
use crate::id::{FaceKey, PersonKey};
use crate::keys::{Binding, Purpose};

pub(super) async fn perform(work: &mut Work<'_>, write: &FaceWrite) -> Result<Done, StoreError> {
    match write {
        FaceWrite::Add { container, person, face, limit } => add(work, container, *person, face, None, *limit).await,
        FaceWrite::Update { container, person, face, user_data } => {
            update(work, container, *person, *face, user_data.as_ref()).await
        }
        FaceWrite::Delete { container, person, face } => delete::face(work, container, *person, *face).await,
    }
}

/// How a change row says that a face came in.
pub(crate) const ADDED: i64 = 1;

pub(super) async fn add(
    work: &mut Work<'_>,
    container: &ContainerName,
    person: Option<Uuid>,
    face: &NewFace,
    model: Option<&str>,
    limit: Option<u64>,
) -> Result<Done, StoreError> {
    if (container.kind == ContainerKind::PersonDirectory) != model.is_some() {
        return Err(StoreError::Inconsistent("faces of the directory, and no others, have a model of their own"));
    }
    let bumped = bump(work, container).await?;
    let model_label = match model {
        Some(model) => Some(label(work, model).await?),
        None => None,
    };
    let person = match person {
        Some(person) => Some(person_key(work, bumped.number, person).await?),
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
            let mut count = sqlx::query_scalar(count).bind(work.account()).bind(bumped.number).bind(person);
            if model_label.is_some() {
                count = count.bind(model_label);
            }
            let faces: i64 = count.fetch_one(&mut *work.connection).await?;
            refuse_above(LimitKind::FacesOfPerson, faces + 1, limit)?;
        }
        None => refuse_above(LimitKind::Faces, bumped.faces + 1, limit)?,
    }
    let key: i64 = sqlx::query_scalar(
        "UPDATE container SET next_face = next_face + 1 WHERE account_id = $1 AND number = $2
         RETURNING next_face - 1",
    )
    .bind(work.account())
    .bind(bumped.number)
    .fetch_one(&mut *work.connection)
    .await?;
    let space = label(work, &face.space).await?;
    let template = Binding::template(key, face.id.as_bytes(), person, &face.space, model);
    let sealed_template = work.seal(Purpose::FaceTemplate, bumped.number, &template, face.template.expose());
    let sealed_user_data = seal_user_data(work, bumped.number, key, face.id, face.user_data.as_ref());
    sqlx::query(
        "INSERT INTO face (account_id, container, seq, face_id, person, added_version, space, sealed_template,
                           sealed_user_data, model)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(work.account())
    .bind(bumped.number)
    .bind(key)
    .bind(face.id.as_bytes().as_slice())
    .bind(person)
    .bind(bumped.version_column())
    .bind(space)
    .bind(sealed_template)
    .bind(sealed_user_data)
    .bind(model_label)
    .execute(&mut *work.connection)
    .await
    .map_err(refuse_duplicate(StoreError::FaceExists))?;
    sqlx::query("INSERT INTO change (account_id, container, version, face, op, at) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(work.account())
        .bind(bumped.number)
        .bind(bumped.version_column())
        .bind(key)
        .bind(ADDED)
        .bind(work.at())
        .execute(&mut *work.connection)
        .await?;
    note_change_rows(work, &bumped).await?;
    count(work, bumped.number, 0, 1).await?;
    let applied = Applied { face: Some(FaceKey(key)), person: person.map(PersonKey), ..Applied::default() };
    Ok(Done::to(&bumped, 1, applied))
}

async fn update(
    work: &mut Work<'_>,
    container: &ContainerName,
    person: Option<Uuid>,
    face: Uuid,
    user_data: Option<&Secret<String>>,
) -> Result<Done, StoreError> {
    let bumped = bump(work, container).await?;
    let found = find_face(work, bumped.number, person, face).await?;
    let sealed_user_data = seal_user_data(work, bumped.number, found.key, face, user_data);
    sqlx::query(
        "UPDATE face SET sealed_user_data = coalesce($4, sealed_user_data)
         WHERE account_id = $1 AND container = $2 AND seq = $3",
    )
    .bind(work.account())
    .bind(bumped.number)
    .bind(found.key)
    .bind(sealed_user_data)
    .execute(&mut *work.connection)
    .await?;
    let applied = Applied { face: Some(FaceKey(found.key)), person: found.person.map(PersonKey), ..Applied::default() };
    Ok(Done::to(&bumped, 1, applied))
}

/// A face by the store's numbers.
pub(crate) struct Found {
    pub(crate) key: i64,
    pub(crate) person: Option<i64>,
}

/// Finds a face where it is said to be: of that person, or of nobody.
pub(crate) async fn find_face(
    work: &mut Work<'_>,
    number: i64,
    person: Option<Uuid>,
    face: Uuid,
) -> Result<Found, StoreError> {
    let person = match person {
        Some(person) => Some(person_key(work, number, person).await?),
        None => None,
    };
    let key: Option<i64> = sqlx::query_scalar(
        "SELECT seq FROM face WHERE account_id = $1 AND container = $2 AND face_id = $3 AND person IS NOT DISTINCT FROM $4",
    )
    .bind(work.account())
    .bind(number)
    .bind(face.as_bytes().as_slice())
    .bind(person)
    .fetch_optional(&mut *work.connection)
    .await?;
    Ok(Found { key: key.ok_or(StoreError::FaceNotFound)?, person })
}

fn seal_user_data(
    work: &Work<'_>,
    number: i64,
    key: i64,
    face: Uuid,
    user_data: Option<&Secret<String>>,
) -> Option<Vec<u8>> {
    let record = Binding::face(key, face.as_bytes());
    user_data.map(|text| work.seal(Purpose::FaceUserData, number, &record, text.expose().as_bytes()))
}
