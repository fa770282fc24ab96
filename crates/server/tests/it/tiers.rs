//! Tiers: what an account may hold and how fast it may call. Refusals leave nothing behind.

use crate::server::{Answer, TestServer, demo, target};
use serde_json::json;

#[test]
fn calls_beyond_the_rate_are_told_when_to_come_back() {
    let server = TestServer::with(&[("LIKENESS_TIER", "F0")]);
    let ask = || Answer::read(server.request("GET", "persongroups").send().expect("the server answers"));
    let answers: Vec<Answer> = (0..25).map(|_| ask()).collect();
    // Twenty at once, and one more for every three seconds that the loop took.
    let admitted = answers.iter().take_while(|answer| answer.status == 200).count();
    assert!((20..25).contains(&admitted), "{admitted}");
    let refused = &answers[admitted];
    assert_eq!((refused.status, refused.code()), (429, "429"));
    let seconds: u32 = refused.header("retry-after").expect("when to come back").parse().expect("seconds");
    assert!((1..=3).contains(&seconds), "{seconds}");
    // A wrong key is refused as such whatever the rate: it is checked first.
    let wrong = Answer::read(server.bare("GET", "persongroups").send().expect("the server answers"));
    assert_eq!(wrong.status, 401);
}

#[test]
fn the_65th_face_list_is_one_too_many() {
    let server = TestServer::with(&[("LIKENESS_TIER", "S0")]);
    let body = json!({ "name": "list", "recognitionModel": "recognition_04" });
    for number in 0..64 {
        assert_eq!(server.json("PUT", &format!("facelists/list-{number}"), &body).status, 200);
    }
    let refused = server.json("PUT", "facelists/one-more", &body);
    assert_eq!((refused.status, refused.code()), (403, "QuotaExceeded"));
    assert_eq!(server.call("GET", "facelists/one-more").status, 404);
    assert_eq!(server.call("DELETE", "facelists/list-7").status, 200);
    assert_eq!(server.json("PUT", "facelists/one-more", &body).status, 200);
}

#[test]
fn the_249th_face_of_a_person_is_one_too_many() {
    let server = TestServer::new();
    let model = json!({ "name": "g", "recognitionModel": "recognition_04" });
    assert_eq!(server.json("PUT", "persongroups/g", &model).status, 200);
    // A small picture of one face, so that 248 additions take seconds.
    let photo = crate::server::cut(&demo(6), &server.detect(&demo(6))[0], 160);
    let face = &server.detect(&photo)[0];
    for (persons, below, done) in
        [("persongroups/g/persons", "", 200), ("persons", "/recognitionModels/recognition_04", 202)]
    {
        let person = server.json("POST", persons, &json!({ "name": "p" })).id("personId");
        let path = format!("{persons}/{person}{below}/persistedfaces");
        for _ in 0..248 {
            let added = server.picture(&format!("{path}?targetFace={}", target(face)), &photo);
            assert_eq!(added.status, done, "{added:?}");
        }
        let refused = server.picture(&path, &photo);
        assert_eq!((refused.status, refused.code()), (403, "QuotaExceeded"), "{path}");
        let held = if below.is_empty() { format!("{persons}/{person}") } else { path };
        let faces = server.call("GET", &held).body["persistedFaceIds"].clone();
        assert_eq!(faces.as_array().expect("faces").len(), 248);
    }
    // Of another model the person of the directory has none yet.
    let person = server.call("GET", "persons").body[0]["personId"].as_str().expect("an id").to_owned();
    let path = format!("persons/{person}/recognitionModels/recognition_03/persistedfaces");
    assert_eq!(server.picture(&path, &photo).status, 202);
}
