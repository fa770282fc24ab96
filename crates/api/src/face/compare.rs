//! Verify, find similar and group: questions about templates that are already here.
//!
//! Confidence on the wire is always the verify mapping of the pack's calibration, in which 0.5 is the threshold of
//! "same person".

use super::arguments::{DIRECTORY_MODELS, container_id};
use super::call::{Call, Reply};
use super::error::{Refusal, Role, from_search, from_store};
use super::json::Body;
use likeness_base::Secret;
use likeness_gallery::{self as gallery, Mode, SimilarHit, Visible};
use likeness_service::recognisers::{Recogniser, pack_of};
use likeness_service::templates;
use likeness_store::{
    Container, ContainerKind, ContainerName, DetectedFace, FaceKey, PersonTemplate, StoreError, TrainingStatus,
};
use serde::Serialize;
use std::sync::Arc;
use uuid::Uuid;

/// Confidence from which two faces count as the same person (`face-api.md` 3.5).
pub(super) const SAME_PERSON: f32 = 0.5;

/// The templates of a face that a call compares, by their recognisers, and the model it belongs to.
pub(super) struct Compared {
    templates: Vec<(usize, Secret<Vec<f32>>)>,
    pub(super) model: String,
}

impl Compared {
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
fn common<'a>(call: &'a Call, faces: &[&Compared]) -> Result<&'a Arc<Recogniser>, Refusal> {
    let all_have = |recogniser: &&Arc<Recogniser>| faces.iter().all(|face| face.by(recogniser).is_ok());
    call.app.recognisers.all().iter().find(all_have).ok_or_else(|| {
        Refusal::bad("'recognitionModel' is incompatible: the faces were detected with different model packs. Detect them again.")
    })
}

/// `POST verify`
pub(super) async fn verify(call: Call) -> Result<Reply, Refusal> {
    let body = call.json()?;
    let pair = (body.uuid("faceId1")?, body.uuid("faceId2")?);
    let confidence = match pair {
        (Some(first), Some(second)) => {
            let faces = detected(&call, &[first, second], Role::Resource).await?;
            same_model(&faces[0].model, faces.iter().map(|face| face.model.as_str()))?;
            call.asked("verify", None, 2);
            let recogniser = common(&call, &[&faces[0], &faces[1]])?;
            let distance = gallery::distance(faces[0].by(recogniser)?, faces[1].by(recogniser)?);
            recogniser.calibration.verify_confidence(distance)
        }
        (None, None) if body.get("faceId").is_some() => against_person(&call, body).await?,
        (None, None) => {
            return Err(Refusal::bad(
                "Give faceId1 and faceId2, or faceId and personId with personGroupId, largePersonGroupId or neither.",
            ));
        }
        _ => return Err(Refusal::bad("'faceId1' and 'faceId2' belong together; one is missing.")),
    };
    Reply::json(&Verdict { is_identical: confidence >= SAME_PERSON, confidence: confidence_on_wire(confidence) })
}

/// Verify's confidence for the nearest face of a person.
async fn against_person(call: &Call, body: &Body) -> Result<f32, Refusal> {
    let face_id = body.required_uuid("faceId")?;
    let person = body.required_uuid("personId")?;
    let group = named_group(body).map_err(|refusal| match refusal {
        Refusal::BothGroups => Refusal::bad("Give either personGroupId or largePersonGroupId, not both."),
        other => other,
    })?;
    let face = detected(call, &[face_id], Role::Resource).await?.remove(0);
    let (name, own_models, container) = match group {
        Some(name) => {
            let container = stored_container(call, &name).await?;
            same_model(&face.model, [container.model.as_str()])?;
            (name, false, Some(container))
        }
        // A person without a group is one of the directory, where each face has its own model.
        None => {
            in_directory(&face.model)?;
            let directory = ContainerName::directory();
            let container = call.app.store.container(call.account(), &directory).await?;
            (directory, true, container)
        }
    };
    let kind = name.kind;
    let stored =
        call.app.store.templates_of_person(call.account(), &name, person).await.map_err(|error| match error {
            StoreError::PersonNotFound if !own_models => Refusal::PersonNotFound(Role::Argument),
            other => from_store(other, kind),
        })?;
    call.asked("verify", container.as_ref(), 1);
    let mut nearest = None::<f32>;
    let has_model = |record: &&PersonTemplate| !own_models || record.model.as_deref() == Some(&*face.model);
    for record in stored.iter().filter(has_model) {
        let recogniser = call.app.recognisers.of_space(&record.space);
        let recogniser = recogniser.ok_or_else(|| Refusal::missing_pack(pack_of(&record.space)))?;
        let template =
            templates::decode(record.template.expose(), recogniser.space.dimension).ok_or_else(unreadable)?;
        let distance = gallery::distance(face.by(recogniser)?, template.expose());
        let confidence = recogniser.calibration.verify_confidence(distance);
        nearest = Some(nearest.map_or(confidence, |known| known.max(confidence)));
    }
    nearest.ok_or(Refusal::PersistedFaceNotFound)
}

/// `POST findsimilars`
pub(super) async fn find_similar(call: Call) -> Result<Reply, Refusal> {
    let body = call.json()?;
    let face_id = body.required_uuid("faceId")?;
    let most = usize::try_from(body.integer("maxNumOfCandidatesReturned", 20, 1, 1000)?).unwrap_or(20);
    let mode = match body.text("mode")?.map(str::to_ascii_lowercase).as_deref() {
        None | Some("matchperson") => Mode::MatchPerson,
        Some("matchface") => Mode::MatchFace,
        Some(_) => return Err(Refusal::bad("'mode' is invalid. It must be matchPerson or matchFace.")),
    };
    let among = body.uuids("faceIds", 1, 1000)?;
    let list = named_list(body)?;
    match (among, list) {
        (Some(among), None) => similar_among(&call, face_id, among, mode, most).await,
        (None, Some(name)) => similar_in(&call, face_id, &name, mode, most).await,
        (None, None) => Err(Refusal::bad("Say where to look: faceIds, faceListId or largeFaceListId.")),
        (Some(_), Some(_)) => Err(Refusal::bad("Give only one of faceIds, faceListId and largeFaceListId.")),
    }
}

async fn similar_among(
    call: &Call,
    face_id: Uuid,
    mut among: Vec<Uuid>,
    mode: Mode,
    most: usize,
) -> Result<Reply, Refusal> {
    let mut seen = std::collections::HashSet::new();
    among.retain(|id| seen.insert(*id));
    let probe = detected(call, &[face_id], Role::Argument).await?.remove(0);
    let faces = detected(call, &among, Role::Argument).await?;
    same_model(&probe.model, faces.iter().map(|face| face.model.as_str()))?;
    call.asked("find_similar", None, 1);
    let everybody: Vec<&Compared> = faces.iter().chain([&probe]).collect();
    let recogniser = common(call, &everybody)?;
    let templates = faces.iter().map(|face| face.by(recogniser)).collect::<Result<Vec<_>, _>>()?;
    let probe = probe.by(recogniser)?;
    let found = gallery::find_similar_among(&templates, probe, mode, most, &recogniser.calibration);
    let answer: Vec<Similar> = found
        .iter()
        .map(|&(position, confidence)| Similar {
            face_id: Some(among[position]),
            persisted_face_id: None,
            confidence: confidence_on_wire(confidence),
        })
        .collect();
    Reply::json(&answer)
}

async fn similar_in(
    call: &Call,
    face_id: Uuid,
    name: &ContainerName,
    mode: Mode,
    most: usize,
) -> Result<Reply, Refusal> {
    let probe = detected(call, &[face_id], Role::Argument).await?.remove(0);
    let container = stored_container(call, name).await?;
    let visible = if name.kind == ContainerKind::LargeFaceList {
        trained(&container, name.kind)?
    } else if container.faces == 0 {
        return Err(Refusal::FaceListNotReady);
    } else {
        Visible::All
    };
    same_model(&container.model, [probe.model.as_str()])?;
    call.asked("find_similar", Some(&container), 1);
    let found = call
        .app
        .galleries
        .search(call.account(), &container, move |recogniser, snapshot| {
            let probe = recogniser.space.probe(probe.by(recogniser)?);
            Ok(gallery::find_similar(snapshot, &probe, mode, most, visible, &recogniser.calibration))
        })
        .await
        .map_err(|error| from_search(error, name.kind))?;
    let found: Vec<Vec<SimilarHit>> = found.into_iter().collect::<Result<_, Refusal>>()?;
    let found = best(found, most, |hit| hit.confidence);
    let keys: Vec<FaceKey> = found.iter().map(|hit| FaceKey(hit.face)).collect();
    let alive = call
        .app
        .store
        .recheck(call.account(), container.number, &keys)
        .await
        .map_err(|error| from_store(error, name.kind))?;
    let answer: Vec<Similar> = found
        .iter()
        .filter_map(|hit| {
            let known = alive.iter().find(|known| known.key.0 == hit.face)?;
            Some(Similar {
                face_id: None,
                persisted_face_id: Some(known.face),
                confidence: confidence_on_wire(hit.confidence),
            })
        })
        .collect();
    Reply::json(&answer)
}

/// `POST group`
pub(super) async fn group(call: Call) -> Result<Reply, Refusal> {
    let body = call.json()?;
    let mut ids = body.uuids("faceIds", 2, 1000)?.ok_or_else(|| Refusal::bad("'faceIds' is missing."))?;
    let mut seen = std::collections::HashSet::new();
    ids.retain(|id| seen.insert(*id));
    let faces = detected(&call, &ids, Role::Argument).await?;
    same_model(&faces[0].model, faces.iter().map(|face| face.model.as_str()))?;
    call.asked("group", None, ids.len());
    let everybody: Vec<&Compared> = faces.iter().collect();
    let recogniser = common(&call, &everybody)?.clone();
    let groups = tokio::task::spawn_blocking(move || {
        let templates = faces.iter().map(|face| face.by(&recogniser)).collect::<Result<Vec<_>, _>>()?;
        Ok::<_, Refusal>(gallery::group(&templates, &recogniser.calibration))
    })
    .await
    .map_err(|error| Refusal::Internal(error.to_string()))??;
    let named = |members: &[usize]| members.iter().map(|&position| ids[position]).collect::<Vec<_>>();
    Reply::json(&Grouped {
        groups: groups.groups.iter().map(|members| named(members)).collect(),
        messy_group: named(&groups.messy),
    })
}

/// The templates behind face ids, in order; one that is unknown or expired refuses the call.
pub(super) async fn detected(call: &Call, ids: &[Uuid], role: Role) -> Result<Vec<Compared>, Refusal> {
    call.permit().await?;
    let found = call.app.store.face_ids(call.account(), ids, call.at).await?;
    found.into_iter().map(|face| compared(call, face.ok_or(Refusal::FaceNotFound(role))?)).collect()
}

fn compared(call: &Call, face: DetectedFace) -> Result<Compared, Refusal> {
    let recognisers = &call.app.recognisers;
    let templates = templates::decode_all(face.template.expose(), &face.space, recognisers).ok_or_else(unreadable)?;
    if templates.is_empty() {
        let packs: Vec<&str> = templates::spaces(&face.space).map(pack_of).collect();
        return Err(Refusal::bad(format!(
            "'recognitionModel' is incompatible: the face was detected with the model pack {}, which this server does not \
             have. Detect it again.",
            packs.join(" and ")
        )));
    }
    Ok(Compared { templates, model: face.model })
}

fn unreadable() -> Refusal {
    Refusal::Internal("a stored template has another shape than its model pack says".to_owned())
}

/// The best of what several galleries of one container gave, each best first. Distances of different recognisers say
/// nothing to each other; confidences do.
pub(super) fn best<T>(mut found: Vec<Vec<T>>, most: usize, confidence: impl Fn(&T) -> f32) -> Vec<T> {
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

pub(super) async fn stored_container(call: &Call, name: &ContainerName) -> Result<Container, Refusal> {
    call.app
        .store
        .container(call.account(), name)
        .await
        .map_err(|error| from_store(error, name.kind))?
        .ok_or(Refusal::ContainerNotFound(name.kind, Role::Argument))
}

/// What of a container that needs training can be searched: the last successful training, even while a new one runs.
pub(super) fn trained(container: &Container, kind: ContainerKind) -> Result<Visible, Refusal> {
    match (container.trained_version, &container.training) {
        (Some(version), _) => Ok(Visible::UpTo(version)),
        (None, Some(training)) if matches!(training.status, TrainingStatus::NotStarted | TrainingStatus::Running) => {
            Err(Refusal::TrainingNotFinished(kind))
        }
        (None, _) => Err(Refusal::NotTrained(kind, Role::Argument)),
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

fn named_list(body: &Body) -> Result<Option<ContainerName>, Refusal> {
    let small = scope(body, "faceListId", ContainerKind::FaceList)?;
    let large = scope(body, "largeFaceListId", ContainerKind::LargeFaceList)?;
    match (small, large) {
        (Some(_), Some(_)) => Err(Refusal::bad("Give only one of faceIds, faceListId and largeFaceListId.")),
        (small, large) => Ok(small.or(large)),
    }
}

/// Five decimals, as clients are used to.
pub(super) fn confidence_on_wire(confidence: f32) -> f64 {
    (f64::from(confidence) * 1e5).round() / 1e5
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    is_identical: bool,
    confidence: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Similar {
    #[serde(skip_serializing_if = "Option::is_none")]
    face_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    persisted_face_id: Option<Uuid>,
    confidence: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Grouped {
    groups: Vec<Vec<Uuid>>,
    messy_group: Vec<Uuid>,
}
