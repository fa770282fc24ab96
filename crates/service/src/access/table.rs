//! The access table: every account with its settings, the digests of its keys, the tokens that were revoked, and the keys
//! that sign tokens; and the cache that keeps it current on this node.
//!
//! Start at [`AccessCache::trusted`]. No request queries the database for access. A job reads the changes a few times a
//! second; a table is trusted for [`TRUSTED_FOR`] and not longer: a node that cannot reach the database admits nobody.
//! A call that changes access returns only after the same time ([`AccessCache::wait_until_everywhere`]), so that no node
//! acts on the old state any more.

use arc_swap::ArcSwap;
use likeness_base::{Clock, Timestamp};
use likeness_rules::{Installation, KeySet, ResourceId, Settings, SigningKey, TrustedIssuer};
use likeness_store::keys::KeyProblem;
use likeness_store::{
    AccessChanges, Account, AccountAccess, AccountId, KeySlot, PageStart, Record, RecordKind, Store, StoreError,
};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use uuid::Uuid;

/// How long an access table is trusted after it was read.
pub(crate) const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// The name of an account's settings in the store.
pub const SETTINGS: &str = "settings";

/// An account in the access table.
#[derive(Debug)]
pub struct AccountState {
    /// What the store says of it.
    pub account: Account,
    /// What it is and who may do what in it.
    pub settings: Settings,
    /// The version of the settings.
    pub version: u64,
    /// Limited access tokens that it issued and revoked.
    pub revoked: HashSet<Uuid>,
    /// Why its settings could not be read: whoever holds its key does not give it. What stands here of them is empty, or what
    /// was read before.
    pub locked: Option<KeyProblem>,
}

impl AccountState {
    /// Whether it may be used at all.
    pub fn is_open(&self) -> bool {
        self.account.closed_at.is_none()
    }

    /// Its id.
    pub fn id(&self) -> AccountId {
        self.account.id
    }
}

/// The in-memory copy of all accounts, key digests, settings and revoked tokens. Immutable; replaced as a whole.
pub struct AccessTable {
    version: u64,
    accounts: HashMap<AccountId, Arc<AccountState>>,
    keys_of: HashMap<AccountId, Vec<(KeySlot, [u8; 32])>>,
    by_key: HashMap<[u8; 32], (AccountId, KeySlot)>,
    by_subdomain: HashMap<String, AccountId>,
    by_resource: HashMap<String, AccountId>,
    /// What operators decided for the whole installation, and its version.
    pub installation: Arc<(Installation, u64)>,
    /// The keys that sign tokens, newest first, and when each ends, if it does.
    signing: Vec<(Arc<SigningKey>, Option<Timestamp>)>,
    /// This installation as a trusted issuer.
    pub own: Arc<TrustedIssuer>,
}

impl AccessTable {
    /// The account and slot of a key, by its digest.
    pub fn owner_of_key(&self, digest: &[u8; 32]) -> Option<(AccountId, KeySlot)> {
        self.by_key.get(digest).copied()
    }

    /// The digests of an account's keys.
    pub(super) fn digests_of(&self, id: AccountId) -> Vec<[u8; 32]> {
        self.keys_of.get(&id).into_iter().flatten().map(|(_, digest)| *digest).collect()
    }

    /// One account, closed ones included.
    pub fn account(&self, id: AccountId) -> Option<&Arc<AccountState>> {
        self.accounts.get(&id)
    }

    /// The account of a subdomain.
    pub fn by_subdomain(&self, subdomain: &str) -> Option<&Arc<AccountState>> {
        self.accounts.get(self.by_subdomain.get(subdomain)?)
    }

    /// The account of a resource id.
    pub fn by_resource(&self, resource: &ResourceId) -> Option<&Arc<AccountState>> {
        self.accounts.get(self.by_resource.get(&resource.folded())?)
    }

    /// The keys that sign tokens, newest first.
    pub fn signing(&self) -> impl Iterator<Item = &Arc<SigningKey>> {
        self.signing.iter().map(|(key, _)| key)
    }

    /// Every account, oldest first.
    pub fn all(&self) -> Vec<Arc<AccountState>> {
        let mut all: Vec<_> = self.accounts.values().cloned().collect();
        all.sort_by_key(|state| (state.account.created_at, state.id()));
        all
    }

    /// The account, if there is only one.
    pub fn only_account(&self) -> Option<&Arc<AccountState>> {
        let mut open = self.accounts.values().filter(|state| state.is_open());
        open.next().filter(|_| open.next().is_none())
    }
}

/// Holds the current [`AccessTable`], refreshes it, and refuses it once it is too old.
pub struct AccessCache {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    current: ArcSwap<AccessTable>,
    refreshing: Mutex<()>,
    /// The name of this installation in its tokens.
    issuer: String,
    born: Instant,
    /// When the last successful read of the store began, in milliseconds after `born`; 0: never.
    checked: AtomicU64,
}

impl AccessCache {
    /// Reads everything once.
    ///
    /// # Errors
    /// What the store says.
    pub async fn load(store: Arc<dyn Store>, clock: Arc<dyn Clock>, issuer: String) -> Result<Self, StoreError> {
        let current = ArcSwap::from_pointee(AccessTable::empty(&issuer));
        let (born, checked, refreshing) = (Instant::now(), AtomicU64::new(0), Mutex::new(()));
        let cache = Self { store, clock, current, refreshing, issuer, born, checked };
        cache.refresh().await?;
        Ok(cache)
    }

    /// The current table, read again where it is too old to be trusted.
    ///
    /// # Errors
    /// When the store has not answered for too long.
    pub async fn trusted(&self) -> Result<Arc<AccessTable>, StoreError> {
        if !self.is_trusted() {
            let _turn = self.refreshing.lock().await;
            if !self.is_trusted() {
                self.read().await?;
            }
        }
        Ok(self.current.load_full())
    }

    /// The table that was read last, however old; not for decisions about access.
    pub fn last_known(&self) -> Arc<AccessTable> {
        self.current.load_full()
    }

    /// Reads what changed.
    ///
    /// # Errors
    /// What the store says.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let _turn = self.refreshing.lock().await;
        self.read().await
    }

    /// Returns when no node acts any more on the state before a change that has just been committed. `others`: there may
    /// be other processes on the same data.
    ///
    /// # Errors
    /// What the store says.
    pub async fn wait_until_everywhere(&self, others: bool) -> Result<(), StoreError> {
        let committed = Instant::now();
        self.refresh().await?;
        if others {
            tokio::time::sleep((TRUSTED_FOR + Duration::from_millis(50)).saturating_sub(committed.elapsed())).await;
        }
        Ok(())
    }

    fn is_trusted(&self) -> bool {
        let checked = self.checked.load(Ordering::Acquire);
        let age = self.born.elapsed().saturating_sub(Duration::from_millis(checked));
        checked > 0 && age < TRUSTED_FOR
    }

    async fn read(&self) -> Result<(), StoreError> {
        // Rounded up towards the past: never trusted longer than it may be.
        let begun = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        let known = self.current.load_full();
        let changes = self.store.access_since(known.version).await?;
        let now = self.clock.now();
        // A replaced key ends at its instant, not when something else happens to change.
        let has_ended = |(_, ends): &(Arc<SigningKey>, Option<Timestamp>)| ends.is_some_and(|ends| ends <= now);
        let unlocked = self.unlocked(&known).await;
        if changes.is_some() || !unlocked.is_empty() || known.signing.iter().any(has_ended) {
            let mut next = known.copy(&self.issuer);
            if let Some(changes) = changes {
                self.apply_changes(&mut next, changes, now).await?;
            }
            for account in unlocked {
                self.reload(&mut next, account, now).await?;
            }
            next.signing.retain(|key| !has_ended(key));
            next.own = Arc::new(own_issuer(&self.issuer, next.signing()));
            next.index();
            self.current.store(Arc::new(next));
        }
        self.checked.store(begun.max(1), Ordering::Release);
        Ok(())
    }

    /// Applies changes to the next table.
    async fn apply_changes(
        &self,
        next: &mut AccessTable,
        changes: AccessChanges,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        next.version = changes.version;
        let there: HashSet<AccountId> = changes.accounts.into_iter().collect();
        let gone: Vec<AccountId> = next.accounts.keys().filter(|id| !there.contains(id)).copied().collect();
        for id in gone {
            self.remove(next, id).await;
        }
        for AccountAccess { account, keys } in changes.changed {
            next.keys_of.insert(account.id, keys);
            // Whether its key may still be used is one of the things that change.
            self.store.evict_keys(account.id).await;
            self.reload(next, account, now).await?;
        }
        Ok(())
    }

    async fn reload(&self, next: &mut AccessTable, account: Account, now: Timestamp) -> Result<(), StoreError> {
        // Nobody waits here for whoever holds the key of one account.
        let loaded = match self.store.unlock(account.id, false).await {
            Ok(()) => self.load_account(next, account.clone(), now).await,
            Err(error) => Err(error),
        };
        match loaded {
            // Being destroyed: its settings cannot be read any more, and nobody may call.
            Err(StoreError::AccountNotFound) => self.remove(next, account.id).await,
            Err(StoreError::KeyUnavailable(problem)) if account.id != AccountId::INSTALLATION => {
                lock(next, account, problem);
            }
            other => return other,
        }
        Ok(())
    }

    /// Accounts that were locked, and are no more.
    async fn unlocked(&self, known: &AccessTable) -> Vec<Account> {
        let mut unlocked = Vec::new();
        for state in known.accounts.values().filter(|state| state.locked.is_some()) {
            if self.store.unlock(state.id(), false).await.is_ok() {
                unlocked.push(state.account.clone());
            }
        }
        unlocked
    }

    /// Has the keys of an account at hand, or says why not.
    ///
    /// # Errors
    /// [`StoreError::KeyUnavailable`] and what else the store says.
    pub async fn unlock(&self, account: AccountId) -> Result<(), StoreError> {
        self.store.unlock(account, true).await
    }

    async fn remove(&self, next: &mut AccessTable, id: AccountId) {
        next.accounts.remove(&id);
        next.keys_of.remove(&id);
        self.store.evict_keys(id).await;
    }

    /// Reads what the records of an account say.
    async fn load_account(&self, next: &mut AccessTable, account: Account, now: Timestamp) -> Result<(), StoreError> {
        let id = account.id;
        let settings = self.store.record(id, RecordKind::Settings, SETTINGS, now).await?;
        let damaged = |what: &str| StoreError::Damaged { what: what.to_owned() };
        if id == AccountId::INSTALLATION {
            let installation = match &settings {
                Some(record) => Installation::read(record.value.expose())
                    .map_err(|_| damaged("the settings of the installation"))?,
                None => Installation::default(),
            };
            next.installation = Arc::new((installation, settings.map_or(0, |record| record.version)));
            let mut keys = Vec::new();
            for record in self.all(id, RecordKind::SigningKey, now).await? {
                let key = SigningKey::from_bytes(record.value.expose());
                keys.push((Arc::new(key.ok_or_else(|| damaged("a signing key"))?), record.expires_at));
            }
            keys.sort_by_key(|(key, _)| std::cmp::Reverse(key.created_at()));
            next.signing = keys;
            return Ok(());
        }
        // An account without settings is not finished yet.
        let Some(settings) = settings else {
            next.accounts.remove(&id);
            return Ok(());
        };
        let read = Settings::read(settings.value.expose()).map_err(|_| damaged("the settings of an account"))?;
        let revoked = self.all(id, RecordKind::RevokedToken, now).await?;
        let revoked = revoked.iter().filter_map(|record| Uuid::parse_str(&record.id).ok()).collect();
        let state = AccountState { account, settings: read, version: settings.version, revoked, locked: None };
        next.accounts.insert(id, Arc::new(state));
        Ok(())
    }

    async fn all(&self, account: AccountId, kind: RecordKind, now: Timestamp) -> Result<Vec<Record>, StoreError> {
        self.store.records(account, kind, &PageStart::everything(), now).await
    }
}

/// Keeps an account in the table whose settings cannot be read: with those that were read before, or without any.
fn lock(next: &mut AccessTable, account: Account, problem: KeyProblem) {
    let known = next.accounts.get(&account.id);
    let settings = known.map(|state| state.settings.clone()).or_else(|| {
        let resource = ResourceId::parse(account.names.resource.as_deref()?)?;
        let mut settings = Settings::new(resource, "");
        settings.subdomain.clone_from(&account.names.subdomain);
        Some(settings)
    });
    // An account without a name is not finished yet.
    let Some(settings) = settings else { return };
    let revoked = known.map(|state| state.revoked.clone()).unwrap_or_default();
    let version = known.map_or(0, |state| state.version);
    let state = AccountState { account, settings, version, revoked, locked: Some(problem) };
    next.accounts.insert(state.id(), Arc::new(state));
}

/// This installation as a trusted issuer, with these keys.
fn own_issuer<'k>(issuer: &str, keys: impl Iterator<Item = &'k Arc<SigningKey>>) -> TrustedIssuer {
    let keys: Vec<&SigningKey> = keys.map(|key| &**key).collect();
    TrustedIssuer { issuer: issuer.to_owned(), keys: KeySet::of(&keys), flags: None, leeway_seconds: 1 }
}

impl AccessTable {
    /// A copy without the indexes, which are built anew ([`AccessTable::index`]).
    fn copy(&self, issuer: &str) -> Self {
        Self {
            version: self.version,
            accounts: self.accounts.clone(),
            keys_of: self.keys_of.clone(),
            installation: self.installation.clone(),
            signing: self.signing.clone(),
            ..Self::empty(issuer)
        }
    }

    fn empty(issuer: &str) -> Self {
        Self {
            // Greater than any: whatever the store says is news.
            version: u64::MAX,
            accounts: HashMap::new(),
            keys_of: HashMap::new(),
            by_key: HashMap::new(),
            by_subdomain: HashMap::new(),
            by_resource: HashMap::new(),
            installation: Arc::default(),
            signing: Vec::new(),
            own: Arc::new(own_issuer(issuer, std::iter::empty())),
        }
    }

    /// Builds the indexes. Keys of closed accounts are left out.
    fn index(&mut self) {
        for (&id, state) in &self.accounts {
            if let Some(subdomain) = &state.account.names.subdomain {
                self.by_subdomain.insert(subdomain.clone(), id);
            }
            if let Some(resource) = &state.account.names.resource {
                self.by_resource.insert(resource.clone(), id);
            }
        }
        for (&id, keys) in &self.keys_of {
            let is_open = id == AccountId::INSTALLATION || self.accounts.get(&id).is_some_and(|state| state.is_open());
            if is_open {
                self.by_key.extend(keys.iter().map(|&(slot, digest)| (digest, (id, slot))));
            }
        }
    }
}
