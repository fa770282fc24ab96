//! What may be changed about an account at once, by the command line and by `PATCH accounts/{}`.

use super::{AccountError, AccountService, Attribution};
use crate::access::AccountState;
use crate::liveness::forget_some;
use likeness_rules::{
    ConfidenceDetail, LivenessSettings, NetworkRule, NetworkRules, RetentionClass, Settings, parse_origin,
};
use likeness_store::{AccountId, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;

/// A change of settings: a missing field stays as it is, `null` resets a field that has a default.
#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SettingsChange {
    /// The tier; `None` inside: that of the installation.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    pub tier: Option<Option<String>>,
    /// The subdomain; `None` inside: no longer any.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    pub subdomain: Option<Option<String>>,
    /// The region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Whether keys open it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_auth: Option<bool>,
    /// From where it may be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkRules>,
    /// Origins of web pages that may call it from a browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors_origins: Option<Vec<String>>,
    /// How much answers say about how near two faces are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<ConfidenceDetail>,
    /// Seconds by the names of the retention table; `null` goes back to the longest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Map<String, Value>>,
    /// What holds for liveness sessions, by the names of [`LivenessSettings`]; those that are not there stay as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liveness: Option<Map<String, Value>>,
}

/// Tells `null` from a field that is not there.
mod given {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
        Option::<String>::deserialize(from).map(Some)
    }

    pub(super) fn serialize<S: Serializer>(value: &Option<Option<String>>, to: S) -> Result<S::Ok, S::Error> {
        value.serialize(to)
    }
}

impl SettingsChange {
    /// Does it.
    ///
    /// # Errors
    /// When a life has another name or length than the table's.
    pub fn apply(&self, settings: &mut Settings) -> Result<(), AccountError> {
        if let Some(tier) = &self.tier {
            settings.tier.clone_from(tier);
        }
        if let Some(subdomain) = &self.subdomain {
            settings.subdomain.clone_from(subdomain);
        }
        if let Some(location) = &self.location {
            settings.location.clone_from(location);
        }
        if let Some(local_auth) = self.local_auth {
            settings.local_auth = local_auth;
        }
        if let Some(network) = &self.network {
            settings.network.clone_from(network);
        }
        if let Some(origins) = &self.cors_origins {
            // What is no origin stays as it is written, and the check of the settings names the field.
            let mut read: Vec<String> =
                origins.iter().map(|text| parse_origin(text).unwrap_or_else(|| text.clone())).collect();
            read.sort();
            read.dedup();
            settings.cors_origins = read;
        }
        if let Some(confidence) = self.confidence {
            settings.confidence = confidence;
        }
        for (name, seconds) in self.retention.iter().flatten() {
            let (kept, seconds) = life(name, seconds)?;
            settings.retention.set(kept, seconds)?;
        }
        if let Some(change) = &self.liveness {
            settings.liveness = liveness(&settings.liveness, change)?;
        }
        Ok(())
    }
}

fn life(name: &str, seconds: &Value) -> Result<(RetentionClass, Option<u32>), AccountError> {
    let kept = RetentionClass::parse(name).ok_or_else(|| {
        let known: Vec<&str> = RetentionClass::ALL.iter().map(|kept| kept.as_text()).collect();
        AccountError::Invalid(format!("{name} has no life that can be set; these have: {}", known.join(", ")))
    })?;
    if seconds.is_null() {
        return Ok((kept, None));
    }
    match seconds.as_u64().and_then(|seconds| u32::try_from(seconds).ok()) {
        Some(seconds) => Ok((kept, Some(seconds))),
        None => Err(AccountError::Invalid(format!("retention.{name} must be a number of seconds"))),
    }
}

/// The settings of liveness sessions with some of them changed.
fn liveness(settings: &LivenessSettings, change: &Map<String, Value>) -> Result<LivenessSettings, AccountError> {
    let unreadable = |error: serde_json::Error| AccountError::Invalid(format!("liveness: {error}"));
    let Value::Object(mut all) = serde_json::to_value(settings).map_err(unreadable)? else {
        return Ok(settings.clone());
    };
    for (name, value) in change {
        match all.get_mut(name) {
            Some(known) => known.clone_from(value),
            None => {
                let known: Vec<&str> = all.keys().map(String::as_str).collect();
                let text = format!("liveness.{name} is no setting; these are: {}", known.join(", "));
                return Err(AccountError::Invalid(text));
            }
        }
    }
    serde_json::from_value(Value::Object(all)).map_err(unreadable)
}

/// What the audit log says of a change: all of it, but for a picture.
fn told(change: &SettingsChange) -> Result<Value, StoreError> {
    let mut told = serde_json::to_value(change).map_err(|error| StoreError::Backend(Box::new(error)))?;
    if let Some(logo) = told.pointer_mut("/liveness/branding/logo").filter(|logo| logo.is_string()) {
        *logo = Value::from("a picture");
    }
    Ok(told)
}

impl AccountService {
    /// Changes an account and records the change in its audit log.
    ///
    /// # Errors
    /// [`AccountError`] when the new settings cannot be: a rule for an unknown subnet would allow no address.
    pub async fn alter(
        &self,
        id: AccountId,
        attribution: &Attribution,
        change: &SettingsChange,
    ) -> Result<Arc<AccountState>, AccountError> {
        let devices: Option<NetworkRules> = match change.liveness.as_ref().and_then(|change| change.get("devices")) {
            Some(rules) => serde_json::from_value(rules.clone())
                .map_err(|error| AccountError::Invalid(format!("liveness.devices: {error}")))?,
            None => None,
        };
        let rules = change.network.iter().chain(&devices).flat_map(|network| &network.rules);
        let mut unknown = rules.filter_map(|rule| match rule {
            NetworkRule::Subnet(name) if !self.subnets.contains(name) => Some(name),
            _ => None,
        });
        if let Some(name) = unknown.next() {
            return Err(AccountError::Invalid(format!(
                "{name} is no address, no range, and no subnet that the settings of this installation name; add it to [access.subnets]"
            )));
        }
        let detail = told(change)?;
        let state = self.change(id, attribution, &detail, |settings| change.apply(settings)).await?;
        if change.retention.is_some() {
            self.end_what_is_too_old(&state).await?;
        }
        if change.liveness.is_some() && !state.settings.liveness.abuse_monitoring {
            // Also where it was off: templates that came while it was switched off go with the next change.
            while let Some(write) = forget_some(&*self.store, id, self.clock.now()).await? {
                self.write(id, attribution, write).await?;
            }
        }
        Ok(state)
    }
}
