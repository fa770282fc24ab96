//! What each role may do: every operation of the description, called by an identity of each role, against a table that is
//! written down here (`face-api.md` section 6). An operation that is not in the table fails the test.

use crate::oidc::{self, Provider, assign, by, call, outcome, subject};
use crate::server::{Answer, TestServer, demo};
use crate::stores::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Questions about faces: those who ask, and those who may do everything.
const ASK: &[&str] = &["Detect", "FindSimilar", "Group", "Identify", "Verify"];

/// Looking at what is stored: those who read, and those who may do everything.
const READ: &[&str] = &[
    "GetSessionImage",
    "GetPreviewSessionImage",
    "GetLivenessAbuseMonitoring",
    "GetSettings",
    "GetFaceList",
    "GetFaceLists",
    "GetLargeFaceList",
    "GetLargeFaceLists",
    "GetLargeFaceListTrainingStatus",
    "GetLargeFaceListFaces",
    "GetLargeFaceListFace",
    "GetPersonGroup",
    "GetPersonGroups",
    "GetPersonGroupTrainingStatus",
    "GetPersonGroupPersons",
    "GetPersonGroupPerson",
    "GetPersonGroupPersonFace",
    "GetLargePersonGroup",
    "GetLargePersonGroups",
    "GetLargePersonGroupTrainingStatus",
    "GetLargePersonGroupPersons",
    "GetLargePersonGroupPerson",
    "GetLargePersonGroupPersonFace",
    "GetSnapshots",
    "GetSnapshot",
    "GetOperationStatus",
    "GetPersons",
    "GetPerson",
    "GetDynamicPersonGroupReferences",
    "GetPersonFaces",
    "GetPersonFace",
    "GetDynamicPersonGroup",
    "GetDynamicPersonGroups",
    "GetDynamicPersonGroupPersons",
];

/// Reading liveness sessions: those who ask, those who read, and those who may do everything.
const READ_SESSIONS: &[&str] = &[
    "GetPreviewLivenessSessions",
    "GetPreviewLivenessSessionResult",
    "GetPreviewLivenessSessionAuditEntries",
    "GetPreviewLivenessWithVerifySessions",
    "GetPreviewLivenessWithVerifySessionResult",
    "GetPreviewLivenessWithVerifySessionAuditEntries",
    "GetLivenessSessionResult",
    "GetLivenessWithVerifySessionResult",
];

/// Making and deleting them: those who ask, and those who may do everything.
const CHANGE_SESSIONS: &[&str] = &[
    "CreatePreviewLivenessSession",
    "DeletePreviewLivenessSession",
    "CreatePreviewLivenessWithVerifySession",
    "DeletePreviewLivenessWithVerifySession",
    "CreateLivenessSession",
    "DeleteLivenessSession",
    "CreateLivenessWithVerifySession",
    "DeleteLivenessWithVerifySession",
];

/// Changing what is stored: those who may do everything.
const CHANGE: &[&str] = &[
    "UpdateLivenessAbuseMonitoring",
    "UpdateSettings",
    "GetClientAssetsAccessToken",
    "CreateFaceList",
    "UpdateFaceList",
    "DeleteFaceList",
    "AddFaceListFace",
    "DeleteFaceListFace",
    "CreateLargeFaceList",
    "UpdateLargeFaceList",
    "DeleteLargeFaceList",
    "TrainLargeFaceList",
    "AddLargeFaceListFace",
    "UpdateLargeFaceListFace",
    "DeleteLargeFaceListFace",
    "CreatePersonGroup",
    "UpdatePersonGroup",
    "DeletePersonGroup",
    "TrainPersonGroup",
    "CreatePersonGroupPerson",
    "UpdatePersonGroupPerson",
    "DeletePersonGroupPerson",
    "AddPersonGroupPersonFace",
    "UpdatePersonGroupPersonFace",
    "DeletePersonGroupPersonFace",
    "CreateLargePersonGroup",
    "UpdateLargePersonGroup",
    "DeleteLargePersonGroup",
    "TrainLargePersonGroup",
    "CreateLargePersonGroupPerson",
    "UpdateLargePersonGroupPerson",
    "DeleteLargePersonGroupPerson",
    "AddLargePersonGroupPersonFace",
    "UpdateLargePersonGroupPersonFace",
    "DeleteLargePersonGroupPersonFace",
    "TakeSnapshot",
    "UpdateSnapshot",
    "DeleteSnapshot",
    "ApplySnapshot",
    "CreatePerson",
    "UpdatePerson",
    "DeletePerson",
    "AddPersonFace",
    "UpdatePersonFace",
    "DeletePersonFace",
    "CreateDynamicPersonGroup",
    "UpdateDynamicPersonGroup",
    "DeleteDynamicPersonGroup",
];

/// Each role, and which of the three it holds. As in Azure, owners and contributors reach data through keys alone.
const ROLES: &[(&str, &[&[&str]])] = &[
    ("Cognitive Services Face Recognizer", &[ASK, READ_SESSIONS, CHANGE_SESSIONS]),
    ("Cognitive Services User", &[ASK, READ, READ_SESSIONS, CHANGE_SESSIONS, CHANGE]),
    ("Cognitive Services Data Reader", &[READ, READ_SESSIONS]),
    ("Cognitive Services Contributor", &[]),
    ("Owner", &[]),
    ("", &[]),
];

/// A person for each role, by its number, and a server that knows them.
fn one_of_each(test: &str, store: &TestStore) -> Option<(TestServer, Provider, Vec<String>, tempfile::TempDir)> {
    let people: serde_json::Map<String, Value> =
        (0..ROLES.len()).map(|number| (format!("person-{number}"), json!({}))).collect();
    let provider = Provider::start(test, &Value::Object(people))?;
    let (file, settings) = oidc::settings_file(&provider.trusted(60));
    let server = store.server(&[("LIKENESS_CONFIG", &file)]);
    for (number, (role, _)) in ROLES.iter().enumerate().filter(|(_, (role, _))| !role.is_empty()) {
        assign(&server, "default", &provider, &subject(&format!("person-{number}")), role);
    }
    let tokens = (0..ROLES.len()).map(|number| provider.token(&format!("person-{number}"))).collect();
    Some((server, provider, tokens, settings))
}

/// An operation of the description: its name, its method, and its path with something in the place of each parameter.
fn operations(server: &TestServer) -> Vec<(String, String, String)> {
    let description = Answer::of(server.bare("GET", "/openapi.json")).body;
    let paths = description["paths"].as_object().expect("paths");
    let all = paths.iter().flat_map(|(path, methods)| {
        let filled: Vec<String> = path
            .split('/')
            .map(|segment| match segment.strip_prefix('{') {
                Some("version}") => "v1.0".to_owned(),
                Some("recognitionModel}") => "recognition_04".to_owned(),
                // What is named by the service is named by numbers.
                Some(name)
                    if ["personId}", "persistedFaceId}", "snapshotId}", "operationId}", "sessionId}"]
                        .contains(&name) =>
                {
                    "4f8a1f0e-2f51-4d55-8f0a-3f2f4f5f6f7f".to_owned()
                }
                Some(_) => "mine".to_owned(),
                None => segment.to_owned(),
            })
            .collect();
        let methods = methods.as_object().expect("methods").iter();
        methods.map(move |(method, operation)| {
            let name = operation["operationId"].as_str().expect("every operation has a name");
            (name.to_owned(), method.to_ascii_uppercase(), filled.join("/"))
        })
    });
    all.collect()
}

on_both_stores!(every_operation_for_every_role);

fn every_operation_for_every_role(store: &TestStore) {
    let made = one_of_each("every_operation_for_every_role", store);
    let Some((server, _provider, tokens, _settings)) = made else { return };
    let operations = operations(&server);
    let named: Vec<&str> = operations.iter().map(|(name, ..)| name.as_str()).collect();
    let written: Vec<&str> = [ASK, READ, READ_SESSIONS, CHANGE_SESSIONS, CHANGE].concat();
    let [there, expected] = [&named, &written].map(|names| names.iter().copied().collect::<BTreeSet<_>>());
    assert_eq!((named.len(), written.len()), (there.len(), expected.len()), "each is named once");
    assert_eq!(there, expected, "the table above and the description name the same operations");
    let mut wrong = Vec::new();
    for ((role, held), token) in ROLES.iter().zip(&tokens) {
        for (name, method, path) in &operations {
            let answer = Answer::to_json(by(&server, token, method, path), &json!({ "name": "n" }));
            let (status, code) = outcome(&answer);
            let is_right = if held.iter().any(|names| names.contains(&name.as_str())) {
                ![401, 403, 404, 500].contains(&status) || (status == 404 && code.ends_with("NotFound"))
            } else {
                (status, code) == (401, "PermissionDenied")
            };
            if !is_right {
                wrong.push(format!("{name} for {role:?}: {status} {}", answer.body));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Whoever may not, changes nothing: what is there now was made by the one who may.
    let trail = server.manage("GET", "accounts/default/audit?top=1000", &Value::Null);
    let rows = trail.body.as_array().expect("rows");
    let people: BTreeSet<&str> = rows
        .iter()
        .filter(|row| row["outcome"] == "applied")
        .filter_map(|row| row["actor"].as_str())
        .filter(|actor| actor.contains("person-"))
        .collect();
    assert_eq!(people.len(), 1, "{people:?}");
    assert!(people.iter().all(|actor| actor.contains("person-1")), "{people:?}");
}

#[test]
fn what_lies_beside_the_operations_for_every_role() {
    let store = TestStore::file();
    let Some((server, _provider, tokens, _settings)) =
        one_of_each("what_lies_beside_the_operations_for_every_role", &store)
    else {
        return;
    };
    let calls: [(&str, &[&str]); 3] = [
        // Lending needs all data actions.
        ("/sts/v1.0/issueLimitedAccessToken", &["Cognitive Services User"]),
        // Where consent decisions are recorded.
        ("/notice/decision", &["Cognitive Services User", "Cognitive Services Face Recognizer"]),
        ("/sts/v1.0/issueToken", &[]),
    ];
    for (path, allowed) in calls {
        for ((role, _), token) in ROLES.iter().zip(&tokens) {
            let answer = Answer::to_json(by(&server, token, "POST", path), &json!({}));
            let expected = if allowed.contains(role) { 400 } else { 401 };
            assert_eq!(answer.status, expected, "{path} for {role:?}: {answer:?}");
        }
    }
}

#[test]
fn every_version_asks_for_the_same_rights() {
    let store = TestStore::file();
    let Some((server, _provider, tokens, _settings)) = one_of_each("every_version_asks_for_the_same_rights", &store)
    else {
        return;
    };
    let nobody = tokens.last().expect("the one without a role");
    for version in ["v1.0-preview", "v1.1-preview.1", "v1.2-preview.1", "v1.2", "v1.3-preview.1"] {
        for (name, method, path) in operations(&server) {
            let path = path.replace("/v1.0/", &format!("/{version}/"));
            let answer = call(&server, nobody, &method, &path);
            assert_eq!(outcome(&answer), (401, "PermissionDenied"), "{name} under {version}");
        }
    }
}

#[test]
fn whoever_may_ask_gets_answers_and_enrols_nobody() {
    let store = TestStore::file();
    let Some((server, _provider, tokens, _settings)) =
        one_of_each("whoever_may_ask_gets_answers_and_enrols_nobody", &store)
    else {
        return;
    };
    let (recognizer, user) = (&tokens[0], &tokens[1]);
    let send =
        |token: &str, method: &str, path: &str, body: &Value| Answer::to_json(by(&server, token, method, path), body);
    // Somebody who may do everything enrols one person.
    let group = json!({ "name": "n", "recognitionModel": "recognition_04" });
    assert_eq!(send(user, "PUT", "persongroups/staff", &group).status, 200);
    let person = send(user, "POST", "persongroups/staff/persons", &json!({ "name": "p" })).id("personId");
    let faces = format!("persongroups/staff/persons/{person}/persistedfaces");
    let target = format!("{faces}?targetFace={}", crate::server::target(&server.detect(&demo(1))[0]));
    assert_eq!(Answer::to_picture(by(&server, user, "POST", &target), &demo(1)).status, 200);
    server.train("persongroups/staff");
    assert_eq!(call(&server, user, "POST", "persongroups/staff/train").status, 202);

    let detect = "detect?recognitionModel=recognition_04&returnFaceId=true";
    let seen = Answer::to_picture(by(&server, recognizer, "POST", detect), &demo(1));
    assert_eq!(seen.status, 200, "{seen:?}");
    let face = seen.body[0]["faceId"].as_str().expect("a face").to_owned();
    let verify = json!({ "faceId": face, "personGroupId": "staff", "personId": person });
    assert_eq!(send(recognizer, "POST", "verify", &verify).body["isIdentical"], true);
    let identify = send(recognizer, "POST", "identify", &json!({ "faceIds": [face], "personGroupId": "staff" }));
    assert_eq!(identify.body[0]["candidates"][0]["personId"], json!(person), "{identify:?}");
    let again = server.detect(&demo(1))[0]["faceId"].clone();
    let similar = send(recognizer, "POST", "findsimilars", &json!({ "faceId": face, "faceIds": [again] }));
    assert_eq!((similar.status, &similar.body[0]["faceId"]), (200, &again), "{similar:?}");
    assert_eq!(send(recognizer, "POST", "group", &json!({ "faceIds": [face, again] })).status, 200);

    for (method, path) in [
        ("GET", "persongroups"),
        ("GET", "persongroups/staff/persons"),
        ("POST", "persongroups/staff/train"),
        ("GET", "persongroups/staff/training"),
        ("DELETE", "persongroups/staff"),
    ] {
        let answer = call(&server, recognizer, method, path);
        assert_eq!(outcome(&answer), (401, "PermissionDenied"), "{method} {path}");
    }
    // Before the picture is even looked at.
    let refused = Answer::to_picture(by(&server, recognizer, "POST", &faces), b"no picture");
    assert_eq!(outcome(&refused), (401, "PermissionDenied"));
    assert_eq!(server.call("GET", &format!("persongroups/staff/persons/{person}")).status, 200);
}

#[test]
fn roles_add_up() {
    let people = json!({ "ada": { "claims": { "groups": ["readers"], "roles": ["Face.Ask"] } } });
    let Some(provider) = Provider::start("roles_add_up", &people) else { return };
    let (server, _settings) = oidc::server_with(&provider.trusted(60));
    let ada = provider.token("ada");
    let may = || {
        let asks = outcome(&Answer::to_json(by(&server, &ada, "POST", "verify"), &json!({}))).0 == 400;
        let reads = call(&server, &ada, "GET", "facelists").status == 200;
        let trains = outcome(&call(&server, &ada, "POST", "persongroups/mine/train")).0 == 404;
        (asks, reads, trains)
    };
    assert_eq!(may(), (false, false, false));
    let reader = assign(&server, "default", &provider, &json!({ "group": "readers" }), "data-reader");
    assert_eq!(may(), (false, true, false));
    // For one account, and for the installation.
    let asker = assign(&server, "", &provider, &json!({ "appRole": "Face.Ask" }), "face-recognizer");
    assert_eq!(may(), (true, true, false));
    let user = assign(&server, "default", &provider, &subject("ada"), "user");
    assert_eq!(may(), (true, true, true));
    for (path, left) in [(user, (true, true, false)), (reader, (true, false, false)), (asker, (false, false, false))] {
        assert_eq!(server.manage("DELETE", &path, &Value::Null).status, 204, "{path}");
        assert_eq!(may(), left, "at once");
    }
}
