//! What galleries follow: change rows, gallery rows with templates, and who the faces are that a search has found.

use super::super::engine::Connection;

use super::super::delete::REMOVED;
use super::super::key_ring::KeyRing;
use super::super::write::ADDED;
use super::{Sealed, at_most, damaged, key, labels, numbers_as_json, open, unsigned, uuid};
use crate::answers::{ChangeOp, ChangeRow, Feed, GalleryRow, ResolvedFace};
use crate::error::StoreError;
use crate::id::{AccountId, FaceNumber, PersonNumber};
use crate::keys::{Purpose, RowContext};

/// Sequence, wire id, person, added version, space, model, sealed template.
type TemplateRow = (i64, Vec<u8>, Option<i64>, i64, i64, Option<i64>, Vec<u8>);

pub(crate) async fn changes_since(
    connection: &mut Connection,
    account: AccountId,
    number: i64,
    version: u64,
    limit: usize,
) -> Result<Feed, StoreError> {
    let versions: Option<(i64, i64)> = sqlx::query_as(
        "SELECT version, trimmed_version FROM container WHERE account_id = $1 AND number = $2 AND kind <> 8",
    )
    .bind(key(&account))
    .bind(number)
    .fetch_optional(&mut *connection)
    .await?;
    let (present, trimmed) = versions.ok_or(StoreError::ContainerNotFound)?;
    let (present, trimmed) = (unsigned(present)?, unsigned(trimmed)?);
    // Ahead of us: the database was put back to an earlier state under the follower's feet.
    if version < trimmed || version > present {
        return Ok(Feed::Reload);
    }
    // Up to the version in which the limit is reached, and all of that version.
    let rows: Vec<(i64, i64, i64)> = sqlx::query_as(
        "SELECT version, op, face FROM change
         WHERE account_id = $1 AND container = $2 AND version > $3
           AND version <= coalesce(
               (SELECT version FROM change WHERE account_id = $1 AND container = $2 AND version > $3
                ORDER BY version, face LIMIT 1 OFFSET $4), 9223372036854775807)
         ORDER BY version, face",
    )
    .bind(key(&account))
    .bind(number)
    .bind(i64::try_from(version).unwrap_or(i64::MAX))
    .bind(at_most(limit.saturating_sub(1)))
    .fetch_all(&mut *connection)
    .await?;
    let rows = rows
        .into_iter()
        .map(|(version, op, face)| {
            let op = match op {
                ADDED => ChangeOp::Added,
                REMOVED => ChangeOp::Removed,
                _ => return Err(damaged("a change row")),
            };
            Ok(ChangeRow { version: unsigned(version)?, op, face: FaceNumber(face) })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let through = match rows.last() {
        Some(last) if rows.len() >= limit => last.version,
        _ => present,
    };
    Ok(Feed::Changes { rows, through })
}

pub(crate) async fn rows_after(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    number: i64,
    after: FaceNumber,
    limit: usize,
) -> Result<Sealed<Vec<GalleryRow>>, StoreError> {
    let rows: Vec<TemplateRow> = sqlx::query_as(concat!(
        "SELECT seq, face_id, person, added_version, space, model, sealed_template FROM face
         WHERE account_id = $1 AND container = $2 AND seq > $3 AND ",
        container_is_visible!(),
        " ORDER BY seq LIMIT $4"
    ))
    .bind(key(&account))
    .bind(number)
    .bind(after.0)
    .bind(at_most(limit))
    .fetch_all(&mut *connection)
    .await?;
    sealed_rows(connection, key_ring, account, number, rows).await
}

pub(crate) async fn face_numbers(
    connection: &mut Connection,
    account: AccountId,
    number: i64,
) -> Result<Option<(FaceNumber, FaceNumber)>, StoreError> {
    // Two questions: SQLite reads every row to answer both in one.
    let edges: (Option<i64>, Option<i64>) = sqlx::query_as(
        "SELECT (SELECT min(seq) FROM face WHERE account_id = $1 AND container = $2),
                (SELECT max(seq) FROM face WHERE account_id = $1 AND container = $2)",
    )
    .bind(key(&account))
    .bind(number)
    .fetch_one(connection)
    .await?;
    Ok(edges.0.zip(edges.1).map(|(first, last)| (FaceNumber(first), FaceNumber(last))))
}

pub(crate) async fn rows(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    number: i64,
    faces: &[FaceNumber],
) -> Result<Sealed<Vec<GalleryRow>>, StoreError> {
    let rows: Vec<TemplateRow> = sqlx::query_as(concat!(
        "SELECT f.seq, f.face_id, f.person, f.added_version, f.space, f.model, f.sealed_template
         FROM ",
        numbers_in!("$3"),
        " w
         ",
        then_join!(),
        " face f ON f.account_id = $1 AND f.container = $2 AND f.seq = w.seq
         WHERE ",
        container_is_visible!(),
        " ORDER BY f.seq"
    ))
    .bind(key(&account))
    .bind(number)
    .bind(numbers_as_json(faces.iter().map(|face| face.0)))
    .fetch_all(&mut *connection)
    .await?;
    sealed_rows(connection, key_ring, account, number, rows).await
}

pub(crate) async fn resolve_faces(
    connection: &mut Connection,
    account: AccountId,
    number: i64,
    faces: &[FaceNumber],
) -> Result<Vec<ResolvedFace>, StoreError> {
    if faces.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(i64, Vec<u8>, Option<Vec<u8>>)> = sqlx::query_as(concat!(
        "SELECT f.seq, f.face_id, p.person_id
         FROM ",
        numbers_in!("$3"),
        " w
         ",
        then_join!(),
        " face f ON f.account_id = $1 AND f.container = $2 AND f.seq = w.seq
         LEFT JOIN person p ON p.account_id = $1 AND p.container = $2 AND p.seq = f.person
         WHERE ",
        container_is_visible!(),
        " ORDER BY f.seq"
    ))
    .bind(key(&account))
    .bind(number)
    .bind(numbers_as_json(faces.iter().map(|face| face.0)))
    .fetch_all(&mut *connection)
    .await?;
    rows.iter()
        .map(|(seq, face, person)| {
            let person = person.as_deref().map(uuid).transpose()?;
            Ok(ResolvedFace { number: FaceNumber(*seq), face: uuid(face)?, person })
        })
        .collect()
}

async fn sealed_rows(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    number: i64,
    rows: Vec<TemplateRow>,
) -> Result<Sealed<Vec<GalleryRow>>, StoreError> {
    if rows.is_empty() {
        return Ok(Box::new(|| Ok(Vec::new())));
    }
    let needed = rows.iter().flat_map(|row| [Some(row.4), row.5]).flatten().collect();
    let labels = labels(connection, key_ring, account, needed).await?;
    let keys = key_ring.keys(connection, account).await?;
    Ok(Box::new(move || {
        let templates = keys.sealer(Purpose::FaceTemplate, number, number);
        rows.iter()
            .map(|(seq, id, person, added_version, space, model, sealed)| {
                let (space, model) = (labels.get(*space)?, labels.get_any(*model)?);
                let context = RowContext::template(*seq, id, *person, &space, model.as_deref());
                Ok(GalleryRow {
                    face: FaceNumber(*seq),
                    person: person.map_or(PersonNumber::NONE, PersonNumber),
                    added_version: unsigned(*added_version)?,
                    template: open(&templates, &context, sealed, "a template")?,
                    model,
                    space,
                })
            })
            .collect()
    }))
}
