//! Web pages of other origins that call an account from a browser (CORS).
//!
//! Start at [`answer`]. Whether a page may is set for each account, and nobody's page may unless it is listed. A browser
//! asks before it sends a key, so the question carries none: it is answered on the account's own endpoint alone, by host
//! or by path, where the address says whose it is. On the common address an answer would tell strangers which account
//! lists whom, and a page could call with the key of an account that does not list it. The management API is not called
//! from other origins.

use crate::address::RequestAddress;
use crate::apis::Apis;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use axum::middleware::Next;
use likeness_rules::allowed_origin;
use likeness_service::access::AccountState;
use likeness_service::app::App;
use std::sync::Arc;

/// What a page may call with: every method of the table of routes.
const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";
/// What a page may send: what the contract names, and what the official clients send beside it.
const SENT: &str = "Ocp-Apim-Subscription-Key, Authorization, LimitedAccessToken, Content-Type, Accept, client-request-id, \
                    x-ms-client-request-id, x-ms-return-client-request-id, x-ms-useragent, x-ms-version, x-requested-with, \
                    traceparent, tracestate";
/// What a page may read of an answer beyond what browsers show anyway.
const SHOWN: &str = "apim-request-id, operation-location, location, retry-after, x-ms-error-code, csp-billing-usage, \
                     x-envoy-upstream-service-time, client-request-id, x-ms-client-request-id, date";
/// Seconds for which a browser remembers the answer: an origin that is taken off the list stays known that long, but
/// reads no answer any more.
const REMEMBERED: &str = "600";
/// Answers a browser's preflight request, and adds to every other answer which origin may read it.
pub(crate) async fn answer(
    State((app, apis)): State<(Arc<App>, Arc<Apis>)>,
    request: Request<Body>,
    next: Next,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let address = RequestAddress::read(&parts, &app.config.access);
    let named = account(&app, &apis, &address).await;
    let origin = parts.headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    let allowed = named.as_ref().and_then(|state| allowed_origin(&state.settings.cors_origins, origin));
    let allowed = allowed.and_then(|origin| HeaderValue::from_str(origin).ok());
    let asks = parts.method == Method::OPTIONS && parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match &named {
        Some(state) if asks && allowed.is_some() && app.access.allows_address(state, address.origin.client) => {
            may_call()
        }
        _ => next.run(Request::from_parts(parts, body)).await,
    };
    if named.is_some() {
        let headers = response.headers_mut();
        // Also for those who may not: a cache must not give one origin's answer to another.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = allowed {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(SHOWN));
        }
    }
    response
}

/// The account whose own endpoint it is, where any page may call that at all.
async fn account(app: &App, apis: &Apis, address: &RequestAddress) -> Option<Arc<AccountState>> {
    let subdomain = address.origin.subdomain.as_deref()?;
    if !apis.is_open_to_pages(&address.path) {
        return None;
    }
    let table = app.access.cache.trusted().await.ok()?;
    table.by_subdomain(subdomain).filter(|state| state.is_open() && !state.settings.cors_origins.is_empty()).cloned()
}

/// No credentials: a key or a token is sent by the page itself, never by the browser.
fn may_call() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers: &mut HeaderMap = response.headers_mut();
    let answers: [(HeaderName, &'static str); 4] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, SENT),
        (header::ACCESS_CONTROL_MAX_AGE, REMEMBERED),
        (header::VARY, "Access-Control-Request-Method, Access-Control-Request-Headers"),
    ];
    for (name, value) in answers {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
