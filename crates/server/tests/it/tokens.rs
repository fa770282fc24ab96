//! Limited access tokens: a vendor and its client walk the whole way with plain HTTP, and everything that must stop them.

use crate::clock::Clock;
use crate::server::{Answer, KEY1, OPERATOR, OtherAccount, TestServer, demo};
use crate::stores::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::time::Duration;

const BOTH: &[&str] = &["Face.Identification", "Face.Verification"];

impl TestServer {
    /// A call of the management API with the operator's key; `null` sends no body.
    pub(crate) fn manage(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.manage_with(OPERATOR, method, path, body)
    }

    /// The same with another key.
    pub(crate) fn manage_with(&self, key: &str, method: &str, path: &str, body: &Value) -> Answer {
        let request = self.bare(method, &format!("/admin/v1/{path}")).header("Ocp-Apim-Subscription-Key", key);
        if body.is_null() { Answer::of(request) } else { Answer::to_json(request, body) }
    }

    /// Asks for a token with a key.
    fn issue(&self, key: &str, query: &str, body: &Value) -> Answer {
        let request = self.bare("POST", &format!("/sts/v1.0/issueLimitedAccessToken{query}"));
        Answer::to_json(request.header("Ocp-Apim-Subscription-Key", key), body)
    }

    /// A token of the default account, which is a vendor, for a client.
    pub(crate) fn token(&self, client: &OtherAccount<'_>, flags: &[&str]) -> String {
        let answer = self.issue(KEY1, "", &json!({ "targetAzureResourceId": client.resource, "featureFlags": flags }));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/jwt")), "{answer:?}");
        answer.body.as_str().expect("a bare token").to_owned()
    }
}

/// Verify with two faces that nobody has: 404 when it is allowed.
fn verify(client: &OtherAccount<'_>, token: &str) -> (u16, String) {
    let faces = json!({ "faceId1": uuid::Uuid::nil(), "faceId2": uuid::Uuid::nil() });
    let request = client.request("POST", "verify").header("LimitedAccessToken", format!("Bearer {token}"));
    let answer = Answer::to_json(request, &faces);
    (answer.status, answer.code().to_owned())
}

const ALLOWED: (u16, &str) = (404, "FaceNotFound");
const INVALID: (u16, &str) = (401, "InvalidLimitedAccessToken");

fn is(found: &(u16, String), expected: (u16, &str), what: &str) {
    assert_eq!((found.0, found.1.as_str()), expected, "{what}");
}

/// The claims of a token, nothing of it checked.
fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let part = token.split('.').nth(1).expect("three parts");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).expect("base64");
    serde_json::from_slice(&bytes).expect("JSON")
}

on_both_stores!(a_door_device_recognises_people_with_a_token_of_its_vendor, every_way_in_which_a_token_ends);

fn a_door_device_recognises_people_with_a_token_of_its_vendor(store: &TestStore) {
    let server = store.server(&[]);
    let client = server.another(&["client-face-api", "--group", "client-rg"]);
    let photo = demo(1);

    // Without: the client can count faces and keep its server in order, but recognise nobody.
    let plain = client.picture("detect?returnFaceId=false", &photo);
    assert_eq!(plain.status, 200);
    for (method, path, body) in [
        ("PUT", "largepersongroups/staff", json!({ "name": "staff", "recognitionModel": "recognition_04" })),
        ("POST", "identify", json!({ "faceIds": [uuid::Uuid::nil()], "largePersonGroupId": "staff" })),
    ] {
        let answer = client.json(method, path, &body);
        assert_eq!((answer.status, answer.code()), (403, "UnsupportedFeature"), "{path}: {answer:?}");
    }
    let with_id = client.picture("detect?returnFaceId=true", &photo);
    assert_eq!((with_id.status, with_id.code()), (403, "UnsupportedFeature"));
    assert!(with_id.body.to_string().contains("Identification or Verification"), "{with_id:?}");
    assert_eq!(client.call("GET", "largepersongroups").body, json!([]), "reading is always allowed");

    // The vendor's cloud makes a token; the device sends it along with the client's own key.
    let token = server.token(&client, BOTH);
    let bearer = format!("Bearer {token}");
    let told = claims(&token);
    assert_eq!(told["targetAzureResourceId"], client.resource.as_str());
    assert_eq!(told["isvResourceId"], server.resource().as_str());
    assert_eq!(told["featureFlags"], json!(BOTH));
    assert_eq!(told["exp"].as_i64().expect("seconds") - told["iat"].as_i64().expect("seconds"), 3600);
    let with = |method: &str, path: &str| client.request(method, path).header("LimitedAccessToken", &bearer);
    let group = json!({ "name": "staff", "recognitionModel": "recognition_04" });
    assert_eq!(Answer::to_json(with("PUT", "largepersongroups/staff"), &group).status, 200);
    let person = Answer::to_json(with("POST", "largepersongroups/staff/persons"), &json!({ "name": "Ada" }));
    let path = format!("largepersongroups/staff/persons/{}/persistedfaces", person.id("personId"));
    let faces = Answer::to_picture(with("POST", "detect?recognitionModel=recognition_04"), &photo);
    let faces = faces.body.as_array().expect("faces").clone();
    let target = format!("{path}?targetFace={}", crate::server::target(&faces[0]));
    assert_eq!(Answer::to_picture(with("POST", &target), &photo).status, 200);
    assert_eq!(Answer::of(with("POST", "largepersongroups/staff/train")).status, 202);
    for _ in 0..200 {
        if client.call("GET", "largepersongroups/staff/training").body["status"] == "succeeded" {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let question = json!({
        "largePersonGroupId": "staff", "faceIds": [faces[0]["faceId"]],
        "maxNumOfCandidatesReturned": 1, "confidenceThreshold": 0.5,
    });
    let found = Answer::to_json(with("POST", "identify"), &question);
    assert_eq!(found.body[0]["candidates"][0]["personId"], person.body["personId"], "{found:?}");

    // The vendor's report: what was issued and used, and nothing that is the client's own.
    let report = server.manage_with(KEY1, "GET", "accounts/default/tokens/report?events=true", &Value::Null);
    assert_eq!(report.status, 200, "{report:?}");
    let rows = report.body["days"].as_array().expect("rows");
    assert_eq!(rows.len(), 2, "{report:?}");
    for row in rows {
        assert_eq!((&row["client"], &row["issued"], &row["used"]), (&json!(client.resource), &json!(1), &json!(6)));
    }
    let events = report.body["events"].as_array().expect("events");
    let operations: Vec<&str> = events.iter().filter_map(|event| event["operation"].as_str()).collect();
    let expected = [
        "CreateLargePersonGroup",
        "CreateLargePersonGroupPerson",
        "Detect",
        "AddLargePersonGroupPersonFace",
        "TrainLargePersonGroup",
        "Identify",
    ];
    assert_eq!(operations, expected);
    assert!(events.iter().all(|event| event["token"] == told["jti"]));
    let text = report.body.to_string();
    let person_id = person.id("personId");
    for secret in [&client.keys[0], &client.keys[1], "staff", "127.0.0.1", "Ada", &person_id, &token] {
        assert!(!text.contains(secret), "the report shows {secret}");
    }
    // Nor does the vendor's audit log, however it is read; the client's own audit log records each use too.
    let trail = server.manage("GET", "accounts/default/audit?top=1000", &Value::Null).body.to_string();
    for secret in [&client.keys[0], "staff", "Ada", &person_id, &token] {
        assert!(!trail.contains(secret), "the vendor's trail shows {secret}");
    }
    let own = server.manage("GET", "accounts/client-face-api/audit?action=use_limited_access_token", &Value::Null);
    assert_eq!(own.body.as_array().map(Vec::len), Some(6), "{own:?}");
    assert!(!own.body.to_string().contains(&token));
    let mine = server.manage_with(&client.keys[0], "GET", "accounts/default/tokens/report", &Value::Null);
    assert_eq!(mine.status, 403, "a client has no part in the vendor's report");
}

#[test]
fn a_token_is_asked_for_within_the_bounds_of_the_contract() {
    let server = TestServer::new();
    let client = server.another(&["client"]);
    let some = server.another(&["verifier", "--vendor", "--approve", "Face.Verification"]);
    let good = json!({ "targetAzureResourceId": client.resource, "featureFlags": ["Face.Verification"] });
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let bad = (400, "BadArgument");
    let rows = [
        ("usual", KEY1, "", good.clone(), (200, "")),
        ("shortest", KEY1, "?expiredTime=60", good.clone(), (200, "")),
        ("longest", KEY1, "?expiredTime=86400", good.clone(), (200, "")),
        ("too short", KEY1, "?expiredTime=59", good.clone(), bad),
        ("too long", KEY1, "?expiredTime=86401", good.clone(), bad),
        ("no number", KEY1, "?expiredTime=an%20hour", good.clone(), bad),
        ("nothing", KEY1, "?expiredTime=", good.clone(), bad),
        (
            "the older name",
            KEY1,
            "",
            json!({ "resourceId": client.resource, "featureFlags": ["face.verification"] }),
            (200, ""),
        ),
        ("no target", KEY1, "", json!({ "featureFlags": ["Face.Verification"] }), bad),
        ("not a resource", KEY1, "", with("targetAzureResourceId", json!("client")), bad),
        ("no flags", KEY1, "", with("featureFlags", json!([])), bad),
        ("flags no list", KEY1, "", with("featureFlags", json!("Face.Verification")), bad),
        ("unknown flag", KEY1, "", with("featureFlags", json!(["Face.Everything"])), bad),
        ("no JSON", KEY1, "", json!("text"), bad),
        ("wrong key", "a key that nobody has", "", good.clone(), (401, "401")),
        (
            "not held",
            &some.keys[0],
            "",
            with("featureFlags", json!(["Face.Identification"])),
            (403, "UnsupportedFeature"),
        ),
        ("one held, one not", &some.keys[0], "", with("featureFlags", json!(BOTH)), (403, "UnsupportedFeature")),
        ("held", &some.keys[0], "", good.clone(), (200, "")),
        ("no vendor", &client.keys[0], "", good.clone(), (403, "UnsupportedFeature")),
    ];
    let mut wrong = Vec::new();
    for (name, key, query, body, expected) in rows {
        let answer = server.issue(key, query, &body);
        if (answer.status, answer.code()) != expected {
            wrong.push(format!("{name}: {} {}", answer.status, answer.body));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let get = server.bare("GET", "/sts/v1.0/issueLimitedAccessToken").header("Ocp-Apim-Subscription-Key", KEY1);
    assert_eq!(Answer::of(get).status, 404);
    // The other case of the route, and the key of the account's own endpoint alone.
    let elsewhere = server.bare("POST", "/accounts/client/STS/v1.0/issuelimitedaccesstoken");
    let answer = Answer::to_json(elsewhere.header("Ocp-Apim-Subscription-Key", KEY1), &good);
    assert_eq!((answer.status, answer.code()), (401, "401"));
}

fn every_way_in_which_a_token_ends(store: &TestStore) {
    let clock = Clock::new();
    let server = store.server(&[clock.setting()]);
    let client = server.another(&["client"]);
    let other = server.another(&["other"]);
    let lent = |flags: &[&str]| server.token(&client, flags);
    let token = lent(BOTH);
    is(&verify(&client, &token), ALLOWED, "good");
    is(&verify(&other, &token), (403, "LimitedAccessTokenResourceMismatch"), "for another");
    is(&verify(&client, &lent(&["Face.Identification"])), (403, "UnsupportedFeature"), "without the flag");

    // Forms that are none.
    let parts: Vec<&str> = token.split('.').collect();
    let swapped = format!("{}.{}.{}", parts[0], parts[1], lent(BOTH).split('.').nth(2).expect("three parts"));
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", parts[1]);
    let (shorter, longer) = (token[..token.len() - 2].to_owned(), format!("{token}A"));
    for (name, bad) in [
        ("cut", shorter),
        ("prolonged", longer),
        ("swapped signature", swapped),
        ("alg none", unsigned),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("garbage", "garbage".to_owned()),
        ("empty", String::new()),
        ("long", "a".repeat(20_000)),
    ] {
        is(&verify(&client, &bad), INVALID, name);
    }
    let scheme = client.request("POST", "verify").header("LimitedAccessToken", &token);
    let faces = json!({ "faceId1": uuid::Uuid::nil(), "faceId2": uuid::Uuid::nil() });
    assert_eq!(Answer::to_json(scheme, &faces).code(), "InvalidLimitedAccessToken", "without the word Bearer");
    // What needs no token does not care about it.
    let open = client.request("GET", "facelists").header("LimitedAccessToken", "Bearer garbage");
    assert_eq!(Answer::of(open).status, 200);
    // A token is no key and no bearer token, and an issued token is no limited access token.
    let as_bearer = server.bare("GET", "facelists").header("Authorization", format!("Bearer {token}"));
    assert_eq!(Answer::of(as_bearer).code(), "Unauthorized");
    let issued = server.bare("POST", "/sts/v1.0/issueToken").header("Ocp-Apim-Subscription-Key", KEY1);
    let issued = Answer::of(issued).body.as_str().expect("a token").to_owned();
    is(&verify(&client, &issued), INVALID, "a token of another kind");

    // One token revoked; the other goes on.
    let (first, second) = (lent(BOTH), lent(BOTH));
    let revoke = json!({ "token": claims(&first)["jti"] });
    assert_eq!(server.manage_with(KEY1, "POST", "accounts/default/tokens/revoke", &revoke).status, 204);
    is(&verify(&client, &first), INVALID, "revoked");
    is(&verify(&client, &second), ALLOWED, "not revoked");
    // All before now; one made right afterwards is good.
    let all = server.manage_with(KEY1, "POST", "accounts/default/tokens/revoke", &json!({ "before": "now" }));
    assert_eq!(all.status, 204, "{all:?}");
    is(&verify(&client, &second), INVALID, "revoked with all");
    let third = lent(BOTH);
    is(&verify(&client, &third), ALLOWED, "after that");
    // The vendor blocks the client: no tokens, and existing ones are invalid; the block lifted, they are valid.
    let blocked = json!({ "resourceId": client.resource.to_uppercase() });
    assert_eq!(server.manage_with(KEY1, "PUT", "accounts/default/blocked", &blocked).status, 204);
    is(&verify(&client, &third), INVALID, "blocked by the vendor");
    let asked = json!({ "targetAzureResourceId": client.resource, "featureFlags": BOTH });
    assert_eq!(server.issue(KEY1, "", &asked).code(), "LimitedAccessRevoked");
    let query = format!("accounts/default/blocked?resourceId={}", client.resource.replace('/', "%2F"));
    assert_eq!(server.manage_with(KEY1, "DELETE", &query, &Value::Null).status, 204);
    is(&verify(&client, &third), ALLOWED, "not blocked any more");
    // The operator does so for all vendors.
    assert_eq!(server.manage("PUT", "blocked", &json!({ "resourceId": client.resource })).status, 204);
    is(&verify(&client, &third), INVALID, "blocked by the operator");
    assert_eq!(server.issue(KEY1, "", &asked).code(), "LimitedAccessRevoked");
    let query = format!("blocked?resourceId={}", client.resource.replace('/', "%2F"));
    assert_eq!(server.manage("DELETE", &query, &Value::Null).status, 204);
    // What the vendor does not hold any more it lends no longer.
    server.cli(&["accounts", "approve", "default", "-Face.Verification"]);
    is(&verify(&client, &third), (403, "UnsupportedFeature"), "taken from the vendor");
    server.cli(&["accounts", "approve", "default", "+Face.Verification"]);
    is(&verify(&client, &third), ALLOWED, "given back");
    // A key replaced does not end tokens; the signing key replaced does neither.
    assert_eq!(server.manage("POST", "signingKeys/rotate", &Value::Null).status, 200);
    let keys = Answer::of(server.bare("GET", "/.well-known/jwks.json"));
    assert_eq!(keys.body["keys"].as_array().map(Vec::len), Some(2), "{keys:?}");
    assert!(!keys.body.to_string().contains("\"d\""), "a private key is published");
    is(&verify(&client, &third), ALLOWED, "signed by the former key");
    is(&verify(&client, &lent(BOTH)), ALLOWED, "signed by the new key");
    // Time.
    let minute = json!({ "targetAzureResourceId": client.resource, "featureFlags": BOTH });
    let short = server.issue(KEY1, "?expiredTime=60", &minute).body.as_str().expect("a token").to_owned();
    is(&verify(&client, &short), ALLOWED, "within its minute");
    clock.set(62_000);
    is(&verify(&client, &short), INVALID, "after its minute");
    is(&verify(&client, &third), ALLOWED, "has an hour");
    // The right to issue withdrawn: nothing is issued and what was issued is invalid, also when it is given back.
    assert_eq!(server.manage_with(KEY1, "POST", "accounts/default/vendor", &json!({ "mayIssue": false })).status, 403);
    assert_eq!(server.manage("POST", "accounts/default/vendor", &json!({ "mayIssue": false })).status, 204);
    is(&verify(&client, &third), INVALID, "the vendor lost its right");
    assert_eq!(server.issue(KEY1, "", &asked).code(), "LimitedAccessRevoked");
    assert_eq!(server.manage("POST", "accounts/default/vendor", &json!({ "mayIssue": true })).status, 204);
    is(&verify(&client, &third), INVALID, "for good");
    let last = lent(BOTH);
    is(&verify(&client, &last), ALLOWED, "a new one");
    // The vendor's account closed.
    server.cli(&["accounts", "close", "default", "--grace-days", "1"]);
    is(&verify(&client, &last), INVALID, "the vendor is gone");
}

#[test]
fn limited_attributes_are_lent_with_high_risk() {
    let server = TestServer::new();
    let client = server.another(&["client", "--approve", "Face.Verification,smile"]);
    let vendor = server.another(&["vendor", "--vendor", "--approve", "LimitedAccess.HighRisk,age"]);
    let body = json!({ "targetAzureResourceId": client.resource, "featureFlags": ["LimitedAccess.HighRisk"] });
    let token = server.issue(&vendor.keys[0], "", &body).body.as_str().expect("a token").to_owned();
    let look = |attributes: &str, token: Option<&str>| {
        let path = format!("detect?returnFaceId=false&returnFaceAttributes={attributes}");
        let request = client.request("POST", &path);
        let request = match token {
            Some(token) => request.header("LimitedAccessToken", format!("Bearer {token}")),
            None => request,
        };
        Answer::to_picture(request, &demo(6)).status
    };
    let cases =
        [("smile", false, 200), ("age", false, 403), ("age", true, 200), ("smile,age", true, 200), ("hair", true, 403)];
    for (attributes, with_token, expected) in cases {
        assert_eq!(look(attributes, with_token.then_some(token.as_str())), expected, "{attributes} {with_token}");
    }
    let plain = server.token(&client, BOTH);
    assert_eq!(look("age", Some(&plain)), 403, "without the flag");
    // A mistyped argument is no use, a faceId beside an attribute no second one.
    assert_eq!(look("age&faceIdTimeToLive=5", Some(&token)), 400);
    let both = client.request("POST", "detect?returnFaceId=true&returnFaceAttributes=age");
    assert_eq!(Answer::to_picture(both.header("LimitedAccessToken", format!("Bearer {token}")), &demo(6)).status, 200);
    // The use of a revoked token is visible to its vendor.
    let revoke = json!({ "token": claims(&token)["jti"] });
    assert_eq!(server.manage_with(&vendor.keys[0], "POST", "accounts/vendor/tokens/revoke", &revoke).status, 204);
    assert_eq!(look("age", Some(&token)), 401);
    let report = server.manage_with(&vendor.keys[0], "GET", "accounts/vendor/tokens/report", &Value::Null).body;
    let counts = ["issued", "used", "useRefused"].map(|name| report["days"][0][name].as_i64());
    assert_eq!(counts, [Some(1), Some(3), Some(2)], "{report}");
    let own = server.manage("GET", "accounts/client/audit?action=use_limited_access_token", &Value::Null).body;
    let outcomes: Vec<&str> = own.as_array().expect("rows").iter().filter_map(|row| row["outcome"].as_str()).collect();
    // The last but one row of the client's own audit log is the use of the other vendor's token.
    assert_eq!(outcomes, ["applied", "applied", "refused", "refused", "applied", "refused"], "{own}");
}

/// An account that was made anew under a name is another: what was lent by or to the one before is invalid.
#[test]
fn tokens_end_with_the_accounts_they_were_made_for() {
    let clock = Clock::new();
    let server = TestServer::with(&[clock.setting()]);
    let vendor = ["door-software", "--vendor", "--approve", "Face.Verification"];
    let issue = |vendor: &OtherAccount<'_>, client: &OtherAccount<'_>| {
        let body = json!({ "targetAzureResourceId": client.resource, "featureFlags": ["Face.Verification"] });
        server.issue(&vendor.keys[0], "", &body).body.as_str().expect("a token").to_owned()
    };
    let (first, client) = (server.another(&vendor), server.another(&["client"]));
    let token = issue(&first, &client);
    is(&verify(&client, &token), ALLOWED, "good");
    server.cli(&["accounts", "close", "door-software", "--yes"]);
    is(&verify(&client, &token), INVALID, "the vendor is gone");
    clock.set(2_000);
    let second = server.another(&vendor);
    assert_eq!(second.resource, first.resource);
    is(&verify(&client, &token), INVALID, "of the vendor that had the name before");
    let token = issue(&second, &client);
    is(&verify(&client, &token), ALLOWED, "of the one that has it now");
    server.cli(&["accounts", "close", "client", "--yes"]);
    clock.set(4_000);
    let client = server.another(&["client"]);
    is(&verify(&client, &token), INVALID, "for the client that had the name before");
    is(&verify(&client, &issue(&second, &client)), ALLOWED, "for the one that has it now");
}

/// A replaced key counts until the last token it signed is over, and not a day longer; one that leaked ends at once.
#[test]
fn signing_keys_end() {
    let clock = Clock::new();
    let server = TestServer::with(&[clock.setting()]);
    let client = server.another(&["client"]);
    let published = || {
        let keys = Answer::of(server.bare("GET", "/.well-known/jwks.json")).body;
        keys["keys"].as_array().map_or(0, Vec::len)
    };
    let token = server.token(&client, BOTH);
    let bearer = Answer::of(server.request("POST", "/sts/v1.0/issueToken")).body.as_str().expect("a token").to_owned();
    let opens = || {
        let request = server.bare("GET", "facelists").header("Authorization", format!("Bearer {bearer}"));
        Answer::of(request).status
    };
    assert_eq!(server.manage("POST", "signingKeys/rotate", &json!({})).status, 200);
    assert_eq!((published(), opens()), (2, 200));
    is(&verify(&client, &token), ALLOWED, "used up");
    assert_eq!(server.manage("POST", "signingKeys/rotate", &json!({ "endFormer": true })).status, 200);
    assert_eq!((published(), opens()), (1, 401));
    is(&verify(&client, &token), INVALID, "its key has leaked");
    let token = server.token(&client, BOTH);
    is(&verify(&client, &token), ALLOWED, "of the new key");
    assert_eq!(server.manage("POST", "signingKeys/rotate", &json!({})).status, 200);
    assert_eq!(published(), 2);
    clock.set(2 * 86_400_000 + 1_000);
    let begun = std::time::Instant::now();
    while published() > 1 {
        assert!(begun.elapsed() < Duration::from_secs(10), "a key is published after its end");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A vendor's cloud is one installation, the client's own another, which trusts it by name.
#[test]
fn another_installation_is_trusted_by_name_and_for_what_it_may_lend() {
    let cloud = TestServer::with(&[("LIKENESS_ISSUER", "https://vendor.example")]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("likeness.toml");
    let jwks = format!("{}/.well-known/jwks.json", cloud.address);
    let settings = format!(
        "[[access.trusted_issuers]]\nissuer = \"https://vendor.example\"\njwks = \"{jwks}\"\nflags = [\"Face.Verification\"]\n"
    );
    std::fs::write(&file, settings).expect("a file");
    let own = TestServer::with(&[("LIKENESS_CONFIG", file.to_str().expect("a path"))]);
    let stranger = TestServer::new();
    let (device, neighbour) = (own.another(&["device"]), own.another(&["neighbour"]));
    let body = json!({ "targetAzureResourceId": device.resource, "featureFlags": BOTH });
    let token = cloud.issue(KEY1, "", &body).body.as_str().expect("a token").to_owned();
    is(&verify(&device, &token), ALLOWED, "lent by the vendor's cloud");
    let group = device.request("POST", "group").header("LimitedAccessToken", format!("Bearer {token}"));
    let faces = json!({ "faceIds": [uuid::Uuid::nil(), uuid::Uuid::max()] });
    assert_eq!(Answer::to_json(group, &faces).code(), "UnsupportedFeature", "more than it may lend");
    is(&verify(&neighbour, &token), (403, "LimitedAccessTokenResourceMismatch"), "for another");
    let theirs = stranger.issue(KEY1, "", &body).body.as_str().expect("a token").to_owned();
    is(&verify(&device, &theirs), INVALID, "nobody trusts that installation");
    // It lends features; it opens no account.
    let issued = cloud.bare("POST", "/sts/v1.0/issueToken").header("Ocp-Apim-Subscription-Key", KEY1);
    let issued = Answer::of(issued).body.as_str().expect("a token").to_owned();
    let request = own.bare("GET", "facelists").header("Authorization", format!("Bearer {issued}"));
    assert_eq!(Answer::of(request).code(), "Unauthorized");
    // The operator of the client's installation can end it.
    assert_eq!(own.manage("PUT", "blocked", &json!({ "resourceId": device.resource })).status, 204);
    is(&verify(&device, &token), INVALID, "blocked here");
}

/// Tokens are dated in seconds, and several revocations may come within one: each ends what was issued before it.
#[test]
fn revocations_within_a_second_end_what_came_between() {
    let clock = Clock::new();
    let server = TestServer::with(&[clock.setting()]);
    let client = server.another(&["client"]);
    let all = json!({ "before": "now" });
    let revoke = || server.manage_with(KEY1, "POST", "accounts/default/tokens/revoke", &all).status;
    assert_eq!(revoke(), 204);
    let mut before = server.token(&client, BOTH);
    for round in 0..3 {
        is(&verify(&client, &before), ALLOWED, "issued after the last revocation");
        assert_eq!(revoke(), 204);
        is(&verify(&client, &before), INVALID, &format!("revoked, round {round}"));
        before = server.token(&client, BOTH);
    }
    for may_issue in [false, true] {
        let right = json!({ "mayIssue": may_issue });
        assert_eq!(server.manage("POST", "accounts/default/vendor", &right).status, 204);
        is(&verify(&client, &before), INVALID, "the right to issue withdrawn, and given back");
    }
    is(&verify(&client, &server.token(&client, BOTH)), ALLOWED, "a new one");
    // A time that has not come is none to revoke by.
    let later = json!({ "before": "2999-01-01" });
    assert_eq!(server.manage_with(KEY1, "POST", "accounts/default/tokens/revoke", &later).code(), "Invalid");
    // An instant within a second: what was issued before it in that second is meant.
    let token = server.token(&client, BOTH);
    let issued = claims(&token)["iat"].as_i64().expect("seconds") * 1_000;
    // After revocations within a second it may be dated a second ahead.
    clock.forward(Duration::from_millis(2_100));
    let instant = likeness_base::Timestamp::from_millis(issued + 900).to_string();
    let before = json!({ "before": instant });
    assert_eq!(server.manage_with(KEY1, "POST", "accounts/default/tokens/revoke", &before).status, 204);
    is(&verify(&client, &token), INVALID, "issued earlier in that second");
    // Who never was a vendor has nothing to revoke.
    let one = json!({ "token": uuid::Uuid::nil() });
    let refused = server.manage_with(&client.keys[0], "POST", "accounts/client/tokens/revoke", &one);
    assert_eq!((refused.status, refused.code()), (409, "Conflict"), "{refused:?}");
}
