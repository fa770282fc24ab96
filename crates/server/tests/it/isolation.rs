//! No id of one account means anything in another. Every route of the description that the router's table makes is tried
//! crosswise, so that a new one cannot escape: a parameter or body that this test does not know fails it.

use crate::liveness;
use crate::server::{Answer, KEY1, OtherAccount, TestServer, demo, target};
use crate::stores::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores!(nothing_of_one_account_is_anything_in_another);

/// What stands in everything that the first account keeps, so that it can be searched for in answers.
const MARK: &str = "mark-of-the-first-account";

/// What the first account has, by the names of the parameters.
struct Owned {
    parameters: Vec<(&'static str, String)>,
    faces: [String; 2],
    group: String,
}

fn furnish(server: &TestServer) -> Owned {
    let model = json!({ "name": MARK, "userData": MARK, "recognitionModel": "recognition_04" });
    let detected = server.detect(&demo(1));
    let chosen = target(&detected[0]);
    let faces = [0, 1].map(|face: usize| detected[face % detected.len()]["faceId"].as_str().expect("an id").to_owned());
    for path in ["facelists/mine", "largefacelists/mine", "persongroups/mine", "largepersongroups/mine"] {
        assert_eq!(server.json("PUT", path, &model).status, 200);
    }
    let about = json!({ "name": MARK, "userData": MARK });
    let add = |path: &str| {
        let answer = server.picture(&format!("{path}?targetFace={chosen}&userData={MARK}"), &demo(1));
        assert!(answer.status < 300, "{answer:?}");
        answer.id("persistedFaceId")
    };
    let listed = add("facelists/mine/persistedfaces");
    add("largefacelists/mine/persistedfaces");
    let person = server.json("POST", "largepersongroups/mine/persons", &about).id("personId");
    add(&format!("largepersongroups/mine/persons/{person}/persistedfaces"));
    server.json("POST", "persongroups/mine/persons", &about);
    let enrolled = server.json("POST", "persons", &about).id("personId");
    add(&format!("persons/{enrolled}/recognitionModels/recognition_04/persistedfaces"));
    let group = json!({ "name": MARK, "userData": MARK, "addPersonIds": [enrolled] });
    let made = server.json("PUT", "dynamicpersongroups/mine", &group);
    let operation =
        made.header("operation-location").expect("an address").rsplit('/').next().expect("an id").to_owned();
    for path in ["largefacelists/mine", "persongroups/mine", "largepersongroups/mine"] {
        server.train(path);
    }
    let body = json!({ "type": "FaceList", "objectId": "mine", "applyScope": [server.account()], "userData": MARK });
    let taken = server.json("POST", "snapshots", &body);
    let snapshot = server.call("GET", "snapshots").body[0]["id"].as_str().map(str::to_owned);
    let snapshot = snapshot.unwrap_or_else(|| panic!("{taken:?}"));
    let asked = json!({ "livenessOperationMode": "Passive", "deviceCorrelationId": MARK, "enableSessionImage": true });
    let made = server.json("POST", "detectLiveness-sessions", &asked);
    let (session, token) = (made.id("sessionId"), made.id("authToken"));
    let ended = liveness::attempt(server, &token, "detectLiveness", &vec![liveness::portrait(); 6]);
    assert_eq!(ended.body["status"], "Succeeded", "{ended:?}");
    let read = server.call("GET", &format!("detectLiveness-sessions/{session}"));
    let image = read.body["results"]["attempts"][0]["result"]["sessionImageId"].as_str().expect("a picture").to_owned();
    let parameters = vec![
        ("faceListId", "mine".to_owned()),
        ("largeFaceListId", "mine".to_owned()),
        ("personGroupId", "mine".to_owned()),
        ("largePersonGroupId", "mine".to_owned()),
        ("dynamicPersonGroupId", "mine".to_owned()),
        // In groups and in the directory: the one that fits the path is put in below.
        ("personId", person),
        ("persistedFaceId", listed),
        ("recognitionModel", "recognition_04".to_owned()),
        ("operationId", operation),
        ("snapshotId", snapshot),
        ("sessionId", session),
        ("sessionImageId", image),
    ];
    Owned { parameters, faces, group: enrolled }
}

/// All that the first account can read, as text.
fn inventory(server: &TestServer) -> Vec<String> {
    let paths = [
        "facelists/mine",
        "facelists",
        "largefacelists",
        "largefacelists/mine/persistedfaces",
        "largefacelists/mine/training",
        "persongroups",
        "persongroups/mine/persons",
        "largepersongroups",
        "largepersongroups/mine/persons",
        "largepersongroups/mine/training",
        "persons",
        "dynamicpersongroups",
        "dynamicpersongroups/mine/persons",
        "snapshots",
        "detectLiveness/singleModal/sessions",
        "settings",
    ];
    paths.iter().map(|path| server.call("GET", path).body.to_string()).collect()
}

/// The path of an operation with the ids of the first account in it.
fn filled(path: &str, owned: &Owned) -> String {
    let mut path = path.replace("{version}", "v1.0");
    for (name, value) in &owned.parameters {
        let value = if *name == "personId" && path.contains("/face/v1.0/persons/") { &owned.group } else { value };
        path = path.replace(&format!("{{{name}}}"), value);
    }
    assert!(!path.contains('{'), "{path} has a parameter that this test does not know; teach it the new one");
    path
}

/// A body for an operation, full of ids of the first account.
fn body(operation: &str, owned: &Owned) -> Option<Value> {
    let [one, two] = &owned.faces;
    Some(match operation {
        "FindSimilar" => json!({ "faceId": one, "largeFaceListId": "mine" }),
        "Group" => json!({ "faceIds": [one, two] }),
        "Identify" => json!({ "faceIds": [one], "largePersonGroupId": "mine" }),
        "Verify" => json!({ "faceId1": one, "faceId2": two }),
        "TakeSnapshot" => json!({ "type": "FaceList", "objectId": "mine", "applyScope": [uuid::Uuid::nil()] }),
        "UpdateSnapshot" => json!({ "userData": "theirs" }),
        "ApplySnapshot" => json!({ "objectId": "copy" }),
        "CreateDynamicPersonGroup" => json!({ "name": "theirs", "addPersonIds": [owned.group] }),
        "UpdateDynamicPersonGroup" => json!({ "addPersonIds": [owned.group] }),
        other if other.contains("Liveness") && other.starts_with("Create") => {
            json!({ "livenessOperationMode": "Passive", "deviceCorrelationId": "theirs" })
        }
        "UpdateLivenessAbuseMonitoring" => json!({ "enabled": true }),
        "UpdateSettings" => json!({ "livenessAbuseMonitoring": { "enabled": true } }),
        other if other.starts_with("Create") || other.starts_with("Update") => {
            json!({ "name": "theirs", "userData": "theirs" })
        }
        _ => return None,
    })
}

/// What may succeed: making something of one's own under the same name, lists (of nothing), and looking at a picture.
fn may_succeed(operation: &str) -> bool {
    let makes =
        ["CreateFaceList", "CreateLargeFaceList", "CreatePersonGroup", "CreateLargePersonGroup", "CreatePerson"];
    let lists = [
        "GetFaceLists",
        "GetLargeFaceLists",
        "GetPersonGroups",
        "GetLargePersonGroups",
        "GetPersons",
        "GetDynamicPersonGroups",
        "GetSnapshots",
        "GetPreviewLivenessSessions",
        "GetPreviewLivenessWithVerifySessions",
        "Detect",
    ];
    // Settings are everybody's own, and sessions have ids of the service.
    let own = operation.contains("Settings") || operation.contains("AbuseMonitoring");
    let session = operation.starts_with("Create") && operation.contains("Liveness");
    own || session || makes.contains(&operation) || lists.contains(&operation)
}

/// Sends an operation with a key.
fn send(
    server: &TestServer,
    key: &str,
    method: &str,
    path: &str,
    operation: &str,
    owned: &Owned,
    photo: &[u8],
) -> Answer {
    let request = server.bare(method, path).header("Ocp-Apim-Subscription-Key", key);
    let takes_picture = operation == "Detect" || (operation.starts_with("Add") && operation.ends_with("Face"));
    match body(operation, owned) {
        _ if takes_picture => Answer::to_picture(request, photo),
        Some(body) => Answer::to_json(request, &body),
        None => Answer::of(request),
    }
}

fn nothing_of_one_account_is_anything_in_another(store: &TestStore) {
    let server = store.server(&[]);
    let owned = furnish(&server);
    let other = server.other_account();
    let before = inventory(&server);
    assert!(before.iter().all(|text| text.len() > 2), "{before:?}");
    let description = Answer::of(server.bare("GET", "/openapi.json")).body;
    // A picture of nobody: what it gives is not what this is about.
    let photo = demo(6);
    let ids: Vec<&String> =
        owned.parameters.iter().map(|(_, value)| value).chain(&owned.faces).chain([&owned.group]).collect();
    let (mut tried, mut wrong) = (0, Vec::new());
    let mut operations = Vec::new();
    for (path, methods) in description["paths"].as_object().expect("paths") {
        for (method, described) in methods.as_object().expect("methods") {
            let Some(name) = described["operationId"].as_str() else { continue };
            operations.push((method.to_uppercase(), path.clone(), name.to_owned()));
        }
    }
    // What is made comes last, so that it does not stand in the way of what must not be found.
    operations.sort_by_key(|(_, _, name)| may_succeed(name));
    for (method, path, name) in &operations {
        tried += 1;
        let path = filled(path, &owned);
        let answer = send(&server, &other.keys[0], method, &path, name, &owned, &photo);
        let shows = answer.body.to_string();
        // An id that the caller sent may come back in an address; what it is called may not.
        let leaks =
            shows.contains(MARK) || (answer.status < 300 && ids.iter().any(|id| id.len() > 20 && shows.contains(*id)));
        if leaks || (answer.status < 300) != may_succeed(name) {
            wrong.push(format!("{name}: {} {shows}", answer.status));
        }
        // Nor does a key open another account's endpoint, whatever is asked there.
        let door = format!("/accounts/default{path}");
        let answer = send(&server, &other.keys[0], method, &door, name, &owned, &photo);
        if answer.status != 401 {
            wrong.push(format!("{name} at the other's endpoint: {} {}", answer.status, answer.body));
        }
    }
    assert_eq!(tried, 103, "the description lists every route");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(inventory(&server), before, "something of the first account changed");
    management(&server, &other);
    // The right key at the right endpoint, so that the refusals above mean something.
    let own =
        server.bare("GET", "/accounts/default/face/v1.0/facelists/mine").header("Ocp-Apim-Subscription-Key", KEY1);
    assert_eq!(Answer::of(own).status, 200);
}

/// The same for the management API, from its own table.
fn management(server: &TestServer, other: &OtherAccount<'_>) {
    let table = server.manage("GET", "", &Value::Null).body;
    let rows = table.as_array().expect("a table");
    assert!(rows.len() >= 30, "{rows:?}");
    for row in rows {
        let (method, path) = (row["method"].as_str().expect("a method"), row["path"].as_str().expect("a path"));
        let path = path.trim_start_matches("/admin/v1/");
        if path.is_empty() || path == "me" || path == "retention" {
            continue;
        }
        let path = path.replacen("{}", "default", 1).replace("{}", &uuid::Uuid::nil().to_string());
        for (who, key) in [("a neighbour", other.keys[0].as_str()), ("a stranger", "a key that nobody has")] {
            let answer = server.manage_with(key, method, &path, &json!({}));
            let expected = if who == "a neighbour" { 403 } else { 401 };
            assert_eq!(answer.status, expected, "{who}: {method} {path}: {answer:?}");
        }
    }
    let me = server.manage_with(&other.keys[0], "GET", "me", &Value::Null).body;
    let seen: Vec<&str> =
        me["accounts"].as_array().expect("accounts").iter().filter_map(|one| one["id"].as_str()).collect();
    assert_eq!(seen, [other.id.as_str()]);
}
