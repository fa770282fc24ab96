//! The management API as the pipeline serves it, and its calls as handlers see them.

use super::error::Refused;
use super::routes::{ROUTES, Rule};
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use likeness_base::Secret;
use likeness_http::{Api, Call, Facts, Head, Input, Misrouted, Query, Reads, Reply, Route, Unread, utf8};
use likeness_service::access::{AccountState, Denied, Standing};
use likeness_service::app::App;
use likeness_service::accounts::Order;
use likeness_store::{AccountId, Actor};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use uuid::Uuid;

/// Longest body: a notice, a list of rules.
const MOST_BYTES: usize = 1024 * 1024;
/// Where the API lies.
pub(super) const PREFIX: &str = "/admin/v1";

/// The management API below `/admin/v1/`.
pub(crate) struct Management;

impl Api for Management {
    type Rule = Rule;
    type Scope = ();
    type Caller = Standing;
    /// The account that the path names.
    type Granted = Option<Arc<AccountState>>;
    type Refusal = Refused;

    const NAME: &'static str = "management";
    const IS_OPEN_TO_PAGES: bool = false;

    fn routes() -> &'static [Route<Self>] {
        ROUTES
    }

    fn scope(path: &str) -> Option<((), &str)> {
        let (start, below) = path.split_at_checked(PREFIX.len())?;
        let is_ours = start.eq_ignore_ascii_case(PREFIX) && (below.is_empty() || below.starts_with('/'));
        is_ours.then(|| ((), below.trim_start_matches('/')))
    }

    fn address(route: &Route<Self>) -> String {
        format!("{PREFIX}/{}", route.path)
    }

    fn most_bytes(_: Reads) -> usize {
        MOST_BYTES
    }

    async fn identify(head: &Head<Self>, now: i64) -> Result<Standing, Refused> {
        Ok(head.app.access.standing(&head.place.origin, &head.shown, now).await?)
    }

    fn account(caller: &Standing) -> Option<&Arc<AccountState>> {
        match caller {
            Standing::KeyOf(state, _) => Some(state),
            Standing::Operator | Standing::Identity(..) => None,
        }
    }

    /// What is named is looked up only for somebody; whether they may see it comes before whether it is there.
    fn authorise(head: &Head<Self>, caller: &Standing) -> Result<Option<Arc<AccountState>>, Refused> {
        let account = named(head);
        let everywhere = head.app.access.directory.last().installation.clone();
        let need = head.route.rule.need;
        let known = account.as_ref().and_then(|account| account.as_deref().ok());
        if !caller.may(need, known, &everywhere.0.assignments) {
            return Err(Refused::Forbidden(need.words()));
        }
        account.transpose()
    }

    /// The caller's own account, or the one in which they have a role. Nobody fills the audit log of another, and whoever
    /// has no role anywhere is in the log.
    fn trail(head: &Head<Self>, caller: &Standing) -> Option<(AccountId, Actor)> {
        let account = named(head).and_then(Result::ok);
        let everywhere = head.app.access.directory.last().installation.clone();
        caller.trail(account.as_deref(), &everywhere.0.assignments)
    }

    fn counts(_: u16) -> bool {
        false
    }

    fn misrouted(problem: Misrouted) -> Refused {
        match problem {
            Misrouted::Nowhere => Refused::NoRoute,
            Misrouted::OtherMethods(methods) => Refused::Method(methods),
        }
    }

    fn unread(problem: Unread) -> Refused {
        match problem {
            Unread::TooLarge(_) | Unread::FarTooLarge => Refused::TooLarge,
            Unread::Slow => Refused::Slow,
            Unread::Busy => Refused::Unavailable,
            Unread::BrokeOff => Refused::Invalid("the body broke off".to_owned()),
            Unread::MediaType(taken) => Refused::Invalid(format!("the body must be {taken}")),
            Unread::NoJson(problem) => Refused::Invalid(problem.0),
        }
    }

    fn too_often(seconds: u32) -> Refused {
        Refused::TooManyCalls(seconds)
    }

    fn refused(refusal: &Refused, _: &Facts) -> Response<Body> {
        let (status, code, message) = refusal.wire();
        let body = serde_json::json!({ "error": { "code": code, "message": message } }).to_string();
        let reply = Reply::content(likeness_http::JSON, body.into_bytes()).with_status(status);
        let reply = match refusal {
            Refused::Door(Denied::Throttled(seconds)) | Refused::TooManyCalls(seconds) => {
                reply.with_header(header::RETRY_AFTER, seconds.to_string())
            }
            Refused::Method(methods) => reply.with_header(header::ALLOW, methods.clone()),
            _ => reply,
        };
        reply.into_response()
    }

    fn dress(response: &mut Response<Body>, facts: &Facts, _: bool) {
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Ok(id) = HeaderValue::from_str(&facts.request_id.to_string()) {
            headers.insert(HeaderName::from_static("apim-request-id"), id);
        }
    }
}

/// The account that the path names, where the route is about one.
fn named(head: &Head<Management>) -> Option<Result<Arc<AccountState>, Refused>> {
    let name = head.parameters.first().filter(|_| head.route.path.starts_with("accounts/"))?;
    Some(head.app.custodian.find(name).map_err(Refused::from))
}

/// One call that was let in and may do what it asks for.
pub(super) struct AdminCall {
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
    /// What a handler takes, out of what the pipeline gives.
    pub(super) fn of(call: Call<Management>) -> Self {
        let Call { head, caller, granted, input } = call;
        let Head { app, parameters, query, request_id, .. } = head;
        let body = match input {
            Input::Bytes(bytes) => bytes,
            _ => Secret::new(Vec::new()),
        };
        let order = Order { actor: caller.actor(), request_id };
        Self { app, standing: caller, order, account: granted, parameters, query, body }
    }

    /// The account of a route below `accounts/{}`.
    pub(super) fn account(&self) -> Result<&Arc<AccountState>, Refused> {
        self.account.as_ref().ok_or(Refused::NoRoute)
    }

    /// The body, in a form.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, Refused> {
        let text =
            utf8(self.body.expose()).map_err(|problem| Refused::Invalid(format!("the body is no JSON: {problem}")))?;
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
    pub(super) fn body_if_any<T: DeserializeOwned + Default>(&self) -> Result<T, Refused> {
        if self.body.expose().is_empty() { Ok(T::default()) } else { Ok(self.body::<Option<T>>()?.unwrap_or_default()) }
    }

    /// A path parameter that is an id.
    pub(super) fn id(&self, position: usize) -> Result<Uuid, Refused> {
        let text = self.parameters.get(position).map_or("", String::as_str);
        Uuid::parse_str(text).map_err(|_| Refused::NotFound("there is nothing of that id".to_owned()))
    }
}

/// 200 with JSON.
pub(super) fn json_reply(value: &impl Serialize) -> Result<Reply, Refused> {
    Ok(Reply::json(value)?)
}

/// 200 with lines.
pub(super) fn lines(media: &'static str, body: String) -> Reply {
    Reply::content(media, body.into_bytes())
}

/// The same answer as 201.
pub(super) fn created(reply: Reply) -> Reply {
    reply.with_status(StatusCode::CREATED)
}
