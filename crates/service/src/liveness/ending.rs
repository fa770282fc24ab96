//! How a capture ends: the verdict, the comparison with the reference, and one commit with what came of it.

use super::attestation::AppQuestion;
use super::frames::{Fused, fused};
use super::monitoring::Monitored;
use super::replays::sampled;
use super::running::{Ended, Running};
use super::{Change, Companion, KeyUse, NotChanged};
use crate::app::App;
use crate::randomness::random_id;
use crate::recognisers::Recogniser;
use crate::shares::Owner;
use crate::templates;
use likeness_base::Secret;
use likeness_liveness::message::{AppEvidence, Assertion, Attestation};
use likeness_liveness::{
    Assurance, AttemptCode, AttemptOutcome, AttemptResult, CountedAs, Decision, Evidence, Judged, Outcome, Quality,
    Rectangle, ReferenceSource, SecretText, Session, SessionRefusal, Verdict, VerifyResult, capture_statement,
};
use likeness_rules::{LivenessSettings, RetentionClass};
use likeness_sight::compare;
use likeness_store::{AccountId, NewRecord, RecordKind, RecordWrite};
use likeness_vision::GreyChip;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Frames whose templates are fused.
const MOST_FUSED: usize = 8;

/// What a capture leaves.
struct Left {
    outcome: Outcome,
    kept: BTreeMap<u32, Secret<Vec<u8>>>,
    chips: BTreeMap<u32, GreyChip>,
    reference: Option<super::reference::ReferencePicture>,
    reference_hash: Option<String>,
    attestation: Option<Attestation>,
    signature: Option<[u8; 64]>,
    assertion: Option<Box<Assertion>>,
    app_evidence: Option<Box<AppEvidence>>,
    was_starved: bool,
    digest: String,
}

/// Ends a capture.
pub(super) async fn finish(app: &App, running: &Running) {
    let mut left = {
        let mut live = running.lock();
        let Some(capture) = live.capture.take() else { return };
        let (digest, outcome) = (capture.digest_hex(), capture.into_outcome());
        // What was given up, or seen by too few of our workers, shows nothing.
        let is_worth_keeping = !matches!(outcome, Outcome::Canceled(_)) && !live.was_starved();
        if let Some(recorder) = live.recorder.take().filter(|_| is_worth_keeping) {
            recorder.finish();
        }
        Left {
            digest,
            outcome,
            kept: std::mem::take(&mut live.kept),
            chips: std::mem::take(&mut live.chips),
            reference: live.reference.take(),
            reference_hash: live.reference_hash.take(),
            attestation: live.attestation.take(),
            signature: live.signature.take(),
            assertion: live.assertion.take(),
            app_evidence: live.app_evidence.take(),
            was_starved: live.was_starved(),
        }
    };
    let (account, policy) = (running.account.id(), &running.account.settings.retention);
    let digest = left.digest.clone();
    let found = app.liveness.read(account, running.session, policy).await;
    let (mut known, mut key) = (None, KeyUse::None);
    let fresh = known_again(app, account, &mut left.outcome).await;
    let (mut outcome, image, template) = match found {
        Ok(Some(found)) => {
            if let Outcome::Evidence(evidence) = &left.outcome {
                let request = &found.stored.session.request;
                key = app.liveness.use_key(running, request, evidence, left.assertion.as_deref()).await;
            }
            let outcome = outcome_of(app, running, left, &found.stored, key).await;
            known = Some(found.stored.session);
            outcome
        }
        // Deleted meanwhile, or the store is away: there is nobody to tell.
        Ok(None) | Err(_) => (AttemptOutcome::Failed(AttemptCode::UnexpectedServerError), None, None),
    };
    let code = match &outcome {
        AttemptOutcome::Succeeded(_) => None,
        AttemptOutcome::Failed(code) => Some(*code),
        AttemptOutcome::Canceled(_) => Some(AttemptCode::Canceled),
    };
    let word = code.map_or("decision", AttemptCode::as_text);
    metrics::counter!("likeness_captures_ended_total", "how" => word).increment(1);
    let detail = told(running.attempt, &outcome, key);
    let image = image.map(|jpeg| (app.liveness.secret_id(), jpeg));
    let recogniser = app.recognisers.default_recogniser().clone();
    let monitored = template.zip(known.as_ref()).map(|(template, session)| Monitored {
        session: running.session,
        attempt: running.attempt,
        correlation: Monitored::correlation_of(session),
        template,
        image: image.as_ref().map(|(id, _)| id.clone()),
    });
    if let (AttemptOutcome::Succeeded(result), Some(monitored)) = (&mut outcome, &monitored) {
        result.flagged = app.liveness.flagged(account, monitored, &recogniser, policy).await.ok();
    }
    let template_id = random_id(&*app.randomness).to_string();
    let life = running.account.settings.retention.seconds(RetentionClass::SessionImage);
    let attribution = running.attribution();
    let written = app.liveness.change(account, &attribution, running.session, policy, |stored, now| {
        let mut outcome = outcome.clone();
        let mut records = Vec::new();
        if let (AttemptOutcome::Succeeded(result), Some((id, jpeg))) = (&mut outcome, &image) {
            result.session_image_id = Some(SecretText::new(id.clone()));
            let ends = now.plus(std::time::Duration::from_secs(life.into())).min(stored.session.expires_at);
            records
                .push(RecordWrite::Put(NewRecord::new(RecordKind::SessionImage, id.clone(), jpeg.clone()).until(ends)));
            stored.companions.push(Companion::Image(id.clone()));
        }
        if let Some(monitored) = &monitored {
            let record = monitored.record(&template_id, &recogniser.space_id, &stored.session, policy);
            records.push(RecordWrite::Put(record));
            stored.companions.push(Companion::Template(template_id.clone()));
        }
        let session_life = std::time::Duration::from_secs(policy.seconds(RetentionClass::Session).into());
        records.extend(app.liveness.digest_records(fresh.iter(), now.plus(session_life)));
        stored.session.finish_attempt(running.attempt, outcome, now)?;
        stored.leader = None;
        Ok::<_, SessionRefusal>(Change { outcome: stored.session.clone(), records, detail: Some(detail.clone()) })
    });
    let session = match written.await {
        Ok(session) => Some(session),
        Err(NotChanged::Gone | NotChanged::Refused(_)) => None,
        Err(NotChanged::Store(error)) => {
            tracing::error!(%error, "What came of a capture could not be written; its attempt will count as timed out");
            None
        }
    };
    if let Some(session) = &session {
        count(app, running, session).await;
    }
    // A decision that is written nowhere is none.
    let unwritten = session.is_none().then_some(AttemptCode::UnexpectedServerError);
    running.end(Ended {
        code: code.or(unwritten),
        digest,
        remaining_attempts: session.as_ref().map_or(0, Session::remaining_attempts),
        session,
    });
}

/// Counts the frames that came in an earlier attempt, and gives the digests of those that did not. A capture of which that cannot be told
/// yields no decision.
async fn known_again(app: &App, account: AccountId, outcome: &mut Outcome) -> BTreeSet<[u8; 16]> {
    let Outcome::Evidence(evidence) = outcome else { return BTreeSet::new() };
    if !evidence.is_chained {
        return BTreeSet::new();
    }
    let mut digests = sampled(evidence);
    match app.liveness.seen_before(account, &digests).await {
        Ok(found) => {
            evidence.seen_before = u32::try_from(found.len()).unwrap_or(u32::MAX);
            digests.retain(|digest| !found.contains(digest));
            digests
        }
        Err(error) => {
            tracing::error!(%error, "Whether frames of a capture came before could not be looked up");
            *outcome = Outcome::Failed(AttemptCode::UnexpectedServerError);
            BTreeSet::new()
        }
    }
}

/// What the audit log says: words and versions, never a number that was measured.
fn told(attempt: u8, outcome: &AttemptOutcome, key: KeyUse) -> serde_json::Value {
    let mut told = match outcome {
        AttemptOutcome::Succeeded(result) => json!({
            "attempt": attempt,
            "outcome": "Succeeded",
            "decision": result.verdict.decision,
            "assurance": result.verdict.assurance,
            "policyVersion": result.verdict.policy_version,
        }),
        AttemptOutcome::Failed(code) => json!({ "attempt": attempt, "outcome": "Failed", "code": code.as_text() }),
        AttemptOutcome::Canceled(_) => json!({ "attempt": attempt, "outcome": "Canceled" }),
    };
    if let Some(word) = key.word() {
        told["key"] = json!(word);
    }
    told
}

async fn count(app: &App, running: &Running, session: &Session) {
    let counted_as = session.attempts().last().and_then(|attempt| CountedAs::of(&attempt.stage));
    let Some(counted_as) = counted_as else { return };
    let attribution = running.attribution();
    let request = &session.request;
    if let Err(error) = app.liveness.count_attempt(&running.account, &attribution, request, counted_as).await {
        tracing::error!(%error, "An attempt could not be counted for its correlation id");
    }
}

/// What the attempt comes to, and the picture of it, where one is wanted.
async fn outcome_of(
    app: &App,
    running: &Running,
    left: Left,
    stored: &super::Stored,
    key: KeyUse,
) -> (AttemptOutcome, Option<Secret<Vec<u8>>>, Option<Secret<Vec<u8>>>) {
    let failed = |code| (AttemptOutcome::Failed(code), None, None);
    let mut evidence = match left.outcome {
        Outcome::Evidence(evidence) => evidence,
        Outcome::Canceled(reason) => return (AttemptOutcome::Canceled(reason), None, None),
        // A busy server is no fault of the person.
        Outcome::Failed(code) if left.was_starved && code != AttemptCode::ProtocolBroken => {
            return failed(AttemptCode::UnexpectedServerError);
        }
        Outcome::Failed(code) => return failed(code),
    };
    let request = &stored.session.request;
    let policy = app.captures.policy();
    let (pairs, chips) = (evidence.pairs(&policy.judge), left.chips);
    let owner = Owner::Account(running.account.id());
    let compared = move |_: &mut crate::worker_networks::WorkerNetworks| compare(&pairs, |seq| chips.get(&seq));
    match app.inference.run(owner, compared).await {
        Ok(seen) => evidence.pairs_seen = seen,
        // A busy server is no fault of the person.
        Err(_) => return failed(AttemptCode::UnexpectedServerError),
    }
    let Judged { mut verdict, checks } = app.captures.judge().judge(&evidence, policy);
    let settings = &running.account.settings.liveness;
    // Of a verdict that nothing stands behind, a key makes no better one: it proves nothing of the camera.
    if key == KeyUse::Counts && verdict.assurance == Assurance::L0 {
        verdict.assurance = Assurance::L1;
    }
    raise(&mut verdict, settings, left.attestation.as_ref(), left.signature.as_ref(), &evidence);
    let attestation = left.attestation.as_ref().zip(left.app_evidence.as_deref());
    if verdict.assurance != Assurance::L2d && is_attested(app, running, &verdict, attestation, &evidence).await {
        verdict.assurance = Assurance::L2a;
    }
    if verdict.decision == Decision::Realface && verdict.assurance.check(request.minimum_assurance).is_err() {
        return failed(AttemptCode::AssuranceTooLow);
    }
    let mut frames: Vec<(u32, Secret<Vec<u8>>)> = Vec::new();
    let mut kept = left.kept;
    for seq in &evidence.chosen {
        frames.extend(kept.remove(seq).map(|jpeg| (*seq, jpeg)));
    }
    let mut result = AttemptResult {
        verdict,
        checks,
        face_rectangle: Rectangle::default(),
        time_offset_ms: 0,
        digest: evidence.digest_hex(),
        verify: None,
        verify_image_hash: None,
        flagged: None,
        session_image_id: None,
    };
    let shown = frames.first().map(|(seq, _)| *seq);
    let observations = evidence.observations.iter().filter(|seen| shown.is_none_or(|shown| seen.seq == shown));
    if let Some((seen, face)) = observations.filter_map(|seen| Some((seen, seen.face.as_ref()?))).next_back() {
        result.face_rectangle = face.rectangle;
        let first = evidence.frames.first().map_or(seen.capture_ms, |first| first.capture_ms);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an attempt lasts 90 seconds")]
        let offset = (seen.capture_ms - first).clamp(0.0, 1e6) as u32;
        result.time_offset_ms = offset;
    }
    let image = frames.first().map(|(_, jpeg)| jpeg.clone()).filter(|_| request.keeps_image);
    let frames: Arc<[Secret<Vec<u8>>]> = frames.into_iter().take(MOST_FUSED).map(|(_, jpeg)| jpeg).collect();
    let mut person = Person { app, running, frames, seen: None };
    let monitored = if settings.abuse_monitoring { person.watched().await } else { None };
    if let Some(verify) = &request.verify {
        let references = match (&verify.reference, left.reference) {
            (ReferenceSource::Device, None) => return failed(AttemptCode::UnexpectedServerError),
            (ReferenceSource::Device, Some(reference)) => {
                result.verify_image_hash =
                    left.reference_hash.filter(|_| verify.returns_image_hash).map(SecretText::new);
                let template = templates::encode(reference.template.expose());
                let place = Some((reference.face_rectangle, reference.quality));
                (vec![(reference.space, template)], place)
            }
            _ => match of_person(app, running, stored).await {
                Some(faces) => (faces, None),
                // Deleted since: there is nobody to compare with.
                None => return failed(AttemptCode::ReferenceRefused),
            },
        };
        match verified(&mut person, references, verify.threshold).await {
            Ok(compared) => result.verify = Some(compared),
            Err(code) => return failed(code),
        }
    }
    (AttemptOutcome::Succeeded(Box::new(result)), image, monitored)
}

/// The person of the frames that were chosen.
struct Person<'a> {
    app: &'a App,
    running: &'a Running,
    frames: Arc<[Secret<Vec<u8>>]>,
    /// The template that was computed last, with the number of its recogniser.
    seen: Option<(usize, Secret<Vec<f32>>)>,
}

impl Person<'_> {
    /// Their template by a recogniser, fused of all frames; computed once.
    async fn template(&mut self, recogniser: &Arc<Recogniser>) -> Result<Secret<Vec<f32>>, AttemptCode> {
        if let Some((_, template)) = self.seen.as_ref().filter(|(number, _)| *number == recogniser.number) {
            return Ok(template.clone());
        }
        let (frames, by) = (self.frames.clone(), recogniser.clone());
        let work = move |vision: &mut crate::worker_networks::WorkerNetworks| fused(vision, &frames, &by);
        let template = self.app.inference.run(Owner::Account(self.running.account.id()), work).await;
        let template = template.ok().and_then(Result::ok).ok_or(AttemptCode::UnexpectedServerError)?;
        let template = match template {
            Fused::One(template) => template,
            Fused::Nobody => return Err(AttemptCode::NoFaceDetected),
            Fused::Several => return Err(AttemptCode::FaceTrackingFailed),
        };
        self.seen = Some((recogniser.number, template.clone()));
        Ok(template)
    }

    /// Their template as it is kept where the account watches for abuse. Without a worker, or a frame to see by, there is none.
    async fn watched(&mut self) -> Option<Secret<Vec<u8>>> {
        let recogniser = self.app.recognisers.default_recogniser().clone();
        let template = self.template(&recogniser).await.ok()?;
        Some(templates::encode(template.expose()))
    }
}

/// The templates of a stored reference, those of a person as they are now; `None`: there are none any more.
async fn of_person(app: &App, running: &Running, stored: &super::Stored) -> Option<Vec<(String, Secret<Vec<u8>>)>> {
    let Some((container, person)) = &stored.person else { return Some(stored.reference.clone()) };
    let faces = app.store.templates_of_person(running.account.id(), container, *person).await.ok()?;
    let faces: Vec<_> = faces.into_iter().map(|face| (face.space.to_string(), face.template)).collect();
    Some(faces).filter(|faces| !faces.is_empty())
}

/// Raises what stands behind a verdict where a registered device signed the frames.
fn raise(
    verdict: &mut Verdict,
    settings: &LivenessSettings,
    attestation: Option<&Attestation>,
    signature: Option<&[u8; 64]>,
    evidence: &Evidence,
) {
    let signed = || {
        let attestation = attestation.filter(|attestation| attestation.kind == "device")?;
        let device = settings.capture_device(&attestation.id)?;
        device.has_signed(&capture_statement(evidence.session_id, &evidence.tail), signature?).then_some(())
    };
    if verdict.assurance != Assurance::None && evidence.is_chained && signed().is_some() {
        verdict.assurance = Assurance::L2d;
    }
}

/// Whether an app proves that it is the one it should be. Of a verdict that nothing stands behind, it makes no better one.
async fn is_attested(
    app: &App,
    running: &Running,
    verdict: &Verdict,
    brought: Option<(&Attestation, &AppEvidence)>,
    evidence: &Evidence,
) -> bool {
    let Some((attestation, brought)) = brought.filter(|(attestation, _)| attestation.kind == "app") else {
        return false;
    };
    let Some(attestations) = app.captures.attestations() else { return false };
    if verdict.assurance == Assurance::None || !evidence.is_chained {
        return false;
    }
    let account = running.account.id();
    let question = AppQuestion {
        account: account.0,
        session_id: running.session,
        attempt: running.attempt,
        key_id: &attestation.id,
        statement: &capture_statement(evidence.session_id, &evidence.tail),
        evidence: brought.bytes(),
    };
    attestations.holds(Owner::Account(account), &question).await
}

/// Templates of one recogniser.
type Known = (Arc<Recogniser>, Vec<Secret<Vec<f32>>>);
/// Templates with the names of their spaces, and, of a picture that the device brought, its face.
type References = (Vec<(String, Secret<Vec<u8>>)>, Option<(Rectangle, Quality)>);

/// Compares the person of some frames with the references, of which the nearest counts.
async fn verified(
    person: &mut Person<'_>,
    (references, place): References,
    threshold: f32,
) -> Result<VerifyResult, AttemptCode> {
    if person.frames.is_empty() {
        return Err(AttemptCode::NoFaceDetected);
    }
    let recognisers = &person.app.recognisers;
    // The first recogniser that is installed and has made one of them; a faceId may have templates of several.
    let mut own: Option<Known> = None;
    for (space, bytes) in &references {
        let decoded = templates::decode_all(bytes.expose(), space, recognisers);
        for (number, template) in decoded.unwrap_or_default() {
            match &mut own {
                None => own = Some((recognisers.numbered(number).clone(), vec![template])),
                Some((recogniser, known)) if recogniser.number == number => known.push(template),
                Some(_) => {}
            }
        }
    }
    let Some((recogniser, known)) = own else { return Err(AttemptCode::UnexpectedServerError) };
    let person = person.template(&recogniser).await?;
    let confidence = known
        .iter()
        .map(|template| likeness_gallery::distance(person.expose(), template.expose()))
        .map(|distance| recogniser.calibration.verify_confidence(distance))
        .fold(0.0_f32, f32::max);
    Ok(VerifyResult {
        match_confidence: confidence,
        is_identical: confidence >= threshold,
        reference_rectangle: place.map(|(place, _)| place),
        reference_quality: place.map(|(_, quality)| quality),
    })
}
