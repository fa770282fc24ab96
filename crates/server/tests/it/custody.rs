//! Accounts from outside: keys replaced, switched off, network rules, endpoints of their own, closing, guessing.

use crate::clock::Clock;
use crate::server::{Answer, KEY1, KEY2, TestServer, demo_face};
use crate::stores::{TestStore, on_both_stores};
use likeness_base::Timestamp;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

on_both_stores!(
    keys_are_replaced_one_at_a_time,
    a_closed_account_is_suspended_and_then_destroyed,
    the_trail_tells_and_holds
);

/// The status of a harmless call with a key.
fn with(server: &TestServer, key: &str) -> (u16, String) {
    let answer = Answer::of(server.bare("GET", "facelists").header("Ocp-Apim-Subscription-Key", key));
    (answer.status, answer.code().to_owned())
}

fn keys_are_replaced_one_at_a_time(store: &TestStore) {
    let server = store.server(&[]);
    // On a database there may be another node; it must not take the old key any more when the call has returned.
    let other = matches!(store, TestStore::Database(_)).then(|| store.server(&[]));
    let nodes: Vec<&TestServer> = std::iter::once(&server).chain(&other).collect();
    for node in &nodes {
        assert_eq!((with(node, KEY1).0, with(node, KEY2).0), (200, 200));
    }
    let listed = server.manage("POST", "accounts/default/listKeys", &Value::Null);
    assert_eq!(listed.body, json!({ "key1": KEY1, "key2": KEY2 }));
    let replaced = server.manage("POST", "accounts/default/regenerateKey", &json!({ "keyName": "Key1" }));
    let new = replaced.body["key1"].as_str().expect("a key").to_owned();
    assert_eq!((new.len(), &replaced.body["key2"]), (64, &json!(KEY2)));
    for node in &nodes {
        assert_eq!(with(node, KEY1), (401, "401".to_owned()), "dead at once");
        assert_eq!((with(node, &new).0, with(node, KEY2).0), (200, 200));
    }
    // From the command line too, while the servers run.
    let said = server.cli(&["keys", "regenerate", "--account", "default", "key2"]);
    let newer = said.trim().strip_prefix("key2  ").expect("it prints the new key").to_owned();
    for node in &nodes {
        assert_eq!((with(node, KEY2).0, with(node, &newer).0, with(node, &new).0), (401, 200, 200));
    }
    let wrong = server.manage("POST", "accounts/default/regenerateKey", &json!({ "keyName": "Key3" }));
    assert_eq!((wrong.status, wrong.code()), (400, "Invalid"));
    // Keys switched off, and on again.
    server.cli(&["accounts", "set", "default", "--local-auth", "off"]);
    for node in &nodes {
        assert_eq!(with(node, &new), (403, "AuthenticationTypeDisabled".to_owned()));
    }
    let on = server.manage("PATCH", "accounts/default", &json!({ "localAuth": true }));
    assert_eq!(on.status, 200, "{on:?}");
    for node in &nodes {
        assert_eq!(with(node, &new).0, 200);
    }
}

#[test]
fn accounts_have_resource_ids_and_endpoints_of_their_own() {
    let server = TestServer::new();
    let guid = "dc4d27d9-ea49-4921-938f-7782a774e151";
    let options = ["client-face-api", "--group", "client-rg", "--subscription", guid, "--subdomain", "door-7"];
    let client = server.another(&[&options[..], &["--approve", "everything"]].concat());
    let resource = format!(
        "/subscriptions/{guid}/resourceGroups/client-rg/providers/Microsoft.CognitiveServices/accounts/client-face-api"
    );
    assert_eq!(client.resource, resource);
    for name in [client.id.as_str(), "client-face-api", "door-7", &resource.to_lowercase()] {
        assert!(server.cli(&["accounts", "show", name]).contains(&resource), "{name}");
        let shown = server.manage("GET", &format!("accounts/{}", name.replace('/', "%2F")), &Value::Null);
        assert_eq!(shown.body["resourceId"], resource.as_str(), "{name}: {shown:?}");
    }
    // By path and by host; the addresses in answers go back the same way.
    let group = json!({ "name": "g", "recognitionModel": "recognition_04" });
    for path in ["persongroups/g", "persongroups/h"] {
        assert_eq!(client.json("PUT", path, &group).status, 200);
    }
    let train = |path: &str, host: Option<&str>| {
        let request = server.bare("POST", path).header("Ocp-Apim-Subscription-Key", &client.keys[0]);
        let request = match host {
            Some(host) => request.header("Host", host),
            None => request,
        };
        Answer::of(request).operation("http://")
    };
    let port = server.address.rsplit(':').next().expect("a port");
    let by_path = train("/accounts/door-7/face/v1.2/persongroups/g/train", None);
    assert_eq!(by_path, format!("127.0.0.1:{port}/accounts/door-7/face/v1.2/persongroups/g/training"));
    let host = format!("door-7.localhost:{port}");
    assert_eq!(train("persongroups/h/train", Some(&host)), format!("{host}/face/v1.0/persongroups/h/training"));
    for (path, host) in [
        ("/accounts/nobody/face/v1.0/facelists", "localhost"),
        ("/accounts/default/face/v1.0/facelists", "localhost"),
        ("facelists", "default.localhost"),
        ("facelists", "nobody.localhost"),
    ] {
        let request = server.bare("GET", path).header("Host", host);
        let answer = Answer::of(request.header("Ocp-Apim-Subscription-Key", &client.keys[0]));
        assert_eq!((answer.status, answer.code()), (401, "401"), "{path} at {host}");
    }
    // What cannot be is refused.
    for (options, why) in [
        (vec!["client-face-api", "--group", "client-rg", "--subscription", guid], "another account"),
        (vec!["other", "--subdomain", "door-7"], "another account"),
        (vec!["other", "--subdomain", "Door_7"], "subdomain"),
        (vec!["x"], "2 to 64"),
        (vec!["other", "--tier", "S9"], "F0, S0, E0"),
        (vec!["other", "--approve", "Face.Everything"], "Face.Identification"),
    ] {
        let output = server.try_cli(&[&["accounts", "add"], &options[..]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{options:?}: {said}");
    }
    // A name that two accounts have is none to call one by.
    server.another(&["client-face-api", "--group", "other-rg"]);
    let both = server.try_cli(&["accounts", "show", "client-face-api"]);
    assert!(!both.status.success());
    // Tiers are the account's own.
    server.cli(&["accounts", "set", "door-7", "--tier", "F0"]);
    let many = (0..40).filter(|_| {
        let request = server.bare("GET", "facelists").header("Ocp-Apim-Subscription-Key", &client.keys[0]);
        request.send().expect("an answer").status().as_u16() == 429
    });
    assert!(many.count() > 10, "twenty calls a minute");
    assert!((0..40).all(|_| server.call("GET", "facelists").status == 200), "the other account has no tier");
}

#[test]
fn network_rules_hold_for_whoever_has_a_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("likeness.toml");
    let text = "[access]\ntrusted_proxies = [\"127.0.0.1/32\"]\n[access.subnets]\noffice = [\"10.1.0.0/16\", \"2001:db8::/32\"]\n";
    std::fs::write(&file, text).expect("a file");
    let server = TestServer::with(&[("LIKENESS_CONFIG", file.to_str().expect("a path"))]);
    let from = |address: &str, key: &str| {
        let request = server.bare("GET", "/accounts/default/face/v1.0/facelists").header("X-Forwarded-For", address);
        let answer = Answer::of(request.header("Ocp-Apim-Subscription-Key", key));
        (answer.status, answer.code().to_owned())
    };
    let unknown_key = (401, "401".to_owned());
    assert_eq!(from("203.0.113.9", KEY1).0, 200, "by default everybody");
    let rules = json!({ "network": { "defaultAction": "Deny", "rules": [
        { "address": "192.0.2.7" }, { "address": "198.51.100.0/24" }, { "subnet": "office" },
        { "address": "127.0.0.1" },
    ] } });
    let set = server.manage("PATCH", "accounts/default", &rules);
    assert_eq!(set.status, 200, "{set:?}");
    for (address, is_open) in [
        ("192.0.2.7", true),
        ("192.0.2.8", false),
        ("198.51.100.200", true),
        ("10.1.2.3", true),
        ("10.2.0.1", false),
        ("2001:db8:1::5", true),
        ("[2001:db8::7]:4000", true),
        ("2001:db9::1", false),
        ("::ffff:192.0.2.7", true),
        // The last hop that the trusted proxy saw counts, not what the client claims before it.
        ("192.0.2.7, 203.0.113.9", false),
        ("203.0.113.9, 192.0.2.7", true),
        // What the proxy itself wrote and cannot be read leaves the proxy as who asks.
        ("nonsense", true),
    ] {
        let expected = if is_open { 200 } else { 403 };
        assert_eq!(from(address, KEY1).0, expected, "{address}");
    }
    assert_eq!(
        from("203.0.113.9", "a key that nobody has"),
        unknown_key,
        "strangers do not learn that there is such an account"
    );
    // Bytes that are no text before what the proxy appended; and only what a client made up stands before it.
    let bytes = reqwest::header::HeaderValue::from_bytes(b"\xff, 203.0.113.9").expect("bytes that HTTP allows");
    let request = server.bare("GET", "/accounts/default/face/v1.0/facelists").header("X-Forwarded-For", bytes);
    assert_eq!(Answer::of(request.header("Ocp-Apim-Subscription-Key", KEY1)).status, 403);
    // Without the endpoint of the account the key names it.
    let bare = server.bare("GET", "facelists").header("X-Forwarded-For", "203.0.113.9");
    assert_eq!(Answer::of(bare.header("Ocp-Apim-Subscription-Key", KEY1)).status, 403);
    let unknown = json!({ "network": { "defaultAction": "Deny", "rules": [{ "subnet": "nowhere" }] } });
    let answer = server.manage("PATCH", "accounts/default", &unknown);
    assert_eq!((answer.status, answer.code()), (400, "Invalid"), "{answer:?}");
    for typo in ["nowhere", "10.0.0/8", "192.0.2.7,offcie"] {
        let refused = server.try_cli(&["accounts", "set", "default", "--allow", typo]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("[access.subnets]"), "{typo}: {said}");
    }
    assert!(server.cli(&["accounts", "set", "default", "--allow", "192.0.2.7,office"]).contains("office"));
    // A misspelt field opens nothing that was meant to be closed, and one that is not there does not.
    for wrong in
        [json!({ "defaultaction": "Deny", "rules": [] }), json!({ "rules": [] }), json!({ "defaultAction": "Deny" })]
    {
        assert_eq!(server.manage("PATCH", "accounts/default", &json!({ "network": wrong })).code(), "Invalid");
    }
    let typo = json!({ "flag": ["Face.Verification"] });
    assert_eq!(server.manage("PUT", "accounts/default/approvals", &typo).code(), "Invalid");
    // The operator is not locked out with the account.
    assert!(server.cli(&["accounts", "set", "default", "--allow", "everybody"]).contains("everybody"));
    assert_eq!(from("203.0.113.9", KEY1).0, 200);
}

fn a_closed_account_is_suspended_and_then_destroyed(store: &TestStore) {
    let clock = Clock::new();
    let server = store.server(&[clock.setting()]);
    let friend = server.another(&["friend", "--approve", "everything"]);
    let enemy = server.another(&["enemy", "--approve", "everything"]);
    for account in [&friend, &enemy] {
        assert_eq!(account.json("PUT", "facelists/l", &json!({ "name": "a name to be forgotten" })).status, 200);
        assert_eq!(account.picture("facelists/l/persistedfaces", &demo_face()).status, 200);
    }
    let is_there = |account: &str| {
        store.sql(&format!(
            "SELECT count(*) FROM face WHERE hex(account_id) = '{}'",
            account.replace('-', "").to_uppercase()
        ))
    };
    assert_eq!(is_there(&friend.id), ["1"]);
    // Without grace: gone with the answer.
    let careless = server.try_cli(&["accounts", "close", "enemy"]);
    assert!(!careless.status.success() && String::from_utf8_lossy(&careless.stderr).contains("--yes"));
    server.cli(&["accounts", "close", "enemy", "--yes"]);
    assert_eq!(enemy.call("GET", "facelists").status, 401);
    assert_eq!(is_there(&enemy.id), ["0"]);
    assert!(!server.cli(&["accounts", "list"]).contains("enemy"));
    // With grace: suspended at once, and back again.
    let close = |days: u32| server.manage("POST", "accounts/friend/close", &json!({ "graceDays": days }));
    assert_eq!(close(31).code(), "Invalid");
    assert_eq!(close(30).status, 204);
    assert_eq!(friend.call("GET", "facelists").status, 401);
    assert_eq!(is_there(&friend.id), ["1"]);
    assert!(server.cli(&["accounts", "list"]).contains("closed, destroyed at"));
    assert_eq!(server.manage("POST", &format!("accounts/{}/reopen", friend.id), &Value::Null).status, 200);
    assert_eq!(friend.call("GET", "facelists/l").body["persistedFaces"].as_array().map(Vec::len), Some(1));
    assert_eq!(server.manage("POST", "accounts/friend/reopen", &Value::Null).code(), "Conflict");
    assert_eq!(close(2).status, 204);
    clock.set(2 * 86_400_000 + 1_000);
    let begun = std::time::Instant::now();
    while is_there(&friend.id) != ["0"] || server.cli(&["accounts", "list"]).contains("friend") {
        assert!(begun.elapsed() < Duration::from_secs(60), "not destroyed a minute after its time");
        std::thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(server.manage("POST", &format!("accounts/{}/reopen", friend.id), &Value::Null).status, 404);
    for table in ["data_key", "account_key", "container", "face", "person", "record", "record_tag", "label", "account"]
    {
        let left = format!(
            "SELECT count(*) FROM {table} WHERE hex(account_id) = '{}'",
            friend.id.replace('-', "").to_uppercase()
        );
        assert_eq!(store.sql(&left), ["0"], "{table}");
    }
    // The trails stay, and that of the installation says whose account it was.
    let told = server.manage("GET", "audit?action=destroy_account&top=10", &Value::Null);
    let named: Vec<&str> =
        told.body.as_array().expect("rows").iter().filter_map(|row| row["detail"]["account"].as_str()).collect();
    assert_eq!(named, [enemy.id.as_str(), friend.id.as_str()]);
    // Its name is free.
    server.another(&["friend"]);
}

#[test]
fn finding_09_guessing_is_slowed_down_and_does_not_lock_out_who_was_right() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("likeness.toml");
    std::fs::write(&file, "[access]\ntrusted_proxies = [\"127.0.0.1\"]\n").expect("a file");
    let server = TestServer::with(&[("LIKENESS_CONFIG", file.to_str().expect("a path"))]);
    let from = |address: &str, key: &str| {
        let request = server.bare("GET", "facelists").header("X-Forwarded-For", address);
        request.header("Ocp-Apim-Subscription-Key", key).send().expect("an answer").status().as_u16()
    };
    assert_eq!(from("192.0.2.1", KEY1), 200);
    let guesses: Vec<u16> = (0..130).map(|number| from("192.0.2.1", &format!("guess-number-{number}"))).collect();
    assert_eq!(guesses[0], 401);
    assert_eq!(guesses.last(), Some(&429));
    assert_eq!(from("192.0.2.1", KEY2), 200, "a right key is let in, also one that was never shown from there");
    assert_eq!(from("192.0.2.1", KEY1), 200, "one that was right before goes on");
    assert_eq!(from("192.0.2.2", KEY2), 200, "others are not concerned");
    // Tokens of the other kinds are counted the same way.
    let bearer = server.bare("GET", "facelists").header("X-Forwarded-For", "192.0.2.1");
    assert_eq!(bearer.header("Authorization", "Bearer garbage").send().expect("an answer").status().as_u16(), 429);
}

#[test]
fn bad_requests_are_refused_and_harm_nobody() {
    let server = TestServer::new();
    let rows = [
        ("/face/v1.0/../v1.0/facelists", 404),
        // Several slashes are one, and nothing more than that.
        ("/face//v1.0/facelists", 200),
        ("/face/%2Fv1.0/facelists", 404),
        ("/face/v1.0/%2e%2e/facelists", 404),
        ("/accounts/default/../default/face/v1.0/facelists", 404),
        ("/accounts/default/accounts/default/face/v1.0/facelists", 404),
        ("/face/v1.0/facelists%2fmine", 404),
        ("/face/v1.0/facelists/%00", 404),
        ("/sts/v1.0/issueTokens", 404),
        ("/admin/v1/../v1/accounts", 404),
    ];
    for (path, expected) in rows {
        // Sent as it stands; a client library would tidy it first.
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nOcp-Apim-Subscription-Key: {KEY1}\r\nConnection: close\r\n\r\n"
        );
        let said = raw(&server, head.as_bytes());
        assert!(said.starts_with(&format!("HTTP/1.1 {expected}")), "{path}: {}", said.lines().next().unwrap_or(""));
    }
    // A header cannot be smuggled into an answer.
    let echoed = raw(&server, b"GET /face/v1.0/facelists HTTP/1.1\r\nHost: localhost\r\nclient-request-id: a\rb: c\r\nConnection: close\r\n\r\n");
    assert!(echoed.starts_with("HTTP/1.1 400"), "{echoed}");
    let split = server.call("GET", "facelists/x%0d%0aInjected:%20yes");
    assert!(split.header("injected").is_none() && split.status == 404);
    // Headers beyond what any client needs.
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: {}\r\n\r\n", "x".repeat(80_000));
    let said = raw(&server, long.as_bytes());
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 431") || said.starts_with("HTTP/1.1 400"), "{said}");
    let many: String = (0..200).map(|number| format!("X-{number}: 1\r\n")).collect();
    let said = raw(&server, format!("GET / HTTP/1.1\r\nHost: localhost\r\n{many}\r\n").as_bytes());
    assert!(said.starts_with("HTTP/1.1 431"), "{}", said.lines().next().unwrap_or(""));
    // A client that never finishes its headers is hung up on; others go on meanwhile.
    let mut slow = TcpStream::connect(server.address.trim_start_matches("http://")).expect("a connection");
    slow.write_all(b"GET / HTTP/1.1\r\nHost: loc").expect("it can be sent");
    assert_eq!(server.call("GET", "facelists").status, 200);
    slow.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).expect("the server hangs up in time");
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&rest));
}

/// Sends bytes as they are and gives all that comes back.
fn raw(server: &TestServer, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    // The server may hang up while we still talk.
    drop(stream.write_all(bytes));
    let mut said = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(read) = stream.read(&mut piece) {
        if read == 0 {
            break;
        }
        said.extend_from_slice(&piece[..read]);
        // Enough to judge by; keep-alive would make us wait.
        if said.len() > 16_000 {
            break;
        }
    }
    String::from_utf8_lossy(&said).into_owned()
}

fn the_trail_tells_and_holds(store: &TestStore) {
    let server = store.server(&[]);
    let client = server.another(&["client"]);
    client.json("PUT", "facelists/secret-name", &json!({ "name": "secret-name" }));
    server.json("PUT", "facelists/secret-name", &json!({ "name": "secret-name" }));
    server.call("DELETE", "facelists/secret-name");
    let notice = Answer::of(server.request("GET", "/notice?language=de-AT"));
    assert_eq!((notice.status, &notice.body["language"]), (200, &json!("de")), "{notice:?}");
    let session = uuid::Uuid::from_u128(7);
    let decision = |version: i64, decision: &str| {
        let body = json!({ "language": "de", "version": version, "decision": decision, "session": session });
        Answer::to_json(server.request("POST", "/notice/decision"), &body)
    };
    assert_eq!(decision(0, "granted").status, 204);
    assert_eq!(decision(0, "refused").status, 204);
    assert_eq!(decision(0, "perhaps").status, 400);
    assert_eq!(decision(1, "granted").status, 400, "nobody wrote a first version");
    let digest = notice.body["digest"].clone();
    let read = json!({ "language": "de", "version": 0, "digest": digest, "decision": "withdrawn", "session": session });
    assert_eq!(Answer::to_json(server.request("POST", "/notice/decision"), &read).status, 204);
    // The plain text says how long what is kept; it has changed now.
    server.cli(&["accounts", "set", "default", "--retention", "faceId=600"]);
    let agreed = json!({ "language": "de", "version": 0, "digest": digest, "decision": "granted", "session": session });
    let stale = Answer::to_json(server.request("POST", "/notice/decision"), &agreed);
    assert_eq!((stale.status, stale.code()), (400, "BadArgument"), "{stale:?}");
    // Consent to an older version can be withdrawn all the same.
    assert_eq!(Answer::to_json(server.request("POST", "/notice/decision"), &read).status, 204);
    let own = json!({ "text": "Achtung\n\nWir vergleichen Gesichter.", "controller": "Haus GmbH", "processor": "Wir" });
    let put = server.manage("PUT", "accounts/default/notices/de", &own);
    assert_eq!((put.status, &put.body["version"]), (200, &json!(1)), "{put:?}");
    let changed = json!({ "text": "Achtung\n\nNeu.", "controller": "Haus GmbH", "processor": "Wir" });
    assert_eq!(server.manage("PUT", "accounts/default/notices/de", &changed).body["version"], 2);
    assert_eq!(decision(1, "granted").status, 400, "a notice that is not in force any more");
    assert_eq!(decision(2, "granted").status, 204);
    let public = Answer::of(server.bare("GET", "/accounts/default/notice?language=de"));
    assert_eq!(public.body["text"], "Achtung\n\nNeu.", "whoever is to be looked at needs no key to read");

    let rows = |account: &str, query: &str| {
        let answer = server.manage("GET", &format!("accounts/{account}/audit?top=1000{query}"), &Value::Null);
        answer.body.as_array().expect("rows").clone()
    };
    let actions: Vec<String> =
        rows("default", "").iter().map(|row| row["action"].as_str().expect("text").to_owned()).collect();
    let expected = ["create_account", "create_container", "delete_container", "consent", "consent", "consent"];
    assert_eq!(actions[..6], expected);
    let withdrawn = &rows("default", "&action=consent")[3]["detail"];
    assert_eq!((&withdrawn["decision"], &withdrawn["digest"]), (&json!("withdrawn"), &digest), "of what was agreed to");
    let consent = &rows("default", "&action=consent")[0];
    assert_eq!(
        consent["detail"],
        json!({ "decision": "granted", "language": "de", "version": 0, "digest": digest, "session": session })
    );
    assert_eq!((&consent["actor"], &consent["outcome"]), (&json!("key1"), &json!("applied")));
    let refused = &rows("client", "&action=refuse")[0];
    assert_eq!(refused["detail"], json!({ "operation": "CreateFaceList", "code": "UnsupportedFeature" }));
    assert_eq!(refused["outcome"], "refused");
    let all = serde_json::to_string(&rows("default", "")).expect("text");
    for secret in ["secret-name", KEY1, KEY2, "Haus GmbH"] {
        assert!(!all.contains(secret), "the trail shows {secret}");
    }
    // Whole, by the API and by the command line, and exported.
    let verified = server.manage("GET", "accounts/default/audit/verify", &Value::Null).body;
    assert!(verified["rows"].as_i64() >= Some(8) && verified.get("brokenAt").is_none(), "{verified}");
    let said = server.cli(&["audit", "verify"]);
    assert!(said.contains("holds") && said.contains(verified["last"].as_str().expect("a hash")), "{said}");
    let exported = server.cli(&["audit", "export", "default"]);
    assert_eq!(exported.lines().count() as i64, verified["rows"].as_i64().expect("a number"));
    let row: Value = serde_json::from_str(exported.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&row["sequence"], &row["action"]), (&json!(1), &json!("create_account")));
    // Usage, counted by the second.
    let begun = std::time::Instant::now();
    let usage = loop {
        let usage = server.manage("GET", "accounts/default/usage", &Value::Null).body;
        let of = |operation: &str| {
            let rows = usage.as_array().expect("rows");
            rows.iter()
                .find(|row| row["operation"] == operation)
                .map(|row| (row["calls"].clone(), row["billed"].clone()))
        };
        if of("DeleteFaceList") == Some((json!(1), json!(1))) && of("CreateFaceList") == Some((json!(1), json!(1))) {
            break usage;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{usage}");
        std::thread::sleep(Duration::from_millis(200));
    };
    // A report ends with the day that it names.
    let today = usage[0]["day"].as_str().and_then(Timestamp::parse).expect("a day").as_millis();
    let up_to = |at: i64| {
        let date = &Timestamp::from_millis(at).to_string()[..10];
        server.manage("GET", &format!("accounts/default/usage?from=2000-01-01&to={date}"), &Value::Null).body
    };
    assert_eq!(up_to(today - 86_400_000), json!([]), "calls of a day in a report that ends before it");
    assert_ne!(up_to(today), json!([]));
    // A refusal of an authenticated caller is in the audit log of their own account: nobody fills another's.
    assert_eq!(server.manage_with(&client.keys[0], "POST", "accounts/default/listKeys", &Value::Null).status, 403);
    assert_eq!(server.manage_with(&client.keys[0], "GET", "accounts", &Value::Null).status, 403);
    let other_method = server.manage("DELETE", "accounts/default", &Value::Null);
    assert_eq!((other_method.status, other_method.header("allow")), (405, Some("GET, PATCH")), "{other_method:?}");
    let refused = rows("client", "&action=refuse");
    let last: Vec<&Value> = refused.iter().rev().take(2).map(|row| &row["detail"]["operation"]).collect();
    assert_eq!(last, ["ListAccounts", "ListKeys"], "{refused:?}");
    assert_eq!(rows("default", "&action=refuse"), Vec::<Value>::new());
    // Trails outlive their accounts, and a hash that was kept elsewhere is found again.
    let kept = server.manage("GET", "accounts/client/audit/verify", &Value::Null).body;
    let kept = kept["last"].as_str().expect("a hash").to_owned();
    let known = |hash: &str| server.try_cli(&["audit", "verify", "--known", hash]).status.success();
    assert!(known(&kept) && !known(&"0".repeat(64)));
    server.cli(&["accounts", "close", "client", "--yes"]);
    let said = server.cli(&["audit", "verify"]);
    assert!(said.contains("client (destroyed)") && said.matches("holds").count() == 3, "{said}");
    assert!(known(&kept));
    // Somebody changes a row past us.
    let sql = "UPDATE audit SET actor = 'nobody' WHERE action = 'delete_container'";
    store.tamper(sql);
    let said = server.try_cli(&["audit", "verify"]);
    let text = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    assert!(!said.status.success() && text.contains("row 3"), "{text}");
}
