//! What the log of a server says, at its most talkative, while people use it and others try to: never a key, a token, a
//! name, a text of a client, a template or a score.

use crate::server::{Answer, KEY1, KEY2, OPERATOR, TestServer, cut, demo, target};
use serde_json::{Value, json};

#[test]
fn nothing_personal_and_no_secret_is_logged() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let server = TestServer::logging(&folder.path().join("data"), &log, &[("LIKENESS_LOG", "trace")]);
    let client = server.another(&["client"]);
    let token = server.token(&client, &["Face.Identification", "Face.Verification"]);
    let issued = Answer::of(server.request("POST", "/sts/v1.0/issueToken")).body.as_str().expect("a token").to_owned();
    let (name, words) = ("Ada-Lovelace-in-person", "her-own-customer-number");
    let about = json!({ "name": name, "userData": words, "recognitionModel": "recognition_04" });
    let faces = server.detect(&demo(1));
    let group = "largepersongroups/the-staff-of-the-server";
    assert_eq!(server.json("PUT", group, &about).status, 200);
    let person = server.json("POST", &format!("{group}/persons"), &about).id("personId");
    let path = format!("{group}/persons/{person}/persistedfaces?userData={words}&targetFace={}", target(&faces[0]));
    assert_eq!(server.picture(&path, &demo(1)).status, 200);
    server.train(group);
    let probe = server.detect(&cut(&demo(1), &faces[0], 120));
    let question = json!({ "faceIds": [probe[0]["faceId"]], "largePersonGroupId": "the-staff-of-the-server" });
    let found = server.json("POST", "identify", &question);
    assert_eq!(found.body[0]["candidates"][0]["personId"], json!(person), "{found:?}");
    // A score that nothing else in a log looks like: of two people who are not quite unlike.
    let scores = faces.iter().enumerate().flat_map(|(place, one)| {
        faces[place + 1..].iter().map(|other| {
            let pair = json!({ "faceId1": one["faceId"], "faceId2": other["faceId"] });
            server.json("POST", "verify", &pair).body["confidence"].to_string()
        })
    });
    let score = scores.max_by_key(String::len).expect("several faces");
    assert!(score.len() >= 6, "{score}");
    // By token of either kind, and by none that is right.
    let bearer = server.bare("GET", group).header("Authorization", format!("Bearer {issued}"));
    assert_eq!(Answer::of(bearer).status, 200);
    let lent = client.request("PUT", "facelists/l").header("LimitedAccessToken", format!("Bearer {token}"));
    assert_eq!(Answer::to_json(lent, &about).status, 200);
    let damaged = [format!("{}x", &token[..token.len() - 4]), format!("{}x", &issued[..issued.len() - 4])];
    let lent = client.request("PUT", "facelists/m").header("LimitedAccessToken", format!("Bearer {}", damaged[0]));
    assert_eq!(Answer::to_json(lent, &about).status, 401);
    let bearer = server.bare("GET", group).header("Authorization", format!("Bearer {}", damaged[1]));
    assert_eq!(Answer::of(bearer).status, 401);
    let guess = "a-key-that-somebody-guessed";
    assert_eq!(Answer::of(server.bare("GET", group).header("Ocp-Apim-Subscription-Key", guess)).status, 401);
    // In the query too, as the public gateway allows.
    assert_eq!(Answer::of(server.bare("GET", &format!("{group}?subscription-key={KEY2}"))).status, 200);
    // What is mistyped may hold anything.
    let typo = json!({ "name": name.repeat(20), "userData": words });
    assert_eq!(server.json("POST", &format!("{group}/persons"), &typo).status, 400);
    assert_eq!(Answer::to_json(server.request("POST", "identify"), &json!(words)).status, 400);
    let typo = json!({ "keyNmae": KEY1, "text": words });
    assert_eq!(server.manage("POST", "accounts/default/regenerateKey", &typo).status, 400);
    assert_eq!(server.manage("POST", "accounts/default/listKeys", &Value::Null).status, 200);
    let report = json!({ "name": name });
    assert_eq!(server.manage("POST", "accounts/default/persons/report", &report).status, 200);
    assert_eq!(server.manage("POST", "accounts/default/persons/erase", &report).status, 200);
    let keys = client.keys.clone();
    assert_eq!(server.stop(), Some(0));

    let said = std::fs::read_to_string(&log).expect("a log");
    for row in ["Identify", "IssueLimitedAccessToken", "ErasePerson"] {
        assert!(said.contains(&format!("{row} answered")), "the log is not on: {row}");
    }
    let secrets = [
        KEY1,
        KEY2,
        OPERATOR,
        &keys[0],
        &keys[1],
        &token,
        &issued,
        &damaged[0],
        &damaged[1],
        guess,
        name,
        words,
        "the-staff-of-the-server",
        &person,
        &score,
    ];
    for secret in secrets {
        if let Some(at) = said.find(secret) {
            let line = said[..at].lines().count();
            panic!("the log shows {secret}: {}", said.lines().nth(line.saturating_sub(1)).unwrap_or_default());
        }
    }
}
