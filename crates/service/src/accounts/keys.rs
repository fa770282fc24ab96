//! Who holds the keys above the accounts' data: moved, rotated, disabled, and what there is to tell of them.
//!
//! Start at [`AccountService::move_keys`]. Nothing here sees a key: providers and the store pass them between themselves.

use super::signing::FormerKeys;
use super::{AccountError, AccountService, Attribution};
use crate::access::AccountState;
use crate::limits::Tier;
use likeness_base::Timestamp;
use likeness_store::keys::KeyUse;
use likeness_store::{AccountId, AuditEvent, AuditOutcome, KeyStatus, KeyWrite, ResealAt, StoreError, Write};
use serde::Serialize;
use serde_json::json;

/// Who holds the key of an account, or of the installation, as it is shown.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyOverview {
    /// The account; none for the installation.
    pub account: Option<String>,
    /// The provider; `installation` where the installation key wraps the account's.
    pub provider: String,
    /// What kind of provider it is; none where it is not configured here.
    pub kind: Option<&'static str>,
    /// By which version of the provider's key.
    pub version: Option<u32>,
    /// `enabled`, `disabled` by order, or `unavailable`.
    pub state: &'static str,
    /// Why it cannot be used now.
    pub problem: Option<String>,
    /// How many data keys there are.
    pub data_keys: usize,
    /// When a provider last gave it.
    pub last_use: Option<String>,
    /// When a backup that holds the account was last made.
    pub last_backup: Option<String>,
}

/// What the provider of accounts without one of their own is called.
pub const INSTALLATION: &str = "installation";

/// How far a rotation has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rotated {
    /// The version with which everything is wrapped now.
    pub version: u32,
    /// Keys that were wrapped anew.
    pub wrapped: usize,
}

fn no_provider(name: &str) -> AccountError {
    AccountError::NoProvider(name.chars().take(64).collect())
}

impl AccountService {
    /// Who holds the key of an account, or of the installation.
    ///
    /// # Errors
    /// What the store says.
    pub async fn key_overview(&self, id: AccountId) -> Result<KeyOverview, AccountError> {
        let status: KeyStatus = self.store.key_status(id).await?;
        let name = |state: &AccountState| state.settings.resource.name().to_owned();
        let account = self.cache.last_known().account(id).map(|state| name(state));
        let moment = |at: Option<Timestamp>| at.map(|at| at.to_string());
        Ok(KeyOverview {
            account,
            kind: status.provider.as_deref().and_then(|name| Some(self.holders.get(name)?.kind.as_text())),
            provider: status.provider.unwrap_or_else(|| INSTALLATION.to_owned()),
            version: status.version,
            state: match (status.disabled_at, status.problem) {
                (Some(_), _) => "disabled",
                (None, Some(_)) => "unavailable",
                (None, None) => "enabled",
            },
            problem: status.problem.map(|problem| problem.to_string()),
            data_keys: status.data_keys,
            last_use: moment(status.used_at),
            last_backup: moment(status.backed_up_at),
        })
    }

    /// Gives an account's keys to a provider of its own, or back to the installation (`None`).
    ///
    /// # Errors
    /// [`AccountError::Refused`] when the tier or the operator does not let the account have it; what provider and store say.
    pub async fn move_keys(
        &self,
        state: &AccountState,
        tier: Tier,
        attribution: &Attribution,
        provider: Option<&str>,
    ) -> Result<(), AccountError> {
        let account = state.settings.resource.name();
        if let Some(name) = provider {
            if !matches!(tier, Tier::E0 | Tier::Unlimited) {
                return Err(AccountError::Refused(format!(
                    "a key of the account's own needs the tier E0 or unlimited; the account has {}",
                    tier.as_text()
                )));
            }
            let holder = self.holders.get(name).filter(|holder| holder.is_offered_to(account));
            holder.ok_or_else(|| no_provider(name))?;
        }
        let from = self.store.key_status(state.id()).await?.provider;
        self.wrap_anew(state.id(), attribution, provider, from.as_deref()).await?;
        if let Err(error) = self.store.rewrite_key_table().await {
            tracing::warn!(%error, "The table of the accounts' keys could not be written anew at once; trying again within the hour");
        }
        Ok(())
    }

    /// Wraps an account's keys, or the installation's, anew; gives how many.
    async fn wrap_anew(
        &self,
        id: AccountId,
        attribution: &Attribution,
        provider: Option<&str>,
        from: Option<&str>,
    ) -> Result<usize, AccountError> {
        let keys = self.store.rewrapped_keys(id, provider).await?;
        if keys.is_empty() {
            return Ok(0);
        }
        let named = |name: Option<&str>| name.unwrap_or(INSTALLATION).to_owned();
        let version = keys.last().and_then(|key| key.version);
        let detail = json!({ "from": named(from), "to": named(provider), "version": version }).to_string();
        let wrapped = keys.len();
        let write = Box::new(KeyWrite::Rewrap { keys }.into());
        self.write_access(id, attribution, Write::WithDetail { detail, write }).await?;
        self.store.evict_keys(id).await;
        Ok(wrapped)
    }

    /// Makes a new version of a provider's key (unless only what is behind is to be wrapped) and wraps everything with it that
    /// the provider wraps. Stopped, it goes on where it was when it is asked for again with `only_behind`. `progress` is told
    /// how many of how many accounts are done.
    ///
    /// # Errors
    /// What the provider and the store say; what was wrapped until then stays so.
    pub async fn rotate_keys(
        &self,
        provider: &str,
        attribution: &Attribution,
        only_behind: bool,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Rotated, AccountError> {
        let holder = self.holders.get(provider).ok_or_else(|| no_provider(provider))?;
        let refused = |error| AccountError::Store(StoreError::from(error));
        let version = match only_behind {
            true => holder.provider.describe().await.map_err(refused)?.version,
            false => {
                let version = holder.provider.rotate().await.map_err(refused)?;
                let event = AuditEvent::done("rotate_key", Some(json!({ "provider": provider, "version": version })));
                self.note(AccountId::INSTALLATION, attribution, event).await?;
                version
            }
        };
        let mut accounts = self.store.accounts_of_provider(provider).await?;
        if self.store.key_status(AccountId::INSTALLATION).await?.provider.as_deref() == Some(provider) {
            accounts.push(AccountId::INSTALLATION);
        }
        let mut wrapped = 0;
        for (done, account) in accounts.iter().enumerate() {
            progress(done, accounts.len());
            wrapped += self.wrap_anew(*account, attribution, Some(provider), Some(provider)).await?;
        }
        progress(accounts.len(), accounts.len());
        // The key that signs tokens is sealed there, too.
        let signs = self
            .cache
            .last_known()
            .signing()
            .next()
            .is_some_and(|key| key.holder().is_some_and(|(name, _)| name == provider));
        if signs && !only_behind {
            self.rotate_signing_key(attribution, FormerKeys::UseUp).await?;
        }
        Ok(Rotated { version, wrapped })
    }

    /// Gives the installation's key to another provider.
    ///
    /// # Errors
    /// What provider and store say.
    pub async fn move_installation_key(&self, provider: &str, attribution: &Attribution) -> Result<(), AccountError> {
        self.holders.get(provider).ok_or_else(|| no_provider(provider))?;
        let from = self.store.key_status(AccountId::INSTALLATION).await?.provider;
        self.wrap_anew(AccountId::INSTALLATION, attribution, Some(provider), from.as_deref()).await?;
        Ok(())
    }

    /// Makes a new data key for an account (unless only what is behind is to be done) and seals everything anew with it that lasts.
    /// What expires is left to expire. Stopped, it goes on when it is asked for again with `only_behind`. `progress` is told how
    /// many rows are done. Gives their number.
    ///
    /// # Errors
    /// What the store says; what was sealed anew until then stays so.
    pub async fn reseal(
        &self,
        id: AccountId,
        attribution: &Attribution,
        only_behind: bool,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<u64, AccountError> {
        if !only_behind {
            let keys = vec![self.store.new_data_key(id).await?];
            self.write_access(id, attribution, KeyWrite::Rewrap { keys }).await?;
            self.store.evict_keys(id).await;
        }
        let (mut after, mut rows) = (ResealAt::default(), 0);
        loop {
            let applied = self.write(id, attribution, KeyWrite::Reseal { after }).await?;
            rows += applied.removed;
            progress(rows);
            if !applied.more {
                return Ok(rows);
            }
            after = ResealAt::reached(&applied);
        }
    }

    /// Disables an account's key by order, or enables it again. No node uses it any more when this returns.
    ///
    /// # Errors
    /// What the store says.
    pub async fn set_keys_enabled(
        &self,
        id: AccountId,
        attribution: &Attribution,
        are_enabled: bool,
    ) -> Result<(), AccountError> {
        let write = if are_enabled { KeyWrite::Enable } else { KeyWrite::Disable };
        self.write_access(id, attribution, write).await?;
        self.store.evict_keys(id).await;
        // The state of the account is read anew.
        drop(self.store.unlock(id, true).await);
        Ok(self.cache.refresh().await?)
    }

    /// Tells the audit logs how often providers were asked for keys: at once where there is news, else with `all`.
    pub async fn tell_of_key_uses(&self, all: bool) {
        for (account, used) in self.store.trusted_keys().take_uses(all) {
            if let Err(error) = self.tell_of_key_use(AccountId(account), &used).await {
                tracing::debug!(%error, "The use of a key could not be recorded");
            }
        }
    }

    async fn tell_of_key_use(&self, account: AccountId, used: &KeyUse) -> Result<(), AccountError> {
        let problem = used.problem.map(|problem| problem.to_string());
        let detail =
            json!({ "provider": used.provider, "given": used.given, "refused": used.refused, "problem": problem });
        let attribution = Attribution::of_system();
        if used.given == 0 {
            let event = AuditEvent::of("use_key", AuditOutcome::Refused, Some(detail));
            return Ok(self.note(account, &attribution, event).await?);
        }
        let write = Box::new(KeyWrite::Used.into());
        self.write(account, &attribution, Write::WithDetail { detail: detail.to_string(), write }).await?;
        Ok(())
    }
}
