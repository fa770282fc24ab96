//! Sessions on the wire, in both shapes of the contract.

use super::shape_of;
use crate::azure::Version;
use crate::azure::{Refusal, audit_body, rectangle, reference_image};
use crate::face::call::{Call, Permitted};
use likeness_base::Timestamp;
use likeness_http::Reply;
use likeness_liveness::{Attempt, AttemptResult, KeyStage, ReferenceSource, Session, SessionStatusOld, Shape, Stage};
use likeness_service::liveness::Stored;
use serde_json::{Map, Value, json};

/// Where the contract's samples say `image`, whatever its list of names says.
const REFERENCE_TYPE: &str = "image";

/// The answer to a creation.
pub(super) fn created(call: &Call<Permitted>, stored: &Stored) -> Result<Reply, Refusal> {
    match shape_of(call.route().path) {
        Shape::New => shown(call, stored),
        Shape::Old => {
            let mut body = json!({ "sessionId": stored.session.id, "authToken": stored.token.expose() });
            if let Some(ReferenceSource::Picture { face_rectangle, quality }) = reference(&stored.session) {
                body["verifyImage"] = reference_image(face_rectangle, quality);
            }
            call.answer(&body)
        }
    }
}

/// One session.
pub(super) fn shown(call: &Call<Permitted>, stored: &Stored) -> Result<Reply, Refusal> {
    let now = call.now();
    match shape_of(call.route().path) {
        Shape::New => call.answer(&new_session(stored, now, call.version(), call.watches_for_abuse())),
        Shape::Old => {
            let mut item = old_item(&stored.session, now);
            let status = stored.session.status_old(now);
            item.insert("status".to_owned(), json!(status.as_text()));
            if status == SessionStatusOld::ResultAvailable
                && let Some(entry) = audit_entries(&stored.session, call.version()).pop()
            {
                item.insert("result".to_owned(), entry);
            }
            call.answer(&item)
        }
    }
}

fn reference(session: &Session) -> Option<ReferenceSource> {
    session.request.verify.as_ref().map(|verify| verify.reference)
}

/// A session in the newer shape.
fn new_session(stored: &Stored, now: Timestamp, version: Version, watches: bool) -> Value {
    let session = &stored.session;
    let is_usable = session.token_holds(now) && session.remaining_attempts() > 0;
    let token = if is_usable { stored.token.expose().as_str() } else { "" };
    let attempts: Vec<Value> =
        session.attempts().iter().rev().map(|attempt| new_attempt(session, attempt, now, version)).collect();
    let mut results = json!({ "attempts": attempts });
    if let Some(ReferenceSource::Picture { face_rectangle, quality }) = reference(session) {
        let mut reference = reference_image(face_rectangle, quality);
        reference["referenceType"] = json!(REFERENCE_TYPE);
        results["verifyReferences"] = json!([reference]);
    } else if session.request.verify.is_some() {
        results["verifyReferences"] = json!([]);
    }
    let mut body = json!({
        "sessionId": session.id,
        "authToken": token,
        "status": session.status(now).as_text(),
        "modelVersion": session.request.model_version.as_text(),
        "results": results,
    });
    if session.request.enrols_key {
        body["likeness"] = json!({ "keyEnrolled": session.key() == KeyStage::Enrolled });
    }
    if version == Version::V1_3Preview1 {
        body["isAbuseMonitoringEnabled"] = json!(watches);
    }
    body
}

fn new_attempt(session: &Session, attempt: &Attempt, now: Timestamp, version: Version) -> Value {
    let mut body = json!({ "attemptId": attempt.id, "attemptStatus": attempt.status(now).as_text() });
    match &attempt.stage {
        Stage::Running { .. } => {}
        Stage::Succeeded { result, .. } => body["result"] = new_result(session, result),
        Stage::Failed { code, .. } => {
            body["error"] = json!({ "code": code.as_text(), "message": code.message(), "targets": {} });
        }
        Stage::Canceled { .. } => {
            let code = likeness_liveness::AttemptCode::Canceled;
            body["error"] = json!({ "code": code.as_text(), "message": code.message(), "targets": {} });
        }
    }
    if version == Version::V1_3Preview1
        && let Some(address) = &attempt.origin.client_address
    {
        body["clientInformation"] = json!([{ "ip": address.expose() }]);
    }
    if version == Version::V1_3Preview1
        && let Some(flagged) = attempt.result().and_then(|result| result.flagged.as_ref())
    {
        let others = flagged.iter().map(|other| {
            json!({
                "attemptId": other.attempt_id,
                "sessionId": other.session_id,
                "sessionImageId": other.session_image_id.as_ref().map(|id| id.expose()),
            })
        });
        body["abuseMonitoringResult"] =
            json!({ "isAbuseDetected": !flagged.is_empty(), "otherFlaggedSessions": others.collect::<Vec<_>>() });
    }
    body
}

/// What the public contract has no member for: what stands behind the decision, in words and numbers. For the app server alone.
fn ours(result: &AttemptResult) -> Value {
    let verdict = &result.verdict;
    let mut ours = json!({
        "assurance": verdict.assurance,
        "policyVersion": verdict.policy_version,
        "passiveNet": verdict.passive_net,
        "checks": result.checks,
    });
    if let Some(reason) = &verdict.reason {
        ours["reason"] = json!(reason);
    }
    ours
}

fn new_result(session: &Session, result: &AttemptResult) -> Value {
    let mut body = json!({
        "livenessDecision": result.verdict.decision,
        "targets": { "color": { "faceRectangle": rectangle(result.face_rectangle) } },
        "digest": result.digest,
        "likeness": ours(result),
    });
    if let Some(id) = &result.session_image_id {
        body["sessionImageId"] = json!(id.expose());
    }
    if let Some(verify) = &result.verify {
        body["verifyResult"] =
            json!({ "matchConfidence": verify.match_confidence, "isIdentical": verify.is_identical });
    }
    if let Some(hash) = image_hash(session, result) {
        body["verifyImageHash"] = json!(hash);
    }
    body
}

/// The hash of the reference picture, where it was asked for.
fn image_hash<'a>(session: &'a Session, result: &'a AttemptResult) -> Option<&'a str> {
    let verify = session.request.verify.as_ref().filter(|verify| verify.returns_image_hash)?;
    verify.image_hash.as_ref().or(result.verify_image_hash.as_ref()).map(|hash| hash.expose())
}

/// A session of the older shape as lists have it.
pub(super) fn old_item(session: &Session, now: Timestamp) -> Map<String, Value> {
    let mut item = Map::new();
    item.insert("id".to_owned(), json!(session.id));
    item.insert("createdDateTime".to_owned(), json!(session.created_at.to_string()));
    if let Some(first) = session.attempts().first() {
        item.insert("sessionStartDateTime".to_owned(), json!(first.started_at.to_string()));
    }
    item.insert("sessionExpired".to_owned(), json!(!session.token_holds(now)));
    if let Some(id) = &session.request.device_correlation.id {
        item.insert("deviceCorrelationId".to_owned(), json!(id.expose()));
    }
    item.insert("authTokenTimeToLiveInSeconds".to_owned(), json!(session.request.token_seconds));
    item
}

/// What the older shape calls the audit of a session: an entry for each attempt that has ended, oldest first.
pub(super) fn audit_entries(session: &Session, version: Version) -> Vec<Value> {
    session.attempts().iter().filter_map(|attempt| audit_entry(session, attempt, version)).collect()
}

fn audit_entry(session: &Session, attempt: &Attempt, version: Version) -> Option<Value> {
    let ended = attempt.ended_at()?;
    let result = attempt.result();
    let mut request = json!({
        "url": attempt.origin.path,
        "method": "POST",
        "contentType": "multipart/form-data",
    });
    if let Some(agent) = &attempt.origin.user_agent {
        request["userAgent"] = json!(agent.expose());
    }
    let latency = ended.since(attempt.started_at).as_millis();
    let mut entry = json!({
        "id": attempt.id,
        "sessionId": session.id,
        "requestId": attempt.origin.request_id,
        "clientRequestId": attempt.origin.client_request_id.as_ref().map_or("", |id| id.expose()),
        "receivedDateTime": ended.to_string(),
        "request": request,
        "response": { "body": audit_body(attempt), "statusCode": 200, "latencyInMilliseconds": latency },
        "digest": result.map_or("", |result| result.digest.as_str()),
    });
    if let Some(result) = result {
        entry["likeness"] = ours(result);
    }
    if version != Version::V1_1Preview1
        && let Some(result) = result
    {
        if let Some(id) = &result.session_image_id {
            entry["sessionImageId"] = json!(id.expose());
        }
        if let Some(hash) = image_hash(session, result) {
            entry["verifyImageHash"] = json!(hash);
        }
    }
    Some(entry)
}
