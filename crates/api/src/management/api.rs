//! The management API as the pipeline serves it, and its calls as handlers see them.

use super::error::Refusal;
use super::routes::{ROUTES, Rule};
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use likeness_base::Secret;
use likeness_http::{Api, BodyKind, Call, Facts, Head, Input, Query, Reply, Route, Unread, utf8};
use likeness_service::access::{AccessError, AccountState, ManagementCaller, RequiredAccess};
use likeness_service::accounts::Attribution;
use likeness_service::app::App;
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
    type Caller = ManagementCaller;
    /// The account that the path names.
    type Granted = Option<Arc<AccountState>>;
    type Refusal = Refusal;

    const NAME: &'static str = "management";
    const TAKES_KEY_IN_QUERY: bool = false;
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

    fn most_bytes(_: BodyKind) -> usize {
        MOST_BYTES
    }

    async fn identify(head: &Head<Self>, now: i64) -> Result<ManagementCaller, Refusal> {
        Ok(head.app.access.admit_to_management(&head.address.origin, &head.credentials, now).await?)
    }

    fn account(caller: &ManagementCaller) -> Option<&Arc<AccountState>> {
        match caller {
            ManagementCaller::AccountKey(state, _) => Some(state),
            ManagementCaller::Operator | ManagementCaller::Identity(..) => None,
        }
    }

    /// The named account is looked up only for an authenticated caller, and 403 comes before 404.
    fn authorise(head: &Head<Self>, caller: &ManagementCaller) -> Result<Option<Arc<AccountState>>, Refusal> {
        let account = named(head);
        let everywhere = head.app.access.cache.last_known().installation.clone();
        let need = head.route.rule.need;
        let known = account.as_ref().and_then(|account| account.as_deref().ok());
        if !caller.may(need, known, &everywhere.0.assignments) {
            return Err(Refusal::Forbidden(need.words()));
        }
        // The network rules of an account hold for whoever acts in it, but not for those who may act in all: an operator
        // can always open what its manager has shut.
        let acts_in_all = caller.may(RequiredAccess::Operator, None, &everywhere.0.assignments);
        let client = head.address.origin.client;
        if known.is_some_and(|account| !acts_in_all && !head.app.access.allows_address(account, client)) {
            return Err(AccessError::Network.into());
        }
        account.transpose()
    }

    /// The caller's own account, or the one in which they have a role. Nobody fills the audit log of another
    /// account, and a caller without any role is in the log only.
    fn refusal_log(head: &Head<Self>, caller: &ManagementCaller) -> Option<(AccountId, Actor)> {
        let account = named(head).and_then(Result::ok);
        let everywhere = head.app.access.cache.last_known().installation.clone();
        caller.refusal_log(account.as_deref(), &everywhere.0.assignments)
    }

    fn counts(_: u16) -> bool {
        false
    }

    fn unread(problem: Unread) -> Refusal {
        match problem {
            Unread::TooLarge(_) | Unread::FarTooLarge => Refusal::TooLarge,
            Unread::Slow => Refusal::Slow,
            Unread::Busy => Refusal::Unavailable,
            Unread::BrokeOff => Refusal::Invalid("the body broke off".to_owned()),
            Unread::MediaType(taken) => Refusal::Invalid(format!("the body must be {taken}")),
            Unread::Malformed(problem) => Refusal::Invalid(problem.0),
        }
    }

    fn refused(refusal: &Refusal, _: &Facts) -> Response<Body> {
        let (status, code, message) = refusal.wire();
        let body = serde_json::json!({ "error": { "code": code, "message": message } }).to_string();
        let reply = Reply::content(likeness_http::JSON, body.into_bytes()).with_status(status);
        let reply = match refusal {
            Refusal::Access(AccessError::Throttled(seconds)) | Refusal::TooManyCalls(seconds) => {
                reply.with_header(header::RETRY_AFTER, seconds.to_string())
            }
            Refusal::Method(methods) => reply.with_header(header::ALLOW, methods.clone()),
            _ => reply,
        };
        reply.into_response()
    }

    fn finish_response(response: &mut Response<Body>, facts: &Facts, _: bool) {
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Ok(id) = HeaderValue::from_str(&facts.request_id.to_string()) {
            headers.insert(HeaderName::from_static("apim-request-id"), id);
        }
    }
}

/// The account that the path names, where the route is about one.
fn named(head: &Head<Management>) -> Option<Result<Arc<AccountState>, Refusal>> {
    let name = head.parameters.first().filter(|_| head.route.path.starts_with("accounts/"))?;
    Some(head.app.accounts.find(name).map_err(Refusal::from))
}

/// One call that was admitted and authorised.
pub(super) struct AdminCall {
    /// The whole program.
    pub app: Arc<App>,
    /// Who calls.
    pub standing: ManagementCaller,
    /// The same for the audit log.
    pub attribution: Attribution,
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
        let attribution = Attribution { actor: caller.actor(), request_id };
        Self { app, standing: caller, attribution, account: granted, parameters, query, body }
    }

    /// The account of a route below `accounts/{}`.
    pub(super) fn account(&self) -> Result<&Arc<AccountState>, Refusal> {
        self.account.as_ref().ok_or(Refusal::NoRoute)
    }

    /// Whether the caller may act in every account.
    pub(super) fn acts_in_all(&self) -> bool {
        let everywhere = self.app.access.cache.last_known().installation.clone();
        self.standing.may(RequiredAccess::Operator, None, &everywhere.0.assignments)
    }

    /// The body, in a form.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let text =
            utf8(self.body.expose()).map_err(|problem| Refusal::Invalid(format!("the body is no JSON: {problem}")))?;
        // The parser's own text may quote what was sent, and that may be a key.
        serde_json::from_slice(text.bytes()).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            Refusal::Invalid(match error.classify() {
                serde_json::error::Category::Data => format!("the body has not the fields this call takes, at {place}"),
                _ => format!("the body is no JSON, at {place}"),
            })
        })
    }

    /// The same where there may be none.
    pub(super) fn body_if_any<T: DeserializeOwned + Default>(&self) -> Result<T, Refusal> {
        if self.body.expose().is_empty() { Ok(T::default()) } else { Ok(self.body::<Option<T>>()?.unwrap_or_default()) }
    }

    /// A path parameter that is an id.
    pub(super) fn id(&self, position: usize) -> Result<Uuid, Refusal> {
        let text = self.parameters.get(position).map_or("", String::as_str);
        Uuid::parse_str(text).map_err(|_| Refusal::NotFound("there is nothing of that id".to_owned()))
    }
}

/// 200 with JSON.
pub(super) fn json_reply(value: &impl Serialize) -> Result<Reply, Refusal> {
    Ok(Reply::json(value)?)
}

/// The same answer as 201.
pub(super) fn created(reply: Reply) -> Reply {
    reply.with_status(StatusCode::CREATED)
}
