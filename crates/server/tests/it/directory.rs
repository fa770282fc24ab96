//! Rows 63 to 80 of the checklist: the person directory, dynamic person groups and their operations.

use crate::lifecycle::{VERSIONS, Visit};
use crate::server::{Answer, Refused, TestServer, demo, target};
use serde_json::{Value, json};

const ID: &str = "4f8a1f0e-2f51-4d55-8f0a-3f2f4f5f6f7f";

/// Notes an accepted call and asks how its operation went.
fn accepted(visit: &mut Visit<'_>, row: u16, answer: Answer) -> Answer {
    let answer = visit.seen(row, answer, 202);
    let below = format!("{}{}", visit.server.address, visit.path("operations/"));
    let id = answer.operation(&below);
    let status = visit.call(63, "GET", &format!("operations/{id}")).body;
    let time = status["createdTime"].clone();
    assert!(time.as_str().is_some_and(|time| time.ends_with('Z')), "{status}");
    let expected = json!({
        "operationId": id, "status": "succeeded", "createdTime": time, "lastActionTime": time, "finishedTime": time,
    });
    assert_eq!(status, expected);
    answer
}

#[test]
fn every_row_succeeds_under_every_version() {
    let server = TestServer::new();
    let detected = server.picture("detect?recognitionModel=recognition_03&returnFaceId=True", &demo(1)).body;
    let faces = detected.as_array().expect("faces");
    for version in VERSIONS {
        let mut visit = Visit::new(&server, version);
        persons(&mut visit, faces);
        assert_eq!(visit.rows, (63..=80).collect(), "under {version}");
    }
}

fn persons(visit: &mut Visit<'_>, faces: &[Value]) {
    let server = visit.server;
    assert_eq!(visit.call(65, "GET", "persons").body, json!([]));
    let created = server.json("POST", &visit.path("persons"), &json!({ "name": "p", "userData": "u" }));
    let created = accepted(visit, 64, created);
    let person = created.id("personId");
    assert_eq!(created.body, json!({ "personId": person }));
    let at_person = format!("persons/{person}");
    let address = format!("{}{}", server.address, visit.path(&at_person));
    assert_eq!(created.header("location"), Some(&*address));
    let shown = json!({ "personId": person, "name": "p", "userData": "u" });
    assert_eq!(visit.call(66, "GET", &at_person).body, shown);
    assert_eq!(visit.call(65, "GET", "persons").body, json!([shown]));
    assert_eq!(visit.json(67, "PATCH", &at_person, &json!({ "name": "q" })).body, Value::Null);
    assert_eq!(visit.call(66, "GET", &at_person).body, json!({ "personId": person, "name": "q", "userData": "u" }));

    let at_faces = format!("{at_person}/RecognitionModels/recognition_03/persistedFaces");
    let path = visit.path(&format!("{at_faces}?targetFace={}&userData=one", target(&faces[0])));
    let added = server.picture(&path, &demo(1));
    let added = accepted(visit, 70, added);
    let face = added.id("persistedFaceId");
    assert_eq!(added.body, json!({ "persistedFaceId": face }));
    let at_face = format!("{at_person}/recognitionModels/recognition_03/persistedfaces/{face}");
    let address = format!("{}{}", server.address, visit.path(&at_face));
    assert_eq!(added.header("location"), Some(&*address));
    assert_eq!(visit.call(71, "GET", &at_faces).body, json!({ "personId": person, "persistedFaceIds": [face] }));
    assert_eq!(visit.call(72, "GET", &at_face).body, json!({ "persistedFaceId": face, "userData": "one" }));
    assert_eq!(visit.json(73, "PATCH", &at_face, &json!({ "userData": "two" })).body, Value::Null);
    assert_eq!(visit.call(72, "GET", &at_face).body, json!({ "persistedFaceId": face, "userData": "two" }));

    groups(visit, &person);
    questions(server, &visit.path(""), faces, &person);

    let deleted = server.call("DELETE", &visit.path(&at_face));
    assert_eq!(accepted(visit, 74, deleted).body, Value::Null);
    assert_eq!(visit.call(71, "GET", &at_faces).body["persistedFaceIds"], json!([]));
    let deleted = server.call("DELETE", &visit.path(&at_person));
    assert_eq!(accepted(visit, 68, deleted).body, Value::Null);
    assert_eq!(visit.call(80, "GET", "dynamicpersongroups/g/persons").body, json!({ "personIds": [] }));
    let deleted = server.call("DELETE", &visit.path("dynamicpersongroups/g"));
    assert_eq!(accepted(visit, 78, deleted).body, Value::Null);
    assert_eq!(visit.call(79, "GET", "dynamicpersongroups").body, json!([]));
}

/// Two groups come, one goes; the person stays in the one called g.
fn groups(visit: &mut Visit<'_>, person: &str) {
    let server = visit.server;
    let empty = json!({ "name": "e", "userData": "u", "addPersonIds": [] });
    assert_eq!(visit.json(75, "PUT", "dynamicpersongroups/e", &empty).body, Value::Null);
    let without = json!({ "name": "nobody" });
    assert_eq!(visit.json(75, "PUT", "dynamicpersongroups/nobody", &without).body, Value::Null);
    visit.server.call("DELETE", &visit.path("dynamicpersongroups/nobody"));
    let body = json!({ "name": "g", "addPersonIds": [person] });
    let made = server.json("PUT", &visit.path("dynamicPersonGroups/g"), &body);
    assert_eq!(accepted(visit, 75, made).body, Value::Null);
    let shown = json!({ "dynamicPersonGroupId": "e", "name": "e", "userData": "u" });
    assert_eq!(visit.call(76, "GET", "dynamicpersongroups/e").body, shown);
    let other = json!({ "dynamicPersonGroupId": "g", "name": "g" });
    assert_eq!(visit.call(79, "GET", "dynamicpersongroups").body, json!([shown, other]));
    assert_eq!(visit.call(79, "GET", "dynamicpersongroups?start=e&top=1").body, json!([other]));
    assert_eq!(visit.call(80, "GET", "dynamicpersongroups/g/persons").body, json!({ "personIds": [person] }));

    assert_eq!(visit.json(77, "PATCH", "dynamicpersongroups/e", &json!({ "name": "f" })).body, Value::Null);
    let changed = server.json("PATCH", &visit.path("dynamicpersongroups/e"), &json!({ "addPersonIds": [person] }));
    assert_eq!(accepted(visit, 77, changed).body, Value::Null);
    let references = format!("persons/{person}/dynamicPersonGroupReferences");
    let both = json!({ "dynamicPersonGroupIds": ["e", "g"] });
    assert_eq!(visit.call(69, "GET", &references).body, both);
    assert_eq!(visit.call(69, "GET", &format!("{references}?start=e")).body, json!({ "dynamicPersonGroupIds": ["g"] }));
    // In both lists: added, then removed.
    let body = json!({ "addPersonIds": [person], "removePersonIds": [person] });
    let changed = server.json("PATCH", &visit.path("dynamicpersongroups/e"), &body);
    accepted(visit, 77, changed);
    assert_eq!(visit.call(80, "GET", "dynamicpersongroups/e/persons").body, json!({ "personIds": [] }));
    let deleted = server.call("DELETE", &visit.path("dynamicpersongroups/e"));
    accepted(visit, 78, deleted);
    assert_eq!(visit.call(69, "GET", &references).body, json!({ "dynamicPersonGroupIds": ["g"] }));
}

/// Identify over every scope of the directory, and verify, without any training.
fn questions(server: &TestServer, version: &str, faces: &[Value], person: &str) {
    let (one, other) = (&faces[0]["faceId"], &faces[1]["faceId"]);
    let scopes =
        [json!({ "personIds": ["*"] }), json!({ "personIds": [person] }), json!({ "dynamicPersonGroupId": "g" })];
    for scope in scopes {
        let mut body = scope.clone();
        body["faceIds"] = json!([one, other]);
        let answer = server.json("POST", &format!("{version}identify"), &body);
        assert_eq!(answer.status, 200, "{scope}: {answer:?}");
        assert_eq!(answer.body[0]["faceId"], *one);
        assert_eq!(answer.body[0]["candidates"][0]["personId"], person, "{scope}");
        assert_eq!(answer.body[1], json!({ "faceId": other, "candidates": [] }), "{scope}");
    }
    let verify = |face: &Value| {
        let answer = server.json("POST", &format!("{version}verify"), &json!({ "faceId": face, "personId": person }));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["isIdentical"].clone()
    };
    assert_eq!((verify(one), verify(other)), (json!(true), json!(false)));
}

/// A server with two people in the directory, each with one face, and a dynamic group of the first.
struct Furnished {
    server: TestServer,
    /// Face ids of recognition model 4, of the two people.
    faces: [String; 2],
    /// A face id of model 3 and one of model 1, of the first.
    others: [String; 2],
    people: [String; 2],
    persisted: String,
}

fn furnished() -> Furnished {
    let server = TestServer::new();
    let detected = server.detect(&demo(1));
    let mut people = Vec::new();
    let mut persisted = Vec::new();
    for found in &detected[..2] {
        let person = server.json("POST", "persons", &json!({ "name": "p" })).id("personId");
        let path = format!("persons/{person}/recognitionModels/recognition_04/persistedfaces");
        let added = server.picture(&format!("{path}?targetFace={}", target(found)), &demo(1));
        persisted.push(added.id("persistedFaceId"));
        people.push(person);
    }
    let body = json!({ "name": "g", "addPersonIds": [people[0]] });
    assert_eq!(server.json("PUT", "dynamicpersongroups/g", &body).status, 202);
    let of_model = |model: &str| {
        let answer = server.picture(&format!("detect?recognitionModel={model}"), &demo(1));
        answer.body[0]["faceId"].as_str().expect("an id").to_owned()
    };
    let others = [of_model("recognition_03"), of_model("recognition_01")];
    let id = |face: &Value| face["faceId"].as_str().expect("an id").to_owned();
    let faces = [id(&detected[0]), id(&detected[1])];
    let [first, second] = &people[..] else { panic!("two people") };
    let people = [first.clone(), second.clone()];
    Furnished { server, faces, others, people, persisted: persisted.remove(0) }
}

/// What there is, to see that a refusal changed nothing.
fn inventory(it: &Furnished) -> Vec<Value> {
    let at_faces = format!("persons/{}/recognitionModels/recognition_04/persistedfaces", it.people[0]);
    let paths = [
        "persons".to_owned(),
        at_faces.clone(),
        format!("{at_faces}/{}", it.persisted),
        "dynamicpersongroups".to_owned(),
        "dynamicpersongroups/g/persons".to_owned(),
    ];
    paths.iter().map(|path| it.server.call("GET", path).body).collect()
}

#[test]
fn every_refusal_has_its_status_and_code() {
    let it = furnished();
    let ([new, _], [third, first]) = (&it.faces, &it.others);
    let [ada, bob] = &it.people;
    let at_faces = format!("persons/{ada}/recognitionModels/recognition_04/persistedfaces");
    let elsewhere = format!("persons/{ada}/recognitionModels/recognition_03/persistedfaces/{}", it.persisted);
    let of_another = format!("persons/{bob}/recognitionModels/recognition_04/persistedfaces/{}", it.persisted);
    let unsupported = format!("persons/{ada}/recognitionModels/recognition_01/persistedfaces");
    let (name, long) = (json!({ "name": "n" }), "x".repeat(129));
    let many = vec![ada.as_str(); 31];
    // Method, path, body, status, code.
    let row = |method: &'static str, path: &str, body: Value, status: u16, code: &'static str| {
        (method, path.to_owned(), body, status, code)
    };
    let rows: Vec<Refused> = vec![
        row("POST", "persons", json!({}), 400, "BadArgument"),
        row("POST", "persons", json!({ "name": "", "userData": "" }), 400, "BadArgument"),
        row("POST", "persons", json!({ "name": long }), 400, "BadArgument"),
        row("POST", "persons", json!({ "userData": "x".repeat(16_385) }), 400, "BadArgument"),
        row("POST", "persons", json!({ "name": 7 }), 400, "BadArgument"),
        row("PATCH", &format!("persons/{ada}"), json!({}), 400, "BadArgument"),
        row("PATCH", &format!("persons/{ada}"), json!({ "name": "" }), 400, "BadArgument"),
        row("PATCH", &format!("persons/{ID}"), name.clone(), 404, "PersonNotFound"),
        row("PATCH", "persons/x", name.clone(), 404, "PersonNotFound"),
        row("PATCH", &format!("{at_faces}/{ID}"), json!({ "userData": "x" }), 404, "PersistedFaceNotFound"),
        row("PATCH", &elsewhere, json!({ "userData": "x" }), 404, "PersistedFaceNotFound"),
        row("PATCH", &of_another, json!({ "userData": "x" }), 404, "PersistedFaceNotFound"),
        row(
            "PATCH",
            &format!("{at_faces}/{}", it.persisted),
            json!({ "userData": "x".repeat(1025) }),
            400,
            "BadArgument",
        ),
        row("PUT", "dynamicpersongroups/UPPER", name.clone(), 400, "BadArgument"),
        row("PUT", "dynamicpersongroups/n", json!({}), 400, "BadArgument"),
        row("PUT", "dynamicpersongroups/n", json!({ "name": "n", "addPersonIds": "x" }), 400, "BadArgument"),
        row("PUT", "dynamicpersongroups/n", json!({ "name": "n", "addPersonIds": ["x"] }), 400, "BadArgument"),
        row("PUT", "dynamicpersongroups/n", json!({ "name": "n", "addPersonIds": [ada, ID] }), 404, "PersonNotFound"),
        row("PUT", "dynamicpersongroups/g", name.clone(), 409, "DynamicPersonGroupExists"),
        row("PATCH", "dynamicpersongroups/g", json!({}), 400, "BadArgument"),
        row("PATCH", "dynamicpersongroups/g", json!({ "addPersonIds": [] }), 400, "BadArgument"),
        row("PATCH", "dynamicpersongroups/no", name.clone(), 404, "DynamicPersonGroupNotFound"),
        row("PATCH", "dynamicpersongroups/UPPER", name.clone(), 404, "DynamicPersonGroupNotFound"),
        row(
            "PATCH",
            "dynamicpersongroups/g",
            json!({ "name": "new", "addPersonIds": [bob, ID], "removePersonIds": [ada] }),
            404,
            "PersonNotFound",
        ),
        // identify
        row("POST", "identify", json!({ "faceIds": [new], "personIds": [] }), 400, "BadArgument"),
        row("POST", "identify", json!({ "faceIds": [new], "personIds": many }), 400, "BadArgument"),
        row("POST", "identify", json!({ "faceIds": [new], "personIds": ["*", ada] }), 400, "BadArgument"),
        row("POST", "identify", json!({ "faceIds": [new], "personIds": [ada, ID] }), 400, "PersonNotFound"),
        row("POST", "identify", json!({ "faceIds": [new, third], "personIds": ["*"] }), 400, "BadArgument"),
        row("POST", "identify", json!({ "faceIds": [first], "personIds": ["*"] }), 400, "BadArgument"),
        row("POST", "identify", json!({ "faceIds": [ID], "personIds": ["*"] }), 400, "FaceNotFound"),
        row(
            "POST",
            "identify",
            json!({ "faceIds": [new], "dynamicPersonGroupId": "no" }),
            400,
            "DynamicPersonGroupNotFound",
        ),
        row("POST", "identify", json!({ "faceIds": [new], "dynamicPersonGroupId": "NO" }), 400, "BadArgument"),
        row(
            "POST",
            "identify",
            json!({ "faceIds": [new], "dynamicPersonGroupId": "g", "personIds": ["*"] }),
            400,
            "IncompatibleIdentificationScopeParametersCombination",
        ),
        // verify
        row("POST", "verify", json!({ "faceId": new, "personId": ID }), 404, "PersonNotFound"),
        row("POST", "verify", json!({ "faceId": ID, "personId": ada }), 404, "FaceNotFound"),
        row("POST", "verify", json!({ "faceId": third, "personId": ada }), 404, "PersistedFaceNotFound"),
        row("POST", "verify", json!({ "faceId": first, "personId": ada }), 400, "BadArgument"),
        // without a body
        row("GET", "dynamicpersongroups?top=0", Value::Null, 400, "BadArgument"),
        row("GET", &format!("persons/{ID}"), Value::Null, 404, "PersonNotFound"),
        row("GET", "persons/x", Value::Null, 404, "PersonNotFound"),
        row("DELETE", &format!("persons/{ID}"), Value::Null, 404, "PersonNotFound"),
        row("GET", "persons?start=x", Value::Null, 400, "BadArgument"),
        row("GET", "persons?top=0", Value::Null, 400, "BadArgument"),
        row("GET", &format!("persons/{ID}/dynamicPersonGroupReferences"), Value::Null, 404, "PersonNotFound"),
        row("GET", &unsupported, Value::Null, 400, "BadArgument"),
        row(
            "GET",
            &format!("persons/{ID}/recognitionModels/recognition_04/persistedfaces"),
            Value::Null,
            404,
            "PersonNotFound",
        ),
        row("GET", &format!("{at_faces}/{ID}"), Value::Null, 404, "PersistedFaceNotFound"),
        row("GET", &format!("{at_faces}/x"), Value::Null, 404, "PersistedFaceNotFound"),
        row("GET", &elsewhere, Value::Null, 404, "PersistedFaceNotFound"),
        row("DELETE", &elsewhere, Value::Null, 404, "PersistedFaceNotFound"),
        row("DELETE", &of_another, Value::Null, 404, "PersistedFaceNotFound"),
        row("GET", "dynamicpersongroups/no", Value::Null, 404, "DynamicPersonGroupNotFound"),
        row("GET", "dynamicpersongroups/no/persons", Value::Null, 404, "DynamicPersonGroupNotFound"),
        row("GET", "dynamicpersongroups/g/persons?start=x", Value::Null, 400, "BadArgument"),
        row("DELETE", "dynamicpersongroups/no", Value::Null, 404, "DynamicPersonGroupNotFound"),
        row("GET", &format!("operations/{ID}"), Value::Null, 404, "OperationNotFound"),
        row("GET", "operations/x", Value::Null, 404, "OperationNotFound"),
    ];
    let before = inventory(&it);
    let mut wrong = it.server.not_refused(&rows);
    let picture_rows = [
        (unsupported, 400, "BadArgument"),
        (format!("persons/{ID}/recognitionModels/recognition_04/persistedfaces"), 404, "PersonNotFound"),
        (format!("{at_faces}?targetFace=1,2,3"), 400, "BadArgument"),
        (format!("{at_faces}?userData={}", "x".repeat(1025)), 400, "BadArgument"),
        // There are several faces in it.
        (at_faces, 400, "InvalidImage"),
    ];
    for (path, status, code) in &picture_rows {
        let answer = it.server.picture(path, &demo(1));
        if (answer.status, answer.code()) != (*status, code) || answer.header("operation-location").is_some() {
            wrong.push(format!("{path}: {} {}", answer.status, answer.body));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(inventory(&it), before, "a refusal left something behind");
}

#[test]
fn scopes_and_models_are_kept_apart_and_the_deleted_are_not_named() {
    let it = furnished();
    let [ada, bob] = &it.people;
    let named = |faces: &[&str], scope: Value| -> Vec<Vec<String>> {
        let mut body = scope;
        body["faceIds"] = json!(faces);
        let answer = it.server.json("POST", "identify", &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        let candidates = |one: &Value| {
            let ids = one["candidates"].as_array().expect("candidates").iter();
            ids.map(|candidate| candidate["personId"].as_str().expect("an id").to_owned()).collect()
        };
        answer.body.as_array().expect("an array").iter().map(candidates).collect()
    };
    let both = [&*it.faces[0], &*it.faces[1]];
    let (of_ada, of_bob) = (vec![ada.clone()], vec![bob.clone()]);
    let everybody = json!({ "personIds": ["*"] });
    assert_eq!(named(&both, everybody.clone()), [of_ada.clone(), of_bob.clone()]);
    assert_eq!(named(&both, json!({ "dynamicPersonGroupId": "g" })), [of_ada, vec![]]);
    assert_eq!(named(&both, json!({ "personIds": [bob] })), [vec![], of_bob.clone()]);
    // Nobody has a face of model 3.
    assert_eq!(named(&[&it.others[0]], everybody.clone()), [Vec::<String>::new()]);

    // A member who comes in is found by the very next call, and so is a face that is added.
    let body = json!({ "addPersonIds": [bob], "removePersonIds": [ada] });
    assert_eq!(it.server.json("PATCH", "dynamicpersongroups/g", &body).status, 202);
    assert_eq!(named(&both, json!({ "dynamicPersonGroupId": "g" })), [vec![], of_bob.clone()]);
    let detected = it.server.detect(&demo(1));
    let path =
        format!("persons/{bob}/recognitionModels/recognition_03/persistedfaces?targetFace={}", target(&detected[0]));
    assert_eq!(it.server.picture(&path, &demo(1)).status, 202);
    assert_eq!(named(&[&it.others[0]], everybody.clone()), [of_bob]);

    assert_eq!(it.server.call("DELETE", &format!("persons/{bob}")).status, 202);
    assert_eq!(named(&both, everybody.clone())[1], Vec::<String>::new());
    assert_eq!(named(&both, json!({ "dynamicPersonGroupId": "g" })), [Vec::<String>::new(), vec![]]);
    assert_eq!(named(&[&it.others[0]], everybody), [Vec::<String>::new()]);
}

#[test]
fn a_person_may_have_user_data_alone_and_pages_ascend() {
    let server = TestServer::new();
    let nameless = server.json("POST", "persons", &json!({ "name": "", "userData": "u" })).id("personId");
    let shown = json!({ "personId": nameless, "name": "", "userData": "u" });
    assert_eq!(server.call("GET", &format!("persons/{nameless}")).body, shown);
    let mut ids = vec![nameless];
    for _ in 0..4 {
        ids.push(server.json("POST", "persons", &json!({ "name": "p" })).id("personId"));
    }
    ids.sort_unstable();
    let page = |query: &str| -> Vec<String> {
        let answer = server.call("GET", &format!("persons?{query}")).body;
        answer
            .as_array()
            .expect("people")
            .iter()
            .map(|one| one["personId"].as_str().expect("an id").to_owned())
            .collect()
    };
    assert_eq!(page("top=2"), ids[..2]);
    assert_eq!(page(&format!("top=2&start={}", ids[1])), ids[2..4]);
    assert_eq!(page(&format!("start={}", ids[4])), Vec::<String>::new());
}

#[test]
fn accounts_do_not_see_each_other() {
    let it = furnished();
    let other = it.server.other_account();
    let [ada, _] = &it.people;
    let created = it.server.json("POST", "persons", &json!({ "name": "p" }));
    let operation = created.operation(&format!("{}/face/v1.0/operations/", it.server.address));
    assert_eq!(it.server.call("GET", &format!("operations/{operation}")).status, 200);
    let before = inventory(&it);
    let probe = other.picture("detect?recognitionModel=recognition_04", &demo(1)).body[0]["faceId"].clone();
    for has_one_too in [false, true] {
        if has_one_too {
            assert_eq!(other.json("POST", "persons", &json!({ "name": "q" })).status, 202);
        } else {
            assert_eq!(other.call("GET", "persons").body, json!([]));
            assert_eq!(other.call("GET", "dynamicpersongroups").body, json!([]));
        }
        let found = |answer: &Answer, code: &str| (answer.status, answer.code()) == (404, code);
        assert!(found(&other.call("GET", &format!("operations/{operation}")), "OperationNotFound"));
        assert!(found(&other.call("GET", &format!("persons/{ada}")), "PersonNotFound"));
        assert!(found(&other.call("DELETE", &format!("persons/{ada}")), "PersonNotFound"));
        assert!(found(&other.json("PATCH", &format!("persons/{ada}"), &json!({ "name": "x" })), "PersonNotFound"));
        let at_faces = format!("persons/{ada}/recognitionModels/recognition_04/persistedfaces");
        assert!(found(&other.call("GET", &at_faces), "PersonNotFound"));
        assert!(found(&other.call("DELETE", &format!("{at_faces}/{}", it.persisted)), "PersonNotFound"));
        assert!(found(&other.picture(&at_faces, &demo(1)), "PersonNotFound"));
        assert!(found(&other.call("GET", "dynamicpersongroups/g"), "DynamicPersonGroupNotFound"));
        assert!(found(&other.call("DELETE", "dynamicpersongroups/g"), "DynamicPersonGroupNotFound"));
        let body = json!({ "name": "mine", "addPersonIds": [ada] });
        assert!(found(&other.json("PUT", "dynamicpersongroups/mine", &body), "PersonNotFound"));
        assert!(found(&other.json("POST", "verify", &json!({ "faceId": probe, "personId": ada })), "PersonNotFound"));
        let answer = other.json("POST", "identify", &json!({ "faceIds": [probe], "personIds": ["*"] }));
        assert_eq!(answer.body, json!([{ "faceId": probe, "candidates": [] }]));
    }
    assert_eq!(inventory(&it), before);
}
