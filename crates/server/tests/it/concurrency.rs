//! Many clients at once.

use crate::house::{House, demo};
use serde_json::Value;

#[test]
fn the_same_photo_from_64_clients_gives_equal_answers() {
    let house = House::new();
    let photo = demo(3);
    let path = "detect?returnFaceId=false&returnFaceLandmarks=true&returnFaceAttributes=headPose,blur,noise";
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..64)
            .map(|_| {
                scope.spawn(|| {
                    let answer = house.picture(path, &photo);
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
fn a_full_house_says_when_to_come_back() {
    let house = House::with(&[("LIKENESS_WORKERS", "1")]);
    let photo = demo(6);
    let statuses: Vec<(u16, Option<String>)> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..48)
            .map(|_| {
                scope.spawn(|| {
                    let request = house
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
