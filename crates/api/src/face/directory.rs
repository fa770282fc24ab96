//! The person directory: all people of an account at once, with faces for each recognition model.

use super::arguments::{FACE_USER_DATA_CHARACTERS, Fields, USER_DATA_CHARACTERS, directory_model, user_data};
use super::call::{Admitted, Call, Permitted};
use super::faces::{self, Addition, FACES_OF_A_PERSON};
use super::operations::write_directory;
use super::persons;
use crate::azure::{MissingAs, Refusal, from_store};
use likeness_base::Secret;
use likeness_http::Reply;
use likeness_http::{Body, parse_uuid};
use likeness_store::{ContainerName, DirectoryWrite, Face, FaceWrite, PageStart, PersonWrite, StoreError};
use serde_json::json;
use uuid::Uuid;

/// `POST persons`
pub(super) async fn create(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let fields = name_or_user_data(call.json()?)?;
    let call = call.permit().await?;
    let person = call.new_id();
    let operation = write_directory(
        &call,
        PersonWrite::Create {
            container: ContainerName::directory(),
            person,
            name: fields.name.unwrap_or_else(|| Secret::new(String::new())),
            user_data: fields.user_data,
            limit: call.tier().persons(call.kind()),
            account_limit: call.tier().persons_in_all(call.kind()),
        },
    )
    .await?;
    let location = call.address(&format!("persons/{person}"));
    call.created(&json!({ "personId": person }), operation, location)
}

/// Both texts of a new person, of which one is enough.
fn name_or_user_data(body: &Body) -> Result<Fields, Refusal> {
    let is_given = |property| body.text(property).map(|text| text.is_some_and(|text| !text.is_empty()));
    if is_given("name")? {
        return Fields::read(body);
    }
    if !is_given("userData")? {
        return Err(Refusal::bad("'name' and 'userData' are both empty. Give at least one of them."));
    }
    Ok(Fields { name: None, user_data: user_data(body, USER_DATA_CHARACTERS)? })
}

/// `GET persons`
pub(super) async fn list(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let page = page_after_person(&call)?;
    let persons = match call.store().persons(call.account(), &ContainerName::directory(), &page).await {
        Err(StoreError::ContainerNotFound) => Vec::new(),
        other => other.map_err(|error| from_store(error, call.kind()))?,
    };
    call.answer(&persons.iter().map(persons::without_faces).collect::<Vec<_>>())
}

/// `GET persons/{personId}`
pub(super) async fn get(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let id = person_id(&call)?;
    let found = call.store().person(call.account(), &ContainerName::directory(), id).await;
    let person = found.map_err(|error| from_store(error, call.kind()))?;
    call.answer(&persons::without_faces(&person.ok_or(Refusal::PersonNotFound(MissingAs::Resource))?))
}

/// `PATCH persons/{personId}`
pub(super) async fn update(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let person = person_id(&call)?;
    let Fields { name, user_data } = Fields::read(call.json()?)?;
    if name.is_none() && user_data.is_none() {
        return Err(Refusal::bad("Nothing to change: give 'name' or 'userData'."));
    }
    call.write(PersonWrite::Update { container: ContainerName::directory(), person, name, user_data }).await?;
    call.done()
}

/// `DELETE persons/{personId}`: with all faces, and out of all dynamic groups.
pub(super) async fn delete(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let person = person_id(&call)?;
    let work = PersonWrite::Delete { container: ContainerName::directory(), person };
    call.accepted(write_directory(&call, work).await?)
}

/// `GET persons/{personId}/dynamicPersonGroupReferences`
pub(super) async fn references(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let page = call.page()?;
    let person = person_id(&call)?;
    let groups = call.store().groups_of_person(call.account(), person, &page).await;
    let groups = groups.map_err(|error| from_store(error, call.kind()))?;
    call.answer(&json!({ "dynamicPersonGroupIds": groups }))
}

/// `POST persons/{personId}/recognitionModels/{recognitionModel}/persistedfaces`
pub(super) async fn add_face(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let addition = Addition::read(&call)?;
    let model = model(&call)?;
    let person = person_id(&call)?;
    let call = call.permit().await?;
    if faces_of(&call, person, model).await?.len() as u64 >= FACES_OF_A_PERSON {
        return Err(Refusal::quota(FACES_OF_A_PERSON));
    }
    let directory = call.store().container(call.account(), &ContainerName::directory()).await?;
    let (call, face) = addition.face(call, directory.map(|directory| directory.number)).await?;
    let id = face.id;
    let limit = Some(FACES_OF_A_PERSON);
    let work = DirectoryWrite::AddFace { person, model: model.to_owned(), face, limit };
    let operation = write_directory(&call, work).await?;
    let location = call.address(&format!("persons/{person}/recognitionModels/{model}/persistedfaces/{id}"));
    call.created(&json!({ "persistedFaceId": id }), operation, location)
}

/// `GET persons/{personId}/recognitionModels/{recognitionModel}/persistedfaces`
pub(super) async fn list_faces(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let model = model(&call)?;
    let person = person_id(&call)?;
    let ids = faces_of(&call, person, model).await?;
    call.answer(&json!({ "personId": person, "persistedFaceIds": ids }))
}

/// `GET .../persistedfaces/{persistedFaceId}`
pub(super) async fn get_face(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let (_, face) = face(&call).await?;
    call.answer(&faces::face_json(&face))
}

/// `PATCH .../persistedfaces/{persistedFaceId}`
pub(super) async fn update_face(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let user_data = user_data(call.json()?, FACE_USER_DATA_CHARACTERS)?;
    let (person, face) = face(&call).await?;
    let container = ContainerName::directory();
    call.write(FaceWrite::Update { container, person: Some(person), face: face.id, user_data }).await?;
    call.done()
}

/// `DELETE .../persistedfaces/{persistedFaceId}`
pub(super) async fn delete_face(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let (person, face) = face(&call).await?;
    let work = FaceWrite::Delete { container: ContainerName::directory(), person: Some(person), face: face.id };
    call.accepted(write_directory(&call, work).await?)
}

/// The face in the path and its person. A face of another model is not there; its model never changes, so what is
/// done with it afterwards needs no second look.
async fn face(call: &Call<Permitted>) -> Result<(Uuid, Face), Refusal> {
    let model = model(call)?;
    let person = person_id(call)?;
    let id = call.id(2, Refusal::PersistedFaceNotFound)?;
    let found = call.store().face(call.account(), &ContainerName::directory(), Some(person), id).await;
    let found = found.map_err(|error| from_store(error, call.kind()))?;
    found.filter(|face| is_of(face, model)).map(|face| (person, face)).ok_or(Refusal::PersistedFaceNotFound)
}

/// The ids of a person's faces of one model, in the order in which they were added.
async fn faces_of(call: &Call<Permitted>, person: Uuid, model: &str) -> Result<Vec<Uuid>, Refusal> {
    let faces = call.store().faces_of_person(call.account(), &ContainerName::directory(), person).await;
    let faces = faces.map_err(|error| from_store(error, call.kind()))?;
    Ok(faces.iter().filter(|face| is_of(face, model)).map(|face| face.id).collect())
}

fn is_of(face: &Face, model: &str) -> bool {
    face.model.as_deref() == Some(model)
}

fn person_id<S>(call: &Call<S>) -> Result<Uuid, Refusal> {
    call.id(0, Refusal::PersonNotFound(MissingAs::Resource))
}

fn model<S>(call: &Call<S>) -> Result<&'static str, Refusal> {
    directory_model(call.parameter(1))
}

/// A page of a list of people, whose `start` must be the id of one.
pub(super) fn page_after_person<S>(call: &Call<S>) -> Result<PageStart, Refusal> {
    let page = call.page()?;
    if !page.after.is_empty() && parse_uuid(&page.after).is_none() {
        return Err(Refusal::bad("'start' is invalid. It must be the id of a person."));
    }
    Ok(page)
}
