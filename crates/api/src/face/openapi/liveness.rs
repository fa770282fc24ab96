//! Liveness sessions in the description: what each call is for, and the shapes of both generations.

use super::operations::{Answer, Description, Form, PLAIN, Parameter, START_PERSON, TOP};
use crate::face::Face;
use crate::openapi::{object, or_null, reference, uuid};
use likeness_http::Route;
use likeness_liveness::{AttemptCode, ModelVersion};
use serde_json::{Map, Value, json};

const SESSION: Parameter = Parameter::path("sessionId", Form::Uuid, "The session.");
const START_ENTRY: Parameter = Parameter::query("start", Form::Entry, "List what comes after this entry.");
const IMAGE: Parameter = Parameter::path("sessionImageId", Form::Opaque, "The picture, as the result names it.");

/// Describes a route about liveness.
pub(super) fn describe(route: &Route<Face>) -> Option<Description> {
    let path = route.path.to_ascii_lowercase();
    let is_old = path.contains("/singlemodal/");
    let verify = path.starts_with("detectlivenesswithverify");
    let says_create = "The answer has the token for the device, which captures by the device protocol and never gets a key. Settings may also come as a form, in the words of any version.";
    let described = match (route.method.as_str(), route.path.matches("{}").count()) {
        ("POST", 0) => Description {
            summary: "Create a liveness session",
            says: says_create,
            body: if verify { "NewLivenessWithVerifySession" } else { "NewLivenessSession" },
            answer: Answer::One(match (is_old, verify) {
                (false, _) => "LivenessSession",
                (true, false) => "CreatedLivenessSession",
                (true, true) => "CreatedLivenessWithVerifySession",
            }),
            ..PLAIN
        },
        ("GET", 0) if is_old => Description {
            summary: "List the liveness sessions",
            parameters: &[START_PERSON, TOP],
            answer: Answer::Many("PreviewLivenessSessionItem"),
            ..PLAIN
        },
        ("GET", 1) if path.ends_with("/audit") => Description {
            summary: "List the attempts of a session that have ended",
            parameters: &[SESSION, START_ENTRY, TOP],
            answer: Answer::Many("LivenessAuditEntry"),
            ..PLAIN
        },
        ("GET", 1) if path.contains("sessionimages") => Description {
            summary: "Read the picture of a session",
            says: "There is one where the session was created with enableSessionImage and an attempt yielded a decision.",
            parameters: &[IMAGE],
            answer: Answer::Bytes,
            ..PLAIN
        },
        ("GET", 1) => Description {
            summary: "Read a liveness session and its results",
            parameters: &[SESSION],
            answer: Answer::One(if is_old { "PreviewLivenessSession" } else { "LivenessSession" }),
            ..PLAIN
        },
        ("DELETE", 1) => Description {
            summary: "Delete a liveness session with all that belongs to it",
            says: "Its token is dead from then on.",
            parameters: &[SESSION],
            answer: if is_old { Answer::Empty } else { Answer::Nothing },
            ..PLAIN
        },
        ("GET", 0) if path.ends_with("token") => Description {
            summary: "Not offered: a key to the package feed of the original",
            answer: Answer::NotOffered,
            ..PLAIN
        },
        (method, 0) => {
            let schema = if path == "settings" { "LivenessSettings" } else { "LivenessAbuseMonitoring" };
            if method == "PATCH" {
                Description {
                    summary: "Switch abuse monitoring on or off",
                    says: "While it is on, a template of every session is kept for 48 hours, sealed. Switching it off deletes them.",
                    body: if path == "settings" {
                        "ChangeOfLivenessSettings"
                    } else {
                        "ChangeOfLivenessAbuseMonitoring"
                    },
                    answer: Answer::One(schema),
                    ..PLAIN
                }
            } else {
                Description { summary: "Whether abuse monitoring is on", answer: Answer::One(schema), ..PLAIN }
            }
        }
        _ => return None,
    };
    Some(Description { tag: "Liveness sessions", ..described })
}

fn rectangle() -> Value {
    reference("FaceRectangle")
}

fn flag(says: &str) -> Value {
    or_null(json!({ "type": "boolean", "default": false, "description": says }))
}

/// What a recording is to be called.
fn record() -> Value {
    let word =
        |says: &str| json!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$", "description": says });
    let members = json!({
        "presentation": word("live, or the species of an attack, such as print."),
        "subject": word("Who, by a name that tells nobody who it is."),
        "light": or_null(word("The light, such as office.")),
    });
    let mut label = object(&["presentation", "subject"], members);
    label["description"] = json!(
        "A recording for measurements, if the person agrees on the device. Refused where the operator named no folder for recordings."
    );
    label
}

fn new_session(verify: bool, form: bool) -> Value {
    let versions: Vec<&str> = ModelVersion::ALL.iter().map(|version| version.as_text()).collect();
    let id = |says: &str| or_null(json!({ "type": "string", "minLength": 1, "maxLength": 64, "description": says }));
    let mut members = json!({
        "livenessOperationMode": { "type": "string", "enum": ["Passive", "PassiveActive"] },
        "deviceCorrelationId": id("Links sessions of one device; required unless deviceCorrelationIdSetInClient."),
        "deviceCorrelationIdSetInClient": flag("Whether the device sets its id."),
        "userCorrelationId": id("Links sessions of one person."),
        "userCorrelationIdSetInClient": flag("Whether the device sets that id."),
        "sendResultsToClient": flag("Whether the device gets the result too."),
        "enableSessionImage": flag("Whether a picture is kept with the session."),
        "livenessModelVersion": or_null(json!({ "type": "string", "enum": versions })),
        "livenessSingleModalModel": or_null(json!({ "type": "string", "enum": versions })),
        "authTokenTimeToLiveInSeconds": or_null(json!({ "type": "integer", "minimum": 60, "maximum": 86_400, "default": 600 })),
        "numberOfClientAttemptsAllowed": or_null(json!({ "type": "integer", "minimum": 1, "maximum": 3, "default": 1 })),
        "expectedClientIpAddress": or_null(json!({
            "type": "string", "maxLength": 64, "description": "An address or a range of them, of IPv4 or IPv6.",
        })),
    });
    if verify {
        members["returnVerifyImageHash"] = flag("Whether results carry the SHA-256 of the reference picture.");
        members["verifyConfidenceThreshold"] =
            or_null(json!({ "type": "number", "minimum": 0, "maximum": 1, "default": 0.5 }));
    }
    let level = json!({ "type": "string", "enum": ["L0", "L1", "L2"] });
    let enrol = flag("Whether the device may enrol a key for the person; needs userCorrelationId.");
    if form {
        if verify {
            members["verifyImage"] =
                json!({ "type": "string", "format": "binary", "description": "The reference picture." });
        }
        members["likeness.minimumAssurance"] = level;
        members["likeness.enrolKey"] = enrol;
    } else {
        let mut ours = json!({ "minimumAssurance": or_null(level), "noticeAccepted": flag("Whether you asked the person yourself."), "enrolKey": enrol });
        ours["record"] = or_null(record());
        if verify {
            ours["verifyFaceId"] = or_null(uuid());
            ours["verifyPersonId"] = or_null(uuid());
            ours["personGroupId"] = or_null(super::schemas::container_id());
            ours["largePersonGroupId"] = or_null(super::schemas::container_id());
        }
        members["likeness"] = or_null(object(&[], ours));
    }
    if form {
        as_parts(&mut members);
    }
    object(&["livenessOperationMode"], members)
}

/// Members as parts of a form: there is no `null`, and an empty part is one that was left out.
fn as_parts(members: &mut Value) {
    for schema in members.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
        if let Some(Value::Array(types)) = schema.get("type") {
            schema["type"] = types.iter().find(|name| **name != "null").cloned().unwrap_or_default();
        }
        if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            values.retain(|value| !value.is_null());
        }
        if schema.get("minLength").is_some() {
            schema["minLength"] = json!(0);
        }
    }
}

/// The shapes.
pub(super) fn schemas() -> Value {
    let text = || json!({ "type": "string" });
    let moment = || json!({ "type": "string", "format": "date-time" });
    let codes: Vec<&str> = AttemptCode::ALL.iter().map(|code| code.as_text()).collect();
    let quality = || json!({ "type": "string", "enum": ["low", "medium", "high"] });
    let decision = || json!({ "type": "string", "enum": ["realface", "spoofface", "uncertain"] });
    let verify_result = json!({
        "matchConfidence": { "type": "number", "minimum": 0, "maximum": 1 },
        "isIdentical": { "type": "boolean" },
        "verifyImage": reference("LivenessReference"),
    });
    let status = || json!({ "type": "string", "enum": ["NotStarted", "Running", "Succeeded", "Failed", "Canceled"] });
    let error =
        json!({ "code": { "type": "string", "enum": codes }, "message": text(), "targets": { "type": "object" } });
    let item = json!({
        "id": uuid(),
        "createdDateTime": moment(),
        "sessionStartDateTime": moment(),
        "sessionExpired": { "type": "boolean" },
        "deviceCorrelationId": text(),
        "authTokenTimeToLiveInSeconds": { "type": "integer" },
    });
    let always = ["id", "createdDateTime", "sessionExpired", "authTokenTimeToLiveInSeconds"];
    let mut whole: Map<String, Value> = item.as_object().cloned().unwrap_or_default();
    whole
        .insert("status".to_owned(), json!({ "type": "string", "enum": ["NotStarted", "Started", "ResultAvailable"] }));
    whole.insert("result".to_owned(), reference("LivenessAuditEntry"));
    let created = json!({ "sessionId": uuid(), "authToken": text() });
    let mut created_with_verify = created.clone();
    created_with_verify["verifyImage"] = reference("LivenessReference");
    json!({
        "NewLivenessSession": new_session(false, false),
        "NewLivenessSessionForm": new_session(false, true),
        "NewLivenessWithVerifySession": new_session(true, false),
        "NewLivenessWithVerifySessionForm": new_session(true, true),
        "CreatedLivenessSession": object(&["sessionId", "authToken"], created),
        "CreatedLivenessWithVerifySession": object(&["sessionId", "authToken"], created_with_verify),
        "LivenessReference": object(&["faceRectangle", "qualityForRecognition"], json!({
            "referenceType": text(), "faceRectangle": rectangle(), "qualityForRecognition": quality(),
        })),
        "LivenessSession": object(&["sessionId", "authToken", "status", "modelVersion", "results"], json!({
            "sessionId": uuid(),
            "authToken": { "type": "string", "description": "Empty once no attempt can begin." },
            "status": status(),
            "modelVersion": text(),
            "isAbuseMonitoringEnabled": { "type": "boolean" },
            "likeness": object(&["keyEnrolled"], json!({ "keyEnrolled": { "type": "boolean", "description": "Whether a key of the device was enrolled; only where the session asked for one." } })),
            "results": object(&["attempts"], json!({
                "attempts": { "type": "array", "items": reference("LivenessAttempt"), "description": "Newest first." },
                "verifyReferences": { "type": "array", "items": reference("LivenessReference") },
            })),
        })),
        "LivenessAttempt": object(&["attemptId", "attemptStatus"], json!({
            "attemptId": { "type": "integer", "minimum": 1 },
            "attemptStatus": status(),
            "result": reference("LivenessResult"),
            "error": object(&["code", "message"], error),
            "clientInformation": { "type": "array", "items": object(&["ip"], json!({ "ip": text() })) },
            "abuseMonitoringResult": { "type": "object" },
        })),
        "LivenessResult": object(&["livenessDecision", "targets", "digest"], json!({
            "livenessDecision": decision(),
            "targets": object(&["color"], json!({ "color": object(&["faceRectangle"], json!({ "faceRectangle": rectangle() })) })),
            "digest": text(),
            "sessionImageId": text(),
            "verifyResult": object(&["matchConfidence", "isIdentical"], verify_result.clone()),
            "verifyImageHash": text(),
            "likeness": ours(),
        })),
        "PreviewLivenessSessionItem": object(&always, item),
        "PreviewLivenessSession": object(&[always.as_slice(), &["status"]].concat(), Value::Object(whole)),
        "LivenessAuditEntry": object(&["id", "sessionId", "requestId", "receivedDateTime", "request", "response", "digest"], json!({
            "id": { "type": "integer" },
            "sessionId": uuid(),
            "requestId": uuid(),
            "clientRequestId": text(),
            "receivedDateTime": moment(),
            "request": object(&["url", "method"], json!({ "url": text(), "method": text(), "contentType": text(), "userAgent": text() })),
            "response": object(&["body", "statusCode", "latencyInMilliseconds"], json!({
                "body": object(&[], json!({
                    "livenessDecision": decision(),
                    "target": { "type": "object" },
                    "modelVersionUsed": text(),
                    "verifyResult": object(&["matchConfidence", "isIdentical"], verify_result),
                    "error": { "type": "object" },
                })),
                "statusCode": { "type": "integer" },
                "latencyInMilliseconds": { "type": "integer" },
            })),
            "digest": text(),
            "sessionImageId": text(),
            "verifyImageHash": text(),
            "likeness": ours(),
        })),
        "LivenessAbuseMonitoring": object(&["name", "enabled"], json!({ "name": text(), "enabled": { "type": "boolean" } })),
        "ChangeOfLivenessAbuseMonitoring": object(&["enabled"], json!({ "enabled": { "type": "boolean" } })),
        "LivenessSettings": object(&["livenessAbuseMonitoring"], json!({
            "livenessAbuseMonitoring": object(&["enabled"], json!({ "enabled": { "type": "boolean" } })),
        })),
        "ChangeOfLivenessSettings": object(&["livenessAbuseMonitoring"], json!({
            "livenessAbuseMonitoring": object(&["enabled"], json!({ "enabled": { "type": "boolean" } })),
        })),
    })
}

/// What stands behind a decision: an addition to the public contract.
fn ours() -> Value {
    let text = || json!({ "type": "string" });
    let number = |what: &str| json!({ "type": "number", "description": what });
    object(
        &["assurance", "policyVersion", "passiveNet", "checks"],
        json!({
            "assurance": { "type": "string", "enum": ["none", "L0", "L1", "L2d", "L2a"] },
            "policyVersion": text(),
            "passiveNet": { "type": "string", "enum": ["none", "clear", "flagged", "vetoed"] },
            "reason": { "type": "string", "enum": REASONS },
            "checks": object(&["turnsAnswered"], json!({
                "turnsAnswered": { "type": "integer", "description": "Turns that were answered." },
                "noseEvidence": number("Of the turn that showed it best: what of the nose no sheet can have done, in percent of the eye distance."),
                "leastNoseEvidence": number("The same of the turn that showed it worst."),
                "noseRange": number("How far the nose moved among eyes and mouth, in eye distances."),
                "echoCorrelation": number("-1 to 1: how well the colours of the screen explain those of the skin."),
                "echoGain": number("By how much all of the screen's light changes the natural logarithm of the skin's light."),
                "echoOverNoise": number("The gain over what noise alone would give."),
                "echoLagMs": number("From the screen to the frame, in milliseconds."),
                "seenBefore": { "type": "integer", "description": "Frames that had come in an earlier attempt, of those that are known again." },
            "repeatedFrames": number("0 to 1: share of frames whose bytes had come before in the attempt."),
                "furthestJump": number("Furthest jump of the face between two frames, in widths of the face."),
            })),
        }),
    )
}

const REASONS: [&str; 10] = [
    "noEvidence",
    "noTurn",
    "noChain",
    "notSolid",
    "notFresh",
    "notOnePerson",
    "flat",
    "noEcho",
    "stored",
    "passiveNet",
];
