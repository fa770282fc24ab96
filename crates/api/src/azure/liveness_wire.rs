//! What an attempt showed, in the words that the older shape has for app servers and for devices alike.

use likeness_liveness::{Attempt, AttemptCode, Quality, Rectangle, Stage};
use serde_json::{Value, json};

/// A rectangle.
pub(crate) fn rectangle(rectangle: Rectangle) -> Value {
    let Rectangle { top, left, width, height } = rectangle;
    json!({ "top": top, "left": left, "width": width, "height": height })
}

/// The face of a reference picture, and how fit it is.
pub(crate) fn reference_image(face_rectangle: Rectangle, quality: Quality) -> Value {
    json!({ "faceRectangle": rectangle(face_rectangle), "qualityForRecognition": quality })
}

/// What the older shape answers to the device itself, and keeps in its audit.
pub(crate) fn audit_body(attempt: &Attempt) -> Value {
    let Some(result) = attempt.result() else {
        let code = match attempt.stage {
            Stage::Failed { code, .. } => code,
            _ => AttemptCode::Canceled,
        };
        return json!({ "error": { "code": code.as_text(), "message": code.message() } });
    };
    let mut body = json!({
        "livenessDecision": result.verdict.decision,
        "target": {
            "faceRectangle": rectangle(result.face_rectangle),
            "fileName": "frame",
            "timeOffsetWithinFile": result.time_offset_ms,
            "imageType": "Color",
        },
        "modelVersionUsed": result.verdict.policy_version,
    });
    if let Some(verify) = &result.verify {
        body["verifyResult"] =
            json!({ "matchConfidence": verify.match_confidence, "isIdentical": verify.is_identical });
        if let (Some(place), Some(quality)) = (verify.reference_rectangle, verify.reference_quality) {
            body["verifyResult"]["verifyImage"] = reference_image(place, quality);
        }
    }
    body
}
