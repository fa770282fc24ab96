//! Vendors and clients over the management API.

use super::api::{AdminCall, json_reply};
use super::error::Refusal;
use super::records::{moment, whole_days};
use likeness_http::Reply;
use likeness_rules::ResourceId;
use likeness_service::accounts::signing::FormerKeys;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MayIssue {
    may_issue: bool,
}

/// `POST accounts/{}/vendor`
pub(super) async fn set_vendor_right(call: AdminCall) -> Result<Reply, Refusal> {
    let MayIssue { may_issue } = call.body()?;
    call.app.accounts.set_vendor_right(call.account()?.id(), &call.attribution, may_issue).await?;
    Ok(Reply::no_content())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revoke {
    pub token: Option<Uuid>,
    pub before: Option<String>,
}

/// `POST accounts/{}/tokens/revoke`
pub(super) async fn revoke(call: AdminCall) -> Result<Reply, Refusal> {
    let vendor = call.account()?.id();
    match call.body()? {
        Revoke { token: Some(token), before: None } => {
            call.app.accounts.revoke_token(vendor, &call.attribution, token).await?;
        }
        Revoke { token: None, before: Some(before) } if before.eq_ignore_ascii_case("now") => {
            call.app.accounts.revoke_all(vendor, &call.attribution).await?;
        }
        Revoke { token: None, before: Some(before) } => {
            let instant = moment(&before).ok_or_else(|| {
                Refusal::Invalid("before must be a time such as 2026-01-31T12:00:00Z, or now".to_owned())
            })?;
            call.app.accounts.revoke_before(vendor, &call.attribution, instant).await?;
        }
        _ => return Err(Refusal::Invalid("give token, the id of one, or before, a time".to_owned())),
    }
    Ok(Reply::no_content())
}

/// `GET accounts/{}/tokens/report`
pub(super) async fn report(call: AdminCall) -> Result<Reply, Refusal> {
    let (from, to) = whole_days(&call.query)?;
    let events = call.query.flag("events", false);
    let events = events.map_err(|_| Refusal::Invalid("events must be true or false".to_owned()))?;
    json_reply(&call.app.accounts.token_report(call.account()?.id(), from, to, events).await?)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Client {
    resource_id: ResourceId,
}

fn client_of(call: &AdminCall) -> Result<ResourceId, Refusal> {
    let named = call.query.text("resourceId").and_then(ResourceId::parse);
    named.ok_or_else(|| Refusal::Invalid("resourceId must be the full resource id of the client".to_owned()))
}

/// `PUT accounts/{}/blocked`
pub(super) async fn block(call: AdminCall) -> Result<Reply, Refusal> {
    let Client { resource_id } = call.body()?;
    call.app.accounts.block_client(call.account()?.id(), &call.attribution, &resource_id, true).await?;
    Ok(Reply::no_content())
}

/// `DELETE accounts/{}/blocked`
pub(super) async fn unblock(call: AdminCall) -> Result<Reply, Refusal> {
    let client = client_of(&call)?;
    call.app.accounts.block_client(call.account()?.id(), &call.attribution, &client, false).await?;
    Ok(Reply::no_content())
}

/// `GET blocked`
pub(super) async fn blocked_everywhere(call: AdminCall) -> Result<Reply, Refusal> {
    json_reply(&call.app.access.cache.last_known().installation.0.blocked)
}

/// `PUT blocked`
pub(super) async fn block_everywhere(call: AdminCall) -> Result<Reply, Refusal> {
    let Client { resource_id } = call.body()?;
    call.app.accounts.block_everywhere(&call.attribution, &resource_id, true).await?;
    Ok(Reply::no_content())
}

/// `DELETE blocked`
pub(super) async fn unblock_everywhere(call: AdminCall) -> Result<Reply, Refusal> {
    let client = client_of(&call)?;
    call.app.accounts.block_everywhere(&call.attribution, &client, false).await?;
    Ok(Reply::no_content())
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Rotation {
    end_former: bool,
}

/// `POST signingKeys/rotate`
pub(super) async fn rotate(call: AdminCall) -> Result<Reply, Refusal> {
    let Rotation { end_former } = call.body_if_any()?;
    let fate = if end_former { FormerKeys::End } else { FormerKeys::UseUp };
    let key = call.app.accounts.rotate_signing_key(&call.attribution, fate).await?;
    json_reply(&json!({ "keyId": key }))
}
