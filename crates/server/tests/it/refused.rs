//! Every kind of refusal of every API as it goes over the wire: status, headers and body, kept in `data/refused.txt`.
//!
//! A change of how requests are judged shows here. `LIKENESS_BLESS=1` writes the file anew.

use crate::clock::Clock;
use crate::server::{Answer, KEY1, OPERATOR, TestServer, demo};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

const FILE: &str = "tests/it/data/refused.txt";
const ID: &str = "4f8a1f0e-2f51-4d55-8f0a-3f2f4f5f6f7f";
const JSON: &str = "application/json";

/// What is sent.
struct Asked {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

fn ask(method: &'static str, path: &str) -> Asked {
    Asked { method, path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
}

impl Asked {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn key(self, key: &str) -> Self {
        self.with("Ocp-Apim-Subscription-Key", key)
    }

    fn sending(mut self, media: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.with("Content-Type", media)
    }

    fn json(self, body: &Value) -> Self {
        self.sending(JSON, body.to_string())
    }
}

/// Whether a header's value says nothing of how a request was judged.
fn is_of_the_moment(name: &str) -> bool {
    matches!(name, "apim-request-id" | "x-envoy-upstream-service-time" | "date" | "content-length")
}

fn told(name: &str, server: &TestServer, asked: Asked) -> String {
    let mut request = server.bare(asked.method, &asked.path);
    for (name, value) in &asked.headers {
        request = request.header(*name, value);
    }
    let answer = Answer::read(request.body(asked.body).send().expect("the server answers"));
    assert!(answer.status >= 400, "{name} is no refusal: {answer:?}");
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", if is_of_the_moment(name) { "…" } else { value }))
        .collect();
    headers.sort();
    let text = format!(
        "## {name}\n{} {}\n{}\n{}\n{}\n\n",
        asked.method,
        asked.path,
        answer.status,
        headers.join("\n"),
        answer.body
    );
    text.replace(&server.address, "(address)")
}

/// Refusals that every API has, by the same name.
struct Api {
    name: &'static str,
    /// A route that reads JSON and is refused for its body alone.
    route: (&'static str, &'static str),
    unknown: &'static str,
    other_method: &'static str,
    key: &'static str,
}

const APIS: [Api; 4] = [
    Api {
        name: "face",
        route: ("POST", "/face/v1.0/verify"),
        unknown: "/face/v1.0/nothing",
        other_method: "PATCH",
        key: KEY1,
    },
    Api {
        name: "sts",
        route: ("POST", "/sts/v1.0/issueLimitedAccessToken"),
        unknown: "/sts/v1.0/nothing",
        other_method: "PATCH",
        key: KEY1,
    },
    Api {
        name: "notice",
        route: ("POST", "/notice/decision"),
        unknown: "/notice/nothing",
        other_method: "PATCH",
        key: KEY1,
    },
    Api {
        name: "admin",
        route: ("POST", "/admin/v1/accounts"),
        unknown: "/admin/v1/nothing",
        other_method: "PUT",
        key: OPERATOR,
    },
];

fn of_every_api(server: &TestServer, to: &mut String) {
    for Api { name, route: (method, path), unknown, other_method, key } in APIS {
        let rows = [
            ("no such route", ask(method, unknown).key(key).json(&json!({}))),
            ("another method", ask(other_method, path).key(key).json(&json!({}))),
            ("no key", ask(method, path).json(&json!({}))),
            ("a wrong key", ask(method, path).key("wrong").json(&json!({}))),
            ("an empty key", ask(method, path).key("").json(&json!({}))),
            ("a wrong key in the query", ask(method, &format!("{path}?subscription-key=wrong")).json(&json!({}))),
            ("a bearer that is no token", ask(method, path).with("Authorization", "Bearer x.y.z").json(&json!({}))),
            ("another scheme", ask(method, path).with("Authorization", "Basic eDp5").json(&json!({}))),
            ("another account's address", ask(method, path).key(key).with("Host", "nobody.example").json(&json!({}))),
            ("no media type", {
                let mut asked = ask(method, path).key(key);
                asked.body = b"{}".to_vec();
                asked
            }),
            ("text", ask(method, path).key(key).sending("text/plain", "{}")),
            ("a picture", ask(method, path).key(key).sending("image/jpeg", "{}")),
            ("no body", ask(method, path).key(key).sending(JSON, "")),
            ("no JSON", ask(method, path).key(key).sending(JSON, "{\"a\":")),
            ("no object", ask(method, path).key(key).sending(JSON, "[]")),
            ("a key twice", ask(method, path).key(key).sending(JSON, r#"{"faceId1":"a","faceId1":"b","faceId2":"c"}"#)),
            ("no text", ask(method, path).key(key).sending(JSON, [0xff, 0x00, 0xff])),
            ("an empty object", ask(method, path).key(key).json(&json!({}))),
            ("what nobody knows", ask(method, path).key(key).json(&json!({ "nothing": 1 }))),
            ("far too long", ask(method, path).key(key).json(&json!({ "long": "x".repeat(1_200_000) }))),
        ];
        for (what, asked) in rows {
            to.push_str(&told(&format!("{name}: {what}"), server, asked));
        }
    }
}

fn of_faces(server: &TestServer, to: &mut String) {
    let poor = server.another(&["poor"]);
    let key = poor.keys[0].as_str();
    let detect = "/face/v1.0/detect";
    let rows = [
        ("no version", ask("POST", "/face/detect").key(KEY1).json(&json!({}))),
        ("a version to come", ask("POST", "/face/v9.9/detect").key(KEY1).json(&json!({}))),
        ("a route of a later version", ask("POST", "/face/v1.0/detectGait-sessions").key(KEY1).json(&json!({}))),
        ("neither JSON nor a picture", ask("POST", detect).key(KEY1).sending("text/plain", "x")),
        ("no picture", ask("POST", detect).key(KEY1).sending("application/octet-stream", "no picture")),
        ("an empty picture", ask("POST", detect).key(KEY1).sending("application/octet-stream", "")),
        ("too large a picture", {
            ask("POST", detect).key(KEY1).sending("application/octet-stream", vec![0; 6 * 1024 * 1024 + 1])
        }),
        ("no address", ask("POST", detect).key(KEY1).json(&json!({ "url": "nowhere" }))),
        ("an address within", ask("POST", detect).key(KEY1).json(&json!({ "url": "http://127.0.0.1:1/a.jpg" }))),
        (
            "an unknown attribute",
            ask("POST", &format!("{detect}?returnFaceAttributes=soul")).key(KEY1).json(&json!({})),
        ),
        ("a value out of range", ask("POST", &format!("{detect}?faceIdTimeToLive=1")).key(KEY1).json(&json!({}))),
        (
            "not approved for identification",
            ask("POST", "/face/v1.0/group").key(key).json(&json!({ "faceIds": [ID, ID] })),
        ),
        (
            "not approved for verification",
            ask("POST", "/face/v1.0/verify").key(key).json(&json!({ "faceId1": ID, "faceId2": ID })),
        ),
        ("not approved for either", ask("PUT", "/face/v1.0/facelists/l").key(key).json(&json!({ "name": "n" }))),
        (
            "not approved for an attribute",
            ask("POST", &format!("{detect}?returnFaceAttributes=age"))
                .key(key)
                .sending("application/octet-stream", demo(6)),
        ),
        ("a lent token that is none", {
            let asked = ask("POST", "/face/v1.0/verify").key(key).with("LimitedAccessToken", "Bearer x.y.z");
            asked.json(&json!({ "faceId1": ID, "faceId2": ID }))
        }),
        ("nothing of that id", ask("GET", &format!("/face/v1.0/persons/{ID}")).key(KEY1)),
        ("no id", ask("GET", "/face/v1.0/persons/x").key(KEY1)),
        ("an unknown list", ask("GET", "/face/v1.0/facelists/none").key(KEY1)),
        ("a face that is not there", {
            ask("POST", "/face/v1.0/verify").key(KEY1).json(&json!({ "faceId1": ID, "faceId2": ID }))
        }),
    ];
    for (what, asked) in rows {
        to.push_str(&told(&format!("face: {what}"), server, asked));
    }
    // An id is an account's own.
    *to = to.replace(&poor.id, "(account)").replace(&poor.resource, "(resource)");
}

fn of_others(server: &TestServer, to: &mut String) {
    let poor = server.another(&["no-vendor"]).keys[0].clone();
    let limited = "/sts/v1.0/issueLimitedAccessToken";
    let target = format!("/subscriptions/{ID}/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/nobody");
    let lend = |target: &str, flags: Value| json!({ "targetAzureResourceId": target, "featureFlags": flags });
    let decision = json!({ "decision": "agreed", "language": "en", "version": 1, "session": ID });
    let rows = [
        ("sts: a token for a token", ask("POST", "/sts/v1.0/issueToken").with("Authorization", "Bearer x.y.z")),
        ("sts: no resource", ask("POST", limited).key(KEY1).json(&lend("x", json!(["Face.Verification"])))),
        ("sts: an unknown flag", ask("POST", limited).key(KEY1).json(&lend(&target, json!(["Face.Soul"])))),
        ("sts: no flags", ask("POST", limited).key(KEY1).json(&lend(&target, json!([])))),
        ("sts: no vendor", ask("POST", limited).key(&poor).json(&lend(&target, json!(["Face.Verification"])))),
        (
            "sts: a life out of range",
            ask("POST", &format!("{limited}?expiredTime=1"))
                .key(KEY1)
                .json(&lend(&target, json!(["Face.Verification"]))),
        ),
        ("notice: without a key", ask("GET", "/notice")),
        ("notice: of no account", ask("GET", "/accounts/nobody/notice")),
        (
            "notice: not in force",
            ask("POST", "/notice/decision").key(KEY1).json(&{
                let mut decision = decision.clone();
                decision["version"] = json!(99);
                decision
            }),
        ),
        (
            "notice: no such decision",
            ask("POST", "/notice/decision").key(KEY1).json(&{
                let mut decision = decision.clone();
                decision["decision"] = json!("perhaps");
                decision
            }),
        ),
        (
            "notice: no session",
            ask("POST", "/notice/decision").key(KEY1).json(&{
                let mut decision = decision.clone();
                decision["session"] = json!("x");
                decision
            }),
        ),
        ("admin: an account's key", ask("GET", "/admin/v1/accounts").key(KEY1)),
        (
            "admin: an account's key for what is its own and not its",
            ask("POST", "/admin/v1/accounts/default/close").key(KEY1),
        ),
        ("admin: no such account", ask("GET", "/admin/v1/accounts/nobody").key(OPERATOR)),
        ("admin: another's account", ask("GET", "/admin/v1/accounts/nobody").key(KEY1)),
        ("admin: a name twice", ask("POST", "/admin/v1/accounts").key(OPERATOR).json(&json!({ "name": "default" }))),
        ("admin: a role of nobody", ask("DELETE", &format!("/admin/v1/roles/{ID}")).key(OPERATOR)),
        ("admin: a role that is no id", ask("DELETE", "/admin/v1/roles/x").key(OPERATOR)),
        ("admin: nothing to reopen", ask("POST", "/admin/v1/accounts/default/reopen").key(OPERATOR)),
        ("elsewhere: nothing", ask("GET", "/nothing")),
        ("elsewhere: another method", ask("DELETE", "/openapi.json")),
        ("elsewhere: a preflight nobody allowed", {
            let asked = ask("OPTIONS", "/face/v1.0/detect").with("Origin", "https://shop.example");
            asked.with("Access-Control-Request-Method", "POST")
        }),
    ];
    for (what, asked) in rows {
        to.push_str(&told(what, server, asked));
    }
}

/// Liveness sessions: of app servers, of devices, of links.
fn of_liveness(server: &TestServer, to: &mut String) {
    let plain = "/face/v1.2/detectLiveness-sessions";
    let asked = json!({ "livenessOperationMode": "Passive", "deviceCorrelationId": "d" });
    let with = |name: &str, value: Value| {
        let mut body = asked.clone();
        body[name] = value;
        ask("POST", plain).key(KEY1).json(&body)
    };
    let token = server.json("POST", plain, &asked).id("authToken");
    let device = |method, path: &str| ask(method, path).with("Authorization", &format!("Bearer {token}"));
    let frames = "/face/v1.2/detectLiveness/singleModal";
    let form = "multipart/form-data; boundary=x";
    let rows = [
        ("liveness: no mode", ask("POST", plain).key(KEY1).json(&json!({}))),
        (
            "liveness: no correlation id",
            ask("POST", plain).key(KEY1).json(&json!({ "livenessOperationMode": "Passive" })),
        ),
        ("liveness: a token for two days", with("authTokenTimeToLiveInSeconds", json!(172_800))),
        ("liveness: too many attempts", with("numberOfClientAttemptsAllowed", json!(9))),
        ("liveness: a key for nobody", with("likeness", json!({ "enrolKey": true }))),
        ("liveness: a form that is none", ask("POST", plain).key(KEY1).sending(form, "--y")),
        ("liveness: no such session", ask("GET", &format!("{plain}/{ID}")).key(KEY1)),
        ("liveness: no such picture", ask("GET", "/face/v1.2/sessionImages/x").key(KEY1)),
        ("liveness: a setting that is none", {
            ask("PATCH", "/face/v1.3-preview.1/settings/liveness-abuse-monitoring").key(KEY1).json(&json!({}))
        }),
        (
            "liveness: what is not offered",
            ask("GET", "/face/v1.3-preview.1/settings/getClientAssetsAccessToken").key(KEY1),
        ),
        ("devices: no token", ask("POST", "/face/v1.2/session/start").json(&json!({}))),
        ("devices: a key", ask("POST", "/face/v1.2/session/start").key(KEY1).json(&json!({}))),
        ("devices: a token that is none", {
            ask("POST", "/face/v1.2/session/start").with("Authorization", "Bearer x").json(&json!({}))
        }),
        ("devices: no attempt", device("POST", "/face/v1.2/session/attempt/end").json(&json!({}))),
        ("devices: a key that is not expected", {
            let key = json!({ "attemptId": 1, "clientData": "e30", "authenticatorData": "AA" });
            device("POST", "/face/v1.2/session/key").json(&key)
        }),
        ("devices: no key", device("POST", "/face/v1.2/session/key").json(&json!({}))),
        ("devices: frames of no attempt", device("POST", frames).sending(form, "--x--")),
        ("devices: no form", device("POST", frames).json(&json!({}))),
        ("devices: no socket", device("GET", frames)),
        ("devices: another method", device("PUT", frames)),
        ("links: no token", ask("POST", "/api/quicklink")),
        ("links: no link", ask("GET", "/api/quicklink/about")),
        ("links: nowhere", ask("POST", "/api/quicklink/begin").json(&json!({ "link": ID }))),
    ];
    for (what, asked) in rows {
        to.push_str(&told(what, server, asked));
    }
}

/// Calls at a rate that the tier does not admit, and guesses of keys.
fn of_the_impatient(to: &mut String) {
    let clock = Clock::new();
    let server = TestServer::with(&[clock.setting()]);
    let free = server.another(&["free", "--approve", "everything", "--tier", "F0"]);
    for (name, path) in [("face", "/face/v1.0/facelists"), ("admin", "/admin/v1/me")] {
        let is_over = |answer: &Answer| answer.status == 429;
        let many = (0..25).map(|_| {
            Answer::read(
                server.bare("GET", path).header("Ocp-Apim-Subscription-Key", &free.keys[0]).send().expect("an answer"),
            )
        });
        assert!(many.into_iter().any(|answer| is_over(&answer)), "{name} has a rate");
        let asked = ask("GET", path).key(&free.keys[0]);
        let text = told(&format!("{name}: one call too many"), &server, asked);
        to.push_str(&of_any_second(&text));
    }
    // The first hundred wrong keys cost a moment of patience each, then nobody from there is listened to.
    for (name, path) in [("face", "/face/v1.0/facelists"), ("sts", "/sts/v1.0/issueToken"), ("admin", "/admin/v1/me")] {
        let method = if name == "sts" { "POST" } else { "GET" };
        let guess = |number: usize| {
            let request = server.bare(method, path).header("Ocp-Apim-Subscription-Key", format!("guess {number}"));
            Answer::read(request.send().expect("an answer"))
        };
        assert!((0..300).any(|number| guess(number).status == 429), "{name} does not listen to guesses for ever");
        let text = told(&format!("{name}: one guess too many"), &server, ask(method, path).key("guess"));
        to.push_str(&of_any_second(&text));
        clock.forward(Duration::from_secs(15));
    }
}

/// How many seconds are left depends on how fast the machine is.
fn of_any_second(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let known = line.strip_prefix("retry-after: ").map(|_| "retry-after: …".to_owned());
        known.unwrap_or_else(|| without_seconds(line))
    });
    lines.fold(String::new(), |mut all, line| {
        let _ = writeln!(all, "{line}");
        all
    }) + "\n"
}

fn without_seconds(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let is_number = |word: &str| !word.is_empty() && word.chars().all(|letter| letter.is_ascii_digit());
    let shown = words.iter().enumerate().map(|(at, word)| {
        let counts_seconds = words.get(at + 1).is_some_and(|next| next.starts_with("second"));
        if is_number(word) && counts_seconds { "…" } else { word }
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn refusals_are_what_they_were() {
    let server = TestServer::new();
    let mut now = String::new();
    of_every_api(&server, &mut now);
    of_faces(&server, &mut now);
    of_others(&server, &mut now);
    of_liveness(&server, &mut now);
    of_the_impatient(&mut now);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("LIKENESS_BLESS").is_some() {
        std::fs::write(&file, &now).expect("the file can be written");
    }
    let before = std::fs::read_to_string(&file).expect("the file of refusals; LIKENESS_BLESS=1 writes it");
    let sections = |text: &str| text.split("## ").map(str::to_owned).collect::<Vec<_>>();
    for (before, now) in sections(&before).iter().zip(sections(&now)) {
        assert_eq!(*before, now);
    }
    assert_eq!(before, now);
}
