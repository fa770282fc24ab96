//! Recordings of captures: kept only where the operator, the app server and the person agree, and measured by `likeness pad evaluate`.

use crate::liveness::{PLAIN, asked, created};
use crate::pad::{capture, person};
use crate::server::{TestServer, demo_file, likeness, run};
use likeness_device::{Address, Attack, Client, Device, Honest, Tamper};
use serde_json::{Value, json};
use std::path::Path;

fn wanted(record: &Value) -> Value {
    json!({ "livenessOperationMode": "PassiveActive", "deviceCorrelationId": "d", "likeness": { "record": record } })
}

/// A session that asks for a recording, and an attempt in it.
fn captured(server: &TestServer, seed: u64, agrees: bool, tamper: &mut dyn Tamper) -> Value {
    let (session, token) =
        created(server, PLAIN, &wanted(&json!({ "presentation": "live", "subject": "p07", "light": "office" })));
    let device = Device { recording: agrees, ..Device::default() };
    let client = Client::new(Address::parse(server.address()).expect("an address"), &token).with_device(device);
    drop(capture(&client, &mut person(seed), tamper));
    server.call("GET", &format!("{PLAIN}/{session}")).body["results"]["attempts"][0].clone()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Its own thread gives a recording its name.
fn kept(folder: &Path) -> Vec<String> {
    for _ in 0..100 {
        let names = names(folder);
        if !names.is_empty() && names.iter().all(|name| !name.starts_with('.')) {
            return names;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    names(folder)
}

#[test]
fn without_a_folder_of_the_operator_none_can_be_asked_for() {
    let server = TestServer::new();
    let refused = server.json("POST", PLAIN, &wanted(&json!({ "presentation": "live", "subject": "p07" })));
    assert_eq!(refused.status, 400, "{refused:?}");
    assert!(
        refused.body["error"]["message"].as_str().expect("a message").contains("LIKENESS_PAD_RECORDINGS"),
        "{refused:?}"
    );
}

#[test]
fn a_recording_is_kept_where_all_three_agree_and_is_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("text");
    let server = TestServer::with(&[("LIKENESS_PAD_RECORDINGS", path)]);
    for wrong in [
        json!("x"),
        json!({}),
        json!({ "presentation": "live", "subject": "../p" }),
        json!({ "presentation": "a", "subject": "b", "light": 5 }),
    ] {
        assert_eq!(server.json("POST", PLAIN, &wanted(&wrong)).status, 400, "{wrong}");
    }
    // Nobody asked for it; the person did not agree; the person gave up.
    let (_, token) = created(&server, PLAIN, &asked());
    let device = Device { recording: true, ..Device::default() };
    let client = Client::new(Address::parse(server.address()).expect("an address"), &token).with_device(device);
    drop(capture(&client, &mut person(0), &mut Attack::Cancel.attacker()));
    assert_eq!(captured(&server, 0, false, &mut Attack::WrongEnd.attacker())["attemptStatus"], json!("Failed"));
    assert_eq!(captured(&server, 0, true, &mut Attack::Cancel.attacker())["attemptStatus"], json!("Canceled"));
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(names(folder.path()), Vec::<String>::new());

    // A machine that has no time for a person's frames keeps none either, and the attempt is made again.
    let attempt = (1..5)
        .map(|seed| captured(&server, seed, true, &mut Honest))
        .find(|attempt| attempt["attemptStatus"] == json!("Succeeded"));
    let attempt = attempt.expect("one of four has a decision");
    let kept = kept(folder.path());
    assert!(kept.iter().all(|name| name.starts_with("live_p07_office_")), "{kept:?}");

    std::fs::write(folder.path().join("groups.csv"), "person,age\np07,young\n").expect("a file");
    let groups = folder.path().join("groups.csv");
    let page = folder.path().join("pad.html");
    let evaluate = |more: &[&str]| run(likeness().args(["pad", "evaluate", path]).args(more));
    let output =
        evaluate(&["--json", "--groups", groups.to_str().expect("text"), "--page", page.to_str().expect("text")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let count = json!(kept.len());
    assert_eq!((&report["people"]["presentations"], &report["askedOtherwise"]), (&count, &json!(0)), "{report}");
    assert_eq!(report["groupings"][0]["groups"][0]["name"], json!("young"), "{report}");
    assert_eq!(report["peopleByLight"][0]["name"], json!("office"));
    assert!(report.get("about").is_none(), "it is not simulated, as far as anybody said");
    // What the server decided is what comes of the recording.
    let is_real = attempt["result"]["livenessDecision"] == json!("realface");
    assert_eq!(report["people"]["real"].as_u64() >= Some(1), is_real, "{report} {attempt}");
    let page = std::fs::read_to_string(page).expect("a page");
    assert!(page.contains("BPCER") && page.contains("<svg") && !page.contains("p07"), "{page}");

    // What is damaged is named, and the rest is counted.
    let frame = folder.path().join(&kept[0]).join("00001.jpg");
    std::fs::write(&frame, b"none").expect("a file");
    let output = evaluate(&["--no-page"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&kept[0]), "{}", String::from_utf8_lossy(&output.stderr));
    let nothing = tempfile::tempdir().expect("a folder");
    let output = run(likeness().args(["pad", "evaluate", "--no-page"]).arg(nothing.path()));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("pad record"),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_matrix_keeps_what_evaluate_plays_and_says_that_it_is_simulated() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = folder.path().join("kept");
    let kept = kept.to_str().expect("text");
    let photo = demo_file(1);
    let matrix = run(likeness()
        .args(["pad", "matrix", "--seeds", "1", "--only", "live", "--only", "print", "--json", "--keep", kept])
        .arg(photo));
    assert!(matrix.status.success(), "{}", String::from_utf8_lossy(&matrix.stderr));
    let output = run(likeness().args(["pad", "evaluate", "--json", "--no-page", kept]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let [cells, report]: [Value; 2] =
        [matrix, output].map(|output| serde_json::from_slice(&output.stdout).expect("JSON"));
    assert!(report["about"].as_str().is_some_and(|about| about.contains("says nothing on people")), "{report}");
    // The same frames lead to the same end.
    let cells = cells["cells"].as_array().expect("cells");
    let sum = |presentation: &str, what: &str| -> u64 {
        let of = cells.iter().filter(|cell| cell["presentation"] == json!(presentation));
        of.map(|cell| cell["tally"][what].as_u64().expect("a count")).sum()
    };
    for what in ["presentations", "real", "spoof", "uncertain"] {
        assert_eq!(report["people"][what].as_u64(), Some(sum("live", what)), "{what}: {report}");
        assert_eq!(report["species"][0]["tally"][what].as_u64(), Some(sum("print", what)), "{what}: {report}");
    }
    // A matrix is not written over another one.
    let again =
        run(likeness().args(["pad", "matrix", "--seeds", "1", "--only", "print", "--keep", kept]).arg(demo_file(1)));
    assert!(!again.status.success());
}
