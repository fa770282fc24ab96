//! From what is stored of keys to keys that can be used: the installation key when the store is opened, data keys of accounts
//! before each query and command.
//!
//! Start at [`EngineStore::ready`]. Whoever holds a key is asked while no connection is held, so that one who does not answer
//! keeps nobody else waiting.

use super::engine::{Attempts, Connection, EngineStore};
use super::key_ring::KeyRing;
use super::read::{damaged, key, uuid};
use crate::answers::{KeyStatus, RewrappedKey};
use crate::error::StoreError;
use crate::id::AccountId;
use crate::keys::provider::ProviderError;
use crate::keys::{InstallationKeyOf, KeyProblem, Keyholder, Known, SecretRow, WrappedKey};
use likeness_base::{Randomness, Timestamp};

/// The schema from which on a provider wraps the installation key.
const WITH_PROVIDERS: i64 = 8;

/// Data keys of an account.
pub(crate) struct DataKeys {
    pub(crate) is_disabled: bool,
    pub(crate) keys: Vec<WrappedKey>,
}

/// Check value, name of the provider, wrapped key.
type InstallationRow = (Vec<u8>, Option<String>, Option<Vec<u8>>);

/// The installation key of data of some schema. `None`: the data is new, and belongs to no key yet.
pub(crate) async fn find_key(
    connection: &mut Connection,
    holder: &Keyholder,
    schema: i64,
) -> Result<Option<InstallationKeyOf>, StoreError> {
    if schema == 0 {
        return Ok(None);
    }
    let row: Option<InstallationRow> = sqlx::query_as(if schema < WITH_PROVIDERS {
        "SELECT check_value, CAST(NULL AS TEXT), NULL FROM installation"
    } else {
        "SELECT check_value, provider, wrapped FROM installation"
    })
    .fetch_optional(&mut *connection)
    .await?;
    let Some((check_value, provider, wrapped)) = row else {
        // Stopped between migration and key check. With accounts in it, somebody took the row away.
        let accounts: i64 = sqlx::query_scalar("SELECT count(*) FROM account").fetch_one(connection).await?;
        return if accounts == 0 { Ok(None) } else { Err(damaged("no key check value")) };
    };
    match holder.find(&SecretRow { check_value, wrapped: provider.zip(wrapped) }).await {
        Ok(Some(found)) => Ok(Some(found)),
        Ok(None) | Err(ProviderError::DoesNotOpen) => Err(StoreError::WrongKey),
        Err(error) => Err(error.into()),
    }
}

/// Keeps the key of data that is new, or was made before there were providers.
pub(crate) async fn keep_key(
    connection: &mut Connection,
    holder: &Keyholder,
    found: Option<InstallationKeyOf>,
    randomness: &dyn Randomness,
) -> Result<InstallationKeyOf, StoreError> {
    let is_new = found.is_none();
    let mut found = found.unwrap_or_else(|| holder.found(randomness));
    let kept = holder.wrap(&mut found).await?;
    if is_new {
        sqlx::query("INSERT INTO installation (only_row, check_value) VALUES (1, $1)")
            .bind(found.key.check_value(randomness))
            .execute(&mut *connection)
            .await?;
    }
    if let Some((provider, version, wrapped)) = kept {
        sqlx::query("UPDATE installation SET provider = $1, provider_version = $2, wrapped = $3")
            .bind(provider)
            .bind(i64::from(version))
            .bind(wrapped)
            .execute(connection)
            .await?;
    }
    Ok(found)
}

type KeyRow = (i64, Option<String>, Vec<u8>, Option<Vec<u8>>, Option<i64>);

/// The data keys of an account. Fails with `AccountNotFound`.
pub(crate) async fn data_keys(connection: &mut Connection, account: AccountId) -> Result<DataKeys, StoreError> {
    let rows: Vec<KeyRow> = sqlx::query_as(
        "SELECT key_id, provider, wrapped, check_value,
                (SELECT key_disabled_at FROM account a WHERE a.account_id = data_key.account_id)
         FROM data_key WHERE account_id = $1 ORDER BY key_id",
    )
    .bind(key(&account))
    .fetch_all(connection)
    .await?;
    if rows.is_empty() {
        return Err(StoreError::AccountNotFound);
    }
    let is_disabled = rows.iter().any(|row| row.4.is_some());
    let keys = rows.into_iter().map(|(key_id, provider, wrapped, check_value, _)| {
        let key_id = u32::try_from(key_id).map_err(|_| damaged("a data key of an account"))?;
        Ok(WrappedKey { key_id, provider, wrapped, check_value })
    });
    Ok(DataKeys { is_disabled, keys: keys.collect::<Result<_, StoreError>>()? })
}

type StatusRow = (Option<i64>, Option<i64>, Option<i64>);
type VersionRow = (i64, Option<String>, Option<i64>);

/// What there is to tell of an account's keys, or of the installation's.
pub(crate) async fn status(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
) -> Result<KeyStatus, StoreError> {
    let row: Option<StatusRow> =
        sqlx::query_as("SELECT key_disabled_at, key_used_at, backed_up_at FROM account WHERE account_id = $1")
            .bind(key(&account))
            .fetch_optional(&mut *connection)
            .await?;
    let (disabled_at, used_at, backed_up_at) = row.ok_or(StoreError::AccountNotFound)?;
    let of_all: VersionRow =
        sqlx::query_as("SELECT coalesce(backed_up_at, 0), provider, provider_version FROM installation")
            .fetch_one(&mut *connection)
            .await?;
    let backed_up_at = backed_up_at.max(Some(of_all.0).filter(|at| *at > 0));
    let keys: Vec<VersionRow> = if account == AccountId::INSTALLATION {
        vec![(0, of_all.1, of_all.2)]
    } else {
        sqlx::query_as("SELECT key_id, provider, provider_version FROM data_key WHERE account_id = $1 ORDER BY key_id")
            .bind(key(&account))
            .fetch_all(connection)
            .await?
    };
    let newest = keys.last().ok_or(StoreError::AccountNotFound)?;
    let trusted = key_ring.trusted();
    let problem = match trusted.problem(account.0) {
        KeyProblem::Asking => None,
        problem => Some(problem),
    };
    Ok(KeyStatus {
        provider: newest.1.clone(),
        version: newest.2.and_then(|version| u32::try_from(version).ok()),
        data_keys: keys.len(),
        disabled_at: disabled_at.map(Timestamp::from_millis),
        used_at: used_at.map(Timestamp::from_millis),
        backed_up_at: backed_up_at.map(Timestamp::from_millis),
        problem: if disabled_at.is_some() { Some(KeyProblem::Ordered) } else { problem },
    })
}

/// Accounts with data keys of a provider, in order of their ids.
pub(crate) async fn accounts_of(connection: &mut Connection, provider: &str) -> Result<Vec<AccountId>, StoreError> {
    let ids: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT DISTINCT account_id FROM data_key WHERE provider = $1 ORDER BY account_id")
            .bind(provider)
            .fetch_all(connection)
            .await?;
    ids.iter().map(|id| Ok(AccountId(uuid(id)?))).collect()
}

/// The name of the provider that wraps the installation key, and the wrapped key.
pub(crate) async fn secret(connection: &mut Connection) -> Result<(Option<String>, Option<Vec<u8>>), StoreError> {
    Ok(sqlx::query_as("SELECT provider, wrapped FROM installation").fetch_one(connection).await?)
}

/// Runs one query that needs no keys.
macro_rules! bare_query {
    ($store:ident, $account:expr, $connection:ident => $query:expr) => {{
        let mut attempts = Attempts::new();
        loop {
            let mut pooled = $store.connection($account).await?;
            let $connection: &mut Connection = &mut pooled;
            let answer = $store.in_time($query).await;
            let answer = pooled.done(answer).await;
            if !attempts.should_retry(&answer) {
                break answer;
            }
        }
    }};
}
pub(crate) use bare_query;

impl EngineStore {
    /// Has the keys of an account at hand, if that can be. Whatever needs them says itself why it cannot.
    pub(crate) async fn ready(&self, account: AccountId) {
        drop(self.unlock_keys(account, true).await);
    }

    /// Has the keys of an account at hand. Who does not wait is told at once that they must be asked for.
    pub(crate) async fn unlock_keys(&self, account: AccountId, waits: bool) -> Result<(), StoreError> {
        let trusted = self.key_ring.trusted();
        if trusted.known(account.0) == Known::Fresh {
            return Ok(());
        }
        self.confirm_installation(waits).await?;
        let rows = bare_query!(self, account, connection => data_keys(connection, account))?;
        if rows.is_disabled {
            return Err(trusted.disable(account.0).into());
        }
        if trusted.unwrap_here(account.0, &rows.keys)?.is_some() {
            return Ok(());
        }
        Ok(trusted.ask(account.0, rows.keys, waits).await?)
    }

    async fn confirm_installation(&self, waits: bool) -> Result<(), StoreError> {
        let trusted = self.key_ring.trusted();
        if trusted.installation_known() == Known::Fresh {
            return Ok(());
        }
        let (provider, wrapped) = bare_query!(self, AccountId::INSTALLATION, connection => secret(connection))?;
        let (Some(provider), Some(wrapped)) = (provider, wrapped) else {
            return Err(damaged("the wrapped installation key"));
        };
        Ok(trusted.ask_for_installation(provider, wrapped, waits).await?)
    }

    /// The data keys of an account as another provider wraps them, or the newest version of the same.
    pub(crate) async fn rewrap(
        &self,
        account: AccountId,
        provider: Option<&str>,
    ) -> Result<Vec<RewrappedKey>, StoreError> {
        let trusted = self.key_ring.trusted();
        let randomness = self.key_ring.randomness();
        let mut wrapped = Vec::new();
        if account == AccountId::INSTALLATION {
            let (former, bytes) = bare_query!(self, account, connection => secret(connection))?;
            let (Some(former), Some(bytes), Some(name)) = (former, bytes, provider) else {
                return Err(StoreError::Inconsistent("a provider holds the installation key"));
            };
            if let Some((version, anew)) = trusted.wrap_installation_for(name, (&former, &bytes)).await? {
                let provider = Some(name.to_owned());
                let key = WrappedKey { key_id: 0, provider, wrapped: anew, check_value: None };
                wrapped.push(RewrappedKey { key, version, former: Some(bytes) });
            }
            return Ok(wrapped);
        }
        let rows = bare_query!(self, account, connection => data_keys(connection, account))?;
        for row in rows.keys {
            if let Some((key, version)) = trusted.wrap_for(account.0, &row, provider, randomness).await? {
                wrapped.push(RewrappedKey { key, version, former: Some(row.wrapped) });
            }
        }
        Ok(wrapped)
    }
}
