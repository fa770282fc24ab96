//! The refusals of the contract that rows 1 to 56 can give, one row each, and that nothing changed by them.

use crate::clock::Clock;
use crate::server::{Answer, KEY2, Refused, TestServer, demo, target};
use serde_json::{Value, json};
use std::time::Duration;

/// A server with one of everything in it.
struct Furnished {
    server: TestServer,
    /// A face id of recognition model 4 and one of model 1.
    faces: [String; 2],
    person: String,
    face: String,
}

const ID: &str = "4f8a1f0e-2f51-4d55-8f0a-3f2f4f5f6f7f";

fn furnished() -> Furnished {
    let server = TestServer::new();
    for container in ["facelists/fl", "largefacelists/lfl", "persongroups/pg", "largepersongroups/lpg"] {
        let made = server.json("PUT", container, &json!({ "name": "n", "recognitionModel": "recognition_04" }));
        assert_eq!(made.status, 200, "{made:?}");
    }
    let detected = server.detect(&demo(1));
    let person = server.json("POST", "persongroups/pg/persons", &json!({ "name": "p" })).body["personId"].clone();
    let person = person.as_str().expect("an id").to_owned();
    let path = format!("persongroups/pg/persons/{person}/persistedfaces?targetFace={}", target(&detected[0]));
    let face = server.picture(&path, &demo(1)).body["persistedFaceId"].as_str().expect("an id").to_owned();
    let old = server.picture("detect?recognitionModel=recognition_01", &demo(1));
    let faces = [detected[0]["faceId"].clone(), old.body[0]["faceId"].clone()];
    Furnished { server, faces: faces.map(|id| id.as_str().expect("an id").to_owned()), person, face }
}

/// What there is, to see that a refusal changed nothing.
fn inventory(server: &TestServer) -> Vec<Answer> {
    let mut answers: Vec<Answer> = [
        "facelists/fl",
        "facelists",
        "largefacelists",
        "largefacelists/lfl/persistedfaces",
        "persongroups",
        "persongroups/pg/persons",
        "largepersongroups",
        "largepersongroups/lpg/persons",
    ]
    .iter()
    .map(|path| server.call("GET", path))
    .collect();
    for answer in &mut answers {
        answer.headers.clear();
    }
    answers
}

#[test]
fn every_refusal_has_its_status_and_code() {
    let it = furnished();
    let [new, old] = &it.faces;
    let person = &it.person;
    let face = &it.face;
    let long = "x".repeat(129);
    let many: Vec<&str> = vec![ID; 1001];
    let eleven = vec![new.as_str(); 11];
    let name = json!({ "name": "n" });
    let in_pg = |more: Value| {
        let mut body = json!({ "faceIds": [new], "personGroupId": "pg" });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    // Method, path, body, status, code.
    let row = |method: &'static str, path: &str, body: Value, status: u16, code: &'static str| {
        (method, path.to_owned(), body, status, code)
    };
    let json_rows = vec![
        // verify
        row("POST", "verify", json!({}), 400, "BadArgument"),
        row("POST", "verify", json!({ "faceId1": new }), 400, "BadArgument"),
        row("POST", "verify", json!({ "faceId1": new, "faceId2": "x" }), 400, "BadArgument"),
        row("POST", "verify", json!({ "faceId1": new, "faceId2": 7 }), 400, "BadArgument"),
        row("POST", "verify", json!({ "faceId1": new, "faceId2": ID }), 404, "FaceNotFound"),
        row("POST", "verify", json!({ "faceId1": new, "faceId2": old }), 400, "BadArgument"),
        row("POST", "verify", json!({ "faceId": new, "personId": person, "personGroupId": "NO" }), 400, "BadArgument"),
        row(
            "POST",
            "verify",
            json!({ "faceId": new, "personId": person, "personGroupId": "no" }),
            400,
            "PersonGroupNotFound",
        ),
        row(
            "POST",
            "verify",
            json!({ "faceId": new, "personId": person, "largePersonGroupId": "no" }),
            400,
            "LargePersonGroupNotFound",
        ),
        row("POST", "verify", json!({ "faceId": new, "personId": ID, "personGroupId": "pg" }), 400, "PersonNotFound"),
        row("POST", "verify", json!({ "faceId": ID, "personId": person, "personGroupId": "pg" }), 404, "FaceNotFound"),
        row("POST", "verify", json!({ "faceId": old, "personId": person, "personGroupId": "pg" }), 400, "BadArgument"),
        row("POST", "verify", json!({ "faceId": new, "personGroupId": "pg" }), 400, "BadArgument"),
        row("POST", "verify", json!({ "faceId": new, "personId": person }), 404, "PersonNotFound"),
        // identify
        row("POST", "identify", json!({ "faceIds": [new] }), 400, "MissingIdentificationScopeParameters"),
        row("POST", "identify", json!({ "personGroupId": "pg" }), 400, "BadArgument"),
        row("POST", "identify", json!({ "faceIds": [], "personGroupId": "pg" }), 400, "BadArgument"),
        row("POST", "identify", json!({ "faceIds": eleven, "personGroupId": "pg" }), 400, "BadArgument"),
        row(
            "POST",
            "identify",
            in_pg(json!({ "largePersonGroupId": "lpg" })),
            400,
            "PersonGroupIdAndLargePersonGroupIdBothNotNull",
        ),
        row(
            "POST",
            "identify",
            in_pg(json!({ "personIds": ["*"] })),
            400,
            "IncompatibleIdentificationScopeParametersCombination",
        ),
        row("POST", "identify", in_pg(json!({ "maxNumOfCandidatesReturned": 0 })), 400, "BadArgument"),
        row("POST", "identify", in_pg(json!({ "maxNumOfCandidatesReturned": 101 })), 400, "BadArgument"),
        row("POST", "identify", in_pg(json!({ "confidenceThreshold": 1.01 })), 400, "BadArgument"),
        row("POST", "identify", in_pg(json!({ "confidenceThreshold": "high" })), 400, "BadArgument"),
        row("POST", "identify", in_pg(json!({ "faceIds": [ID] })), 400, "FaceNotFound"),
        row("POST", "identify", in_pg(json!({})), 400, "PersonGroupNotTrained"),
        row("POST", "identify", json!({ "faceIds": [new], "personGroupId": "no" }), 400, "PersonGroupNotFound"),
        row(
            "POST",
            "identify",
            json!({ "faceIds": [new], "largePersonGroupId": "no" }),
            400,
            "LargePersonGroupNotFound",
        ),
        row(
            "POST",
            "identify",
            json!({ "faceIds": [new], "largePersonGroupId": "lpg" }),
            400,
            "LargePersonGroupNotTrained",
        ),
        row(
            "POST",
            "identify",
            json!({ "faceIds": [new], "dynamicPersonGroupId": "no" }),
            400,
            "DynamicPersonGroupNotFound",
        ),
        // find similar
        row("POST", "findsimilars", json!({ "faceId": new }), 400, "BadArgument"),
        row("POST", "findsimilars", json!({ "faceIds": [new] }), 400, "BadArgument"),
        row("POST", "findsimilars", json!({ "faceId": new, "faceIds": [] }), 400, "BadArgument"),
        row("POST", "findsimilars", json!({ "faceId": new, "faceIds": many }), 400, "BadArgument"),
        row("POST", "findsimilars", json!({ "faceId": new, "faceIds": [new], "faceListId": "fl" }), 400, "BadArgument"),
        row(
            "POST",
            "findsimilars",
            json!({ "faceId": new, "faceListId": "fl", "largeFaceListId": "lfl" }),
            400,
            "BadArgument",
        ),
        row(
            "POST",
            "findsimilars",
            json!({ "faceId": new, "faceIds": [new], "mode": "matchName" }),
            400,
            "BadArgument",
        ),
        row(
            "POST",
            "findsimilars",
            json!({ "faceId": new, "faceIds": [new], "maxNumOfCandidatesReturned": 1001 }),
            400,
            "BadArgument",
        ),
        row("POST", "findsimilars", json!({ "faceId": new, "faceIds": [ID] }), 400, "FaceNotFound"),
        row("POST", "findsimilars", json!({ "faceId": ID, "faceIds": [new] }), 400, "FaceNotFound"),
        row("POST", "findsimilars", json!({ "faceId": new, "faceIds": [old] }), 400, "BadArgument"),
        row("POST", "findsimilars", json!({ "faceId": new, "faceListId": "no" }), 400, "FaceListNotFound"),
        row("POST", "findsimilars", json!({ "faceId": new, "faceListId": "fl" }), 400, "FaceListNotReady"),
        row("POST", "findsimilars", json!({ "faceId": new, "largeFaceListId": "no" }), 400, "LargeFaceListNotFound"),
        row("POST", "findsimilars", json!({ "faceId": new, "largeFaceListId": "lfl" }), 400, "LargeFaceListNotTrained"),
        // group
        row("POST", "group", json!({}), 400, "BadArgument"),
        row("POST", "group", json!({ "faceIds": [new] }), 400, "BadArgument"),
        row("POST", "group", json!({ "faceIds": [new, ID] }), 400, "FaceNotFound"),
        row("POST", "group", json!({ "faceIds": [new, old] }), 400, "BadArgument"),
        // containers
        row("PUT", "facelists/UPPER", name.clone(), 400, "BadArgument"),
        row("PUT", &format!("persongroups/{}", "x".repeat(65)), name.clone(), 400, "BadArgument"),
        row("PUT", "facelists/new", json!({}), 400, "BadArgument"),
        row("PUT", "facelists/new", json!({ "name": "" }), 400, "BadArgument"),
        row("PUT", "facelists/new", json!({ "name": long }), 400, "BadArgument"),
        row("PUT", "facelists/new", json!({ "name": "n", "userData": "x".repeat(16_385) }), 400, "BadArgument"),
        row("PUT", "facelists/new", json!({ "name": "n", "recognitionModel": "recognition_05" }), 400, "BadArgument"),
        row("PUT", "facelists/fl", name.clone(), 409, "FaceListExists"),
        row("PUT", "largefacelists/lfl", name.clone(), 409, "LargeFaceListExists"),
        row("PUT", "persongroups/pg", name.clone(), 409, "PersonGroupExists"),
        row("PUT", "largepersongroups/lpg", name.clone(), 409, "LargePersonGroupExists"),
        row("PATCH", "facelists/no", name.clone(), 404, "FaceListNotFound"),
        row("PATCH", "largefacelists/lfl", json!({}), 400, "BadArgument"),
        row("PATCH", "largepersongroups/lpg", json!({}), 400, "BadArgument"),
        row("PATCH", "persongroups/pg", json!({ "name": "" }), 400, "BadArgument"),
        // persons and faces
        row("POST", "persongroups/pg/persons", json!({}), 400, "BadArgument"),
        row("POST", "persongroups/no/persons", name.clone(), 404, "PersonGroupNotFound"),
        row("PATCH", &format!("persongroups/pg/persons/{ID}"), name.clone(), 404, "PersonNotFound"),
        row(
            "PATCH",
            &format!("persongroups/pg/persons/{person}/persistedfaces/{ID}"),
            json!({ "userData": "x" }),
            404,
            "PersistedFaceNotFound",
        ),
        row(
            "PATCH",
            &format!("persongroups/pg/persons/{person}/persistedfaces/{face}"),
            json!({ "userData": "x".repeat(1025) }),
            400,
            "BadArgument",
        ),
        row(
            "PATCH",
            &format!("largefacelists/lfl/persistedfaces/{ID}"),
            json!({ "userData": "x" }),
            404,
            "PersistedFaceNotFound",
        ),
    ];
    let before = inventory(&it.server);
    let mut wrong = it.server.not_refused(&json_rows);
    // Method, path, status, code; without a body.
    let bare_rows = vec![
        ("GET", "facelists/no".to_owned(), 404, "FaceListNotFound"),
        ("GET", "facelists/UPPER".to_owned(), 404, "FaceListNotFound"),
        ("DELETE", "facelists/no".to_owned(), 404, "FaceListNotFound"),
        ("GET", "largefacelists/no".to_owned(), 404, "LargeFaceListNotFound"),
        ("GET", "largefacelists/no/training".to_owned(), 404, "LargeFaceListNotFound"),
        ("GET", "largefacelists/lfl/training".to_owned(), 404, "LargeFaceListNotTrained"),
        ("GET", "persongroups/pg/training".to_owned(), 404, "PersonGroupNotTrained"),
        ("GET", "largepersongroups/lpg/training".to_owned(), 404, "LargePersonGroupNotTrained"),
        ("POST", "largepersongroups/no/train".to_owned(), 404, "LargePersonGroupNotFound"),
        ("GET", "persongroups?top=0".to_owned(), 400, "BadArgument"),
        ("GET", "persongroups?top=1001".to_owned(), 400, "BadArgument"),
        ("GET", format!("persongroups?start={}", "x".repeat(65)), 400, "BadArgument"),
        ("GET", "persongroups?returnRecognitionModel=maybe".to_owned(), 400, "BadArgument"),
        ("GET", "persongroups/no/persons".to_owned(), 404, "PersonGroupNotFound"),
        ("GET", "persongroups/pg/persons/x".to_owned(), 404, "PersonNotFound"),
        ("GET", format!("persongroups/pg/persons/{ID}"), 404, "PersonNotFound"),
        ("DELETE", format!("persongroups/pg/persons/{ID}"), 404, "PersonNotFound"),
        ("GET", format!("persongroups/pg/persons/{person}/persistedfaces/x"), 404, "PersistedFaceNotFound"),
        ("GET", format!("persongroups/pg/persons/{ID}/persistedfaces/{face}"), 404, "PersonNotFound"),
        ("DELETE", format!("persongroups/pg/persons/{person}/persistedfaces/{ID}"), 404, "PersistedFaceNotFound"),
        ("DELETE", format!("facelists/fl/persistedfaces/{ID}"), 404, "PersistedFaceNotFound"),
        ("GET", format!("largefacelists/lfl/persistedfaces/{face}"), 404, "PersistedFaceNotFound"),
        ("GET", "nothing".to_owned(), 404, "404"),
        ("GET", "/face/v9.9/facelists".to_owned(), 404, "404"),
        ("GET", "/faces/v1.0/facelists".to_owned(), 404, "404"),
        ("GET", "detect".to_owned(), 404, "404"),
        ("DELETE", "facelists".to_owned(), 404, "404"),
    ];
    let bare_rows: Vec<Refused> =
        bare_rows.into_iter().map(|(method, path, status, code)| (method, path, Value::Null, status, code)).collect();
    wrong.extend(it.server.not_refused(&bare_rows));
    // Query of a call with a picture, status, code.
    let picture_rows = [
        ("detect?detectionModel=detection_04", 400, "BadArgument"),
        ("detect?recognitionModel=recognition_00", 400, "BadArgument"),
        ("detect?returnFaceId=perhaps", 400, "BadArgument"),
        ("detect?faceIdTimeToLive=59", 400, "BadArgument"),
        ("detect?faceIdTimeToLive=86401", 400, "BadArgument"),
        ("detect?returnFaceAttributes=shoeSize", 400, "BadArgument"),
        ("detect?returnFaceAttributes=gender", 403, "UnsupportedFeature"),
        ("detect?detectionModel=detection_02&returnFaceAttributes=headPose", 400, "BadArgument"),
        ("detect?detectionModel=detection_02&returnFaceLandmarks=true", 400, "BadArgument"),
        ("facelists/fl/persistedfaces?targetFace=1,2,3", 400, "BadArgument"),
        ("facelists/fl/persistedfaces?detectionModel=none", 400, "BadArgument"),
        ("facelists/no/persistedfaces", 404, "FaceListNotFound"),
        ("persongroups/pg/persons/4f8a1f0e-2f51-4d55-8f0a-3f2f4f5f6f7f/persistedfaces", 404, "PersonNotFound"),
    ];
    for (path, status, code) in picture_rows {
        let answer = it.server.picture(path, &demo(1));
        if (answer.status, answer.code()) != (status, code) {
            wrong.push(format!("{path}: {} {}", answer.status, answer.body));
        }
    }
    let long_user_data =
        it.server.picture(&format!("facelists/fl/persistedfaces?userData={}", "x".repeat(1025)), &demo(1));
    assert_eq!((long_user_data.status, long_user_data.code()), (400, "BadArgument"));
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(inventory(&it.server), before, "a refusal left something behind");
}

#[test]
fn keys_and_media_types() {
    let server = TestServer::new();
    let without = Answer::of(server.bare("GET", "facelists"));
    assert_eq!((without.status, without.code()), (401, "401"));
    let wrong = Answer::of(server.bare("GET", "facelists").header("Ocp-Apim-Subscription-Key", "wrong"));
    assert_eq!((wrong.status, wrong.code()), (401, "401"));
    let second = Answer::of(server.bare("GET", "facelists").header("Ocp-Apim-Subscription-Key", KEY2));
    assert_eq!(second.status, 200);
    let in_query = Answer::of(server.bare("GET", &format!("facelists?subscription-key={KEY2}")));
    assert_eq!(in_query.status, 200);
    // A route that does not exist is refused before the key is checked.
    assert_eq!(Answer::of(server.bare("GET", "nothing")).status, 404);

    let plain = Answer::of(server.request("POST", "verify").header("Content-Type", "text/plain").body("{}"));
    assert_eq!((plain.status, plain.code()), (415, "UnsupportedMediaType"));
    let plain = Answer::of(server.request("POST", "detect").header("Content-Type", "text/plain").body("x"));
    assert_eq!((plain.status, plain.code()), (415, "UnsupportedMediaType"));
    let with_charset = Answer::of(
        server.request("POST", "group").header("Content-Type", "application/json; charset=utf-8").body("{]"),
    );
    assert_eq!((with_charset.status, with_charset.code()), (400, "BadArgument"));
    let huge = Answer::of(
        server.request("POST", "verify").header("Content-Type", "application/json").body("x".repeat(300_000)),
    );
    assert_eq!((huge.status, huge.code()), (400, "BadArgument"));
    let enormous = server
        .request("POST", "detect")
        .header("Content-Type", "application/octet-stream")
        .body(vec![0; 17 << 20])
        .send();
    // The body is refused unread, so the client may see the answer or a closed connection.
    if let Ok(response) = enormous {
        assert_eq!(response.status().as_u16(), 413);
    }
    assert_eq!(server.call("GET", "facelists").status, 200);
}

#[test]
fn every_answer_carries_the_headers_of_the_contract() {
    let server = TestServer::new();
    let request = server
        .request("GET", "facelists")
        .header("client-request-id", "mine")
        .header("x-ms-client-request-id", "mine too");
    // One of them is over HTTPS alone; a proxy that ends it says so.
    let requests = [request, server.bare("GET", "nothing"), server.bare("GET", "facelists")];
    for answer in requests.map(|request| Answer::of(request.header("x-forwarded-proto", "https"))) {
        for name in [
            "apim-request-id",
            "x-envoy-upstream-service-time",
            "strict-transport-security",
            "csp-billing-usage",
            "date",
        ] {
            assert!(answer.header(name).is_some(), "{name} is missing: {answer:?}");
        }
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
        if answer.status == 200 {
            assert_eq!(answer.header("client-request-id"), Some("mine"));
            assert_eq!(answer.header("x-ms-client-request-id"), Some("mine too"));
        }
    }
}

#[test]
fn an_expired_face_id_is_like_one_that_never_was() {
    let clock = Clock::new();
    let server = TestServer::with(&[clock.setting()]);
    let answer = server.picture("detect?recognitionModel=recognition_04&faceIdTimeToLive=60", &demo(1));
    let ids: Vec<&str> =
        answer.body.as_array().expect("faces").iter().filter_map(|face| face["faceId"].as_str()).collect();
    let pair = json!({ "faceId1": ids[0], "faceId2": ids[1] });
    assert_eq!(server.json("POST", "verify", &pair).status, 200);
    clock.forward(Duration::from_millis(60_200));
    let expired = server.json("POST", "verify", &pair);
    let unknown = server.json("POST", "verify", &json!({ "faceId1": ids[0], "faceId2": ID }));
    assert_eq!((expired.status, expired.code()), (404, "FaceNotFound"));
    assert_eq!((expired.status, &expired.body), (unknown.status, &unknown.body));
    let grouped = server.json("POST", "group", &json!({ "faceIds": ids }));
    assert_eq!((grouped.status, grouped.code()), (400, "FaceNotFound"));
}
