//! The keys that a process has unwrapped, kept in memory because every query and command of an account needs them.
//!
//! Start at [`KeyRing::keys`]. This file knows where wrapped keys are stored; `keys` knows how they wrap and seal.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock, RwLock};
use std::time::Duration;

use super::engine::Connection;
use super::read::Labels;
use super::unlock;
use likeness_base::{Randomness, Timestamp};

use crate::answers::HourKeysHeld;
use crate::error::StoreError;
use crate::id::{AccountId, hour_of};
use crate::journal::{Entry, Journal};
use crate::keys::{AccountKeys, ExpiryKeys, HourKey, HoursWithKeys, InstallationKey, KeyProblem, LinkKey, TrustedKeys};

const HOUR_MILLIS: i64 = 3_600_000;

/// The installation key and the accounts' data keys that have been unwrapped; beside them the accounts' labels, which are
/// cached for as long.
pub(crate) struct KeyRing {
    trusted: Arc<TrustedKeys>,
    randomness: Arc<dyn Randomness>,
    link: Arc<LinkKey>,
    expiry: ExpiryKeys,
    labels: RwLock<HashMap<AccountId, Arc<Labels>>>,
    /// Where it is kept what a restore must not undo.
    journal: OnceLock<Arc<dyn Journal>>,
}

/// What is to be had of an account's keys.
pub(crate) enum Unlocked {
    /// They are at hand.
    Keys(Arc<AccountKeys>),
    /// There is no such account.
    NoAccount,
    /// They cannot be used now.
    Locked(KeyProblem),
}

impl KeyRing {
    pub(crate) fn new(trusted: TrustedKeys, key_folder: &Path, randomness: Arc<dyn Randomness>) -> Self {
        Self {
            link: Arc::new(trusted.installation().link_key()),
            trusted: Arc::new(trusted),
            randomness,
            expiry: ExpiryKeys::at(key_folder),
            labels: RwLock::default(),
            journal: OnceLock::new(),
        }
    }

    /// Keeps a journal from here on.
    pub(crate) fn keep_journal(&self, journal: Arc<dyn Journal>) {
        // The first stays: there is one.
        let _ = self.journal.set(journal);
    }

    /// Has entries on the disk before what they tell of is committed.
    pub(crate) async fn write_ahead(&self, entries: &[Entry]) -> Result<(), StoreError> {
        let Some(journal) = self.journal.get().filter(|_| !entries.is_empty()) else { return Ok(()) };
        let (journal, entries) = (Arc::clone(journal), entries.to_vec());
        on_disk(move || journal.append(&entries)).await
    }

    /// Takes entries back: what they tell of was not committed.
    pub(crate) async fn take_back(&self, entries: usize) {
        let Some(journal) = self.journal.get().cloned().filter(|_| entries > 0) else { return };
        // Where even that fails, a restore deletes what somebody wanted deleted.
        drop(on_disk(move || journal.void(entries)).await);
    }

    pub(crate) fn installation(&self) -> &Arc<InstallationKey> {
        self.trusted.installation()
    }

    pub(crate) fn trusted(&self) -> &Arc<TrustedKeys> {
        &self.trusted
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
        Ok(self.expiry.to_seal(hour, self.installation(), &*self.randomness)?)
    }

    /// The key to open what expires then; `None`: it was destroyed, and what it sealed does not exist any more.
    pub(crate) fn known_hour_key(&self, expires_at_millis: i64) -> Result<Option<HourKey>, StoreError> {
        Ok(self.expiry.to_open(hour_of(Timestamp::from_millis(expires_at_millis)), self.installation())?)
    }

    /// Destroys the keys of hours that are over.
    pub(crate) fn destroy_hour_keys(&self, now: Timestamp) -> Result<u64, StoreError> {
        Ok(self.expiry.destroy(now)?)
    }

    /// How it stands with the keys of hours.
    pub(crate) fn hour_keys_held(&self, now: Timestamp, patience: Duration) -> Result<HourKeysHeld, StoreError> {
        let HoursWithKeys { hours, last_destroyed } = self.expiry.present()?;
        let late = now.minus(patience);
        let end = |hour: i64| Timestamp::from_millis(hour.saturating_add(1).saturating_mul(HOUR_MILLIS));
        Ok(HourKeysHeld {
            keys: hours.len() as u64,
            overdue: hours.iter().filter(|hour| end(**hour) <= late).count() as u64,
            last_destroyed: last_destroyed.map(|(hour, at)| (end(hour), at)),
        })
    }

    /// Evicts the keys and labels of an account that is gone.
    pub(crate) fn evict(&self, account: AccountId) {
        self.trusted.forget(account.0);
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
        self.trusted.account(account.0)
    }

    /// The keys of an account, unwrapped on first use where the installation key alone wraps them; a provider of the account's
    /// own is asked before, by [`unlock`], while no connection is held. The connection must not be inside a transaction that
    /// writes: keys of an account whose creation is then undone must not be cached.
    pub(crate) async fn keys(
        &self,
        connection: &mut Connection,
        account: AccountId,
    ) -> Result<Arc<AccountKeys>, StoreError> {
        if let Some(keys) = self.known_keys(account) {
            return Ok(keys);
        }
        let rows = unlock::data_keys(connection, account).await?;
        let keys = match rows.is_disabled {
            true => Err(self.trusted.disable(account.0)),
            false => self.trusted.unwrap_here(account.0, &rows.keys),
        };
        keys?.ok_or_else(|| self.trusted.problem(account.0).into())
    }

    /// The same for a command, which may not need them.
    pub(crate) async fn unlocked(
        &self,
        connection: &mut Connection,
        account: AccountId,
    ) -> Result<Unlocked, StoreError> {
        match self.keys(connection, account).await {
            Ok(keys) => Ok(Unlocked::Keys(keys)),
            Err(StoreError::AccountNotFound) => Ok(Unlocked::NoAccount),
            Err(StoreError::KeyUnavailable(problem)) => Ok(Unlocked::Locked(problem)),
            Err(other) => Err(other),
        }
    }
}

/// Does something that waits for the disk, aside.
async fn on_disk(work: impl FnOnce() -> std::io::Result<()> + Send + 'static) -> Result<(), StoreError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Backend(Box::new(error)))?;
    done.map_err(|error| match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => StoreError::DiskFull,
        _ => StoreError::Backend(Box::new(error)),
    })
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing(..)")
    }
}
