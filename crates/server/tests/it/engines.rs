//! Both engines give the same answers.

use crate::server::{demo_file, likeness, overlap, run};
use serde_json::Value;

fn json(engine: &str, arguments: &[&str]) -> Value {
    let output = run(likeness().args(arguments).arg("--json").env("LIKENESS_ENGINE", engine));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn boxes_landmarks_distances_and_decisions_agree() {
    let files: Vec<String> = (1..=6).map(|number| demo_file(number).display().to_string()).collect();
    let mut detect: Vec<&str> = vec!["detect"];
    detect.extend(files.iter().map(String::as_str));
    let [first, second] = ["onnxruntime", "pure"].map(|engine| json(engine, &detect));
    let photos = |report: &Value| report.as_array().expect("photos").clone();
    for (a, b) in photos(&first).iter().zip(&photos(&second)) {
        let faces = |photo: &Value| photo["faces"].as_array().expect("faces").clone();
        assert_eq!(faces(a).len(), faces(b).len(), "{}", a["file"]);
        for (a, b) in faces(a).iter().zip(&faces(b)) {
            assert!(overlap(a, b) >= 0.99, "{} is not {}", a["faceRectangle"], b["faceRectangle"]);
            for (name, point) in a["faceLandmarks"].as_object().expect("landmarks") {
                for axis in ["x", "y"] {
                    let difference = point[axis].as_f64().expect("a number")
                        - b["faceLandmarks"][name][axis].as_f64().expect("a number");
                    assert!(difference.abs() <= 0.5, "{name}.{axis} differs by {difference}");
                }
            }
            assert_eq!(a["qualityForRecognition"], b["qualityForRecognition"]);
        }
    }
    for pair in [[0, 0], [0, 1], [2, 3], [4, 5]] {
        let compare = ["compare", &files[pair[0]], &files[pair[1]]];
        let [a, b] = ["onnxruntime", "pure"].map(|engine| json(engine, &compare));
        let faces = |report: &Value| report["faces"].as_array().expect("faces").clone();
        for (a, b) in faces(&a).iter().zip(&faces(&b)) {
            let difference = a["distance"].as_f64().expect("a number") - b["distance"].as_f64().expect("a number");
            assert!(difference.abs() <= 0.001, "{pair:?}: distances differ by {difference}");
            assert_eq!(a["isIdentical"], b["isIdentical"], "{pair:?}");
        }
    }
}
