//! Two recognisers side by side: what was enrolled with the former one is answered by it, new containers take the present
//! one, and a missing pack is named in every report.

use crate::server::{Answer, OPERATOR, TestServer, cache, cut, demo, has_pack};
use crate::stores::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::path::Path;

const FORMER: &str = "likeness-default-1";
const PRESENT: &str = "likeness-default-2";
const BY_FORMER: (&str, &str) = ("LIKENESS_RECOGNISER_PACK", FORMER);

on_both_stores!(old_data_is_answered_by_the_recogniser_that_made_it);

/// Four people, one small picture each.
fn people(server: &TestServer) -> Vec<Vec<u8>> {
    server.detect(&demo(4)).iter().map(|face| cut(&demo(4), face, 120)).collect()
}

fn made(server: &TestServer, kind: &str, id: &str) {
    let container = json!({ "name": id, "recognitionModel": "recognition_04" });
    let answer = server.json("PUT", &format!("{kind}/{id}"), &container);
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn add(server: &TestServer, at: &str, photo: &[u8]) -> Answer {
    server.picture(&format!("{at}/persistedfaces?detectionModel=detection_03"), photo)
}

/// A person of a group, or of the directory, with one face.
fn enrolled(server: &TestServer, group: Option<&str>, name: &str, photo: &[u8]) -> String {
    let persons = group.map_or_else(|| "persons".to_owned(), |group| format!("persongroups/{group}/persons"));
    let person = server.json("POST", &persons, &json!({ "name": name })).id("personId");
    let at = match group {
        Some(_) => format!("{persons}/{person}"),
        None => format!("{persons}/{person}/recognitionModels/recognition_04"),
    };
    let added = add(server, &at, photo);
    assert!(matches!(added.status, 200 | 202), "{added:?}");
    person
}

fn face_id(server: &TestServer, photo: &[u8]) -> String {
    let faces = server.detect(photo);
    assert_eq!(faces.len(), 1, "{faces:?}");
    faces[0]["faceId"].as_str().expect("an id").to_owned()
}

fn asked(server: &TestServer, face: &str, among: Value) -> Answer {
    let mut question = among;
    question["faceIds"] = json!([face]);
    server.json("POST", "identify", &question)
}

/// The persons whom identify names.
fn named(server: &TestServer, face: &str, among: Value) -> Vec<String> {
    let answer = asked(server, face, among);
    assert_eq!(answer.status, 200, "{answer:?}");
    let candidates = answer.body[0]["candidates"].as_array().expect("candidates").iter();
    candidates.map(|candidate| candidate["personId"].as_str().expect("an id").to_owned()).collect()
}

fn said(server: &TestServer, body: &Value) -> bool {
    let answer = server.json("POST", "verify", body);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["isIdentical"].as_bool().expect("a verdict")
}

/// A pack and how many templates of it are stored.
type Count = (String, u64);

/// What the command line says of the recognisers, after making sure that the management API says the same.
fn held(server: &TestServer) -> Vec<Count> {
    let told: Value = serde_json::from_str(&server.cli(&["store", "recognisers", "--json"])).expect("JSON");
    let request = server.bare("GET", "/admin/v1/recognisers").header("Ocp-Apim-Subscription-Key", OPERATOR);
    assert_eq!(Answer::of(request).body, told);
    let row =
        |row: &Value| (row["pack"].as_str().expect("a pack").to_owned(), row["templates"].as_u64().expect("a count"));
    let mut rows: Vec<Count> = told.as_array().expect("rows").iter().map(row).collect();
    rows.sort();
    rows
}

/// The cache of the tests without one pack.
fn cache_without(pack: &str, folder: &Path) {
    let link = |from: &Path, to: &Path| std::os::unix::fs::symlink(from, to).expect("a link");
    let entries = |folder: &Path| std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    for entry in entries(&cache()).filter(|entry| entry.file_name() != "packs") {
        link(&entry.path(), &folder.join(entry.file_name()));
    }
    std::fs::create_dir(folder.join("packs")).expect("a folder");
    for entry in entries(&cache().join("packs")).filter(|entry| entry.file_name() != pack) {
        link(&entry.path(), &folder.join("packs").join(entry.file_name()));
    }
}

fn old_data_is_answered_by_the_recogniser_that_made_it(store: &TestStore) {
    if !has_pack("old_data_is_answered_by_the_recogniser_that_made_it", FORMER) {
        return;
    }
    let server = store.server(&[BY_FORMER]);
    let photos = people(&server);
    made(&server, "persongroups", "old");
    let (ada, bob) =
        (enrolled(&server, Some("old"), "Ada", &photos[0]), enrolled(&server, Some("old"), "Bob", &photos[1]));
    assert_eq!(server.train("persongroups/old")["status"], "succeeded");
    made(&server, "facelists", "old");
    assert_eq!(add(&server, "facelists/old", &photos[0]).status, 200);
    let resident = enrolled(&server, None, "Ada", &photos[0]);
    let everybody = json!({ "personIds": ["*"] });
    let (old_group, new_group) = (json!({ "personGroupId": "old" }), json!({ "personGroupId": "new" }));
    let before = face_id(&server, &photos[0]);
    assert_eq!(named(&server, &before, old_group.clone()), [&*ada]);
    assert_eq!(server.stop(), Some(0));
    // The tables as the version before left them.
    store.tamper("DROP INDEX face_space");
    store.tamper("DELETE FROM _sqlx_migrations WHERE version = 5");
    store.upgrade();

    let server = store.server(&[]);
    assert_eq!(held(&server), [(FORMER.to_owned(), 4)]);
    let probe = face_id(&server, &photos[0]);
    for face in [&before, &probe] {
        assert_eq!(named(&server, face, old_group.clone()), [&*ada]);
        assert_eq!(named(&server, face, everybody.clone()), [&*resident]);
        assert!(said(&server, &json!({ "faceId": face, "personId": ada, "personGroupId": "old" })));
        assert!(!said(&server, &json!({ "faceId": face, "personId": bob, "personGroupId": "old" })));
        let similar = server.json("POST", "findsimilars", &json!({ "faceId": face, "faceListId": "old" }));
        assert_eq!(similar.body.as_array().map(Vec::len), Some(1), "{similar:?}");
    }
    assert!(said(&server, &json!({ "faceId1": before, "faceId2": probe })));

    // A new group takes the present recogniser; the old one keeps its own also for what is added.
    made(&server, "persongroups", "new");
    let carol = enrolled(&server, Some("new"), "Carol", &photos[2]);
    let dave = enrolled(&server, Some("old"), "Dave", &photos[3]);
    assert_eq!(server.train("persongroups/new")["status"], "succeeded");
    assert_eq!(server.train("persongroups/old")["status"], "succeeded");
    assert_eq!(held(&server), [(FORMER.to_owned(), 5), (PRESENT.to_owned(), 1)]);
    let probes = [face_id(&server, &photos[2]), face_id(&server, &photos[3])];
    assert_eq!(named(&server, &probes[0], new_group.clone()), [&*carol]);
    assert!(named(&server, &probes[0], old_group.clone()).is_empty());
    assert_eq!(named(&server, &probes[1], old_group.clone()), [dave]);
    assert!(named(&server, &probes[1], new_group.clone()).is_empty());
    // What was detected before the change cannot be compared with what came after it, and the refusal says to detect again.
    let refused = asked(&server, &before, new_group.clone());
    assert_eq!((refused.status, refused.code()), (400, "BadArgument"), "{refused:?}");
    let message = refused.body["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains("recognitionModel"), "{message}");
    let doctor = server.try_cli(&["doctor"]);
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
    assert_eq!(server.stop(), Some(0));

    // Without the former pack the present one works on, and every report names the missing pack.
    let folder = tempfile::tempdir().expect("a folder");
    cache_without(FORMER, folder.path());
    let server = store.server(&[("LIKENESS_CACHE", folder.path().to_str().expect("a path"))]);
    let probe = face_id(&server, &photos[2]);
    assert_eq!(named(&server, &probe, new_group), [carol]);
    let refused = asked(&server, &probe, old_group);
    assert_eq!((refused.status, refused.code()), (400, "BadArgument"), "{refused:?}");
    let adding = add(&server, &format!("persongroups/old/persons/{ada}"), &photos[0]);
    assert_eq!(adding.status, 400, "{adding:?}");
    for answer in [refused, adding] {
        let message = answer.body["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.contains("likeness models install likeness-default-1"), "{message}");
    }
    let training = server.train("persongroups/old");
    assert_eq!(training["status"], "failed");
    assert!(training["message"].as_str().is_some_and(|why| why.contains(FORMER)), "{training}");
    assert_eq!(held(&server), [(FORMER.to_owned(), 5), (PRESENT.to_owned(), 1)]);
    let told = server.cli(&["store", "recognisers"]);
    assert!(
        told.contains("MISSING") && told.contains("5 template(s) need the model pack likeness-default-1"),
        "{told}"
    );
    let doctor = server.try_cli(&["doctor"]);
    let told = String::from_utf8_lossy(&doctor.stdout);
    assert!(!doctor.status.success() && told.contains("5 template(s) need the model pack"), "{told}");
}

/// While an installation is upgraded node by node, one node makes templates with the former recogniser and the other with
/// the present one.
#[test]
fn nodes_with_different_recognisers_share_one_database() {
    let test = "nodes_with_different_recognisers_share_one_database";
    if !has_pack(test, FORMER) {
        return;
    }
    let Some(store) = TestStore::database(test) else { return };
    let (old, new) = (store.server(&[BY_FORMER]), store.server(&[]));
    let photos = people(&old);
    made(&old, "persongroups", "old");
    made(&new, "persongroups", "new");
    let ada = enrolled(&old, Some("old"), "Ada", &photos[0]);
    let bob = enrolled(&new, Some("new"), "Bob", &photos[1]);
    // Each adds to the container of the other in the container's own space.
    let carol = enrolled(&new, Some("old"), "Carol", &photos[2]);
    let dave = enrolled(&old, Some("new"), "Dave", &photos[3]);
    for (server, group) in [(&old, "new"), (&new, "old")] {
        assert_eq!(server.train(&format!("persongroups/{group}"))["status"], "succeeded");
    }
    assert_eq!(held(&new), [(FORMER.to_owned(), 2), (PRESENT.to_owned(), 2)]);
    for (detecting, asking) in [(&old, &new), (&new, &old)] {
        let probes: Vec<String> = photos.iter().map(|photo| face_id(detecting, photo)).collect();
        for (group, members) in [("old", [(0, &ada), (2, &carol)]), ("new", [(1, &bob), (3, &dave)])] {
            for (number, person) in members {
                let found = named(asking, &probes[number], json!({ "personGroupId": group }));
                assert_eq!(found, [person.as_str()], "face {number} in {group}");
            }
        }
    }
}
