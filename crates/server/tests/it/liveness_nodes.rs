//! Liveness sessions on several nodes, and behind a reverse proxy that passes the four device routes and nothing else.

use crate::liveness::{PLAIN, asked, bearer, created, picture_part, portrait};
use crate::nodes::{Site, site};
use crate::server::{Answer, TestServer};
use reqwest::blocking::multipart::Form;
use serde_json::json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

fn start(server: &TestServer, token: &str) -> Answer {
    Answer::to_json(bearer(server.bare("POST", "/face/v1.2/session/start"), token), &json!({}))
}

fn send(server: &TestServer, token: &str) -> Answer {
    let request = bearer(server.bare("POST", "/face/v1.2/detectLiveness/singleModal"), token);
    let form = Form::new().part("frame", picture_part(&portrait()));
    Answer::read(request.multipart(form).send().expect("the server answers"))
}

fn end(server: &TestServer, token: &str, attempt: u8, outcome: &str) -> Answer {
    let body = json!({ "attemptId": attempt, "outcome": outcome });
    Answer::to_json(bearer(server.bare("POST", "/face/v1.2/session/attempt/end"), token), &body)
}

fn node(site: &Site, settings: &[(&str, &str)]) -> TestServer {
    TestServer::over(&site.data(), &[&[("LIKENESS_STORE", site.store.as_str())], settings].concat())
}

#[test]
fn a_session_is_on_every_node_and_a_capture_on_one() {
    let Some(site) = site("a_session_is_on_every_node_and_a_capture_on_one") else { return };
    let mut one = node(&site, &[("LIKENESS_NODE_URL", "https://one.example")]);
    let two = node(&site, &[]);
    let mut asked = asked();
    asked["numberOfClientAttemptsAllowed"] = json!(3);
    let (id, token) = created(&one, PLAIN, &asked);
    let path = format!("{PLAIN}/{id}");
    let status = |server: &TestServer| server.call("GET", &path).body["status"].clone();
    assert_eq!(status(&two), json!("NotStarted"));
    // One attempt at a time, whichever node is asked; parts of it are sent where it is.
    assert_eq!(start(&one, &token).status, 200);
    assert_eq!(status(&two), json!("Running"));
    assert_eq!(start(&two, &token).code(), "AttemptInProgress");
    for answer in [send(&two, &token), end(&two, &token, 1, "completed")] {
        assert_eq!((answer.status, answer.code()), (409, "CaptureOnAnotherNode"));
        let location = answer.header("location").expect("the node says where it is");
        assert!(location.starts_with("https://one.example/face/v1.2/"), "{location}");
    }
    assert_eq!(end(&one, &token, 1, "canceled").body["code"], json!("Canceled"));
    // Here it begins on the other, which does not say where it is.
    assert_eq!(start(&two, &token).body["attemptId"], json!(2));
    let elsewhere = send(&one, &token);
    assert_eq!((elsewhere.code(), elsewhere.header("location")), ("CaptureOnAnotherNode", None));
    assert_eq!(end(&two, &token, 2, "canceled").status, 200);
    // The node that leads the third dies. Once that is certain the attempt is over, and it does not count.
    assert_eq!(start(&one, &token).body["attemptId"], json!(3));
    one.kill();
    assert_eq!((status(&two), start(&two, &token).code()), (json!("Running"), "AttemptInProgress"));
    // Half a minute later, by the clock of the database.
    let postgres = likeness_test_postgres::shared().expect("the server runs");
    let over = "UPDATE lease SET lease_until = likeness_now() - INTERVAL '1 second'";
    postgres.sql(&site.name(), over).expect("a statement");
    let again = start(&two, &token);
    assert_eq!((&again.body["attemptId"], &again.body["remainingAttempts"]), (&json!(4), &json!(0)), "{again:?}");
    let attempts = two.call("GET", &path).body["results"]["attempts"].clone();
    assert_eq!(
        (&attempts[1]["attemptId"], &attempts[1]["error"]["code"]),
        (&json!(3), &json!("UnexpectedServerError"))
    );
    // Who deletes a session ends what is under way in it.
    assert_eq!(two.call("DELETE", &path).status, 204);
    assert_eq!(end(&two, &token, 4, "completed").status, 404);
    // Deleted on one, gone on the other; a link is used once among all.
    let one = node(&site, &[]);
    let (id, token) = created(&two, PLAIN, &asked);
    let link = Answer::of(bearer(one.bare("POST", "/api/quicklink"), &token)).body["url"].clone();
    let link = link.as_str().expect("an address")[4..].to_owned();
    let begun: Vec<u16> = std::thread::scope(|scope| {
        let begin = |server: &TestServer| {
            Answer::to_json(server.bare("POST", "/api/quicklink/begin"), &json!({ "link": link })).status
        };
        let tries: Vec<_> = [&one, &two, &one, &two].map(|server| scope.spawn(move || begin(server))).into();
        tries.into_iter().map(|one| one.join().expect("no panic")).collect()
    });
    let mut counted = begun.clone();
    counted.sort_unstable();
    assert_eq!(counted, [200, 410, 410, 410], "{begun:?}");
    assert_eq!(one.call("DELETE", &format!("{PLAIN}/{id}")).status, 204);
    assert_eq!(start(&two, &token).code(), "SessionNotFound");
}

#[test]
fn there_are_so_many_places_and_a_refusal_uses_no_attempt_up() {
    let server = TestServer::with(&[("LIKENESS_CAPTURES", "2")]);
    let tokens: Vec<String> = (0..4).map(|_| created(&server, PLAIN, &asked()).1).collect();
    let begun: Vec<Answer> = tokens.iter().map(|token| start(&server, token)).collect();
    let refused: Vec<usize> = (0..4).filter(|at| begun[*at].status == 503).collect();
    assert!(!refused.is_empty() && refused.len() <= 3, "{begun:?}");
    let one = refused[0];
    assert_eq!((begun[one].code(), begun[one].header("retry-after")), ("ServiceUnavailable", Some("5")));
    let running = (0..4).find(|at| begun[*at].status == 200).expect("one has a place");
    assert_eq!(end(&server, &tokens[running], 1, "canceled").status, 200);
    assert_eq!(start(&server, &tokens[one]).body["attemptId"], json!(1), "the refusal used nothing up");
}

/// A reverse proxy of a customer: it passes on the device routes as they are, and answers 404 to everything else.
fn proxy(to: &str) -> SocketAddr {
    let to: SocketAddr = to.trim_start_matches("http://").parse().expect("an address");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || drop(pass(stream, to)));
        }
    });
    address
}

fn pass(mut from: TcpStream, to: SocketAddr) -> std::io::Result<()> {
    const ROUTES: [&str; 4] = [
        "/session/start",
        "/session/attempt/end",
        "/detectliveness/singlemodal",
        "/detectlivenesswithverify/singlemodal",
    ];
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        from.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let path = text.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
    let is_passed = path.starts_with("/face/") && ROUTES.iter().any(|route| path.ends_with(route));
    if !is_passed {
        return from.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let mut server = TcpStream::connect(to)?;
    server.write_all(&head)?;
    let (mut back, mut client) = (server.try_clone()?, from.try_clone()?);
    let answers = std::thread::spawn(move || std::io::copy(&mut back, &mut client));
    drop(std::io::copy(&mut from, &mut server));
    drop(server.shutdown(std::net::Shutdown::Write));
    drop(answers.join());
    Ok(())
}

/// The account is closed to everybody; its devices come through a proxy on the customer's own address.
#[test]
fn a_proxy_of_four_routes_serves_devices_of_a_closed_account() {
    let server = TestServer::new();
    let account = server.account();
    let (id, token) = created(&server, PLAIN, &asked());
    let nobody = json!({ "defaultAction": "Deny", "rules": [{ "address": "203.0.113.9" }] });
    let proxied = json!({ "defaultAction": "Deny", "rules": [{ "address": "127.0.0.1" }] });
    let change = json!({ "network": nobody, "liveness": { "devices": proxied } });
    assert_eq!(server.manage("PATCH", &format!("accounts/{account}"), &change).status, 200);
    assert_eq!(server.call("GET", &format!("{PLAIN}/{id}")).status, 403, "the account is closed");
    let door = proxy(server.address());
    let client = crate::server::client();
    let at = |method: &str, path: &str| {
        client.request(method.parse().expect("a method"), format!("http://{door}{path}")).bearer_auth(&token)
    };
    assert_eq!(Answer::of(at("GET", &format!("{PLAIN}/{id}"))).status, 404, "not one of the four");
    let begun = Answer::to_json(at("POST", "/face/v1.2/session/start"), &json!({}));
    assert_eq!(begun.status, 200, "{begun:?}");
    let form = Form::new().part("frame", picture_part(&portrait()));
    let sent = at("POST", "/face/v1.2/detectLiveness/singleModal").multipart(form).send().expect("an answer");
    assert_eq!(sent.status(), 204);
    let body = json!({ "attemptId": 1, "outcome": "canceled" });
    assert_eq!(Answer::to_json(at("POST", "/face/v1.2/session/attempt/end"), &body).status, 200);
    // A socket opens through it too.
    let mut socket = TcpStream::connect(door).expect("the proxy listens");
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    let head = format!(
        "GET /face/v1.2/detectLiveness/singleModal HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: likeness.capture.v1\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).expect("it is sent");
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).expect("an answer");
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 101");
    let open = json!({ "network": { "defaultAction": "Allow", "rules": [] } });
    assert_eq!(server.manage("PATCH", &format!("accounts/{account}"), &open).status, 200);
    let read = server.call("GET", &format!("{PLAIN}/{id}"));
    assert_eq!(read.body["results"]["attempts"][0]["attemptStatus"], json!("Canceled"));
}
