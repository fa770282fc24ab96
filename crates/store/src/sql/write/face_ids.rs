//! Keeps the templates behind faceIds, sealed under the expiry key of their hour.

use super::super::engine::refuse_duplicate;
use super::{WriteEffect, WriteTransaction, label};
use crate::command::{Applied, DetectedFace, FaceIdWrite};
use crate::error::StoreError;
use crate::id::hour_of;
use crate::keys::{Purpose, RowContext};

pub(super) async fn perform(
    transaction: &mut WriteTransaction<'_>,
    write: &FaceIdWrite,
) -> Result<WriteEffect, StoreError> {
    match write {
        FaceIdWrite::Keep { faces } => keep(transaction, faces).await,
    }
}

async fn keep(transaction: &mut WriteTransaction<'_>, faces: &[DetectedFace]) -> Result<WriteEffect, StoreError> {
    for face in faces {
        if !face.id.belongs_to(face.expires_at) {
            return Err(StoreError::Inconsistent("a faceId was made for another expiry"));
        }
        let id = face.id.as_uuid();
        let space = label(transaction, &face.space).await?;
        let model = label(transaction, &face.model).await?;
        let expires_at = face.expires_at.as_millis();
        let context = RowContext::face_id(id.as_bytes(), expires_at, &face.model, &face.space);
        let epoch = hour_of(face.expires_at);
        transaction.writes_until(expires_at)?;
        let sealed = transaction.seal_in_epoch(Purpose::FaceIdTemplate, 0, epoch, &context, face.template.expose());
        sqlx::query(
            "INSERT INTO face_id (account_id, expires_at, face_id, space, model, sealed_template)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(transaction.account())
        .bind(expires_at)
        .bind(id.as_bytes().as_slice())
        .bind(space)
        .bind(model)
        .bind(sealed)
        .execute(&mut *transaction.connection)
        .await
        .map_err(refuse_duplicate(StoreError::FaceExists))?;
    }
    Ok(WriteEffect { applied: Applied::default(), target: None, records: faces.len() as u64 })
}
