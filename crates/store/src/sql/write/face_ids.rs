use super::super::engine::refuse_duplicate;
use super::{Done, Work, label};
use crate::command::{Applied, DetectedFace, FaceIdWrite};
use crate::error::StoreError;
use crate::id::hour_of;
use crate::keys::{Binding, Purpose};

pub(super) async fn perform(work: &mut Work<'_>, write: &FaceIdWrite) -> Result<Done, StoreError> {
    match write {
        FaceIdWrite::Keep { faces } => keep(work, faces).await,
    }
}

async fn keep(work: &mut Work<'_>, faces: &[DetectedFace]) -> Result<Done, StoreError> {
    for face in faces {
        if !face.id.belongs_to(face.expires_at) {
            return Err(StoreError::Inconsistent("a faceId was made for another expiry"));
        }
        let id = face.id.as_uuid();
        let space = label(work, &face.space).await?;
        let model = label(work, &face.model).await?;
        let expires_at = face.expires_at.as_millis();
        let record = Binding::face_id(id.as_bytes(), expires_at, &face.model, &face.space);
        let epoch = hour_of(face.expires_at);
        work.writes_until(expires_at)?;
        let sealed = work.seal_in_epoch(Purpose::FaceIdTemplate, 0, epoch, &record, face.template.expose());
        sqlx::query(
            "INSERT INTO face_id (account_id, expires_at, face_id, space, model, sealed_template)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(work.account())
        .bind(expires_at)
        .bind(id.as_bytes().as_slice())
        .bind(space)
        .bind(model)
        .bind(sealed)
        .execute(&mut *work.connection)
        .await
        .map_err(refuse_duplicate(StoreError::FaceExists))?;
    }
    Ok(Done { applied: Applied::default(), target: None, records: faces.len() as u64 })
}
