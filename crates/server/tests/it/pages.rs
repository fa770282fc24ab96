//! The pages and the API's description as a browser and a program get them. What the pages do is tested in a browser.

use crate::server::{TestServer, skip};
use reqwest::blocking::Response;
use std::path::Path;

fn get(server: &TestServer, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = server.bare("GET", path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().expect("the server answers")
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}

/// Pages need Node.js to be built; `make test` does, a bare `cargo test` does not.
fn built(test: &str) -> bool {
    let is_built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/dist/index.html").exists();
    if !is_built {
        skip(test, "the pages are not built (scripts/web)");
    }
    is_built
}

#[test]
fn the_description_is_served_as_it_is_kept() {
    let server = TestServer::new();
    let answer = get(&server, "/openapi.json", &[]);
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "content-type"), "application/json; charset=utf-8");
    let kept = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json"));
    assert_eq!(answer.text().expect("text"), kept.expect("the golden file is there"));
}

#[test]
fn a_program_gets_a_line_to_try_and_a_browser_the_page() {
    let test = "a_program_gets_a_line_to_try_and_a_browser_the_page";
    let server = TestServer::new();
    let answer = get(&server, "/", &[("accept", "*/*")]);
    assert_eq!(answer.status(), 200);
    assert!(answer.text().expect("text").contains("Ocp-Apim-Subscription-Key"));
    if !built(test) {
        return;
    }
    let answer = get(&server, "/", &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")]);
    assert_eq!(header(&answer, "content-type"), "text/html; charset=utf-8");
    assert_eq!(header(&answer, "cache-control"), "no-cache");
    let policy = header(&answer, "content-security-policy").to_owned();
    for rule in ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(header(&answer, "permissions-policy"), "camera=(self), microphone=(), geolocation=()");
    let tag = header(&answer, "etag").to_owned();
    let page = answer.text().expect("text");
    assert!(page.contains("<script"), "{page}");

    let again = get(&server, "/", &[("accept", "text/html"), ("if-none-match", &tag)]);
    assert_eq!(again.status(), 304);
    assert_eq!(again.text().expect("text"), "");
}

#[test]
fn the_other_pages_are_served_under_the_same_headers() {
    let server = TestServer::new();
    let is_built = built("the_other_pages_are_served_under_the_same_headers");
    for (path, title) in [("/reference", "API reference"), ("/admin", "Likeness Admin"), ("/capture", "Camera check")] {
        let answer = get(&server, path, &[("accept", "text/html")]);
        assert_eq!(answer.status(), 200, "{path}");
        if !is_built {
            continue;
        }
        let policy = header(&answer, "content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(header(&answer, "cache-control"), "no-cache", "{path}");
        assert!(answer.text().expect("text").contains(title), "{path}");
    }
}

#[test]
fn assets_are_compressed_kept_for_ever_and_nothing_else_is_there() {
    let test = "assets_are_compressed_kept_for_ever_and_nothing_else_is_there";
    if !built(test) {
        return;
    }
    let server = TestServer::new();
    let page = get(&server, "/", &[("accept", "text/html")]).text().expect("text");
    let script = page.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(".js")).expect("a script");
    let plain = get(&server, script, &[]);
    assert_eq!(header(&plain, "content-type"), "text/javascript; charset=utf-8");
    assert!(header(&plain, "cache-control").contains("immutable"));
    let plain = plain.bytes().expect("bytes");
    for encoding in ["br", "gzip"] {
        let packed = get(&server, script, &[("accept-encoding", encoding)]);
        assert_eq!(header(&packed, "content-encoding"), encoding);
        assert!(packed.bytes().expect("bytes").len() * 2 < plain.len(), "{encoding}");
    }
    for path in ["/assets/nothing.js", "/assets/../index.html", "/index.html.br", "/assets/%2e%2e/Cargo.toml"] {
        assert_eq!(get(&server, path, &[]).status(), 404, "{path}");
    }
}
