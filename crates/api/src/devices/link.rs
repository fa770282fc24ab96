//! The quick link: made by whoever has a session's token, opened by a browser, used once.

use super::api::{Devices, Presenter};
use super::device;
use crate::azure::{LivenessRefusal, Refusal};
use likeness_http::{Call, Head, Input, Reply, parse_uuid};
use likeness_liveness::Session;
use likeness_rules::{LivenessSettings, allowed_origin};
use likeness_service::access::AccountState;
use likeness_service::accounts::Attribution;
use likeness_service::liveness::{FoundLink, MOST_LINKS, NoLink, NotChanged, NotUsed};
use likeness_store::Actor;
use serde_json::{Value, json};
use std::sync::Arc;
use url::Url;
use uuid::Uuid;

impl From<NotUsed> for Refusal {
    fn from(problem: NotUsed) -> Self {
        match problem {
            NotUsed::Gone => LivenessRefusal::LinkNotFound.into(),
            NotUsed::Used => LivenessRefusal::LinkUsed.into(),
            NotUsed::Store(error) => error.into(),
        }
    }
}

/// `POST /api/quicklink`
pub(super) async fn create(call: Call<Devices>) -> Result<Reply, Refusal> {
    let device = device(&call)?;
    let app = &call.head.app;
    let attribution = Attribution { actor: Actor::Device, request_id: call.head.request_id };
    let policy = &device.state.settings.retention;
    let link = app.liveness.create_link(device.state.id(), &attribution, device.session, policy).await;
    let link = link.map_err(|problem| match problem {
        NotChanged::Gone => LivenessRefusal::SessionNotFound.into(),
        NotChanged::Refused(NoLink::TokenExpired) => Refusal::BearerRefused("the token's time is over".to_owned()),
        NotChanged::Refused(NoLink::TooMany) => Refusal::QuotaExceeded(format!(
            "The session has {MOST_LINKS} quick links, and no more are made. Use one of them, or create another session."
        )),
        NotChanged::Store(error) => error.into(),
    })?;
    Ok(Reply::json(&json!({ "url": format!("/?s={link}") }))?)
}

fn link_id(text: Option<&str>) -> Result<Uuid, Refusal> {
    text.and_then(parse_uuid).ok_or_else(|| LivenessRefusal::LinkNotFound.into())
}

/// How the account looks, and what else it offers.
fn appearance(state: &AccountState) -> Value {
    let LivenessSettings { branding, alternative, .. } = &state.settings.liveness;
    let logo = branding.logo.as_ref().map(|logo| format!("data:image/png;base64,{logo}"));
    json!({
        "branding": { "name": branding.name, "colour": branding.colour, "logo": logo },
        "alternative": alternative,
    })
}

/// Refuses an address that the account does not allow.
fn check_callback(state: &AccountState, callback: Option<&str>) -> Result<(), Refusal> {
    let Some(callback) = callback.filter(|callback| !callback.is_empty()) else { return Ok(()) };
    let origin = Url::parse(callback).ok().map(|address| address.origin()).filter(url::Origin::is_tuple);
    let is_allowed = origin.is_some_and(|origin| {
        // `*` lets any page call; it does not let any page be turned to.
        let origins: Vec<String> =
            state.settings.cors_origins.iter().filter(|origin| *origin != "*").cloned().collect();
        allowed_origin(&origins, &origin.ascii_serialization()).is_some()
    });
    if is_allowed { Ok(()) } else { Err(LivenessRefusal::InvalidCallback.into()) }
}

/// What a page has to know of a session before it begins.
fn about_session(state: &AccountState, session: &Session) -> Value {
    let mut about = appearance(state);
    about["verify"] = json!(session.request.verify.is_some());
    about["expectsReference"] = json!(session.request.expects_reference());
    about["enrolKey"] = json!(session.request.enrols_key);
    about["recording"] = json!(session.request.records.is_some());
    about["noticeAccepted"] = json!(session.notice_accepted_at().is_some());
    about
}

/// `GET /api/quicklink/about`: nothing is used up, because mail scanners and previews open links too. With a token in place of a
/// link it tells the same of the token's session.
pub(super) async fn about(call: Call<Devices>) -> Result<Reply, Refusal> {
    let app = &call.head.app;
    if let Presenter::Device(device) = &call.caller {
        let found = app.liveness.read(device.state.id(), device.session, &device.state.settings.retention).await?;
        let found = found.ok_or(LivenessRefusal::SessionNotFound)?;
        return Ok(Reply::json(&about_session(&device.state, &found.stored.session))?);
    }
    let link = link_id(call.head.query.text("s"))?;
    let (found, state) = open(&call.head, link).await?;
    let session = app.liveness.read(found.account, found.session, &state.settings.retention).await?;
    let session = session.ok_or(LivenessRefusal::LinkNotFound)?;
    check_callback(&state, call.head.query.text("callbackUrl"))?;
    if found.is_used {
        return Err(LivenessRefusal::LinkUsed.into());
    }
    Ok(Reply::json(&about_session(&state, &session.stored.session))?)
}

/// Where a link leads, and to which account, which is open and lets the caller's address in.
async fn open(head: &Head<Devices>, link: Uuid) -> Result<(FoundLink, Arc<AccountState>), Refusal> {
    let found = head.app.liveness.link(link).await?;
    let table = head.app.access.cache.last_known();
    let state = table.account(found.account).filter(|state| state.is_open());
    let state = state.ok_or(LivenessRefusal::LinkNotFound)?;
    if !head.app.access.allows_device(state, head.address.origin.client) {
        return Err(Refusal::NetworkDenied);
    }
    Ok((found, state.clone()))
}

/// `POST /api/quicklink/begin`: the tap of a person, which uses the link.
pub(super) async fn begin(call: Call<Devices>) -> Result<Reply, Refusal> {
    let Call { head, input, .. } = call;
    let Input::Json(body) = input else {
        return Err(
            LivenessRefusal::InvalidBody("Request body is invalid. It must be a JSON object.".to_owned()).into()
        );
    };
    let link = link_id(body.text("link")?)?;
    let (found, state) = open(&head, link).await?;
    let attribution = Attribution { actor: Actor::Device, request_id: head.request_id };
    let session = head.app.liveness.use_link(&attribution, link, &found, &state).await?;
    let mut answer = about_session(&state, &session.stored.session);
    answer["token"] = json!(session.stored.token.expose());
    answer["sessionId"] = json!(found.session);
    Ok(Reply::json(&answer)?)
}
