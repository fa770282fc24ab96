//! Training of person groups and large lists: start it, ask how it goes.

use super::call::{Admitted, Call};
use crate::azure::{MissingAs, Refusal};
use likeness_http::Reply;
use likeness_store::{TrainingStatus, TrainingWrite};
use serde_json::json;

/// `POST .../train`
pub(super) async fn train(call: Call<Admitted>) -> Result<Reply, Refusal> {
    // A task of its own: a client that hangs up must not leave a training recorded that nobody runs.
    let work = async move {
        let name = call.container_name()?;
        let call = call.permit().await?;
        call.write(TrainingWrite::Start { container: name.clone() }).await?;
        call.app().trainings.begin(call.account(), name.clone(), call.request_id());
        let path = call.route().path.replace("/train", "/training").replace("{}", &name.id);
        call.accepted(call.address(&path))
    };
    tokio::spawn(work).await.map_err(|error| Refusal::Internal(error.to_string()))?
}

/// `GET .../training`
pub(super) async fn status(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let container = call.container().await?;
    let training = container.training.as_ref().ok_or(Refusal::NotTrained(call.kind(), MissingAs::Resource))?;
    let status = match training.status {
        TrainingStatus::NotStarted => call.version().not_started(),
        TrainingStatus::Running => "running",
        TrainingStatus::Succeeded => "succeeded",
        TrainingStatus::Failed => "failed",
    };
    call.answer(&json!({
        "status": status,
        "createdDateTime": training.created.to_string(),
        "lastActionDateTime": training.last_action.to_string(),
        "lastSuccessfulTrainingDateTime": training.last_success.map(|at| at.to_string()),
        "message": training.message,
    }))
}
