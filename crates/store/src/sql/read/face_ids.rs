use std::collections::HashMap;

use super::super::engine::Connection;
use likeness_base::Timestamp;
use uuid::Uuid;

use super::super::key_ring::Vault;
use super::{as_json, key, open, uuid, words};
use crate::command::DetectedFace;
use crate::error::StoreError;
use crate::id::{AccountId, FaceId, hour_of};
use crate::keys::{Binding, Purpose};

/// Wire id, expiry, space, model, sealed template.
type FaceIdRow = (Vec<u8>, i64, i64, i64, Vec<u8>);

pub(crate) async fn face_ids(
    connection: &mut Connection,
    vault: &Vault,
    account: AccountId,
    ids: &[Uuid],
    now: Timestamp,
) -> Result<Vec<Option<DetectedFace>>, StoreError> {
    let rows: Vec<FaceIdRow> = sqlx::query_as(concat!(
        "SELECT f.face_id, f.expires_at, f.space, f.model, f.sealed_template
         FROM ",
        ids_in!("$2"),
        " w
         ",
        then_join!(),
        " face_id f ON f.account_id = $1 AND f.face_id = w.id
         WHERE f.expires_at > $3"
    ))
    .bind(key(&account))
    .bind(as_json(ids))
    .bind(now.as_millis())
    .fetch_all(&mut *connection)
    .await?;
    if rows.is_empty() {
        return Ok(vec![None; ids.len()]);
    }
    let needed = rows.iter().flat_map(|row| [row.2, row.3]).collect();
    let words = words(connection, vault, account, needed).await?;
    let keys = vault.keys(connection, account).await?;
    let mut found = HashMap::with_capacity(rows.len());
    for (id, expires_at, space, model, sealed) in &rows {
        let expires_at = Timestamp::from_millis(*expires_at);
        let (space, model) = (words.get(*space)?, words.get(*model)?);
        let record = Binding::face_id(id, expires_at.as_millis(), &model, &space);
        // Without the key of its hour a faceId does not exist: the records came back from a backup.
        let Some(hour) = vault.known_hour_key(expires_at.as_millis())? else { continue };
        let compartment = keys.compartment_until(Purpose::FaceIdTemplate, 0, hour_of(expires_at), Some(hour));
        let template = open(&compartment, &record, sealed, "the template of a faceId")?;
        let id = uuid(id)?;
        let face_id = FaceId::from_uuid(id).ok_or_else(|| super::damaged("a faceId"))?;
        found.insert(
            id,
            DetectedFace { id: face_id, template, space: space.to_string(), model: model.to_string(), expires_at },
        );
    }
    Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
}
