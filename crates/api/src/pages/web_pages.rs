//! The web pages: sends what the executable carries, under headers that let a page load nothing from elsewhere. Each page
//! is a row of [`PAGES`], with the policy that it needs.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::get;
use likeness_http::{Query, RequestAddress};
use likeness_service::app::App;
use std::sync::Arc;

/// A page: its address, its file, and what a browser lets it do.
struct Page {
    address: &'static str,
    file: &'static str,
    policy: Policy,
    /// Whether only those who ask for HTML get it, and everybody else a line to try.
    for_browsers_alone: bool,
    /// Said instead in a build without pages.
    without: &'static str,
}

/// What a browser lets a page do. A page that needs more than the others gets a row of its own with just that.
struct Policy {
    /// `Content-Security-Policy`: where a page loads from, where it sends to, and who may frame it.
    content: &'static str,
    /// `Permissions-Policy`: which devices a page may ask for.
    permissions: &'static str,
}

/// Scripts and styles of this server, pictures and films that the page made itself, calls to this server. No inline
/// script, no form that leaves. Who may put a frame around the page is the page's own matter.
macro_rules! own_content {
    (framed by $ancestors:literal) => {
        concat!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; ",
            "media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; ",
            "form-action 'none'; frame-ancestors ",
            $ancestors
        )
    };
}

const CAMERA: &str = "camera=(self), microphone=(), geolocation=()";
/// Of the capture page, which also asks for keys of the device it is on.
const CAMERA_AND_KEYS: &str = "camera=(self), microphone=(), geolocation=(), publickey-credentials-get=(self), publickey-credentials-create=(self)";
const NO_DEVICE: &str = "camera=(), microphone=(), geolocation=()";

/// Origins that a header names at most.
const MOST_ANCESTORS: usize = 100;
/// The address of the studio, and of the capture page.
const ROOT: &str = "/";
const CAPTURE: &str = "/capture";

/// All pages: a new one is a row here. The studio tries the Face API, the reference lists calls, admin manages accounts,
/// capture is where a person is before the camera for a liveness session.
static PAGES: [Page; 4] = [
    Page {
        address: ROOT,
        file: "index.html",
        policy: Policy { content: own_content!(framed by "'none'"), permissions: CAMERA },
        for_browsers_alone: true,
        without: "\nThis build carries no pages; `make run` builds them too.\n",
    },
    Page {
        address: "/reference",
        file: "reference.html",
        policy: Policy { content: own_content!(framed by "'none'"), permissions: NO_DEVICE },
        for_browsers_alone: false,
        without: "\nThis build carries no pages; /openapi.json says the same to programs.\n",
    },
    Page {
        address: "/admin",
        file: "admin.html",
        policy: Policy { content: own_content!(framed by "'none'"), permissions: NO_DEVICE },
        for_browsers_alone: false,
        without: "\nThis build carries no pages; GET /admin/v1/ lists the calls of the management API.\n",
    },
    Page {
        address: CAPTURE,
        file: "capture.html",
        policy: Policy { content: own_content!(framed by "'self'"), permissions: CAMERA_AND_KEYS },
        for_browsers_alone: false,
        without: "\nThis build carries no pages; docs/device-protocol.md says how a program captures.\n",
    },
];

/// Scripts, styles and pictures of the pages. A browser heeds these rules where one is opened by itself.
const PARTS: Policy = Policy { content: own_content!(framed by "'none'"), permissions: NO_DEVICE };

/// What every answer with a file carries besides the policy.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (header::VARY, "accept-encoding, accept"),
];

/// The addresses of the pages and of their files.
pub(super) fn routes() -> Router<Arc<App>> {
    let files = Router::new()
        .route("/favicon.svg", get(by_path))
        // Loaded by pages of other sites, under a name that stays.
        .route("/likeness-capture.js", get(by_path))
        .route("/assets/{*file}", get(by_path));
    let pages = PAGES.iter().filter(|page| ![ROOT, CAPTURE].contains(&page.address)).fold(files, |router, page| {
        router.route(page.address, get(async move |headers: HeaderMap| answer(page, &headers)))
    });
    // Below the address of an account too: who may frame the page is the account's to say.
    [ROOT, CAPTURE].into_iter().fold(pages, |router, address| {
        router
            .route(address, get(root_or_capture))
            .route(&format!("/accounts/{{subdomain}}{address}"), get(root_or_capture))
    })
}

/// The studio, the capture page, and the capture page that a quick link opens (`/?s=`).
async fn root_or_capture(State(app): State<Arc<App>>, request: Request<Body>) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let address = RequestAddress::read(&parts, &app.config.access);
    let has_link = Query::parse(parts.uri.query()).text("s").is_some();
    let is_capture = has_link || address.path.trim_end_matches('/').eq_ignore_ascii_case(CAPTURE);
    let wanted = if is_capture { CAPTURE } else { ROOT };
    let page = PAGES.iter().find(|page| page.address == wanted).expect("both are rows of the table");
    let mut response = answer(page, &parts.headers);
    if is_capture && let Ok(policy) = HeaderValue::from_str(&framed_by(page.policy.content, &ancestors(&app, &address)))
    {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Origins that may frame the capture page: those of the account that the address names, or of all accounts where it names none.
fn ancestors(app: &App, address: &RequestAddress) -> Vec<String> {
    let table = app.access.cache.last_known();
    let states = match &address.origin.subdomain {
        Some(subdomain) => table.by_subdomain(subdomain).cloned().into_iter().collect(),
        None => table.all(),
    };
    let mut origins: Vec<String> = states
        .iter()
        .filter(|state| state.is_open())
        .flat_map(|state| state.settings.cors_origins.iter())
        // Any page at all is no origin that somebody trusts with a camera.
        .filter(|origin| *origin != "*" && *origin != "null")
        .cloned()
        .collect();
    origins.sort();
    origins.dedup();
    // A header has an end; an account's own address names only its own.
    origins.truncate(MOST_ANCESTORS);
    origins
}

/// A policy with more origins that may frame the page.
fn framed_by(policy: &str, origins: &[String]) -> String {
    origins.iter().fold(policy.to_owned(), |policy, origin| format!("{policy} {origin}"))
}

/// A page; or a line to try, where no page is wanted or this build carries none.
fn answer(page: &Page, asked: &HeaderMap) -> Response<Body> {
    let is_wanted = !page.for_browsers_alone || accepts(asked, header::ACCEPT, "text/html");
    match find(page.file, &page.policy, asked) {
        Some(found) if is_wanted => found,
        Some(_) => welcome(""),
        None => welcome(page.without),
    }
}

/// `GET` of a file that the pages ask for.
async fn by_path(uri: Uri, headers: HeaderMap) -> Response<Body> {
    find(uri.path().trim_start_matches('/'), &PARTS, &headers).unwrap_or_else(|| {
        (StatusCode::NOT_FOUND, "There is no such file. Reload the page: it may be of an older version.\n")
            .into_response()
    })
}

/// The answer with a file of the pages, if there is such a file.
fn find(path: &str, policy: &Policy, asked: &HeaderMap) -> Option<Response<Body>> {
    let file = likeness_pages::find(path, |encoding| accepts(asked, header::ACCEPT_ENCODING, encoding))?;
    Some(send(file, policy, asked))
}

fn send(file: likeness_pages::File, policy: &Policy, asked: &HeaderMap) -> Response<Body> {
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
    let own = [
        (header::CONTENT_SECURITY_POLICY, policy.content),
        (HeaderName::from_static("permissions-policy"), policy.permissions),
    ];
    for (name, value) in HEADERS.into_iter().chain(own) {
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

/// For clients that do not accept HTML.
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
    use std::collections::BTreeMap;

    #[test]
    fn a_page_may_do_what_it_needs_and_no_more() {
        let camera = "camera=(self), microphone=(), geolocation=()";
        let keys = "camera=(self), microphone=(), geolocation=(), publickey-credentials-get=(self), publickey-credentials-create=(self)";
        let nothing = "camera=(), microphone=(), geolocation=()";
        let rows = [
            ("/", camera, "'none'"),
            ("/reference", nothing, "'none'"),
            ("/admin", nothing, "'none'"),
            ("/capture", keys, "'self'"),
        ];
        assert_eq!(PAGES.len(), rows.len(), "a new page needs a row here");
        for (page, (address, permissions, ancestors)) in PAGES.iter().zip(rows) {
            let content = directives(page.policy.content);
            assert_eq!((page.address, page.policy.permissions), (address, permissions));
            assert_eq!(content.get("frame-ancestors"), Some(&ancestors), "{address}");
        }
        let files = ("the files of the pages", &PARTS);
        for (name, policy) in PAGES.iter().map(|page| (page.address, &page.policy)).chain([files]) {
            let content = directives(policy.content);
            for (directive, expected) in [("default-src", "'none'"), ("base-uri", "'none'"), ("form-action", "'none'")]
            {
                assert_eq!(content.get(directive), Some(&expected), "{name}: {directive}");
            }
            assert_eq!(content.get("script-src"), Some(&"'self'"), "{name}: no script from elsewhere, none inline");
            assert!(!policy.content.contains("unsafe") && !policy.content.contains('*'), "{name}");
        }
    }

    /// A content security policy by its directives, each of which it holds once.
    fn directives(policy: &str) -> BTreeMap<&str, &str> {
        let pairs = policy.split("; ").filter_map(|directive| directive.split_once(' '));
        let map = BTreeMap::from_iter(pairs);
        assert_eq!(map.len(), policy.split(';').count(), "{policy}");
        map
    }

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
