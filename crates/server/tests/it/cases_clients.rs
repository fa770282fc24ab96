//! Inputs that clients and servers of others sent and that were got wrong once (`../shared/cases`), with right answers.

use crate::pictures::remote;
use crate::server::{KEY1, TestServer, likeness, run, skip};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

/// The folder with the cases, or a skip that is counted and printed.
fn cases(test: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases");
    if folder.join("README.md").exists() {
        return Some(folder);
    }
    skip(test, "the collected cases (../shared/cases) are not beside the repository");
    None
}

/// Sends a request as it stands in a file; status and body of the answer.
fn sent(server: &TestServer, file: &Path) -> (u16, String) {
    let host = server.address.strip_prefix("http://").expect("HTTP");
    let text = std::fs::read_to_string(file).expect("a case").replace("HOST", host).replace("KEY", KEY1);
    let mut stream = TcpStream::connect(host).expect("the server listens");
    stream.write_all(text.as_bytes()).expect("the request is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the answer is text");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer.split_once("\r\n\r\n").map_or_else(String::new, |(_, body)| body.to_owned()))
}

#[test]
fn json_with_a_byte_order_mark_makes_the_group() {
    let Some(cases) = cases("json_with_a_byte_order_mark_makes_the_group") else { return };
    let server = TestServer::new();
    assert_eq!(sent(&server, &cases.join("json-with-byte-order-mark.http")), (200, String::new()));
    assert_eq!(server.call("GET", "persongroups/bom").body["name"], "a group for doors");
}

#[test]
fn an_endpoint_that_ends_in_a_slash_is_the_same_endpoint() {
    let Some(cases) = cases("an_endpoint_that_ends_in_a_slash_is_the_same_endpoint") else { return };
    let server = TestServer::new();
    assert_eq!(server.json("PUT", "largepersongroups/here", &json!({ "name": "here" })).status, 200);
    let (status, body) = sent(&server, &cases.join("endpoint-ends-in-slash.http"));
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("\"largePersonGroupId\":\"here\""), "{body}");
}

#[test]
fn downloads_are_followed_and_unpacked() {
    let Some(cases) = cases("downloads_are_followed_and_unpacked") else { return };
    let server = TestServer::with(&[("LIKENESS_ALLOW_PRIVATE_URLS", "1")]);
    let read = |name: &str| std::fs::read(cases.join(name)).expect("a case");
    let detect = |answers: Vec<Vec<u8>>| {
        let body = json!({ "url": format!("{}/photo.jpg", remote(answers)) });
        let answer = server.json("POST", "detect?returnFaceId=false&detectionModel=detection_03", &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body.as_array().map(Vec::len)
    };
    let packed = read("download-gzip-unasked.response");
    assert_eq!(detect(vec![packed.clone()]), Some(1));
    // Whether the escaped address is asked for stands in `habits.rs`; here, that something is.
    assert_eq!(detect(vec![read("download-redirect-utf8.response"), packed]), Some(1));
}

#[test]
fn detect_goes_on_after_a_file_that_cannot_be_read() {
    let Some(cases) = cases("detect_goes_on_after_a_file_that_cannot_be_read") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (first, last) = (cases.join("one-face-large-1.jpg"), cases.join("small-face-40-in-1280x720.jpg"));
    let broken = folder.path().join("BROKEN.jpg");
    let photo = std::fs::read(&first).expect("a case");
    std::fs::write(&broken, &photo[..100]).expect("a file");
    let output = run(likeness().args(["detect", "--json"]).args([&first, &broken, &last]));
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let files: Vec<&str> = report.as_array().expect("an array").iter().filter_map(|one| one["file"].as_str()).collect();
    assert_eq!(files, [first.to_str().expect("text"), last.to_str().expect("text")]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.lines().filter(|line| line.contains("BROKEN.jpg")).count(), 1, "{said}");
}
