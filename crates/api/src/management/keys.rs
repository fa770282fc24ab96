//! Who holds the keys that seal the data, over the management API.

use super::accounts::INSTALLATION;
use super::api::{AdminCall, json_reply};
use super::error::Refusal;
use futures_util::future::join_all;
use likeness_http::Reply;
use likeness_service::accounts::keys as service;
use likeness_service::key_holders::KeyHolder;
use serde::Deserialize;
use serde_json::{Value, json};

async fn overview(call: &AdminCall) -> Result<Reply, Refusal> {
    let state = call.account()?;
    let overview = call.app.accounts.key_overview(state.id()).await?;
    let mut reply = serde_json::to_value(overview)?;
    let account = state.settings.resource.name();
    let offered = call.app.accounts.holders.all().filter(|holder| holder.is_offered_to(account));
    reply["offered"] = offered.map(provider).collect();
    json_reply(&reply)
}

fn provider(holder: &KeyHolder) -> Value {
    json!({ "name": holder.name, "kind": holder.kind.as_text() })
}

/// `GET accounts/{}/encryption`
pub(super) async fn show(call: AdminCall) -> Result<Reply, Refusal> {
    overview(&call).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewEncryption {
    provider: String,
}

/// `PUT accounts/{}/encryption`
pub(super) async fn set(call: AdminCall) -> Result<Reply, Refusal> {
    let NewEncryption { provider } = call.body()?;
    let state = call.account()?;
    let tier = call.app.limits.tier(state);
    let provider = (provider != service::INSTALLATION).then_some(provider.as_str());
    call.app.accounts.move_keys(state, tier, &call.attribution, provider).await?;
    overview(&call).await
}

/// `POST accounts/{}/encryption/disable`
pub(super) async fn disable(call: AdminCall) -> Result<Reply, Refusal> {
    call.app.accounts.set_keys_enabled(call.account()?.id(), &call.attribution, false).await?;
    overview(&call).await
}

/// `POST accounts/{}/encryption/enable`
pub(super) async fn enable(call: AdminCall) -> Result<Reply, Refusal> {
    call.app.accounts.set_keys_enabled(call.account()?.id(), &call.attribution, true).await?;
    overview(&call).await
}

/// `GET encryption`
pub(super) async fn show_everywhere(call: AdminCall) -> Result<Reply, Refusal> {
    let service = &call.app.accounts;
    let mut accounts = Vec::new();
    for state in service.cache.last_known().all() {
        let mut one = serde_json::to_value(service.key_overview(state.id()).await?)?;
        one["id"] = json!(state.id().0);
        accounts.push(one);
    }
    // Side by side: one that does not answer is waited for, and so keeps nobody longer than that.
    let providers = join_all(service.holders.all().map(|holder| async move {
        let described = holder.provider.describe().await;
        let mut one = provider(holder);
        one["version"] = json!(described.as_ref().ok().map(|key| key.version));
        one["problem"] = json!(described.err().map(|error| error.to_string()));
        one
    }));
    let providers = providers.await;
    let installation = service.key_overview(INSTALLATION).await?;
    json_reply(&json!({ "installation": installation, "accounts": accounts, "providers": providers }))
}

/// `PUT encryption`
pub(super) async fn set_everywhere(call: AdminCall) -> Result<Reply, Refusal> {
    let NewEncryption { provider } = call.body()?;
    call.app.accounts.move_installation_key(&provider, &call.attribution).await?;
    json_reply(&call.app.accounts.key_overview(INSTALLATION).await?)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rotation {
    provider: String,
    #[serde(default)]
    only_behind: bool,
}

/// `POST encryption/rotate`
pub(super) async fn rotate(call: AdminCall) -> Result<Reply, Refusal> {
    let Rotation { provider, only_behind } = call.body()?;
    let rotated = call.app.accounts.rotate_keys(&provider, &call.attribution, only_behind, &|_, _| ()).await?;
    json_reply(&rotated)
}
