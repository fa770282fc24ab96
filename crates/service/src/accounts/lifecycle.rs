//! The life of accounts: made, changed, closed, reopened, destroyed.

use super::{AccountError, AccountService, Attribution};
use crate::access::{AccountState, new_key};
use crate::randomness::random_id;
use likeness_base::Secret;
use likeness_rules::{Approvals, Installation, ResourceId, Settings};
use likeness_store::{
    AccountId, AccountKey, AccountNames, AccountWrite, Actor, AuditEvent, KeySlot, NewAccount, StoreError, Write,
};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Longest grace between closing an account and destroying its key.
pub const LONGEST_GRACE_DAYS: u32 = 30;
/// How often a change is tried again after a concurrent change of the same account.
const ATTEMPTS: usize = 5;

/// What a new account is made from.
#[derive(Clone, Debug)]
pub struct AccountSpec {
    /// The last part of its resource id.
    pub name: String,
    /// The subscription in its resource id; none: that of the installation.
    pub subscription: Option<Uuid>,
    /// The resource group in its resource id.
    pub group: String,
    /// Its region.
    pub location: String,
    /// Its tier; none: that of the installation.
    pub tier: Option<String>,
    /// Its subdomain; none: its name, if that can be one and is free.
    pub subdomain: Option<String>,
    /// What it is approved for.
    pub approvals: Approvals,
    /// Whether it may issue limited access tokens.
    pub is_vendor: bool,
}

impl AccountSpec {
    /// An account of that name, like all others.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            subscription: None,
            group: "likeness".to_owned(),
            location: "local".to_owned(),
            tier: None,
            subdomain: None,
            approvals: Approvals::default(),
            is_vendor: false,
        }
    }
}

/// How settings name an account in the store.
fn names_of(settings: &Settings) -> AccountNames {
    AccountNames { resource: Some(settings.resource.folded()), subdomain: settings.subdomain.clone() }
}

impl AccountService {
    /// Makes an account with these two keys and gives its id.
    ///
    /// # Errors
    /// [`AccountError`] when the account cannot be made.
    pub async fn create(
        &self,
        attribution: &Attribution,
        spec: AccountSpec,
        keys: [Secret<String>; 2],
    ) -> Result<AccountId, AccountError> {
        let mut settings = self.settings_of(&spec)?;
        // A subdomain that was not requested is left out when another account has it.
        let table = self.cache.last_known();
        if spec.subdomain.is_none()
            && settings.subdomain.as_deref().is_some_and(|one| table.by_subdomain(one).is_some())
        {
            settings.subdomain = None;
        }
        let id = AccountId(random_id(&*self.randomness));
        let (names, keys) = (names_of(&settings), self.with_digests(keys));
        let account = NewAccount { names, settings: Some(settings.write().into()), keys };
        self.write_access(id, attribution, AccountWrite::Create(account)).await?;
        Ok(id)
    }

    fn settings_of(&self, spec: &AccountSpec) -> Result<Settings, AccountError> {
        let subscription = spec.subscription.unwrap_or_else(|| self.installation.subscription());
        let resource = ResourceId::new(subscription, &spec.group, &spec.name).ok_or_else(|| {
            AccountError::Invalid("the name must have 2 to 64 letters, digits or hyphens, and the resource group 1 to 90 letters, digits or ._()-".to_owned())
        })?;
        let mut settings = Settings::new(resource, &spec.location);
        settings.tier.clone_from(&spec.tier);
        settings.confidence = self.usual_confidence;
        settings.approvals.clone_from(&spec.approvals);
        settings.vendor.may_issue = spec.is_vendor;
        settings.subdomain = Some(spec.subdomain.clone().unwrap_or_else(|| spec.name.to_ascii_lowercase()));
        if spec.subdomain.is_none() && settings.check().is_err() {
            settings.subdomain = None;
        }
        settings.check()?;
        Ok(settings)
    }

    /// Gives settings to an account of a time when accounts had none: it keeps what it could do then.
    ///
    /// # Errors
    /// What the store says.
    pub async fn adopt(&self, id: AccountId, name: &str) -> Result<(), AccountError> {
        let spec = AccountSpec { approvals: Approvals::everything(), is_vendor: true, ..AccountSpec::named(name) };
        let settings = self.settings_of(&spec)?;
        let (names, settings) = (names_of(&settings), settings.write().into());
        let write = AccountWrite::Set { names, settings, expected: 0 };
        self.write_access(id, &Attribution::of_operator(), write).await?;
        Ok(())
    }

    /// Changes the settings of an account. `detail` says in the audit log what was changed.
    ///
    /// # Errors
    /// [`AccountError`] when the new settings cannot be.
    pub async fn change(
        &self,
        id: AccountId,
        attribution: &Attribution,
        detail: &serde_json::Value,
        change: impl Fn(&mut Settings) -> Result<(), AccountError>,
    ) -> Result<Arc<AccountState>, AccountError> {
        for _ in 0..ATTEMPTS {
            let table = self.cache.last_known();
            let state = table.account(id).ok_or_else(|| AccountError::NoAccount(id.to_string()))?;
            let mut settings = state.settings.clone();
            change(&mut settings)?;
            settings.check()?;
            if settings == state.settings {
                return Ok(state.clone());
            }
            let write = AccountWrite::Set {
                names: names_of(&settings),
                settings: settings.write().into(),
                expected: state.version,
            };
            let write = Write::WithDetail { detail: detail.to_string(), write: Box::new(write.into()) };
            match self.write_access(id, attribution, write).await {
                Err(AccountError::Conflict) => self.cache.refresh().await?,
                Err(other) => return Err(other),
                Ok(_) => return self.cache.last_known().account(id).cloned().ok_or(AccountError::Conflict),
            }
        }
        Err(AccountError::Conflict)
    }

    /// Changes what holds for the whole installation.
    ///
    /// # Errors
    /// [`AccountError`] when it cannot be.
    pub async fn change_installation(
        &self,
        attribution: &Attribution,
        detail: &serde_json::Value,
        change: impl Fn(&mut Installation),
    ) -> Result<(), AccountError> {
        for _ in 0..ATTEMPTS {
            let known = self.cache.last_known().installation.clone();
            let mut installation = known.0.clone();
            change(&mut installation);
            installation.check()?;
            if installation == known.0 {
                return Ok(());
            }
            let write = AccountWrite::Set {
                names: AccountNames::default(),
                settings: installation.write().into(),
                expected: known.1,
            };
            let write = Write::WithDetail { detail: detail.to_string(), write: Box::new(write.into()) };
            match self.write_access(AccountId::INSTALLATION, attribution, write).await {
                Err(AccountError::Conflict) => self.cache.refresh().await?,
                Err(other) => return Err(other),
                Ok(_) => return Ok(()),
            }
        }
        Err(AccountError::Conflict)
    }

    /// Both keys. The account's audit log records that they were listed.
    ///
    /// # Errors
    /// What the store says.
    pub async fn keys(&self, id: AccountId, attribution: &Attribution) -> Result<Vec<AccountKey>, AccountError> {
        self.note(id, attribution, AuditEvent::done("list_keys", None::<&str>)).await?;
        Ok(self.store.keys(id).await?)
    }

    /// Replaces one key; the old value is invalid on every node when this returns. Returns the new one.
    ///
    /// # Errors
    /// What the store says.
    pub async fn regenerate(
        &self,
        id: AccountId,
        attribution: &Attribution,
        slot: KeySlot,
    ) -> Result<Secret<String>, AccountError> {
        let value = new_key(&*self.randomness);
        let lookup = self.installation.lookup_digest(&value);
        let name = match slot {
            KeySlot::Key1 => "key1",
            KeySlot::Key2 => "key2",
        };
        let write = Box::new(AccountWrite::SetKey { slot, value: value.clone(), lookup }.into());
        let write = Write::WithDetail { detail: json!({ "key": name }).to_string(), write };
        self.write_access(id, attribution, write).await?;
        Ok(value)
    }

    /// Suspends an account at once and has it destroyed after so many days.
    ///
    /// # Errors
    /// When the grace is too long, or the store says so.
    pub async fn close(&self, id: AccountId, attribution: &Attribution, grace_days: u32) -> Result<(), AccountError> {
        if grace_days > LONGEST_GRACE_DAYS {
            return Err(AccountError::Invalid(format!("the grace period is at most {LONGEST_GRACE_DAYS} days")));
        }
        let grace = Duration::from_secs(u64::from(grace_days) * 86_400);
        let write = Box::new(AccountWrite::Close { ends_at: self.clock.now().plus(grace) }.into());
        let detail = json!({ "graceDays": grace_days }).to_string();
        self.write_access(id, attribution, Write::WithDetail { detail, write }).await?;
        if grace_days == 0 {
            self.destroy_due(id).await?;
        }
        Ok(())
    }

    /// Takes up an account again that was closed and whose grace is not over.
    ///
    /// # Errors
    /// When it is not closed, or the store says so.
    pub async fn reopen(&self, id: AccountId, attribution: &Attribution) -> Result<(), AccountError> {
        match self.write_access(id, attribution, AccountWrite::Reopen).await {
            Err(AccountError::Store(StoreError::AccountState)) => Err(AccountError::State("the account is not closed")),
            other => other.map(drop),
        }
    }

    /// Destroys a closed account whose time has come: first its key, then its records.
    ///
    /// # Errors
    /// What the store says.
    pub async fn destroy_due(&self, id: AccountId) -> Result<(), AccountError> {
        let resource = self.cache.last_known().account(id).map(|state| state.settings.resource.to_string());
        let attribution = Attribution { actor: Actor::System, request_id: Uuid::nil() };
        // The account's own audit log ends here; that of the installation records which account it was, and does so first: once
        // the account is gone nobody would come back to say it.
        let event = AuditEvent::done(super::audit::DESTROYED, Some(json!({ "account": id.0, "resource": resource })));
        self.note(AccountId::INSTALLATION, &attribution, event).await?;
        while self.write(id, &attribution, AccountWrite::Destroy { limit: 10_000 }).await?.more {
            self.store.evict_keys(id).await;
        }
        self.cache.refresh().await?;
        if let Err(error) = self.store.rewrite_key_table().await {
            tracing::warn!(%error, "The table of the accounts' keys could not be written anew at once; trying again within the hour");
        }
        Ok(())
    }

    fn with_digests(&self, keys: [Secret<String>; 2]) -> Vec<(KeySlot, Secret<String>, [u8; 32])> {
        let slots = [KeySlot::Key1, KeySlot::Key2].into_iter().zip(keys);
        slots
            .map(|(slot, key)| {
                let lookup = self.installation.lookup_digest(&key);
                (slot, key, lookup)
            })
            .collect()
    }

    /// Makes the account of the installation itself, whose keys are the operator's. `None`: it is there already.
    ///
    /// # Errors
    /// What the store says.
    pub async fn make_installation(&self, keys: [Secret<String>; 2]) -> Result<bool, AccountError> {
        if self.store.account(AccountId::INSTALLATION).await?.is_some() {
            return Ok(false);
        }
        let settings = Some(Installation::default().write().into());
        let account = NewAccount { names: AccountNames::default(), settings, keys: self.with_digests(keys) };
        self.write_access(AccountId::INSTALLATION, &Attribution::of_operator(), AccountWrite::Create(account)).await?;
        Ok(true)
    }
}
