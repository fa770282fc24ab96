//! The token service beside the Face API: `POST /sts/v1.0/issueToken` and `POST /sts/v1.0/issueLimitedAccessToken`,
//! with the same envelope for refusals (`face-api.md` section 4), and the public keys under which both are signed.

use super::face_door::{code_of, dress, note_refusal, shown};
use super::place::Place;
use crate::face::call::Reply;
use crate::face::error::Refusal;
use crate::face::json::Body as JsonBody;
use crate::face::query::Query;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use likeness_base::{Clock as _, Secret};
use likeness_custody::{Flag, ResourceId};
use likeness_service::access::Caller;
use likeness_service::app::App;
use likeness_service::custody::Order;
use likeness_service::custody::vendors::{Asked, life_bounds};
use likeness_service::effects::random_id;
use likeness_store::Event;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

/// Longest body that asks for a token: a resource id and three flags.
const MOST_BYTES: usize = 16 * 1024;
/// For how long a limited access token lasts when nothing is said.
const USUAL_LIFE: i64 = 3_600;
/// What a token is sent as.
const JWT: (HeaderName, &str) = (header::CONTENT_TYPE, "application/jwt");

/// Whether a path is the token service's.
pub(super) fn is_ours(path: &str) -> bool {
    path.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("/sts/"))
}

/// Answers everything below `/sts/`.
pub(super) async fn answer(app: Arc<App>, request: Request<Body>) -> Response<Body> {
    let begun = Instant::now();
    let request_id = random_id(&*app.randomness);
    let echoed = super::face_door::client_ids(request.headers());
    let (outcome, operation, caller) = judge(&app, request, request_id).await;
    let elapsed = begun.elapsed();
    let reason = outcome.as_ref().err().and_then(Refusal::reason).map(str::to_owned);
    let response = dress(outcome, request_id, elapsed, &echoed);
    let (status, milliseconds) = (response.status().as_u16(), elapsed.as_millis());
    // Refusals by what holds for limited access tokens stand there already.
    if let (401, Some(caller)) = (status, caller) {
        let code = code_of(&response);
        note_refusal(&app, &caller, request_id, operation, &code).await;
    }
    metrics::counter!("likeness_requests_total", "operation" => operation, "status" => status.to_string()).increment(1);
    tracing::info!(%request_id, operation, status, milliseconds, reason, "{operation} answered {status}");
    response
}

async fn judge(
    app: &Arc<App>,
    request: Request<Body>,
    request_id: Uuid,
) -> (Result<Reply, Refusal>, &'static str, Option<Caller>) {
    let mut known = None;
    let (parts, body) = request.into_parts();
    let place = Place::of(&parts, &app.config.access);
    let route = place.path.strip_suffix('/').unwrap_or(&place.path).to_ascii_lowercase();
    let operation = match route.as_str() {
        "/sts/v1.0/issuetoken" => "IssueToken",
        "/sts/v1.0/issuelimitedaccesstoken" => "IssueLimitedAccessToken",
        _ => return (Err(Refusal::NoRoute), "none", None),
    };
    if parts.method != axum::http::Method::POST {
        return (Err(Refusal::MethodNotAllowed("POST".to_owned())), operation, None);
    }
    let query = Query::parse(parts.uri.query());
    let shown = shown(&parts.headers, &query);
    let now = || app.clock.now().as_seconds();
    let outcome = async {
        let caller = app.access.admit(&place.origin, &shown, now()).await?;
        known = Some(caller.clone());
        app.limits.admit(caller.account(), app.limits.tier(&caller.state)).map_err(Refusal::TooManyCalls)?;
        let token = if operation == "IssueToken" {
            if caller.key.is_none() {
                return Err(Refusal::Unauthorized);
            }
            let order = Order { actor: caller.actor.clone(), request_id };
            app.custodian.note(caller.account(), &order, Event::done("issue_token", None::<&str>)).await?;
            let issued = app.access.issue(&caller, &*app.randomness, now());
            issued.ok_or_else(|| Refusal::Internal("there is no key to sign with".to_owned()))?
        } else {
            // To lend what the account holds is more than to use it: keys, and roles that may use everything.
            let action = || "issueLimitedAccessToken/action";
            caller.rights.include(action).map_err(|action| Refusal::PermissionDenied(action.to_owned()))?;
            let asked = read(&query, &parts.headers, body).await?;
            // Who was let in before a body that took its time is looked at again after it.
            let caller = app.access.admit_again(&caller, &place.origin, &shown, now()).await?;
            caller.rights.include(action).map_err(|action| Refusal::PermissionDenied(action.to_owned()))?;
            let order = Order { actor: caller.actor.clone(), request_id };
            app.custodian.issue_limited(&caller.state, &order, &asked).await?
        };
        app.meter.count(caller.account(), app.clock.now(), operation, 200);
        Ok(Reply::token(&token))
    };
    let outcome = outcome.await;
    (outcome, operation, known)
}

async fn read(query: &Query, headers: &axum::http::HeaderMap, body: Body) -> Result<Asked, Refusal> {
    let (least, most) = life_bounds();
    if query.is_blank("expiredTime") {
        return Err(Refusal::bad(format!(
            "'expiredTime' is invalid. It must be a whole number from {least} to {most}."
        )));
    }
    let seconds = query.integer("expiredTime", USUAL_LIFE, least, most)?;
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json")) {
        return Err(Refusal::UnsupportedMediaType("application/json"));
    }
    let too_large = Refusal::bad("Request body is invalid. It is longer than any request for a token.");
    let bytes = super::face_door::collect(headers, body, MOST_BYTES, too_large).await?;
    let body = JsonBody::parse(bytes.expose())?;
    let named = match body.text("targetAzureResourceId")? {
        Some(named) => Some(named),
        None => body.text("resourceId")?,
    };
    let named = named.ok_or_else(|| Refusal::bad("'targetAzureResourceId' is missing."))?;
    let target = ResourceId::parse(named).ok_or_else(|| {
        Refusal::bad("'targetAzureResourceId' is invalid. It must have the form /subscriptions/{guid}/resourceGroups/{group}/providers/Microsoft.CognitiveServices/accounts/{name}.")
    })?;
    let flags = body.get("featureFlags").and_then(serde_json::Value::as_array);
    let wrong = || {
        Refusal::bad(
            "'featureFlags' is invalid. It must name some of Face.Identification, Face.Verification, LimitedAccess.HighRisk.",
        )
    };
    let flags = flags.filter(|flags| !flags.is_empty() && flags.len() <= 100).ok_or_else(wrong)?;
    let flags = flags.iter().map(|flag| Flag::parse(flag.as_str()?)).collect::<Option<BTreeSet<_>>>();
    Ok(Asked { target, flags: flags.ok_or_else(wrong)?, seconds })
}

/// `GET /.well-known/jwks.json`: the public keys of tokens signed here, for installations that trust this one.
pub(super) async fn jwks(State(app): State<Arc<App>>) -> impl IntoResponse {
    let book = app.access.directory.last();
    let keys: Vec<_> = book.signing().map(|key| key.public_jwk()).collect();
    let body = serde_json::json!({ "keys": keys }).to_string();
    let headers = [
        (header::CONTENT_TYPE, "application/json; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=300"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (StatusCode::OK, headers, body)
}

impl Reply {
    /// 200 with a token and nothing else.
    fn token(token: &Secret<String>) -> Self {
        let (name, value) = JWT;
        let mut reply = Self::empty();
        reply.body = Some(token.expose().clone().into_bytes());
        reply.headers.push((name, value.to_owned()));
        reply
    }
}
