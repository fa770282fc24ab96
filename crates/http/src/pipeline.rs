//! The door of the Face API: judges a request in the order the contract decides, calls the handler, and dresses the
//! answer in the headers that every answer carries (`face-api.md` section 7).

use super::place::Place;
use crate::face::call::{Call, Input, Reply};
use crate::face::error::Refusal;
use crate::face::json::Body as JsonBody;
use crate::face::picture;
use crate::face::query::Query;
use crate::face::routes::{self, Matched, Reads, Route};
use crate::face::version::Version;
use crate::unicode;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use futures_util::StreamExt;
use likeness_base::{Clock as _, Secret};
use likeness_service::access::{Caller, Shown};
use likeness_service::app::App;
use likeness_service::custody::Order;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OnceCell, Semaphore};
use uuid::Uuid;

/// Largest JSON body as UTF-8; as UTF-32 it is four times as long on the way. The longest a client can need is a thousand
/// ids or 16 K of user data, escaped.
const MOST_JSON_BYTES: usize = 256 * 1024;
/// A picture body above this is not even read to its end: 413 and the connection closes.
const HARD_CAP_BYTES: u64 = 16 * 1024 * 1024;
/// A body of this length may be left unread without closing the connection: it came with the head.
const PASSED_OVER_BYTES: u64 = 4 * 1024;
/// The header with a limited access token.
const LENT: &str = "limitedaccesstoken";
/// Longest wait for the next piece of a body.
const BODY_PATIENCE: Duration = Duration::from_secs(20);
/// Longest time for a whole body: 6 MB over a slow line of 0.5 Mbit/s.
const WHOLE_BODY: Duration = Duration::from_secs(120);
/// Pictures that may be in memory at once, 6 MB each at most; above that a client is told to come back.
static PICTURES: Semaphore = Semaphore::const_new(128);
/// Longest client request id that is echoed.
const MOST_CLIENT_ID_CHARACTERS: usize = 128;

/// Answers everything below `/face/`, and says that there is nothing elsewhere.
pub(super) async fn answer(State(app): State<Arc<App>>, request: Request<Body>) -> Response<Body> {
    if super::sts_door::is_ours(&super::place::path_of(&request)) {
        return super::sts_door::answer(app, request).await;
    }
    let begun = Instant::now();
    let request_id = likeness_service::effects::random_id(&*app.randomness);
    let echoed = client_ids(request.headers());
    let mut told = Told { row: 0, operation: "none", caller: None, is_unread: has_body(request.headers()) };
    let lent = request.headers().contains_key(LENT);
    let outcome = judge(app.clone(), request, request_id, &mut told).await;
    let Told { row, operation, caller, is_unread } = told;
    let elapsed = begun.elapsed();
    let reason = outcome.as_ref().err().and_then(Refusal::reason).map(str::to_owned);
    let mut response = dress(outcome, request_id, elapsed, &echoed);
    if is_unread {
        // What was not read stands in the way of the next request: say so, or a client that reuses the connection finds
        // it closed under its hands.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let status = response.status().as_u16();
    metrics::histogram!("likeness_request_seconds", "operation" => operation).record(elapsed.as_secs_f64());
    metrics::counter!("likeness_requests_total", "operation" => operation, "status" => status.to_string()).increment(1);
    if let Some(caller) = caller {
        app.meter.count(caller.account(), app.clock.now(), operation, status);
        if status == 401 || status == 403 {
            let code = code_of(&response);
            note_refusal(&app, &caller, request_id, operation, &code).await;
        }
    }
    let milliseconds = elapsed.as_millis();
    // Also where a token was sent and none was needed: then it is ignored, and this is the word about it.
    tracing::info!(%request_id, row, operation, status, milliseconds, reason, lent, "{operation} answered {status}");
    response
}

/// What the log says of a request beside its outcome: the row of the checklist and the operation.
struct Told {
    row: u16,
    operation: &'static str,
    /// Who was let in.
    caller: Option<Caller>,
    /// Whether there is a body of which nothing was read.
    is_unread: bool,
}

/// Whether there is more of a body than what came along with the head and costs nothing to pass over.
fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length > PASSED_OVER_BYTES)
}

/// The error code of an answer.
pub(super) fn code_of(answer: &Response<Body>) -> String {
    let code = answer.headers().get("x-ms-error-code").and_then(|code| code.to_str().ok());
    code.unwrap_or_default().to_owned()
}

/// Tells the account's trail of an answer that refused somebody who was let in.
pub(super) async fn note_refusal(app: &App, caller: &Caller, request_id: Uuid, operation: &str, code: &str) {
    app.note_refusal(caller.account(), &Order { actor: caller.actor.clone(), request_id }, operation, code).await;
}

/// Route and version, then key, then rate, then media type, then size, then form; the handler judges the rest.
async fn judge(app: Arc<App>, request: Request<Body>, request_id: Uuid, told: &mut Told) -> Result<Reply, Refusal> {
    let (parts, body) = request.into_parts();
    let place = Place::of(&parts, &app.config.access);
    let (version, route, parameters) = find(&parts.method, &place.path)?;
    (told.row, told.operation) = (route.row, route.operation);
    let query = Query::parse(parts.uri.query());
    let at = app.clock.now();
    let shown = shown(&parts.headers, &query);
    let caller = app.access.admit(&place.origin, &shown, at.as_seconds()).await?;
    told.caller = Some(caller.clone());
    app.limits.admit(caller.account(), app.limits.tier(&caller.state)).map_err(Refusal::TooManyCalls)?;
    if let Err(action) = caller.rights.include(|| route.action()) {
        return Err(Refusal::PermissionDenied(action));
    }
    let _room = match route.reads {
        Reads::Picture => {
            let room = tokio::time::timeout(app.config.patience, PICTURES.acquire()).await;
            Some(room.ok().and_then(Result::ok).ok_or(Refusal::Busy)?)
        }
        Reads::Nothing | Reads::Json => None,
    };
    let input = read(route.reads, &parts.headers, body).await;
    told.is_unread &= matches!(input, Ok(Input::Nothing) | Err(Refusal::UnsupportedMediaType(_)));
    let input = input?;
    let token = parts.headers.get(LENT).map(|value| value.to_str().unwrap_or_default());
    let took_time = !matches!(input, Input::Nothing);
    let mut call = Call {
        version,
        route,
        parameters,
        query,
        input,
        caller,
        token: token.map(|token| Secret::new(token.to_owned())),
        lent: OnceCell::new(),
        noted: OnceCell::new(),
        required: OnceCell::new(),
        granted: OnceCell::new(),
        request_id,
        place,
        shown,
        at,
        app,
    };
    if took_time {
        call.caller = call.still().await?;
    }
    (route.handler)(call).await
}

fn find(method: &axum::http::Method, path: &str) -> Result<(Version, &'static Route, Vec<String>), Refusal> {
    let mut segments = path.splitn(4, '/').skip(1);
    let face = segments.next().unwrap_or_default();
    let version = segments.next().and_then(Version::parse);
    let rest = segments.next().unwrap_or_default();
    let Some(version) = version.filter(|_| face.eq_ignore_ascii_case("face")) else { return Err(Refusal::NoRoute) };
    match routes::find(method, rest) {
        Matched::Route(route, parameters) => Ok((version, route, parameters)),
        Matched::OtherMethods(methods) => Err(Refusal::MethodNotAllowed(methods)),
        Matched::Nothing => Err(Refusal::NoRoute),
    }
}

/// What the client shows: a key in its header, or in the query as the public gateway allows, or a token.
pub(crate) fn shown(headers: &HeaderMap, query: &Query) -> Shown {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let key = header("ocp-apim-subscription-key").or_else(|| query.text("subscription-key"));
    let authorization = header("authorization");
    Shown {
        key: key.map(|key| Secret::new(key.trim().to_owned())),
        authorization: authorization.map(|value| Secret::new(value.to_owned())),
    }
}

async fn read(reads: Reads, headers: &HeaderMap, body: Body) -> Result<Input, Refusal> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = essence == "application/json" || essence.ends_with("+json");
    match reads {
        Reads::Nothing => Ok(Input::Nothing),
        Reads::Json if is_json => json(headers, body).await,
        Reads::Json => Err(Refusal::UnsupportedMediaType("application/json")),
        Reads::Picture if is_json => json(headers, body).await,
        Reads::Picture if essence == "application/octet-stream" || essence.starts_with("image/") => {
            let too_large = picture::too_large();
            Ok(Input::Picture(collect(headers, body, picture::MOST_BYTES, too_large).await?))
        }
        Reads::Picture => Err(Refusal::UnsupportedMediaType("application/octet-stream or application/json")),
    }
}

async fn json(headers: &HeaderMap, body: Body) -> Result<Input, Refusal> {
    let bytes = collect(headers, body, MOST_JSON_BYTES * unicode::WIDEST, JsonBody::too_large()).await?;
    Ok(Input::Json(JsonBody::parse_at_most(bytes.expose(), MOST_JSON_BYTES)?))
}

/// Reads a body of at most `most` bytes. What exceeds it is read to the end, so that the client gets to see the
/// refusal, but kept nowhere; what exceeds the hard cap is not read at all.
pub(crate) async fn collect(
    headers: &HeaderMap,
    body: Body,
    most: usize,
    too_large: Refusal,
) -> Result<Secret<Vec<u8>>, Refusal> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > HARD_CAP_BYTES) {
        return Err(Refusal::BodyTooLarge);
    }
    let room = usize::try_from(announced.unwrap_or(0)).unwrap_or(0).min(most);
    let mut bytes = Secret::new(Vec::with_capacity(room));
    let mut seen = 0_u64;
    let mut pieces = body.into_data_stream();
    let deadline = Instant::now() + WHOLE_BODY;
    loop {
        let patience = BODY_PATIENCE.min(deadline.saturating_duration_since(Instant::now()));
        let piece = tokio::time::timeout(patience, pieces.next()).await;
        let piece = piece.map_err(|_| Refusal::TimedOut)?;
        let Some(piece) = piece else { break };
        let piece = piece.map_err(|_| Refusal::bad("Request body is invalid. It broke off."))?;
        seen += piece.len() as u64;
        if seen > HARD_CAP_BYTES {
            return Err(Refusal::BodyTooLarge);
        }
        if seen <= most as u64 {
            append(&mut bytes, &piece);
        }
    }
    if seen > most as u64 { Err(too_large) } else { Ok(bytes) }
}

/// Appends without leaving an unwiped copy behind when the buffer has to grow.
fn append(bytes: &mut Secret<Vec<u8>>, piece: &[u8]) {
    let needed = bytes.expose().len() + piece.len();
    if needed > bytes.expose().capacity() {
        let mut grown = Vec::with_capacity(needed.max(bytes.expose().capacity() * 2));
        grown.extend_from_slice(bytes.expose());
        *bytes = Secret::new(grown);
    }
    bytes.expose_mut().extend_from_slice(piece);
}

/// The headers by which clients recognise their own requests.
pub(super) fn client_ids(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
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

pub(super) fn dress(
    outcome: Result<Reply, Refusal>,
    request_id: Uuid,
    elapsed: Duration,
    echoed: &[(HeaderName, HeaderValue)],
) -> Response<Body> {
    let billed = if outcome.is_ok() { 1 } else { 0 };
    let mut response = match outcome {
        Ok(reply) => good(reply),
        Err(refusal) => bad(&refusal, request_id),
    };
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("apim-request-id", request_id.to_string());
    set("x-envoy-upstream-service-time", elapsed.as_millis().to_string());
    set("strict-transport-security", "max-age=31536000; includeSubDomains; preload".to_owned());
    set("x-content-type-options", "nosniff".to_owned());
    set("csp-billing-usage", format!("CognitiveServices.Face.Transaction={billed}"));
    set("cache-control", "no-store".to_owned());
    for (name, value) in echoed {
        headers.insert(name.clone(), value.clone());
    }
    response
}

pub(super) fn good(reply: Reply) -> Response<Body> {
    let mut response = Response::new(reply.body.map_or_else(Body::empty, Body::from));
    *response.status_mut() = reply.status;
    let has_content = response.body().size_hint_upper() != Some(0);
    let headers = response.headers_mut();
    if has_content {
        let (name, value) = Reply::CONTENT_TYPE;
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}

pub(super) fn bad(refusal: &Refusal, request_id: Uuid) -> Response<Body> {
    if let Some(cause) = refusal.cause() {
        tracing::error!(%request_id, cause, "A request failed on our side");
    }
    let wire = refusal.wire();
    let body = serde_json::json!({ "error": { "code": wire.code, "message": wire.message } });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = wire.status;
    let headers = response.headers_mut();
    let (name, value) = Reply::CONTENT_TYPE;
    headers.insert(name, HeaderValue::from_static(value));
    if let Ok(code) = HeaderValue::from_str(&wire.code) {
        headers.insert(HeaderName::from_static("x-ms-error-code"), code);
    }
    if let Some(seconds) = wire.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if wire.status == StatusCode::PAYLOAD_TOO_LARGE {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The largest size a body can have, if it knows.
trait SizeHint {
    fn size_hint_upper(&self) -> Option<u64>;
}

impl SizeHint for Body {
    fn size_hint_upper(&self) -> Option<u64> {
        axum::body::HttpBody::size_hint(self).upper()
    }
}
