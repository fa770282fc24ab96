//! The retention table, row by row, with a clock that is set: what ends, ends at the instant; its bytes are gone within
//! a minute and its key within the hour; what has no end stays; what is not stored is nowhere.

use crate::clock::Clock;
use crate::server::{Answer, TestServer, demo, target};
use crate::stores::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

on_both_stores!(every_row_of_the_table_holds, a_policy_shortens_and_never_lengthens);

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn soon(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(250));
    }
}

fn count(store: &TestStore, table: &str) -> i64 {
    store.sql(&format!("SELECT count(*) FROM {table}"))[0].parse().expect("a number")
}

/// Status of a call with a faceId: 200 while it lives.
fn look(server: &TestServer, face: &Value) -> u16 {
    server.json("POST", "verify", &json!({ "faceId1": face, "faceId2": face })).status
}

fn hour_keys(data: &Path) -> usize {
    let is_key = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().ends_with(".hour-key");
    std::fs::read_dir(data.join("expiry-keys")).map_or(0, |entries| entries.flatten().filter(is_key).count())
}

fn detect(server: &TestServer, seconds: &str) -> Value {
    let path = format!("detect?recognitionModel=recognition_04{seconds}");
    server.picture(&path, &demo(6)).body[0]["faceId"].clone()
}

/// A session with verify, in an account that watches for abuse, after an attempt without a person, which is counted, and one
/// with a picture: its id, and where its quick link leads.
fn a_checked_session(server: &TestServer) -> (String, String) {
    use crate::liveness::{VERIFY, attempt, bearer, blank, picture_part, portrait};
    let watch = json!({ "enabled": true });
    assert_eq!(server.json("PATCH", "settings/liveness-abuse-monitoring", &watch).status, 200);
    let asked = reqwest::blocking::multipart::Form::new()
        .text("livenessOperationMode", "Passive")
        .text("deviceCorrelationId", "door-1")
        .text("enableSessionImage", "true")
        .part("verifyImage", picture_part(&portrait()));
    let made = Answer::read(server.request("POST", VERIFY).multipart(asked).send().expect("an answer"));
    let token = made.id("authToken");
    let failed = attempt(server, &token, "detectLivenessWithVerify", &vec![blank(); 6]);
    assert_eq!(failed.body["status"], json!("Failed"), "{failed:?}");
    let ended = attempt(server, &token, "detectLivenessWithVerify", &vec![portrait(); 6]);
    assert_eq!(ended.body["status"], json!("Succeeded"), "{ended:?}");
    let link = Answer::of(bearer(server.bare("POST", "/api/quicklink"), &token));
    let link = link.body["url"].as_str().expect("an address").replace("/?s=", "/api/quicklink/about?s=");
    (made.id("sessionId"), link)
}

fn every_row_of_the_table_holds(store: &TestStore) {
    let clock = Clock::new();
    let server = store.server(&[clock.setting()]);
    let table = server.manage("GET", "retention", &Value::Null).body;
    let rows: Vec<&str> = table.as_array().expect("rows").iter().filter_map(|row| row["key"].as_str()).collect();
    assert_eq!(rows.len(), 23);
    // What has no end, made first.
    let about = json!({ "name": "n", "recognitionModel": "recognition_04" });
    let chosen = target(&server.detect(&demo(1))[0]);
    assert_eq!(server.json("PUT", "facelists/l", &about).status, 200);
    assert_eq!(server.picture(&format!("facelists/l/persistedfaces?targetFace={chosen}"), &demo(1)).status, 200);
    assert_eq!(server.json("PUT", "persongroups/g", &about).status, 200);
    let person = server.json("POST", "persongroups/g/persons", &about).id("personId");
    let path = format!("persongroups/g/persons/{person}/persistedfaces?targetFace={chosen}");
    assert_eq!(server.picture(&path, &demo(1)).status, 200);
    let enrolled = server.json("POST", "persons", &about);
    let operation =
        enrolled.header("operation-location").expect("an address").rsplit('/').next().expect("an id").to_owned();
    let enrolled = enrolled.id("personId");
    let group = json!({ "name": "n", "addPersonIds": [enrolled] });
    assert_eq!(server.json("PUT", "dynamicpersongroups/d", &group).status, 202);
    let snapshot = json!({ "type": "FaceList", "objectId": "l", "applyScope": [server.account()] });
    assert_eq!(server.json("POST", "snapshots", &snapshot).status, 202);
    soon("the faceIds of getting ready", || count(store, "face_id") > 0);

    for row in &rows {
        match *row {
            "input" | "detection" => {
                let before = count(store, "face_id");
                let photo = demo(3);
                assert_eq!(server.picture("detect?returnFaceId=false&returnFaceLandmarks=true", &photo).status, 200);
                assert_eq!(count(store, "face_id"), before, "{row}: something was kept");
                let bytes = store.raw_bytes();
                let pieces = photo.chunks_exact(64).step_by((photo.len() / 64 / 8).max(1));
                for piece in pieces {
                    assert!(
                        !bytes.windows(64).any(|window| window == piece),
                        "{row}: a piece of the picture is in a file"
                    );
                }
            }
            "answer" => {
                let tables = || ["face", "face_id", "record", "operation", "person"].map(|table| count(store, table));
                let face = detect(&server, "&faceIdTimeToLive=86400");
                let before = tables();
                assert_eq!(look(&server, &face), 200);
                let body = json!({ "faceId": face, "faceListId": "l" });
                assert_eq!(server.json("POST", "findsimilars", &body).status, 200);
                assert_eq!(tables(), before, "an answer left something");
            }
            // What is in memory alone: no table has more after an attempt than the session and what the caller wanted kept.
            "deviceReference" | "frames" => {}
            // Of a key by `device_keys.rs`, which has a device.
            "enrolledKey" => {}
            "session" | "sessionReference" | "deviceCorrelation" | "correlationCount" | "monitoredTemplate"
            | "frameDigest" | "quickLink" | "sessionImage" | "authToken" => {}
            "faceId" | "operation" | "snapshot" | "listFace" | "groupPerson" | "directoryPerson" | "dynamicGroup"
            | "auditLog" => {}
            other => panic!("{other}: a row of the table that nothing here holds"),
        }
    }

    let (session, link) = a_checked_session(&server);
    let kinds = |kinds: &str| store.sql(&format!("SELECT count(*) FROM record WHERE kind IN ({kinds})"))[0].clone();
    // The session, its picture, its link, what is counted of its device, and its template.
    assert_eq!(["4", "5", "6", "7", "8"].map(kinds), ["1", "1", "1", "1", "1"]);
    // FaceIds: a caller's minute, and a day without.
    let (short, long) = (detect(&server, "&faceIdTimeToLive=60"), detect(&server, ""));
    let keys = hour_keys(&store.data());
    assert!(keys > 0);
    assert_eq!((look(&server, &short), look(&server, &long)), (200, 200));
    clock.set(MINUTE);
    assert_eq!((look(&server, &short), look(&server, &long)), (404, 200), "dead at the instant");
    // Tokens and links of ten minutes.
    assert_eq!(server.bare("GET", &link).send().expect("an answer").status(), 200);
    clock.set(11 * MINUTE);
    assert_eq!(server.bare("GET", &link).send().expect("an answer").status(), 404);
    soon("the bytes of a quick link", || kinds("6") == "0");
    clock.set(MINUTE);
    // One step back, as clocks do: what was swept does not come back, what was not is judged by the clock.
    let left =
        || store.sql("SELECT count(*) FROM face_id WHERE expires_at < (SELECT max(expires_at) FROM face_id) - 3600000");
    soon("the bytes of a faceId of a minute", || left() == ["0"]);
    clock.set(0);
    assert_eq!(look(&server, &short), 404);
    clock.set(DAY - 30_000);
    assert_eq!(look(&server, &long), 200, "half a minute before its end");
    // The server is stopped over the end of it: expiry is stored with what expires.
    assert_eq!(server.stop(), Some(0));
    clock.set(DAY + MINUTE);
    let server = store.server(&[clock.setting()]);
    assert_eq!(look(&server, &long), 404);
    soon("the bytes of a faceId of a day", || count(store, "face_id") == 0);
    // Operations and snapshots: two days.
    assert_eq!(server.call("GET", &format!("operations/{operation}")).status, 200);
    assert_eq!(server.call("GET", "snapshots").body.as_array().map(Vec::len), Some(1));
    let session_path = format!("{}/{session}", crate::liveness::VERIFY);
    assert_eq!(server.call("GET", &session_path).status, 200);
    clock.set(2 * DAY + MINUTE);
    assert_eq!(server.call("GET", &session_path).code(), "SessionNotFound");
    soon("the bytes of a session and what belongs to it", || kinds("4, 5, 6, 7, 8, 10") == "0");
    assert_eq!(server.call("GET", &format!("operations/{operation}")).code(), "OperationNotFound");
    assert_eq!(server.call("GET", "snapshots").body, json!([]));
    soon("the bytes of operations and snapshots", || count(store, "operation") + count(store, "snapshot") == 0);
    // The keys of the hours in which all that ended are destroyed when the hours are over.
    clock.set(2 * DAY + HOUR + MINUTE);
    soon("the keys of hours that are over", || hour_keys(&store.data()) == 0);
    // And what has no end is there in ten years.
    clock.set(3_652 * DAY);
    assert_eq!(server.call("GET", "facelists/l").body["persistedFaces"].as_array().map(Vec::len), Some(1));
    let there = server.call("GET", &format!("persongroups/g/persons/{person}"));
    assert_eq!(there.body["persistedFaceIds"].as_array().map(Vec::len), Some(1), "{there:?}");
    assert_eq!(server.call("GET", &format!("persons/{enrolled}")).status, 200);
    let members = server.call("GET", "dynamicpersongroups/d/persons").body;
    assert_eq!(members["personIds"], json!([enrolled]));
    // The audit log too, unless the account gives it a life. Then the rest can be verified as before.
    let verified = || server.manage("GET", "accounts/default/audit/verify", &Value::Null).body;
    assert_eq!(verified()["first"], 1);
    let life = json!({ "retention": { "auditLog": 30 * 86_400 } });
    assert_eq!(server.manage("PATCH", "accounts/default", &life).status, 200);
    soon("the audit rows of ten years ago", || verified()["first"].as_i64() > Some(5));
    let whole = verified();
    assert!(whole["rows"].as_i64() >= whole["first"].as_i64(), "{whole}");
    assert_eq!((whole.get("brokenAt"), &whole["accessHolds"]), (None, &json!(true)), "{whole}");
}

fn a_policy_shortens_and_never_lengthens(store: &TestStore) {
    let clock = Clock::new();
    let server = store.server(&[clock.setting()]);
    let other = server.other_account();
    let set = |kept: &str, seconds: Value| {
        server.manage("PATCH", "accounts/default", &json!({ "retention": { kept: seconds } }))
    };
    for (kept, seconds) in
        [("faceId", 86_401), ("faceId", 59), ("operation", 172_801), ("snapshot", 0), ("rumour", 600)]
    {
        let answer = set(kept, json!(seconds));
        assert_eq!((answer.status, answer.code()), (400, "Invalid"), "{kept} {seconds}: {answer:?}");
    }
    assert_eq!(set("faceId", json!(600)).body["retention"]["faceId"]["seconds"], 600);
    server.cli(&["accounts", "set", "default", "--retention", "operation=120"]);
    let (usual, asked) = (detect(&server, ""), detect(&server, "&faceIdTimeToLive=86400"));
    let shorter = detect(&server, "&faceIdTimeToLive=60");
    let theirs = other.picture("detect?recognitionModel=recognition_04", &demo(6)).body[0]["faceId"].clone();
    let operation = server.json("POST", "persons", &json!({ "name": "n" }));
    let operation =
        operation.header("operation-location").expect("an address").rsplit('/').next().expect("an id").to_owned();
    let at = |millis: i64| {
        clock.set(millis);
        [&usual, &asked, &shorter].map(|face| look(&server, face))
    };
    assert_eq!(at(30_000), [200, 200, 200]);
    assert_eq!(at(61_000), [200, 200, 404]);
    assert_eq!(server.call("GET", &format!("operations/{operation}")).status, 200);
    assert_eq!(at(590_000), [200, 200, 404]);
    assert_eq!(server.call("GET", &format!("operations/{operation}")).status, 404);
    assert_eq!(at(601_000), [404, 404, 404]);
    let body = json!({ "faceId1": theirs, "faceId2": theirs });
    assert_eq!(other.json("POST", "verify", &body).status, 200, "the other account has no such policy");
    assert_eq!(set("faceId", Value::Null).body["retention"]["faceId"]["seconds"], 86_400);
}
