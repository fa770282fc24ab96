//! Liveness sessions over the management API: what happened in them, and correlation ids that are closed. Words and times
//! alone: no score, no picture, no name.

use super::api::{AdminCall, json_reply};
use super::error::Refusal;
use likeness_http::{Reply, parse_uuid};
use likeness_liveness::{Attempt, CorrelationState, Session, Stage};
use likeness_service::liveness::{CorrelationOf, KnownCorrelation};
use likeness_store::PageStart;
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest reason, in characters.
const LONGEST_REASON: usize = 200;
/// Longest correlation id, in characters.
pub(super) const LONGEST_ID: usize = 64;

pub(super) fn page(call: &AdminCall) -> Result<PageStart, Refusal> {
    let page = call.query.page().map_err(|problem| Refusal::Invalid(problem.0))?;
    let is_id = page.start.is_empty() || likeness_http::parse_uuid(&page.start).is_some();
    if !is_id {
        return Err(Refusal::Invalid(
            "start must be an id: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12".to_owned(),
        ));
    }
    Ok(PageStart { after: page.start.to_ascii_lowercase(), top: page.top })
}

fn attempt_json(attempt: &Attempt, now: likeness_base::Timestamp) -> Value {
    let result = attempt.result();
    let code = match &attempt.stage {
        Stage::Failed { code, .. } => Some(code.as_text()),
        _ => None,
    };
    json!({
        "id": attempt.id,
        "status": attempt.status(now).as_text(),
        "startedAt": attempt.started_at.to_string(),
        "endedAt": attempt.ended_at().map(|at| at.to_string()),
        "code": code,
        "decision": result.map(|result| result.verdict.decision),
        "assurance": result.map(|result| result.verdict.assurance),
        "policyVersion": result.map(|result| result.verdict.policy_version.as_str()),
    })
}

fn session_json(session: &Session, now: likeness_base::Timestamp) -> Value {
    json!({
        "id": session.id,
        "withVerify": session.request.verify.is_some(),
        "mode": session.request.mode,
        "status": session.status(now).as_text(),
        "createdAt": session.created_at.to_string(),
        "expiresAt": session.expires_at.to_string(),
        "tokenExpiresAt": session.token_expires_at.to_string(),
        "noticeAcceptedAt": session.notice_accepted_at().map(|at| at.to_string()),
        "keepsImage": session.request.keeps_image,
        "key": session.request.enrols_key.then(|| session.key()),
        "attempts": session.attempts().iter().map(|attempt| attempt_json(attempt, now)).collect::<Vec<_>>(),
    })
}

/// `GET accounts/{}/liveness/sessions`
pub(super) async fn sessions(call: AdminCall) -> Result<Reply, Refusal> {
    let state = call.account()?;
    let verify = call.query.flag("verify", false).map_err(|problem| Refusal::Invalid(problem.0))?;
    let liveness = &call.app.liveness;
    let all = liveness.list(state.id(), verify, &page(&call)?).await?;
    let (now, policy) = (liveness.clock.now(), &state.settings.retention);
    let kept = all.iter().filter(|stored| stored.is_kept(policy, now));
    json_reply(&kept.map(|stored| session_json(&stored.session, now)).collect::<Vec<_>>())
}

/// `DELETE accounts/{}/liveness/sessions/{}`
pub(super) async fn delete(call: AdminCall) -> Result<Reply, Refusal> {
    let state = call.account()?;
    let id = call.id(1)?;
    let policy = &state.settings.retention;
    match call.app.liveness.delete(state.id(), &call.attribution, id, policy).await? {
        true => Ok(Reply::no_content()),
        false => Err(gone()),
    }
}

pub(super) fn gone() -> Refusal {
    Refusal::NotFound("there is nothing of that id, or not any more".to_owned())
}

fn correlation_json(known: &KnownCorrelation) -> Value {
    json!({
        "record": known.record,
        "state": match known.state {
            CorrelationState::Open => "open",
            CorrelationState::ClosedByCount => "closedByCount",
            CorrelationState::ClosedByHand => "closedByHand",
        },
        "spoofs": known.spoofs,
        "failures": known.failures,
        "reason": known.reason,
        "expiresAt": known.expires_at.map(|at| at.to_string()),
    })
}

/// `GET accounts/{}/liveness/correlations`
pub(super) async fn closed(call: AdminCall) -> Result<Reply, Refusal> {
    let state = call.account()?;
    let closed = call.app.liveness.closed_correlations(state, &page(&call)?).await?;
    json_reply(&closed.iter().map(correlation_json).collect::<Vec<_>>())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    of: String,
    id: String,
}

fn named(of: &str, id: &str) -> Result<CorrelationOf, Refusal> {
    if !(1..=LONGEST_ID).contains(&id.chars().count()) {
        return Err(Refusal::Invalid(format!("id must have 1 to {LONGEST_ID} characters")));
    }
    CorrelationOf::parse(of).ok_or_else(|| Refusal::Invalid("of must be device or user".to_owned()))
}

fn reason(text: &str) -> Result<&str, Refusal> {
    let text = text.trim();
    if (1..=LONGEST_REASON).contains(&text.chars().count()) {
        return Ok(text);
    }
    Err(Refusal::Invalid(format!("reason must have 1 to {LONGEST_REASON} characters; it stands in the audit log")))
}

/// `POST accounts/{}/liveness/correlations/find`
pub(super) async fn find(call: AdminCall) -> Result<Reply, Refusal> {
    let Asked { of, id } = call.body()?;
    let of = named(&of, &id)?;
    let found = call.app.liveness.correlation_of(call.account()?, of, &id).await?;
    json_reply(&correlation_json(&found.ok_or_else(gone)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Closing {
    of: String,
    id: String,
    reason: String,
}

/// `POST accounts/{}/liveness/correlations/close`
pub(super) async fn close(call: AdminCall) -> Result<Reply, Refusal> {
    let Closing { of, id, reason: why } = call.body()?;
    let (of, why) = (named(&of, &id)?, reason(&why)?);
    call.app.liveness.close_correlation(call.account()?, &call.attribution, of, &id, why).await?;
    Ok(Reply::no_content())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reopening {
    record: String,
    reason: String,
}

/// `POST accounts/{}/liveness/correlations/reopen`
pub(super) async fn reopen(call: AdminCall) -> Result<Reply, Refusal> {
    let Reopening { record, reason: why } = call.body()?;
    let why = reason(&why)?;
    if parse_uuid(&record).is_none() {
        return Err(gone());
    }
    match call.app.liveness.reopen_correlation(call.account()?.id(), &call.attribution, &record, why).await? {
        true => Ok(Reply::no_content()),
        false => Err(gone()),
    }
}
