//! Rows 1 to 56 of the checklist, each once with success, under every version string, in the shapes of that version.

use crate::server::{Answer, TestServer, demo, target};
use serde_json::{Value, json};

pub(crate) const VERSIONS: [&str; 6] =
    ["v1.0", "v1.0-preview", "v1.1-preview.1", "v1.2-preview.1", "v1.2", "v1.3-preview.1"];

/// One version of the API and the operations seen to succeed under it.
pub(crate) struct Visit<'a> {
    pub(crate) server: &'a TestServer,
    version: &'a str,
    pub(crate) rows: std::collections::BTreeSet<u16>,
}

impl<'a> Visit<'a> {
    pub(crate) fn new(server: &'a TestServer, version: &'a str) -> Self {
        Self { server, version, rows: Default::default() }
    }

    pub(crate) fn path(&self, path: &str) -> String {
        format!("/face/{}/{path}", self.version)
    }

    pub(crate) fn seen(&mut self, row: u16, answer: Answer, status: u16) -> Answer {
        assert_eq!(answer.status, status, "row {row} under {}: {answer:?}", self.version);
        self.rows.insert(row);
        answer
    }

    pub(crate) fn json(&mut self, row: u16, method: &str, path: &str, body: &Value) -> Answer {
        let answer = self.server.json(method, &self.path(path), body);
        self.seen(row, answer, 200)
    }

    pub(crate) fn call(&mut self, row: u16, method: &str, path: &str) -> Answer {
        let answer = self.server.call(method, &self.path(path));
        self.seen(row, answer, 200)
    }

    fn picture(&mut self, row: u16, path: &str) -> Answer {
        let answer = self.server.picture(&self.path(path), &demo(1));
        self.seen(row, answer, 200)
    }

    /// Trains and waits; rows of the two routes.
    fn train(&mut self, rows: [u16; 2], container: &str) {
        let answer = self.server.call("POST", &self.path(&format!("{container}/train")));
        let answer = self.seen(rows[0], answer, 202);
        assert_eq!(answer.body, Value::Null);
        let location = answer.header("operation-location").expect("an address").to_owned();
        assert_eq!(location, format!("{}{}", self.server.address, self.path(&format!("{container}/training"))));
        for _ in 0..600 {
            let status = self.call(rows[1], "GET", &format!("{container}/training")).body;
            for date in ["createdDateTime", "lastActionDateTime", "lastSuccessfulTrainingDateTime"] {
                assert!(status.get(date).is_some(), "{date} is missing: {status}");
            }
            match status["status"].as_str() {
                Some("succeeded") => return,
                Some("running") => {}
                Some("notstarted") => assert_eq!(self.version, "v1.0"),
                Some("notStarted") => assert_ne!(self.version, "v1.0"),
                other => panic!("status {other:?}"),
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        panic!("the training of {container} did not end");
    }
}

#[test]
fn every_row_succeeds_under_every_version() {
    let server = TestServer::new();
    for version in VERSIONS {
        let mut visit = Visit::new(&server, version);
        let detected = visit.picture(1, "Detect?recognitionModel=recognition_03&returnFaceId=True").body;
        let faces: Vec<Value> = detected.as_array().expect("faces").clone();
        let ids: Vec<Value> = faces.iter().map(|face| face["faceId"].clone()).collect();
        let chosen = target(&faces[0]);
        visit.json(2, "POST", "findSimilars", &json!({ "faceId": ids[0], "faceIds": ids }));
        visit.json(3, "POST", "group", &json!({ "faceIds": ids }));
        visit.json(5, "POST", "verify", &json!({ "FACEID1": ids[0], "faceId2": ids[1] }));

        containers(&mut visit, "facelists/l", "faceListId", [6, 7, 8, 10]);
        let added = visit.picture(11, &format!("faceLists/l/persistedFaces?targetFace={chosen}&userData=one%20face"));
        let face = added.id("persistedFaceId");
        let list = visit.call(7, "GET", "facelists/l").body;
        assert_eq!(list["persistedFaces"], json!([{ "persistedFaceId": face, "userData": "one face" }]));
        let similar = visit.json(2, "POST", "findsimilars", &json!({ "faceId": ids[0], "faceListId": "l" })).body;
        assert_eq!(similar[0]["persistedFaceId"], face.as_str());
        visit.call(12, "DELETE", &format!("facelists/l/persistedfaces/{face}"));
        visit.call(9, "DELETE", "facelists/l");

        containers(&mut visit, "largefacelists/l", "largeFaceListId", [13, 14, 15, 17]);
        let added = visit.picture(20, &format!("largefacelists/l/persistedfaces?targetFace={chosen}"));
        let face = added.id("persistedFaceId");
        assert_eq!(
            visit.call(21, "GET", "largefacelists/l/persistedfaces?top=5").body[0]["persistedFaceId"],
            face.as_str()
        );
        let path = format!("largefacelists/l/persistedfaces/{face}");
        visit.json(23, "PATCH", &path, &json!({ "userData": "changed" }));
        assert_eq!(visit.call(22, "GET", &path).body, json!({ "persistedFaceId": face, "userData": "changed" }));
        visit.train([18, 19], "largefacelists/l");
        let similar = visit.json(2, "POST", "findsimilars", &json!({ "faceId": ids[0], "largeFaceListId": "l" })).body;
        assert_eq!(similar[0]["persistedFaceId"], face.as_str());
        visit.call(24, "DELETE", &path);
        visit.call(16, "DELETE", "largefacelists/l");

        group(&mut visit, "persongroups/g", "personGroupId", 25, &ids, &chosen);
        group(&mut visit, "largepersongroups/g", "largePersonGroupId", 41, &ids, &chosen);
        assert_eq!(visit.rows, (1..=56).collect(), "under {version}");
    }
}

/// Create, read, change and list; rows in that order.
fn containers(visit: &mut Visit<'_>, path: &str, property: &str, rows: [u16; 4]) {
    let (kind, name) = path.split_once('/').expect("kind and id");
    let body = json!({ "name": "n", "userData": "u", "recognitionModel": "recognition_03" });
    let created = visit.json(rows[0], "PUT", path, &body);
    assert_eq!(created.body, Value::Null);
    let shown = visit.call(rows[1], "GET", &format!("{path}?returnRecognitionModel=true")).body;
    let mut expected = json!({ "name": "n", "userData": "u", "recognitionModel": "recognition_03" });
    expected[property] = json!(name);
    if kind == "facelists" {
        expected["persistedFaces"] = json!([]);
    }
    assert_eq!(shown, expected);
    visit.json(rows[2], "PATCH", path, &json!({ "name": "renamed" }));
    let listed = visit.call(rows[3], "GET", kind).body;
    let mut expected = json!({ "name": "renamed", "userData": "u" });
    expected[property] = json!(name);
    assert_eq!(listed, json!([expected]));
}

/// The sixteen rows of a kind of person group, from its first.
fn group(visit: &mut Visit<'_>, path: &str, property: &str, first: u16, ids: &[Value], chosen: &str) {
    let row = |offset: u16| first + offset;
    containers(visit, path, property, [row(0), row(1), row(2), row(4)]);
    let person = visit.json(row(7), "POST", &format!("{path}/persons"), &json!({ "name": "p", "userData": "u" }));
    let person = person.id("personId");
    let at_person = format!("{path}/persons/{person}");
    let added = visit.picture(row(12), &format!("{at_person}/persistedfaces?targetFace={chosen}&userData=f"));
    let face = added.id("persistedFaceId");
    let expected = json!({ "personId": person, "name": "p", "userData": "u", "persistedFaceIds": [face] });
    assert_eq!(visit.call(row(9), "GET", &at_person).body, expected);
    assert_eq!(visit.call(row(8), "GET", &format!("{path}/persons")).body, json!([expected]));
    visit.json(row(10), "PATCH", &at_person, &json!({ "name": "q" }));
    let at_face = format!("{at_person}/persistedfaces/{face}");
    assert_eq!(visit.call(row(13), "GET", &at_face).body, json!({ "persistedFaceId": face, "userData": "f" }));
    visit.json(row(14), "PATCH", &at_face, &json!({ "userData": "g" }));
    visit.train([row(5), row(6)], path);
    let mut body = json!({ "faceIds": ids });
    body[property] = json!("g");
    let found = visit.json(4, "POST", "identify", &body).body;
    assert_eq!(found[0]["candidates"][0]["personId"], person.as_str());
    assert_eq!(found[1]["candidates"], json!([]));
    let mut body = json!({ "faceId": ids[0], "personId": person });
    body[property] = json!("g");
    assert_eq!(visit.json(5, "POST", "verify", &body).body["isIdentical"], true);
    // A face that was added after the training is not seen before the next one.
    let late = visit.json(row(7), "POST", &format!("{path}/persons"), &json!({ "name": "late" }));
    let late = late.id("personId");
    visit.picture(row(12), &format!("{path}/persons/{late}/persistedfaces?targetFace={chosen}"));
    let mut body = json!({ "faceIds": [ids[0]], "maxNumOfCandidatesReturned": 5 });
    body[property] = json!("g");
    let candidates =
        |visit: &mut Visit<'_>| visit.json(4, "POST", "identify", &body).body[0]["candidates"].as_array().map(Vec::len);
    assert_eq!(candidates(visit), Some(1));
    visit.train([row(5), row(6)], path);
    assert_eq!(candidates(visit), Some(2));
    visit.call(row(15), "DELETE", &at_face);
    assert_eq!(candidates(visit), Some(1), "a deleted face vanishes at once");
    visit.call(row(11), "DELETE", &at_person);
    visit.call(row(3), "DELETE", path);
}

#[test]
fn the_training_of_a_group_called_trainees_is_found_where_the_answer_says() {
    let server = TestServer::new();
    assert_eq!(server.json("PUT", "largefacelists/trainees", &json!({ "name": "n" })).status, 200);
    let started = server.call("POST", "largefacelists/trainees/train");
    let location = started.header("operation-location").expect("an address").to_owned();
    let path = location.strip_prefix(&server.address).expect("an address of this server");
    assert_eq!(server.call("GET", path).status, 200, "{location}");
}

#[test]
fn pages_ascend_and_continue() {
    let server = TestServer::new();
    for number in 0..7 {
        assert_eq!(server.json("PUT", &format!("persongroups/g{number}"), &json!({ "name": "n" })).status, 200);
    }
    let page = |query: &str| -> Vec<String> {
        let answer = server.call("GET", &format!("persongroups?{query}"));
        let ids = answer
            .body
            .as_array()
            .expect("groups")
            .iter()
            .map(|group| group["personGroupId"].as_str().expect("an id").to_owned());
        ids.collect()
    };
    assert_eq!(page("top=3"), ["g0", "g1", "g2"]);
    assert_eq!(page("top=3&start=g2"), ["g3", "g4", "g5"]);
    assert_eq!(page("top=3&start=g5"), ["g6"]);
    assert_eq!(page("start=g45"), ["g5", "g6"]);
    assert_eq!(page("start=zz"), Vec::<String>::new());
    assert_eq!(page("top=").len(), 7);
}
