//! Persons of person groups and large person groups.

use super::arguments::Fields;
use super::call::{Admitted, Call};
use super::lists::{self, List};
use crate::azure::{MissingAs, Refusal, from_store};
use futures_util::future::BoxFuture;
use likeness_http::Reply;
use likeness_store::{Person, PersonWrite, Store};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// `POST {group}/persons`
pub(super) async fn create(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let container = call.container_name()?;
    let (name, user_data) = Fields::read(call.json()?)?.named()?;
    let call = call.permit().await?;
    let person = call.new_id();
    let (limit, account_limit) = (call.tier().persons(call.kind()), call.tier().persons_in_all(call.kind()));
    call.write(PersonWrite::Create { container, person, name, user_data, limit, account_limit }).await?;
    call.answer(&json!({ "personId": person }))
}

/// `GET {group}/persons`
pub(super) async fn list(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let page = call.page()?;
    let container = call.container_name()?;
    let account = call.account();
    let read = move |store: Arc<dyn Store>, page| -> BoxFuture<'static, _> {
        let container = container.clone();
        Box::pin(async move { store.persons(account, &container, &page).await })
    };
    let list = List::array(call.kind(), read, |person| person.id.to_string(), |person| Value::Object(to_json(person)));
    lists::answer(call, page, list).await
}

/// `GET {group}/persons/{personId}`
pub(super) async fn get(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let container = call.container_name()?;
    let id = person_id(&call)?;
    let wrong = |error| from_store(error, call.kind());
    let person = call.store().person(call.account(), &container, id).await.map_err(wrong)?;
    call.answer(&to_json(&person.ok_or(Refusal::PersonNotFound(MissingAs::Resource))?))
}

/// `PATCH {group}/persons/{personId}`
pub(super) async fn update(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let container = call.container_name()?;
    let person = person_id(&call)?;
    let fields = Fields::read(call.json()?)?;
    call.write(PersonWrite::Update { container, person, name: fields.name, user_data: fields.user_data }).await?;
    call.done()
}

/// `DELETE {group}/persons/{personId}`: with all faces of the person.
pub(super) async fn delete(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let container = call.container_name()?;
    let person = person_id(&call)?;
    call.write(PersonWrite::Delete { container, person }).await?;
    call.done()
}

/// The second path parameter.
pub(super) fn person_id<S>(call: &Call<S>) -> Result<Uuid, Refusal> {
    call.id(1, Refusal::PersonNotFound(MissingAs::Resource))
}

fn to_json(person: &Person) -> Map<String, Value> {
    let mut json = without_faces(person);
    json.insert("persistedFaceIds".to_owned(), json!(person.faces));
    json
}

/// A person on the wire, as the directory shows them.
pub(super) fn without_faces(person: &Person) -> Map<String, Value> {
    let mut json = Map::new();
    json.insert("personId".to_owned(), json!(person.id));
    json.insert("name".to_owned(), json!(person.name.expose()));
    if let Some(user_data) = &person.user_data {
        json.insert("userData".to_owned(), json!(user_data.expose()));
    }
    json
}
