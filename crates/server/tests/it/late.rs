//! A slow request has no effect after its right was revoked: a body that arrives slowly, or the
//! address of a picture that its owner makes wait.

use crate::oidc::{Provider, assign, server_with, subject};
use crate::server::{Answer, KEY1, OPERATOR, TestServer, demo_face};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// A call of which the head and a piece of the body have been sent.
struct Late {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl Late {
    fn begin(server: &TestServer, method: &str, path: &str, key: &str, body: &Value) -> Self {
        Self::with(server, method, path, &format!("Ocp-Apim-Subscription-Key: {key}"), body)
    }

    fn with(server: &TestServer, method: &str, path: &str, headers: &str, body: &Value) -> Self {
        let body = body.to_string().into_bytes();
        let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).expect("a connection");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("it can be sent");
        stream.write_all(&body[..1]).expect("it can be sent");
        // Time to be admitted.
        std::thread::sleep(Duration::from_millis(300));
        Self { stream, rest: body[1..].to_vec() }
    }

    /// Sends what is left and gives status and body.
    fn finish(mut self) -> (u16, String) {
        self.stream.write_all(&self.rest).expect("it can be sent");
        self.stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let mut said = String::new();
        self.stream.read_to_string(&mut said).expect("an answer");
        let status = said.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, said.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
    }
}

/// Posts the address of a picture of one face, which is only given once something has happened meanwhile.
fn fetched_slowly(server: &TestServer, path: &str, headers: &str, meanwhile: impl FnOnce()) -> (u16, String) {
    let photo = demo_face();
    let gallery = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/face.jpg", gallery.local_addr().expect("an address"));
    let late = Late::with(server, "POST", path, headers, &json!({ "url": address }));
    let asked = std::thread::spawn(move || late.finish());
    let (mut visitor, _) = gallery.accept().expect("the server fetches the picture");
    // To close a socket on words that nobody read breaks the connection.
    let mut asked_for = Vec::new();
    let mut piece = [0; 1024];
    while !asked_for.ends_with(b"\r\n\r\n") {
        let read = visitor.read(&mut piece).expect("the server asks for the picture");
        assert!(read > 0, "the server broke off");
        asked_for.extend_from_slice(&piece[..read]);
    }
    meanwhile();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", photo.len());
    visitor.write_all(head.as_bytes()).expect("it can be sent");
    visitor.write_all(&photo).expect("it can be sent");
    asked.join().expect("an answer")
}

#[test]
fn a_key_that_was_replaced_meanwhile_opens_nothing() {
    let server = TestServer::new();
    let client = server.another(&["client"]);
    let asked = json!({
        "targetAzureResourceId": client.resource, "featureFlags": ["Face.Verification"],
    });
    let list = json!({ "name": "late" });
    let all = json!({ "before": "now" });
    let begin = || {
        [
            Late::begin(&server, "POST", "/sts/v1.0/issueLimitedAccessToken", KEY1, &asked),
            Late::begin(&server, "PUT", "/face/v1.0/facelists/late", KEY1, &list),
            Late::begin(&server, "POST", "/admin/v1/accounts/default/tokens/revoke", KEY1, &all),
        ]
    };
    // What is not revoked goes on, so that the rest of this test means something.
    assert_eq!(begin().map(|late| late.finish().0), [200, 200, 204]);
    assert_eq!(server.call("DELETE", "facelists/late").status, 200);
    let late = begin();
    let replaced = server.manage("POST", "accounts/default/regenerateKey", &json!({ "keyName": "Key1" }));
    assert_eq!(replaced.status, 200);
    assert_eq!(late.map(|late| late.finish().0), [401, 401, 401]);
    let key = replaced.body["key1"].as_str().expect("a key");
    let lists = Answer::of(server.bare("GET", "facelists").header("Ocp-Apim-Subscription-Key", key));
    assert_eq!(lists.body, json!([]), "it was made all the same");
}

#[test]
fn an_approval_that_was_taken_meanwhile_is_gone() {
    let server = TestServer::new();
    let client = server.another(&["client", "--approve", "Face.Verification"]);
    let late = Late::begin(&server, "PUT", "/face/v1.0/facelists/late", &client.keys[0], &json!({ "name": "late" }));
    server.cli(&["accounts", "approve", "client", "nothing"]);
    let (status, said) = late.finish();
    assert_eq!(status, 403, "{said}");
    assert!(said.contains("UnsupportedFeature"), "{said}");
    // A change of a caller whose rights stay is committed.
    let change = json!({ "localAuth": false });
    let late = Late::begin(&server, "PATCH", "/admin/v1/accounts/client", OPERATOR, &change);
    assert_eq!(late.finish().0, 200);
    assert_eq!(client.call("GET", "facelists").status, 403);
}

#[test]
fn a_role_that_was_taken_meanwhile_is_gone() {
    let people = json!({ "ada": {} });
    let Some(provider) = Provider::start("a_role_that_was_taken_meanwhile_is_gone", &people) else { return };
    let (server, _settings) = server_with(&provider.trusted(60));
    assign(&server, "default", &provider, &subject("ada"), "user");
    assign(&server, "default", &provider, &subject("ada"), "contributor");
    let bearer = format!("Authorization: Bearer {}", provider.token("ada"));
    let begin = |name: &str| {
        let list = format!("/accounts/default/face/v1.0/facelists/{name}");
        [
            Late::with(&server, "PUT", &list, &bearer, &json!({ "name": "late" })),
            Late::with(&server, "PATCH", "/admin/v1/accounts/default", &bearer, &json!({ "location": "late" })),
        ]
    };
    assert_eq!(begin("first").map(|late| late.finish().0), [200, 200]);
    let late = begin("second");
    let account = server.manage("GET", "accounts/default", &Value::Null).body;
    for role in account["roles"].as_array().expect("roles") {
        let path = format!("accounts/default/roles/{}", role["id"].as_str().expect("an id"));
        assert_eq!(server.manage("DELETE", &path, &Value::Null).status, 204);
    }
    assert_eq!(late.map(|late| late.finish().0), [401, 403]);
    assert_eq!(server.call("GET", "facelists/second").status, 404);
}

/// The operator withdraws the approval that a call needs, while its picture's server makes it wait.
#[test]
fn an_attribute_that_was_taken_while_a_picture_was_fetched_is_not_told() {
    let server = TestServer::with(&[("LIKENESS_ALLOW_PRIVATE_URLS", "1")]);
    let client = server.another(&["client", "--approve", "age"]);
    let path = "/face/v1.0/detect?returnFaceId=false&returnFaceAttributes=age";
    let key = format!("Ocp-Apim-Subscription-Key: {}", client.keys[0]);
    let wait = |take: bool| {
        fetched_slowly(&server, path, &key, || {
            if take {
                server.cli(&["accounts", "approve", "client", "-age"]);
            }
        })
    };
    let (status, said) = wait(false);
    assert!(status == 200 && said.contains("age"), "{status} {said}");
    let (status, said) = wait(true);
    assert!(status == 403 && !said.contains("faceAttributes"), "{status} {said}");
}

/// The client owns the address of the picture, and lets it wait until its token is revoked.
#[test]
fn a_token_that_was_revoked_while_a_picture_was_fetched_lends_nothing() {
    let server = TestServer::with(&[("LIKENESS_ALLOW_PRIVATE_URLS", "1")]);
    let client = server.another(&["client"]);
    let token = server.token(&client, &["Face.Verification"]);
    let bearer = format!("LimitedAccessToken: Bearer {token}\r\nOcp-Apim-Subscription-Key: {}", client.keys[0]);
    let with =
        |method: &str, path: &str| client.request(method, path).header("LimitedAccessToken", format!("Bearer {token}"));
    let list = json!({ "name": "list", "recognitionModel": "recognition_04" });
    assert_eq!(Answer::to_json(with("PUT", "facelists/l"), &list).status, 200);
    let wait = |revoke: bool| {
        fetched_slowly(&server, "/face/v1.0/facelists/l/persistedfaces", &bearer, || {
            if revoke {
                let all = json!({ "before": "now" });
                let revoked = server.manage_with(KEY1, "POST", "accounts/default/tokens/revoke", &all);
                assert_eq!(revoked.status, 204);
            }
        })
    };
    let (status, said) = wait(false);
    assert_eq!(status, 200, "{said}");
    let (status, said) = wait(true);
    assert_eq!(status, 401, "{said}");
    assert!(said.contains("InvalidLimitedAccessToken"), "{said}");
    let faces = client.call("GET", "facelists/l").body["persistedFaces"].as_array().map(Vec::len);
    assert_eq!(faces, Some(1), "the second face was enrolled after the revocation had returned");
}

/// A connection that says nothing, or begins HTTP/2 and says no more, is closed.
#[test]
fn silence_is_hung_up_on() {
    let server = TestServer::new();
    let address = server.address.trim_start_matches("http://");
    let says: [&[u8]; 4] =
        [b"", b"GET", b"PRI * HTTP/2.0\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"];
    let silent: Vec<TcpStream> = says
        .iter()
        .map(|words| {
            let mut stream = TcpStream::connect(address).expect("a connection");
            stream.write_all(words).expect("it can be sent");
            stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
            stream
        })
        .collect();
    assert_eq!(server.call("GET", "facelists").status, 200);
    for (mut stream, words) in silent.into_iter().zip(says) {
        let mut rest = Vec::new();
        let ended = stream.read_to_end(&mut rest);
        assert!(ended.is_ok(), "{:?}: {ended:?}", String::from_utf8_lossy(words));
    }
}
