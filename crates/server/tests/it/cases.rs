//! Inputs that the product once got wrong, after faults that users reported in public. They lie beside the repository
//! (`../shared/cases`), with a README that gives the right answers.

use crate::server::{TestServer, skip};
use serde_json::{Value, json};
use std::path::Path;

/// The file of a case, or a skip that is counted and printed.
fn input(test: &str, name: &str) -> Option<Vec<u8>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases").join(name);
    let bytes = std::fs::read(file).ok();
    if bytes.is_none() {
        skip(test, &format!("the case {name} (../shared/cases) is not beside the repository"));
    }
    bytes
}

fn detect(server: &TestServer, bytes: &[u8]) -> Vec<Value> {
    let answer = server.picture("detect?recognitionModel=recognition_04&detectionModel=detection_03", bytes);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body.as_array().expect("detect answers an array").clone()
}

/// Whether two faces are one person, and how surely.
fn confidence(server: &TestServer, one: &Value, other: &Value) -> f64 {
    let answer = server.json("POST", "verify", &json!({ "faceId1": one["faceId"], "faceId2": other["faceId"] }));
    answer.body["confidence"].as_f64().unwrap_or_else(|| panic!("{answer:?}"))
}

/// "The portrait is one woman, full face, one face of about 84 x 85 at left 33, top 64"; `share` is how much of its size the file has.
fn is_at_its_place(face: &Value, share: f64) -> bool {
    let is_near = |name: &str, expected: f64| {
        let value = face["faceRectangle"][name].as_f64().unwrap_or(f64::NAN);
        (value - expected * share).abs() <= 8.0
    };
    is_near("left", 33.0) && is_near("top", 64.0) && is_near("width", 84.0) && is_near("height", 85.0)
}

#[test]
fn unusual_files_of_the_portrait_show_its_one_face() {
    const TEST: &str = "unusual_files_of_the_portrait_show_its_one_face";
    // The file that a common decoder reads too, without its end mark alone.
    let Some(portrait) = input(TEST, "jpeg-no-end-marker.jpg") else { return };
    let server = TestServer::new();
    let portrait = detect(&server, &portrait);
    assert_eq!(portrait.len(), 1, "{portrait:?}");
    assert!(is_at_its_place(&portrait[0], 1.0), "{portrait:?}");
    let small = 100.0 / 158.0;
    let cases = [
        ("jpeg-separate-scans-420.jpg", 1.0, true),
        ("jpeg-luma-scan-then-chroma-scan-420.jpg", 1.0, true),
        ("jpeg-chroma-finer-than-luma-hv.jpg", 1.0, true),
        ("jpeg-camera-trailer-instead-of-end-marker.jpg", 1.0, true),
        ("png-no-end-chunk.png", small, false),
        ("bmp-v4-alpha-all-zero.bmp", small, false),
        ("bmp-16bit-1555-alpha-all-zero.bmp", small, false),
    ];
    let mut wrong = Vec::new();
    for (name, share, is_same_picture) in cases {
        let Some(bytes) = input(TEST, name) else { continue };
        let faces = detect(&server, &bytes);
        let [face] = faces.as_slice() else {
            wrong.push(format!("{name}: {} faces", faces.len()));
            continue;
        };
        let confidence = confidence(&server, &portrait[0], face);
        // Where the file holds the whole portrait, nobody may doubt that it is she.
        if !is_at_its_place(face, share) || confidence < if is_same_picture { 0.9 } else { 0.5 } {
            wrong.push(format!("{name}: {face}, confidence {confidence}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_variant_that_is_not_read_is_named() {
    let Some(bytes) = input("a_variant_that_is_not_read_is_named", "jpeg-12-bit.jpg") else { return };
    let answer = TestServer::new().picture("detect?detectionModel=detection_03", &bytes);
    assert_eq!((answer.status, answer.code()), (400, "InvalidImage"), "{answer:?}");
    let text = answer.body["error"]["message"].as_str().unwrap_or_default();
    assert!(text.contains("12 bits") && text.contains("not read") && !text.contains("damaged"), "{text}");
}
