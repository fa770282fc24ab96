//! The check of each promise. A check returns what it found, in a sentence for the report.

use super::CheckOutcome::{self, Broken, Kept, NotTried};
use super::scratch::{MARK, Scratch};
use anyhow::{Context, Result};
use likeness_rules::Approvals;
use likeness_service::accounts::Attribution;
use likeness_service::accounts::audit::{self, AuditFilter};
use likeness_store::KeySlot;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use uuid::Uuid;

const ELSEWHERE: &str = "the files belong to the database server and are not readable from here";

fn outcome(is_kept: bool, seen: String) -> CheckOutcome {
    if is_kept { Kept(seen) } else { Broken(seen) }
}

pub(super) async fn no_picture(scratch: &mut Scratch) -> Result<CheckOutcome> {
    let (status, _) = scratch.own.picture("detect?returnFaceId=false", &scratch.photo.clone()).await?;
    let photo = scratch.photo.clone();
    let pieces: Vec<&[u8]> = photo.chunks_exact(64).step_by((photo.len() / 64 / 32).max(1)).collect();
    Ok(match scratch.found(&pieces)? {
        None => NotTried(format!("{ELSEWHERE}; the schema has no column for pictures")),
        Some(found) => outcome(
            status == 200 && found == 0,
            format!(
                "a picture was looked at ({status}); of {} pieces of it {found} are in the data folder",
                pieces.len()
            ),
        ),
    })
}

pub(super) async fn sealed(scratch: &mut Scratch) -> Result<CheckOutcome> {
    scratch.enrol("sealed").await?;
    let key = scratch.own.keys[0].clone();
    let pieces: [&[u8]; 2] = [MARK.as_bytes(), key.expose().as_bytes()];
    Ok(match scratch.found(&pieces)? {
        None => NotTried(ELSEWHERE.to_owned()),
        Some(found) => outcome(
            found == 0,
            format!(
                "a person was enrolled; of their name, their user data and the account's key {found} are in the data folder"
            ),
        ),
    })
}

pub(super) async fn isolated(scratch: &mut Scratch) -> Result<CheckOutcome> {
    let (person, face) = scratch.enrol("isolated").await?;
    let mut seen = Vec::new();
    for path in ["largepersongroups/isolated", &format!("largepersongroups/isolated/persons/{person}"), &face] {
        seen.push(scratch.other.json("GET", path, &Value::Null).await?.0);
        seen.push(scratch.other.json("DELETE", path, &Value::Null).await?.0);
    }
    let (own, _) = scratch.own.json("GET", &face, &Value::Null).await?;
    let own_path = format!("/accounts/{}/face/v1.0/largepersongroups", scratch.own.name);
    let (at_endpoint, _) = scratch.other.json("GET", &own_path, &Value::Null).await?;
    let is_kept = seen.iter().all(|status| *status == 404) && own == 200 && at_endpoint == 401;
    Ok(outcome(
        is_kept,
        format!("another account read and deleted by id: {seen:?}; at the account's own address: {at_endpoint}"),
    ))
}

pub(super) async fn gated(scratch: &mut Scratch) -> Result<CheckOutcome> {
    let photo = scratch.photo.clone();
    let (detect, _) = scratch.bare.picture("detect?returnFaceId=true", &photo).await?;
    let ids = [Uuid::from_u128(1), Uuid::from_u128(2)];
    let (group, _) = scratch.bare.json("POST", "group", &json!({ "faceIds": ids })).await?;
    let body = json!({ "faceId1": ids[0], "faceId2": ids[1] });
    let (verify, _) = scratch.bare.json("POST", "verify", &body).await?;
    let (create, _) = scratch.bare.json("PUT", "facelists/l", &json!({ "name": "n" })).await?;
    let seen = [detect, group, verify, create];
    let (count, _) = scratch.bare.picture("detect?returnFaceId=false", &photo).await?;
    let is_kept = seen.iter().all(|status| *status == 403) && count == 200;
    Ok(outcome(
        is_kept,
        format!("an account without approval asked for faceIds, groups, verification and a list: {seen:?}"),
    ))
}

pub(super) async fn replaced(scratch: &mut Scratch) -> Result<CheckOutcome> {
    let before = scratch.bare.json("GET", "facelists", &Value::Null).await?.0;
    scratch.service.regenerate(scratch.bare.id, &Attribution::of_operator(), KeySlot::Key1).await?;
    let after = scratch.bare.json("GET", "facelists", &Value::Null).await?.0;
    let is_kept = (before, after) == (200, 401);
    Ok(outcome(is_kept, format!("the key opened the account before ({before}) and not after ({after})")))
}

pub(super) async fn face(scratch: &mut Scratch) -> Result<CheckOutcome> {
    let (_, face) = scratch.enrol("face").await?;
    let (before, _) = scratch.own.json("GET", &face, &Value::Null).await?;
    let (status, _) = scratch.own.json("DELETE", &face, &Value::Null).await?;
    let (after, _) = scratch.own.json("GET", &face, &Value::Null).await?;
    let is_kept = (before, status, after) == (200, 200, 404);
    Ok(outcome(is_kept, format!("the face was there ({before}), was deleted ({status}), and is not found ({after})")))
}

pub(super) async fn no_bytes(scratch: &mut Scratch) -> Result<CheckOutcome> {
    let from_here = match scratch.found(&[])? {
        None => ELSEWHERE,
        Some(_) => "sealed bytes are known to the store alone, which does not show them",
    };
    Ok(NotTried(format!("{from_here}; the test reads them from the database and looks for them in every file")))
}

pub(super) async fn log(_: &mut Scratch) -> Result<CheckOutcome> {
    Ok(NotTried(
        "the log belongs to whoever collects it; the test reads that of a server which says all it can say".to_owned(),
    ))
}

pub(super) async fn person(scratch: &mut Scratch) -> Result<CheckOutcome> {
    let (person, _) = scratch.enrol("person").await?;
    scratch.train("person").await?;
    let photo = scratch.photo.clone();
    let path = "detect?recognitionModel=recognition_04&faceIdTimeToLive=60";
    let (_, faces) = scratch.own.picture(path, &photo).await?;
    let question = json!({
        "faceIds": [faces[0]["faceId"]], "largePersonGroupId": "person", "confidenceThreshold": 0.0,
    });
    let (_, before) = scratch.own.json("POST", "identify", &question).await?;
    let (status, _) =
        scratch.own.json("DELETE", &format!("largepersongroups/person/persons/{person}"), &Value::Null).await?;
    let (_, after) = scratch.own.json("POST", "identify", &question).await?;
    let named = before[0]["candidates"][0]["personId"] == person.as_str();
    let gone = after[0]["candidates"] == json!([]);
    Ok(outcome(
        named && status == 200 && gone,
        format!("identify named the person before: {named}; right after the delete it names nobody: {gone}"),
    ))
}

pub(super) async fn erased(scratch: &mut Scratch) -> Result<CheckOutcome> {
    let (first, _) = scratch.enrol("erased-a").await?;
    let (second, _) = scratch.enrol("erased-b").await?;
    let query = likeness_service::accounts::persons::PersonQuery {
        ids: [Uuid::parse_str(&first)?, Uuid::parse_str(&second)?].into(),
        ..Default::default()
    };
    let attribution = Attribution::of_operator();
    let held = scratch.service.person_report(scratch.own.id, &attribution, &query).await?.places.len();
    let gone = scratch.service.erase_person(scratch.own.id, &attribution, &query).await?.places.len();
    let left = scratch.service.person_report(scratch.own.id, &attribution, &query).await?.places.len();
    Ok(outcome((held, gone, left) == (2, 2, 0), format!("found in {held} places, erased from {gone}, left in {left}")))
}

pub(super) async fn expired(scratch: &mut Scratch) -> Result<CheckOutcome> {
    let photo = scratch.photo.clone();
    let path = "detect?recognitionModel=recognition_04&faceIdTimeToLive=60";
    let (_, faces) = scratch.own.picture(path, &photo).await?;
    let face = faces[0]["faceId"].as_str().context("there is no faceId")?.to_owned();
    let body = json!({ "faceId1": face, "faceId2": face });
    let begun = Instant::now();
    let (before, _) = scratch.own.json("POST", "verify", &body).await?;
    tokio::time::sleep(Duration::from_millis(60_500).saturating_sub(begun.elapsed())).await;
    let (after, _) = scratch.own.json("POST", "verify", &body).await?;
    let id = Uuid::parse_str(&face)?;
    // Read as of a time when it lived: what comes back still exists, expired or not.
    let past = likeness_base::Timestamp::from_millis(0);
    let mut gone_after = None;
    while begun.elapsed() < Duration::from_secs(125) {
        let there = scratch.service.store.face_ids(scratch.own.id, &[id], past).await?;
        if there[0].is_none() {
            gone_after = Some(begun.elapsed().as_secs().saturating_sub(60));
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let gone = gone_after.map_or("not within a minute".to_owned(), |seconds| format!("after {seconds} s"));
    Ok(outcome(
        (before, after) == (200, 404) && gone_after.is_some(),
        format!(
            "a faceId of a minute could be used within it ({before}), not after it ({after}); its record is gone {gone}"
        ),
    ))
}

pub(super) async fn hours(scratch: &mut Scratch) -> Result<CheckOutcome> {
    let now = scratch.service.clock.now();
    scratch.service.store.destroy_expired_keys(now).await?;
    Ok(NotTried(
        "an hour has to pass; the test sets the clock. Keys of hours that are over were looked for and destroyed now"
            .to_owned(),
    ))
}

pub(super) async fn notice_first(scratch: &mut Scratch) -> Result<CheckOutcome> {
    let (status, notice) = scratch.own.json("GET", "/notice?language=en", &Value::Null).await?;
    let session = Uuid::from_u128(1);
    let decision = json!({
        "language": notice["language"], "version": notice["version"], "decision": "refused", "session": session,
    });
    let (decided, _) = scratch.own.json("POST", "/notice/decision", &decision).await?;
    let filter = AuditFilter { action: Some("consent".to_owned()), top: 10, ..AuditFilter::default() };
    let rows = scratch.service.audit_rows(scratch.own.id, &filter).await?;
    let is_noted = rows.iter().any(|row| row.detail.as_ref().is_some_and(|detail| detail["session"] == json!(session)));
    let words = notice["text"].as_str().map_or(0, |text| text.split_whitespace().count());
    Ok(outcome(
        status == 200 && words > 40 && decided == 204 && is_noted,
        format!(
            "the notice in force has {words} words, version {}; a decision was noted: {is_noted}",
            notice["version"]
        ),
    ))
}

pub(super) async fn audit_log(scratch: &mut Scratch) -> Result<CheckOutcome> {
    let verified = audit::verify(&*scratch.service.store, scratch.own.id, None).await?;
    let filter = AuditFilter { top: usize::MAX, ..AuditFilter::default() };
    let rows = scratch.service.audit_rows(scratch.own.id, &filter).await?;
    let text = serde_json::to_string(&rows)?;
    let shows =
        [MARK, scratch.own.keys[0].expose(), scratch.own.keys[1].expose()].iter().any(|word| text.contains(*word));
    let last = &verified.last[..16];
    Ok(outcome(
        verified.broken_at.is_none() && !shows && rows.len() > 5,
        format!(
            "{} rows, the chain holds, last hash {last}\u{2026}; no name, user data or key in them: {}",
            rows.len(),
            !shows
        ),
    ))
}

pub(super) async fn vendor(scratch: &mut Scratch) -> Result<CheckOutcome> {
    scratch.service.set_vendor_right(scratch.own.id, &Attribution::of_operator(), true).await?;
    let client_id = scratch.other.id;
    let client = scratch.service.find(&client_id.to_string())?.settings.resource.clone();
    let body = json!({ "targetAzureResourceId": client, "featureFlags": ["Face.Verification"] });
    let (issued, token) = scratch.own.json("POST", "/sts/v1.0/issueLimitedAccessToken?expiredTime=60", &body).await?;
    // Approved for nothing of its own, so that the token is what lets it.
    scratch.approve(client_id, &Approvals::default()).await?;
    scratch.other.lend(token.as_str());
    let faces = json!({ "faceId1": Uuid::from_u128(1), "faceId2": Uuid::from_u128(2) });
    let (used, _) = scratch.other.json("POST", "verify", &faces).await?;
    scratch.other.lend(None);
    scratch.approve(client_id, &Approvals::everything()).await?;
    let path = format!("/admin/v1/accounts/{}/tokens/report?events=true", scratch.own.id);
    let (status, report) = scratch.own.json("GET", &path, &Value::Null).await?;
    let text = report.to_string();
    let names = text.contains(&client.to_string()) && report["days"][0]["used"] == 1;
    let shows = scratch.other.keys.iter().any(|key| text.contains(key.expose()))
        || text.contains(&scratch.address.ip().to_string());
    // Nobody has these faces: what was asked for is allowed, and not found.
    Ok(outcome(
        issued == 200 && used == 404 && status == 200 && names && !shows,
        format!(
            "a token was issued ({issued}) and used ({used}); the vendor's report names the client's resource and the use: {names}; its key or address: {shows}"
        ),
    ))
}

pub(super) async fn closed(scratch: &mut Scratch) -> Result<CheckOutcome> {
    let (before, _) = scratch.other.json("PUT", "facelists/l", &json!({ "name": MARK })).await?;
    scratch.service.close(scratch.other.id, &Attribution::of_operator(), 0).await?;
    let (after, _) = scratch.other.json("GET", "facelists", &Value::Null).await?;
    let is_gone = scratch.service.store.account(scratch.other.id).await?.is_none();
    let trail = audit::verify(&*scratch.service.store, scratch.other.id, None).await?;
    Ok(outcome(
        (before, after) == (200, 401) && is_gone && trail.rows > 0,
        format!(
            "it answered before ({before}) and not after ({after}); key and records are gone: {is_gone}; its trail of {} rows stays",
            trail.rows
        ),
    ))
}

/// The body that creates a liveness session.
fn session() -> Value {
    json!({ "livenessOperationMode": "Passive", "deviceCorrelationId": "privacy-report" })
}

pub(super) async fn session_deleted(scratch: &mut Scratch) -> Result<CheckOutcome> {
    let (made, told) = scratch.own.json("POST", "detectLiveness-sessions", &session()).await?;
    let id = told["sessionId"].as_str().unwrap_or_default().to_owned();
    let path = format!("detectLiveness-sessions/{id}");
    let (status, _) = scratch.own.json("DELETE", &path, &Value::Null).await?;
    let (after, _) = scratch.own.json("GET", &path, &Value::Null).await?;
    let uuid = Uuid::parse_str(&id)?;
    let policy = likeness_rules::RetentionPolicy::default();
    let liveness = likeness_service::liveness::LivenessSessions {
        store: scratch.service.store.clone(),
        ledger: scratch.service.ledger.clone(),
        clock: scratch.service.clock.clone(),
        randomness: scratch.service.randomness.clone(),
    };
    let is_gone = liveness.read(scratch.own.id, uuid, &policy).await?.is_none();
    Ok(outcome(
        (made, status, after, is_gone) == (200, 204, 404, true),
        format!(
            "a session was made ({made}), deleted ({status}), and is not found ({after}), nor is its record: {is_gone}"
        ),
    ))
}

pub(super) async fn no_template_of_sessions(scratch: &mut Scratch) -> Result<CheckOutcome> {
    let (status, told) = scratch.own.json("GET", "settings/liveness-abuse-monitoring", &Value::Null).await?;
    let page = likeness_store::PageStart { after: String::new(), top: 1 };
    let kind = likeness_store::RecordKind::MonitoredTemplate;
    let kept = scratch.service.store.records(scratch.own.id, kind, &page, scratch.service.clock.now()).await?;
    let is_off = told["enabled"] == json!(false);
    Ok(outcome(
        status == 200 && is_off && kept.is_empty(),
        format!(
            "abuse monitoring is off in a new account: {is_off}; templates of sessions that are kept: {}",
            kept.len()
        ),
    ))
}
