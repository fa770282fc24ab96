//! Liveness sessions as app servers see them: what is refused, attempts by requests, quick links, closed correlation ids, abuse monitoring; on both stores where data is promised.

use crate::clock::Clock;
use crate::server::{Answer, OtherAccount, TestServer, demo, record_form};
use crate::stores::{TestStore, on_both_stores};
use reqwest::blocking::RequestBuilder;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};
use std::sync::OnceLock;
use std::time::Duration;

on_both_stores!(
    a_session_goes_with_all_that_belongs_to_it,
    a_quick_link_works_once,
    correlation_ids_close_and_open_again,
    the_same_face_behind_two_ids_is_flagged
);

pub(crate) const PLAIN: &str = "/face/v1.2/detectLiveness-sessions";
pub(crate) const VERIFY: &str = "/face/v1.2/detectLivenessWithVerify-sessions";
const OLD_VERIFY: &str = "/face/v1.2-preview.1/detectLivenessWithVerify/singleModal/sessions";

/// The smallest request for a session.
pub(crate) fn asked() -> Value {
    json!({ "livenessOperationMode": "Passive", "deviceCorrelationId": "door-1" })
}

/// A person before a camera, 640 by 480 pixels.
pub(crate) fn portrait() -> Vec<u8> {
    static FRAME: OnceLock<Vec<u8>> = OnceLock::new();
    let made = FRAME.get_or_init(|| {
        let photo = demo(1);
        let server = TestServer::new();
        let face = server.detect(&photo).remove(0)["faceRectangle"].clone();
        let side = |name: &str| face[name].as_f64().expect("a number");
        let (middle_x, middle_y) = (side("left") + side("width") / 2.0, side("top") + side("height") / 2.0);
        let picture = image::load_from_memory(&photo).expect("a photo");
        let height = side("height") * 2.2;
        let width = height * 4.0 / 3.0;
        let (left, top) = ((middle_x - width / 2.0).max(0.0), (middle_y - height / 2.0).max(0.0));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "places within a photo")]
        let cut = picture.crop_imm(left as u32, top as u32, width as u32, height as u32);
        let frame = cut.resize_exact(640, 480, image::imageops::FilterType::Triangle);
        let mut jpeg = std::io::Cursor::new(Vec::new());
        frame.write_to(&mut jpeg, image::ImageFormat::Jpeg).expect("a JPEG");
        jpeg.into_inner()
    });
    made.clone()
}

pub(crate) fn bearer(request: RequestBuilder, token: &str) -> RequestBuilder {
    request.header("Authorization", format!("Bearer {token}"))
}

/// Sends a form, which cannot be sent twice.
pub(crate) fn form(request: RequestBuilder, form: Form) -> Answer {
    let response = request.multipart(form).send().expect("the server answers");
    let path = response.url().path().to_owned();
    let answer = Answer::read(response);
    record_form(&path, &answer);
    answer
}

pub(crate) fn picture_part(bytes: &[u8]) -> Part {
    Part::bytes(bytes.to_vec()).file_name("a.jpg")
}

/// Creates a session and gives its id and its token.
pub(crate) fn created(server: &TestServer, path: &str, body: &Value) -> (String, String) {
    let made = server.json("POST", path, body);
    assert_eq!(made.status, 200, "{made:?}");
    (made.id("sessionId"), made.id("authToken"))
}

fn start(server: &TestServer, token: &str) -> Answer {
    Answer::to_json(bearer(server.bare("POST", "/face/v1.2/session/start"), token), &json!({}))
}

/// An attempt as a terminal makes it that only delivers pictures.
pub(crate) fn attempt(server: &TestServer, token: &str, route: &str, pictures: &[Vec<u8>]) -> Answer {
    let begun = start(server, token);
    assert_eq!(begun.status, 200, "{begun:?}");
    let parts = pictures.iter().fold(Form::new(), |form, bytes| form.part("frame", picture_part(bytes)));
    let sent = form(bearer(server.bare("POST", &format!("/face/v1.2/{route}/singleModal")), token), parts);
    assert!([200, 204].contains(&sent.status), "{sent:?}");
    let end = json!({ "attemptId": begun.body["attemptId"], "outcome": "completed" });
    Answer::to_json(bearer(server.bare("POST", "/face/v1.2/session/attempt/end"), token), &end)
}

#[test]
fn what_is_given_at_creation_is_checked() {
    let server = TestServer::new();
    let with = |name: &str, value: Value| {
        let mut body = asked();
        body[name] = value;
        body
    };
    let rows = [
        (json!({}), "InvalidLivenessOperationMode"),
        (with("livenessOperationMode", json!("Active")), "InvalidLivenessOperationMode"),
        (json!({ "livenessOperationMode": "Passive" }), "InvalidDeviceCorrelationId"),
        (with("deviceCorrelationId", json!("")), "InvalidDeviceCorrelationId"),
        (with("deviceCorrelationId", json!("x".repeat(65))), "InvalidDeviceCorrelationId"),
        (with("deviceCorrelationIdSetInClient", json!(true)), "InvalidDeviceCorrelationId"),
        (with("authTokenTimeToLiveInSeconds", json!(59)), "InvalidTokenLifetime"),
        (with("authTokenTimeToLiveInSeconds", json!(86_401)), "InvalidTokenLifetime"),
        (with("authTokenTimeToLiveInSeconds", json!("soon")), "InvalidTokenLifetime"),
        (with("numberOfClientAttemptsAllowed", json!(4)), "InvalidRequestBody"),
        (with("expectedClientIpAddress", json!("nowhere")), "InvalidRequestBody"),
        (with("enableSessionImage", json!("perhaps")), "InvalidRequestBody"),
        (with("livenessModelVersion", json!("2099-01-01")), "InvalidRequestBody"),
        (with("likeness", json!({ "minimumAssurance": "L9" })), "InvalidRequestBody"),
        (with("likeness", json!([])), "InvalidRequestBody"),
    ];
    for (body, code) in rows {
        let refused = server.json("POST", PLAIN, &body);
        assert_eq!((refused.status, refused.code()), (400, code), "{body}");
    }
    // References that cannot be compared, each with its reason; two at once; one that is not there.
    let reference = |bytes: &[u8]| {
        let parts = Form::new().text("livenessOperationMode", "Passive").text("deviceCorrelationId", "d");
        form(server.request("POST", VERIFY), parts.part("verifyImage", picture_part(bytes)))
    };
    let refused = reference(&demo_face_of(20));
    assert_eq!((refused.status, refused.code()), (400, "InvalidImage"), "{refused:?}");
    let nobody = reference(&blank());
    assert_eq!((nobody.status, nobody.code()), (400, "InvalidImage"), "{nobody:?}");
    assert_eq!(reference(b"no picture").code(), "InvalidImageSize");
    let id = "11111111-2222-3333-4444-555555555555";
    let missing = with("likeness", json!({ "verifyFaceId": id }));
    assert_eq!(server.json("POST", VERIFY, &missing).code(), "FaceNotFound");
    let both = with("likeness", json!({ "verifyFaceId": id, "verifyPersonId": id }));
    assert_eq!(server.json("POST", VERIFY, &both).code(), "InvalidRequestBody");
    // Without an approval nobody is checked, and a body is no form.
    let plain = server.another(&[]);
    let denied = |account: &OtherAccount<'_>, path: &str| account.json("POST", path, &asked()).code().to_owned();
    assert_eq!([PLAIN, VERIFY].map(|path| denied(&plain, path)), ["UnsupportedFeature", "UnsupportedFeature"]);
    let text = server.request("POST", PLAIN).header("Content-Type", "text/plain").body("x");
    assert_eq!(Answer::of(text).status, 415);
    let broken = server.request("POST", PLAIN).header("Content-Type", "multipart/form-data; boundary=x").body("--x");
    assert_eq!(Answer::of(broken).status, 400);
    let none = server.call("GET", "/face/v1.3-preview.1/settings/getClientAssetsAccessToken");
    assert_eq!((none.status, none.code()), (501, "NotImplemented"));
}

fn demo_face_of(side: u32) -> Vec<u8> {
    let small = image::load_from_memory(&portrait()).expect("a picture");
    let small = small.resize(side * 4, side * 4, image::imageops::FilterType::Triangle);
    let canvas = image::RgbImage::from_pixel(640, 480, image::Rgb([90, 90, 90]));
    let mut canvas = image::DynamicImage::ImageRgb8(canvas);
    image::imageops::overlay(&mut canvas, &small, 200, 150);
    let mut jpeg = std::io::Cursor::new(Vec::new());
    canvas.write_to(&mut jpeg, image::ImageFormat::Jpeg).expect("a JPEG");
    jpeg.into_inner()
}

pub(crate) fn blank() -> Vec<u8> {
    let noise = image::RgbImage::from_fn(320, 240, |x, y| image::Rgb([(x * 7 % 251) as u8, (y * 13 % 241) as u8, 99]));
    let mut jpeg = std::io::Cursor::new(Vec::new());
    image::DynamicImage::ImageRgb8(noise).write_to(&mut jpeg, image::ImageFormat::Jpeg).expect("a JPEG");
    jpeg.into_inner()
}

/// An attempt with a picture kept, a comparison and a hash: all of it is read by the app server, none of it by the device, and
/// all of it goes with the session.
fn a_session_goes_with_all_that_belongs_to_it(store: &TestStore) {
    let server = store.server(&[]);
    let parts = Form::new()
        .text("livenessOperationMode", "PassiveActive")
        .text("deviceCorrelationId", "door-1")
        .text("enableSessionImage", "true")
        .text("returnVerifyImageHash", "true")
        .part("verifyImage", picture_part(&portrait()));
    let made = form(server.request("POST", VERIFY), parts);
    assert_eq!(made.status, 200, "{made:?}");
    let (id, token) = (made.id("sessionId"), made.id("authToken"));
    let ended = attempt(&server, &token, "detectLivenessWithVerify", &vec![portrait(); 6]);
    assert_eq!((ended.status, &ended.body["status"]), (200, &json!("Succeeded")), "{ended:?}");
    assert!(ended.body.get("response").is_none(), "the device learns no result: {ended:?}");
    let read = server.call("GET", &format!("{VERIFY}/{id}"));
    let result = read.body["results"]["attempts"][0]["result"].clone();
    assert_eq!((&read.body["status"], &result["livenessDecision"]), (&json!("Succeeded"), &json!("uncertain")));
    assert_eq!(result["verifyResult"]["isIdentical"], json!(true), "{result}");
    assert_eq!(result["digest"], ended.body["digest"]);
    assert!(result["likeness"]["reason"].is_string(), "{result}");
    let hash = hex::encode_upper(<sha2::Sha256 as sha2::Digest>::digest(portrait()));
    assert_eq!(result["verifyImageHash"], json!(hash));
    // One decision, no other attempt, and no token to show.
    assert_eq!(start(&server, &token).code(), "NoAttemptsLeft");
    assert_eq!(read.body["authToken"], json!(""));
    // The same as the older shape tells it.
    let old = server.call("GET", &format!("{OLD_VERIFY}/{id}"));
    assert_eq!(old.body["status"], json!("ResultAvailable"), "{old:?}");
    assert_eq!(old.body["result"]["response"]["body"]["livenessDecision"], json!("uncertain"));
    let audit = server.call("GET", &format!("{OLD_VERIFY}/{id}/audit"));
    assert_eq!((audit.body.as_array().map(Vec::len), &audit.body[0]), (Some(1), &old.body["result"]));
    // The picture, by both paths, and as a source of detect.
    let image = result["sessionImageId"].as_str().expect("a picture is kept").to_owned();
    for path in ["/face/v1.2/sessionImages", "/face/v1.2-preview.1/session/sessionImages"] {
        let sent = server.request("GET", &format!("{path}/{image}")).send().expect("an answer");
        assert_eq!(sent.status(), 200);
        assert!(sent.bytes().expect("bytes").starts_with(&[0xff, 0xd8]), "a JPEG");
    }
    let detect = "/face/v1.2/detect?recognitionModel=recognition_04";
    let found = server.json("POST", detect, &json!({ "sessionImageId": image }));
    assert_eq!((found.status, found.body.as_array().map(Vec::len)), (200, Some(1)), "{found:?}");
    // Nothing of it is in another account, and all of it is gone with the session.
    let other = server.other_account();
    assert_eq!(other.call("GET", &format!("{VERIFY}/{id}")).code(), "SessionNotFound");
    assert_eq!(other.call("GET", &format!("/face/v1.2/sessionImages/{image}")).code(), "SessionImageNotFound");
    assert_eq!(other.call("DELETE", &format!("{VERIFY}/{id}")).code(), "SessionNotFound");
    assert_eq!(server.call("DELETE", &format!("{VERIFY}/{id}")).status, 204);
    assert_eq!(server.call("GET", &format!("/face/v1.2/sessionImages/{image}")).code(), "SessionImageNotFound");
    assert_eq!(server.json("POST", detect, &json!({ "sessionImageId": image })).code(), "SessionImageNotFound");
    assert_eq!(start(&server, &token).code(), "SessionNotFound");
    let kinds = "SELECT count(*) FROM record WHERE kind IN (4, 5, 6, 8)";
    assert_eq!(store.sql(kinds), ["0"]);
}

#[test]
fn a_token_is_for_one_session_and_its_time() {
    let clock = Clock::new();
    let server = TestServer::with(&[clock.setting()]);
    let mut asked = asked();
    asked["authTokenTimeToLiveInSeconds"] = json!(60);
    let (id, token) = created(&server, PLAIN, &asked);
    // It opens nothing but the device routes of its session.
    for path in ["/face/v1.2/detectLiveness-sessions/x", "/face/v1.0/facelists"] {
        assert_eq!(Answer::of(bearer(server.bare("GET", path), &token)).status, 401, "{path}");
    }
    let of_key = server.request("POST", "/sts/v1.0/issueToken").send().expect("an answer").text().expect("a token");
    let wrong = [String::new(), "x".to_owned(), format!("{token}x"), of_key];
    for other in wrong {
        assert_eq!(start(&server, &other).status, 401, "{other}");
    }
    // A key is no token.
    let with_key = server.json("POST", "/face/v1.2/session/start", &json!({}));
    assert_eq!((with_key.status, with_key.code()), (401, "Unauthorized"));
    clock.forward(Duration::from_secs(61));
    assert_eq!(start(&server, &token).status, 401);
    let read = server.call("GET", &format!("{PLAIN}/{id}"));
    assert_eq!((&read.body["status"], &read.body["authToken"]), (&json!("Canceled"), &json!("")));
}

/// A broken device does not slow the office that it stands in.
#[test]
fn wrong_device_tokens_count_apart_from_wrong_keys() {
    let server = TestServer::new();
    let guess = || {
        let request = bearer(server.bare("POST", "/face/v1.2/session/start"), "x");
        request.header("Content-Type", "application/json").body("{}").send().expect("an answer")
    };
    assert!((0..300).any(|_| guess().status() == 429), "guesses of tokens are not listened to for ever");
    let wrong = server.bare("GET", "facelists").header("Ocp-Apim-Subscription-Key", "x").send().expect("an answer");
    assert_eq!(wrong.status(), 401, "a wrong key is one wrong key");
    let (_, token) = created(&server, PLAIN, &asked());
    assert_eq!(start(&server, &token).status, 200, "what is right is let in");
}

/// Whom a session is compared with is read when it is needed: a person who was deleted is in no session, and a session does
/// not outlive the faceId that it is compared with.
#[test]
fn a_stored_reference_is_no_copy() {
    let server = TestServer::new();
    let about = json!({ "name": "n", "recognitionModel": "recognition_04" });
    assert_eq!(server.json("PUT", "persongroups/g", &about).status, 200);
    let person = server.json("POST", "persongroups/g/persons", &about).id("personId");
    let session = |person: &str| {
        let mut asked = asked();
        asked["likeness"] = json!({ "verifyPersonId": person, "personGroupId": "g" });
        server.json("POST", VERIFY, &asked)
    };
    assert_eq!(session(&person).code(), "PersistedFaceNotFound");
    let face = format!("persongroups/g/persons/{person}/persistedfaces");
    assert_eq!(server.picture(&face, &portrait()).status, 200);
    let ids: Vec<(String, String)> =
        (0..2).map(|_| session(&person)).map(|made| (made.id("sessionId"), made.id("authToken"))).collect();
    let ended = attempt(&server, &ids[0].1, "detectLivenessWithVerify", &vec![portrait(); 6]);
    assert_eq!(ended.body["status"], json!("Succeeded"), "{ended:?}");
    let result = &server.call("GET", &format!("{VERIFY}/{}", ids[0].0)).body["results"]["attempts"][0]["result"];
    assert_eq!(result["verifyResult"]["isIdentical"], json!(true), "{result}");
    assert_eq!(server.call("DELETE", &format!("persongroups/g/persons/{person}")).status, 200);
    let ended = attempt(&server, &ids[1].1, "detectLivenessWithVerify", &vec![portrait(); 6]);
    assert_eq!(ended.body["code"], json!("ReferenceRefused"), "{ended:?}");
    let path = "detect?recognitionModel=recognition_04&faceIdTimeToLive=600";
    let face = server.picture(path, &portrait()).body[0]["faceId"].clone();
    let mut asked = asked();
    asked["likeness"] = json!({ "verifyFaceId": face });
    let made = server.json("POST", VERIFY, &asked);
    let sessions = server.manage("GET", "accounts/default/liveness/sessions?verify=true", &Value::Null).body;
    let own = sessions.as_array().expect("a list").iter().find(|one| one["id"] == made.body["sessionId"]).expect("it");
    assert!(own["expiresAt"].as_str() < Some(later(own["createdAt"].as_str().expect("a time")).as_str()), "{own}");
}

/// A quarter of an hour later, as texts of the same form compare.
fn later(time: &str) -> String {
    let read = time::OffsetDateTime::parse(time, &time::format_description::well_known::Rfc3339).expect("a time");
    let later = read + time::Duration::minutes(15);
    later.format(&time::format_description::well_known::Rfc3339).expect("a time")
}

#[test]
fn one_attempt_at_a_time_and_as_many_as_allowed() {
    let server = TestServer::new();
    let mut asked = asked();
    asked["numberOfClientAttemptsAllowed"] = json!(2);
    let (id, token) = created(&server, PLAIN, &asked);
    let end = |attempt: i64, outcome: &str| {
        let body = json!({ "attemptId": attempt, "outcome": outcome });
        Answer::to_json(bearer(server.bare("POST", "/face/v1.2/session/attempt/end"), &token), &body)
    };
    assert_eq!(end(1, "completed").code(), "AttemptNotFound");
    assert_eq!(start(&server, &token).body["remainingAttempts"], json!(1));
    assert_eq!(start(&server, &token).code(), "AttemptInProgress");
    assert_eq!(end(2, "canceled").code(), "AttemptNotFound");
    let canceled = end(1, "canceled");
    assert_eq!((&canceled.body["status"], &canceled.body["code"]), (&json!("Failed"), &json!("Canceled")));
    assert_eq!(start(&server, &token).body["attemptId"], json!(2));
    // No picture at all is no face.
    assert_eq!(end(2, "completed").body["code"], json!("NoFaceDetected"));
    assert_eq!(start(&server, &token).code(), "NoAttemptsLeft");
    let read = server.call("GET", &format!("/face/v1.3-preview.1/detectLiveness-sessions/{id}"));
    let attempts = read.body["results"]["attempts"].as_array().expect("attempts").clone();
    let told: Vec<(i64, &str, &str)> = attempts
        .iter()
        .map(|one| {
            let text = |value: &Value| value.as_str().map(|text| text.to_owned().leak() as &str).unwrap_or_default();
            (one["attemptId"].as_i64().unwrap_or(0), text(&one["attemptStatus"]), text(&one["error"]["code"]))
        })
        .collect();
    assert_eq!(told, [(2, "Failed", "NoFaceDetected"), (1, "Canceled", "Canceled")]);
    assert_eq!(
        (&read.body["status"], &attempts[0]["clientInformation"][0]["ip"]),
        (&json!("Failed"), &json!("127.0.0.1"))
    );
}

#[test]
fn devices_have_network_rules_of_their_own() {
    let server = TestServer::new();
    let account = server.account();
    let (_, token) = created(&server, PLAIN, &asked());
    let set = |change: Value| {
        let changed = server.manage("PATCH", &format!("accounts/{account}"), &change);
        assert_eq!(changed.status, 200, "{changed:?}");
    };
    // The account is closed to everybody but a network that is not here; its devices are not.
    let elsewhere = json!({ "defaultAction": "Deny", "rules": [{ "address": "203.0.113.0/24" }] });
    let everybody = json!({ "defaultAction": "Allow", "rules": [] });
    set(json!({ "network": elsewhere, "liveness": { "devices": everybody } }));
    assert_eq!(server.json("POST", PLAIN, &asked()).status, 403);
    assert_eq!(start(&server, &token).status, 200);
    set(json!({ "network": everybody, "liveness": { "devices": elsewhere } }));
    let (_, token) = created(&server, PLAIN, &asked());
    assert_eq!((start(&server, &token).status, start(&server, &token).code()), (403, "403"));
    set(json!({ "liveness": { "devices": null } }));
    assert_eq!(start(&server, &token).status, 200);
    // A session may be for one address alone.
    let mut elsewhere = asked();
    elsewhere["expectedClientIpAddress"] = json!("203.0.113.0/24");
    let (_, token) = created(&server, PLAIN, &elsewhere);
    assert_eq!(start(&server, &token).status, 403);
    elsewhere["expectedClientIpAddress"] = json!("127.0.0.1");
    let (_, token) = created(&server, PLAIN, &elsewhere);
    assert_eq!(start(&server, &token).status, 200);
}

#[test]
fn the_notice_is_read_and_accepted_with_the_token() {
    let server = TestServer::new();
    let account = server.account();
    let notice = json!({ "text": "We look at you.", "controller": "Ada", "processor": "Bob" });
    let put = server.manage("PUT", &format!("accounts/{account}/notices/en"), &notice);
    assert_eq!(put.status, 200, "{put:?}");
    let (id, token) = created(&server, PLAIN, &asked());
    assert_eq!((start(&server, &token).status, start(&server, &token).code()), (403, "NoticeNotAccepted"));
    let shown = Answer::of(bearer(server.bare("GET", "/notice"), &token)).body;
    assert_eq!(shown["text"], json!("We look at you."));
    let decide = |decision: &str| {
        let body = json!({
            "language": "en", "version": shown["version"], "digest": shown["digest"], "decision": decision, "session": id,
        });
        Answer::to_json(bearer(server.bare("POST", "/notice/decision"), &token), &body).status
    };
    assert_eq!(decide("refused"), 204);
    assert_eq!(start(&server, &token).code(), "NoticeNotAccepted");
    assert_eq!(decide("granted"), 204);
    assert_eq!(start(&server, &token).status, 200);
    // An app server that asked itself says so.
    let mut told = asked();
    told["likeness"] = json!({ "noticeAccepted": true });
    let (_, token) = created(&server, PLAIN, &told);
    assert_eq!(start(&server, &token).status, 200);
}

fn a_quick_link_works_once(store: &TestStore) {
    let server = store.server(&[]);
    let account = server.account();
    let change = json!({
        "corsOrigins": ["https://shop.example"],
        "liveness": { "branding": { "name": "Ada's shop", "colour": "#123456" }, "alternative": { "text": "Call us" } },
    });
    assert_eq!(server.manage("PATCH", &format!("accounts/{account}"), &change).status, 200);
    let (id, token) = created(&server, PLAIN, &asked());
    let made = Answer::of(bearer(server.bare("POST", "/api/quicklink"), &token));
    let url = made.body["url"].as_str().expect("an address").to_owned();
    let link = url.strip_prefix("/?s=").expect("the form of the contract").to_owned();
    let about = |query: &str| Answer::of(server.bare("GET", &format!("/api/quicklink/about?s={link}{query}")));
    let begin = |link: &str| Answer::to_json(server.bare("POST", "/api/quicklink/begin"), &json!({ "link": link }));
    // Looking uses nothing up; a page that is not the account's is not turned to.
    for query in ["", "&&callbackUrl=", "&callbackUrl=https%3A%2F%2Fshop.example%2Fdone%3Fa%3D1"] {
        let told = about(query);
        assert_eq!((told.status, &told.body["branding"]["name"]), (200, &json!("Ada's shop")), "{query}: {told:?}");
        assert!(!told.body.to_string().contains(&token), "no token before the tap");
    }
    for query in ["&callbackUrl=https%3A%2F%2Fevil.example", "&callbackUrl=javascript%3Aalert(1)", "&callbackUrl=x"] {
        assert_eq!(about(query).status, 400, "{query}");
    }
    let page = Answer::of(server.bare("GET", &url).header("Accept", "text/html"));
    let policy = page.header("content-security-policy").expect("a policy").to_owned();
    assert!(policy.contains("frame-ancestors 'self' https://shop.example"), "{policy}");
    let begun = begin(&link);
    assert_eq!((begun.status, begun.id("token"), begun.id("sessionId")), (200, token.clone(), id.clone()));
    assert_eq!((begin(&link).status, begin(&link).code(), about("").status), (410, "LinkUsed", 410));
    assert_eq!(begin("11111111-2222-3333-4444-555555555555").status, 404);
    // Another link dies with its session, and the store has no link in the clear.
    let other = Answer::of(bearer(server.bare("POST", "/api/quicklink"), &token));
    let other = other.body["url"].as_str().expect("an address")[4..].to_owned();
    assert_eq!(server.call("DELETE", &format!("{PLAIN}/{id}")).status, 204);
    assert_eq!(begin(&other).status, 404);
    assert_eq!(Answer::of(bearer(server.bare("POST", "/api/quicklink"), &token)).status, 404);
    assert_eq!(Answer::of(bearer(server.bare("POST", "/api/quicklink"), "x")).status, 401);
    let bytes = store.raw_bytes();
    assert!(!bytes.windows(link.len()).any(|window| window == link.as_bytes()), "a link is in a file");
}

fn correlation_ids_close_and_open_again(store: &TestStore) {
    let clock = Clock::new();
    let server = store.server(&[clock.setting()]);
    let account = server.account();
    let path = |rest: &str| format!("accounts/{account}/liveness/correlations{rest}");
    let set = json!({ "liveness": { "mostFailures": 2 } });
    assert_eq!(server.manage("PATCH", &format!("accounts/{account}"), &set).status, 200);
    let fails = || {
        let (_, token) = created(&server, PLAIN, &asked());
        assert_eq!(start(&server, &token).status, 200);
        let end = json!({ "attemptId": 1, "outcome": "completed" });
        let end = Answer::to_json(bearer(server.bare("POST", "/face/v1.2/session/attempt/end"), &token), &end);
        assert_eq!(end.body["code"], json!("NoFaceDetected"), "{end:?}");
    };
    let (_, early) = created(&server, PLAIN, &asked());
    fails();
    assert_eq!(server.json("POST", PLAIN, &asked()).status, 200);
    fails();
    // Closed for new sessions and for those that are there; another id is not.
    assert_eq!(server.json("POST", PLAIN, &asked()).code(), "CorrelationIdClosed");
    assert_eq!(start(&server, &early).code(), "CorrelationIdClosed");
    let other = json!({ "livenessOperationMode": "Passive", "deviceCorrelationId": "door-2" });
    assert_eq!(server.json("POST", PLAIN, &other).status, 200);
    let closed = server.manage("GET", &path(""), &Value::Null);
    assert_eq!((&closed.body[0]["state"], &closed.body[0]["failures"]), (&json!("closedByCount"), &json!(2)));
    assert!(!closed.body.to_string().contains("door-1"), "the id is kept nowhere");
    let record = closed.body[0]["record"].clone();
    let reopen =
        |record: &Value| server.manage("POST", &path("/reopen"), &json!({ "record": record, "reason": "a new lens" }));
    assert_eq!(server.manage("POST", &path("/reopen"), &json!({ "record": record })).status, 400, "a reason is needed");
    assert_eq!(reopen(&record).status, 204);
    assert_eq!(reopen(&record).status, 404);
    assert_eq!(server.json("POST", PLAIN, &asked()).status, 200);
    // By hand, and it ends by itself.
    let close = json!({ "of": "device", "id": "door-2", "reason": "stolen" });
    assert_eq!(server.manage("POST", &path("/close"), &close).status, 204);
    let found = server.manage("POST", &path("/find"), &json!({ "of": "device", "id": "door-2" }));
    assert_eq!((&found.body["state"], &found.body["reason"]), (&json!("closedByHand"), &json!("stolen")));
    assert_eq!(server.json("POST", PLAIN, &other).code(), "CorrelationIdClosed");
    clock.forward(Duration::from_secs(48 * 3_600 + 60));
    assert_eq!(server.json("POST", PLAIN, &other).status, 200);
    let log = server.manage("GET", &format!("accounts/{account}/audit?top=1000"), &Value::Null).body.to_string();
    for word in ["put_correlation", "take_correlation", "a new lens"] {
        assert!(log.contains(word), "{word} is not in the audit log");
    }
    assert!(!log.contains("door-1"), "an id of a device is in the audit log");
}

fn the_same_face_behind_two_ids_is_flagged(store: &TestStore) {
    let server = store.server(&[]);
    let monitoring = |enabled: bool| {
        let path = "/face/v1.3-preview.1/settings/liveness-abuse-monitoring";
        assert_eq!(server.json("PATCH", path, &json!({ "enabled": enabled })).body["enabled"], json!(enabled));
    };
    let templates = || store.sql("SELECT count(*) FROM record WHERE kind = 8");
    let checked = |device: &str| {
        let asked = json!({ "livenessOperationMode": "Passive", "deviceCorrelationId": device });
        let (id, token) = created(&server, PLAIN, &asked);
        let ended = attempt(&server, &token, "detectLiveness", &vec![portrait(); 6]);
        assert_eq!(ended.body["status"], json!("Succeeded"), "{ended:?}");
        let read = server.call("GET", &format!("/face/v1.3-preview.1/detectLiveness-sessions/{id}"));
        (id, read.body["results"]["attempts"][0]["abuseMonitoringResult"].clone())
    };
    let plain = Answer::of(server.request("GET", "/notice")).body;
    // Off, as it is at first: nothing is kept, and nothing is said.
    assert_eq!((checked("a").1, templates()), (Value::Null, vec!["0".to_owned()]));
    monitoring(true);
    let told = Answer::of(server.request("GET", "/notice")).body;
    assert_ne!(told["digest"], plain["digest"], "people agree to something else now");
    let (first, alone) = checked("a");
    assert_eq!(alone, json!({ "isAbuseDetected": false, "otherFlaggedSessions": [] }));
    assert_eq!(checked("a").1["isAbuseDetected"], json!(false), "its own sessions are no abuse");
    let (_, flagged) = checked("b");
    assert_eq!(flagged["isAbuseDetected"], json!(true), "{flagged}");
    let others = flagged["otherFlaggedSessions"].as_array().expect("others");
    assert!(others.iter().any(|other| other["sessionId"] == json!(first)), "{flagged}");
    assert_eq!(templates(), ["3"]);
    // A template goes with its session, and all go when it is switched off.
    assert_eq!(server.call("DELETE", &format!("{PLAIN}/{first}")).status, 204);
    assert_eq!(templates(), ["2"]);
    monitoring(false);
    assert_eq!(templates(), ["0"]);
}
