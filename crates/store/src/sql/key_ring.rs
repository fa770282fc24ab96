//! The keys that a process has unwrapped, kept in memory because every query and command of an account needs them.
//!
//! Start at [`KeyRing::keys`]. This file knows where wrapped keys are stored; `keys` knows how they wrap and seal.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, RwLock};

use super::engine::Connection;
use super::read::Labels;
use likeness_base::{Randomness, Timestamp};

use crate::error::StoreError;
use crate::id::{AccountId, hour_of};
use crate::keys::{AccountKeys, ExpiryKeys, HourKey, InstallationKey, LinkKey};

/// The installation key and the accounts' data keys that have been unwrapped with it; beside them the accounts' labels,
/// which are cached for as long.
pub(crate) struct KeyRing {
    installation: Arc<InstallationKey>,
    randomness: Arc<dyn Randomness>,
    link: Arc<LinkKey>,
    expiry: ExpiryKeys,
    unwrapped: RwLock<HashMap<AccountId, Arc<AccountKeys>>>,
    labels: RwLock<HashMap<AccountId, Arc<Labels>>>,
}

impl KeyRing {
    pub(crate) fn new(installation: Arc<InstallationKey>, key_folder: &Path, randomness: Arc<dyn Randomness>) -> Self {
        Self {
            link: Arc::new(installation.link_key()),
            installation,
            randomness,
            expiry: ExpiryKeys::at(key_folder),
            unwrapped: RwLock::default(),
            labels: RwLock::default(),
        }
    }

    pub(crate) fn installation(&self) -> &InstallationKey {
        &self.installation
    }

    /// The key that links audit rows.
    pub(crate) fn link_key(&self) -> &Arc<LinkKey> {
        &self.link
    }

    pub(crate) fn randomness(&self) -> &dyn Randomness {
        &*self.randomness
    }

    /// The key to seal what expires then.
    pub(crate) fn hour_key(&self, expires_at_millis: i64) -> Result<HourKey, StoreError> {
        let hour = hour_of(Timestamp::from_millis(expires_at_millis));
        Ok(self.expiry.to_seal(hour, &self.installation, &*self.randomness)?)
    }

    /// The key to open what expires then; `None`: it was destroyed, and what it sealed does not exist any more.
    pub(crate) fn known_hour_key(&self, expires_at_millis: i64) -> Result<Option<HourKey>, StoreError> {
        Ok(self.expiry.to_open(hour_of(Timestamp::from_millis(expires_at_millis)), &self.installation)?)
    }

    /// Destroys the keys of hours that are over.
    pub(crate) fn destroy_hour_keys(&self, now: Timestamp) -> Result<u64, StoreError> {
        Ok(self.expiry.destroy(now)?)
    }

    /// Evicts the keys and labels of an account that is gone.
    pub(crate) fn evict(&self, account: AccountId) {
        self.unwrapped.write().expect("no holder of this lock panics").remove(&account);
        self.labels.write().expect("no holder of this lock panics").remove(&account);
    }

    /// The account's labels as they were last read.
    pub(crate) fn cached_labels(&self, account: AccountId) -> Arc<Labels> {
        self.labels.read().expect("no holder of this lock panics").get(&account).cloned().unwrap_or_default()
    }

    pub(crate) fn cache_labels(&self, account: AccountId, labels: Arc<Labels>) {
        self.labels.write().expect("no holder of this lock panics").insert(account, labels);
    }

    /// The keys of an account if they have been unwrapped already.
    pub(crate) fn known_keys(&self, account: AccountId) -> Option<Arc<AccountKeys>> {
        self.unwrapped.read().expect("no holder of this lock panics").get(&account).cloned()
    }

    /// The keys of an account, unwrapped on first use. The connection must not be inside a transaction that
    /// writes: keys of an account whose creation is then undone must not be cached.
    pub(crate) async fn keys(
        &self,
        connection: &mut Connection,
        account: AccountId,
    ) -> Result<Arc<AccountKeys>, StoreError> {
        if let Some(keys) = self.known_keys(account) {
            return Ok(keys);
        }
        let wrapped: Vec<(i64, Vec<u8>)> = sqlx::query_as("SELECT key_id, wrapped FROM data_key WHERE account_id = $1")
            .bind(account.0.as_bytes().as_slice())
            .fetch_all(connection)
            .await?;
        if wrapped.is_empty() {
            return Err(StoreError::AccountNotFound);
        }
        let damaged = || StoreError::Damaged { what: "a data key of an account".into() };
        let wrapped = wrapped
            .into_iter()
            .map(|(key_id, wrapped)| Ok((u32::try_from(key_id).map_err(|_| damaged())?, wrapped)))
            .collect::<Result<Vec<_>, StoreError>>()?;
        let keys = self.installation.unwrap_data_keys(account.0, &wrapped).ok_or_else(damaged)?;
        let keys = Arc::new(keys);
        self.unwrapped.write().expect("no holder of this lock panics").insert(account, Arc::clone(&keys));
        Ok(keys)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing(..)")
    }
}
