//! What this node knows about who may call: every account with its settings, the digests of its keys, the tokens that
//! were revoked, and the keys that sign tokens.
//!
//! Start at [`Directory::now`]. Nothing is asked of the database for a request. A job reads a few times a second what
//! changed; what was read is trusted for [`TRUSTED_FOR`] and not longer: a node that cannot reach the database lets
//! nobody in. Whoever changes something waits as long before it says "done" ([`Directory::settled`]), so that by then
//! no node acts on what was.

use arc_swap::ArcSwap;
use likeness_base::{Clock, Timestamp};
use likeness_rules::{Installation, KeySet, ResourceId, Settings, SigningKey, TrustedIssuer};
use likeness_store::{
    AccessChanges, Account, AccountAccess, AccountId, Document, DocumentKind, KeySlot, PageStart, Store, StoreError,
};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use uuid::Uuid;

/// How long what was read about access is acted on.
pub(crate) const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// The name of an account's settings in the store.
pub const SETTINGS: &str = "settings";

/// An account as the door knows it.
#[derive(Debug)]
pub struct AccountState {
    /// What the store says of it.
    pub account: Account,
    /// What it is and who may do what in it.
    pub settings: Settings,
    /// The version of the settings.
    pub version: u64,
    /// Tokens that it lent and took back.
    pub revoked: HashSet<Uuid>,
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

/// Everything at one moment.
pub struct Snapshot {
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
    /// Ourselves, as one whose tokens count.
    pub own: Arc<TrustedIssuer>,
}

impl Snapshot {
    /// Whose key that is.
    pub fn owner(&self, digest: &[u8; 32]) -> Option<(AccountId, KeySlot)> {
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
    pub fn at(&self, subdomain: &str) -> Option<&Arc<AccountState>> {
        self.accounts.get(self.by_subdomain.get(subdomain)?)
    }

    /// The account of a resource id.
    pub fn named(&self, resource: &ResourceId) -> Option<&Arc<AccountState>> {
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
    pub fn only(&self) -> Option<&Arc<AccountState>> {
        let mut open = self.accounts.values().filter(|state| state.is_open());
        open.next().filter(|_| open.next().is_none())
    }
}

/// The door-keeper's book.
pub struct Directory {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    current: ArcSwap<Snapshot>,
    refreshing: Mutex<()>,
    /// The name of this installation in its tokens.
    issuer: String,
    born: Instant,
    /// Milliseconds after birth when the last successful look at the store began; 0: never.
    checked: AtomicU64,
}

impl Directory {
    /// Reads everything once.
    ///
    /// # Errors
    /// What the store says.
    pub async fn load(store: Arc<dyn Store>, clock: Arc<dyn Clock>, issuer: String) -> Result<Self, StoreError> {
        let current = ArcSwap::from_pointee(Snapshot::empty(&issuer));
        let (born, checked, refreshing) = (Instant::now(), AtomicU64::new(0), Mutex::new(()));
        let directory = Self { store, clock, current, refreshing, issuer, born, checked };
        directory.refresh().await?;
        Ok(directory)
    }

    /// What is known, and trusted.
    ///
    /// # Errors
    /// When the store has not answered for too long.
    pub async fn now(&self) -> Result<Arc<Snapshot>, StoreError> {
        if !self.is_trusted() {
            let _turn = self.refreshing.lock().await;
            if !self.is_trusted() {
                self.read().await?;
            }
        }
        Ok(self.current.load_full())
    }

    /// What was known last; for what is no decision about access.
    pub fn last(&self) -> Arc<Snapshot> {
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

    /// Returns when no node acts any more on what was before a change that has just been committed. `others`: there may
    /// be other processes on the same data.
    ///
    /// # Errors
    /// What the store says.
    pub async fn settled(&self, others: bool) -> Result<(), StoreError> {
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
        if changes.is_some() || known.signing.iter().any(has_ended) {
            let mut next = known.copy(&self.issuer);
            if let Some(changes) = changes {
                self.take_over(&mut next, changes, now).await?;
            }
            next.signing.retain(|key| !has_ended(key));
            next.own = Arc::new(own_issuer(&self.issuer, next.signing()));
            next.index();
            self.current.store(Arc::new(next));
        }
        self.checked.store(begun.max(1), Ordering::Release);
        Ok(())
    }

    /// Puts what changed into the next snapshot.
    async fn take_over(&self, next: &mut Snapshot, changes: AccessChanges, now: Timestamp) -> Result<(), StoreError> {
        next.version = changes.version;
        let there: HashSet<AccountId> = changes.accounts.into_iter().collect();
        let gone: Vec<AccountId> = next.accounts.keys().filter(|id| !there.contains(id)).copied().collect();
        for id in gone {
            self.leave_out(next, id).await;
        }
        for AccountAccess { account, keys } in changes.changed {
            next.keys_of.insert(account.id, keys);
            match self.look_at(next, account.clone(), now).await {
                Ok(()) => {}
                // Being destroyed: its settings cannot be read any more, and nobody may call.
                Err(StoreError::AccountNotFound) => self.leave_out(next, account.id).await,
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    async fn leave_out(&self, next: &mut Snapshot, id: AccountId) {
        next.accounts.remove(&id);
        next.keys_of.remove(&id);
        self.store.forget(id).await;
    }

    /// Reads what the documents of an account say.
    async fn look_at(&self, next: &mut Snapshot, account: Account, now: Timestamp) -> Result<(), StoreError> {
        let id = account.id;
        let settings = self.store.document(id, DocumentKind::Settings, SETTINGS, now).await?;
        let damaged = |what: &str| StoreError::Damaged { what: what.to_owned() };
        if id == AccountId::INSTALLATION {
            let installation = match &settings {
                Some(document) => Installation::read(document.value.expose())
                    .map_err(|_| damaged("the settings of the installation"))?,
                None => Installation::default(),
            };
            next.installation = Arc::new((installation, settings.map_or(0, |document| document.version)));
            let mut keys = Vec::new();
            for document in self.all(id, DocumentKind::SigningKey, now).await? {
                let key = SigningKey::from_bytes(document.value.expose());
                keys.push((Arc::new(key.ok_or_else(|| damaged("a signing key"))?), document.expires_at));
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
        let revoked = self.all(id, DocumentKind::RevokedToken, now).await?;
        let revoked = revoked.iter().filter_map(|document| Uuid::parse_str(&document.name).ok()).collect();
        let state = AccountState { account, settings: read, version: settings.version, revoked };
        next.accounts.insert(id, Arc::new(state));
        Ok(())
    }

    async fn all(&self, account: AccountId, kind: DocumentKind, now: Timestamp) -> Result<Vec<Document>, StoreError> {
        self.store.documents(account, kind, &PageStart::everything(), now).await
    }
}

/// Ourselves, by the keys that there are.
fn own_issuer<'k>(issuer: &str, keys: impl Iterator<Item = &'k Arc<SigningKey>>) -> TrustedIssuer {
    let keys: Vec<&SigningKey> = keys.map(|key| &**key).collect();
    TrustedIssuer { issuer: issuer.to_owned(), keys: KeySet::of(&keys), flags: None, leeway_seconds: 1 }
}

impl Snapshot {
    /// The same without the ways to an account, which are made anew ([`Snapshot::index`]).
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

    /// The ways to an account. Keys of closed accounts are dead.
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
