//! The shapes of what the management API tells and takes about liveness sessions.

use super::shapes::{count, list_of, perhaps, says, strict, text, yes_or_no};
use crate::openapi::{object, or_null, reference, uuid};
use serde_json::{Value, json};

/// All of them, by name.
pub(super) fn all() -> Value {
    let at = || json!({ "type": "string", "format": "date-time" });
    let perhaps_at = || json!({ "type": ["string", "null"], "format": "date-time" });
    let status = || json!({ "type": "string", "enum": ["NotStarted", "Running", "Succeeded", "Failed", "Canceled"] });
    let attempt = json!({
        "id": count(), "status": status(), "startedAt": at(), "endedAt": perhaps_at(),
        "code": perhaps("Why it yielded no decision."),
        "decision": { "type": ["string", "null"], "enum": ["realface", "spoofface", "uncertain", null] },
        "assurance": perhaps("What stands behind it."), "policyVersion": perhaps("By which policy it was made."),
    });
    let session = json!({
        "id": uuid(), "withVerify": { "type": "boolean" }, "mode": text(), "status": status(),
        "createdAt": at(), "expiresAt": at(), "tokenExpiresAt": at(), "noticeAcceptedAt": perhaps_at(),
        "keepsImage": { "type": "boolean" },
        "key": { "type": ["string", "null"], "enum": ["none", "dropped", "enrolled", null], "description": "Whether a device brought a key, where the session asked for one." },
        "attempts": { "type": "array", "items": object(&["id", "status", "startedAt"], attempt) },
    });
    let correlation = json!({
        "record": says("The id of its record; it says nothing of the correlation id."),
        "state": { "type": "string", "enum": ["open", "closedByCount", "closedByHand"] },
        "spoofs": count(), "failures": count(), "reason": perhaps("Why somebody closed it."), "expiresAt": perhaps_at(),
    });
    let key = json!({
        "record": uuid(), "createdAt": at(), "lastUsedAt": at(), "expiresAt": at(),
        "ofThisDevice": yes_or_no("Whether the key reports that it cannot be backed up, so that it is of one device."),
    });
    let of = || json!({ "type": "string", "enum": ["device", "user"] });
    let id = || json!({ "type": "string", "minLength": 1, "maxLength": 64 });
    let reason = || json!({ "type": "string", "minLength": 1, "maxLength": 200, "pattern": r"\S" });
    json!({
        "LivenessSettings": object(&[], settings()),
        "LivenessSession": object(&["id", "withVerify", "mode", "status", "createdAt", "expiresAt", "tokenExpiresAt", "keepsImage", "attempts"], session),
        "LivenessSessions": list_of("LivenessSession"),
        "Correlation": object(&["record", "state", "spoofs", "failures"], correlation),
        "Correlations": list_of("Correlation"),
        "EnrolledKey": object(&["record", "createdAt", "lastUsedAt", "expiresAt", "ofThisDevice"], key),
        "EnrolledKeys": list_of("EnrolledKey"),
        "KeyHolder": strict(&["userCorrelationId"], json!({ "userCorrelationId": id() })),
        "KeyRemoval": { "oneOf": [
            strict(&["record"], json!({ "record": uuid() })),
            strict(&["userCorrelationId"], json!({ "userCorrelationId": id() })),
        ] },
        "RemovedKeys": object(&["removed"], json!({ "removed": count() })),
        "CorrelationId": strict(&["of", "id"], json!({ "of": of(), "id": id() })),
        "CorrelationClosing": strict(&["of", "id", "reason"], json!({ "of": of(), "id": id(), "reason": reason() })),
        "CorrelationReopening": strict(&["record", "reason"], json!({ "record": text(), "reason": reason() })),
    })
}

/// What is set for liveness sessions.
pub(super) fn settings() -> Value {
    let sentence = || json!({ "type": "string", "minLength": 1, "maxLength": 300, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$" });
    let bound = |what: &str| json!({ "type": "integer", "minimum": 0, "maximum": 100, "description": what });
    json!({
        "abuseMonitoring": yes_or_no("Whether a template of every session is kept for 48 hours, sealed, to find the same face behind other correlation ids."),
        "mostSpoofs": bound("Attempts with the decision spoofface within 48 hours that close their correlation id; 0: none does."),
        "mostFailures": bound("Failed attempts within 48 hours that close their correlation id; 0: none does."),
        "devices": or_null(reference("NetworkRules")),
        "recognizerReadsImages": yes_or_no("Whether the Face Recognizer reads session images too."),
        "alternative": or_null(object(&["text"], json!({
            "text": sentence(),
            "url": or_null(json!({ "type": "string", "maxLength": 2000, "pattern": "^https://[!-~]+$" })),
        }))),
        "branding": object(&[], json!({
            "name": or_null(sentence()),
            "colour": or_null(json!({ "type": "string", "pattern": "^#[0-9A-Fa-f]{6}$" })),
            "logo": or_null(json!({ "type": "string", "maxLength": 65536, "pattern": "^iVBORw0KGgo[A-Za-z0-9+/]*={0,2}$", "description": "A PNG of at most 48 KB in base64." })),
        })),
        "captureDevices": json!({
            "type": "array", "maxItems": 1000,
            "items": object(&["id", "publicKey"], json!({ "id": text(), "publicKey": text() })),
            "description": "Devices that the account mounted, each with its P-256 public key: an uncompressed point in base64url.",
        }),
    })
}
