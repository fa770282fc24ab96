//! Operations: what was answered with 202, and how it went.
//!
//! The work is done before the answer, and the note of it is written with it. So an operation that is there has
//! succeeded; one that failed was a refusal instead.

use super::call::{Admitted, Call, Permitted};
use crate::azure::Refusal;
use likeness_http::Reply;
use likeness_rules::RetentionClass;
use likeness_store::{ContainerKind, NewOperation, OperationSubject, Write};
use serde_json::json;

/// Writes, and returns the address of the operation status. Refusals are those of the kind of
/// container.
pub(super) async fn write(
    call: &Call<Permitted>,
    kind: ContainerKind,
    subject: OperationSubject,
    resource: Option<String>,
    write: impl Into<Write>,
) -> Result<String, Refusal> {
    let id = call.new_id();
    let operation =
        NewOperation { id, subject, resource, expires_at: call.now().plus(call.retention(RetentionClass::Operation)) };
    call.write_as(kind, Write::WithOperation { operation, write: Box::new(write.into()) }).await?;
    Ok(call.address(&format!("operations/{id}")))
}

/// The same for people of the directory and dynamic groups, with refusals for the route's kind of container.
pub(super) async fn write_directory(call: &Call<Permitted>, work: impl Into<Write>) -> Result<String, Refusal> {
    write(call, call.kind(), OperationSubject::Directory, None, work).await
}

/// `GET operations/{operationId}`: in the shape that fits what the operation was about.
pub(super) async fn get(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let id = call.id(0, Refusal::OperationNotFound)?;
    let found = call.store().operation(call.account(), id, call.now()).await?;
    let (life, now) = (call.retention(RetentionClass::Operation), call.now());
    let found = found.filter(|operation| operation.created_at.plus(life) > now);
    let operation = found.ok_or(Refusal::OperationNotFound)?;
    let (created, finished) = (operation.created_at.to_string(), operation.finished_at.to_string());
    call.answer(&match operation.subject {
        OperationSubject::Directory => json!({
            "operationId": operation.id,
            "status": "succeeded",
            "createdTime": created,
            "lastActionTime": finished,
            "finishedTime": finished,
        }),
        OperationSubject::Snapshot => json!({
            "status": "succeeded",
            "createdTime": created,
            "lastActionTime": finished,
            "resourceLocation": operation.resource,
            "message": null,
        }),
    })
}
