//! The pipeline: the order in which every request of every API is checked, and what an API supplies to it.
//!
//! Start at [`serve`]. A request is checked in the order that the contract defines: the route, the caller's credentials,
//! the account's call rate, the data action, then the body. Reading a body takes time, so the caller is rechecked after
//! it, here and nowhere else: once a revoking call has returned, no earlier request can write.

use crate::address::{self, RequestAddress};
use crate::body::{self, Input, Room, Unread, Upgrade};
use crate::listen::Seat;
use crate::query::Query;
use crate::reply::Reply;
use crate::route::{BodyKind, Misrouted, Route, find};
use crate::socket::Offer;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use likeness_base::{Clock as _, Secret};
use likeness_service::access::{AccessError, AccountState, CallerCredentials};
use likeness_service::accounts::Attribution;
use likeness_service::app::App;
use likeness_service::randomness::random_id;
use likeness_service::shares::{FREE_BYTES, Owner};
use likeness_store::{AccountId, Actor};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Longest client request id that is echoed.
const MOST_CLIENT_ID_CHARACTERS: usize = 128;
/// The header with a limited access token.
const LIMITED_ACCESS_TOKEN: &str = "limitedaccesstoken";

/// What a handler returns.
pub type Handling<A> = Pin<Box<dyn Future<Output = Result<Reply, <A as Api>::Refusal>> + Send>>;

/// An API: its route table, its callers, and the form of its refusals.
pub trait Api: Sized + Send + Sync + 'static {
    /// What a row says about access.
    type Rule: std::fmt::Debug + Send + Sync + 'static;
    /// What the path says beside the route, such as a version.
    type Scope: Clone + Send + Sync + 'static;
    /// Who the credentials authenticate.
    type Caller: Clone + Send + Sync + 'static;
    /// What was granted to the caller.
    type Granted: Send + Sync + 'static;
    /// A refusal, turned into bytes by [`Api::refused`].
    type Refusal: Refuse + From<AccessError> + From<Misrouted> + From<TooOften>;

    /// Its name in logs.
    const NAME: &'static str;
    /// Whether a key may stand in the query, where proxies log it: the public gateway allows that for the Face API.
    const TAKES_KEY_IN_QUERY: bool = true;
    /// Whether web pages of other origins may call it, where an account lists them.
    const IS_OPEN_TO_PAGES: bool;

    /// The table.
    fn routes() -> &'static [Route<Self>];

    /// Takes off a path what stands before the routes; `None`: it is none of this API's.
    fn scope(path: &str) -> Option<(Self::Scope, &str)>;

    /// The address of a row, for lists of them.
    fn address(route: &Route<Self>) -> String;

    /// How many bytes a route of this kind reads at most, of JSON as UTF-8.
    fn most_bytes(kind: BodyKind) -> usize;

    /// Authenticates the caller credentials of a request.
    fn identify(head: &Head<Self>, now: i64) -> impl Future<Output = Result<Self::Caller, Self::Refusal>> + Send;

    /// The account that the caller belongs to: by a key, or by a role in it. Of nobody else does anything count there.
    fn account(caller: &Self::Caller) -> Option<&Arc<AccountState>>;

    /// The call rate in which the request counts.
    fn rate<'a>(head: &Head<Self>, caller: &'a Self::Caller) -> Rate<'a> {
        Self::account(caller).map_or_else(|| Rate::Beside(head.owner(None)), Rate::Tier)
    }

    /// Whether the caller may use the route.
    ///
    /// # Errors
    /// When they may not.
    fn authorise(head: &Head<Self>, caller: &Self::Caller) -> Result<Self::Granted, Self::Refusal>;

    /// The audit log that records a refusal of this caller, and the caller's name in it.
    fn refusal_log(head: &Head<Self>, caller: &Self::Caller) -> Option<(AccountId, Actor)>;

    /// Whether an answer of this status counts in the account's usage.
    fn counts(status: u16) -> bool;

    /// The refusal of a body.
    fn unread(problem: Unread) -> Self::Refusal;

    /// A refusal as bytes.
    fn refused(refusal: &Self::Refusal, facts: &Facts) -> Response<Body>;

    /// Puts on an answer the headers that every answer of the API carries.
    fn finish_response(response: &mut Response<Body>, facts: &Facts, is_good: bool);
}

/// A call beyond the account's call rate: the seconds until the next is accepted.
#[derive(Clone, Copy, Debug)]
pub struct TooOften(pub u32);

/// A call rate.
#[derive(Debug)]
pub enum Rate<'a> {
    /// That of the account's tier.
    Tier(&'a Arc<AccountState>),
    /// That of calls which no tier counts; it bounds what one account, or one address, costs all others.
    Beside(Owner),
}

/// What the pipeline needs of a refusal.
pub trait Refuse: Send + 'static {
    /// Why credentials were refused. It quotes nothing of them, and is for the log only, so that it cannot help a guesser.
    fn reason(&self) -> Option<&str>;
    /// What only the log may learn, where it is our fault.
    fn cause(&self) -> Option<&str>;
    /// The code under which an audit log records it, where it refuses a caller who was authenticated.
    fn audit_code(&self) -> Option<String>;
}

/// What is known of a request while it is answered.
pub struct Facts {
    /// The id of the request in log, audit log and answer.
    pub request_id: Uuid,
    /// How long it took.
    pub elapsed: Duration,
    /// Whether it came over HTTPS.
    pub is_secure: bool,
    /// The headers by which clients recognise their own requests.
    pub echoed: Vec<(HeaderName, HeaderValue)>,
}

/// What the head of a request says.
pub struct Head<A: Api> {
    /// The whole program.
    pub app: Arc<App>,
    /// The route that matched.
    pub route: &'static Route<A>,
    /// What the path says beside it.
    pub scope: A::Scope,
    /// Path parameters in order, not yet checked.
    pub parameters: Vec<String>,
    /// Query parameters.
    pub query: Query,
    /// The request address.
    pub address: RequestAddress,
    /// The caller credentials, for the recheck.
    pub credentials: CallerCredentials,
    /// The id of the request in log, audit log and answer.
    pub request_id: Uuid,
    /// What clients say of themselves and of their request, without credentials.
    pub headers: HeaderMap,
}

/// One admitted call, everything parsed and bounded.
pub struct Call<A: Api> {
    /// The head of the request.
    pub head: Head<A>,
    /// Who calls.
    pub caller: A::Caller,
    /// What was granted to the caller.
    pub granted: A::Granted,
    /// The body.
    pub input: Input,
}

impl<A: Api> Head<A> {
    /// Whose part of the machine the call takes: an account's, or that of the address it comes from.
    pub fn owner(&self, account: Option<AccountId>) -> Owner {
        Owner::of(account, self.address.origin.client)
    }

    /// Authenticates and authorises the caller again, and returns them as they are now.
    ///
    /// # Errors
    /// As before; [`AccessError::WrongKey`] where the credentials belong to another account by now.
    pub async fn recheck(&self, before: &A::Caller) -> Result<(A::Caller, A::Granted), A::Refusal> {
        let caller = A::identify(self, self.app.clock.now().as_seconds()).await?;
        let id_of = |caller| A::account(caller).map(|state| state.id());
        if id_of(&caller) != id_of(before) {
            return Err(AccessError::WrongKey.into());
        }
        let granted = A::authorise(self, &caller)?;
        Ok((caller, granted))
    }
}

/// What log and audit log record of a request beside its outcome.
struct LogFields {
    operation: &'static str,
    /// The account that usage is counted for.
    counted: Option<AccountId>,
    /// Whose part the answer takes, where the caller is known.
    owner: Option<Owner>,
    /// The audit log that records a refusal, and the caller's name in it.
    refusal_log: Option<(AccountId, Actor)>,
    /// Whether there is a body of which nothing was read.
    is_unread: bool,
}

/// Answers a request.
pub async fn serve<A: Api>(app: Arc<App>, request: Request<Body>) -> Response<Body> {
    let begun = Instant::now();
    let request_id = random_id(&*app.randomness);
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let is_unread = body::has_body(headers);
    let echoed = client_ids(headers);
    let lent = headers.contains_key(LIMITED_ACCESS_TOKEN);
    let is_secure = address::is_secure(&parts);
    let mut fields = LogFields { operation: "none", counted: None, owner: None, refusal_log: None, is_unread };
    let mut outcome = run::<A>(app.clone(), Request::from_parts(parts, body), request_id, &mut fields).await;
    let LogFields { operation, counted, owner, refusal_log, is_unread } = fields;
    if let (Ok(reply), Some(owner)) = (&outcome, owner)
        && reply.bytes_held() > FREE_BYTES
    {
        // What a client does not read stays in memory: no account fills it alone.
        let room = app.shares.answers.take(owner, reply.bytes_held() as u64).await;
        outcome = room.map_err(|_| A::unread(Unread::Busy)).and_then(|room| outcome.map(|reply| reply.with_room(room)));
    }
    let facts = Facts { request_id, elapsed: begun.elapsed(), is_secure, echoed };
    let refusal = outcome.as_ref().err();
    let reason = refusal.and_then(Refuse::reason).map(str::to_owned);
    let audit_code = refusal.and_then(Refuse::audit_code);
    let is_good = outcome.is_ok();
    let mut response = match outcome {
        Ok(reply) => reply.into_response(),
        Err(refusal) => {
            if let Some(cause) = refusal.cause() {
                tracing::error!(%request_id, cause, "A request failed on our side");
            }
            A::refused(&refusal, &facts)
        }
    };
    A::finish_response(&mut response, &facts, is_good);
    if is_unread {
        // An unread body is in the way of the next request: announce the close, or a client that reuses the connection
        // finds it closed.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let status = response.status().as_u16();
    metrics::histogram!("likeness_request_seconds", "operation" => operation).record(facts.elapsed.as_secs_f64());
    metrics::counter!("likeness_requests_total", "operation" => operation, "status" => status.to_string()).increment(1);
    if let Some(account) = counted.filter(|_| A::counts(status)) {
        app.meter.count(account, app.clock.now(), operation, status);
    }
    if let (Some((account, actor)), Some(code)) = (refusal_log, audit_code) {
        app.audit_refusal(account, &Attribution { actor, request_id }, operation, &code).await;
    }
    let (api, milliseconds) = (A::NAME, facts.elapsed.as_millis());
    // Also where a token was sent and none was needed: it is ignored, and this field is the only record of it.
    tracing::info!(%request_id, api, operation, status, milliseconds, reason, lent, "{operation} answered {status}");
    response
}

async fn run<A: Api>(
    app: Arc<App>,
    request: Request<Body>,
    request_id: Uuid,
    fields: &mut LogFields,
) -> Result<Reply, A::Refusal> {
    let (mut parts, body) = request.into_parts();
    let address = RequestAddress::read(&parts, &app.config.access);
    let (scope, below) = A::scope(&address.path).ok_or(Misrouted::Nowhere)?;
    let (route, parameters) = find::<A>(&parts.method, below)?;
    fields.operation = route.operation;
    let query = Query::parse(parts.uri.query());
    let credentials = caller_credentials(&parts.headers, A::TAKES_KEY_IN_QUERY.then_some(&query));
    let headers = self_descriptions(&parts.headers);
    let head = Head { route, scope, parameters, query, address, credentials, request_id, headers, app };
    let mut caller = A::identify(&head, head.app.clock.now().as_seconds()).await?;
    fields.refusal_log = A::refusal_log(&head, &caller);
    fields.counted = A::account(&caller).map(|state| state.id());
    let limits = &head.app.limits;
    match A::rate(&head, &caller) {
        Rate::Tier(state) => limits.admit(state.id(), limits.tier(state)),
        Rate::Beside(owner) => limits.admit_beside(owner),
    }
    .map_err(TooOften)?;
    let mut granted = A::authorise(&head, &caller)?;
    let owner = head.owner(fields.counted);
    fields.owner = Some(owner);
    let shares = head.app.shares.clone();
    // What the body takes stays taken until the call is answered.
    let mut room = Room::of(&shares.bodies, owner);
    let mut input = body::read::<A>(route.body, &parts.headers, body, &mut room).await;
    fields.is_unread &= matches!(input, Ok(Input::Nothing) | Err(Unread::MediaType(_)));
    if let (BodyKind::Upgrade, Some(connection)) = (route.body, parts.extensions.remove::<hyper::upgrade::OnUpgrade>())
    {
        let (seat, offer) = (parts.extensions.remove::<Seat>(), Offer::read(&parts.headers));
        input = Ok(Input::Upgrade(Upgrade { connection, seat, offer }));
    }
    let input = input.map_err(A::unread)?;
    if !matches!(input, Input::Nothing | Input::Upgrade(_)) {
        (caller, granted) = head.recheck(&caller).await?;
    }
    (route.handler)(Call { head, caller, granted, input }).await
}

/// The credentials of a request: a key in its header, or in the query as the public gateway allows, or tokens.
fn caller_credentials(headers: &HeaderMap, query: Option<&Query>) -> CallerCredentials {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let key = header("ocp-apim-subscription-key").or_else(|| query?.text("subscription-key"));
    let lent = headers.get(LIMITED_ACCESS_TOKEN).map(|value| value.to_str().unwrap_or_default());
    CallerCredentials {
        key: key.map(|key| Secret::new(key.trim().to_owned())),
        authorization: header("authorization").map(|value| Secret::new(value.to_owned())),
        limited_access_token: lent.map(|token| Secret::new(token.to_owned())),
    }
}

/// The headers in which clients describe themselves.
fn self_descriptions(headers: &HeaderMap) -> HeaderMap {
    let kept = [header::USER_AGENT, HeaderName::from_static("client-request-id")];
    kept.into_iter().filter_map(|name| headers.get(&name).map(|value| (name, value.clone()))).collect()
}

fn client_ids(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    ["client-request-id", "x-ms-client-request-id"]
        .into_iter()
        .filter_map(|name| {
            let value = headers.get(name)?;
            let text = value.to_str().ok()?;
            let short: String = text.chars().take(MOST_CLIENT_ID_CHARACTERS).collect();
            Some((HeaderName::from_static(name), HeaderValue::from_str(&short).ok()?))
        })
        .collect()
}
