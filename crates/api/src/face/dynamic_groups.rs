//! Dynamic person groups: references to people of the directory, usable as soon as the call returns.

use super::arguments::Fields;
use super::call::{Admitted, Call, Permitted};
use super::containers::{answer_list, container_json, new_name};
use super::directory::page_after_person;
use super::operations::write_directory;
use crate::azure::{Refusal, from_store};
use likeness_http::Body;
use likeness_http::Reply;
use likeness_store::{ContainerWrite, DirectoryWrite, Write};
use serde_json::json;
use uuid::Uuid;

/// Most people who can come or go in one call. The size of a JSON body allows hardly more.
pub(super) const MOST_PERSONS: usize = 5_000;

/// `PUT dynamicpersongroups/{id}`: creates, and never replaces.
pub(super) async fn create(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let id = new_name(&call)?.id;
    let body = call.json()?;
    let (name, user_data) = Fields::read(body)?.named()?;
    let add = persons(body, "addPersonIds")?;
    let moves_people = !add.is_empty();
    let call = call.permit().await?;
    done(&call, DirectoryWrite::CreateGroup { id, name, user_data, add }, moves_people).await
}

/// `GET dynamicpersongroups/{id}`
pub(super) async fn get(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    call.answer(&container_json(&call.container().await?, false))
}

/// `PATCH dynamicpersongroups/{id}`: first adds, then removes.
pub(super) async fn update(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let id = call.container_name()?.id;
    let body = call.json()?;
    let Fields { name, user_data } = Fields::read(body)?;
    let (add, remove) = (persons(body, "addPersonIds")?, persons(body, "removePersonIds")?);
    let moves_people = !add.is_empty() || !remove.is_empty();
    if name.is_none() && user_data.is_none() && !moves_people {
        return Err(Refusal::bad("Nothing to change: give 'name', 'userData', 'addPersonIds' or 'removePersonIds'."));
    }
    done(&call, DirectoryWrite::UpdateGroup { id, name, user_data, add, remove }, moves_people).await
}

/// `DELETE dynamicpersongroups/{id}`: the people stay in the directory.
pub(super) async fn delete(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let container = call.container_name()?;
    call.accepted(write_directory(&call, ContainerWrite::Delete { container }).await?)
}

/// `GET dynamicpersongroups`
pub(super) async fn list(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let page = call.page()?;
    answer_list(call, page, false).await
}

/// `GET dynamicpersongroups/{id}/persons`
pub(super) async fn list_persons(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let page = page_after_person(&call)?;
    let id = call.container_name()?.id;
    let members = call.store().members(call.account(), &id, &page).await;
    let members = members.map_err(|error| from_store(error, call.kind()))?;
    let ids: Vec<Uuid> = members.iter().map(|member| member.person).collect();
    call.answer(&json!({ "personIds": ids }))
}

/// An absent list is an empty one.
fn persons(body: &Body, property: &str) -> Result<Vec<Uuid>, Refusal> {
    Ok(body.uuids(property, 0, MOST_PERSONS)?.unwrap_or_default())
}

/// 202 where people come or go, else 200, as the contract has it.
async fn done(call: &Call<Permitted>, work: impl Into<Write>, moves_people: bool) -> Result<Reply, Refusal> {
    if moves_people {
        return call.accepted(write_directory(call, work).await?);
    }
    call.write(work).await?;
    call.done()
}
