//! Snapshots: copies of lists and groups, to be applied in this account or in others of the installation.

use super::arguments::{USER_DATA_CHARACTERS, container_id, user_data};
use super::call::{Admitted, Call, Permitted};
use super::lists::{self, List};
use super::operations;
use crate::azure::{Refusal, from_store};
use futures_util::future::BoxFuture;
use likeness_base::Timestamp;
use likeness_http::Reply;
use likeness_http::{Body, parse_uuid};
use likeness_rules::RetentionClass;
use likeness_service::kinds::kind_code;
use likeness_store::{
    AccountId, ContainerKind, ContainerName, OperationSubject, PageStart, Snapshot, SnapshotWrite, Store, Write,
};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Most accounts to which one snapshot can be offered.
const MOST_ACCOUNTS: usize = 100;
/// The kinds of which there are snapshots.
const KINDS: [ContainerKind; 4] = [
    ContainerKind::FaceList,
    ContainerKind::LargeFaceList,
    ContainerKind::PersonGroup,
    ContainerKind::LargePersonGroup,
];

/// `POST snapshots`
pub(super) async fn take(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let body = call.json()?;
    let kind = kind(body.text("type")?.ok_or_else(|| Refusal::bad("'type' is missing."))?)?;
    let source = ContainerName { kind, id: object_id(body)? };
    let scope = scope(body)?.ok_or_else(|| Refusal::bad("'applyScope' is missing."))?;
    let user_data = user_data(body, USER_DATA_CHARACTERS)?;
    let snapshot = call.new_id();
    let expires_at = call.now().plus(call.retention(RetentionClass::Snapshot));
    let (limit, offers) = (call.tier().containers(ContainerKind::Snapshot), call.tier().offers());
    let work = SnapshotWrite::Take { snapshot, source, scope, user_data, expires_at, limit, offers };
    accepted(&call, kind, format!("/snapshots/{snapshot}"), work).await
}

/// `GET snapshots`: what this account took or may apply.
pub(super) async fn list(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let only_kind = call.query().text("type").map(kind).transpose()?;
    let only_scope = call.query().text("applyScope").map(accounts_in_query).transpose()?;
    let (account, now, life) = (call.account(), call.now(), call.retention(RetentionClass::Snapshot));
    let read = move |store: Arc<dyn Store>, page: PageStart| -> BoxFuture<'static, _> {
        Box::pin(async move { store.snapshots(account, &page, now).await })
    };
    let is_asked_for = move |snapshot: &Snapshot| {
        only_kind.is_none_or(|kind| snapshot.kind == kind)
            && only_scope.as_ref().is_none_or(|scope| scope.iter().any(|account| snapshot.scope.contains(account)))
            && is_alive(snapshot, account, life, now)
    };
    let show = |snapshot: &Snapshot| Value::Object(to_json(snapshot));
    let list = List::array(ContainerKind::Snapshot, read, |snapshot: &Snapshot| snapshot.id.to_string(), show);
    lists::answer(call, PageStart::everything(), List { wanted: Box::new(is_asked_for), ..list }).await
}

/// Whether a snapshot is still there: the account that took it may have shortened its life since.
fn is_alive(snapshot: &Snapshot, account: AccountId, life: Duration, now: Timestamp) -> bool {
    snapshot.taken_by != account || snapshot.created_at.plus(life) > now
}

/// `GET snapshots/{snapshotId}`
pub(super) async fn get(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    call.answer(&to_json(&visible(&call).await?))
}

/// `PATCH snapshots/{snapshotId}`: by the account that took it.
pub(super) async fn update(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let snapshot = call.id(0, Refusal::SnapshotNotFound)?;
    let body = call.json()?;
    let (scope, user_data) = (scope(body)?, user_data(body, USER_DATA_CHARACTERS)?);
    if scope.is_none() && user_data.is_none() {
        return Err(Refusal::bad("Nothing to change: give 'applyScope' or 'userData'."));
    }
    let offers = call.tier().offers();
    call.write(SnapshotWrite::Update { snapshot, scope, user_data, offers }).await?;
    call.done()
}

/// `DELETE snapshots/{snapshotId}`: by the account that took it. An account in its scope declines it.
pub(super) async fn delete(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let Snapshot { id: snapshot, taken_by, .. } = visible(&call).await?;
    if taken_by == call.account() {
        call.write(SnapshotWrite::Delete { snapshot }).await?;
    } else {
        call.write(SnapshotWrite::Decline { snapshot, taken_by }).await?;
    }
    call.done()
}

/// `POST snapshots/{snapshotId}/apply`: by an account in its scope.
pub(super) async fn apply(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let id = object_id(call.json()?)?;
    if call.json()?.text("mode")?.is_some_and(|mode| !mode.eq_ignore_ascii_case("CreateNew")) {
        return Err(Refusal::bad("'mode' is invalid. It must be CreateNew."));
    }
    let call = call.permit().await?;
    let snapshot = visible(&call).await?;
    if !snapshot.scope.contains(&call.account()) {
        return Err(Refusal::bad("The applyScope of the snapshot does not name this account."));
    }
    let resource = format!("/{}/{id}", collection(snapshot.kind));
    let container = ContainerName { kind: snapshot.kind, id };
    let Snapshot { id: snapshot, taken_by, kind, .. } = snapshot;
    let (limit, account_limit) = (call.tier().containers(kind), call.tier().persons_in_all(kind));
    let work = SnapshotWrite::Apply { snapshot, taken_by, container, limit, account_limit };
    accepted(&call, kind, resource, work).await
}

/// Does the work and answers with the address of its status; refusals are those of the kind of container.
async fn accepted(
    call: &Call<Permitted>,
    kind: ContainerKind,
    resource: String,
    work: impl Into<Write>,
) -> Result<Reply, Refusal> {
    call.accepted(operations::write(call, kind, OperationSubject::Snapshot, Some(resource), work).await?)
}

/// The snapshot in the path, if this account took it or may apply it.
async fn visible(call: &Call<Permitted>) -> Result<Snapshot, Refusal> {
    let id = call.id(0, Refusal::SnapshotNotFound)?;
    let found = call.store().snapshot(call.account(), id, call.now()).await;
    let found = found.map_err(|error| from_store(error, ContainerKind::Snapshot))?;
    let (life, now) = (call.retention(RetentionClass::Snapshot), call.now());
    found.filter(|found| is_alive(found, call.account(), life, now)).ok_or(Refusal::SnapshotNotFound)
}

fn kind(text: &str) -> Result<ContainerKind, Refusal> {
    KINDS.into_iter().find(|kind| kind_code(*kind).eq_ignore_ascii_case(text)).ok_or_else(|| {
        Refusal::bad("'type' is invalid. It must be FaceList, LargeFaceList, PersonGroup or LargePersonGroup.")
    })
}

/// The segment of the path under which containers of a kind are found.
fn collection(kind: ContainerKind) -> String {
    format!("{}s", kind_code(kind).to_ascii_lowercase())
}

fn object_id(body: &Body) -> Result<String, Refusal> {
    let id = body.text("objectId")?.ok_or_else(|| Refusal::bad("'objectId' is missing."))?;
    container_id("objectId", id)?;
    Ok(id.to_owned())
}

fn scope(body: &Body) -> Result<Option<Vec<AccountId>>, Refusal> {
    let ids = body.uuids("applyScope", 1, MOST_ACCOUNTS)?;
    Ok(ids.map(|ids| ids.into_iter().map(AccountId).collect()))
}

fn accounts_in_query(text: &str) -> Result<Vec<AccountId>, Refusal> {
    let ids: Option<Vec<AccountId>> = text.split(',').map(|id| parse_uuid(id.trim()).map(AccountId)).collect();
    ids.ok_or_else(|| Refusal::bad("'applyScope' is invalid. It is a list of account ids separated by commas."))
}

fn to_json(snapshot: &Snapshot) -> Map<String, Value> {
    let scope: Vec<_> = snapshot.scope.iter().map(|account| account.0).collect();
    let mut json = Map::new();
    json.insert("id".to_owned(), json!(snapshot.id));
    json.insert("account".to_owned(), json!(snapshot.taken_by.0));
    json.insert("type".to_owned(), json!(kind_code(snapshot.kind)));
    json.insert("applyScope".to_owned(), json!(scope));
    if let Some(user_data) = &snapshot.user_data {
        json.insert("userData".to_owned(), json!(user_data.expose()));
    }
    json.insert("createdTime".to_owned(), json!(snapshot.created_at.to_string()));
    json.insert("lastUpdateTime".to_owned(), json!(snapshot.updated_at.to_string()));
    json
}
