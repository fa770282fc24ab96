//! One call and its answer, as handlers see them: everything parsed, authenticated and bounded.
//!
//! A handler gets a [`Call<Admitted>`]: it can read its arguments and nothing else. [`Call::permit`] makes a
//! [`Call<Permitted>`] of it, if the account holds, or is lent, what the route requires (`face-api.md` section 4). Only
//! that one reaches what is stored, writes, and answers. Handlers ask once their arguments are checked.

use super::api::Face;
use super::routes::Rule;
use crate::azure::Version;
use crate::azure::{MissingAs, Refusal, from_store};
use axum::BoxError;
use axum::body::Bytes;
use axum::http::{HeaderName, StatusCode, header};
use futures_util::stream::Stream;
use likeness_base::{Clock as _, Timestamp};
use likeness_http::{Body, Head, Input, JSON, Page, Query, Reply, Route, parse_uuid};
use likeness_rules::{ConfidenceDetail, Gate, LimitedAttribute, RetentionClass, RetentionPolicy};
use likeness_service::access::{AccountState, Caller};
use likeness_service::app::App;
use likeness_service::limited_access::{Approval, Circumstances};
use likeness_service::limited_attributes::set_of;
use likeness_service::limits::Tier;
use likeness_service::randomness::random_id;
use likeness_service::shares::{Owner, Share};
use likeness_store::{
    AccountId, Actor, Applied, AuditTarget, Command, Container, ContainerKind, ContainerName, PageStart, SearchEvent,
    Store, StoreError, Write,
};
use likeness_vision::AttributeSet;
use serde::Serialize;
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// A call that was admitted.
pub(super) struct Admitted;
/// A call whose account has the approvals that it needs.
pub(super) struct Permitted;

/// One authenticated call.
pub(super) struct Call<S> {
    head: Head<Face>,
    caller: Caller,
    input: Input,
    approval: Approval,
    state: PhantomData<S>,
}

impl<S> Call<S> {
    /// Version in the path.
    pub(super) fn version(&self) -> Version {
        self.head.scope
    }

    /// The route that matched.
    pub(super) fn route(&self) -> &'static Route<Face> {
        self.head.route
    }

    fn rule(&self) -> &'static Rule {
        &self.head.route.rule
    }

    /// Query parameters.
    pub(super) fn query(&self) -> &Query {
        &self.head.query
    }

    /// A path parameter, not yet checked.
    pub(super) fn parameter(&self, position: usize) -> &str {
        self.head.parameters.get(position).map_or("", String::as_str)
    }

    /// The id of this call in log, audit log and answer.
    pub(super) fn request_id(&self) -> Uuid {
        self.head.request_id
    }

    /// The time now. Reading a body or waiting for a worker takes time: what was there when the call arrived may have ended.
    pub(super) fn now(&self) -> Timestamp {
        self.head.app.clock.now()
    }

    /// The account of the call.
    pub(super) fn account(&self) -> AccountId {
        self.caller.account()
    }

    /// Whose part of the machine the call takes.
    pub(super) fn owner(&self) -> Owner {
        Owner::Account(self.account())
    }

    /// The JSON body; an absent one is refused.
    pub(super) fn json(&self) -> Result<&Body, Refusal> {
        match &self.input {
            Input::Json(body) => Ok(body),
            _ => Err(Refusal::bad("Request body is invalid. It must be a JSON object.")),
        }
    }

    /// The kind of container that the route is about.
    pub(super) fn kind(&self) -> ContainerKind {
        self.rule().kind.expect("the route table names a kind for every container route")
    }

    /// The container named by the first path parameter. An id that no container can have is simply not found.
    pub(super) fn container_name(&self) -> Result<ContainerName, Refusal> {
        let id = self.parameter(0).to_owned();
        if !super::arguments::is_container_id(&id) {
            return Err(Refusal::ContainerNotFound(self.kind(), MissingAs::Resource));
        }
        Ok(ContainerName { kind: self.kind(), id })
    }

    /// A path parameter that is an id of ours; what is none cannot be found.
    pub(super) fn id(&self, position: usize, missing: Refusal) -> Result<Uuid, Refusal> {
        parse_uuid(self.parameter(position)).ok_or(missing)
    }

    /// The page of a list that the query names.
    pub(super) fn page(&self) -> Result<PageStart, Refusal> {
        let Page { start, top } = self.query().page()?;
        Ok(PageStart { after: start, top })
    }

    /// What the account may hold.
    pub(super) fn tier(&self) -> Tier {
        self.head.app.limits.tier(&self.caller.state)
    }

    /// The attributes that the networks of this installation can compute.
    pub(super) fn computable(&self) -> AttributeSet {
        self.head.app.attributes
    }

    /// How identify decides without a threshold.
    pub(super) fn identify_rule(&self) -> &likeness_service::config::IdentifyConfig {
        &self.head.app.config.identify
    }

    /// The body, and the call without it.
    pub(super) fn take_input(self) -> (Input, Self) {
        let Self { input, head, caller, approval, state } = self;
        (input, Self { input: Input::Nothing, head, caller, approval, state })
    }

    /// Who the audit log says it was.
    pub(super) fn actor(&self) -> &Actor {
        &self.caller.actor
    }

    /// The account of the call.
    pub(super) fn state(&self) -> &AccountState {
        &self.caller.state
    }

    /// How long the account keeps what.
    pub(super) fn retention_policy(&self) -> &RetentionPolicy {
        &self.caller.state.settings.retention
    }

    /// Whether the account keeps templates of liveness sessions, to find the same face behind other ids.
    pub(super) fn watches_for_abuse(&self) -> bool {
        self.caller.state.settings.liveness.abuse_monitoring
    }

    /// How many sealed bytes the account may have.
    pub(super) fn most_stored_bytes(&self) -> u64 {
        self.head.app.limits.stored_bytes(&self.caller.state)
    }

    /// How long something of this account is kept at most.
    pub(super) fn retention(&self, class: RetentionClass) -> Duration {
        Duration::from_secs(self.caller.state.settings.retention.seconds(class).into())
    }
}

fn circumstances<'a>(head: &'a Head<Face>, caller: &'a Caller) -> Circumstances<'a> {
    Circumstances { app: &head.app, caller, request_id: head.request_id, operation: head.route.operation }
}

impl Call<Admitted> {
    /// What a handler gets.
    pub(super) fn admitted(call: likeness_http::Call<Face>) -> Self {
        let likeness_http::Call { mut head, caller, granted: (), input } = call;
        // Checked by the approval alone.
        let token = head.credentials.limited_access_token.take();
        let approval = Approval::new(token, requested_limited_attributes(&head));
        Self { head, caller, input, approval, state: PhantomData }
    }

    /// The limited attributes that the call may see: of the account's own approvals, and what a token lends.
    pub(super) async fn attributes(&mut self) -> Result<AttributeSet, Refusal> {
        let Self { head, caller, approval, .. } = self;
        Ok(set_of(approval.attributes(circumstances(head, caller)).await?))
    }

    /// Records that a token was used and lends less than was requested.
    pub(super) async fn refuse_approval(&mut self) -> Result<(), Refusal> {
        let Self { head, caller, approval, .. } = self;
        Ok(approval.refuse(circumstances(head, caller)).await?)
    }

    /// Permits what the route's row requires.
    ///
    /// # Errors
    /// The refusals of section 4: the approval is missing, or the token does not count, is for another, or lacks it.
    pub(super) async fn permit(self) -> Result<Call<Permitted>, Refusal> {
        let gate = self.rule().gate;
        self.permit_for(gate).await
    }

    /// The same for a gate that does not follow from the route alone.
    ///
    /// # Errors
    /// As [`Call::permit`].
    pub(super) async fn permit_for(self, gate: Gate) -> Result<Call<Permitted>, Refusal> {
        let Self { head, caller, input, mut approval, .. } = self;
        approval.permit(circumstances(&head, &caller), gate).await?;
        Ok(Call { head, caller, input, approval, state: PhantomData })
    }
}

/// The limited attributes that a call requests.
fn requested_limited_attributes(head: &Head<Face>) -> BTreeSet<LimitedAttribute> {
    let asked = head.query.text("returnFaceAttributes").filter(|_| head.route.path == "detect");
    asked
        .into_iter()
        .flat_map(|names| names.split(','))
        .filter_map(|name| LimitedAttribute::parse(name.trim()))
        .collect()
}

impl Call<Permitted> {
    /// The whole program.
    pub(super) fn app(&self) -> &App {
        &self.head.app
    }

    /// What is stored, for reading.
    pub(super) fn store(&self) -> &dyn Store {
        &*self.head.app.store
    }

    /// The same, for whoever outlives the call.
    pub(super) fn shared_store(&self) -> Arc<dyn Store> {
        self.head.app.store.clone()
    }

    /// A random id.
    pub(super) fn new_id(&self) -> Uuid {
        random_id(&*self.head.app.randomness)
    }

    /// The container in the path itself.
    pub(super) async fn container(&self) -> Result<Container, Refusal> {
        let name = self.container_name()?;
        let found = self.store().container(self.account(), &name).await;
        found
            .map_err(|error| from_store(error, name.kind))?
            .ok_or(Refusal::ContainerNotFound(name.kind, MissingAs::Resource))
    }

    /// How much answers say about how near two faces are.
    pub(super) fn confidence_detail(&self) -> ConfidenceDetail {
        self.caller.state.settings.confidence
    }

    /// Counts an answer far below the threshold about somebody who is enrolled; whether the caller had too many today.
    pub(super) fn counts_miss(&self, id: Uuid) -> bool {
        self.app().meter.misses.count(self.account(), &self.caller.actor, id, self.now())
    }

    /// Records a search event: that a search was made, and among whom; never who was found.
    pub(super) fn record_search(&self, action: &str, among: Option<&Container>, faces: usize) {
        if !self.app().config.audit.questions {
            return;
        }
        let target = among.map(|among| AuditTarget { kind: among.name_on_wire.kind, number: among.number });
        let event = SearchEvent {
            at: self.now(),
            actor: self.caller.actor.clone(),
            request_id: self.request_id(),
            action: action.to_owned(),
            target,
            records: faces as u64,
        };
        self.app().meter.record_search(self.account(), event);
    }

    /// Rechecks the caller: the download of a picture or a queue may have taken long, and nothing that was revoked meanwhile
    /// may take effect.
    ///
    /// # Errors
    /// As at admission, or [`Call::permit`].
    pub(super) async fn recheck_access(&self) -> Result<(), Refusal> {
        let (caller, ()) = self.head.recheck(&self.caller).await?;
        Ok(self.approval.recheck(circumstances(&self.head, &caller)).await?)
    }

    /// Writes through the ledger; refusals name the route's kind of container.
    pub(super) async fn write(&self, write: impl Into<Write>) -> Result<Applied, Refusal> {
        self.write_as(self.rule().kind.unwrap_or(ContainerKind::PersonDirectory), write).await
    }

    /// The same with refusals for a kind of container. The caller is rechecked before it.
    pub(super) async fn write_as(&self, kind: ContainerKind, write: impl Into<Write>) -> Result<Applied, Refusal> {
        self.recheck_access().await?;
        self.apply(write.into()).await.map_err(|error| from_store(error, kind))
    }

    async fn apply(&self, write: Write) -> Result<Applied, StoreError> {
        let (account, actor, at, request_id) =
            (self.account(), self.caller.actor.clone(), self.now(), self.request_id());
        let most_stored_bytes = Some(self.most_stored_bytes());
        let command =
            Command { account, actor, at, request_id, idempotency_key: self.new_id(), most_stored_bytes, write };
        self.app().ledger.apply(command).await
    }

    /// An absolute address below the version, for `Operation-Location`.
    pub(super) fn address(&self, path: &str) -> String {
        format!("{}/face/{}/{path}", self.head.address.endpoint, self.version().segment())
    }

    /// 200 with JSON.
    pub(super) fn answer(&self, value: &impl Serialize) -> Result<Reply, Refusal> {
        Ok(Reply::json(value)?)
    }

    /// 200 with JSON that is written already, and its part of the memory for answers.
    pub(super) fn answer_bytes(&self, json: Vec<u8>, room: Share) -> Reply {
        Reply::content(JSON, json).with_room(room)
    }

    /// 200 with JSON that is written while it is sent; the pieces hold the call.
    pub(super) fn answer_in_pieces<E: Into<BoxError> + 'static>(
        pieces: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
        room: Share,
    ) -> Reply {
        Reply::in_pieces(JSON, pieces, room)
    }

    /// 200 without content.
    pub(super) fn done(&self) -> Result<Reply, Refusal> {
        Ok(Reply::empty())
    }

    /// 204.
    pub(super) fn deleted(&self) -> Reply {
        Reply::no_content()
    }

    /// 200 with bytes of any kind.
    pub(super) fn answer_octets(&self, bytes: Vec<u8>) -> Reply {
        Reply::content("application/octet-stream", bytes)
    }

    /// 202 without content, and the address of the operation status.
    pub(super) fn accepted(&self, operation: String) -> Result<Reply, Refusal> {
        Ok(accepted_at(Reply::empty(), operation))
    }

    /// 202 with JSON, the address of the operation status, and that of the new resource.
    pub(super) fn created(
        &self,
        value: &impl Serialize,
        operation: String,
        location: String,
    ) -> Result<Reply, Refusal> {
        Ok(accepted_at(self.answer(value)?, operation).with_header(header::LOCATION, location))
    }
}

fn accepted_at(reply: Reply, operation: String) -> Reply {
    reply.with_status(StatusCode::ACCEPTED).with_header(HeaderName::from_static("operation-location"), operation)
}
