//! Creating a session, by JSON or by a form, in the words of every version.

use super::given::{Given, flag, wrong};
use super::reference::{self, Reference};
use super::{attribution, shape_of, wire, with_verify};
use crate::azure::{LivenessRefusal, Refusal, Version};
use crate::face::call::{Admitted, Call, Permitted};
use likeness_http::{Body, Input, Reply};
use likeness_liveness::{
    Correlation, MinimumAssurance, Mode, ModelVersion, RecordingLabel, SecretText, Session, SessionRequest, Shape,
    VerifyRequest,
};
use likeness_rules::{LIVENESS_TOKEN_LIFE, RetentionClass, parse_network};
use likeness_service::liveness::Stored;
use serde_json::Value;

/// Characters of a correlation id.
const LONGEST_ID: usize = 64;

/// `POST detectLiveness-sessions` and the three others.
pub(in crate::face) async fn create(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let (input, call) = call.take_input();
    let mut given = Given::read(input)?;
    let path = call.route().path;
    let mut request = request(&given, shape_of(path), call.version())?;
    let source = if with_verify(path) { Some(reference::source(&mut given)?) } else { None };
    let threshold = given.number("verifyConfidenceThreshold")?.unwrap_or(0.5);
    if !(0.0..=1.0).contains(&threshold) {
        return Err(wrong("'verifyConfidenceThreshold' is invalid. It must be a number from 0 to 1."));
    }
    let returns_image_hash = given.flag("returnVerifyImageHash")?;
    let call = call.permit().await?;
    if request.records.is_some() && !call.app().captures.keeps_recordings() {
        return Err(wrong(
            "'likeness.record' is not possible: this server keeps no recordings. Its operator names a folder with LIKENESS_PAD_RECORDINGS.",
        ));
    }
    refuse_closed(&call, &request).await?;
    let (mut templates, mut compared, mut ends) = (Vec::new(), None, None);
    if let Some(source) = source {
        let Reference { source, image_hash, templates: found, person, ends: until } =
            reference::find(&call, source, returns_image_hash).await?;
        (templates, compared, ends) = (found, person, until);
        #[expect(clippy::cast_possible_truncation, reason = "a share needs no more than f32")]
        let threshold = threshold as f32;
        request.verify = Some(VerifyRequest { threshold, returns_image_hash, image_hash, reference: source });
    }
    let now = call.now();
    let mut life = call.retention(RetentionClass::Session);
    if let Some(ends) = ends {
        life = life.min(ends.since(now));
    }
    let most_token_seconds = call.retention(RetentionClass::AuthToken).min(life).as_secs();
    request.token_seconds = request.token_seconds.min(u32::try_from(most_token_seconds).unwrap_or(u32::MAX));
    if !LIVENESS_TOKEN_LIFE.contains(&request.token_seconds.into()) {
        return Err(wrong(
            "'likeness.verifyFaceId' ends in less than a minute, and the session would end with it. Detect the face again.",
        ));
    }
    let session = Session::new(call.new_id(), request, now, life);
    let seconds = session.token_expires_at.since(now).as_secs();
    let app = call.app();
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let token = app.access.issue_liveness_token(call.account(), session.id, now.as_seconds(), seconds).await?;
    let stored =
        Stored { session, token, reference: templates, person: compared, companions: Vec::new(), leader: None };
    call.recheck_access().await?;
    let most_stored_bytes = Some(call.most_stored_bytes());
    app.liveness.create(call.account(), &attribution(&call), &stored, most_stored_bytes).await?;
    wire::created(&call, &stored)
}

/// Whether an input creates a session, as far as its words go; for fuzzing.
pub(crate) fn is_new_session(input: Input) -> bool {
    let Ok(mut given) = Given::read(input) else { return false };
    let request = request(&given, Shape::New, Version::V1_3Preview1);
    request.is_ok_and(|request| request.check().is_ok()) && reference::source(&mut given).is_ok()
}

/// What was asked for, but for the reference.
fn request(given: &Given, shape: Shape, version: Version) -> Result<SessionRequest, Refusal> {
    let mode = given.text("livenessOperationMode").ok().flatten().and_then(Mode::parse);
    let mut request = SessionRequest::new(shape, mode.ok_or(LivenessRefusal::InvalidMode)?);
    request.sends_results = given.flag("sendResultsToClient")?;
    request.keeps_image = given.flag("enableSessionImage")?;
    request.device_correlation = correlation(given, "deviceCorrelationId", true)?;
    request.user_correlation = correlation(given, "userCorrelationId", false)?;
    // The older name counts where both are given.
    let names = [given.text("livenessModelVersion")?, given.text("livenessSingleModalModel")?];
    for name in names.into_iter().flatten() {
        let known = [shape, Shape::Old, Shape::New].into_iter().find_map(|shape| ModelVersion::parse(name, shape));
        request.model_version = known.ok_or_else(|| {
            let names: Vec<&str> = ModelVersion::ALL.iter().map(|version| version.as_text()).collect();
            wrong(format!("The liveness model is not one of {}.", names.join(", ")))
        })?;
    }
    let seconds = given.integer("authTokenTimeToLiveInSeconds", 60, 86_400);
    let seconds = seconds.map_err(|_| LivenessRefusal::InvalidTokenLifetime)?.unwrap_or(600);
    request.token_seconds = u32::try_from(seconds).unwrap_or(600);
    // Up to v1.2 every token grants three; then the app server says how many, and without a word one.
    let usual = if version == Version::V1_3Preview1 { 1 } else { 3 };
    let attempts = given.integer("numberOfClientAttemptsAllowed", 1, 3)?;
    request.attempts_allowed = u8::try_from(attempts.unwrap_or(usual)).unwrap_or(1);
    if let Some(address) = given.text("expectedClientIpAddress")? {
        let network = parse_network(address.trim());
        let network = network.ok_or_else(|| wrong("'expectedClientIpAddress' is invalid. It must be an IP address or a range of them in the form address/bits."))?;
        request.expected_address = Some(SecretText::new(network.to_string()));
    }
    let ours = given.ours()?;
    request.minimum_assurance = minimum_assurance(&ours)?;
    request.notice_accepted = flag(&ours, "noticeAccepted")?;
    request.enrols_key = flag(&ours, "enrolKey")?;
    if request.enrols_key && request.key_holder().is_none() {
        return Err(wrong("'likeness.enrolKey' needs 'userCorrelationId': the person for whom the key is enrolled."));
    }
    request.records = record(&ours)?;
    Ok(request)
}

/// `likeness.record`: what a recording is to be called.
fn record(ours: &Body) -> Result<Option<RecordingLabel>, Refusal> {
    const SHAPE: &str = "'likeness.record' is invalid. It must be an object with 'presentation' (live, or the species of an attack), 'subject' \
                         and, if you like, 'light': words of 1 to 40 letters, digits, '-', '_' and '.'.";
    let Some(given) = ours.get("record") else { return Ok(None) };
    let text = |name: &str| given.get(name).and_then(Value::as_str).map(str::to_owned);
    let is_light_text = given.get("light").is_none_or(|light| light.is_string() || light.is_null());
    let label = text("presentation").zip(text("subject")).filter(|_| is_light_text);
    let label = label.map(|(presentation, subject)| RecordingLabel {
        presentation,
        subject,
        light: text("light"),
        simulated: false,
    });
    label.filter(|label| label.check().is_ok()).map(Some).ok_or_else(|| wrong(SHAPE))
}

fn minimum_assurance(ours: &Body) -> Result<Option<MinimumAssurance>, Refusal> {
    let Some(text) = ours.text("minimumAssurance").map_err(|problem| wrong(problem.0))? else { return Ok(None) };
    let level = MinimumAssurance::parse(text);
    level.map(Some).ok_or_else(|| wrong("'likeness.minimumAssurance' is invalid. It must be L0, L1 or L2."))
}

/// The correlation id of the device, which is required unless the client sets it, or that of the person, which is not.
fn correlation(given: &Given, name: &str, is_required: bool) -> Result<Correlation, Refusal> {
    let refused = |text: String| Refusal::from(LivenessRefusal::InvalidCorrelationId(text));
    let set_in_client = given.flag(&format!("{name}SetInClient"))?;
    let id = given.text(name).map_err(|_| refused(format!("'{name}' is invalid. It must be a string.")))?;
    match id {
        Some(_) if set_in_client => {
            Err(refused(format!("'{name}' must be absent where '{name}SetInClient' is true: the client sets it.")))
        }
        Some(id) if !(1..=LONGEST_ID).contains(&id.chars().count()) => {
            Err(refused(format!("'{name}' is invalid. It must have 1 to {LONGEST_ID} characters.")))
        }
        None if is_required && !set_in_client => Err(refused(format!(
            "'{name}' is missing. Give one of 1 to {LONGEST_ID} characters, or set '{name}SetInClient' to true."
        ))),
        id => Ok(Correlation { set_in_client, id: id.map(SecretText::new) }),
    }
}

/// A closed correlation id opens no session.
async fn refuse_closed(call: &Call<Permitted>, request: &SessionRequest) -> Result<(), Refusal> {
    if call.app().liveness.is_closed(call.state(), request).await? {
        return Err(LivenessRefusal::CorrelationIdClosed.into());
    }
    Ok(())
}
