//! Verify: do two faces, or a face and a person, belong together?

use super::call::{Admitted, Call, Permitted};
use super::probes::{
    SAME_PERSON, common, confidence_on_wire, detected, in_directory, named_group, same_model, stored_container,
    unreadable,
};
use crate::azure::{MissingAs, Refusal, from_store};
use likeness_gallery as gallery;
use likeness_http::{Body, Reply};
use likeness_service::recognisers::pack_of;
use likeness_service::templates;
use likeness_store::{ContainerName, PersonTemplate, StoreError};
use serde::Serialize;
use uuid::Uuid;

/// What is compared.
enum Pair {
    /// Two detected faces.
    Faces(Uuid, Uuid),
    /// A detected face and a person: of a group, or of the directory.
    Person { face: Uuid, person: Uuid, group: Option<ContainerName> },
}

impl Pair {
    fn read(body: &Body) -> Result<Self, Refusal> {
        match (body.uuid("faceId1")?, body.uuid("faceId2")?) {
            (Some(first), Some(second)) => Ok(Self::Faces(first, second)),
            (None, None) if body.get("faceId").is_some() => {
                let face = body.required_uuid("faceId")?;
                let person = body.required_uuid("personId")?;
                let group = named_group(body).map_err(|refusal| match refusal {
                    Refusal::BothGroups => Refusal::bad("Give either personGroupId or largePersonGroupId, not both."),
                    other => other,
                })?;
                Ok(Self::Person { face, person, group })
            }
            (None, None) => Err(Refusal::bad(
                "Give faceId1 and faceId2, or faceId and personId with personGroupId, largePersonGroupId or neither.",
            )),
            _ => Err(Refusal::bad("'faceId1' and 'faceId2' belong together; one is missing.")),
        }
    }
}

/// `POST verify`
pub(super) async fn verify(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let pair = Pair::read(call.json()?)?;
    let call = call.permit().await?;
    let about = match pair {
        Pair::Faces(..) => None,
        Pair::Person { person, .. } => Some(person),
    };
    let confidence = match pair {
        Pair::Faces(first, second) => {
            let faces = detected(&call, &[first, second], MissingAs::Resource).await?;
            same_model(&faces[0].model, faces.iter().map(|face| face.model.as_str()))?;
            call.record_search("verify", None, 2);
            let recogniser = common(&call, &[&faces[0], &faces[1]])?;
            let distance = gallery::distance(faces[0].by(recogniser)?, faces[1].by(recogniser)?);
            recogniser.calibration.verify_confidence(distance)
        }
        Pair::Person { face, person, group } => against_person(&call, face, person, group).await?,
    };
    let on_wire = confidence_on_wire(&call, about, confidence);
    call.answer(&VerifyAnswer { is_identical: confidence >= SAME_PERSON, confidence: on_wire })
}

/// Verify's confidence for the nearest face of a person.
async fn against_person(
    call: &Call<Permitted>,
    face: Uuid,
    person: Uuid,
    group: Option<ContainerName>,
) -> Result<f32, Refusal> {
    let face = detected(call, &[face], MissingAs::Resource).await?.remove(0);
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
            let container = call.store().container(call.account(), &directory).await?;
            (directory, true, container)
        }
    };
    let kind = name.kind;
    let stored =
        call.store().templates_of_person(call.account(), &name, person).await.map_err(|error| match error {
            StoreError::PersonNotFound if !own_models => Refusal::PersonNotFound(MissingAs::Argument),
            other => from_store(other, kind),
        })?;
    call.record_search("verify", container.as_ref(), 1);
    let mut nearest = None::<f32>;
    let has_model = |record: &&PersonTemplate| !own_models || record.model.as_deref() == Some(&*face.model);
    for record in stored.iter().filter(has_model) {
        let recogniser = call.app().recognisers.by_space(&record.space);
        let recogniser = recogniser.ok_or_else(|| Refusal::missing_pack(pack_of(&record.space)))?;
        let template =
            templates::decode(record.template.expose(), recogniser.space.dimension).ok_or_else(unreadable)?;
        let distance = gallery::distance(face.by(recogniser)?, template.expose());
        let confidence = recogniser.calibration.verify_confidence(distance);
        nearest = Some(nearest.map_or(confidence, |known| known.max(confidence)));
    }
    nearest.ok_or(Refusal::PersistedFaceNotFound)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerifyAnswer {
    is_identical: bool,
    confidence: f64,
}
