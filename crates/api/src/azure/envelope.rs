//! Refusals as bytes, and the headers of every answer.

use super::error::Refusal;
use super::liveness_error::LivenessRefusal;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use likeness_http::{Facts, Reply};

/// A refusal in the envelope of the contract.
pub(crate) fn refused(refusal: &Refusal) -> Response<Body> {
    let wire = refusal.wire();
    let body = serde_json::json!({ "error": { "code": wire.code, "message": wire.message } }).to_string();
    let reply = Reply::content(likeness_http::JSON, body.into_bytes()).with_status(wire.status);
    let mut response = reply.with_header(HeaderName::from_static("x-ms-error-code"), wire.code).into_response();
    let headers = response.headers_mut();
    if let Some(seconds) = wire.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Refusal::Liveness(LivenessRefusal::CaptureOnAnotherNode(Some(address))) = refusal
        && let Ok(address) = HeaderValue::from_str(address)
    {
        headers.insert(header::LOCATION, address);
    }
    if wire.status == StatusCode::PAYLOAD_TOO_LARGE {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The headers that the public service puts on every answer.
pub(crate) fn finish_response(response: &mut Response<Body>, facts: &Facts, is_good: bool) {
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("apim-request-id", facts.request_id.to_string());
    set("x-envoy-upstream-service-time", facts.elapsed.as_millis().to_string());
    if facts.is_secure {
        // Of this host alone: the domain may not be ours, and its other hosts are not ours to decide about.
        set("strict-transport-security", "max-age=31536000".to_owned());
    }
    set("csp-billing-usage", format!("CognitiveServices.Face.Transaction={}", u8::from(is_good)));
    for (name, value) in &facts.echoed {
        headers.insert(name.clone(), value.clone());
    }
    finish_plain_response(response);
}

/// The headers of answers that are not billed and that no client of the public service expects.
pub(crate) fn finish_plain_response(response: &mut Response<Body>) {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
