//! Face lists, large face lists, person groups and large person groups: create, read, change, delete, list.

use super::arguments::{Fields, container_id, recognition_model};
use super::call::{Admitted, Call, Permitted};
use super::lists::{self, List};
use crate::azure::{Refusal, from_store};
use futures_util::future::BoxFuture;
use likeness_http::Reply;
use likeness_store::{Container, ContainerKind, ContainerName, ContainerWrite, PageStart, Store};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// `PUT {container}`: creates, and never replaces.
pub(super) async fn create(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let container = new_name(&call)?;
    let body = call.json()?;
    let model = recognition_model(body.text("recognitionModel")?)?.to_owned();
    let (name, user_data) = Fields::read(body)?.named()?;
    let limit = call.tier().containers(call.kind());
    let call = call.permit().await?;
    call.write(ContainerWrite::Create { container, name, user_data, model, limit }).await?;
    call.done()
}

/// The id in the path of a container that is to be made.
pub(super) fn new_name<S>(call: &Call<S>) -> Result<ContainerName, Refusal> {
    let id = call.parameter(0).to_owned();
    container_id(id_property(call.kind()), &id)?;
    Ok(ContainerName { kind: call.kind(), id })
}

/// `GET {container}`
pub(super) async fn get(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let with_model = call.query().flag("returnRecognitionModel", false)?;
    let container = call.container().await?;
    let mut json = container_json(&container, with_model);
    if call.kind() == ContainerKind::FaceList {
        let everything = PageStart::everything();
        let faces = call
            .store()
            .faces(call.account(), &container.name_on_wire, &everything)
            .await
            .map_err(|error| from_store(error, call.kind()))?;
        let faces: Vec<Value> = faces.iter().map(super::faces::face_json).collect();
        json.insert("persistedFaces".to_owned(), Value::Array(faces));
    }
    call.answer(&json)
}

/// `PATCH {container}`
pub(super) async fn update(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let container = call.container_name()?;
    let fields = Fields::read(call.json()?)?;
    let large = matches!(container.kind, ContainerKind::LargeFaceList | ContainerKind::LargePersonGroup);
    if large && fields.name.is_none() && fields.user_data.is_none() {
        return Err(Refusal::bad("Nothing to change: give 'name' or 'userData'."));
    }
    call.write(ContainerWrite::Update { container, name: fields.name, user_data: fields.user_data }).await?;
    call.done()
}

/// `DELETE {container}`: with all persons and faces in it.
pub(super) async fn delete(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let container = call.container_name()?;
    call.write(ContainerWrite::Delete { container }).await?;
    call.done()
}

/// `GET {containers}`: pages, except for face lists, which the contract lists whole.
pub(super) async fn list(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let with_model = call.query().flag("returnRecognitionModel", false)?;
    let page = match call.kind() {
        ContainerKind::FaceList => PageStart::everything(),
        _ => call.page()?,
    };
    answer_list(call, page, with_model).await
}

/// The containers of the route's kind.
pub(super) async fn answer_list(call: Call<Permitted>, page: PageStart, with_model: bool) -> Result<Reply, Refusal> {
    let (account, kind) = (call.account(), call.kind());
    let read = move |store: Arc<dyn Store>, page| -> BoxFuture<'static, _> {
        Box::pin(async move { store.containers(account, kind, &page).await })
    };
    let show = |with_model| move |container: &Container| Value::Object(container_json(container, with_model));
    let list = List::array(kind, read, |container: &Container| container.name_on_wire.id.clone(), show(with_model));
    lists::answer(call, page, list).await
}

/// How the id of a container is called on the wire.
pub(super) const fn id_property(kind: ContainerKind) -> &'static str {
    match kind {
        ContainerKind::FaceList => "faceListId",
        ContainerKind::LargeFaceList => "largeFaceListId",
        ContainerKind::PersonGroup => "personGroupId",
        ContainerKind::LargePersonGroup => "largePersonGroupId",
        ContainerKind::PersonDirectory => "personDirectoryId",
        ContainerKind::DynamicPersonGroup => "dynamicPersonGroupId",
        ContainerKind::Snapshot => "snapshotId",
    }
}

/// A container on the wire.
pub(super) fn container_json(container: &Container, with_model: bool) -> Map<String, Value> {
    let mut json = Map::new();
    let on_wire = &container.name_on_wire;
    json.insert(id_property(on_wire.kind).to_owned(), json!(on_wire.id));
    json.insert("name".to_owned(), json!(container.name.expose()));
    if let Some(user_data) = &container.user_data {
        json.insert("userData".to_owned(), json!(user_data.expose()));
    }
    if with_model {
        json.insert("recognitionModel".to_owned(), json!(container.model));
    }
    json
}
