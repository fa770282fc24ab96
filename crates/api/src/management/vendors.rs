//! Vendors and clients over the management API.

use super::api::{AdminCall, json_reply};
use super::error::Refused;
use super::records::{moment, whole_days};
use likeness_http::Reply;
use likeness_rules::ResourceId;
use likeness_service::accounts::signing::Former;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MayIssue {
    may_issue: bool,
}

/// `POST accounts/{}/vendor`
pub(super) async fn let_issue(call: AdminCall) -> Result<Reply, Refused> {
    let MayIssue { may_issue } = call.body()?;
    call.app.custodian.let_issue(call.account()?.id(), &call.order, may_issue).await?;
    Ok(Reply::no_content())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revoke {
    pub token: Option<Uuid>,
    pub before: Option<String>,
}

/// `POST accounts/{}/tokens/revoke`
pub(super) async fn revoke(call: AdminCall) -> Result<Reply, Refused> {
    let vendor = call.account()?.id();
    match call.body()? {
        Revoke { token: Some(token), before: None } => {
            call.app.custodian.revoke_token(vendor, &call.order, token).await?;
        }
        Revoke { token: None, before: Some(before) } if before.eq_ignore_ascii_case("now") => {
            call.app.custodian.revoke_all(vendor, &call.order).await?;
        }
        Revoke { token: None, before: Some(before) } => {
            let instant = moment(&before).ok_or_else(|| {
                Refused::Invalid("before must be a time such as 2026-01-31T12:00:00Z, or now".to_owned())
            })?;
            call.app.custodian.revoke_before(vendor, &call.order, instant).await?;
        }
        _ => return Err(Refused::Invalid("give token, the id of one, or before, a time".to_owned())),
    }
    Ok(Reply::no_content())
}

/// `GET accounts/{}/tokens/report`
pub(super) async fn report(call: AdminCall) -> Result<Reply, Refused> {
    let (from, to) = whole_days(&call.query)?;
    let events = call.query.flag("events", false);
    let events = events.map_err(|_| Refused::Invalid("events must be true or false".to_owned()))?;
    json_reply(&call.app.custodian.token_report(call.account()?.id(), from, to, events).await?)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Client {
    resource_id: ResourceId,
}

fn client_of(call: &AdminCall) -> Result<ResourceId, Refused> {
    let named = call.query.text("resourceId").and_then(ResourceId::parse);
    named.ok_or_else(|| Refused::Invalid("resourceId must be the full resource id of the client".to_owned()))
}

/// `PUT accounts/{}/blocked`
pub(super) async fn block(call: AdminCall) -> Result<Reply, Refused> {
    let Client { resource_id } = call.body()?;
    call.app.custodian.block_client(call.account()?.id(), &call.order, &resource_id, true).await?;
    Ok(Reply::no_content())
}

/// `DELETE accounts/{}/blocked`
pub(super) async fn unblock(call: AdminCall) -> Result<Reply, Refused> {
    let client = client_of(&call)?;
    call.app.custodian.block_client(call.account()?.id(), &call.order, &client, false).await?;
    Ok(Reply::no_content())
}

/// `GET blocked`
pub(super) async fn blocked_everywhere(call: AdminCall) -> Result<Reply, Refused> {
    json_reply(&call.app.access.directory.last().installation.0.blocked)
}

/// `PUT blocked`
pub(super) async fn block_everywhere(call: AdminCall) -> Result<Reply, Refused> {
    let Client { resource_id } = call.body()?;
    call.app.custodian.block_everywhere(&call.order, &resource_id, true).await?;
    Ok(Reply::no_content())
}

/// `DELETE blocked`
pub(super) async fn unblock_everywhere(call: AdminCall) -> Result<Reply, Refused> {
    let client = client_of(&call)?;
    call.app.custodian.block_everywhere(&call.order, &client, false).await?;
    Ok(Reply::no_content())
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Rotation {
    end_former: bool,
}

/// `POST signingKeys/rotate`
pub(super) async fn rotate(call: AdminCall) -> Result<Reply, Refused> {
    let Rotation { end_former } = call.body_if_any()?;
    let fate = if end_former { Former::End } else { Former::UseUp };
    let key = call.app.custodian.rotate_signing_key(&call.order, fate).await?;
    json_reply(&json!({ "keyId": key }))
}
