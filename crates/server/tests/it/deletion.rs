//! Deletion means deletion: the sealed bytes of a record are read from the database, found in its files, deleted by the
//! call that a client makes, and found in none. Other records stay where they are.

use crate::clock::Clock;
use crate::server::{TestServer, demo, target};
use crate::stores::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

on_both_stores!(deleted_bytes_are_in_no_file, a_search_never_names_who_was_deleted);

/// How many of the values are in the bytes. A long value is spread over pages, so a few pieces of it are searched for.
fn found(bytes: &[u8], values: &[Vec<u8>]) -> usize {
    let contains = |piece: &[u8]| bytes.windows(piece.len()).any(|window| window == piece);
    values
        .iter()
        .filter(|value| {
            let pieces: Vec<&[u8]> = value[5.min(value.len())..].chunks_exact(24).collect();
            let step = (pieces.len() / 3).max(1);
            pieces.iter().step_by(step).any(|piece| contains(piece))
        })
        .count()
}

/// The sealed values that a statement selects.
fn sealed(store: &TestStore, statement: &str) -> Vec<Vec<u8>> {
    store.sql(statement).iter().map(|line| hex::decode(line).expect("digits")).collect()
}

/// Containers of each kind with a face or two; gives persons by container.
fn furnish(server: &TestServer) -> Vec<(String, String)> {
    let about = json!({ "name": "a name", "userData": "some words", "recognitionModel": "recognition_04" });
    let chosen = target(&server.detect(&demo(1))[0]);
    let mut persons = Vec::new();
    for list in ["facelists/l", "largefacelists/l"] {
        assert_eq!(server.json("PUT", list, &about).status, 200);
    }
    for group in ["persongroups/g", "largepersongroups/g"] {
        assert_eq!(server.json("PUT", group, &about).status, 200);
        for _ in 0..2 {
            let person = server.json("POST", &format!("{group}/persons"), &about).id("personId");
            persons.push((format!("{group}/persons/{person}"), person));
        }
    }
    for _ in 0..2 {
        let person = server.json("POST", "persons", &about).id("personId");
        persons.push((format!("persons/{person}"), person));
    }
    let mut faces = vec!["facelists/l/persistedfaces".to_owned(), "largefacelists/l/persistedfaces".to_owned()];
    faces.extend(persons.iter().map(|(path, _)| {
        let model = if path.starts_with("persons/") { "/recognitionModels/recognition_04" } else { "" };
        format!("{path}{model}/persistedfaces")
    }));
    for path in faces {
        for _ in 0..2 {
            let answer = server.picture(&format!("{path}?targetFace={chosen}&userData=words"), &demo(1));
            assert!(answer.status < 300, "{answer:?}");
        }
    }
    persons
}

/// All sealed values of faces, with their wire ids in front.
const FACES: &str = "SELECT hex(sealed_template) FROM face";

fn deleted_bytes_are_in_no_file(store: &TestStore) {
    let clock = Clock::new();
    let server = store.server(&[clock.setting()]);
    let persons = furnish(&server);
    let id = |answer: &Value, name: &str| answer[0][name].as_str().expect("an id").to_owned();
    let listed = server.call("GET", "largefacelists/l/persistedfaces").body;
    let face = id(&listed, "persistedFaceId");
    let person = server.call("GET", &persons[0].0).body;
    let of_person = person["persistedFaceIds"][0].as_str().expect("an id").to_owned();
    let by_face = |face: &str| {
        let face = face.replace('-', "").to_uppercase();
        format!(
            "{FACES} WHERE hex(face_id) = '{face}' UNION ALL SELECT hex(sealed_user_data) FROM face WHERE hex(face_id) = '{face}'"
        )
    };
    let by_person = |person: &str| {
        let person = person.replace('-', "").to_uppercase();
        let of = format!("(SELECT seq FROM person WHERE hex(person_id) = '{person}')");
        let at = format!("(SELECT container FROM person WHERE hex(person_id) = '{person}')");
        format!(
            "{FACES} WHERE person = {of} AND container = {at} \
             UNION ALL SELECT hex(sealed_name) FROM person WHERE hex(person_id) = '{person}' \
             UNION ALL SELECT hex(sealed_user_data) FROM person WHERE hex(person_id) = '{person}'"
        )
    };
    let by_container = |kind: i64| {
        let at = format!("(SELECT number FROM container WHERE kind = {kind})");
        format!(
            "{FACES} WHERE container = {at} \
             UNION ALL SELECT hex(sealed_name) FROM person WHERE container = {at} \
             UNION ALL SELECT hex(sealed_name) FROM container_text WHERE number = {at} AND sealed_user_data IS NOT NULL \
             UNION ALL SELECT hex(sealed_user_data) FROM container_text WHERE number = {at} AND sealed_user_data IS NOT NULL"
        )
    };
    // Smallest first, so that each is still there when its turn comes.
    let cases = [
        ("face of a list", by_face(&face), 2, format!("largefacelists/l/persistedfaces/{face}")),
        ("face of a person", by_face(&of_person), 2, format!("{}/persistedfaces/{of_person}", persons[0].0)),
        ("person", by_person(&persons[1].1), 4, persons[1].0.clone()),
        ("person of a large group", by_person(&persons[2].1), 4, persons[2].0.clone()),
        ("person of the directory", by_person(&persons[4].1), 4, persons[4].0.clone()),
        ("list", by_container(1), 4, "facelists/l".to_owned()),
        ("large list", by_container(2), 3, "largefacelists/l".to_owned()),
        ("group", by_container(3), 4, "persongroups/g".to_owned()),
        ("large group", by_container(4), 5, "largepersongroups/g".to_owned()),
    ];
    let stays = sealed(store, &by_person(&persons[5].1));
    assert_eq!(stays.len(), 4);
    for (name, statement, how_many, call) in cases {
        let goes = sealed(store, &statement);
        assert_eq!(goes.len(), how_many, "{name}");
        assert_eq!(found(&store.raw_bytes(), &goes), how_many, "{name}: not found before");
        let answer = server.call("DELETE", &call);
        assert!(answer.status < 300, "{name}: {answer:?}");
        assert_eq!(found(&store.raw_bytes(), &goes), 0, "{name}: still in a file");
        assert_eq!(found(&store.raw_bytes(), &stays), 4, "{name}: too much went");
    }
    // A faceId that expired: its bytes within a minute, and its key within the hour.
    let minute = server.picture("detect?recognitionModel=recognition_04&faceIdTimeToLive=60", &demo(6));
    assert_eq!(minute.status, 200);
    let goes = sealed(store, "SELECT hex(sealed_template) FROM face_id ORDER BY expires_at LIMIT 1");
    assert_eq!((goes.len(), found(&store.raw_bytes(), &goes)), (1, 1));
    clock.set(61_000);
    let begun = Instant::now();
    while found(&store.raw_bytes(), &goes) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "the bytes are there a minute after they expired");
        std::thread::sleep(Duration::from_millis(500));
    }
    // The account with all that is left, and its key with it.
    let whole = [
        sealed(store, FACES),
        sealed(store, "SELECT hex(sealed_name) FROM person"),
        sealed(store, "SELECT hex(wrapped) FROM data_key WHERE hex(account_id) <> '00000000000000000000000000000000'"),
        sealed(
            store,
            "SELECT hex(sealed) FROM account_key WHERE hex(account_id) <> '00000000000000000000000000000000'",
        ),
        sealed(store, "SELECT hex(sealed) FROM record WHERE hex(account_id) <> '00000000000000000000000000000000'"),
    ]
    .concat();
    assert!(whole.len() >= 7, "{}", whole.len());
    assert_eq!(found(&store.raw_bytes(), &whole), whole.len());
    server.cli(&["accounts", "close", "default", "--yes"]);
    // The key with what the server itself does, and nobody else.
    let keys = sealed(store, "SELECT hex(wrapped) FROM data_key");
    assert_eq!((keys.len(), found(&store.bytes_of("data_key"), &keys)), (1, 1), "the installation's own stays");
    assert_eq!(found(&store.bytes_of("data_key"), &whole), 0, "key: still in its file");
    assert_eq!(found(&store.raw_bytes(), &whole), 0, "account: still in a file");
    assert_eq!(server.stop(), Some(0));
    assert_eq!(found(&store.raw_bytes(), &whole), 0, "account: came back");
}

/// Snapshots hold people too, and so do the texts of faces.
#[test]
fn a_person_is_erased_from_snapshots_and_found_by_their_faces() {
    let server = TestServer::new();
    furnish(&server);
    let default = server.account();
    for (kind, id) in [("PersonGroup", "g"), ("LargeFaceList", "l")] {
        let body = json!({ "type": kind, "objectId": id, "applyScope": [default] });
        assert_eq!(server.json("POST", "snapshots", &body).status, 202, "{kind}");
    }
    let ask = |what: &str, wanted: &Value| {
        let answer = server.manage("POST", &format!("accounts/default/persons/{what}"), wanted);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["places"].as_array().expect("places").clone()
    };
    let count = |places: &[Value], kind: &str| places.iter().filter(|place| place["kind"] == kind).count();
    let held = ask("report", &json!({ "userData": "words" }));
    // Two persons in each of three places by their faces, two faces in each list, and again in the snapshots.
    let counts = ["personGroup", "largePersonGroup", "personDirectory", "faceList", "largeFaceList", "snapshot"]
        .map(|kind| count(&held, kind));
    assert_eq!(counts, [2, 2, 2, 2, 2, 4], "{held:?}");
    assert!(held.iter().any(|place| place["faceUserData"] == json!(["words", "words"])), "{held:?}");
    let snapshots = server.call("GET", "snapshots").body;
    let of_group = snapshots.as_array().expect("snapshots").iter().find(|one| one["type"] == "PersonGroup");
    let of_group = of_group.expect("that of the group")["id"].as_str().expect("an id").to_owned();
    let person = held.iter().find(|place| place["kind"] == "personGroup").expect("a person")["id"].clone();
    let erased = ask("erase", &json!({ "ids": [person] }));
    assert_eq!((count(&erased, "personGroup"), count(&erased, "snapshot")), (1, 1), "{erased:?}");
    let back = json!({ "objectId": "again", "mode": "CreateNew" });
    assert_eq!(server.json("POST", &format!("snapshots/{of_group}/apply"), &back).status, 404, "the person came back");
    assert_eq!(
        server.call("GET", "snapshots").body.as_array().map(Vec::len),
        Some(1),
        "only that with the person went"
    );
    ask("erase", &json!({ "userData": "words" }));
    assert_eq!(ask("report", &json!({ "userData": "words", "name": "a name" })), Vec::<Value>::new());
    assert_eq!(server.call("GET", "snapshots").body, json!([]));
}

/// The gallery has dropped the template before the call returns, and a person is erased across containers in one call.
fn a_search_never_names_who_was_deleted(store: &TestStore) {
    let server = store.server(&[]);
    furnish(&server);
    server.train("largepersongroups/g");
    server.train("persongroups/g");
    server.train("largefacelists/l");
    let probe = server.detect(&demo(1)).remove(0);
    let named = || {
        let faces = json!([probe["faceId"]]);
        let mut count = 0;
        for scope in ["largePersonGroupId", "personGroupId"] {
            let body = json!({ "faceIds": faces, scope: "g", "maxNumOfCandidatesReturned": 100 });
            let answer = server.json("POST", "identify", &body);
            count += answer.body[0]["candidates"].as_array().map_or(0, Vec::len);
        }
        let all = json!({ "faceIds": faces, "personIds": ["*"], "maxNumOfCandidatesReturned": 100 });
        count += server.json("POST", "identify", &all).body[0]["candidates"].as_array().map_or(0, Vec::len);
        let list = json!({ "faceId": probe["faceId"], "largeFaceListId": "l", "maxNumOfCandidatesReturned": 100 });
        count + server.json("POST", "findsimilars", &list).body.as_array().map_or(0, Vec::len)
    };
    // Two persons in each of three places, two faces in the list.
    assert_eq!(named(), 8);
    // The audit log records that a search was made and among whom, within a second, and not who was found.
    let begun = Instant::now();
    let asked = loop {
        let trail = server.manage("GET", "accounts/default/audit?top=1000", &Value::Null).body;
        let rows = trail.as_array().expect("rows").clone();
        let questions = |row: &&Value| row["action"] == "identify" || row["action"] == "find_similar";
        let asked: Vec<Value> = rows.iter().filter(questions).cloned().collect();
        if asked.len() >= 4 {
            break asked;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{trail}");
        std::thread::sleep(Duration::from_millis(100));
    };
    let told: Vec<(&str, &str)> = asked
        .iter()
        .map(|row| (row["action"].as_str().unwrap_or_default(), row["container"]["kind"].as_str().unwrap_or_default()))
        .collect();
    let expected = [
        ("identify", "largePersonGroup"),
        ("identify", "personGroup"),
        ("identify", "personDirectory"),
        ("find_similar", "largeFaceList"),
    ];
    assert_eq!(told, expected);
    assert!(asked.iter().all(|row| row["actor"] == "key1" && row["records"] == 1 && row.get("detail").is_none()));
    let requests: std::collections::BTreeSet<&str> = asked.iter().filter_map(|row| row["requestId"].as_str()).collect();
    assert_eq!(requests.len(), 4, "each has its own request");
    let chain = server.manage("GET", "accounts/default/audit/verify", &Value::Null).body;
    assert!(chain.get("brokenAt").is_none(), "{chain}");
    let held = server.manage("POST", "accounts/default/persons/report", &json!({ "userData": "some words" }));
    let places = held.body["places"].as_array().expect("places");
    assert_eq!(places.len(), 6, "{held:?}");
    assert!(places.iter().all(|place| place["templates"] == 2 && place["name"] == "a name"));
    assert!(held.body["note"].as_str().is_some_and(|note| note.contains("24 hours")));
    let nobody = server.manage("POST", "accounts/default/persons/report", &json!({}));
    assert_eq!((nobody.status, nobody.code()), (400, "Invalid"));
    let first = places[0]["id"].as_str().expect("an id");
    let erased = server.manage("POST", "accounts/default/persons/erase", &json!({ "ids": [first] }));
    assert_eq!(erased.body["places"].as_array().map(Vec::len), Some(1));
    assert_eq!(named(), 7);
    let erased =
        server.manage("POST", "accounts/default/persons/erase", &json!({ "name": "a name", "userData": "words" }));
    assert_eq!(erased.body["places"].as_array().map(Vec::len), Some(5 + 4), "five persons, two faces in each list");
    let (containers, _) = (server.call("GET", "largepersongroups/g/persons"), ());
    assert_eq!(containers.body, json!([]));
    let answer = server.json("POST", "identify", &json!({ "faceIds": [probe["faceId"]], "largePersonGroupId": "g" }));
    assert_eq!(answer.body[0]["candidates"], json!([]), "{answer:?}");
    let trail = server.manage("GET", "accounts/default/audit?action=erase_person", &Value::Null).body;
    assert_eq!((&trail[0]["detail"], &trail[1]["detail"]), (&json!({ "places": 1 }), &json!({ "places": 9 })));
}
