//! Keys that are unwrapped, and for how long they are trusted.
//!
//! Start at [`TrustedKeys::account`]. A provider that has disabled a key is obeyed within a bounded time: what was unwrapped is
//! trusted for that long, then asked for again. Nobody waits for a provider but those whose keys it holds, and they only
//! when the time is over: a while before, it is asked on the side.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{FutureExt, Shared, join_all};
use likeness_base::Randomness;
use tokio::time::Instant;
use uuid::Uuid;

use crate::account::{AccountKeys, DataKey};
use crate::installation::InstallationKey;
use crate::keyholder::{InstallationKeyOf, Keyholder};
use crate::provider::{ProviderError, Providers};

/// A provider that has just refused is not asked again for so long by those who do not wait.
const PAUSE: Duration = Duration::from_secs(1);

/// A data key of an account as it is kept.
#[derive(Clone, Debug)]
pub struct WrappedKey {
    /// Its number.
    pub key_id: u32,
    /// The name of the account's own provider; `None`: the installation key wraps it.
    pub provider: Option<String>,
    /// Wrapped.
    pub wrapped: Vec<u8>,
    /// What it must open.
    pub check_value: Option<Vec<u8>>,
}

/// Why the keys of an account cannot be used now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyProblem {
    /// The account's key was disabled here, by order.
    #[error("the account's key is disabled by order")]
    Ordered,
    /// The provider of the account's own key.
    #[error("{0}")]
    Account(ProviderError),
    /// The provider of the installation's key: all accounts are without theirs.
    #[error("of the installation: {0}")]
    Installation(ProviderError),
    /// They are asked for right now.
    #[error("the key is being asked for")]
    Asking,
    /// What is kept does not open.
    #[error("a data key of the account is damaged")]
    Damaged,
}

impl KeyProblem {
    /// Whether it may pass by itself.
    pub const fn may_pass(self) -> bool {
        match self {
            Self::Account(error) | Self::Installation(error) => error.may_pass(),
            Self::Asking => true,
            Self::Ordered | Self::Damaged => false,
        }
    }
}

/// How often a provider was asked for the keys of an account since that was last told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeyUse {
    /// Whom.
    pub provider: String,
    /// So often it gave them.
    pub given: u64,
    /// So often it did not.
    pub refused: u64,
    /// What it said last, if that was a refusal.
    pub problem: Option<KeyProblem>,
    /// Whether that is something else than before, or the first of this process.
    pub is_news: bool,
}

/// What waits for the same answer.
type Flight = Shared<Pin<Box<dyn Future<Output = Result<(), KeyProblem>> + Send>>>;

struct Entry {
    keys: Arc<AccountKeys>,
    asked: Instant,
}

#[derive(Default)]
struct State {
    entries: HashMap<Uuid, Entry>,
    flights: HashMap<Uuid, Flight>,
    refused: HashMap<Uuid, (Instant, KeyProblem)>,
    uses: HashMap<Uuid, KeyUse>,
    told: HashMap<Uuid, Option<KeyProblem>>,
    /// When the provider of the installation's key last gave it.
    installation_asked: Option<Instant>,
}

/// The installation key, and the accounts' data keys that are unwrapped.
pub struct TrustedKeys {
    installation: Arc<InstallationKey>,
    providers: Providers,
    /// Whether a provider holds the installation key; else it is trusted for ever.
    is_held: bool,
    trusted_for: Duration,
    state: Mutex<State>,
}

/// What is known of an account's keys without asking anybody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Known {
    /// They can be used.
    Fresh,
    /// They can be used, and it is time to ask again.
    Due,
    /// They must be asked for.
    Stale,
}

impl TrustedKeys {
    /// The installation key has just been given.
    pub fn new(holder: &Keyholder, found: &InstallationKeyOf) -> Self {
        let state = State { installation_asked: Some(Instant::now()), ..State::default() };
        Self {
            installation: found.key.clone(),
            providers: holder.providers.clone(),
            is_held: holder.is_asked_for(found),
            trusted_for: holder.trusted_for,
            state: Mutex::new(state),
        }
    }

    /// The installation key.
    pub fn installation(&self) -> &Arc<InstallationKey> {
        &self.installation
    }

    /// The providers.
    pub fn providers(&self) -> &Providers {
        &self.providers
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_since(&self, asked: Option<Instant>) -> Known {
        match asked.map(|asked| asked.elapsed()) {
            Some(age) if age < self.trusted_for * 2 / 3 => Known::Fresh,
            Some(age) if age < self.trusted_for => Known::Due,
            _ => Known::Stale,
        }
    }

    /// How it stands with the installation key.
    pub fn installation_known(&self) -> Known {
        if self.is_held { self.known_since(self.lock().installation_asked) } else { Known::Fresh }
    }

    /// How it stands with the keys of an account.
    pub fn known(&self, account: Uuid) -> Known {
        let state = self.lock();
        let asked = state.entries.get(&account).map(|entry| entry.asked);
        let own = self.known_since(asked);
        if !self.is_held {
            return own;
        }
        match (own, self.known_since(state.installation_asked)) {
            (Known::Stale, _) | (_, Known::Stale) => Known::Stale,
            (Known::Fresh, Known::Fresh) => Known::Fresh,
            _ => Known::Due,
        }
    }

    /// The keys of an account, where they can be used now.
    pub fn account(&self, account: Uuid) -> Option<Arc<AccountKeys>> {
        if self.installation_known() == Known::Stale {
            return None;
        }
        let state = self.lock();
        let entry = state.entries.get(&account)?;
        (self.known_since(Some(entry.asked)) != Known::Stale).then(|| Arc::clone(&entry.keys))
    }

    /// Why they cannot, as far as that is known.
    pub fn problem(&self, account: Uuid) -> KeyProblem {
        let is_stale = self.installation_known() == Known::Stale;
        let state = self.lock();
        let of_installation = || state.refused.get(&Uuid::nil()).filter(|_| is_stale);
        state.refused.get(&account).or_else(of_installation).map_or(KeyProblem::Asking, |(_, problem)| *problem)
    }

    /// Takes the keys of an account that the installation key alone wraps. `None`: a provider must be asked.
    ///
    /// # Errors
    /// [`KeyProblem::Damaged`], or that the installation key itself cannot be used.
    pub fn unwrap_here(&self, account: Uuid, rows: &[WrappedKey]) -> Result<Option<Arc<AccountKeys>>, KeyProblem> {
        if rows.iter().any(|row| row.provider.is_some()) {
            return Ok(None);
        }
        if self.installation_known() == Known::Stale {
            return Err(self.problem(account));
        }
        let asked = Instant::now();
        let unwrap = |row: &WrappedKey| self.installation.unwrap_data_key(account, row.key_id, &row.wrapped);
        let keys = rows.iter().map(unwrap).collect::<Option<Vec<_>>>().and_then(AccountKeys::of);
        let keys = Arc::new(keys.ok_or(KeyProblem::Damaged)?);
        let mut state = self.lock();
        state.refused.remove(&account);
        state.entries.insert(account, Entry { keys: Arc::clone(&keys), asked });
        Ok(Some(keys))
    }

    /// Asks the account's provider for its keys, once for all who want them. Who can go on with what is known is not kept
    /// waiting, and hears of no problem that may pass.
    ///
    /// # Errors
    /// [`KeyProblem`].
    pub async fn ask(self: &Arc<Self>, account: Uuid, rows: Vec<WrappedKey>, waits: bool) -> Result<(), KeyProblem> {
        let keys = Arc::clone(self);
        self.fly(account, waits, move || {
            Box::pin(async move {
                let asked = Instant::now();
                let unwrapped = join_all(rows.iter().map(|row| keys.unwrap(account, row))).await;
                let provider = rows.iter().find_map(|row| row.provider.clone()).unwrap_or_default();
                let unwrapped = unwrapped.into_iter().collect::<Result<Vec<_>, _>>();
                let unwrapped = unwrapped.and_then(|all| AccountKeys::of(all).ok_or(KeyProblem::Damaged));
                keys.settle(account, &provider, unwrapped.map(|keys| Some(Entry { keys: Arc::new(keys), asked })))
            })
        })
        .await
    }

    /// Asks the provider of the installation key for it again.
    ///
    /// # Errors
    /// [`KeyProblem::Installation`].
    pub async fn ask_for_installation(
        self: &Arc<Self>,
        provider: String,
        wrapped: Vec<u8>,
        waits: bool,
    ) -> Result<(), KeyProblem> {
        let keys = Arc::clone(self);
        self.fly(Uuid::nil(), waits, move || {
            Box::pin(async move {
                let asked = Instant::now();
                let given = async {
                    let given = InstallationKey::unwrap(&**keys.providers.get(&provider)?, &wrapped).await?;
                    if given.is(&keys.installation) { Ok(()) } else { Err(ProviderError::Lies) }
                };
                let given = given.await.map_err(KeyProblem::Installation);
                if given.is_ok() {
                    keys.lock().installation_asked = Some(asked);
                }
                keys.settle(Uuid::nil(), &provider, given.map(|()| None))
            })
        })
        .await
    }

    async fn fly(
        self: &Arc<Self>,
        about: Uuid,
        waits: bool,
        begin: impl FnOnce() -> Pin<Box<dyn Future<Output = Result<(), KeyProblem>> + Send>>,
    ) -> Result<(), KeyProblem> {
        let known = if about.is_nil() { self.installation_known() } else { self.known(about) };
        let is_needed = known == Known::Stale;
        let answer = match self.flight(about, waits && is_needed, begin) {
            Ok(flight) if waits && is_needed => flight.await,
            Ok(_) => Err(KeyProblem::Asking),
            Err(refused) => Err(refused),
        };
        match answer {
            Err(problem) if !is_needed && problem.may_pass() => Ok(()),
            answer => answer,
        }
    }

    /// The question that is being asked already, or a new one.
    fn flight(
        self: &Arc<Self>,
        about: Uuid,
        waits: bool,
        begin: impl FnOnce() -> Pin<Box<dyn Future<Output = Result<(), KeyProblem>> + Send>>,
    ) -> Result<Flight, KeyProblem> {
        let mut state = self.lock();
        if let Some(flight) = state.flights.get(&about) {
            return Ok(flight.clone());
        }
        let refused = state.refused.get(&about).filter(|(when, _)| when.elapsed() < PAUSE);
        if let (Some((_, problem)), false) = (refused, waits) {
            return Err(*problem);
        }
        let flight = begin().shared();
        state.flights.insert(about, flight.clone());
        // It goes on when nobody waits for it any more.
        tokio::spawn(flight.clone());
        Ok(flight)
    }

    async fn unwrap(&self, account: Uuid, row: &WrappedKey) -> Result<DataKey, KeyProblem> {
        let Some(name) = &row.provider else {
            let key = self.installation.unwrap_data_key(account, row.key_id, &row.wrapped);
            return key.ok_or(KeyProblem::Damaged);
        };
        let check_value = row.check_value.as_deref().unwrap_or_default();
        let unwrapped = async {
            DataKey::unwrap(&**self.providers.get(name)?, account, row.key_id, &row.wrapped, check_value).await
        };
        unwrapped.await.map_err(KeyProblem::Account)
    }

    fn settle(&self, about: Uuid, provider: &str, answer: Result<Option<Entry>, KeyProblem>) -> Result<(), KeyProblem> {
        let mut state = self.lock();
        state.flights.remove(&about);
        let problem = answer.as_ref().err().copied();
        let is_news = state.told.insert(about, problem) != Some(problem);
        let used = state.uses.entry(about).or_default();
        provider.clone_into(&mut used.provider);
        (used.problem, used.is_news) = (problem, used.is_news || is_news);
        match answer {
            Ok(entry) => {
                used.given += 1;
                state.refused.remove(&about);
                if let Some(entry) = entry {
                    state.entries.insert(about, entry);
                }
                Ok(())
            }
            Err(problem) => {
                used.refused += 1;
                state.refused.insert(about, (Instant::now(), problem));
                // One that does not answer may come back before the time is over; one that refuses is obeyed.
                if !problem.may_pass() {
                    state.entries.remove(&about);
                    if about.is_nil() {
                        state.installation_asked = None;
                    }
                }
                Err(problem)
            }
        }
    }

    /// A data key wrapped for a provider, or for the installation key: by the newest version of whoever holds it already, or
    /// anew by somebody else. `None`: nothing is to be done. Whatever is given was opened again.
    ///
    /// # Errors
    /// [`KeyProblem`], of the former or of the new provider.
    pub async fn wrap_for(
        &self,
        account: Uuid,
        row: &WrappedKey,
        provider: Option<&str>,
        randomness: &dyn Randomness,
    ) -> Result<Option<(WrappedKey, Option<u32>)>, KeyProblem> {
        let stays = row.provider.as_deref() == provider;
        let Some(name) = provider else {
            if stays {
                return Ok(None);
            }
            let wrapped = self.installation.wrap_data_key(randomness, &self.unwrap(account, row).await?);
            return Ok(Some((WrappedKey { key_id: row.key_id, provider: None, wrapped, check_value: None }, None)));
        };
        let anew = async {
            let holder = &**self.providers.get(name)?;
            let context = DataKey::context(account, row.key_id);
            let (wrapped, check_value) = if stays {
                let Some(wrapped) = holder.rewrap(&context, &row.wrapped).await? else { return Ok(None) };
                (wrapped, row.check_value.clone().unwrap_or_default())
            } else {
                let key = match self.unwrap(account, row).await {
                    Ok(key) => key,
                    Err(problem) => return Ok(Some(Err(problem))),
                };
                (key.wrap(holder).await?, key.check_value(randomness))
            };
            // A provider that wraps and cannot unwrap would shred the account.
            DataKey::unwrap(holder, account, row.key_id, &wrapped, &check_value).await?;
            let version = holder.version(&wrapped);
            let key_id = row.key_id;
            let row = WrappedKey { key_id, provider: Some(name.to_owned()), wrapped, check_value: Some(check_value) };
            Ok(Some(Ok((row, version))))
        };
        anew.await.map_err(KeyProblem::Account)?.transpose()
    }

    /// A new data key for an account, wrapped by whoever wraps its newest.
    ///
    /// # Errors
    /// [`KeyProblem`].
    pub async fn new_data_key(
        &self,
        account: Uuid,
        newest: &WrappedKey,
        randomness: &dyn Randomness,
    ) -> Result<(WrappedKey, Option<u32>), KeyProblem> {
        let key = DataKey::generate(randomness, account, newest.key_id + 1);
        let by_installation = WrappedKey {
            key_id: key.key_id(),
            provider: None,
            wrapped: self.installation.wrap_data_key(randomness, &key),
            check_value: None,
        };
        match self.wrap_for(account, &by_installation, newest.provider.as_deref(), randomness).await? {
            Some(wrapped) => Ok(wrapped),
            None => Ok((by_installation, None)),
        }
    }

    /// The installation key wrapped by a provider: by its newest version if it holds it already, else anew. `None`: nothing is
    /// to be done. Whatever is given was opened again.
    ///
    /// # Errors
    /// What the provider says.
    pub async fn wrap_installation_for(
        &self,
        name: &str,
        (former, wrapped): (&str, &[u8]),
    ) -> Result<Option<(Option<u32>, Vec<u8>)>, ProviderError> {
        let holder = &**self.providers.get(name)?;
        let wrapped = if former == name {
            let Some(wrapped) = InstallationKey::rewrap(holder, wrapped).await? else { return Ok(None) };
            wrapped
        } else {
            self.installation.wrap(holder).await?
        };
        let given = InstallationKey::unwrap(holder, &wrapped).await?;
        if !given.is(&self.installation) {
            return Err(ProviderError::Lies);
        }
        Ok(Some((holder.version(&wrapped), wrapped)))
    }

    /// The account's key was disabled here.
    pub fn disable(&self, account: Uuid) -> KeyProblem {
        let mut state = self.lock();
        state.entries.remove(&account);
        state.refused.insert(account, (Instant::now(), KeyProblem::Ordered));
        KeyProblem::Ordered
    }

    /// Forgets the keys of an account.
    pub fn forget(&self, account: Uuid) {
        let mut state = self.lock();
        state.entries.remove(&account);
        state.refused.remove(&account);
    }

    /// Forgets all keys whose time is over.
    pub fn forget_stale(&self) {
        let trusted_for = self.trusted_for;
        self.lock().entries.retain(|_, entry| entry.asked.elapsed() < trusted_for);
    }

    /// What was asked of providers since the last time, where there is news or it is time to tell of all.
    pub fn take_uses(&self, all: bool) -> Vec<(Uuid, KeyUse)> {
        self.lock().uses.extract_if(|_, used| all || used.is_news).collect()
    }
}

impl fmt::Debug for TrustedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TrustedKeys(..)")
    }
}
