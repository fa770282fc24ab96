//! Probes: the templates of faces that a call compares, and what they may be compared with.
//!
//! Start at [`detected`]. Confidence on the wire is always the verify mapping of the pack's calibration, in which 0.5 is the
//! threshold of "same person".

use super::arguments::{DIRECTORY_MODELS, container_id};
use super::call::{Call, Permitted};
use crate::azure::{MissingAs, Refusal, from_store};
use likeness_base::Secret;
use likeness_gallery::Visible;
use likeness_http::Body;
use likeness_rules::{ConfidenceDetail, RetentionClass};
use likeness_service::recognisers::{Recogniser, pack_of};
use likeness_service::templates;
use likeness_store::{Container, ContainerKind, ContainerName, DetectedFace, TrainingStatus};
use std::sync::Arc;
use uuid::Uuid;

/// Confidence from which two faces count as the same person (`face-api.md` 3.5).
pub(super) use likeness_gallery::SAME_PERSON;

/// The templates of a face that a call compares, by their recognisers, and the model it belongs to.
pub(super) struct ProbeTemplates {
    templates: Vec<(usize, Secret<Vec<f32>>)>,
    pub(super) model: String,
}

impl ProbeTemplates {
    /// The template of one recogniser.
    pub(super) fn by(&self, recogniser: &Recogniser) -> Result<&[f32], Refusal> {
        let own = self.templates.iter().find(|(number, _)| *number == recogniser.number);
        own.map(|(_, template)| template.expose().as_slice()).ok_or_else(|| {
            Refusal::bad(format!(
                "'recognitionModel' is incompatible: what the face is to be compared with was enrolled with the model pack {}, \
                 and this face has no template of it. Detect it again.",
                recogniser.pack.pack.id
            ))
        })
    }
}

/// The recogniser of which all these faces have a template; that of new containers where there are several.
pub(super) fn common<'a>(call: &'a Call<Permitted>, faces: &[&ProbeTemplates]) -> Result<&'a Arc<Recogniser>, Refusal> {
    let all_have = |recogniser: &&Arc<Recogniser>| faces.iter().all(|face| face.by(recogniser).is_ok());
    call.app().recognisers.all().iter().find(all_have).ok_or_else(|| {
        Refusal::bad("'recognitionModel' is incompatible: the faces were detected with different model packs. Detect them again.")
    })
}

/// The templates behind face ids, in order; one that is unknown or expired refuses the call.
pub(super) async fn detected(
    call: &Call<Permitted>,
    ids: &[Uuid],
    missing: MissingAs,
) -> Result<Vec<ProbeTemplates>, Refusal> {
    let found = call.store().face_ids(call.account(), ids, call.now()).await?;
    // The account may have shortened their life since, and the sweep is on its way.
    let latest_end = call.now().plus(call.retention(RetentionClass::FaceId));
    let alive = found.into_iter().map(|face| face.filter(|face| face.expires_at <= latest_end));
    alive.map(|face| compared(call, face.ok_or(Refusal::FaceNotFound(missing))?)).collect()
}

fn compared(call: &Call<Permitted>, face: DetectedFace) -> Result<ProbeTemplates, Refusal> {
    let recognisers = &call.app().recognisers;
    let templates = templates::decode_all(face.template.expose(), &face.space, recognisers).ok_or_else(unreadable)?;
    if templates.is_empty() {
        let packs: Vec<&str> = templates::spaces(&face.space).map(pack_of).collect();
        return Err(Refusal::bad(format!(
            "'recognitionModel' is incompatible: the face was detected with the model pack {}, which this server does not \
             have. Detect it again.",
            packs.join(" and ")
        )));
    }
    Ok(ProbeTemplates { templates, model: face.model })
}

pub(super) fn unreadable() -> Refusal {
    Refusal::Internal("a stored template has another shape than its model pack says".to_owned())
}

/// The best of what several galleries of one container gave, each best first. Distances of different recognisers say
/// nothing to each other; confidences do.
pub(super) fn merge_best<T>(mut found: Vec<Vec<T>>, most: usize, confidence: impl Fn(&T) -> f32) -> Vec<T> {
    if found.len() < 2 {
        return found.pop().unwrap_or_default();
    }
    let mut all: Vec<T> = found.into_iter().flatten().collect();
    all.sort_by(|a, b| confidence(b).total_cmp(&confidence(a)));
    all.truncate(most);
    all
}

/// Faces of the oldest model cannot be compared with people of the directory, who have none of it.
pub(super) fn in_directory(model: &str) -> Result<(), Refusal> {
    if DIRECTORY_MODELS.contains(&model) {
        return Ok(());
    }
    Err(Refusal::bad(
        "'recognitionModel' is incompatible. The person directory compares faces of recognition_02, recognition_03 and recognition_04.",
    ))
}

/// Templates of different recognition models are never compared.
pub(super) fn same_model<'a>(expected: &str, others: impl IntoIterator<Item = &'a str>) -> Result<(), Refusal> {
    if others.into_iter().all(|model| model == expected) {
        return Ok(());
    }
    Err(Refusal::bad(
        "'recognitionModel' is incompatible. All faces, and the group or list they are compared with, must have the same one.",
    ))
}

pub(super) async fn stored_container(call: &Call<Permitted>, name: &ContainerName) -> Result<Container, Refusal> {
    call.store()
        .container(call.account(), name)
        .await
        .map_err(|error| from_store(error, name.kind))?
        .ok_or(Refusal::ContainerNotFound(name.kind, MissingAs::Argument))
}

/// What of a container that needs training can be searched: the last successful training, even while a new one runs.
pub(super) fn trained(container: &Container, kind: ContainerKind) -> Result<Visible, Refusal> {
    match (container.trained_version, &container.training) {
        (Some(version), _) => Ok(Visible::UpTo(version)),
        (None, Some(training)) if matches!(training.status, TrainingStatus::NotStarted | TrainingStatus::Running) => {
            Err(Refusal::TrainingNotFinished(kind))
        }
        (None, _) => Err(Refusal::NotTrained(kind, MissingAs::Argument)),
    }
}

pub(super) fn scope(body: &Body, property: &str, kind: ContainerKind) -> Result<Option<ContainerName>, Refusal> {
    let Some(id) = body.text(property)? else { return Ok(None) };
    container_id(property, id)?;
    Ok(Some(ContainerName { kind, id: id.to_owned() }))
}

/// `personGroupId` or `largePersonGroupId`, not both.
pub(super) fn named_group(body: &Body) -> Result<Option<ContainerName>, Refusal> {
    let small = scope(body, "personGroupId", ContainerKind::PersonGroup)?;
    let large = scope(body, "largePersonGroupId", ContainerKind::LargePersonGroup)?;
    match (small, large) {
        (Some(_), Some(_)) => Err(Refusal::BothGroups),
        (small, large) => Ok(small.or(large)),
    }
}

/// Below this a confidence says that two faces are not one person's, beyond any doubt.
const FAR_BELOW: f32 = 0.1;

/// A confidence on the wire, of an answer that is about an enrolled person or face, or about nobody who is enrolled.
pub(super) fn confidence_on_wire(call: &Call<Permitted>, about: Option<Uuid>, confidence: f32) -> f64 {
    let told_too_often = confidence < FAR_BELOW && about.is_some_and(|id| call.counts_miss(id));
    let detail = if told_too_often { ConfidenceDetail::Coarse } else { call.confidence_detail() };
    detail.shown(confidence, SAME_PERSON)
}
