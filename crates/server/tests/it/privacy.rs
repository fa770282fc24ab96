//! The report that a data-protection officer files: every promise tried against a running server.

use crate::stores::{TestStore, on_both_stores};
use serde_json::Value;

on_both_stores!(every_promise_is_tried_and_none_is_broken);

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
