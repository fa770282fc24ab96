//! The report that a data-protection officer files: every promise tried against a running server.

use crate::server::TestServer;
use crate::stores::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores!(every_promise_is_tried_and_none_is_broken, what_is_held_is_counted_and_signed);

fn every_promise_is_tried_and_none_is_broken(store: &TestStore) {
    let server = store.server(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("report.html");
    let address = server.address.trim_start_matches("http://");
    let words = ["privacy-report", "--json", "--address", address, "--out", page.to_str().expect("a path")];
    let output = server.try_cli(&words);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stderr));
    let json = said.rsplit_once('}').map(|(json, _)| format!("{json}}}")).expect("JSON, then a sentence");
    let report: Value = serde_json::from_str(&json).expect("JSON");
    let findings = report["findings"].as_array().expect("findings");
    let count = |verdict: &str| findings.iter().filter(|finding| finding["verdict"] == verdict).count();
    assert_eq!((findings.len(), count("broken")), (18, 0), "{report}");
    // What cannot be tried is reported with a reason: an hour that has to pass, sealed bytes, the log, and files of a
    // database server.
    let untried = if matches!(store, TestStore::File(_)) { 3 } else { 5 };
    assert_eq!(count("notTried"), untried, "{report}");
    assert!(findings.iter().all(|finding| finding["evidence"].as_str().is_some_and(|text| text.len() > 30)));
    let page = std::fs::read_to_string(page).expect("a page");
    for words in ["Privacy report", "P14", "24 hours", "Signed:", "default-src 'none'"] {
        assert!(page.contains(words), "the page lacks {words}");
    }
    assert!(!page.contains("<script"));
    // The scratch accounts are gone, and what was there before is as it was.
    assert_eq!(server.cli(&["accounts", "list"]).lines().count(), 3, "the default account under a head");
    assert_eq!(server.call("GET", "facelists").status, 200);
}

#[test]
fn without_a_server_it_says_so() {
    let store = TestStore::file();
    assert_eq!(store.server(&[]).stop(), Some(0));
    let mut command = crate::server::likeness();
    command.args(["privacy-report", "--address", "127.0.0.1:9"]).env("LIKENESS_DATA", store.data());
    let output = crate::server::run(&mut command);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("no server answers"), "{said}");
    assert_eq!(store.sql("SELECT count(*) FROM account"), ["2"], "an account was left behind");
}

/// Standard output and the exit code.
fn said(server: &TestServer, words: &[&str]) -> (String, Option<i32>) {
    let output = server.try_cli(words);
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
}

fn what_is_held_is_counted_and_signed(store: &TestStore) {
    const NAME: &str = "a name that is in no report";
    let server = store.server(&[]);
    assert_eq!(server.json("PUT", "facelists/a-list-of-ours", &json!({ "name": NAME, "userData": NAME })).status, 200);
    let session = json!({ "livenessOperationMode": "Passive", "deviceCorrelationId": "door-1" });
    assert_eq!(server.json("POST", "detectLiveness-sessions", &session).status, 200);

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("held.txt");
    let path = file.to_str().expect("a path");
    let (told, code) = said(&server, &["privacy-report", "--live", "--out", path]);
    assert_eq!(code, Some(0), "{told}");
    let text = std::fs::read_to_string(&file).expect("a report");
    for words in ["Overdue: 0.", "faceId", "in the session", "Expiry keys:", "none was destroyed yet", "Signature: ey"]
    {
        assert!(text.contains(words), "the report lacks {words}\n{text}");
    }
    for name in [NAME, "a-list-of-ours", "door-1", "default"] {
        assert!(!text.contains(name), "the report shows {name}\n{text}");
    }
    let (told, code) = said(&server, &["privacy-report", "--verify", path]);
    assert!(code == Some(0) && told.contains("This installation signed"), "{told}");
    let changed = text.replace("Overdue: 0.", "Overdue: 1.");
    std::fs::write(&file, changed).expect("it can be written");
    assert_eq!(said(&server, &["privacy-report", "--verify", path]).1, Some(1));
    std::fs::write(&file, text.lines().next().expect("a line")).expect("it can be written");
    assert_eq!(said(&server, &["privacy-report", "--verify", path]).1, Some(1));

    // As JSON, a line for the report and one for the signature; every row of the retention table is there.
    let (lines, code) = said(&server, &["privacy-report", "--live", "--json"]);
    assert_eq!(code, Some(0), "{lines}");
    std::fs::write(&file, &lines).expect("it can be written");
    assert_eq!(said(&server, &["privacy-report", "--verify", path]).1, Some(0));
    let report: Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    let accounts = report["accounts"].as_array().expect("accounts");
    let states: Vec<_> = accounts.iter().map(|account| account["state"].as_str()).collect();
    assert_eq!(states, [Some("the installation"), Some("open")]);
    let held = accounts[1]["held"].as_array().expect("lines");
    let rows = |data: &str, table: &str| {
        let line = held.iter().find(|line| line["data"] == data && line["table"] == table);
        line.map(|line| (line["rows"].as_u64(), line["oldest"].is_string()))
    };
    assert_eq!(rows("session", "record"), Some((Some(1), true)));
    assert_eq!(rows("listFace", "container"), Some((Some(1), true)));
    for row in likeness_rules::rows() {
        assert!(held.iter().any(|line| line["data"] == row.key), "{} is missing", row.key);
    }

    // When the key that signed it is published no more, the audit log still knows it.
    assert_eq!(server.manage("POST", "signingKeys/rotate", &json!({ "endFormer": true })).status, 200);
    let (told, code) = said(&server, &["privacy-report", "--verify", path]);
    assert!(code == Some(0) && told.contains("published no more"), "{told}");
    // Something that is past its end, and nobody removes it: no server runs.
    assert_eq!(server.stop(), Some(0));
    store.tamper("UPDATE container SET kind = 8, trim_due = 0 WHERE kind = 1");
    let mut command = crate::server::likeness();
    command.args(["privacy-report", "--live"]).env("LIKENESS_DATA", store.data());
    if let TestStore::Database(site) = store {
        command.env("LIKENESS_STORE", &site.store);
    }
    let output = crate::server::run(&mut command);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.code() == Some(1) && told.contains("Overdue: 1."), "{told}");
}
