//! What operators and account managers do: accounts, keys, approvals, vendors, closing. The command line and the
//! management API both use it, so that each rule is in one place.
//!
//! Start at [`AccountService`]. Every change is a command of the ledger with a row in the audit log, and returns only when
//! no node acts any more on the old state ([`AccessCache::wait_until_everywhere`]).

pub mod audit;
pub mod keys;
pub mod lifecycle;
pub mod persons;
pub mod reports;
pub mod retention;
pub mod settings_change;
pub mod signing;
pub mod vendors;

use crate::access::{AccessCache, AccountState};
use crate::key_holders::KeyHolders;
use crate::ledger::Ledger;
use crate::randomness::random_id;
use likeness_base::{Clock, Randomness};
use likeness_rules::{ConfidenceDetail, ResourceId, RetentionProblem, SettingsProblem};
use likeness_store::keys::InstallationKey;
use likeness_store::{AccountId, Actor, Applied, AuditEvent, AuditWrite, Command, Store, StoreError, Write};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

/// Why something could not be done; the texts say what to do instead.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// There is no such account.
    #[error("there is no account {0}; `likeness accounts list` and GET /admin/v1/accounts name them")]
    NoAccount(String),
    /// There is no such provider of keys, or not for this account.
    #[error("there is no key provider {0} for this; keys.providers of the settings names those there are")]
    NoProvider(String),
    /// The name belongs to another.
    #[error("the resource id or the subdomain belongs to another account; choose another name")]
    NameInUse,
    /// A value cannot be used.
    #[error("{0}")]
    Invalid(String),
    /// A name that several have.
    #[error("several accounts are called {0}; use the resource id of the one you mean")]
    SeveralAccounts(String),
    /// Not for this account.
    #[error("{0}")]
    Refused(String),
    /// Not now.
    #[error("{0}")]
    State(&'static str),
    /// Others changed the same at the same time, again and again.
    #[error("the account was changed by another call at the same time; try again")]
    Conflict,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SettingsProblem> for AccountError {
    fn from(problem: SettingsProblem) -> Self {
        Self::Invalid(problem.to_string())
    }
}

impl From<RetentionProblem> for AccountError {
    fn from(problem: RetentionProblem) -> Self {
        Self::Invalid(problem.to_string())
    }
}

/// Who a change is attributed to, and to which request.
#[derive(Clone, Debug)]
pub struct Attribution {
    /// Who.
    pub actor: Actor,
    /// The request, for the audit log.
    pub request_id: Uuid,
}

impl Attribution {
    /// At the command line of the installation.
    pub fn of_operator() -> Self {
        Self { actor: Actor::Operator, request_id: Uuid::nil() }
    }

    /// By the program itself.
    pub fn of_system() -> Self {
        Self { actor: Actor::System, request_id: Uuid::nil() }
    }
}

/// Changes accounts, their keys and their settings.
#[derive(Clone)]
pub struct AccountService {
    /// For reading.
    pub store: Arc<dyn Store>,
    /// For writing.
    pub ledger: Arc<Ledger>,
    /// The access table, for reading accounts and for waiting.
    pub cache: Arc<AccessCache>,
    /// Makes digests of keys.
    pub installation: Arc<InstallationKey>,
    /// Who may hold the keys of accounts.
    pub holders: Arc<KeyHolders>,
    /// The one clock.
    pub clock: Arc<dyn Clock>,
    /// The one source of randomness.
    pub randomness: Arc<dyn Randomness>,
    /// Whether other processes may act on the same data.
    pub others: bool,
    /// The subnets that the settings of this installation name.
    pub subnets: Arc<BTreeSet<String>>,
    /// How much the answers of new accounts say.
    pub usual_confidence: ConfidenceDetail,
}

impl AccountService {
    /// Finds an account by its id, its resource id, its subdomain or its name, as long as no other is called the same.
    ///
    /// # Errors
    /// [`AccountError::NoAccount`], [`AccountError::SeveralAccounts`].
    pub fn find(&self, text: &str) -> Result<Arc<AccountState>, AccountError> {
        let table = self.cache.last_known();
        let by_id = Uuid::parse_str(text).ok().and_then(|id| table.account(AccountId(id)).cloned());
        let by_resource = || ResourceId::parse(text).and_then(|id| table.by_resource(&id).cloned());
        if let Some(account) = by_id.or_else(by_resource) {
            return Ok(account);
        }
        let is_meant = |state: &Arc<AccountState>| {
            let subdomain = state.account.names.subdomain.as_deref();
            state.settings.resource.name().eq_ignore_ascii_case(text)
                || subdomain.is_some_and(|subdomain| subdomain.eq_ignore_ascii_case(text))
        };
        let mut such = table.all().into_iter().filter(is_meant);
        let text: String = text.chars().take(200).collect();
        match (such.next(), such.next()) {
            (Some(account), None) => Ok(account),
            (None, _) => Err(AccountError::NoAccount(text)),
            (Some(_), Some(_)) => Err(AccountError::SeveralAccounts(text)),
        }
    }

    /// Applies a command about access and waits until every node follows it.
    async fn write_access(
        &self,
        account: AccountId,
        attribution: &Attribution,
        write: impl Into<Write>,
    ) -> Result<Applied, AccountError> {
        let applied = self.write(account, attribution, write).await?;
        self.cache.wait_until_everywhere(self.others).await?;
        Ok(applied)
    }

    /// Adds a row to an account's audit log about something that changed nothing.
    ///
    /// # Errors
    /// What the store says.
    pub async fn note(
        &self,
        account: AccountId,
        attribution: &Attribution,
        event: AuditEvent,
    ) -> Result<(), StoreError> {
        self.ledger.apply(self.command(account, attribution, AuditWrite::Event(event))).await.map(drop)
    }

    fn command(&self, account: AccountId, attribution: &Attribution, write: impl Into<Write>) -> Command {
        let (actor, request_id) = (attribution.actor.clone(), attribution.request_id);
        let (at, idempotency_key) = (self.clock.now(), random_id(&*self.randomness));
        Command { account, actor, at, request_id, idempotency_key, most_stored_bytes: None, write: write.into() }
    }

    async fn write(
        &self,
        account: AccountId,
        attribution: &Attribution,
        write: impl Into<Write>,
    ) -> Result<Applied, AccountError> {
        let applied = self.ledger.apply(self.command(account, attribution, write)).await;
        applied.map_err(|error| match error {
            StoreError::NameInUse => AccountError::NameInUse,
            StoreError::RecordChanged => AccountError::Conflict,
            other => AccountError::Store(other),
        })
    }
}
