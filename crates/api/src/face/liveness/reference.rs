//! The reference of a session with verify: a picture, or a face that the account has already.

use super::given::{Given, wrong};
use crate::azure::{LivenessRefusal, MissingAs, Refusal, from_store};
use crate::face::call::{Call, Permitted};
use crate::face::{picture, probes};
use likeness_base::{Secret, Timestamp};
use likeness_http::Body;
use likeness_liveness::{ReferenceSource, SecretText};
use likeness_rules::RetentionClass;
use likeness_service::liveness::reference::{ReferencePicture, read_reference};
use likeness_service::templates;
use likeness_store::ContainerName;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What a caller names as reference.
pub(super) enum Source {
    /// The device brings it.
    Device,
    /// A picture.
    Picture(Secret<Vec<u8>>),
    /// The face behind a faceId.
    Face(Uuid),
    /// The faces of a person, of a group or of the directory.
    Person(Uuid, Option<ContainerName>),
}

/// A reference that was found.
pub(super) struct Reference {
    pub(super) source: ReferenceSource,
    pub(super) image_hash: Option<SecretText>,
    /// Templates, each with the name of its space.
    pub(super) templates: Vec<(String, Secret<Vec<u8>>)>,
    /// A person, whose templates stay where they are.
    pub(super) person: Option<(ContainerName, Uuid)>,
    /// When the template behind a faceId ends, and with it the session.
    pub(super) ends: Option<Timestamp>,
}

/// Reads what was named; two at once are refused.
pub(super) fn source(given: &mut Given) -> Result<Source, Refusal> {
    let ours = given.ours()?;
    let picture = given.picture.take();
    let face = ours.uuid("verifyFaceId").map_err(|problem| wrong(problem.0))?;
    let person = ours.uuid("verifyPersonId").map_err(|problem| wrong(problem.0))?;
    match (picture, face, person) {
        (Some(picture), None, None) => Ok(Source::Picture(picture)),
        (None, Some(face), None) => Ok(Source::Face(face)),
        (None, None, Some(person)) => Ok(Source::Person(person, group(&ours)?)),
        (None, None, None) => Ok(Source::Device),
        _ => Err(wrong(
            "Give one reference: a part 'verifyImage', 'likeness.verifyFaceId' or 'likeness.verifyPersonId'.",
        )),
    }
}

fn group(ours: &Body) -> Result<Option<ContainerName>, Refusal> {
    probes::named_group(ours).map_err(|refusal| match refusal {
        Refusal::BothGroups => wrong("Give either personGroupId or largePersonGroupId, not both."),
        other => other,
    })
}

/// Finds it.
pub(super) async fn find(call: &Call<Permitted>, source: Source, wants_hash: bool) -> Result<Reference, Refusal> {
    let of = |source| Reference { source, image_hash: None, templates: Vec::new(), person: None, ends: None };
    Ok(match source {
        Source::Device => of(ReferenceSource::Device),
        Source::Picture(bytes) => {
            picture::check_size(bytes.expose().len())?;
            let hash = wants_hash.then(|| SecretText::new(hex::encode_upper(Sha256::digest(bytes.expose()))));
            let found = read_reference(call.app(), call.owner(), bytes).await??;
            let ReferencePicture { face_rectangle, quality, template, space } = found;
            let source = ReferenceSource::Picture { face_rectangle, quality };
            let templates = vec![(space, templates::encode(template.expose()))];
            Reference { image_hash: hash, templates, ..of(source) }
        }
        Source::Face(face) => {
            let found = call.store().face_ids(call.account(), &[face], call.now()).await?.pop().flatten();
            let found = found.ok_or(Refusal::FaceNotFound(MissingAs::Resource))?;
            // The account may have shortened their life since, and the sweep is on its way.
            let ends = found.expires_at.min(call.now().plus(call.retention(RetentionClass::FaceId)));
            let templates = vec![(found.space, found.template)];
            Reference { templates, ends: Some(ends), ..of(ReferenceSource::Stored) }
        }
        Source::Person(person, group) => {
            let name = group.unwrap_or_else(ContainerName::directory);
            let kind = name.kind;
            let found = call.store().templates_of_person(call.account(), &name, person).await;
            let found = found.map_err(|error| from_store(error, kind))?;
            if found.is_empty() {
                return Err(Refusal::PersistedFaceNotFound);
            }
            Reference { person: Some((name, person)), ..of(ReferenceSource::Stored) }
        }
    })
}

impl From<likeness_service::liveness::reference::NoReference> for Refusal {
    fn from(problem: likeness_service::liveness::reference::NoReference) -> Self {
        use likeness_service::liveness::reference::NoReference;
        match problem {
            NoReference::Unreadable(error) => picture::undecodable(&error),
            NoReference::Unfit(text) => LivenessRefusal::ReferenceRefused(text).into(),
            NoReference::Vision(error) => error.into(),
        }
    }
}
