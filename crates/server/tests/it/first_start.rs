//! The first minutes with Likeness: start, keys, doctor, and what happens when the key is not the right one.

use crate::server::{KEY1, KEY2, OPERATOR, TestServer, likeness, run};
use std::os::unix::fs::PermissionsExt;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn keys_are_printed_once_and_shown_again_on_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let first = TestServer::over(&data, &[]);
    let said = first.said.join("\n");
    assert!(said.contains(KEY1) && said.contains(KEY2) && said.contains(OPERATOR) && said.contains("curl"), "{said}");
    let shown = run(likeness().args(["keys", "show"]).env("LIKENESS_DATA", &data));
    assert_eq!(text(&shown.stdout), format!("key1  {KEY1}\nkey2  {KEY2}\noperator  {OPERATOR}\n"));
    let mode = std::fs::metadata(data.join("installation.key")).expect("the key is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(first.stop(), Some(0));

    let second = TestServer::over(&data, &[("LIKENESS_KEY1", "another-key-for-the-same-data")]);
    assert!(!second.said.join("\n").contains("key1"), "{:?}", second.said);
    assert_eq!(second.call("GET", "facelists").status, 200);
}

#[test]
fn made_keys_are_long_and_differ() {
    let server = TestServer::with(&[("LIKENESS_KEY1", ""), ("LIKENESS_KEY2", ""), ("LIKENESS_OPERATOR_KEY", "")]);
    let shown = run(likeness().args(["keys", "show"]).env("LIKENESS_DATA", &server.data));
    let keys: Vec<String> =
        text(&shown.stdout).lines().map(|line| line.split_once("  ").expect("a name and a key").1.to_owned()).collect();
    let differ: std::collections::HashSet<&String> = keys.iter().collect();
    assert!(keys.len() == 3 && differ.len() == 3 && keys.iter().all(|key| key.len() == 64), "{} keys", keys.len());
}

#[test]
fn a_key_that_does_not_belong_to_the_data_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let [here, there] = ["here", "there"].map(|name| folder.path().join(name));
    for data in [&here, &there] {
        assert_eq!(TestServer::over(data, &[]).stop(), Some(0));
    }
    let serve = |key: &std::path::Path| {
        run(likeness()
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("LIKENESS_DATA", &here)
            .env("LIKENESS_KEY_FILE", key))
    };
    let wrong = serve(&there.join("installation.key"));
    assert!(!wrong.status.success());
    assert!(text(&wrong.stderr).contains("does not belong"), "{}", text(&wrong.stderr));
    let missing = serve(&folder.path().join("nowhere.key"));
    assert!(!missing.status.success());
    assert!(text(&missing.stderr).contains("LIKENESS_KEY_FILE"), "{}", text(&missing.stderr));
    std::fs::set_permissions(here.join("installation.key"), std::fs::Permissions::from_mode(0o644)).expect("a mode");
    let open = serve(&here.join("installation.key"));
    assert!(text(&open.stderr).contains("chmod 600"), "{}", text(&open.stderr));
}

#[test]
fn doctor_tells_the_engine_and_warns_of_a_key_beside_the_data() {
    let server = TestServer::new();
    let doctor = |settings: &[(&str, &str)]| {
        let output = run(likeness()
            .args(["doctor", "--deep"])
            .env("LIKENESS_DATA", &server.data)
            .envs(settings.iter().copied()));
        (output.status.success(), text(&output.stdout))
    };
    let (good, said) = doctor(&[]);
    assert!(
        good && said.contains("onnxruntime") && said.contains("warn  the key file lies in the data folder"),
        "{said}"
    );
    assert!(said.contains("ok    liveness captures: ") && said.contains("the median of 15"), "{said}");
    let (good, said) = doctor(&[("LIKENESS_ONNXRUNTIME", "/nowhere/libonnxruntime.so")]);
    assert!(good && said.contains("ONNX Runtime is not available") && said.contains("slower"), "{said}");
    let (good, said) =
        doctor(&[("LIKENESS_ENGINE", "onnxruntime"), ("LIKENESS_ONNXRUNTIME", "/nowhere/libonnxruntime.so")]);
    assert!(!good && said.contains("BAD"), "{said}");
}

#[test]
fn missing_packs_are_named_with_the_way_to_get_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(likeness()
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("LIKENESS_CACHE", folder.path())
        .env("LIKENESS_DATA", folder.path().join("d")));
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("likeness models install"), "{}", text(&output.stderr));
}

#[test]
fn https_with_the_development_authority() {
    let server = TestServer::with(&[("LIKENESS_DEV_TLS", "1"), ("LIKENESS_TLS_LISTEN", "127.0.0.1:0")]);
    let line = server.said.iter().find(|line| line.contains("https://")).expect("the address is told");
    let address = line.split_whitespace().find(|word| word.starts_with("https://")).expect("an address");
    let authority = std::fs::read(server.data.join("tls/development-ca.pem")).expect("the authority is written");
    let trusted = reqwest::Certificate::from_pem(&authority).expect("a certificate");
    let get = |client: reqwest::blocking::ClientBuilder| {
        client.no_proxy().build().expect("a client").get(format!("{address}/healthz")).send()
    };
    drop(rustls::crypto::ring::default_provider().install_default());
    let trusting = get(reqwest::blocking::Client::builder().tls_certs_only([trusted]));
    assert_eq!(trusting.expect("the certificate is trusted").status().as_u16(), 200);
    assert!(get(reqwest::blocking::Client::builder()).is_err(), "a stranger must not trust it");
}

#[test]
fn settings_are_checked_and_printed() {
    let good = run(likeness().args(["config", "check"]).env("LIKENESS_WORKERS", "3"));
    assert!(good.status.success() && text(&good.stdout).contains("workers = 3"), "{}", text(&good.stdout));
    let bad = run(likeness().args(["config", "check"]).env("LIKENESS_LISTEN", "here"));
    assert!(!bad.status.success() && text(&bad.stderr).contains("LIKENESS_LISTEN"), "{}", text(&bad.stderr));
}
