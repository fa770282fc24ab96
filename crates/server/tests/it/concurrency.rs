//! Many clients at once.

use crate::server::{Answer, TestServer, cut, demo};
use serde_json::{Value, json};

#[test]
fn the_same_photo_from_64_clients_gives_equal_answers() {
    let server = TestServer::new();
    let photo = demo(3);
    let path = "detect?returnFaceId=false&returnFaceLandmarks=true&returnFaceAttributes=headPose,blur,noise";
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..64)
            .map(|_| {
                scope.spawn(|| {
                    let answer = server.picture(path, &photo);
                    assert_eq!(answer.status, 200, "{answer:?}");
                    answer.body
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().expect("the client ends well")).collect()
    });
    assert_eq!(answers[0].as_array().map(Vec::len), Some(3));
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[test]
fn a_full_server_says_when_to_come_back() {
    let server = TestServer::with(&[("LIKENESS_WORKERS", "1")]);
    let photo = demo(6);
    let statuses: Vec<(u16, Option<String>)> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..48)
            .map(|_| {
                scope.spawn(|| {
                    let request = server
                        .request("POST", "detect?detectionModel=detection_03")
                        .header("Content-Type", "application/octet-stream");
                    let response = request.body(photo.clone()).send().expect("an answer");
                    let again =
                        response.headers().get("retry-after").map(|value| value.to_str().unwrap_or("").to_owned());
                    (response.status().as_u16(), again)
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().expect("the client ends well")).collect()
    });
    assert!(statuses.iter().any(|(status, _)| *status == 200));
    // 48 thorough looks on one worker take longer than the two seconds that a request waits.
    assert!(statuses.iter().any(|(status, _)| *status == 429));
    for (status, again) in &statuses {
        match status {
            200 => assert_eq!(*again, None),
            429 => assert_eq!(again.as_deref(), Some("1")),
            other => panic!("status {other}"),
        }
    }
}

/// What one client did, and its answers.
#[derive(Default)]
struct Deeds {
    persons: Vec<String>,
    faces: Vec<String>,
}

#[test]
fn sixty_four_clients_in_the_same_containers_lose_nothing() {
    let server = TestServer::new();
    let container = json!({ "name": "n", "recognitionModel": "recognition_04" });
    assert_eq!(server.json("PUT", "persongroups/g", &container).status, 200);
    assert_eq!(server.json("PUT", "largefacelists/l", &container).status, 200);
    // Four faces, each in a small picture of its own, so that looking at it is quick.
    let photos: Vec<Vec<u8>> = server.detect(&demo(4)).iter().map(|face| cut(&demo(4), face, 120)).collect();
    let deeds: Vec<Deeds> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..64)
            .map(|number| {
                scope.spawn({
                    let (server, photos) = (&server, &photos);
                    move || client(server, number, &photos[number % photos.len()])
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().expect("the client ends well")).collect()
    });

    // Nothing acknowledged is lost and nothing deleted is left.
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    let listed = |path: &str, name: &str| {
        let answer = server.call("GET", path);
        assert_eq!(answer.status, 200, "{answer:?}");
        let entries = answer.body.as_array().expect("an array").clone();
        sorted(entries.iter().map(|entry| entry[name].as_str().expect("an id").to_owned()).collect())
    };
    assert_eq!(
        listed("persongroups/g/persons", "personId"),
        sorted(deeds.iter().flat_map(|d| d.persons.clone()).collect())
    );
    assert_eq!(
        listed("largefacelists/l/persistedfaces", "persistedFaceId"),
        sorted(deeds.iter().flat_map(|d| d.faces.clone()).collect())
    );
    assert_eq!(server.train("persongroups/g")["status"], "succeeded");
    let probe = &server.detect(&photos[0])[0]["faceId"];
    let question = json!({ "faceIds": [probe], "personGroupId": "g", "maxNumOfCandidatesReturned": 100 });
    let first = server.json("POST", "identify", &question);
    let named = first.body[0]["candidates"].as_array().expect("candidates");
    assert!(!named.is_empty());
    for candidate in named {
        let person = candidate["personId"].as_str().expect("an id").to_owned();
        assert!(deeds.iter().any(|deeds| deeds.persons.contains(&person)), "{person} is gone and was named");
    }
    assert_eq!(server.json("POST", "identify", &question).body, first.body);
}

/// Adds two persons with a face and two faces of a list, deletes one of each, trains and asks in between.
fn client(server: &TestServer, number: usize, photo: &[u8]) -> Deeds {
    let mut deeds = Deeds::default();
    let documented = |answer: &Answer, also: &[(u16, &str)]| {
        let is_refusal = also.iter().any(|(status, code)| (*status, *code) == (answer.status, answer.code()));
        assert!(matches!(answer.status, 200 | 202) || is_refusal, "client {number}: {answer:?}");
        answer.status < 300
    };
    for round in 0..2 {
        let person = server.json("POST", "persongroups/g/persons", &json!({ "name": format!("{number}-{round}") }));
        assert!(documented(&person, &[]));
        let person = person.body["personId"].as_str().expect("an id").to_owned();
        assert!(documented(&server.picture(&format!("persongroups/g/persons/{person}/persistedfaces"), photo), &[]));
        let face = server.picture("largefacelists/l/persistedfaces", photo);
        assert!(documented(&face, &[]));
        let face = face.body["persistedFaceId"].as_str().expect("an id").to_owned();
        documented(&server.call("POST", "persongroups/g/train"), &[(409, "PersonGroupTrainingNotFinished")]);
        documented(&server.call("POST", "largefacelists/l/train"), &[(409, "LargeFaceListTrainingNotFinished")]);
        let probe = server.detect(photo)[0]["faceId"].clone();
        let question = json!({ "faceIds": [probe], "personGroupId": "g" });
        let refusals = [(400, "PersonGroupNotTrained"), (409, "PersonGroupTrainingNotFinished")];
        documented(&server.json("POST", "identify", &question), &refusals);
        if round == 0 {
            assert!(documented(&server.call("DELETE", &format!("persongroups/g/persons/{person}")), &[]));
            assert!(documented(&server.call("DELETE", &format!("largefacelists/l/persistedfaces/{face}")), &[]));
        } else {
            deeds.persons.push(person);
            deeds.faces.push(face);
        }
    }
    deeds
}
