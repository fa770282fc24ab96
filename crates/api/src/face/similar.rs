//! Find similar and group: which faces are like one face, or like each other?

use super::call::{Admitted, Call, Permitted};
use super::probes::{
    ProbeTemplates, common, confidence_on_wire, detected, merge_best, same_model, scope, stored_container, trained,
};
use crate::azure::{MissingAs, Refusal, from_search, from_store};
use likeness_gallery::{self as gallery, Mode, SimilarHit, Visible};
use likeness_http::{Body, Reply};
use likeness_store::{ContainerKind, ContainerName, FaceNumber};
use serde::Serialize;
use uuid::Uuid;

/// Where to look for similar faces.
enum Among {
    /// Among these detected faces.
    Faces(Vec<Uuid>),
    /// In a list.
    List(ContainerName),
}

/// Which, and how many.
#[derive(Clone, Copy)]
struct Wanted {
    mode: Mode,
    most: usize,
}

/// `POST findsimilars`
pub(super) async fn find_similar(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let body = call.json()?;
    let face_id = body.required_uuid("faceId")?;
    let most = usize::try_from(body.integer("maxNumOfCandidatesReturned", 20, 1, 1000)?).unwrap_or(20);
    let mode = match body.text("mode")?.map(str::to_ascii_lowercase).as_deref() {
        None | Some("matchperson") => Mode::MatchPerson,
        Some("matchface") => Mode::MatchFace,
        Some(_) => return Err(Refusal::bad("'mode' is invalid. It must be matchPerson or matchFace.")),
    };
    let among = match (body.uuids("faceIds", 1, 1000)?, named_list(body)?) {
        (Some(among), None) => Among::Faces(among),
        (None, Some(name)) => Among::List(name),
        (None, None) => return Err(Refusal::bad("Say where to look: faceIds, faceListId or largeFaceListId.")),
        (Some(_), Some(_)) => {
            return Err(Refusal::bad("Give only one of faceIds, faceListId and largeFaceListId."));
        }
    };
    let call = call.permit().await?;
    let wanted = Wanted { mode, most };
    let found = match among {
        Among::Faces(among) => similar_among(&call, face_id, among, wanted).await?,
        Among::List(name) => similar_in(&call, face_id, &name, wanted).await?,
    };
    call.answer(&found)
}

async fn similar_among(
    call: &Call<Permitted>,
    face_id: Uuid,
    mut among: Vec<Uuid>,
    Wanted { mode, most }: Wanted,
) -> Result<Vec<Similar>, Refusal> {
    let mut seen = std::collections::HashSet::new();
    among.retain(|id| seen.insert(*id));
    let probe = detected(call, &[face_id], MissingAs::Argument).await?.remove(0);
    let faces = detected(call, &among, MissingAs::Argument).await?;
    same_model(&probe.model, faces.iter().map(|face| face.model.as_str()))?;
    call.record_search("find_similar", None, 1);
    let everybody: Vec<&ProbeTemplates> = faces.iter().chain([&probe]).collect();
    let recogniser = common(call, &everybody)?;
    let templates = faces.iter().map(|face| face.by(recogniser)).collect::<Result<Vec<_>, _>>()?;
    let probe = probe.by(recogniser)?;
    let found = gallery::find_similar_among(&templates, probe, mode, most, &recogniser.calibration);
    let answer = found
        .iter()
        .map(|&(position, confidence)| Similar {
            face_id: Some(among[position]),
            persisted_face_id: None,
            confidence: confidence_on_wire(call, None, confidence),
        })
        .collect();
    Ok(answer)
}

async fn similar_in(
    call: &Call<Permitted>,
    face_id: Uuid,
    name: &ContainerName,
    Wanted { mode, most }: Wanted,
) -> Result<Vec<Similar>, Refusal> {
    let probe = detected(call, &[face_id], MissingAs::Argument).await?.remove(0);
    let container = stored_container(call, name).await?;
    let visible = if name.kind == ContainerKind::LargeFaceList {
        trained(&container, name.kind)?
    } else if container.faces == 0 {
        return Err(Refusal::FaceListNotReady);
    } else {
        Visible::All
    };
    same_model(&container.model, [probe.model.as_str()])?;
    call.record_search("find_similar", Some(&container), 1);
    let found = call
        .app()
        .galleries
        .search(call.account(), &container, move |recogniser, view| {
            let probe = recogniser.space.probe(probe.by(recogniser)?);
            Ok(gallery::find_similar(view, &probe, mode, most, visible, &recogniser.calibration))
        })
        .await
        .map_err(|error| from_search(error, name.kind))?;
    let found: Vec<Vec<SimilarHit>> = found.into_iter().collect::<Result<_, Refusal>>()?;
    let found = merge_best(found, most, |hit| hit.confidence);
    let numbers: Vec<FaceNumber> = found.iter().map(|hit| FaceNumber(hit.face)).collect();
    let alive = call
        .store()
        .resolve_faces(call.account(), container.number, &numbers)
        .await
        .map_err(|error| from_store(error, name.kind))?;
    let answer = found
        .iter()
        .filter_map(|hit| {
            let known = alive.iter().find(|known| known.number.0 == hit.face)?;
            Some(Similar {
                face_id: None,
                persisted_face_id: Some(known.face),
                confidence: confidence_on_wire(call, Some(known.face), hit.confidence),
            })
        })
        .collect();
    Ok(answer)
}

/// `POST group`
pub(super) async fn group(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let mut ids = call.json()?.uuids("faceIds", 2, 1000)?.ok_or_else(|| Refusal::bad("'faceIds' is missing."))?;
    let call = call.permit().await?;
    let mut seen = std::collections::HashSet::new();
    ids.retain(|id| seen.insert(*id));
    let faces = detected(&call, &ids, MissingAs::Argument).await?;
    same_model(&faces[0].model, faces.iter().map(|face| face.model.as_str()))?;
    call.record_search("group", None, ids.len());
    let everybody: Vec<&ProbeTemplates> = faces.iter().collect();
    let recogniser = common(&call, &everybody)?.clone();
    let groups = tokio::task::spawn_blocking(move || {
        let templates = faces.iter().map(|face| face.by(&recogniser)).collect::<Result<Vec<_>, _>>()?;
        Ok::<_, Refusal>(gallery::group(&templates, &recogniser.calibration))
    })
    .await
    .map_err(|error| Refusal::Internal(error.to_string()))??;
    let named = |members: &[usize]| members.iter().map(|&position| ids[position]).collect::<Vec<_>>();
    call.answer(&Grouped {
        groups: groups.groups.iter().map(|members| named(members)).collect(),
        messy_group: named(&groups.messy),
    })
}

fn named_list(body: &Body) -> Result<Option<ContainerName>, Refusal> {
    let small = scope(body, "faceListId", ContainerKind::FaceList)?;
    let large = scope(body, "largeFaceListId", ContainerKind::LargeFaceList)?;
    match (small, large) {
        (Some(_), Some(_)) => Err(Refusal::bad("Give only one of faceIds, faceListId and largeFaceListId.")),
        (small, large) => Ok(small.or(large)),
    }
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
