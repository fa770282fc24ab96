//! One account or stranger at its bound in a resource of the process, and another that is served all the while.
//!
//! "Served" means: no 429 and no 5xx at the first attempt. How long it takes is for `likeness bench`.

use crate::server::{Answer, KEY1, OtherAccount, TestServer, demo, demo_face};
use crate::stores::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Calls that must succeed at once, of the account that is not at any bound.
const CALLS: usize = 6;

fn address(server: &TestServer) -> SocketAddr {
    server.address.trim_start_matches("http://").parse().expect("an address")
}

/// A connection on which something was sent.
pub(crate) fn sent(server: &TestServer, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address(server)).expect("the server listens");
    stream.write_all(head.as_bytes()).expect("the server reads");
    stream
}

/// The status of a request that is sent once and never again.
fn status(request: reqwest::blocking::RequestBuilder) -> u16 {
    request.send().expect("an answer").status().as_u16()
}

fn detects(server: &TestServer, photo: &[u8]) -> u16 {
    let request = server.request("POST", "detect?recognitionModel=recognition_04");
    status(request.header("Content-Type", "application/octet-stream").body(photo.to_vec()))
}

pub(crate) fn is_served(server: &TestServer, during: &str) {
    let photo = demo_face();
    for call in 0..CALLS {
        assert_eq!(detects(server, &photo), 200, "call {call} during {during}");
        assert_eq!(status(server.request("GET", "facelists")), 200, "call {call} during {during}");
        let list = format!("facelists/during-{call}");
        let write = server.request("PUT", &list).header("Content-Type", "application/json");
        let written = status(write.body(json!({ "name": during }).to_string()));
        assert!(matches!(written, 200 | 409), "call {call} during {during}: {written}");
    }
}

/// Runs `load` on several threads until `meanwhile` is over.
pub(crate) fn under_load(threads: usize, load: impl Fn() + Send + Sync, meanwhile: impl FnOnce()) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    load();
                }
            });
        }
        // Ends the load also where an assertion fails.
        struct Over<'a>(&'a AtomicBool);
        impl Drop for Over<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _over = Over(&is_over);
        meanwhile();
    });
}

#[test]
fn finding_01_silent_readers_and_strangers_shut_nobody_out() {
    let server = TestServer::with(&[("LIKENESS_CONNECTIONS", "64"), ("LIKENESS_CONNECTIONS_PER_ADDRESS", "48")]);
    let questions = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(60);
    let held: Vec<TcpStream> = (0..200).map(|_| sent(&server, &questions)).collect();
    assert_eq!(status(server.bare("GET", "/healthz")), 200);
    is_served(&server, "silent readers");
    drop(held);
}

#[test]
fn finding_02_announced_and_dribbled_bodies_take_no_room() {
    let server = TestServer::with(&[("LIKENESS_BODY_MEGABYTES", "32")]);
    let other = server.another(&["dribbler"]);
    let head = format!(
        "POST /face/v1.0/detect HTTP/1.1\r\nHost: x\r\nOcp-Apim-Subscription-Key: {}\r\nContent-Type: application/octet-stream\r\nContent-Length: 6000000\r\n\r\n",
        other.keys[0]
    );
    let mut held: Vec<TcpStream> = (0..100).map(|_| sent(&server, &head)).collect();
    for stream in &mut held {
        stream.write_all(&[0xff]).expect("the server reads");
    }
    is_served(&server, "announced bodies");
    // Also where each has sent so much that it takes room.
    for stream in &mut held {
        stream.write_all(&vec![0; 100_000]).expect("the server reads");
    }
    is_served(&server, "dribbled bodies");
}

fn finding_08_heavy_pictures_of_one_leave_a_worker_for_another(store: &TestStore) {
    let server = store.server(&[("LIKENESS_WORKERS", "2")]);
    let other = server.another(&["heavy"]);
    let crowd = demo(1);
    let load = || {
        let request = other.request("POST", "detect?returnFaceId=false&detectionModel=detection_03");
        // Many of these are refused: the account is far beyond its part.
        drop(request.header("Content-Type", "application/octet-stream").body(crowd.clone()).send());
    };
    under_load(12, load, || is_served(&server, "heavy pictures"));
}

/// Persons with as much user data as there may be: 100 of them are 6.5 MB.
pub(crate) fn fat_group(account: &OtherAccount<'_>) {
    assert_eq!(account.json("PUT", "largepersongroups/fat", &json!({ "name": "fat" })).status, 200);
    let user_data = "\u{1f600}".repeat(16_384);
    for number in 0..100 {
        let person = json!({ "name": format!("person {number}"), "userData": user_data });
        assert_eq!(account.json("POST", "largepersongroups/fat/persons", &person).status, 200);
    }
}

/// Resident memory of the server in megabytes: `VmRSS` now, `VmHWM` at its peak.
fn memory(server: &TestServer, which: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(which)?.strip_prefix(':'));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1_024
}

#[expect(clippy::print_stdout, reason = "the figure is told to whoever watches the tests")]
fn finding_03_unread_lists_stay_within_their_bound(store: &TestStore) {
    let server = store.server(&[("LIKENESS_ANSWER_MEGABYTES", "64")]);
    let other = server.another(&["fat", "--approve", "everything"]);
    fat_group(&other);
    let before = memory(&server, "VmRSS");
    let question = format!(
        "GET /face/v1.0/largepersongroups/fat/persons?top=1000 HTTP/1.1\r\nHost: x\r\nOcp-Apim-Subscription-Key: {}\r\n\r\n",
        other.keys[0]
    );
    let held: Vec<TcpStream> = (0..60).map(|_| sent(&server, &question)).collect();
    is_served(&server, "unread lists");
    let grown = memory(&server, "VmRSS").saturating_sub(before);
    // 60 answers of 6.5 MB are 390 MB. A quarter of 64 MB may be under way, and what is made of it on the way; the rest is
    // what the workers keep between pictures.
    assert!(grown < 200, "{grown} MB more for 60 unread answers");
    println!("memory: {before} MB before 60 unread answers, {} MB at its peak", memory(&server, "VmHWM"));
    drop(held);
    // Whoever reads gets all of it.
    let whole = other.call("GET", "largepersongroups/fat/persons?top=1000");
    assert_eq!(whole.body.as_array().map(Vec::len), Some(100));
    let names: Vec<&str> =
        whole.body.as_array().into_iter().flatten().filter_map(|person| person["name"].as_str()).collect();
    assert_eq!(names.len(), 100);
}

fn finding_04_many_writers_and_readers_of_one_leave_the_store_to_another(store: &TestStore) {
    let server = store.server(&[]);
    let other = server.another(&["busy", "--approve", "everything"]);
    fat_group(&other);
    let number = AtomicUsize::new(0);
    let load = || {
        let list = json!({ "name": "n", "userData": "u".repeat(10_000) });
        let name = format!("facelists/{}", number.fetch_add(1, Ordering::Relaxed));
        let write = other.request("PUT", &name).header("Content-Type", "application/json");
        drop(write.body(list.to_string()).send());
        drop(
            other
                .request("GET", "largepersongroups/fat/persons?top=1000")
                .send()
                .map(reqwest::blocking::Response::bytes),
        );
    };
    under_load(8, load, || is_served(&server, "writes and lists"));
}

/// An owner of a slow picture server, and one whose picture is fetched meanwhile.
#[test]
fn slow_downloads_of_one_leave_room_for_another() {
    let server = TestServer::with(&[("LIKENESS_ALLOW_PRIVATE_URLS", "1"), ("LIKENESS_FETCHES", "8")]);
    let other = server.another(&["slow"]);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent_address = json!({ "url": format!("http://{}/x.jpg", silent.local_addr().expect("an address")) });
    let gallery = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let picture = json!({ "url": format!("http://{}/x.jpg", gallery.local_addr().expect("an address")) });
    std::thread::spawn(move || {
        let photo = demo_face();
        for visitor in gallery.incoming() {
            let mut visitor = visitor.expect("a visitor");
            let mut asked = [0; 4_096];
            drop(visitor.read(&mut asked));
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", photo.len());
            drop(visitor.write_all(head.as_bytes()));
            drop(visitor.write_all(&photo));
        }
    });
    let ask = |request: reqwest::blocking::RequestBuilder, address: &Value| {
        request.header("Content-Type", "application/json").body(address.to_string()).send()
    };
    let load = || drop(ask(other.request("POST", "detect?returnFaceId=false"), &silent_address));
    // The load ends when the silent server does.
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(load);
        }
        for call in 0..CALLS {
            let answer = ask(server.request("POST", "detect?recognitionModel=recognition_04"), &picture);
            assert_eq!(answer.expect("an answer").status().as_u16(), 200, "call {call}");
        }
        drop(silent);
    });
}

/// Clients that send everything before they look see what they are told, over the official routes.
#[test]
fn a_refusal_reaches_clients_that_send_first() {
    let server = TestServer::new();
    let body = vec![0_u8; 5 * 1024 * 1024];
    let post = |path: &str, key: &str| {
        let request = server.bare("POST", path).header("Ocp-Apim-Subscription-Key", key);
        status(request.header("Content-Type", "application/octet-stream").body(body.clone()))
    };
    for _ in 0..5 {
        assert_eq!(post("detect", "nobody's key"), 401);
        assert_eq!(post("/nowhere", KEY1), 404);
        assert_eq!(post("facelists", KEY1), 404);
    }
    let answer = Answer::of(server.request("GET", "facelists"));
    assert_eq!(answer.status, 200);
}

on_both_stores!(
    finding_08_heavy_pictures_of_one_leave_a_worker_for_another,
    finding_03_unread_lists_stay_within_their_bound,
    finding_04_many_writers_and_readers_of_one_leave_the_store_to_another,
);
