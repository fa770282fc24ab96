//! What an attacker found, each finding under its number. Those about shares of the process are in `fairness.rs`, those about
//! connections in `crates/http/tests/connections.rs`, those about guessing and network rules in `custody.rs`.

use crate::clock::Clock;
use crate::oidc::{Provider, assign, by, call, name_first, server_with, subject};
use crate::server::{Answer, KEY1, OPERATOR, TestServer, demo_face, likeness, run};
use crate::stores::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

fn text_of(page: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page);
    std::fs::read_to_string(path).expect("the page is there")
}

on_both_stores!(
    finding_04_snapshots_and_stored_bytes_are_bounded,
    finding_13_a_snapshot_that_is_offered_can_be_declined,
    finding_14_rows_of_yesterday_are_not_accepted,
    finding_16_a_shortened_life_reaches_what_is_stored,
);

/// Takes a snapshot for these accounts.
fn take(server: &TestServer, group: &str, scope: &[String]) -> Answer {
    server.json("POST", "snapshots", &json!({ "type": "PersonGroup", "objectId": group, "applyScope": scope }))
}

fn a_group(server: &TestServer, id: &str) {
    let body = json!({ "name": id, "recognitionModel": "recognition_04" });
    assert_eq!(server.json("PUT", &format!("persongroups/{id}"), &body).status, 200);
}

fn finding_04_snapshots_and_stored_bytes_are_bounded(store: &TestStore) {
    // A free account may have ten snapshots, whatever they weigh.
    let server = store.server(&[]);
    a_group(&server, "g");
    server.cli(&["accounts", "set", "default", "--tier", "F0"]);
    let own = [server.account()];
    for _ in 0..10 {
        assert_eq!(take(&server, "g", &own).status, 202);
    }
    let refused = take(&server, "g", &own);
    assert_eq!((refused.status, refused.code()), (403, "QuotaExceeded"), "{refused:?}");
    let listed = server.call("GET", "snapshots").body;
    assert_eq!(listed.as_array().map(Vec::len), Some(10), "{listed}");
    assert_eq!(server.call("GET", "snapshots?type=FaceList").body, json!([]));
}

fn finding_13_a_snapshot_that_is_offered_can_be_declined(store: &TestStore) {
    let server = store.server(&[]);
    a_group(&server, "g");
    let friend = server.another(&["friend", "--approve", "everything"]);
    let taken = take(&server, "g", &[friend.id.clone(), server.account()]);
    let location =
        server.call("GET", &taken.operation(&format!("{}/face/v1.0/", server.address))).body["resourceLocation"]
            .clone();
    let snapshot = location.as_str().expect("a place").trim_start_matches('/').to_owned();
    assert_eq!(friend.call("GET", "snapshots").body.as_array().map(Vec::len), Some(1));
    assert_eq!(friend.call("DELETE", &snapshot).status, 200);
    assert_eq!(friend.call("GET", "snapshots").body, json!([]));
    assert_eq!(friend.call("DELETE", &snapshot).status, 404);
    // It is still there for who took it.
    let mine = server.call("GET", &snapshot).body;
    assert_eq!(mine["applyScope"], json!([server.account()]), "{mine}");
    for offer in 0..100 {
        assert_eq!(take(&server, "g", std::slice::from_ref(&friend.id)).status, 202, "{offer}");
    }
    let refused = take(&server, "g", std::slice::from_ref(&friend.id));
    assert_eq!((refused.status, refused.code()), (403, "QuotaExceeded"), "{refused:?}");
    assert_eq!(server.call("GET", "snapshots").body.as_array().map(Vec::len), Some(101));
    assert_eq!(friend.call("GET", "snapshots").body.as_array().map(Vec::len), Some(100));
}

fn finding_14_rows_of_yesterday_are_not_accepted(store: &TestStore) {
    let server = store.server(&[]);
    let account = server.account();
    assert_eq!(server.stop(), Some(0));
    // What somebody who can write to the database keeps of an account: its keys and its settings.
    let id = account.replace('-', "");
    let of_account = |hex: &str| match store {
        TestStore::File(_) => format!("account_id = X'{hex}'"),
        TestStore::Database(_) => format!("account_id = '\\x{hex}'"),
    };
    for statement in [
        format!("CREATE TABLE kept_keys AS SELECT * FROM account_key WHERE {}", of_account(&id)),
        format!("CREATE TABLE kept_records AS SELECT * FROM record WHERE {}", of_account(&id)),
    ] {
        store.tamper(&statement);
    }
    let server = store.server(&[]);
    let regenerated = server.manage("POST", "accounts/default/regenerateKey", &json!({ "keyName": "Key1" }));
    assert_eq!(regenerated.status, 200, "{regenerated:?}");
    assert_eq!(server.call("GET", "facelists").status, 401, "the old key is dead");
    let verify = |words: &[&str]| {
        let mut command = likeness();
        command.args(words).env("LIKENESS_DATA", store.data()).env("LIKENESS_LISTEN", "127.0.0.1:0");
        if let TestStore::Database(site) = store {
            command.env("LIKENESS_STORE", &site.store);
        }
        let output = run(&mut command);
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (output.status.success(), said)
    };
    assert!(verify(&["audit", "verify"]).0);
    assert_eq!(server.stop(), Some(0));
    for statement in [
        format!("DELETE FROM account_key WHERE {}", of_account(&id)),
        "INSERT INTO account_key SELECT * FROM kept_keys".to_owned(),
        format!("DELETE FROM record WHERE {}", of_account(&id)),
        "INSERT INTO record SELECT * FROM kept_records".to_owned(),
        "DROP TABLE kept_keys".to_owned(),
        "DROP TABLE kept_records".to_owned(),
    ] {
        store.tamper(&statement);
    }
    let (went_well, said) = verify(&["audit", "verify"]);
    assert!(!went_well && said.contains("ACCESS CHANGED"), "{said}");
    let (went_well, said) = verify(&["serve"]);
    assert!(!went_well && said.contains(&account) && said.contains("likeness audit accept"), "{said}");
    // An operator who has looked at it goes on, and the audit log tells of that.
    assert!(verify(&["audit", "accept", "default"]).0);
    assert!(verify(&["audit", "verify"]).0);
    let server = store.server(&[]);
    assert_eq!(server.call("GET", "facelists").status, 200);
    assert!(server.cli(&["audit", "list", "default", "--action", "accept_access"]).contains("operator"));
}

fn finding_16_a_shortened_life_reaches_what_is_stored(store: &TestStore) {
    let clock = Clock::new();
    let server = store.server(&[clock.setting()]);
    let detect = || {
        let detected = server.picture("detect?recognitionModel=recognition_04&faceIdTimeToLive=86400", &demo_face());
        detected.body[0]["faceId"].as_str().expect("a face").to_owned()
    };
    let ask = |face: &str| server.json("POST", "verify", &json!({ "faceId1": face, "faceId2": face })).status;
    let face = detect();
    a_group(&server, "g");
    let taken = take(&server, "g", &[server.account()]).operation(&format!("{}/face/v1.0/", server.address));
    assert_eq!((ask(&face), server.call("GET", &taken).status), (200, 200));
    let shorter = json!({ "retention": { "faceId": 600, "operation": 600, "snapshot": 600 } });
    assert_eq!(server.manage("PATCH", "accounts/default", &shorter).status, 200);
    assert_eq!(ask(&face), 404, "it would have outlived what is granted now");
    assert_eq!(server.call("GET", &taken).status, 200, "it is not yet so old");
    clock.forward(Duration::from_secs(601));
    while server.call("GET", &taken).status != 404 {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.call("GET", "snapshots").body, json!([]));
    // What is detected now has the life that is granted now.
    assert_eq!(ask(&detect()), 200);
}

/// An example that hands a client's own header on undoes network rules for whoever copies it.
#[test]
fn finding_05_proxy_examples_overwrite_what_the_client_claims() {
    let page = text_of("operations.md");
    let examples: Vec<&str> = page.split("```").filter(|block| block.contains("proxy_pass")).collect();
    assert!(!examples.is_empty(), "the page has an example");
    for example in examples {
        assert!(example.contains("proxy_set_header X-Forwarded-For $remote_addr;"), "{example}");
        assert!(example.contains("proxy_set_header X-Forwarded-Proto $scheme;"), "{example}");
    }
    assert!(page.contains("LIKENESS_TRUSTED_PROXIES=10.0.0.9"), "trusted proxies stand beside it");
}

#[test]
fn finding_06_network_rules_hold_for_people_in_the_management_api() {
    let test = "finding_06_network_rules_hold_for_people_in_the_management_api";
    let Some(provider) = Provider::start(test, &json!({ "reader": {}, "user": {}, "manager": {}, "owner": {} })) else {
        return;
    };
    let (server, _settings) = server_with(&provider.trusted(60));
    name_first(&server);
    for (name, role) in [("reader", "data-reader"), ("user", "user"), ("manager", "contributor")] {
        assign(&server, "first", &provider, &subject(name), role);
    }
    let person = json!({ "name": "somebody" });
    let open = json!({ "network": { "defaultAction": "Allow", "rules": [] } });
    let calls = [
        ("reader", "POST", "/admin/v1/accounts/first/persons/report", &person),
        ("user", "POST", "/admin/v1/accounts/first/persons/erase", &person),
        ("user", "POST", "/admin/v1/accounts/first/listKeys", &Value::Null),
        ("manager", "PATCH", "/admin/v1/accounts/first", &open),
    ];
    let statuses = || {
        calls.map(|(name, method, path, body)| {
            let token = provider.token(name);
            let request = by(&server, &token, method, path);
            let answer = if body.is_null() { Answer::of(request) } else { Answer::to_json(request, body) };
            (answer.status, answer.code().to_owned())
        })
    };
    let inside = statuses();
    assert_eq!(inside.each_ref().map(|(status, _)| *status), [200; 4]);
    let rules = json!({ "network": { "defaultAction": "Deny", "rules": [{ "address": "10.0.0.0/8" }] } });
    assert_eq!(server.manage("PATCH", "accounts/first", &rules).status, 200);
    let outside = statuses();
    assert_eq!(outside, [(); 4].map(|()| (403, "NetworkDenied".to_owned())));
    // An operator can always open what a manager has shut.
    assert_eq!(server.manage("PATCH", "accounts/first", &open).status, 200);
    assert_eq!(statuses(), inside);
}

#[test]
fn finding_07_somebody_without_a_role_moves_no_counter_and_fills_no_log() {
    let test = "finding_07_somebody_without_a_role_moves_no_counter_and_fills_no_log";
    let Some(provider) = Provider::start(test, &json!({ "nobody": {}, "reader": {} })) else { return };
    let (server, _settings) = server_with(&provider.trusted(60));
    name_first(&server);
    assign(&server, "first", &provider, &subject("reader"), "data-reader");
    assert_eq!(server.manage("PATCH", "accounts/first", &json!({ "tier": "F0" })).status, 200);
    let nobody = provider.token("nobody");
    for _ in 0..60 {
        let answer = by(&server, &nobody, "GET", "/accounts/first/face/v1.0/facelists").send().expect("an answer");
        let answer = Answer::read(answer);
        assert_eq!((answer.status, answer.code()), (401, "PermissionDenied"));
    }
    // Twenty calls a minute are left for whoever belongs to the account.
    let reader = provider.token("reader");
    for _ in 0..20 {
        let answer = by(&server, &reader, "GET", "/accounts/first/face/v1.0/facelists").send().expect("an answer");
        assert_eq!(answer.status().as_u16(), 200);
    }
    let rows = server.manage("GET", "accounts/first/audit?action=refuse&top=1000", &Value::Null);
    assert_eq!(rows.body.as_array().map(Vec::len), Some(0), "{:?}", rows.body);
}

#[test]
fn finding_07_one_caller_does_not_hide_the_refusals_of_another() {
    let test = "finding_07_one_caller_does_not_hide_the_refusals_of_another";
    let Some(provider) = Provider::start(test, &json!({ "loud": {}, "quiet": {} })) else { return };
    let (server, _settings) = server_with(&provider.trusted(60));
    name_first(&server);
    for name in ["loud", "quiet"] {
        assign(&server, "first", &provider, &subject(name), "data-reader");
    }
    let refused = |token: &str| call(&server, token, "DELETE", "/accounts/first/face/v1.0/facelists/x").status;
    let (loud, quiet) = (provider.token("loud"), provider.token("quiet"));
    for round in 0..40 {
        assert_eq!(refused(&loud), 401);
        if round % 10 == 0 {
            assert_eq!(refused(&quiet), 401);
        }
    }
    let rows = server.manage("GET", "accounts/first/audit?action=refuse&top=1000", &Value::Null);
    let rows = rows.body.as_array().cloned().unwrap_or_default();
    let of_quiet = rows.iter().filter(|row| row["actor"].as_str().is_some_and(|actor| actor.contains("quiet"))).count();
    assert_eq!(of_quiet, 4, "every refusal of the quiet one is listed");
}

/// An account whose answers say little below the threshold, as new ones are.
#[test]
fn finding_10_answers_below_the_threshold_say_nothing() {
    let server = TestServer::with(&[("LIKENESS_CONFIDENCE", "coarse")]);
    let shown = server.manage("GET", "accounts/default", &Value::Null);
    assert_eq!(shown.body["confidence"], "coarse");
    assert_eq!(
        server.json("PUT", "persongroups/g", &json!({ "name": "g", "recognitionModel": "recognition_04" })).status,
        200
    );
    let person = server.json("POST", "persongroups/g/persons", &json!({ "name": "p" })).id("personId");
    let added = server.picture(&format!("persongroups/g/persons/{person}/persistedfaces"), &demo_face());
    assert_eq!(added.status, 200, "{added:?}");
    server.train("persongroups/g");
    let same = server.detect(&demo_face())[0]["faceId"].clone();
    let others: Vec<Value> = server.detect(&crate::server::demo(1)).iter().map(|face| face["faceId"].clone()).collect();
    let verify = |face: &Value| {
        let asked = json!({ "faceId": face, "personId": person, "personGroupId": "g" });
        let answer = server.json("POST", "verify", &asked);
        assert_eq!(answer.status, 200, "{answer:?}");
        (answer.body["isIdentical"].as_bool(), answer.body["confidence"].as_f64().expect("a number"))
    };
    let decimals = |number: f64| (number * 100.0 - (number * 100.0).round()).abs() < 1e-9;
    let (is_identical, confidence) = verify(&same);
    assert!(is_identical == Some(true) && confidence >= 0.5 && decimals(confidence), "{confidence}");
    let below: Vec<(Option<bool>, f64)> =
        others.iter().map(verify).filter(|(is_identical, _)| *is_identical == Some(false)).collect();
    assert!(!below.is_empty(), "the crowd has other people");
    assert!(below.iter().all(|(_, confidence)| *confidence == 0.0), "{below:?}");
    // The order of what is asked for stays: the nearest first, whatever it says.
    let asked = json!({
        "faceIds": [same], "personGroupId": "g", "confidenceThreshold": 0.0, "maxNumOfCandidatesReturned": 5,
    });
    assert_eq!(server.json("POST", "identify", &asked).body[0]["candidates"][0]["personId"], json!(person));
    let among: Vec<&Value> = others.iter().chain([&same]).collect();
    let asked = json!({ "faceId": same, "faceIds": among, "mode": "matchFace", "maxNumOfCandidatesReturned": 20 });
    let found = server.json("POST", "findsimilars", &asked);
    assert_eq!(found.body[0]["faceId"], same, "{found:?}");
    let confidences: Vec<f64> =
        found.body.as_array().into_iter().flatten().filter_map(|face| face["confidence"].as_f64()).collect();
    assert!(confidences.iter().all(|confidence| *confidence == 0.0 || *confidence >= 0.5), "{confidences:?}");
    assert!(confidences.is_sorted_by(|one, next| one >= next), "{confidences:?}");
    // An account that wants to know more says so.
    assert_eq!(server.manage("PATCH", "accounts/default", &json!({ "confidence": "exact" })).status, 200);
    assert!(others.iter().map(verify).any(|(_, confidence)| confidence > 0.0 && !decimals(confidence)));
}

/// Where answers are exact, a caller who asks about one person again and again is told less, and refused nothing.
#[test]
fn finding_10_misses_without_end_say_nothing_any_more() {
    let server = TestServer::new();
    assert_eq!(
        server.json("PUT", "persongroups/g", &json!({ "name": "g", "recognitionModel": "recognition_04" })).status,
        200
    );
    let person = server.json("POST", "persongroups/g/persons", &json!({ "name": "p" })).id("personId");
    let face = server.picture(&format!("persongroups/g/persons/{person}/persistedfaces"), &demo_face());
    assert_eq!(face.status, 200);
    let verify = |face: &Value| {
        let answer =
            server.json("POST", "verify", &json!({ "faceId": face, "personId": person, "personGroupId": "g" }));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["confidence"].as_f64().expect("a number")
    };
    let crowd: Vec<Value> = server.detect(&crate::server::demo(1)).iter().map(|face| face["faceId"].clone()).collect();
    let far = crowd.iter().find(|face| (0.000_01..0.1).contains(&verify(face)));
    let far = far.expect("somebody in the crowd is nothing like the person");
    let told: Vec<f64> = (0..60).map(|_| verify(far)).collect();
    assert!(told[0] > 0.0, "{told:?}");
    assert_eq!(told.last(), Some(&0.0), "{told:?}");
    let same = server.detect(&demo_face())[0]["faceId"].clone();
    assert!(verify(&same) > 0.9, "who is the person is told so as before");
}

#[test]
fn finding_11_only_an_operator_changes_a_tier() {
    let test = "finding_11_only_an_operator_changes_a_tier";
    let Some(provider) = Provider::start(test, &json!({ "manager": {} })) else { return };
    let (server, _settings) = server_with(&provider.trusted(60));
    name_first(&server);
    assign(&server, "first", &provider, &subject("manager"), "contributor");
    let manager = provider.token("manager");
    let patch = |body: Value| {
        let answer = Answer::to_json(by(&server, &manager, "PATCH", "/admin/v1/accounts/first"), &body);
        (answer.status, answer.code().to_owned())
    };
    assert_eq!(patch(json!({ "tier": "unlimited" })), (403, "Forbidden".to_owned()));
    assert_eq!(patch(json!({ "tier": null })), (403, "Forbidden".to_owned()));
    assert_eq!(patch(json!({ "location": "westeurope" })).0, 200);
    assert_eq!(server.manage("PATCH", "accounts/first", &json!({ "tier": "F0" })).status, 200);
}

#[test]
fn finding_11_notices_and_the_management_api_have_a_rate() {
    let server = TestServer::new();
    let decision = json!({ "version": 0, "decision": "accepted", "language": "en" });
    let too_many = |send: &dyn Fn() -> u16| (0..400).map(|_| send()).filter(|status| *status == 429).count();
    let decide = || {
        let request = server.request("POST", "/notice/decision").header("Content-Type", "application/json");
        request.body(decision.to_string()).send().expect("an answer").status().as_u16()
    };
    assert!(too_many(&decide) > 0, "decisions without end");
    let look = || {
        let request = server.bare("GET", "/admin/v1/me").header("Ocp-Apim-Subscription-Key", OPERATOR);
        request.send().expect("an answer").status().as_u16()
    };
    assert!(too_many(&look) > 0, "questions without end");
    assert_eq!(server.call("GET", "facelists").status, 200, "the account's own calls are another rate");
}

#[test]
fn finding_12_an_expired_face_id_never_answers_however_slow_the_body() {
    let clock = Clock::new();
    let server = TestServer::with(&[clock.setting()]);
    let detected = server.picture("detect?faceIdTimeToLive=60&recognitionModel=recognition_04", &demo_face());
    let face = detected.body[0]["faceId"].as_str().expect("a face").to_owned();
    let body = json!({ "faceId1": face, "faceId2": face }).to_string();
    let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).expect("a connection");
    let head = format!(
        "POST /face/v1.0/verify HTTP/1.1\r\nHost: x\r\nOcp-Apim-Subscription-Key: {KEY1}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("the server reads");
    stream.write_all(&body.as_bytes()[..10]).expect("the server reads");
    std::thread::sleep(Duration::from_millis(300));
    clock.forward(Duration::from_secs(61));
    // The server's clock follows within a moment; a fresh call shows that it has.
    let ask = || server.json("POST", "verify", &json!({ "faceId1": face, "faceId2": face })).status;
    while ask() != 404 {
        std::thread::sleep(Duration::from_millis(20));
    }
    stream.write_all(&body.as_bytes()[10..]).expect("the server reads");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("an answer");
    assert!(said.starts_with("HTTP/1.1 404"), "{said}");
}

#[test]
fn finding_13_a_report_names_a_thousand_ids_at_most() {
    let server = TestServer::new();
    let ids = |count: u128| (0..count).map(|number| uuid::Uuid::from_u128(number).to_string()).collect::<Vec<_>>();
    let report = |count| server.manage("POST", "accounts/default/persons/report", &json!({ "ids": ids(count) }));
    assert_eq!(report(1_000).status, 200);
    let refused = report(1_001);
    assert_eq!((refused.status, refused.code()), (400, "Invalid"), "{refused:?}");
}

#[test]
fn finding_16_names_of_the_inside_cannot_be_told() {
    let server = TestServer::new();
    let text = |address: &str| {
        let answer = server.json("POST", "detect?returnFaceId=false", &json!({ "url": address }));
        assert_eq!((answer.status, answer.code()), (400, "InvalidURL"), "{answer:?}");
        let host = address.trim_start_matches("http://").split('/').next().unwrap_or_default();
        answer.body["error"]["message"].as_str().unwrap_or_default().replace(host, "HOST")
    };
    assert_eq!(text("http://localhost/x.jpg"), text("http://nowhere.invalid/x.jpg"));
}

#[test]
fn finding_16_the_operator_s_key_counts_in_its_header_alone() {
    let server = TestServer::new();
    let asks = |path: String| server.bare("GET", &path).send().expect("an answer").status().as_u16();
    assert_eq!(asks(format!("/admin/v1/accounts?subscription-key={OPERATOR}")), 401);
    assert_eq!(asks(format!("/face/v1.0/facelists?subscription-key={KEY1}")), 200, "as the public gateway allows");
}

#[test]
fn finding_16_hsts_is_for_this_host_and_https_alone() {
    let server = TestServer::new();
    assert_eq!(server.call("GET", "facelists").header("strict-transport-security"), None);
    let secure = server.request("GET", "facelists").header("X-Forwarded-Proto", "https");
    assert_eq!(Answer::of(secure).header("strict-transport-security"), Some("max-age=31536000"));
}

#[test]
fn finding_16_the_target_decides_where_it_names_its_authority() {
    let server = TestServer::new();
    let other = server.another(&["other", "--subdomain", "other"]);
    let ask = |target: &str, host: &str| {
        let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).expect("a connection");
        let key = &other.keys[0];
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\nOcp-Apim-Subscription-Key: {key}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("the server reads");
        let mut said = String::new();
        stream.read_to_string(&mut said).expect("an answer");
        said.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok()).expect("a status")
    };
    assert_eq!(ask("http://other.localhost/face/v1.0/facelists", "default.localhost"), 200);
    assert_eq!(ask("http://default.localhost/face/v1.0/facelists", "other.localhost"), 401);
}

#[cfg(unix)]
#[test]
fn finding_16_nobody_else_on_the_machine_looks_into_the_data_folder() {
    use std::os::unix::fs::PermissionsExt;
    let server = TestServer::new();
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&server.data), 0o700);
    assert_eq!(mode(&server.data.join("serving.lock")), 0o600);
}

#[test]
fn finding_16_subdomains_cannot_be_told_apart_without_a_key() {
    let server = TestServer::new();
    server.another(&["shut", "--subdomain", "shut"]);
    let rules = json!({ "network": { "defaultAction": "Deny", "rules": [{ "address": "10.0.0.0/8" }] } });
    assert_eq!(server.manage("PATCH", "accounts/shut", &rules).status, 200);
    let ask = |account: &str| {
        let request = server.bare("GET", &format!("/accounts/{account}/face/v1.0/facelists"));
        let answer = Answer::of(request.header("Ocp-Apim-Subscription-Key", "a key that nobody has"));
        (answer.status, answer.body)
    };
    assert_eq!(ask("shut"), ask("nowhere"));
}
