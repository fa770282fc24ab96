//! Keys of people's devices: enrolled after a session that showed a live person, signing later ones, removed, expired. An
//! authenticator in a few lines plays the device; a test judge says what each attempt shows, because no person is here.

use crate::clock::Clock;
use crate::liveness::{PLAIN, bearer};
use crate::pad::{self, person};
use crate::server::{Answer, KEY1, TestServer};
use crate::stores::{TestStore, on_both_stores};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use likeness_device::{Address, Client, Device, Honest, KeySigner, Outcome};
use likeness_liveness::message::{Assertion, AttemptStatus, KeyId};
use likeness_liveness::{AttemptCode, Octets, enrolment_challenge};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use uuid::Uuid;

on_both_stores!(a_key_that_was_enrolled_raises_later_sessions);

/// An authenticator with one key.
#[derive(Clone)]
struct Authenticator {
    key: SigningKey,
    id: Vec<u8>,
    counter: Arc<AtomicU32>,
    origin: String,
}

impl Authenticator {
    fn new(seed: u8, server: &TestServer) -> Self {
        let key = SigningKey::from_slice(&[seed; 32]).expect("a key");
        Self { key, id: vec![seed; 20], counter: Arc::default(), origin: at_localhost(server) }
    }

    fn client_data(&self, kind: &str, challenge: &[u8; 32]) -> Vec<u8> {
        let challenge = BASE64URL.encode(challenge);
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false }).to_string().into()
    }

    /// The host, the flags, and a counter that rises.
    fn head(&self, flags: u8) -> Vec<u8> {
        let counter = self.counter.fetch_add(1, Ordering::SeqCst) + 1;
        [&Sha256::digest("localhost")[..], &[flags], &counter.to_be_bytes()].concat()
    }

    /// The body of `session/key`.
    fn created(&self, session: &str, outcome: &Outcome) -> Value {
        let tail: [u8; 32] = hex::decode(&outcome.digest).expect("a digest").try_into().expect("32 bytes");
        let challenge = enrolment_challenge(session.parse().expect("an id"), &tail);
        let point = self.key.verifying_key().to_encoded_point(false);
        let before_x = [0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20];
        let data = [
            &self.head(0x45)[..],
            &[0; 16],
            &[0, 20],
            &self.id,
            &before_x,
            point.x().expect("a point"),
            &[0x22, 0x58, 0x20],
            point.y().expect("a point"),
        ];
        json!({
            "attemptId": outcome.attempt,
            "clientData": BASE64URL.encode(self.client_data("webauthn.create", &challenge)),
            "authenticatorData": BASE64URL.encode(data.concat()),
        })
    }

    /// Signs with its key, if the server lists it.
    fn signer(&self) -> KeySigner {
        let own = self.clone();
        Arc::new(move |keys: &[KeyId], challenge: &[u8; 32]| {
            keys.iter().find(|id| id.bytes() == own.id)?;
            let (client_data, data) = (own.client_data("webauthn.get", challenge), own.head(0x05));
            let signature: Signature = own.key.sign(&[&data[..], &Sha256::digest(&client_data)].concat());
            Some(Assertion {
                id: Octets::new(&own.id)?,
                client_data: Octets::new(&client_data)?,
                authenticator_data: Octets::new(&data)?,
                signature: Octets::new(signature.to_der().as_bytes())?,
            })
        })
    }
}

/// Browsers make keys for names alone, never for numbers.
fn at_localhost(server: &TestServer) -> String {
    server.address().replace("127.0.0.1", "localhost")
}

/// A session whose app server names the person.
fn created(server: &TestServer, ours: &Value) -> (String, String) {
    let asked = json!({
        "livenessOperationMode": "Passive", "deviceCorrelationId": Uuid::from_u128(fastrand::u128(..)).to_string(),
        "userCorrelationId": "ada", "likeness": ours,
    });
    crate::liveness::created(server, PLAIN, &asked)
}

/// An attempt of a rendered person over a socket. Where the machine has no time for the frames, a turn is not seen: then it is made again, as
/// people do.
fn capture(server: &TestServer, token: &str, device: Device) -> Outcome {
    let mut seed = 0;
    loop {
        let address = Address::parse(&at_localhost(server)).expect("an address");
        let client = Client::new(address, token).with_device(device.clone());
        let outcome = pad::capture(&client, &mut person(seed), &mut Honest).expect("a result");
        let has_ended = outcome.code.is_none_or(|code| code == AttemptCode::AssuranceTooLow);
        if has_ended || seed > 5 || outcome.remaining_attempts == 0 {
            return outcome;
        }
        seed += 1;
    }
}

fn with_key(key: KeySigner) -> Device {
    Device { key: Some(key), ..Device::default() }
}

/// Sends a key to be enrolled, to the host that the device knows.
fn bring(server: &TestServer, token: &str, body: &Value) -> Answer {
    let host = at_localhost(server).replace("http://", "");
    let request = bearer(server.bare("POST", "/face/v1.2/session/key"), token).header("Host", host);
    Answer::to_json(request, body)
}

fn read(server: &TestServer, session: &str) -> Value {
    server.call("GET", &format!("{PLAIN}/{session}")).body
}

/// The assurance of the last attempt, or why it failed.
fn reached(server: &TestServer, session: &str) -> String {
    let read = read(server, session);
    let attempts = read["results"]["attempts"].as_array().expect("attempts");
    let attempt = attempts.iter().max_by_key(|attempt| attempt["attemptId"].as_u64()).expect("an attempt");
    let word = attempt["result"]["likeness"]["assurance"].as_str().or(attempt["error"]["code"].as_str());
    word.unwrap_or_else(|| panic!("{attempt}")).to_owned()
}

fn keys(server: &TestServer, holder: &str) -> Vec<Value> {
    let path = format!("accounts/{}/liveness/keys/find", server.account());
    let found = server.manage("POST", &path, &json!({ "userCorrelationId": holder }));
    found.body.as_array().unwrap_or_else(|| panic!("{found:?}")).clone()
}

fn a_key_that_was_enrolled_raises_later_sessions(store: &TestStore) {
    let clock = Clock::new();
    let folder = tempfile::tempdir().expect("a folder");
    let (judge, settings) = (folder.path().join("judge"), folder.path().join("likeness.toml"));
    let decides = |decision: &str| std::fs::write(&judge, decision).expect("the judge can be told");
    // Without a turn where the light shows enough, which takes less time.
    std::fs::write(&settings, "[liveness.policy]\nversion = \"still\"\n[liveness.policy.turn]\nin_passive = false\n")
        .expect("settings");
    decides("realface");
    let text = |path: &std::path::Path| path.to_str().expect("a path").to_owned();
    let (judge_file, settings_file) = (text(&judge), text(&settings));
    let server =
        store.server(&[clock.setting(), ("LIKENESS_TEST_JUDGE", &judge_file), ("LIKENESS_CONFIG", &settings_file)]);
    let account = server.account();
    let device = Authenticator::new(3, &server);
    let enrols = json!({ "enrolKey": true });

    // Without a person there is nobody to enrol for.
    let nobody = json!({ "livenessOperationMode": "Passive", "deviceCorrelationId": "d", "likeness": enrols });
    assert_eq!(server.json("POST", PLAIN, &nobody).code(), "InvalidRequestBody");
    let mut client = nobody.clone();
    client["userCorrelationIdSetInClient"] = json!(true);
    assert_eq!(server.json("POST", PLAIN, &client).code(), "InvalidRequestBody");

    // After an attempt that came to a decision, once, for its challenge.
    let (session, token) = created(&server, &enrols);
    let about = Answer::of(bearer(server.bare("GET", "/api/quicklink/about"), &token));
    assert_eq!(about.body["enrolKey"], json!(true), "{about:?}");
    let too_soon = Outcome { digest: "00".repeat(32), ..capture_of_nothing() };
    assert_eq!(bring(&server, &token, &device.created(&session, &too_soon)).code(), "KeyNotExpected");
    let outcome = capture(&server, &token, Device::default());
    assert_eq!(outcome.status, AttemptStatus::Succeeded, "{outcome:?}");
    assert_eq!(read(&server, &session)["likeness"]["keyEnrolled"], json!(false));
    let foreign = Uuid::from_u128(1).to_string();
    assert_eq!(bring(&server, &token, &device.created(&foreign, &outcome)).code(), "InvalidRequestBody");
    let elsewhere = Authenticator { origin: "https://evil.example".to_owned(), ..device.clone() };
    assert_eq!(bring(&server, &token, &elsewhere.created(&session, &outcome)).code(), "InvalidRequestBody");
    assert_eq!(bring(&server, &token, &json!({ "attemptId": 1 })).code(), "InvalidRequestBody");
    assert_eq!(keys(&server, "ada"), Vec::<Value>::new());
    assert_eq!(bring(&server, &token, &device.created(&session, &outcome)).status, 204);
    assert_eq!(bring(&server, &token, &device.created(&session, &outcome)).code(), "KeyNotExpected");
    assert_eq!(read(&server, &session)["likeness"]["keyEnrolled"], json!(true));
    let listed = keys(&server, "ada");
    assert_eq!((listed.len(), &listed[0]["ofThisDevice"]), (1, &json!(true)), "{listed:?}");
    assert_eq!((keys(&server, "bob").len(), listed[0].as_object().map(serde_json::Map::len)), (0, Some(5)));

    // An attempt that shows no live person enrols nothing, and its device is told the same.
    decides("uncertain");
    let (session, token) = created(&server, &enrols);
    let outcome = capture(&server, &token, Device::default());
    let other = Authenticator::new(5, &server);
    assert_eq!(bring(&server, &token, &other.created(&session, &outcome)).status, 204);
    assert_eq!(bring(&server, &token, &other.created(&session, &outcome)).code(), "KeyNotExpected");
    assert_eq!((&read(&server, &session)["likeness"]["keyEnrolled"], keys(&server, "ada").len()), (&json!(false), 1));
    // Nor does a key raise what nothing stands behind.
    let (session, token) = created(&server, &json!({}));
    capture(&server, &token, with_key(device.signer()));
    assert_eq!(reached(&server, &session), "none");
    decides("realface");

    // In later sessions it raises the assurance; nothing else does.
    let wrong: KeySigner = {
        let (stranger, id) = (Authenticator::new(4, &server), device.id.clone());
        let signer = Authenticator { id, ..stranger }.signer();
        Arc::new(move |keys: &[KeyId], challenge: &[u8; 32]| signer(keys, challenge))
    };
    let other_challenge: KeySigner = {
        let signer = device.signer();
        Arc::new(move |keys: &[KeyId], _: &[u8; 32]| signer(keys, &[7; 32]))
    };
    let demands = json!({ "minimumAssurance": "L1" });
    let rows = [
        ("its key", json!({}), Some(device.signer()), "L1"),
        ("its key, as demanded", demands.clone(), Some(device.signer()), "L1"),
        ("no key", json!({}), None, "L0"),
        ("no key, as demanded", demands.clone(), None, "AssuranceTooLow"),
        ("another key of the same name", json!({}), Some(wrong), "L0"),
        ("another challenge", json!({}), Some(other_challenge), "L0"),
    ];
    for (name, ours, key, expected) in rows {
        let (session, token) = created(&server, &ours);
        capture(&server, &token, Device { key, ..Device::default() });
        assert_eq!(reached(&server, &session), expected, "{name}");
    }
    // Whoever says of themselves to be somebody gets none of their keys.
    let asked =
        json!({ "livenessOperationMode": "Passive", "deviceCorrelationId": "d", "userCorrelationIdSetInClient": true });
    let (session, token) = crate::liveness::created(&server, PLAIN, &asked);
    capture(&server, &token, Device { user_correlation_id: Some("ada".to_owned()), ..with_key(device.signer()) });
    assert_eq!(reached(&server, &session), "L0");
    // A copy of the key, whose counter is behind.
    let copy = Authenticator { counter: Arc::default(), ..device.clone() };
    let (session, token) = created(&server, &json!({}));
    capture(&server, &token, with_key(copy.signer()));
    assert_eq!(reached(&server, &session), "L0");
    let log = server.manage("GET", &format!("accounts/{account}/audit?top=1000"), &Value::Null).body.to_string();
    for word in ["put_enrolled_key", "\"key\":\"counts\"", "\"key\":\"counterDidNotRise\"", "\"key\":\"notAccepted\""] {
        assert!(log.contains(word), "{word} is not in the audit log");
    }
    let (id, text_id) = (&device.id, BASE64URL.encode(&device.id));
    assert!(!log.contains("\"ada\"") && !log.contains(&text_id), "a person or a key is in the audit log");
    let bytes = store.raw_bytes();
    let holds = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    assert!(!holds(id) && !holds(text_id.as_bytes()), "a key is in a file");

    // Its life begins anew with each use. It ends at the instant, and its bytes with it.
    let count = || store.sql("SELECT count(*) FROM record WHERE kind = 9");
    let day = Duration::from_secs(86_400);
    clock.forward(day * 399);
    assert_eq!((keys(&server, "ada").len(), count()), (1, vec!["1".to_owned()]));
    let shorter = json!({ "retention": { "enrolledKey": 30 * 86_400 } });
    assert_eq!(server.manage("PATCH", &format!("accounts/{account}"), &shorter).status, 200);
    assert_eq!(keys(&server, "ada").len(), 0, "the account keeps it no longer");
    let longer = json!({ "retention": { "enrolledKey": 401 * 86_400 } });
    assert_eq!(server.manage("PATCH", &format!("accounts/{account}"), &longer).status, 400);
    let usual = json!({ "retention": { "enrolledKey": null } });
    assert_eq!(server.manage("PATCH", &format!("accounts/{account}"), &usual).status, 200);
    clock.forward(day * 2);
    assert_eq!(keys(&server, "ada").len(), 0);
    for _ in 0..240 {
        if count() == ["0"] {
            break;
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    assert_eq!(count(), ["0"], "the bytes of a key that has ended");

    // Removed by its record and by the person, by the account's own key; not by another account's.
    let path = format!("accounts/{account}/liveness/keys");
    let remove = |body: &Value| server.manage("POST", &format!("{path}/remove"), body);
    for seed in [11, 12] {
        let (session, token) = created(&server, &enrols);
        let outcome = capture(&server, &token, Device::default());
        let body = Authenticator::new(seed, &server).created(&session, &outcome);
        assert_eq!(bring(&server, &token, &body).status, 204);
    }
    let all = server.manage("GET", &path, &Value::Null).body;
    assert_eq!(all.as_array().map(Vec::len), Some(2), "{all}");
    for wrong in
        [json!({}), json!({ "record": all[0]["record"], "userCorrelationId": "ada" }), json!({ "user": "ada" })]
    {
        assert_eq!(remove(&wrong).status, 400, "{wrong}");
    }
    assert_eq!(remove(&json!({ "record": Uuid::nil() })).status, 404);
    let by_account = |body: &Value| {
        let request =
            server.bare("POST", &format!("/admin/v1/{path}/remove")).header("Ocp-Apim-Subscription-Key", KEY1);
        Answer::to_json(request, body)
    };
    assert_eq!(by_account(&json!({ "record": all[0]["record"] })).body, json!({ "removed": 1 }));
    assert_eq!(keys(&server, "ada").len(), 1);
    let other = server.other_account();
    assert_eq!(other.call("POST", &format!("/admin/v1/{path}/remove")).status, 403);
    assert_eq!(by_account(&json!({ "userCorrelationId": "ada" })).body, json!({ "removed": 1 }));
    assert_eq!((remove(&json!({ "userCorrelationId": "ada" })).status, count()), (404, vec!["0".to_owned()]));
}

/// What a device would know that has captured nothing.
fn capture_of_nothing() -> Outcome {
    Outcome {
        attempt: 1,
        status: AttemptStatus::Succeeded,
        code: None,
        digest: String::new(),
        is_own_digest: true,
        remaining_attempts: 0,
        response: None,
        frames: 0,
        took_ms: 0.0,
        aside: Vec::new(),
    }
}
