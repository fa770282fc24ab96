//! Liveness sessions as they are kept: created, read, changed by whoever read the newest version, and deleted with all that
//! belongs to them.
//!
//! Start at [`LivenessSessions`]. What may happen to a session is decided by `likeness-liveness`; what a session shows to whom
//! is the business of the APIs. Every node serves every session: nothing of one is in memory but a capture that is under way.

mod attestation;
mod captures;
mod correlations;
mod ending;
mod frames;
mod keys;
mod links;
mod monitoring;
mod recording;
pub mod reference;
mod replays;
mod running;
mod stored;

pub use captures::{Beginning, Captures, NotBegun, Whereabouts};
pub use correlations::{CorrelationOf, KnownCorrelation};
pub use frames::{fused_and_best, rehearse};
pub use keys::{KeyUse, KnownKey, MOST_KEYS, NotEnrolled};
pub use links::{FoundLink, MOST_LINKS, NoLink, NotUsed};
pub(crate) use monitoring::forget_some;
pub use running::{Ended, Running};
pub use stored::{Companion, Stored};

use crate::access::AccountState;
use crate::accounts::Attribution;
use crate::ledger::Ledger;
use crate::randomness::random_id;
use likeness_base::{Clock, Randomness, Secret, Timestamp};
use likeness_rules::{RetentionClass, RetentionPolicy};
use likeness_store::{
    AccountId, Command, Expected, NewRecord, PageStart, Record, RecordKind, RecordWrite, Store, StoreError, Tag, Write,
};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const KIND: RecordKind = RecordKind::LivenessSession;
/// Which of the two lists a session is in.
const FORM: &str = "form";
/// How often a change is tried again when others change the same session.
const TRIES: usize = 8;

/// Keeps sessions.
#[derive(Clone)]
pub struct LivenessSessions {
    /// For reading.
    pub store: Arc<dyn Store>,
    /// For writing.
    pub ledger: Arc<Ledger>,
    /// The one clock.
    pub clock: Arc<dyn Clock>,
    /// The one source of randomness.
    pub randomness: Arc<dyn Randomness>,
}

/// A session that was read.
pub struct Found {
    /// What it is.
    pub stored: Stored,
    version: u64,
    expires_at: Timestamp,
}

/// Why a session was not changed.
#[derive(Debug, thiserror::Error)]
pub enum NotChanged<E> {
    /// There is no such session, or not any more.
    #[error("there is no such session")]
    Gone,
    /// Whoever wanted to change it says no.
    #[error("the session is not changed")]
    Refused(E),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LivenessSessions {
    /// Keeps a new session, by one commit.
    ///
    /// # Errors
    /// What the store says.
    pub async fn create(
        &self,
        account: AccountId,
        attribution: &Attribution,
        stored: &Stored,
        most_stored_bytes: Option<u64>,
    ) -> Result<(), StoreError> {
        let record = record(stored, stored.session.expires_at)?.expecting(Expected::Absent);
        let write = RecordWrite::Put(record).into();
        self.apply(account, attribution, most_stored_bytes, write).await
    }

    /// A session, if it is still there. `policy`: how long the account keeps sessions now.
    ///
    /// # Errors
    /// What the store says.
    pub async fn read(
        &self,
        account: AccountId,
        id: Uuid,
        policy: &RetentionPolicy,
    ) -> Result<Option<Found>, StoreError> {
        let now = self.clock.now();
        let record = self.store.record(account, KIND, &id.to_string(), now).await?;
        record.map(found).transpose().map(|found| found.filter(|found| found.stored.is_kept(policy, now)))
    }

    /// Sessions in order of their ids: those that compare faces, or those that do not. What the account does not keep any
    /// more is among them: see [`Stored::is_kept`].
    ///
    /// # Errors
    /// What the store says.
    pub async fn list(&self, account: AccountId, verify: bool, page: &PageStart) -> Result<Vec<Stored>, StoreError> {
        let tag = Tag::new(FORM, form(verify));
        let records = self.store.records_tagged(account, KIND, &tag, page, self.clock.now()).await?;
        records.into_iter().map(|record| found(record).map(|found| found.stored)).collect()
    }

    /// Changes a session and writes what goes with the change, all in one transaction. `change` is asked again when others
    /// changed the session meanwhile; it gives the records that go along, and what the audit log says of it.
    ///
    /// # Errors
    /// [`NotChanged`]; then nothing was written.
    pub async fn change<T, E>(
        &self,
        account: AccountId,
        attribution: &Attribution,
        id: Uuid,
        policy: &RetentionPolicy,
        mut change: impl FnMut(&mut Stored, Timestamp) -> Result<Change<T>, E> + Send,
    ) -> Result<T, NotChanged<E>> {
        for _ in 0..TRIES {
            let mut found = self.read(account, id, policy).await?.ok_or(NotChanged::Gone)?;
            let Change { outcome, records, detail } =
                change(&mut found.stored, self.clock.now()).map_err(NotChanged::Refused)?;
            let put = record(&found.stored, found.expires_at)?.expecting(Expected::Version(found.version));
            let mut write: Write = RecordWrite::Put(put).into();
            if !records.is_empty() {
                write = Write::Accompanied { records, deliveries: Vec::new(), write: Box::new(write) };
            }
            if let Some(detail) = detail {
                write = Write::WithDetail { detail: detail.to_string(), write: Box::new(write) };
            }
            match self.apply(account, attribution, None, write).await {
                Ok(()) => return Ok(outcome),
                Err(StoreError::RecordChanged) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Busy.into())
    }

    /// Deletes a session with everything that belongs to it, in one transaction. `false`: there was none.
    ///
    /// # Errors
    /// What the store says.
    pub async fn delete(
        &self,
        account: AccountId,
        attribution: &Attribution,
        id: Uuid,
        policy: &RetentionPolicy,
    ) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            let Some(found) = self.read(account, id, policy).await? else { return Ok(false) };
            let (links, others): (Vec<Companion>, Vec<Companion>) =
                found.stored.companions.into_iter().partition(|companion| matches!(companion, Companion::Link(_)));
            let mut write: Write = RecordWrite::Take { kind: KIND, id: id.to_string(), version: found.version }.into();
            if !others.is_empty() {
                let records = others.iter().map(Companion::delete).collect();
                write = Write::Accompanied { records, deliveries: Vec::new(), write: Box::new(write) };
            }
            match self.apply(account, attribution, None, write).await {
                Ok(()) => {
                    // They are the installation's, because a link does not say whose it is; without the session they lead
                    // nowhere, and end with its token.
                    for link in links {
                        let write = link.delete().into();
                        self.apply(AccountId::INSTALLATION, attribution, None, write).await?;
                    }
                    return Ok(true);
                }
                Err(StoreError::RecordChanged) => {}
                Err(StoreError::RecordNotFound) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Busy)
    }

    /// Whether a session is not there any more.
    ///
    /// # Errors
    /// What the store says.
    pub async fn is_gone(&self, account: &AccountState, id: Uuid) -> Result<bool, StoreError> {
        Ok(self.read(account.id(), id, &account.settings.retention).await?.is_none())
    }

    /// A picture of a session, if it is still there.
    ///
    /// # Errors
    /// What the store says.
    pub async fn image(
        &self,
        account: AccountId,
        id: &str,
        policy: &RetentionPolicy,
    ) -> Result<Option<Secret<Vec<u8>>>, StoreError> {
        let now = self.clock.now();
        let life = Duration::from_secs(policy.seconds(RetentionClass::SessionImage).into());
        // What is longer than any id of ours is none.
        if id.len() > 64 {
            return Ok(None);
        }
        let record = self.store.record(account, RecordKind::SessionImage, id, now).await?;
        Ok(record.filter(|record| record.created_at.plus(life) > now).map(|record| record.value))
    }

    /// A random id that nobody can guess: 32 bytes in base64url, 43 characters.
    pub fn secret_id(&self) -> String {
        use base64::Engine as _;
        base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(likeness_base::random_bytes::<32>(&*self.randomness))
    }

    async fn apply(
        &self,
        account: AccountId,
        attribution: &Attribution,
        most_stored_bytes: Option<u64>,
        write: Write,
    ) -> Result<(), StoreError> {
        let command = Command {
            account,
            actor: attribution.actor.clone(),
            at: self.clock.now(),
            request_id: attribution.request_id,
            idempotency_key: random_id(&*self.randomness),
            most_stored_bytes,
            write,
        };
        self.ledger.apply(command).await.map(drop)
    }
}

/// What comes of a change beside the session itself.
pub struct Change<T> {
    /// For whoever asked.
    pub outcome: T,
    /// Records that are written along.
    pub records: Vec<RecordWrite>,
    /// What the audit log says of it: words, never numbers.
    pub detail: Option<serde_json::Value>,
}

impl<T> Change<T> {
    /// Of the session alone.
    pub const fn of(outcome: T) -> Self {
        Self { outcome, records: Vec::new(), detail: None }
    }
}

impl Companion {
    fn delete(&self) -> RecordWrite {
        let kind = match self {
            Self::Image(_) => RecordKind::SessionImage,
            Self::Link(_) => RecordKind::QuickLink,
            Self::Template(_) => RecordKind::MonitoredTemplate,
        };
        RecordWrite::Delete { kind, id: self.id().to_owned() }
    }
}

impl Stored {
    /// Whether the account still keeps it: it may have shortened the life of sessions since.
    pub fn is_kept(&self, policy: &RetentionPolicy, now: Timestamp) -> bool {
        let life = Duration::from_secs(policy.seconds(RetentionClass::Session).into());
        self.session.created_at.plus(life) > now
    }
}

const fn form(with_verify: bool) -> &'static str {
    if with_verify { "verify" } else { "plain" }
}

fn record(stored: &Stored, expires_at: Timestamp) -> Result<NewRecord, StoreError> {
    let session = &stored.session;
    let bytes = stored.to_bytes().map_err(|problem| StoreError::Backend(Box::new(problem)))?;
    let record = NewRecord::new(KIND, session.id.to_string(), bytes).until(expires_at);
    Ok(record.tagged(FORM, form(session.request.verify.is_some())))
}

fn found(record: Record) -> Result<Found, StoreError> {
    let damaged = || StoreError::Damaged { what: "a liveness session".to_owned() };
    let stored = Stored::from_bytes(record.value.expose()).ok_or_else(damaged)?;
    let expires_at = record.expires_at.ok_or_else(damaged)?;
    Ok(Found { stored, version: record.version, expires_at })
}
