//! One call and its answer, as handlers see them: everything parsed, authenticated and bounded.

use super::error::{Refusal, Role, from_store};
use super::json::{Body, parse_uuid};
use super::query::Query;
use super::routes::Route;
use super::version::Version;
use crate::access::{Caller, Lent, Shown};
use crate::app::App;
use crate::effects::random_id;
use crate::http::place::Place;
use crate::limits::Tier;
use axum::http::{HeaderName, StatusCode, header};
use likeness_base::{Secret, Timestamp};
use likeness_custody::{Gate, Kept, LimitedAttribute};
use likeness_store::{
    AccountId, Applied, AuditTarget, Command, Container, ContainerKind, ContainerName, Question, StoreError, Write,
};
use serde::Serialize;
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// What a handler returns.
pub(crate) type Handling = Pin<Box<dyn Future<Output = Result<Reply, Refusal>> + Send>>;

/// What came in the body.
#[derive(Debug)]
pub(crate) enum Input {
    /// The route reads nothing.
    Nothing,
    /// A JSON object.
    Json(Body),
    /// The bytes of a picture.
    Picture(Secret<Vec<u8>>),
}

/// One authenticated call.
pub(crate) struct Call {
    /// The whole program.
    pub app: Arc<App>,
    /// Version in the path.
    pub version: Version,
    /// The route that matched.
    pub route: &'static Route,
    /// Path parameters, in order, not yet checked.
    pub parameters: Vec<String>,
    /// Query parameters.
    pub query: Query,
    /// The body.
    pub input: Input,
    /// Who calls, whose data it is about, and what they may do.
    pub caller: Caller,
    /// The header `LimitedAccessToken`.
    pub token: Option<Secret<String>>,
    /// What that lends, once it was looked at.
    pub lent: OnceCell<Lent>,
    /// Set once its use was noted.
    pub noted: OnceCell<()>,
    /// What the call needs an approval for.
    pub required: OnceCell<Gate>,
    /// The limited attributes that it may see, once that was looked at.
    pub granted: OnceCell<BTreeSet<LimitedAttribute>>,
    /// The id under which log, audit and answer speak of this call.
    pub request_id: Uuid,
    /// Where the call came in.
    pub place: Place,
    /// What the caller showed, to look at it again.
    pub shown: Shown,
    /// When the call arrived.
    pub at: Timestamp,
}

impl Call {
    /// Whose data it is about.
    pub(crate) fn account(&self) -> AccountId {
        self.caller.account()
    }

    /// The JSON body; an absent one is refused.
    pub(crate) fn json(&self) -> Result<&Body, Refusal> {
        match &self.input {
            Input::Json(body) => Ok(body),
            _ => Err(Refusal::bad("Request body is invalid. It must be a JSON object.")),
        }
    }

    /// The kind of container that the route is about.
    pub(crate) fn kind(&self) -> ContainerKind {
        self.route.kind.expect("the route table names a kind for every container route")
    }

    /// The container named by the first path parameter. An id that no container can have is simply not found.
    pub(crate) fn container_name(&self) -> Result<ContainerName, Refusal> {
        let id = self.parameters.first().cloned().unwrap_or_default();
        if !super::arguments::is_container_id(&id) {
            return Err(Refusal::ContainerNotFound(self.kind(), Role::Resource));
        }
        Ok(ContainerName { kind: self.kind(), id })
    }

    /// The container itself.
    pub(crate) async fn container(&self) -> Result<Container, Refusal> {
        let name = self.container_name()?;
        self.app
            .store
            .container(self.account(), &name)
            .await
            .map_err(|error| from_store(error, name.kind))?
            .ok_or(Refusal::ContainerNotFound(name.kind, Role::Resource))
    }

    /// A path parameter that is an id of ours; what is none cannot be found.
    pub(crate) fn id(&self, position: usize, missing: Refusal) -> Result<Uuid, Refusal> {
        self.parameters.get(position).and_then(|text| parse_uuid(text)).ok_or(missing)
    }

    /// What the account may hold.
    pub(crate) fn tier(&self) -> Tier {
        self.app.limits.tier(&self.caller.state)
    }

    /// How long something of this account is kept at most.
    pub(crate) fn lasts(&self, kept: Kept) -> Duration {
        Duration::from_secs(self.caller.state.settings.retention.seconds(kept).into())
    }

    /// Has the account's trail tell that somebody was looked for, and among whom; never who was found.
    pub(crate) fn asked(&self, action: &str, among: Option<&Container>, faces: usize) {
        if !self.app.config.audit.questions {
            return;
        }
        let target = among.map(|among| AuditTarget { kind: among.name_on_wire.kind, number: among.number });
        let question = Question {
            at: self.at,
            actor: self.caller.actor.clone(),
            request_id: self.request_id,
            action: action.to_owned(),
            target,
            records: faces as u64,
        };
        self.app.meter.ask(self.account(), question);
    }

    /// Writes, through the one door, in the words of the route's container.
    pub(crate) async fn write(&self, write: impl Into<Write>) -> Result<Applied, Refusal> {
        self.write_as(self.route.kind.unwrap_or(ContainerKind::PersonDirectory), write).await
    }

    /// The same in the words of a kind of container. Whoever was let in is looked at again before it.
    pub(crate) async fn write_as(&self, kind: ContainerKind, write: impl Into<Write>) -> Result<Applied, Refusal> {
        self.still().await?;
        self.apply(write.into()).await.map_err(|error| from_store(error, kind))
    }

    async fn apply(&self, write: Write) -> Result<Applied, StoreError> {
        let (account, actor, at, request_id) = (self.account(), self.caller.actor.clone(), self.at, self.request_id);
        let key = random_id(&*self.app.randomness);
        let command = Command { account, actor, at, request_id, key, write };
        self.app.ledger.apply(command).await
    }

    /// An absolute address below the version, for `Operation-Location`.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}/face/{}/{path}", self.place.base, self.version.segment())
    }
}

/// A good answer.
pub(crate) struct Reply {
    /// 2xx.
    pub status: StatusCode,
    /// JSON text, or nothing.
    pub body: Option<Vec<u8>>,
    /// Headers beyond those that every answer carries.
    pub headers: Vec<(HeaderName, String)>,
}

// What a client sent or gets is personal; a debug print shows nothing of it.
impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reply(..)")
    }
}

impl Reply {
    /// 200 without content.
    pub(crate) const fn empty() -> Self {
        Self { status: StatusCode::OK, body: None, headers: Vec::new() }
    }

    /// 204.
    pub(crate) const fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, headers: Vec::new() }
    }

    /// 200 with JSON.
    pub(crate) fn json(value: &impl Serialize) -> Result<Self, Refusal> {
        let body = serde_json::to_vec(value).map_err(|error| Refusal::Internal(error.to_string()))?;
        Ok(Self { status: StatusCode::OK, body: Some(body), headers: Vec::new() })
    }

    /// 202 without content, and where to ask how it goes.
    pub(crate) fn accepted(operation_location: String) -> Self {
        Self::empty().accepted_at(operation_location)
    }

    /// The same answer as 202, and where to ask how it goes.
    pub(crate) fn accepted_at(mut self, operation_location: String) -> Self {
        self.status = StatusCode::ACCEPTED;
        self.headers.push((HeaderName::from_static("operation-location"), operation_location));
        self
    }

    /// The same answer, and where what was made is found.
    pub(crate) fn located_at(mut self, location: String) -> Self {
        self.headers.push((header::LOCATION, location));
        self
    }

    /// The content type of the body.
    pub(crate) const CONTENT_TYPE: (HeaderName, &'static str) =
        (header::CONTENT_TYPE, "application/json; charset=utf-8");
}
