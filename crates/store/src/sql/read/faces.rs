//! Queries about enrolled faces: by container or person, with their templates and spaces.

use super::super::engine::Connection;
use uuid::Uuid;

use super::super::key_ring::KeyRing;
use super::start::last_not_after;
use super::{
    Labels, Sealed, at_most, hour_of_copy, key, labels, number_of, open, open_text, person_number, unsigned, uuid,
};
use crate::answers::{Face, PageStart, PersonTemplate};
use crate::command::ContainerName;
use crate::error::StoreError;
use crate::id::{AccountId, FaceNumber};
use crate::keys::{Purpose, RowContext, Sealer};

/// Sequence, wire id, wire id of the person, model, sealed user data.
type FaceRow = (i64, Vec<u8>, Option<Vec<u8>>, Option<i64>, Option<Vec<u8>>);
/// Sequence, wire id, space, model, sealed template.
type TemplateRow = (i64, Vec<u8>, i64, Option<i64>, Vec<u8>);

pub(crate) async fn face(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    container: &ContainerName,
    person: Option<Uuid>,
    face: Uuid,
) -> Result<Option<Face>, StoreError> {
    let number = number_of(connection, account, container).await?;
    let owner = match person {
        Some(person) => Some(person_number(connection, account, number, person).await?),
        None => None,
    };
    let row: Option<(i64, Option<i64>, Option<Vec<u8>>)> = sqlx::query_as(
        "SELECT seq, model, sealed_user_data FROM face
         WHERE account_id = $1 AND container = $2 AND face_id = $3 AND person IS NOT DISTINCT FROM $4",
    )
    .bind(key(&account))
    .bind(number)
    .bind(face.as_bytes().as_slice())
    .bind(owner)
    .fetch_optional(&mut *connection)
    .await?;
    let Some((seq, model, sealed_user_data)) = row else { return Ok(None) };
    let labels = labels(connection, key_ring, account, model.into_iter().collect()).await?;
    let hour = hour_of_copy(connection, key_ring, account, container, number).await?;
    let keys = key_ring.keys(connection, account).await?;
    let person = person.map(|id| id.as_bytes().to_vec());
    let user_data = keys.sealer_until(Purpose::FaceUserData, number, number, hour);
    read(&user_data, &labels, &(seq, face.as_bytes().to_vec(), person, model, sealed_user_data)).map(Some)
}

pub(crate) async fn faces(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    container: &ContainerName,
    page: &PageStart,
) -> Result<Sealed<Vec<Face>>, StoreError> {
    let number = number_of(connection, account, container).await?;
    let rows: Vec<FaceRow> = sqlx::query_as(
        "SELECT f.seq, f.face_id, p.person_id, f.model, f.sealed_user_data
         FROM face f
         LEFT JOIN person p ON p.account_id = f.account_id AND p.container = f.container AND p.seq = f.person
         WHERE f.account_id = $1 AND f.container = $2 AND f.face_id > $3 ORDER BY f.face_id LIMIT $4",
    )
    .bind(key(&account))
    .bind(number)
    .bind(last_not_after(&page.after))
    .bind(at_most(page.top))
    .fetch_all(&mut *connection)
    .await?;
    let needed = rows.iter().filter_map(|row| row.3).collect();
    let labels = labels(connection, key_ring, account, needed).await?;
    let hour = hour_of_copy(connection, key_ring, account, container, number).await?;
    let keys = key_ring.keys(connection, account).await?;
    Ok(Box::new(move || {
        let user_data = keys.sealer_until(Purpose::FaceUserData, number, number, hour);
        rows.iter().map(|row| read(&user_data, &labels, row)).collect()
    }))
}

pub(crate) async fn space_of(
    connection: &mut Connection,
    account: AccountId,
    number: i64,
) -> Result<Option<String>, StoreError> {
    let word = sqlx::query_scalar(concat!(
        "SELECT l.word FROM label l WHERE l.account_id = $1 AND l.number =
         (SELECT f.space FROM face f WHERE f.account_id = $1 AND f.container = $2 ORDER BY f.seq LIMIT 1) AND ",
        container_is_visible!()
    ))
    .bind(key(&account))
    .bind(number)
    .fetch_optional(&mut *connection)
    .await?;
    Ok(word)
}

pub(crate) async fn spaces(
    connection: &mut Connection,
    account: AccountId,
    count: bool,
) -> Result<Vec<(String, u64)>, StoreError> {
    // An account has a handful of labels, and the index knows at once which of them stands on a face. Faces that nobody
    // sees are few, and are counted by themselves rather than looked for among all.
    let sql = if count {
        "SELECT l.word, (SELECT count(*) FROM face f WHERE f.account_id = l.account_id AND f.space = l.number)
             - (SELECT count(*) FROM container h JOIN face f ON f.account_id = h.account_id AND f.container = h.number
                WHERE h.account_id = l.account_id AND h.kind = 8 AND f.space = l.number)
         FROM label l WHERE l.account_id = $1 ORDER BY l.word"
    } else {
        "SELECT l.word, CAST(1 AS BIGINT) FROM label l WHERE l.account_id = $1 AND EXISTS
         (SELECT 1 FROM face f WHERE f.account_id = l.account_id AND f.space = l.number AND NOT EXISTS
             (SELECT 1 FROM container h WHERE h.account_id = f.account_id AND h.number = f.container AND h.kind = 8))
         ORDER BY l.word"
    };
    let rows: Vec<(String, i64)> = sqlx::query_as(sql).bind(key(&account)).fetch_all(&mut *connection).await?;
    let counted = rows.into_iter().filter(|(_, count)| *count > 0);
    counted.map(|(word, count)| Ok((word, unsigned(count)?))).collect()
}

pub(crate) async fn faces_of_person(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    container: &ContainerName,
    person: Uuid,
) -> Result<Sealed<Vec<Face>>, StoreError> {
    let number = number_of(connection, account, container).await?;
    let owner = person_number(connection, account, number, person).await?;
    let rows: Vec<FaceRow> = sqlx::query_as(
        "SELECT seq, face_id, $4, model, sealed_user_data FROM face
         WHERE account_id = $1 AND container = $2 AND person = $3 ORDER BY seq",
    )
    .bind(key(&account))
    .bind(number)
    .bind(owner)
    .bind(person.as_bytes().as_slice())
    .fetch_all(&mut *connection)
    .await?;
    let needed = rows.iter().filter_map(|row| row.3).collect();
    let labels = labels(connection, key_ring, account, needed).await?;
    let hour = hour_of_copy(connection, key_ring, account, container, number).await?;
    let keys = key_ring.keys(connection, account).await?;
    Ok(Box::new(move || {
        let user_data = keys.sealer_until(Purpose::FaceUserData, number, number, hour);
        rows.iter().map(|row| read(&user_data, &labels, row)).collect()
    }))
}

pub(crate) async fn templates_of_person(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    container: &ContainerName,
    person: Uuid,
) -> Result<Sealed<Vec<PersonTemplate>>, StoreError> {
    let number = number_of(connection, account, container).await?;
    let owner = person_number(connection, account, number, person).await?;
    let rows: Vec<TemplateRow> = sqlx::query_as(
        "SELECT seq, face_id, space, model, sealed_template FROM face
         WHERE account_id = $1 AND container = $2 AND person = $3 ORDER BY seq",
    )
    .bind(key(&account))
    .bind(number)
    .bind(owner)
    .fetch_all(&mut *connection)
    .await?;
    let needed = rows.iter().flat_map(|row| [Some(row.2), row.3]).flatten().collect();
    let labels = labels(connection, key_ring, account, needed).await?;
    let keys = key_ring.keys(connection, account).await?;
    Ok(Box::new(move || {
        let templates = keys.sealer(Purpose::FaceTemplate, number, number);
        rows.iter()
            .map(|(seq, id, space, model, sealed)| {
                let (space, model) = (labels.get(*space)?, labels.get_any(*model)?);
                let context = RowContext::template(*seq, id, Some(owner), &space, model.as_deref());
                let template = open(&templates, &context, sealed, "a template")?;
                Ok(PersonTemplate { face: uuid(id)?, model, space, template })
            })
            .collect()
    }))
}

fn read(
    sealer: &Sealer<'_>,
    labels: &Labels,
    (seq, id, person, model, sealed_user_data): &FaceRow,
) -> Result<Face, StoreError> {
    let context = RowContext::face(*seq, id);
    let user_data = sealed_user_data.as_deref();
    Ok(Face {
        id: uuid(id)?,
        number: FaceNumber(*seq),
        person: person.as_deref().map(uuid).transpose()?,
        model: labels.get_any(*model)?,
        user_data: user_data
            .map(|sealed| open_text(sealer, &context, sealed, "the user data of a face"))
            .transpose()?,
    })
}
