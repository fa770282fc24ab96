//! Attested apps: a program of the operator's decides, in time or not at all.

use crate::liveness::{PLAIN, created};
use crate::pad::{capture, person};
use crate::server::{TestServer, likeness, run};
use likeness_device::{Address, Client, Device, Honest, Way};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Says yes to one key and one piece of evidence, hangs on another, and notes what it was asked. `evidence` is "mine" in base64url.
const PROGRAM: &str = r#"#!/bin/sh
read -r asked
echo "$asked" >> "$(dirname "$0")/asked"
[ -z "$LIKENESS_KEY1" ] || exit 9
case "$asked" in
  *'"keyId":"slow"'*) sleep 60 ;;
  *'"keyId":"ours"'*'"evidence":"bWluZQ"'*) exit 0 ;;
esac
exit 1
"#;

fn program() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("check-app");
    std::fs::write(&file, PROGRAM).expect("a file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("it may run");
    (folder, file)
}

/// An attempt of an app with a key, until there is a decision or a code that is not the machine's fault.
fn attempt(server: &TestServer, key: &str, evidence: &'static [u8], wanted: &Value, way: Way) -> Value {
    let device = Device { app: Some((key.to_owned(), Arc::new(move |_| evidence.to_vec()))), ..Device::default() };
    let mut seen = Vec::new();
    for seed in 0..4 {
        let (session, token) = created(server, PLAIN, wanted);
        let client = Client::new(Address::parse(server.address()).expect("an address"), &token);
        let client = client.with_device(device.clone()).by(way);
        drop(capture(&client, &mut person(seed), &mut Honest));
        let read = server.call("GET", &format!("{PLAIN}/{session}")).body["results"]["attempts"][0].clone();
        let code = read["error"]["code"].as_str().unwrap_or_default();
        if read["result"]["livenessDecision"] == json!("realface") || code == "AssuranceTooLow" {
            return read;
        }
        seen.push(read);
    }
    panic!("{seen:?}");
}

#[test]
fn a_program_of_the_operator_says_whether_an_app_is_theirs() {
    let (folder, file) = program();
    let server = TestServer::with(&[
        ("LIKENESS_ATTESTATION_PROGRAM", file.to_str().expect("text")),
        ("LIKENESS_CAPTURES", "32"),
    ]);
    let plain = json!({ "livenessOperationMode": "PassiveActive", "deviceCorrelationId": "d" });
    let mut strict = plain.clone();
    strict["likeness"] = json!({ "minimumAssurance": "L2" });
    let assurance = |read: &Value| read["result"]["likeness"]["assurance"].clone();

    for way in [Way::Socket, Way::Requests] {
        assert_eq!(assurance(&attempt(&server, "ours", b"mine", &strict, way)), json!("L2a"), "{way:?}");
    }
    assert_eq!(assurance(&attempt(&server, "ours", b"other", &plain, Way::Socket)), json!("L0"));
    assert_eq!(attempt(&server, "other", b"mine", &strict, Way::Socket)["error"]["code"], json!("AssuranceTooLow"));

    // One that hangs costs three seconds, and no verdict.
    let begun = Instant::now();
    assert_eq!(assurance(&attempt(&server, "slow", b"mine", &plain, Way::Socket)), json!("L0"));
    assert!(begun.elapsed() < Duration::from_secs(300));

    let asked = std::fs::read_to_string(folder.path().join("asked")).expect("it was asked");
    let first: Value = serde_json::from_str(asked.lines().next().expect("a line")).expect("JSON");
    for name in ["account", "sessionId", "attempt", "keyId", "statement", "evidence"] {
        assert!(first.get(name).is_some(), "{name}: {first}");
    }
}

#[test]
fn a_program_that_is_not_there_is_refused_at_the_start() {
    let output = run(likeness().args(["config", "check"]).env("LIKENESS_ATTESTATION_PROGRAM", "/nowhere/check-app"));
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("LIKENESS_ATTESTATION_PROGRAM"));
}
