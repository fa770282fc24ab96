//! Accounts over the management API.

use super::api::{AdminCall, Management, created, json_reply};
use super::error::Refusal;
use super::routes::ROUTES;
use likeness_base::Timestamp;
use likeness_http::Reply;
use likeness_rules::{Approvals, Assignment, Notice, Principal, RetentionClass, Role, Settings, rows};
use likeness_service::access::{AccountState, ManagementCaller, RequiredAccess, new_key};
use likeness_service::accounts::lifecycle::AccountSpec;
use likeness_service::accounts::settings_change::SettingsChange;
use likeness_service::randomness::random_id;
use likeness_store::{AccountId, KeySlot};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// `GET /admin/v1/`
pub(super) async fn index(_: AdminCall) -> Result<Reply, Refusal> {
    let row = |route: &likeness_http::Route<Management>| {
        json!({
            "method": route.method.as_str(),
            "path": format!("/admin/v1/{}", route.path),
            "needs": route.rule.need.words(),
            "summary": route.rule.summary,
        })
    };
    json_reply(&ROUTES.iter().map(row).collect::<Vec<_>>())
}

/// `GET me`
pub(super) async fn me(call: AdminCall) -> Result<Reply, Refusal> {
    let table = call.app.access.cache.last_known();
    let everywhere = &table.installation.0.assignments;
    let may = |need, account: &AccountState| call.standing.may(need, Some(account), everywhere);
    let seen = table.all().into_iter().filter(|account| may(RequiredAccess::Look, account));
    let accounts: Vec<Value> = seen
        .map(|account| {
            json!({
                "id": account.id().0,
                "name": account.settings.resource.name(),
                "resourceId": account.settings.resource,
                "mayManage": may(RequiredAccess::Manage, &account),
                "mayAssignRoles": may(RequiredAccess::AssignRoles, &account),
                "mayListKeys": may(RequiredAccess::ListKeys, &account),
                "mayReadPersons": may(RequiredAccess::ReadPersons, &account),
                "mayErasePersons": may(RequiredAccess::ErasePersons, &account),
            })
        })
        .collect();
    let is_operator = call.standing.may(RequiredAccess::Operator, None, everywhere);
    let kind = match call.standing {
        ManagementCaller::Operator => "operator",
        ManagementCaller::AccountKey(..) => "key",
        ManagementCaller::Identity(..) => "person",
    };
    let undecided = call.app.config.proxies_are_undecided;
    json_reply(&json!({
        "kind": kind, "isOperator": is_operator, "proxiesAreUndecided": undecided, "accounts": accounts,
    }))
}

/// An account as it is shown. Its keys are not in it.
pub(super) fn account_json(call: &AdminCall, state: &AccountState) -> Value {
    let settings = &state.settings;
    let lives: Map<String, Value> = RetentionClass::ALL
        .iter()
        .map(|&kept| {
            let life = json!({
                "seconds": settings.retention.seconds(kept),
                "longest": kept.longest(),
                "shortest": kept.shortest(),
                "isSet": settings.retention.get(kept).is_some(),
            });
            (kept.as_text().to_owned(), life)
        })
        .collect();
    let moment = |at: Option<Timestamp>| at.map(|at| at.to_string());
    json!({
        "id": state.id().0,
        "name": settings.resource.name(),
        "resourceId": settings.resource,
        "location": settings.location,
        "tier": settings.tier,
        "tierInForce": call.app.limits.tier(state),
        "subdomain": settings.subdomain,
        "endpointPath": settings.subdomain.as_ref().map(|subdomain| format!("/accounts/{subdomain}")),
        "createdAt": state.account.created_at.to_string(),
        "state": if state.is_open() { "open" } else { "closed" },
        "closedAt": moment(state.account.closed_at),
        "endsAt": moment(state.account.ends_at),
        "localAuth": settings.local_auth,
        "approvals": settings.approvals,
        "network": settings.network,
        "corsOrigins": settings.cors_origins,
        "confidence": settings.confidence,
        "liveness": settings.liveness,
        "retention": lives,
        "vendor": settings.vendor,
        "roles": settings.assignments,
        "notices": settings.notices,
        "version": state.version,
    })
}

/// `GET accounts`
pub(super) async fn list(call: AdminCall) -> Result<Reply, Refusal> {
    let accounts = call.app.access.cache.last_known().all();
    json_reply(&accounts.iter().map(|state| account_json(&call, state)).collect::<Vec<_>>())
}

/// `GET accounts/{}`
pub(super) async fn show(call: AdminCall) -> Result<Reply, Refusal> {
    json_reply(&account_json(&call, call.account()?))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct New {
    name: String,
    subscription: Option<Uuid>,
    resource_group: Option<String>,
    location: Option<String>,
    tier: Option<String>,
    subdomain: Option<String>,
    #[serde(default)]
    approvals: Approvals,
    #[serde(default)]
    may_issue: bool,
}

/// `POST accounts`
pub(super) async fn create(call: AdminCall) -> Result<Reply, Refusal> {
    let new: New = call.body()?;
    let usual = AccountSpec::named(&new.name);
    let spec = AccountSpec {
        subscription: new.subscription,
        group: new.resource_group.unwrap_or(usual.group),
        location: new.location.unwrap_or(usual.location),
        tier: new.tier,
        subdomain: new.subdomain,
        approvals: new.approvals,
        is_vendor: new.may_issue,
        name: usual.name,
    };
    let keys = [new_key(&*call.app.randomness), new_key(&*call.app.randomness)];
    let id = call.app.accounts.create(&call.attribution, spec, keys.clone()).await?;
    let state = call.app.accounts.find(&id.to_string())?;
    let [key1, key2] = &keys;
    let mut made = account_json(&call, &state);
    made["keys"] = json!({ "key1": key1.expose(), "key2": key2.expose() });
    Ok(created(json_reply(&made)?))
}

/// `PATCH accounts/{}`
pub(super) async fn change(call: AdminCall) -> Result<Reply, Refusal> {
    let change: SettingsChange = call.body()?;
    // The tier protects the operator from the account: its own managers do not lift it.
    if change.tier.is_some() && !call.acts_in_all() {
        return Err(Refusal::Forbidden(RequiredAccess::Operator.words()));
    }
    let state = call.app.accounts.alter(call.account()?.id(), &call.attribution, &change).await?;
    json_reply(&account_json(&call, &state))
}

/// `PUT accounts/{}/approvals`
pub(super) async fn approve(call: AdminCall) -> Result<Reply, Refusal> {
    let approvals: Approvals = call.body()?;
    let detail = json!({ "approvals": approvals });
    let change = |settings: &mut Settings| {
        settings.approvals.clone_from(&approvals);
        Ok(())
    };
    let state = call.app.accounts.change(call.account()?.id(), &call.attribution, &detail, change).await?;
    json_reply(&account_json(&call, &state))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Close {
    #[serde(default)]
    grace_days: u32,
}

/// `POST accounts/{}/close`
pub(super) async fn close(call: AdminCall) -> Result<Reply, Refusal> {
    let Close { grace_days } = call.body()?;
    call.app.accounts.close(call.account()?.id(), &call.attribution, grace_days).await?;
    call.app.galleries.follow_all().await;
    Ok(Reply::no_content())
}

/// `POST accounts/{}/reopen`
pub(super) async fn reopen(call: AdminCall) -> Result<Reply, Refusal> {
    let id = call.account()?.id();
    call.app.accounts.reopen(id, &call.attribution).await?;
    json_reply(&account_json(&call, &*call.app.accounts.find(&id.to_string())?))
}

/// `POST accounts/{}/listKeys`
pub(super) async fn list_keys(call: AdminCall) -> Result<Reply, Refusal> {
    let keys = call.app.accounts.keys(call.account()?.id(), &call.attribution).await?;
    let mut listed = Map::new();
    for key in keys {
        let name = match key.slot {
            KeySlot::Key1 => "key1",
            KeySlot::Key2 => "key2",
        };
        listed.insert(name.to_owned(), json!(key.value.expose()));
    }
    json_reply(&listed)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Regenerate {
    key_name: String,
}

/// `POST accounts/{}/regenerateKey`
pub(super) async fn regenerate(call: AdminCall) -> Result<Reply, Refusal> {
    let Regenerate { key_name } = call.body()?;
    let slot = match key_name.to_ascii_lowercase().as_str() {
        "key1" => KeySlot::Key1,
        "key2" => KeySlot::Key2,
        _ => return Err(Refusal::Invalid("keyName must be Key1 or Key2".to_owned())),
    };
    call.app.accounts.regenerate(call.account()?.id(), &call.attribution, slot).await?;
    list_keys(call).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assign {
    issuer: String,
    principal: Principal,
    role: String,
}

impl Assign {
    fn read(call: &AdminCall) -> Result<Assignment, Refusal> {
        let assign: Self = call.body()?;
        let role = assign.role()?;
        let Self { issuer, principal, .. } = assign;
        if !call.app.config.access.oidc.iter().any(|known| known.issuer == issuer) {
            return Err(Refusal::Invalid(
                "the issuer is none of those in [[access.oidc]] of the settings, so nobody would have the role"
                    .to_owned(),
            ));
        }
        Ok(Assignment { id: random_id(&*call.app.randomness), issuer, principal, role })
    }

    /// The role that it names.
    pub(crate) fn role(&self) -> Result<Role, Refusal> {
        Role::parse(&self.role).ok_or_else(|| {
            let known: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
            Refusal::Invalid(format!("role must be one of {}", known.join(", ")))
        })
    }
}

/// `POST accounts/{}/roles`
pub(super) async fn assign(call: AdminCall) -> Result<Reply, Refusal> {
    let assignment = Assign::read(&call)?;
    let detail = json!({ "assign": assignment });
    let change = |settings: &mut Settings| {
        settings.assignments.push(assignment.clone());
        Ok(())
    };
    call.app.accounts.change(call.account()?.id(), &call.attribution, &detail, change).await?;
    Ok(created(json_reply(&assignment)?))
}

/// `DELETE accounts/{}/roles/{}`
pub(super) async fn unassign(call: AdminCall) -> Result<Reply, Refusal> {
    let id = call.id(1)?;
    if !call.account()?.settings.assignments.iter().any(|known| known.id == id) {
        return Err(Refusal::NotFound("there is no such role in this account".to_owned()));
    }
    let detail = json!({ "unassign": id });
    let change = |settings: &mut Settings| {
        settings.assignments.retain(|known| known.id != id);
        Ok(())
    };
    call.app.accounts.change(call.account()?.id(), &call.attribution, &detail, change).await?;
    Ok(Reply::no_content())
}

/// `POST roles`
pub(super) async fn assign_everywhere(call: AdminCall) -> Result<Reply, Refusal> {
    let assignment = Assign::read(&call)?;
    let detail = json!({ "assign": assignment });
    let change = |installation: &mut likeness_rules::Installation| installation.assignments.push(assignment.clone());
    call.app.accounts.change_installation(&call.attribution, &detail, change).await?;
    Ok(created(json_reply(&assignment)?))
}

/// `GET roles`
pub(super) async fn assignments_everywhere(call: AdminCall) -> Result<Reply, Refusal> {
    json_reply(&call.app.access.cache.last_known().installation.0.assignments)
}

/// `DELETE roles/{}`
pub(super) async fn unassign_everywhere(call: AdminCall) -> Result<Reply, Refusal> {
    let id = call.id(0)?;
    let known = call.app.access.cache.last_known().installation.clone();
    if !known.0.assignments.iter().any(|known| known.id == id) {
        return Err(Refusal::NotFound("there is no such role for all accounts".to_owned()));
    }
    let detail = json!({ "unassign": id });
    let change = |installation: &mut likeness_rules::Installation| installation.assignments.retain(|one| one.id != id);
    call.app.accounts.change_installation(&call.attribution, &detail, change).await?;
    Ok(Reply::no_content())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewNotice {
    text: String,
    controller: String,
    processor: String,
}

/// `PUT accounts/{}/notices/{}`
pub(super) async fn put_notice(call: AdminCall) -> Result<Reply, Refusal> {
    let NewNotice { text, controller, processor } = call.body()?;
    let language = call.parameters.get(1).cloned().unwrap_or_default();
    let detail = json!({ "notice": language });
    let change = |settings: &mut Settings| {
        let same = |notice: &&Notice| notice.language.eq_ignore_ascii_case(&language);
        let newest = settings.notices.iter().filter(same).max_by_key(|notice| notice.version);
        let is_known = newest
            .is_some_and(|known| known.text == text && known.controller == controller && known.processor == processor);
        if !is_known {
            let version = newest.map_or(1, |known| known.version + 1);
            let (text, controller, processor) = (text.clone(), controller.clone(), processor.clone());
            settings.notices.push(Notice { language: language.clone(), version, text, controller, processor });
        }
        Ok(())
    };
    let state = call.app.accounts.change(call.account()?.id(), &call.attribution, &detail, change).await?;
    json_reply(&state.settings.notice(&language))
}

/// `GET retention`
pub(super) async fn retention(_: AdminCall) -> Result<Reply, Refusal> {
    json_reply(&rows())
}

/// The account of the installation, for its own audit log.
pub(super) const INSTALLATION: AccountId = AccountId::INSTALLATION;
