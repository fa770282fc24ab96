//! Keys of people's devices over the management API: listed and removed, never shown.

use super::api::{AdminCall, json_reply};
use super::error::Refusal;
use super::liveness::{LONGEST_ID, gone, page};
use likeness_http::{Reply, parse_uuid};
use likeness_service::liveness::KnownKey;
use serde::Deserialize;
use serde_json::{Value, json};

fn key_json(known: &KnownKey) -> Value {
    json!({
        "record": known.record,
        "createdAt": known.key.created_at().to_string(),
        "lastUsedAt": known.key.used_at().to_string(),
        "expiresAt": known.expires_at.to_string(),
        "ofThisDevice": known.key.is_of_one_device(),
    })
}

/// `GET accounts/{}/liveness/keys`
pub(super) async fn list(call: AdminCall) -> Result<Reply, Refusal> {
    let keys = call.app.liveness.keys(call.account()?, &page(&call)?).await?;
    json_reply(&keys.iter().map(key_json).collect::<Vec<_>>())
}

fn holder(id: &str) -> Result<&str, Refusal> {
    if (1..=LONGEST_ID).contains(&id.chars().count()) {
        return Ok(id);
    }
    Err(Refusal::Invalid(format!("userCorrelationId must have 1 to {LONGEST_ID} characters")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Asked {
    user_correlation_id: String,
}

/// `POST accounts/{}/liveness/keys/find`
pub(super) async fn find(call: AdminCall) -> Result<Reply, Refusal> {
    let Asked { user_correlation_id } = call.body()?;
    let keys = call.app.liveness.keys_of(call.account()?, holder(&user_correlation_id)?).await?;
    json_reply(&keys.iter().map(key_json).collect::<Vec<_>>())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Removal {
    record: Option<String>,
    user_correlation_id: Option<String>,
}

/// `POST accounts/{}/liveness/keys/remove`
pub(super) async fn remove(call: AdminCall) -> Result<Reply, Refusal> {
    let (account, liveness) = (call.account()?, &call.app.liveness);
    let removed = match call.body()? {
        Removal { record: Some(record), user_correlation_id: None } => {
            let is_gone = match parse_uuid(&record) {
                Some(record) => liveness.remove_key(account.id(), &call.attribution, &record.to_string()).await?,
                None => false,
            };
            usize::from(is_gone)
        }
        Removal { record: None, user_correlation_id: Some(id) } => {
            liveness.remove_keys_of(account, &call.attribution, holder(&id)?).await?
        }
        _ => return Err(Refusal::Invalid("give either record or userCorrelationId".to_owned())),
    };
    if removed == 0 { Err(gone()) } else { json_reply(&json!({ "removed": removed })) }
}
