//! Identify: who is it, among the people of a group, of a dynamic group, of a list of ids, or of the directory.
//!
//! Without `confidenceThreshold` the cut is by a false-positive rate at the size of what is searched, because the same
//! threshold that is fine for one pair names strangers in a large group.

use super::call::{Admitted, Call, Permitted};
use super::probes::{
    ProbeTemplates, SAME_PERSON, confidence_on_wire, detected, in_directory, merge_best, named_group, same_model,
    scope, stored_container, trained,
};
use crate::azure::{MissingAs, Refusal, from_search, from_store};
use likeness_gallery::{self as gallery, Cut, PersonHit, Scope};
use likeness_http::Body;
use likeness_http::Reply;
use likeness_service::config::IdentifyCut;
use likeness_store::{ContainerKind, ContainerName, FaceNumber, PageStart, PersonNumber};
use serde::Serialize;
use std::collections::HashSet;
use uuid::Uuid;

/// Where to look.
enum Among {
    /// A person group or large person group, as it was trained.
    Group(ContainerName),
    /// The members of a dynamic group.
    Members(ContainerName),
    /// These people of the directory.
    Persons(Vec<Uuid>),
    /// The whole directory.
    Everybody,
}

/// How near, and how many.
#[derive(Clone, Copy)]
struct Wanted {
    cut: Cut,
    most: usize,
}

/// `POST identify`
pub(super) async fn identify(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let body = call.json()?;
    let ids = body.uuids("faceIds", 1, 10)?.ok_or_else(|| Refusal::bad("'faceIds' is missing."))?;
    let most = usize::try_from(body.integer("maxNumOfCandidatesReturned", 10, 1, 100)?).unwrap_or(10);
    let cut = match (body.share("confidenceThreshold")?, call.identify_rule().cut) {
        (Some(threshold), _) => Cut::Confidence(threshold),
        (None, IdentifyCut::Classic) => Cut::Confidence(SAME_PERSON),
        (None, IdentifyCut::FalsePositiveRate) => Cut::FalsePositiveRate(call.identify_rule().false_positive_rate),
    };
    let wanted = Wanted { cut, most };
    let among = Among::read(body)?;
    let call = call.permit().await?;
    let faces = detected(&call, &ids, MissingAs::Argument).await?;
    let found = match among {
        Among::Group(name) => in_group(&call, &name, faces, wanted).await?,
        among => among_directory(&call, among, faces, wanted).await?,
    };
    let answer: Vec<Identified> =
        ids.into_iter().zip(found).map(|(face_id, candidates)| Identified { face_id, candidates }).collect();
    call.answer(&answer)
}

async fn in_group(
    call: &Call<Permitted>,
    name: &ContainerName,
    faces: Vec<ProbeTemplates>,
    Wanted { cut, most }: Wanted,
) -> Result<Vec<Vec<Candidate>>, Refusal> {
    let container = stored_container(call, name).await?;
    let visible = trained(&container, name.kind)?;
    same_model(&container.model, faces.iter().map(|face| face.model.as_str()))?;
    let asked = faces.len();
    call.record_search("identify", Some(&container), asked);
    let found = call
        .app()
        .galleries
        .search(call.account(), &container, move |recogniser, view| {
            let ask = |face: &ProbeTemplates| {
                let probe = recogniser.space.probe(face.by(recogniser)?);
                Ok(gallery::identify(view, &probe, cut, most, visible, &recogniser.calibration))
            };
            faces.iter().map(ask).collect::<Result<Vec<_>, Refusal>>()
        })
        .await
        .map_err(|error| from_search(error, name.kind))?;
    named(call, container.number, by_face(found, asked, most)?).await
}

/// Needs no training: what is in the directory when the call comes is searched.
async fn among_directory(
    call: &Call<Permitted>,
    among: Among,
    faces: Vec<ProbeTemplates>,
    Wanted { cut, most }: Wanted,
) -> Result<Vec<Vec<Candidate>>, Refusal> {
    let model = faces[0].model.clone();
    same_model(&model, faces.iter().map(|face| face.model.as_str()))?;
    in_directory(&model)?;
    let persons = persons(call, among).await?;
    let directory = call.store().container(call.account(), &ContainerName::directory()).await?;
    let asked = faces.len();
    call.record_search("identify", directory.as_ref(), asked);
    // Nobody was ever enrolled, so nobody can be named.
    let Some(directory) = directory else { return Ok(faces.iter().map(|_| Vec::new()).collect()) };
    let found = call
        .app()
        .galleries
        .search_model(call.account(), &directory, Some(&model), move |recogniser, view| {
            let calibration = &recogniser.calibration;
            let scope = persons.as_ref().map(|persons| Scope::new(view, persons));
            let ask = |face: &ProbeTemplates| {
                let probe = recogniser.space.probe(face.by(recogniser)?);
                Ok(match &scope {
                    Some(scope) => gallery::identify_among(view, &probe, cut, most, scope, calibration),
                    None => gallery::identify(view, &probe, cut, most, gallery::Visible::All, calibration),
                })
            };
            faces.iter().map(ask).collect::<Result<Vec<_>, Refusal>>()
        })
        .await
        .map_err(|error| from_search(error, ContainerKind::PersonDirectory))?;
    named(call, directory.number, by_face(found, asked, most)?).await
}

/// The people among whom to look, by the store's numbers; `None`: all of them.
async fn persons(call: &Call<Permitted>, among: Among) -> Result<Option<HashSet<i64>>, Refusal> {
    let numbers: Vec<PersonNumber> = match among {
        Among::Members(name) => {
            let everybody = PageStart::everything();
            stored_container(call, &name).await?;
            let members = call.store().members(call.account(), &name.id, &everybody).await;
            let members = members.map_err(|error| from_store(error, name.kind))?;
            members.iter().map(|member| member.number).collect()
        }
        Among::Persons(ids) => {
            let numbers = call.store().person_numbers(call.account(), &ContainerName::directory(), &ids).await?;
            let numbers: Option<Vec<PersonNumber>> = numbers.into_iter().collect();
            numbers.ok_or(Refusal::PersonNotFound(MissingAs::Argument))?
        }
        Among::Group(_) | Among::Everybody => return Ok(None),
    };
    Ok(Some(numbers.iter().map(|number| number.0).collect()))
}

/// What each gallery of the container gave for each face, put together: a person counts with the best of them.
fn by_face(
    found: Vec<Result<Vec<Vec<PersonHit>>, Refusal>>,
    asked: usize,
    most: usize,
) -> Result<Vec<Vec<PersonHit>>, Refusal> {
    let mut of_faces: Vec<Vec<Vec<PersonHit>>> = (0..asked).map(|_| Vec::new()).collect();
    for gallery in found {
        of_faces.iter_mut().zip(gallery?).for_each(|(face, hits)| face.push(hits));
    }
    let together = of_faces.into_iter().map(|hits| {
        let mut named = HashSet::new();
        let mut best = merge_best(hits, usize::MAX, |hit| hit.confidence);
        best.retain(|hit| named.insert(hit.person));
        best.truncate(most);
        best
    });
    Ok(together.collect())
}

/// Asks the store who the hits are now; nobody is named who has been deleted meanwhile.
async fn named(
    call: &Call<Permitted>,
    container: i64,
    found: Vec<Vec<PersonHit>>,
) -> Result<Vec<Vec<Candidate>>, Refusal> {
    let numbers: Vec<FaceNumber> = found.iter().flatten().map(|hit| FaceNumber(hit.face)).collect();
    let alive = call.store().resolve_faces(call.account(), container, &numbers).await?;
    let candidate = |hit: &PersonHit| {
        let known = alive.iter().find(|known| known.number.0 == hit.face)?;
        let person_id = known.person?;
        Some(Candidate { person_id, confidence: confidence_on_wire(call, Some(person_id), hit.confidence) })
    };
    Ok(found.iter().map(|hits| hits.iter().filter_map(candidate).collect()).collect())
}

impl Among {
    fn read(body: &Body) -> Result<Self, Refusal> {
        let group = named_group(body)?;
        let dynamic = scope(body, "dynamicPersonGroupId", ContainerKind::DynamicPersonGroup)?;
        let persons = body.get("personIds");
        match (group, dynamic, persons) {
            (None, None, None) => Err(Refusal::NoScope),
            (Some(group), None, None) => Ok(Self::Group(group)),
            (None, Some(group), None) => Ok(Self::Members(group)),
            (None, None, Some(persons)) => {
                if persons.as_array().is_some_and(|ids| ids.len() == 1 && ids[0].as_str() == Some("*")) {
                    return Ok(Self::Everybody);
                }
                Ok(Self::Persons(body.uuids("personIds", 1, 30)?.unwrap_or_default()))
            }
            _ => Err(Refusal::ConflictingScopes(
                "Give only one of personGroupId, largePersonGroupId, dynamicPersonGroupId and personIds.".to_owned(),
            )),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identified {
    face_id: Uuid,
    candidates: Vec<Candidate>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    person_id: Uuid,
    confidence: f64,
}
