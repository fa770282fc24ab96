//! What was acknowledged is there after the worst stop.

use crate::server::{TestServer, demo, likeness, run, target};
use serde_json::json;

#[test]
fn a_kill_between_acknowledged_writes_loses_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut server = TestServer::over(&data, &[]);
    assert_eq!(
        server.json("PUT", "persongroups/g", &json!({ "name": "g", "recognitionModel": "recognition_04" })).status,
        200
    );
    let face = server.detect(&demo(1)).remove(0);
    let mut persons = Vec::new();
    let mut faces = Vec::new();
    let mut deleted = Vec::new();
    for round in 0..4 {
        for number in 0..6 {
            let person = server.json("POST", "persongroups/g/persons", &json!({ "name": format!("{round}.{number}") }));
            persons.push(person.body["personId"].as_str().expect("an id").to_owned());
        }
        let owner = persons.last().expect("a person").clone();
        let path = format!("persongroups/g/persons/{owner}/persistedfaces?targetFace={}", target(&face));
        let added = server.picture(&path, &demo(1));
        assert_eq!(added.status, 200, "{added:?}");
        faces.push((owner, added.body["persistedFaceId"].as_str().expect("an id").to_owned()));
        let gone = persons.remove(0);
        assert_eq!(server.call("DELETE", &format!("persongroups/g/persons/{gone}")).status, 200);
        deleted.push(gone);
        // No farewell: the very next thing after an acknowledgement is the end.
        server.kill();
        server = TestServer::over(&data, &[]);
        for person in &persons {
            assert_eq!(
                server.call("GET", &format!("persongroups/g/persons/{person}")).status,
                200,
                "round {round}: lost a person"
            );
        }
        for (person, face) in &faces {
            let path = format!("persongroups/g/persons/{person}/persistedfaces/{face}");
            assert_eq!(server.call("GET", &path).status, 200, "round {round}: lost a face");
        }
        for person in &deleted {
            assert_eq!(
                server.call("GET", &format!("persongroups/g/persons/{person}")).status,
                404,
                "round {round}: a ghost"
            );
        }
    }
    // The faces are still found, and so is a training that the kill cut off.
    assert_eq!(server.train("persongroups/g")["status"], "succeeded");
    let probe = server.detect(&demo(1)).remove(0);
    let answer = server.json(
        "POST",
        "identify",
        &json!({ "faceIds": [probe["faceId"]], "personGroupId": "g", "maxNumOfCandidatesReturned": 10 }),
    );
    let found = answer.body[0]["candidates"].as_array().expect("candidates").len();
    assert_eq!(found, faces.len(), "{answer:?}");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_training_that_was_cut_off_ends_after_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut server = TestServer::over(&data, &[]);
    assert_eq!(server.json("PUT", "largefacelists/l", &json!({ "name": "l" })).status, 200);
    assert_eq!(server.call("POST", "largefacelists/l/train").status, 202);
    server.kill();
    let server = TestServer::over(&data, &[]);
    for _ in 0..100 {
        let status = server.call("GET", "largefacelists/l/training");
        if status.body["status"] == "succeeded" {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the training never ended");
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let server = TestServer::new();
    let mut second = likeness();
    second.args(["serve", "--listen", "127.0.0.1:0"]).env("LIKENESS_DATA", &server.data);
    let output = run(&mut second);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("another server serves"), "{said}");
    assert_eq!(server.call("GET", "persongroups").status, 200);
}
