//! The settings of liveness sessions that the contract lets app servers read and change, in both spellings (`face-api.md` section
//! 8, decision 44).

use super::attribution;
use super::given::{flag, wrong};
use crate::azure::{LivenessRefusal, Refusal};
use crate::face::call::{Admitted, Call, Permitted};
use likeness_http::{Body, Input, Reply};
use likeness_service::accounts::AccountError;
use likeness_service::accounts::settings_change::SettingsChange;
use serde_json::{Value, json};

/// The name of the setting.
const NAME: &str = "liveness-abuse-monitoring";

fn answer(call: &Call<Permitted>, enabled: bool) -> Result<Reply, Refusal> {
    if call.route().path == "settings" {
        return call.answer(&json!({ "livenessAbuseMonitoring": { "enabled": enabled } }));
    }
    call.answer(&json!({ "name": NAME, "enabled": enabled }))
}

/// `GET settings/liveness-abuse-monitoring`
pub(in crate::face) async fn monitoring(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let enabled = call.watches_for_abuse();
    answer(&call, enabled)
}

/// `PATCH settings/liveness-abuse-monitoring`
pub(in crate::face) async fn change_monitoring(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let (input, call) = call.take_input();
    let Input::Json(body) = input else { return Err(wrong("Request body is invalid. It must be a JSON object.")) };
    let body = match (call.route().path, body.get("livenessAbuseMonitoring")) {
        ("settings", Some(Value::Object(inner))) => Body::of(inner.clone()),
        ("settings", _) => {
            return Err(wrong("'livenessAbuseMonitoring' is missing. It must be an object with 'enabled'."));
        }
        _ => body,
    };
    if body.get("enabled").is_none() {
        return Err(wrong("'enabled' is missing. It must be true or false."));
    }
    let enabled = flag(&body, "enabled")?;
    let call = call.permit().await?;
    call.recheck_access().await?;
    let liveness = json!({ "abuseMonitoring": enabled }).as_object().cloned();
    let change = SettingsChange { liveness, ..SettingsChange::default() };
    let altered = call.app().accounts.alter(call.account(), &attribution(&call), &change).await;
    altered.map_err(|error| match error {
        AccountError::Conflict => Refusal::Conflict,
        AccountError::Store(error) => error.into(),
        other => Refusal::Internal(other.to_string()),
    })?;
    answer(&call, enabled)
}

/// `GET settings/getClientAssetsAccessToken`: the original hands out a key to a package feed of its own.
pub(in crate::face) async fn assets_token(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let _call = call.permit().await?;
    Err(LivenessRefusal::NotOffered(
        "There is no package feed here: the capture page, and the script that puts it into a site, come from this server and need no token. See docs/capture-page.md.",
    )
    .into())
}
