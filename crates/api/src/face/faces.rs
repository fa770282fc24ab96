//! Persisted faces: add from a picture, read, change, delete, list; in lists and under persons alike.

use super::arguments::{DetectionModel, FACE_USER_DATA_CHARACTERS, bounded, target_face, user_data};
use super::call::{Admitted, Call, Permitted};
use super::detect::search;
use super::lists::{self, List};
use super::{persons, picture};
use crate::azure::{MissingAs, Refusal, from_store};
use futures_util::future::BoxFuture;
use likeness_base::Secret;
use likeness_http::Reply;
use likeness_service::recognisers::pack_of;
use likeness_service::templates;
use likeness_store::{ContainerKind, Face as StoredFace, FaceWrite, NewFace, Store};
use likeness_vision::{AttributeSet, DescribeOptions, Detection, Flaws, Picture, RecogniserSet, Rect, RectF};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// Faces that a person may have (`face-api.md` 3.7); in the directory, of each model.
pub(super) const FACES_OF_A_PERSON: u64 = 248;

/// `POST .../persistedfaces`
pub(super) async fn add(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let addition = Addition::read(&call)?;
    let call = call.permit().await?;
    // A missing container is refused before the picture is read: no caller should wait for a refusal.
    let container = call.container().await?;
    let name = container.name_on_wire;
    let person = owner(&call)?;
    let (held, limit) = match person {
        Some(person) => {
            let known = call.store().person(call.account(), &name, person).await;
            let known = known.map_err(|error| from_store(error, name.kind))?;
            let known = known.ok_or(Refusal::PersonNotFound(MissingAs::Resource))?;
            (known.faces.len() as u64, Some(FACES_OF_A_PERSON))
        }
        None => (container.faces, call.tier().faces(name.kind)),
    };
    if let Some(limit) = limit.filter(|limit| held >= *limit) {
        return Err(Refusal::quota(limit));
    }
    let (call, face) = addition.face(call, Some(container.number)).await?;
    let id = face.id;
    call.write(FaceWrite::Add { container: name, person, face, limit }).await?;
    call.answer(&json!({ "persistedFaceId": id }))
}

/// The arguments of a call that adds a face.
pub(super) struct Addition {
    target: Option<Rect>,
    detection: DetectionModel,
    user_data: Option<Secret<String>>,
}

impl Addition {
    /// Reads and bounds them.
    pub(super) fn read<S>(call: &Call<S>) -> Result<Self, Refusal> {
        let target = target_face(call.query().text("targetFace"))?;
        let detection = DetectionModel::parse(call.query().text("detectionModel"))?;
        let user_data = match call.query().text("userData") {
            Some(text) => {
                bounded("userData", text, FACE_USER_DATA_CHARACTERS)?;
                Some(Secret::new(text.to_owned()))
            }
            None => None,
        };
        Ok(Self { target, detection, user_data })
    }

    /// The one face in the picture of the call, under a new id, for a container of this number; a directory that nobody
    /// is in yet has none. The container keeps the recogniser of its first face.
    pub(super) async fn face(
        self,
        call: Call<Permitted>,
        container: Option<i64>,
    ) -> Result<(Call<Permitted>, NewFace), Refusal> {
        let space = match container {
            Some(number) => call.store().space_of(call.account(), number).await?,
            None => None,
        };
        let recogniser = match &space {
            Some(space) => {
                call.app().recognisers.by_space(space).ok_or_else(|| Refusal::missing_pack(pack_of(space)))?
            }
            None => call.app().recognisers.default_recogniser(),
        };
        let recogniser = recogniser.clone();
        let number = recogniser.number;
        let (call, bytes) = picture::bytes(call).await?;
        let (search, target) = (search(self.detection), self.target);
        let (template, flaws) = call
            .app()
            .inference
            .run(call.owner(), move |vision| -> Result<(Secret<Vec<f32>>, Flaws), Refusal> {
                let picture = picture::decode(&bytes)?;
                drop(bytes);
                let detections = vision.detect(&picture, search)?;
                let chosen = choose(&picture, &detections, target)?;
                let templates = RecogniserSet::NONE.with(number);
                let options =
                    DescribeOptions { templates, attributes: AttributeSet::QUALITY, ..DescribeOptions::default() };
                let face = vision.describe(&picture, chosen, options)?;
                let template = face.template(number).cloned();
                let template =
                    template.ok_or_else(|| Refusal::Internal("a face came without its template".to_owned()))?;
                Ok((template, face.flaws.unwrap_or_default()))
            })
            .await??;
        count(flaws);
        let face = NewFace {
            id: call.new_id(),
            template: templates::encode(template.expose()),
            space: recogniser.space_id.to_string(),
            user_data: self.user_data,
        };
        Ok((call, face))
    }
}

/// Counts for the operator how fit the photos are that people are enrolled with. The contract has no place
/// for a warning to the caller.
fn count(flaws: Flaws) {
    let verdict = if flaws.is_empty() { "good" } else { "poor" };
    metrics::counter!("likeness_reference_photos_total", "verdict" => verdict).increment(1);
    for flaw in flaws.names() {
        metrics::counter!("likeness_reference_flaws_total", "flaw" => flaw).increment(1);
    }
}

/// The one face that the picture, or the target rectangle in it, holds.
fn choose<'a>(picture: &Picture, detections: &'a [Detection], target: Option<Rect>) -> Result<&'a Detection, Refusal> {
    let none = || Refusal::InvalidImage("No face detected in the image.".to_owned());
    let several =
        || Refusal::InvalidImage("There is more than 1 face in the image. Choose one with targetFace.".to_owned());
    let Some(target) = target else {
        return match detections {
            [] => Err(none()),
            [only] => Ok(only),
            _ => Err(several()),
        };
    };
    let beyond = |start: i32, length: i32, end: u32| i64::from(start) + i64::from(length) > i64::from(end);
    let (width, height) = (picture.original_width(), picture.original_height());
    if beyond(target.left, target.width, width) || beyond(target.top, target.height, height) {
        return Err(Refusal::bad("'targetFace' is out of range. It must lie inside the image."));
    }
    // Section 3.7 of the contract: the best overlap if it is at least 0.3, or a centre inside.
    let overlap = |found: &Detection| overlap(target, picture.in_photo(found.rect));
    let is_inside = |found: &&Detection| has_centre(target, picture.in_photo(found.rect));
    let inside: Vec<&Detection> = detections.iter().filter(is_inside).collect();
    let best = detections.iter().max_by(|a, b| overlap(a).total_cmp(&overlap(b)));
    match (best.filter(|found| overlap(found) >= 0.3), inside.as_slice()) {
        (Some(best), _) => Ok(best),
        (None, []) => Err(none()),
        (None, [only]) => Ok(*only),
        (None, _) => Err(several()),
    }
}

/// Intersection over union.
#[expect(clippy::cast_precision_loss, reason = "coordinates of pictures are far below the precision of f32")]
fn overlap(target: Rect, other: RectF) -> f32 {
    let (left, top) = (target.left as f32, target.top as f32);
    let (width, height) = (target.width as f32, target.height as f32);
    let across = (left + width).min(other.left + other.width) - left.max(other.left);
    let down = (top + height).min(other.top + other.height) - top.max(other.top);
    let shared = across.max(0.0) * down.max(0.0);
    shared / (width * height + other.width * other.height - shared)
}

#[expect(clippy::cast_precision_loss, reason = "coordinates of pictures are far below the precision of f32")]
fn has_centre(target: Rect, found: RectF) -> bool {
    let x = found.left + found.width / 2.0 - target.left as f32;
    let y = found.top + found.height / 2.0 - target.top as f32;
    (0.0..=target.width as f32).contains(&x) && (0.0..=target.height as f32).contains(&y)
}

/// `GET .../persistedfaces/{persistedFaceId}`
pub(super) async fn get(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let container = call.container_name()?;
    let (person, face) = path(&call)?;
    let wrong = |error| from_store(error, call.kind());
    let found = call.store().face(call.account(), &container, person, face).await.map_err(wrong)?;
    call.answer(&face_json(&found.ok_or(Refusal::PersistedFaceNotFound)?))
}

/// `GET largefacelists/{id}/persistedfaces`
pub(super) async fn list(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let page = call.page()?;
    let container = call.container_name()?;
    let account = call.account();
    let read = move |store: Arc<dyn Store>, page| -> BoxFuture<'static, _> {
        let container = container.clone();
        Box::pin(async move { store.faces(account, &container, &page).await })
    };
    let list = List::array(call.kind(), read, |face: &StoredFace| face.id.to_string(), face_json);
    lists::answer(call, page, list).await
}

/// `PATCH .../persistedfaces/{persistedFaceId}`
pub(super) async fn update(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let container = call.container_name()?;
    let (person, face) = path(&call)?;
    let user_data = user_data(call.json()?, FACE_USER_DATA_CHARACTERS)?;
    call.write(FaceWrite::Update { container, person, face, user_data }).await?;
    call.done()
}

/// `DELETE .../persistedfaces/{persistedFaceId}`
pub(super) async fn delete(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let container = call.container_name()?;
    let (person, face) = path(&call)?;
    call.write(FaceWrite::Delete { container, person, face }).await?;
    call.done()
}

/// Whether faces of this kind of container hang under persons.
const fn under_persons(kind: ContainerKind) -> bool {
    matches!(kind, ContainerKind::PersonGroup | ContainerKind::LargePersonGroup)
}

/// The person in the path, where the container has persons.
fn owner<S>(call: &Call<S>) -> Result<Option<Uuid>, Refusal> {
    if under_persons(call.kind()) { persons::person_id(call).map(Some) } else { Ok(None) }
}

/// The person, where there is one, and the face in the path.
fn path<S>(call: &Call<S>) -> Result<(Option<Uuid>, Uuid), Refusal> {
    let person = owner(call)?;
    let position = if person.is_some() { 2 } else { 1 };
    Ok((person, call.id(position, Refusal::PersistedFaceNotFound)?))
}

/// A persisted face on the wire.
pub(super) fn face_json(face: &StoredFace) -> Value {
    match &face.user_data {
        Some(user_data) => json!({ "persistedFaceId": face.id, "userData": user_data.expose() }),
        None => json!({ "persistedFaceId": face.id }),
    }
}
