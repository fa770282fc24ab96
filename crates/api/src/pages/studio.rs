//! The web pages: sends what the executable carries, under headers that let a page load nothing from elsewhere.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::get;
use likeness_service::app::App;
use std::sync::Arc;

/// What the pages are allowed: scripts and styles of this server, pictures and films that they made themselves, calls
/// to this server, the camera. No inline script, no frame around them, no form that leaves.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; \
         connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
    ),
    (HeaderName::from_static("permissions-policy"), "camera=(self), microphone=(), geolocation=()"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (header::VARY, "accept-encoding, accept"),
];

/// The addresses of the pages.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(front))
        .route("/reference", get(reference))
        .route("/admin", get(admin))
        .route("/favicon.svg", get(by_path))
        .route("/assets/{*file}", get(by_path))
}

/// `GET /`: the studio for a browser, a line to try for everybody else.
async fn front(headers: HeaderMap) -> Response<Body> {
    let wants_page = accepts(&headers, header::ACCEPT, "text/html");
    match find("index.html", &headers) {
        Some(page) if wants_page => page,
        Some(_) => welcome(""),
        None => welcome("\nThis build carries no pages; `make run` builds them too.\n"),
    }
}

/// `GET /reference`: the calls of the API, for reading.
async fn reference(headers: HeaderMap) -> Response<Body> {
    let without = || welcome("\nThis build carries no pages; /openapi.json says the same to programs.\n");
    find("reference.html", &headers).unwrap_or_else(without)
}

/// `GET /admin`: accounts and all that belongs to them, for operators.
async fn admin(headers: HeaderMap) -> Response<Body> {
    let without = || welcome("\nThis build carries no pages; GET /admin/v1/ lists the calls of the management API.\n");
    find("admin.html", &headers).unwrap_or_else(without)
}

/// `GET` of a file that the pages ask for.
async fn by_path(uri: Uri, headers: HeaderMap) -> Response<Body> {
    find(uri.path().trim_start_matches('/'), &headers).unwrap_or_else(|| {
        (StatusCode::NOT_FOUND, "There is no such file. Reload the page: it may be of an older version.\n")
            .into_response()
    })
}

/// The answer with a file of the pages, if there is such a file.
fn find(path: &str, asked: &HeaderMap) -> Option<Response<Body>> {
    let file = likeness_pages::find(path, |encoding| accepts(asked, header::ACCEPT_ENCODING, encoding))?;
    Some(send(file, asked))
}

fn send(file: likeness_pages::File, asked: &HeaderMap) -> Response<Body> {
    let known = asked.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let is_known = known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == file.tag));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let body = match file.bytes {
            std::borrow::Cow::Borrowed(bytes) => Body::from(bytes),
            std::borrow::Cow::Owned(bytes) => Body::from(bytes),
        };
        Response::new(body)
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let keep = if file.is_immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    if let Ok(tag) = HeaderValue::from_str(&file.tag) {
        headers.insert(header::ETAG, tag);
    }
    if !is_known {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media_type));
        if let Some(encoding) = file.encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
    }
    response
}

/// Whether a header lists a value, and not with a weight of nothing.
fn accepts(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    let lists = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let is_it = parts.next().is_some_and(|value| value.eq_ignore_ascii_case(wanted));
        let is_refused = parts.any(|part| {
            let weight = part.strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
            weight.is_some_and(|weight| weight <= 0.0)
        });
        is_it && !is_refused
    })
}

/// For whoever asks without wanting a page.
fn welcome(more: &str) -> Response<Body> {
    let text = format!(
        concat!(
            "Likeness ",
            env!("CARGO_PKG_VERSION"),
            " answers the Azure AI Face routes below /face/. Open this address in a browser to try it.\n",
            "Send your key in the header Ocp-Apim-Subscription-Key, for example\n\n",
            "  curl -H 'Ocp-Apim-Subscription-Key: KEY' -H 'Content-Type: application/octet-stream' \\\n",
            "       --data-binary @photo.jpg 'ADDRESS/face/v1.0/detect?recognitionModel=recognition_04'\n\n",
            "Reference: /reference   Description: /openapi.json   Admin: /admin   Health: /healthz   Readiness: /readyz   Metrics: /metrics\n{}",
        ),
        more
    );
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::VARY, "accept")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_list_of_encodings_accepts() {
        let cases = [
            ("gzip, deflate, br", "br", true),
            ("gzip;q=1.0, br;q=0", "br", false),
            ("gzip;q=1.0, br;q=0", "gzip", true),
            ("", "br", false),
            ("brotli", "br", false),
            ("BR", "br", true),
        ];
        for (list, encoding, expected) in cases {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(list))]);
            assert_eq!(accepts(&headers, header::ACCEPT_ENCODING, encoding), expected, "{list} {encoding}");
        }
    }
}
