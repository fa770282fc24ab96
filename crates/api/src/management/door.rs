//! The door of the management API.

use super::error::Refused;
use super::routes::{ROUTES, Route};
use crate::face::error::Refusal;
use crate::face::query::Query;
use crate::http::place::Place;
use crate::http::{collect, shown};
use crate::unicode;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use likeness_base::{Clock as _, Secret};
use likeness_service::access::{AccountState, Denied, Standing};
use likeness_service::app::App;
use likeness_service::custody::Order;
use likeness_service::effects::random_id;
use likeness_store::{AccountId, Actor};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use uuid::Uuid;

/// Longest body: a notice, a list of rules.
const MOST_BYTES: usize = 1024 * 1024;
/// Where the API lies.
pub(crate) const PREFIX: &str = "/admin/v1";

/// What a handler returns.
pub(crate) type Handling = Pin<Box<dyn Future<Output = Result<Answer, Refused>> + Send>>;

/// A good answer.
pub(crate) struct Answer {
    status: StatusCode,
    media: &'static str,
    body: Vec<u8>,
}

impl Answer {
    /// 200 with JSON.
    pub(crate) fn json(value: &impl Serialize) -> Result<Self, Refused> {
        let body = serde_json::to_vec(value).map_err(|error| Refused::Internal(error.to_string()))?;
        Ok(Self { status: StatusCode::OK, media: "application/json; charset=utf-8", body })
    }

    /// 200 with lines.
    pub(crate) fn lines(media: &'static str, body: String) -> Self {
        Self { status: StatusCode::OK, media, body: body.into_bytes() }
    }

    /// 204.
    pub(crate) const fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, media: "", body: Vec::new() }
    }

    /// The same answer as 201.
    pub(crate) fn created(mut self) -> Self {
        self.status = StatusCode::CREATED;
        self
    }
}

/// One call that was let in and may do what it asks for.
pub(crate) struct AdminCall {
    /// The whole program.
    pub app: Arc<App>,
    /// Who asks.
    pub standing: Standing,
    /// The same for the audit trail.
    pub order: Order,
    /// The account that the path names.
    pub account: Option<Arc<AccountState>>,
    /// Path parameters, that of the account included.
    pub parameters: Vec<String>,
    /// Query parameters.
    pub query: Query,
    body: Secret<Vec<u8>>,
}

impl AdminCall {
    /// The account of a route below `accounts/{}`.
    pub(crate) fn account(&self) -> Result<&Arc<AccountState>, Refused> {
        self.account.as_ref().ok_or(Refused::NoRoute)
    }

    /// The body, in a form.
    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T, Refused> {
        let text = unicode::utf8(self.body.expose())
            .map_err(|problem| Refused::Invalid(format!("the body is no JSON: {problem}")))?;
        // The parser's own text may quote what was sent, and that may be a key.
        serde_json::from_slice(text.bytes()).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            Refused::Invalid(match error.classify() {
                serde_json::error::Category::Data => format!("the body has not the fields this call takes, at {place}"),
                _ => format!("the body is no JSON, at {place}"),
            })
        })
    }

    /// The same where there may be none.
    pub(crate) fn body_if_any<T: DeserializeOwned + Default>(&self) -> Result<T, Refused> {
        if self.body.expose().is_empty() { Ok(T::default()) } else { Ok(self.body::<Option<T>>()?.unwrap_or_default()) }
    }

    /// A path parameter that is an id.
    pub(crate) fn id(&self, position: usize) -> Result<Uuid, Refused> {
        let text = self.parameters.get(position).map_or("", String::as_str);
        Uuid::parse_str(text).map_err(|_| Refused::NotFound("there is nothing of that id".to_owned()))
    }
}

/// What log and audit trail say of a call beside its outcome.
#[derive(Default)]
struct Told {
    operation: &'static str,
    /// Whose trail a refusal belongs to, and by whom it is.
    place: Option<(AccountId, Actor)>,
}

/// Answers everything below `/admin/v1`.
pub(crate) async fn answer(State(app): State<Arc<App>>, request: Request<Body>) -> Response<Body> {
    let request_id = random_id(&*app.randomness);
    let mut told = Told { operation: "none", ..Told::default() };
    let outcome = judge(&app, request, request_id, &mut told).await;
    let (mut reason, mut retry, mut allowed) = (None, None, None);
    let (status, media, body) = match outcome {
        Ok(answer) => (answer.status, answer.media, answer.body),
        Err(refused) => {
            if let Some(cause) = refused.cause() {
                tracing::error!(%request_id, cause, "A management call failed on our side");
            }
            let (status, code, message) = refused.wire();
            match refused {
                Refused::Door(Denied::Bearer(words)) => reason = Some(words),
                Refused::Door(Denied::Throttled(seconds)) | Refused::TooManyCalls(seconds) => retry = Some(seconds),
                Refused::Method(methods) => allowed = HeaderValue::from_str(&methods).ok(),
                // In the trail of the caller's own account, or of the one in which they have a role. Nobody fills the trail of
                // another, and whoever has no role anywhere is in the log.
                Refused::Forbidden(_) => {
                    if let Some((account, actor)) = told.place.take() {
                        app.note_refusal(account, &Order { actor, request_id }, told.operation, "Forbidden").await;
                    }
                }
                _ => {}
            }
            let body = serde_json::json!({ "error": { "code": code, "message": message } }).to_string();
            (status, "application/json; charset=utf-8", body.into_bytes())
        }
    };
    let (operation, status_code) = (told.operation, status.as_u16());
    tracing::info!(%request_id, operation, status = status_code, reason, "{operation} answered {status_code}");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if !media.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(&request_id.to_string()) {
        headers.insert(HeaderName::from_static("apim-request-id"), id);
    }
    if let Some(methods) = allowed {
        headers.insert(header::ALLOW, methods);
    }
    if let Some(seconds) = retry {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

async fn judge(app: &Arc<App>, request: Request<Body>, request_id: Uuid, told: &mut Told) -> Result<Answer, Refused> {
    let (parts, body) = request.into_parts();
    let place = Place::of(&parts, &app.config.access);
    let (route, parameters) = find(&parts.method, &place.path)?;
    told.operation = route.operation;
    let query = Query::parse(parts.uri.query());
    let shown = shown(&parts.headers, &query);
    let standing = app.access.standing(&place.origin, &shown, app.clock.now().as_seconds()).await?;
    if let Standing::KeyOf(state, _) = &standing {
        app.limits.admit(state.id(), app.limits.tier(state)).map_err(Refused::TooManyCalls)?;
    }
    let enter = async |told: &mut Told| {
        let standing = app.access.standing(&place.origin, &shown, app.clock.now().as_seconds()).await?;
        // What is named is looked up only for somebody; whether they may see it comes before whether it is there.
        let account = match parameters.first() {
            Some(name) if route.path.starts_with("accounts/") => app.custodian.find(name).map_err(Refused::from),
            _ => Err(Refused::NoRoute),
        };
        let everywhere = app.access.directory.last().installation.clone();
        let named = account.as_ref().ok();
        told.place = standing.trail(named.map(|state| &**state), &everywhere.0.assignments);
        if !standing.may(route.need, named.map(|state| &**state), &everywhere.0.assignments) {
            return Err(Refused::Forbidden(route.need.words()));
        }
        let account = if route.path.starts_with("accounts/") { Some(account?) } else { None };
        Ok((standing, account))
    };
    enter(told).await?;
    let body =
        collect(&parts.headers, body, MOST_BYTES, Refusal::BodyTooLarge).await.map_err(|refusal| match refusal {
            Refusal::BodyTooLarge => Refused::TooLarge,
            Refusal::TimedOut => Refused::Slow,
            _ => Refused::Invalid("the body broke off".to_owned()),
        })?;
    // The body may have taken its time, and what was taken back meanwhile must not act.
    let (standing, account) = enter(told).await?;
    let order = Order { actor: standing.actor(), request_id };
    (route.handler)(AdminCall { app: app.clone(), standing, order, account, parameters, query, body }).await
}

/// The row of the table, and its parameters.
fn find(method: &Method, path: &str) -> Result<(&'static Route, Vec<String>), Refused> {
    let below = path.get(PREFIX.len()..).filter(|_| path[..PREFIX.len()].eq_ignore_ascii_case(PREFIX));
    let below = below.ok_or(Refused::NoRoute)?.trim_start_matches('/').trim_end_matches('/');
    let there = ROUTES
        .iter()
        .filter_map(|route| crate::face::routes::parameters(route.path, below).map(|parameters| (route, parameters)));
    let mut others = Vec::new();
    for (route, parameters) in there {
        if route.method == *method {
            return Ok((route, parameters));
        }
        others.push(route.method.as_str());
    }
    if others.is_empty() { Err(Refused::NoRoute) } else { Err(Refused::Method(others.join(", "))) }
}
