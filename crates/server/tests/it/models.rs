//! Detection and recognition models from outside: which attributes each pair offers, how versions spell them, and that
//! faces of different recognition models are never compared.

use crate::server::{TestServer, demo, target};
use serde_json::{Value, json};

/// What a detection model may return (`face-api.md` 3.1), the limited ones apart.
const OPEN: [(&str, [bool; 3]); 9] = [
    ("headPose", [true, false, true]),
    ("blur", [true, false, true]),
    ("exposure", [true, false, true]),
    ("noise", [true, false, false]),
    ("glasses", [true, false, true]),
    ("occlusion", [true, false, true]),
    ("accessories", [true, false, false]),
    ("mask", [false, false, true]),
    ("qualityForRecognition", [true, false, true]),
];
const LIMITED: [&str; 4] = ["age", "smile", "facialHair", "hair"];
const RETIRED: [&str; 3] = ["gender", "emotion", "makeup"];

/// A small picture: refusals come before it is decoded, answers quickly.
fn small() -> Vec<u8> {
    let photo = image::load_from_memory(&demo(6)).expect("a photo");
    let mut bytes = std::io::Cursor::new(Vec::new());
    photo.thumbnail(640, 640).to_rgb8().write_to(&mut bytes, image::ImageFormat::Jpeg).expect("an encoder");
    bytes.into_inner()
}

/// Status, code and answer for one attribute; the answer must carry it and nothing else.
fn ask(server: &TestServer, photo: &[u8], attribute: &str, detection: usize, recognition: usize) -> (u16, String) {
    let path = format!(
        "detect?returnFaceId=false&detectionModel=detection_0{detection}&recognitionModel=recognition_0{recognition}&returnFaceAttributes={attribute}"
    );
    let answer = server.picture(&path, photo);
    if answer.status == 200 {
        let faces = answer.body.as_array().expect("faces");
        assert!(!faces.is_empty());
        for face in faces {
            let attributes = face["faceAttributes"].as_object().expect("attributes");
            assert_eq!(attributes.keys().collect::<Vec<_>>(), [attribute], "{face}");
        }
    }
    (answer.status, answer.code().to_owned())
}

#[test]
fn every_pair_of_models_offers_what_the_contract_says() {
    let server = TestServer::new();
    let photo = small();
    let mut wrong = Vec::new();
    let mut check =
        |server: &TestServer, attribute: &str, (detection, recognition): (usize, usize), expected: (u16, &str)| {
            let (status, code) = ask(server, &photo, attribute, detection, recognition);
            if (status, code.as_str()) != expected {
                wrong.push(format!("{attribute} with {detection} and {recognition}: {status} {code}"));
            }
        };
    let refused = (400, "BadArgument");
    for (attribute, models) in OPEN {
        for (detection, offers) in (1..).zip(models) {
            for recognition in [1, 4] {
                let needs_newer = attribute == "qualityForRecognition" && recognition < 3;
                let expected = if offers && !needs_newer { (200, "") } else { refused };
                check(&server, attribute, (detection, recognition), expected);
            }
        }
    }
    server.cli(&["accounts", "approve", "default", "Face.Identification", "Face.Verification"]);
    for attribute in LIMITED.iter().chain(&RETIRED) {
        for detection in 1..=3 {
            check(&server, attribute, (detection, 4), (403, "UnsupportedFeature"));
        }
    }
    // An unknown name is refused before a missing approval, and that before a pair that does not fit.
    check(&server, "age,shoeSize", (2, 1), refused);
    check(&server, "headPose,age", (2, 1), (403, "UnsupportedFeature"));

    server.cli(&["accounts", "approve", "default", "everything"]);
    let open = &server;
    for attribute in LIMITED {
        for (detection, expected) in [(1, (200, "")), (2, refused), (3, refused)] {
            check(open, attribute, (detection, 1), expected);
        }
    }
    for attribute in RETIRED {
        check(open, attribute, (1, 1), (403, "UnsupportedFeature"));
    }
    server.cli(&["accounts", "approve", "default", "-age", "-facialHair", "-hair"]);
    check(&server, "smile", (1, 1), (200, ""));
    check(&server, "smile,age", (1, 1), (403, "UnsupportedFeature"));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn attributes_have_the_shapes_of_the_contract_in_every_version() {
    let server = TestServer::new();
    let photo = small();
    let one = "headPose,glasses,occlusion,accessories,blur,exposure,noise,age,smile,facialHair,hair";
    for (version, none) in [("v1.0", "NoGlasses"), ("v1.1-preview.1", "noGlasses"), ("v1.2", "noGlasses")] {
        let path = format!("/face/{version}/detect?returnFaceId=false&returnFaceAttributes={one}");
        let answer = server.picture(&path, &photo);
        assert_eq!(answer.status, 200, "{answer:?}");
        let faces = answer.body.as_array().expect("faces").clone();
        assert_eq!(faces.len(), 4);
        let share = |value: &Value| value.as_f64().is_some_and(|value| (0.0..=1.0).contains(&value));
        // Nobody in this photo wears glasses.
        let bare = faces.iter().filter(|face| face["faceAttributes"]["glasses"] == none).count();
        assert_eq!(bare, 4, "{version}: {answer:?}");
        for face in faces {
            let attributes = &face["faceAttributes"];
            for name in ["foreheadOccluded", "eyeOccluded", "mouthOccluded"] {
                assert!(attributes["occlusion"][name].is_boolean(), "{attributes}");
            }
            assert!(attributes["accessories"].as_array().expect("a list").iter().all(|one| share(&one["confidence"])));
            assert!((0.0..=100.0).contains(&attributes["age"].as_f64().expect("years")), "{attributes}");
            assert!(share(&attributes["smile"]), "{attributes}");
            for name in ["moustache", "beard", "sideburns"] {
                assert!(share(&attributes["facialHair"][name]), "{attributes}");
            }
            let hair = &attributes["hair"];
            let colours = hair["hairColor"].as_array().expect("a list");
            assert!(share(&hair["bald"]) && colours.is_empty() == (hair["invisible"] == true), "{hair}");
            assert!(colours.is_sorted_by_key(|one| -(one["confidence"].as_f64().expect("a share") * 100.0) as i64));
        }
    }
    let path = "detect?returnFaceId=false&detectionModel=detection_03&returnFaceAttributes=mask";
    for face in server.picture(path, &photo).body.as_array().expect("faces") {
        let mask = &face["faceAttributes"]["mask"];
        assert_eq!(mask, &json!({ "type": "noMask", "noseAndMouthCovered": false }));
    }
}

/// A face id of a recognition model, of the largest face.
fn face_id(server: &TestServer, model: &str) -> String {
    let answer = server.picture(&format!("detect?recognitionModel={model}"), &demo(1));
    answer.body[0]["faceId"].as_str().expect("an id").to_owned()
}

#[test]
fn faces_of_different_recognition_models_are_never_compared() {
    let server = TestServer::new();
    let models = ["recognition_01", "recognition_02", "recognition_03", "recognition_04"];
    let ids = models.map(|model| face_id(&server, model));
    let face = &server.detect(&demo(1))[0];
    let mut wrong = Vec::new();
    for (stored, model) in models.iter().enumerate() {
        let named = json!({ "name": "n", "recognitionModel": model });
        let at = |kind: &str| format!("{kind}/of-{stored}");
        for kind in ["facelists", "largefacelists", "persongroups", "largepersongroups"] {
            assert_eq!(server.json("PUT", &at(kind), &named).status, 200);
        }
        // Adding takes the container's model; there is no way to say another.
        for list in ["facelists", "largefacelists"] {
            let path =
                format!("{}/persistedfaces?targetFace={}&recognitionModel=recognition_02", at(list), target(face));
            assert_eq!(server.picture(&path, &demo(1)).status, 200);
        }
        let mut persons = Vec::new();
        for group in ["persongroups", "largepersongroups"] {
            let person = server.json("POST", &format!("{}/persons", at(group)), &json!({ "name": "p" }));
            let person = person.body["personId"].as_str().expect("an id").to_owned();
            let path = format!("{}/persons/{person}/persistedfaces?targetFace={}", at(group), target(face));
            assert_eq!(server.picture(&path, &demo(1)).status, 200);
            persons.push(person);
        }
        for container in ["largefacelists", "persongroups", "largepersongroups"] {
            assert_eq!(server.train(&at(container))["status"], "succeeded");
        }
        let id = format!("of-{stored}");
        for (asked, probe) in ids.iter().enumerate() {
            let questions = [
                ("verify", json!({ "faceId1": probe, "faceId2": ids[stored] })),
                ("verify", json!({ "faceId": probe, "personId": persons[0], "personGroupId": id })),
                ("verify", json!({ "faceId": probe, "personId": persons[1], "largePersonGroupId": id })),
                ("identify", json!({ "faceIds": [probe], "personGroupId": id })),
                ("identify", json!({ "faceIds": [probe], "largePersonGroupId": id })),
                ("identify", json!({ "faceIds": [ids[stored], probe], "largePersonGroupId": id })),
                ("findsimilars", json!({ "faceId": probe, "faceIds": [ids[stored]] })),
                ("findsimilars", json!({ "faceId": probe, "faceListId": id })),
                ("findsimilars", json!({ "faceId": probe, "largeFaceListId": id })),
                ("group", json!({ "faceIds": [probe, ids[stored]] })),
            ];
            // A group of one face twice, and one face asked for twice, are other matters than the model.
            for (operation, body) in questions {
                if asked == stored && (operation == "group" || body["faceIds"].as_array().is_some_and(|a| a.len() > 1))
                {
                    continue;
                }
                let answer = server.json("POST", operation, &body);
                let expected = if asked == stored { (200, "") } else { (400, "BadArgument") };
                if (answer.status, answer.code()) != expected {
                    wrong.push(format!("{operation} {body}: {} {}", answer.status, answer.body));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
