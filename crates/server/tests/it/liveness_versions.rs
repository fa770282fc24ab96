//! Liveness sessions of every shape, and all that devices call, under every version of the Face API.

use crate::liveness::{PLAIN, VERIFY, asked, bearer, created, form, picture_part, portrait};
use crate::server::{Answer, TestServer};
use reqwest::blocking::multipart::Form;
use serde_json::{Value, json};

const OLD_PLAIN: &str = "/face/v1.2-preview.1/detectLiveness/singleModal/sessions";
const VERSIONS: [&str; 6] = ["v1.0", "v1.0-preview", "v1.1-preview.1", "v1.2-preview.1", "v1.2", "v1.3-preview.1"];

#[test]
fn sessions_of_every_shape_under_every_version() {
    let server = TestServer::new();
    for version in VERSIONS {
        for (path, is_old, verify) in [
            ("detectLiveness/singleModal/sessions", true, false),
            ("detectLivenessWithVerify/singleModal/sessions", true, true),
            ("detectLiveness-sessions", false, false),
            ("detectLivenessWithVerify-sessions", false, true),
        ] {
            let path = format!("/face/{version}/{path}");
            // Words as the tutorial sends them, as JSON and as flat parts, and the parts of the older shape.
            let flat =
                || Form::new().text("livenessOperationMode", "passive").text("deviceCorrelationIdSetInClient", "true");
            let older = || Form::new().text("Parameters", asked().to_string());
            let (mut bodies, json) = (vec![flat(), older()], server.json("POST", &path, &asked()));
            if verify {
                bodies = vec![
                    flat().part("verifyImage", picture_part(&portrait())),
                    older().part("VerifyImage", picture_part(&portrait())),
                ];
            }
            let mut made = vec![json];
            made.extend(bodies.into_iter().map(|body| form(server.request("POST", &path), body)));
            for (at, made) in made.iter().enumerate() {
                assert_eq!(made.status, 200, "{path} {at}: {made:?}");
                let id = made.id("sessionId");
                let has_picture = verify && at > 0;
                let one = format!("{path}/{id}");
                let read = server.call("GET", &one);
                assert_eq!(read.status, 200, "{path}: {read:?}");
                if is_old {
                    assert_eq!(made.body.get("verifyImage").is_some(), has_picture, "{path}: {made:?}");
                    assert_eq!((read.id("id"), &read.body["status"]), (id.clone(), &json!("NotStarted")));
                    let listed = server.call("GET", &path).body;
                    assert!(listed.as_array().is_some_and(|all| all.iter().any(|item| item["id"] == json!(id))));
                    assert_eq!(server.call("GET", &format!("{one}/audit")).body, json!([]));
                } else {
                    assert_eq!((&read.body, &read.body["status"]), (&made.body, &json!("NotStarted")));
                    assert_eq!(read.body.get("isAbuseMonitoringEnabled").is_some(), version == "v1.3-preview.1");
                    let references = read.body["results"]["verifyReferences"].as_array().map(Vec::len);
                    assert_eq!(references, verify.then_some(usize::from(has_picture)), "{path}: {read:?}");
                }
                // The other kind of session has no such id.
                let other = path.replace("WithVerify", "");
                if verify {
                    assert_eq!(server.call("GET", &format!("{other}/{id}")).code(), "SessionNotFound");
                }
                assert_eq!(server.call("DELETE", &one).status, if is_old { 200 } else { 204 });
                assert_eq!(server.call("GET", &one).code(), "SessionNotFound");
            }
        }
    }
    // Pages of a list go by id.
    let mut ids: Vec<String> = (0..5).map(|_| created(&server, OLD_PLAIN, &asked()).0).collect();
    ids.sort();
    let page = server.call("GET", &format!("{OLD_PLAIN}?start={}&top=2", ids[1]));
    let listed: Vec<&str> =
        page.body.as_array().expect("a list").iter().filter_map(|item| item["id"].as_str()).collect();
    assert_eq!(listed, [&ids[2], &ids[3]]);
}

/// Device routes, pictures, settings and refusals.
#[test]
fn devices_pictures_and_settings_under_every_version() {
    let server = &TestServer::new();
    for version in VERSIONS {
        let at = |rest: &str| format!("/face/{version}/{rest}");
        for (sessions, frames) in
            [(PLAIN, "detectLiveness/singleModal"), (VERIFY, "detectLivenessWithVerify/singleModal")]
        {
            let mut asked = asked();
            asked["enableSessionImage"] = json!(true);
            if sessions == VERIFY {
                let path = "detect?recognitionModel=recognition_04";
                let face = server.picture(path, &portrait()).body[0]["faceId"].clone();
                asked["likeness"] = json!({ "verifyFaceId": face });
            }
            let (id, token) = created(server, sessions, &asked);
            let post = |path: &str, body: &Value| Answer::to_json(bearer(server.bare("POST", &at(path)), &token), body);
            let send = |pictures: usize| {
                let parts = (0..pictures).fold(Form::new(), |form, _| form.part("frame", picture_part(&portrait())));
                form(bearer(server.bare("POST", &at(frames)), &token), parts)
            };
            assert_eq!(post("session/attempt/end", &json!({ "attemptId": 1, "outcome": "completed" })).status, 409);
            assert_eq!(send(1).code(), "AttemptNotFound");
            assert_eq!(post("session/start", &json!({})).status, 200);
            assert_eq!(post("session/start", &json!({})).code(), "AttemptInProgress");
            assert_eq!(send(11).code(), "InvalidRequestBody");
            assert_eq!(send(6).status, 204);
            let ended = post("session/attempt/end", &json!({ "attemptId": 1, "outcome": "completed" }));
            assert_eq!(ended.body["status"], json!("Succeeded"), "{ended:?}");
            let read = server.call("GET", &format!("{sessions}/{id}")).body;
            let result = &read["results"]["attempts"][0]["result"];
            let image = result["sessionImageId"].as_str().expect("a picture").to_owned();
            for path in ["sessionImages", "session/sessionImages"] {
                assert_eq!(server.call("GET", &at(&format!("{path}/{image}"))).status, 200);
                assert_eq!(server.call("GET", &at(&format!("{path}/x"))).code(), "SessionImageNotFound");
            }
        }
        for path in ["settings", "settings/liveness-abuse-monitoring"] {
            let read = server.call("GET", &at(path));
            assert_eq!(read.status, 200);
            assert_eq!(server.json("PATCH", &at(path), &read.body).body, read.body);
            assert_eq!(server.json("PATCH", &at(path), &json!({})).code(), "InvalidRequestBody");
        }
        assert_eq!(server.call("GET", &at("settings/getClientAssetsAccessToken")).status, 501);
        for shape in ["detectLiveness", "detectLivenessWithVerify"] {
            let id = "11111111-2222-3333-4444-555555555555";
            let old = at(&format!("{shape}/singleModal/sessions"));
            for path in [format!("{old}/{id}"), format!("{old}/{id}/audit"), at(&format!("{shape}-sessions/{id}"))] {
                assert_eq!(server.call("GET", &path).code(), "SessionNotFound");
                if !path.ends_with("audit") {
                    assert_eq!(server.call("DELETE", &path).code(), "SessionNotFound");
                }
            }
            assert_eq!(server.call("GET", &format!("{old}?start=x")).code(), "BadArgument");
            for path in [old, at(&format!("{shape}-sessions"))] {
                assert_eq!(server.json("POST", &path, &json!({})).code(), "InvalidLivenessOperationMode");
            }
        }
    }
}
