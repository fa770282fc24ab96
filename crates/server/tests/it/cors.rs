//! Web pages of other origins: nobody's may call until an account lists them, and then on its own endpoint alone.

use crate::server::{Answer, KEY1, OPERATOR, TestServer, demo};
use serde_json::{Value, json};

const SHOP: &str = "https://shop.example.org";

/// What a browser asks before it sends a key.
fn asked(server: &TestServer, path: &str, origin: &str) -> Answer {
    Answer::of(
        server
            .bare("OPTIONS", path)
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "content-type,ocp-apim-subscription-key"),
    )
}

fn allowed(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

fn varies(answer: &Answer) -> String {
    let all = answer.headers.iter().filter(|(name, _)| name == "vary").map(|(_, value)| value.as_str());
    all.collect::<Vec<_>>().join(", ")
}

fn set(server: &TestServer, origins: &Value) -> Answer {
    let request = server.bare("PATCH", "/admin/v1/accounts/default").header("Ocp-Apim-Subscription-Key", OPERATOR);
    Answer::to_json(request, &json!({ "corsOrigins": origins }))
}

#[test]
fn an_account_lists_the_pages_that_may_call_it() {
    let server = TestServer::new();
    let path = "/accounts/default/face/v1.0/detect";
    let before = asked(&server, path, SHOP);
    assert_eq!((before.status, allowed(&before)), (404, None), "{before:?}");

    let said =
        server.cli(&["accounts", "set", "default", "--cors", "HTTPS://Shop.Example.org:443/,http://localhost:5173"]);
    assert!(said.contains("http://localhost:5173, https://shop.example.org"), "{said}");
    let preflight = asked(&server, path, SHOP);
    assert_eq!((preflight.status, allowed(&preflight)), (204, Some(SHOP)), "{preflight:?}");
    assert!(preflight.header("access-control-allow-methods").is_some_and(|methods| methods.contains("PATCH")));
    let sent = preflight.header("access-control-allow-headers").unwrap_or_default().to_ascii_lowercase();
    for name in
        ["ocp-apim-subscription-key", "authorization", "content-type", "limitedaccesstoken", "x-ms-client-request-id"]
    {
        assert!(sent.contains(name), "{name}: {sent}");
    }
    assert_eq!(preflight.header("access-control-max-age"), Some("600"));
    assert_eq!(preflight.header("access-control-allow-credentials"), None);
    let vary = varies(&preflight);
    assert!(vary.contains("Origin") && vary.contains("Access-Control-Request-Headers"), "{vary}");

    // What the page gets afterwards, good or refused, it may read.
    let request = |key: &str| {
        let request = server.bare("POST", &format!("{path}?returnFaceId=false")).header("Origin", SHOP);
        Answer::to_picture(request.header("Ocp-Apim-Subscription-Key", key), &demo(1))
    };
    for (key, status) in [(KEY1, 200), ("wrong", 401)] {
        let answer = request(key);
        assert_eq!((answer.status, allowed(&answer)), (status, Some(SHOP)), "{answer:?}");
        assert!(
            answer.header("access-control-expose-headers").is_some_and(|names| names.contains("operation-location"))
        );
        assert!(varies(&answer).contains("Origin"));
    }

    // Elsewhere no page is answered: not on the common address, not of the management API.
    let elsewhere = [
        ("/face/v1.0/detect", SHOP),
        ("/accounts/nobody/face/v1.0/detect", SHOP),
        ("/accounts/default/admin/v1/accounts", SHOP),
        ("/admin/v1/accounts", SHOP),
        (path, "https://shop.example.org.evil.org"),
        (path, "http://shop.example.org"),
        (path, "null"),
    ];
    for (path, origin) in elsewhere {
        let answer = asked(&server, path, origin);
        assert!(answer.status >= 400 && allowed(&answer).is_none(), "{path} {origin}: {answer:?}");
    }
    // A cache must not give the answer for one origin to another, also where there is none.
    let plain = Answer::of(
        server.bare("GET", "/accounts/default/face/v1.0/persongroups").header("Ocp-Apim-Subscription-Key", KEY1),
    );
    assert_eq!((plain.status, allowed(&plain), &*varies(&plain)), (200, None, "Origin"));

    // By its own host too.
    let by_host = Answer::of(
        server
            .bare("OPTIONS", "/face/v1.0/detect")
            .header("Host", "default.localhost")
            .header("Origin", SHOP)
            .header("Access-Control-Request-Method", "POST"),
    );
    assert_eq!((by_host.status, allowed(&by_host)), (204, Some(SHOP)), "{by_host:?}");

    let trail = server.cli(&["audit", "list", "default"]);
    assert!(trail.contains("corsOrigins"), "{trail}");
    server.cli(&["accounts", "set", "default", "--cors", "nobody"]);
    assert_eq!(asked(&server, path, SHOP).status, 404);
}

#[test]
fn everybody_nobody_and_what_is_no_origin() {
    let server = TestServer::new();
    let path = "/accounts/default/notice";
    assert_eq!(set(&server, &json!(["*"])).body["corsOrigins"], json!(["*"]));
    let any = asked(&server, path, "https://elsewhere.org");
    assert_eq!((any.status, allowed(&any)), (204, Some("*")), "{any:?}");
    assert_eq!(allowed(&asked(&server, path, "null")), None);
    let odd = json!(["http://[::1]:51730", "http://shop_1.internal.example.org:65535", "capacitor://localhost"]);
    assert_eq!(set(&server, &odd).status, 200);
    assert_eq!(set(&server, &json!(["null"])).status, 200);
    assert_eq!(allowed(&asked(&server, path, "null")), Some("null"));
    for wrong in ["shop.example.org", "https://shop.example.org/page", "https://*.example.org", ""] {
        let answer = set(&server, &json!([wrong]));
        let message = answer.body["error"]["message"].as_str().unwrap_or_default();
        assert!(answer.status == 400 && message.contains("https://shop.example.org"), "{wrong}: {answer:?}");
    }
    assert_eq!(
        set(&server, &json!(vec!["https://a.example.org"; 101])).body["corsOrigins"],
        json!(["https://a.example.org"])
    );

    // An address that the network rules do not allow gets no such answer before the key either.
    server.cli(&["accounts", "set", "default", "--cors", SHOP, "--allow", "203.0.113.7"]);
    let fenced = asked(&server, path, SHOP);
    assert!(fenced.status >= 400, "{fenced:?}");
}
