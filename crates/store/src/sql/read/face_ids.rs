//! The templates behind faceIds. An expired faceId is not found, whether or not the sweep has removed its row.

use std::collections::HashMap;

use super::super::engine::Connection;
use likeness_base::Timestamp;
use uuid::Uuid;

use super::super::key_ring::KeyRing;
use super::{Sealed, as_json, key, labels, open, uuid};
use crate::command::DetectedFace;
use crate::error::StoreError;
use crate::id::{AccountId, FaceId, hour_of};
use crate::keys::{Purpose, RowContext};

/// Wire id, expiry, space, model, sealed template.
type FaceIdRow = (Vec<u8>, i64, i64, i64, Vec<u8>);

pub(crate) async fn face_ids(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    ids: &[Uuid],
    now: Timestamp,
) -> Result<Sealed<Vec<Option<DetectedFace>>>, StoreError> {
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
    let ids = ids.to_vec();
    if rows.is_empty() {
        return Ok(Box::new(move || Ok(vec![None; ids.len()])));
    }
    let needed = rows.iter().flat_map(|row| [row.2, row.3]).collect();
    let labels = labels(connection, key_ring, account, needed).await?;
    let keys = key_ring.keys(connection, account).await?;
    let hours = rows.iter().map(|row| key_ring.known_hour_key(row.1)).collect::<Result<Vec<_>, _>>()?;
    Ok(Box::new(move || {
        let mut found = HashMap::with_capacity(rows.len());
        for ((id, expires_at, space, model, sealed), hour) in rows.iter().zip(hours) {
            // Without the key of its hour a faceId does not exist: the records came back from a backup.
            let Some(hour) = hour else { continue };
            let expires_at = Timestamp::from_millis(*expires_at);
            let (space, model) = (labels.get(*space)?, labels.get(*model)?);
            let context = RowContext::face_id(id, expires_at.as_millis(), &model, &space);
            let sealer = keys.sealer_until(Purpose::FaceIdTemplate, 0, hour_of(expires_at), Some(hour));
            let template = open(&sealer, &context, sealed, "the template of a faceId")?;
            let id = uuid(id)?;
            let face_id = FaceId::from_uuid(id).ok_or_else(|| super::damaged("a faceId"))?;
            found.insert(
                id,
                DetectedFace { id: face_id, template, space: space.to_string(), model: model.to_string(), expires_at },
            );
        }
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }))
}
