//! Rows 57 to 63 of the checklist: copies of lists and groups, in one account and between accounts.

use crate::lifecycle::{VERSIONS, Visit};
use crate::server::{Answer, OtherAccount, Refused, TestServer, demo, target};
use serde_json::{Value, json};

const ID: &str = "4f8a1f0e-2f51-4d55-8f0a-3f2f4f5f6f7f";

/// The id of the operation, from an answer under v1.0.
fn operation(server: &TestServer, answer: &Answer) -> String {
    answer.operation(&format!("{}/face/v1.0/operations/", server.address))
}

/// Takes a snapshot and gives its id.
fn take(server: &TestServer, kind: &str, id: &str, scope: &[&str]) -> String {
    let body = json!({ "type": kind, "objectId": id, "applyScope": scope, "userData": "remark" });
    let taken = server.json("POST", "snapshots", &body);
    let status = server.call("GET", &format!("operations/{}", operation(server, &taken))).body;
    let place = status["resourceLocation"].as_str().and_then(|place| place.strip_prefix("/snapshots/"));
    place.unwrap_or_else(|| panic!("no snapshot in {status}")).to_owned()
}

fn apply(to: &OtherAccount<'_>, snapshot: &str, id: &str) -> Answer {
    to.json("POST", &format!("snapshots/{snapshot}/apply"), &json!({ "objectId": id, "mode": "CreateNew" }))
}

/// Notes an accepted call and gives the place of what it made.
fn accepted(visit: &mut Visit<'_>, row: u16, answer: Answer) -> String {
    let answer = visit.seen(row, answer, 202);
    assert_eq!(answer.body, Value::Null);
    let below = format!("{}{}", visit.server.address, visit.path("operations/"));
    let id = answer.operation(&below);
    let status = visit.call(63, "GET", &format!("operations/{id}")).body;
    let (time, place) = (status["createdTime"].clone(), status["resourceLocation"].clone());
    let expected = json!({
        "status": "succeeded", "createdTime": time, "lastActionTime": time, "resourceLocation": place, "message": null,
    });
    assert_eq!(status, expected);
    place.as_str().expect("a place").to_owned()
}

#[test]
fn every_row_succeeds_under_every_version() {
    let server = TestServer::new();
    let account = server.account();
    let face = server.detect(&demo(1)).remove(0);
    assert_eq!(server.json("PUT", "facelists/l", &json!({ "name": "n", "userData": "u" })).status, 200);
    let path = format!("facelists/l/persistedfaces?targetFace={}&userData=f", target(&face));
    let face = server.picture(&path, &demo(1)).id("persistedFaceId");
    for version in VERSIONS {
        let mut visit = Visit::new(&server, version);
        let body = json!({ "type": "faceList", "objectId": "l", "applyScope": [account], "userData": "remark" });
        let taken = server.json("POST", &visit.path("snapshots"), &body);
        let place = accepted(&mut visit, 57, taken);
        let id = place.strip_prefix("/snapshots/").expect("a snapshot").to_owned();
        let at = format!("snapshots/{id}");
        let read = visit.call(59, "GET", &at).body;
        let time = read["createdTime"].clone();
        let mut expected = json!({
            "id": id, "account": account, "type": "FaceList", "applyScope": [account], "userData": "remark",
            "createdTime": time, "lastUpdateTime": time,
        });
        assert_eq!(read, expected);
        for (query, is_there) in [
            ("", true),
            ("?type=FaceList", true),
            ("?type=PersonGroup", false),
            (&*format!("?applyScope={ID},{account}"), true),
            (&*format!("?applyScope={ID}"), false),
        ] {
            let listed = visit.call(58, "GET", &format!("snapshots{query}")).body;
            assert_eq!(listed, if is_there { json!([expected]) } else { json!([]) }, "{query}");
        }
        assert_eq!(visit.json(60, "PATCH", &at, &json!({ "userData": "other" })).body, Value::Null);
        let read = visit.call(59, "GET", &at).body;
        expected["userData"] = json!("other");
        expected["lastUpdateTime"] = read["lastUpdateTime"].clone();
        assert_eq!(read, expected);

        let applied = server.json("POST", &visit.path(&format!("{at}/apply")), &json!({ "objectId": "copy" }));
        assert_eq!(accepted(&mut visit, 62, applied), "/facelists/copy");
        let copy = server.call("GET", "facelists/copy").body;
        let faces = json!([{ "persistedFaceId": face, "userData": "f" }]);
        assert_eq!(copy, json!({ "faceListId": "copy", "name": "n", "userData": "u", "persistedFaces": faces }));
        assert_eq!(visit.call(61, "DELETE", &at).body, Value::Null);
        assert_eq!(visit.call(58, "GET", "snapshots").body, json!([]));
        assert_eq!(server.call("DELETE", "facelists/copy").status, 200, "what was made of it stays");
        assert_eq!(visit.rows, (57..=63).collect(), "under {version}");
    }
}

#[test]
fn every_kind_goes_to_another_account_and_serves_there() {
    let server = TestServer::new();
    let other = server.other_account();
    let detected = server.detect(&demo(1));
    let chosen = target(&detected[0]);
    let model = json!({ "name": "n", "userData": "u", "recognitionModel": "recognition_04" });
    let groups = [("persongroups/g", "PersonGroup"), ("largepersongroups/g", "LargePersonGroup")];
    let lists = [("facelists/l", "FaceList"), ("largefacelists/l", "LargeFaceList")];
    let mut copied = Vec::new();
    for (path, kind) in groups {
        assert_eq!(server.json("PUT", path, &model).status, 200);
        let body = json!({ "name": "p", "userData": "about p" });
        let person = server.json("POST", &format!("{path}/persons"), &body).id("personId");
        let face = server.picture(&format!("{path}/persons/{person}/persistedfaces?targetFace={chosen}"), &demo(1));
        assert_eq!(face.status, 200);
        assert_eq!(server.train(path)["status"], "succeeded");
        // After the training: in the copy, but not visible there either.
        let late = server.json("POST", &format!("{path}/persons"), &json!({ "name": "late" })).id("personId");
        server.picture(&format!("{path}/persons/{late}/persistedfaces?targetFace={chosen}"), &demo(1));
        copied.push((path, take(&server, kind, "g", &[&other.id]), format!("{path}/persons"), Some(person)));
    }
    for (path, kind) in lists {
        assert_eq!(server.json("PUT", path, &model).status, 200);
        assert_eq!(server.picture(&format!("{path}/persistedfaces?targetFace={chosen}"), &demo(1)).status, 200);
        let contents = if kind == "FaceList" { path.to_owned() } else { format!("{path}/persistedfaces") };
        if kind == "LargeFaceList" {
            assert_eq!(server.train(path)["status"], "succeeded");
        }
        copied.push((path, take(&server, kind, "l", &[&other.id]), contents, None));
    }
    let probe = other.picture("detect?recognitionModel=recognition_04", &demo(1)).body[0]["faceId"].clone();
    for (path, snapshot, contents, person) in copied {
        let before = server.call("GET", &contents).body;
        // What becomes of the source does not matter any more.
        assert_eq!(server.call("DELETE", path).status, 200);
        let (_, id) = path.split_once('/').expect("kind and id");
        assert_eq!(apply(&other, &snapshot, id).status, 202, "{path}");
        assert_eq!(server.call("DELETE", &format!("snapshots/{snapshot}")).status, 200);
        assert_eq!(other.call("GET", &contents).body, before, "{path}");
        assert_eq!(server.call("GET", path).status, 404, "it came to the other account only");
        match person {
            Some(person) => {
                let property = if path.starts_with("large") { "largePersonGroupId" } else { "personGroupId" };
                let answer = other.json("POST", "identify", &json!({ "faceIds": [probe], (property): "g" }));
                let candidates = answer.body[0]["candidates"].as_array().expect("candidates");
                assert_eq!(candidates.len(), 1, "trained as the source was: {answer:?}");
                assert_eq!(candidates[0]["personId"], person.as_str());
                let status = other.call("GET", &format!("{path}/training")).body;
                assert_eq!(status["status"], "succeeded");
                let body = json!({ "faceId": probe, "personId": person, (property): "g" });
                assert_eq!(other.json("POST", "verify", &body).body["isIdentical"], true);
            }
            None => {
                let property = if path.starts_with("large") { "largeFaceListId" } else { "faceListId" };
                let answer = other.json("POST", "findsimilars", &json!({ "faceId": probe, (property): "l" }));
                assert_eq!(answer.body.as_array().map(Vec::len), Some(1), "{answer:?}");
            }
        }
    }
}

#[test]
fn every_refusal_has_its_status_and_code_and_strangers_find_nothing() {
    let server = TestServer::new();
    let account = server.account();
    let (friend, stranger) = (server.other_account(), server.other_account());
    assert_eq!(server.json("PUT", "persongroups/g", &json!({ "name": "n" })).status, 200);
    let snapshot = take(&server, "PersonGroup", "g", &[&friend.id]);
    let at = format!("snapshots/{snapshot}");
    let inventory = || {
        let mine = ["snapshots", "persongroups"].map(|path| server.call("GET", path).body);
        let theirs = ["snapshots", "persongroups"].map(|path| friend.call("GET", path).body);
        [mine, theirs]
    };
    let body = |kind: &str, id: &str, scope: Value| json!({ "type": kind, "objectId": id, "applyScope": scope });
    let row = |method: &'static str, path: &str, body: Value, status: u16, code: &'static str| {
        (method, path.to_owned(), body, status, code)
    };
    let rows: Vec<Refused> = vec![
        row("POST", "snapshots", json!({}), 400, "BadArgument"),
        row("POST", "snapshots", body("DynamicPersonGroup", "g", json!([account])), 400, "BadArgument"),
        row("POST", "snapshots", body("Snapshot", &snapshot, json!([account])), 400, "BadArgument"),
        row("POST", "snapshots", body("PersonGroup", "UPPER", json!([account])), 400, "BadArgument"),
        row("POST", "snapshots", body("PersonGroup", "g", json!([])), 400, "BadArgument"),
        row("POST", "snapshots", body("PersonGroup", "g", json!(["x"])), 400, "BadArgument"),
        row("POST", "snapshots", body("PersonGroup", "g", json!([account, ID])), 400, "BadArgument"),
        row("POST", "snapshots", body("PersonGroup", "g", Value::Null), 400, "BadArgument"),
        row("POST", "snapshots", body("PersonGroup", "no", json!([account])), 404, "PersonGroupNotFound"),
        row("POST", "snapshots", body("LargeFaceList", "g", json!([account])), 404, "LargeFaceListNotFound"),
        row("PATCH", &at, json!({}), 400, "BadArgument"),
        row("PATCH", &at, json!({ "applyScope": [ID] }), 400, "BadArgument"),
        row("PATCH", &at, json!({ "userData": "x".repeat(16_385) }), 400, "BadArgument"),
        row("PATCH", &format!("snapshots/{ID}"), json!({ "userData": "x" }), 404, "SnapshotNotFound"),
        row("POST", &format!("snapshots/{ID}/apply"), json!({ "objectId": "h" }), 404, "SnapshotNotFound"),
        row("POST", "snapshots/x/apply", json!({ "objectId": "h" }), 404, "SnapshotNotFound"),
        row("POST", &format!("{at}/apply"), json!({}), 400, "BadArgument"),
        row("POST", &format!("{at}/apply"), json!({ "objectId": "UPPER" }), 400, "BadArgument"),
        row("POST", &format!("{at}/apply"), json!({ "objectId": "h", "mode": "Replace" }), 400, "BadArgument"),
        // The taker is not in its scope.
        row("POST", &format!("{at}/apply"), json!({ "objectId": "h" }), 400, "BadArgument"),
        // without a body
        row("GET", &format!("snapshots/{ID}"), Value::Null, 404, "SnapshotNotFound"),
        row("DELETE", &format!("snapshots/{ID}"), Value::Null, 404, "SnapshotNotFound"),
        row("GET", "snapshots?type=x", Value::Null, 400, "BadArgument"),
        row("GET", "snapshots?applyScope=x", Value::Null, 400, "BadArgument"),
    ];
    let before = inventory();
    assert_eq!(server.not_refused(&rows), Vec::<String>::new());

    // A friend may look, apply and decline, and nothing else; a stranger finds nothing.
    let shown = friend.call("GET", &at).body;
    assert_eq!((&shown["account"], &shown["applyScope"]), (&json!(account), &json!([friend.id])));
    let not_found = |answer: Answer| assert_eq!((answer.status, answer.code()), (404, "SnapshotNotFound"));
    not_found(friend.json("PATCH", &at, &json!({ "userData": "x" })));
    not_found(stranger.call("GET", &at));
    not_found(stranger.json("PATCH", &at, &json!({ "userData": "x" })));
    not_found(stranger.call("DELETE", &at));
    not_found(apply(&stranger, &snapshot, "g"));
    assert_eq!(stranger.call("GET", "snapshots").body, json!([]));
    assert_eq!(inventory(), before, "a refusal left something behind");

    let applied = apply(&friend, &snapshot, "g");
    let id = operation(&server, &applied);
    assert_eq!(friend.call("GET", &format!("operations/{id}")).status, 200);
    let hidden = server.call("GET", &format!("operations/{id}"));
    assert_eq!((hidden.status, hidden.code()), (404, "OperationNotFound"));
    let again = apply(&friend, &snapshot, "g");
    assert_eq!((again.status, again.code()), (409, "PersonGroupExists"));
    // Taken back, it is gone for the friend; what they made of it is theirs.
    assert_eq!(server.json("PATCH", &at, &json!({ "applyScope": [account] })).status, 200);
    not_found(apply(&friend, &snapshot, "h"));
    assert_eq!(friend.call("GET", "persongroups/g").status, 200);
    let own = server.json("POST", &format!("{at}/apply"), &json!({ "objectId": "h" }));
    assert_eq!(own.status, 202, "{own:?}");
}
