//! Who may call, and from where.
//!
//! Start at [`Access::admit`]. An account is opened by one of its two keys, by a token that was issued for a key, or by
//! somebody for whom an identity provider vouches and who has a role in it. Nothing is asked of the database for that:
//! see [`directory`]. Keys are sealed in the store, so that they can be listed again, and found through a keyed digest,
//! so that neither the look-up nor its timing says anything about a key.
//!
//! What an account may do beyond (limited access) is in [`limited`]; who has what role is decided by
//! `likeness_rules`.

mod bearer;
mod table;
mod guesses;
mod issuer_keys;
mod limited;
mod token_cache;
mod management_caller;

pub use table::{AccountState, Directory, SETTINGS, Snapshot};
pub use limited::{Lent, NotLent};
pub use management_caller::{Need, Standing};

use crate::config::AccessConfig;
use crate::fetch::Fetcher;
use bearer::Bearer;
use guesses::Guard;
use ipnet::IpNet;
use issuer_keys::{IssuerKeys, Source};
use likeness_base::{Randomness, Secret, random_bytes};
use likeness_rules::{FeatureFlag, Identity, IssuedTokenClaims, LimitedAccessClaims, LimitedAttribute, Role};
use likeness_store::keys::InstallationKey;
use likeness_store::{AccountId, Actor, KeySlot, StoreError};
use token_cache::Remembered;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// Longest key that is looked at; longer ones cannot be ours.
const MOST_KEY_BYTES: usize = 256;

/// From where a call comes, and which account its address names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The subdomain of an account that host or path name.
    pub subdomain: Option<String>,
    /// Who asks, behind the proxies that the settings trust.
    pub client: IpAddr,
}

/// What somebody shows at the door.
#[derive(Clone, Default)]
pub struct Shown {
    /// A key.
    pub key: Option<Secret<String>>,
    /// The header `Authorization`.
    pub authorization: Option<Secret<String>>,
    /// The header `LimitedAccessToken`, by which a vendor lends what the account itself lacks.
    pub limited_access_token: Option<Secret<String>>,
}

/// Somebody who was let in.
#[derive(Clone)]
pub struct Caller {
    /// Whose data they may touch.
    pub state: Arc<AccountState>,
    /// Their name in the audit trail.
    pub actor: Actor,
    /// What they may do.
    pub rights: Rights,
    /// The digest of the key they showed.
    pub key: Option<[u8; 32]>,
}

impl Caller {
    /// The account whose data they may touch.
    pub fn account(&self) -> AccountId {
        self.state.id()
    }
}

/// What somebody may do in an account.
#[derive(Clone, Debug)]
pub enum Rights {
    /// All data actions: they showed a key.
    Everything,
    /// What their roles say.
    Roles(BTreeSet<Role>),
}

impl Rights {
    /// Whether a data action such as `detect/action` is among them. Its name is only asked for where it matters.
    ///
    /// # Errors
    /// The name of the action that is missing.
    pub fn include<A: AsRef<str>>(&self, action: impl FnOnce() -> A) -> Result<(), A> {
        let Self::Roles(roles) = self else { return Ok(()) };
        let action = action();
        if roles.iter().any(|role| role.may(action.as_ref())) { Ok(()) } else { Err(action) }
    }
}

/// Why somebody was not let in.
#[derive(Debug)]
pub enum Denied {
    /// No key, or none that opens this account.
    Key,
    /// A bearer token that does not count, or for no account; the text is for the log and says nothing of the token.
    Bearer(String),
    /// The account takes no keys.
    KeysDisabled,
    /// The account is not open to this address.
    Network,
    /// Too many wrong keys; come back after so many seconds.
    Throttled(u32),
    /// Nobody can be asked at the moment.
    Unavailable,
    /// Our fault.
    Internal(String),
}

impl From<StoreError> for Denied {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy | StoreError::Unreachable => Self::Unavailable,
            other => Self::Internal(other.to_string()),
        }
    }
}

/// An identity provider.
struct Provider {
    issuer: String,
    audiences: Vec<String>,
    leeway_seconds: u64,
    keys: IssuerKeys,
}

/// Another installation whose limited access tokens count here.
struct Foreign {
    issuer: String,
    flags: BTreeSet<FeatureFlag>,
    attributes: BTreeSet<LimitedAttribute>,
    leeway_seconds: u64,
    keys: IssuerKeys,
}

/// The door-keeper.
pub struct Access {
    /// What is known.
    pub directory: Arc<Directory>,
    installation: Arc<InstallationKey>,
    guard: Guard,
    subnets: BTreeMap<String, Vec<IpNet>>,
    providers: Vec<Provider>,
    foreign: Vec<Foreign>,
    people: Remembered<Arc<Identity>>,
    sessions: Remembered<Arc<IssuedTokenClaims>>,
    limited: Remembered<(Arc<LimitedAccessClaims>, Option<String>)>,
}

impl Access {
    /// A door-keeper with a book. `fetcher` fetches what operators name, in private networks too.
    pub fn new(
        directory: Arc<Directory>,
        installation: Arc<InstallationKey>,
        config: &AccessConfig,
        fetcher: &Fetcher,
    ) -> Self {
        let providers = config.oidc.iter().map(|provider| {
            let source = match &provider.jwks {
                Some(address) => Source::Address(address.clone()),
                None => Source::Discovery(provider.issuer.clone()),
            };
            Provider {
                issuer: provider.issuer.clone(),
                audiences: provider.audiences.clone(),
                leeway_seconds: provider.leeway_seconds,
                keys: IssuerKeys::new(provider.issuer.clone(), source, fetcher.clone()),
            }
        });
        let foreign = config.trusted_issuers.iter().map(|foreign| Foreign {
            issuer: foreign.issuer.clone(),
            flags: foreign.flags.iter().copied().collect(),
            attributes: foreign.attributes.iter().copied().collect(),
            leeway_seconds: foreign.leeway_seconds,
            keys: IssuerKeys::new(foreign.issuer.clone(), Source::Address(foreign.jwks.clone()), fetcher.clone()),
        });
        Self {
            directory,
            installation,
            guard: Guard::new(),
            subnets: config.subnets.clone(),
            providers: providers.collect(),
            foreign: foreign.collect(),
            people: Remembered::new(),
            sessions: Remembered::new(),
            limited: Remembered::new(),
        }
    }

    /// Lets somebody into an account, or says why not. The account's network rules come first, then who it is.
    ///
    /// # Errors
    /// [`Denied`], see its variants.
    pub async fn admit(&self, origin: &Origin, shown: &Shown, now: i64) -> Result<Caller, Denied> {
        let book = self.directory.now().await?;
        let named = match &origin.subdomain {
            Some(subdomain) => Some(book.at(subdomain).filter(|state| state.is_open()).ok_or(Denied::Key)?),
            None => None,
        };
        if let Some(state) = named {
            self.check_network(state, origin.client)?;
        }
        let caller = match shown {
            Shown { key: Some(key), .. } => self.by_key(&book, key, origin.client)?,
            Shown { authorization: Some(header), .. } => {
                match self.by_token(&book, header, origin.client, now).await? {
                    Bearer::Issued(state) => {
                        Caller { state, actor: Actor::IssuedToken, rights: Rights::Everything, key: None }
                    }
                    Bearer::Identity(person) => {
                        // Without an address of its own an account is meant only where there is no other.
                        let state = named
                            .or_else(|| book.only())
                            .ok_or_else(|| Denied::Bearer("the address names none of several accounts".to_owned()))?;
                        bearer::person_in(state, &book, &person)
                    }
                }
            }
            Shown { key: None, authorization: None, .. } => return Err(Denied::Key),
        };
        if named.is_some_and(|state| state.id() != caller.account()) {
            let other = || Denied::Bearer("it is for another account".to_owned());
            return Err(if caller.key.is_some() { Denied::Key } else { other() });
        }
        if named.is_none() {
            self.check_network(&caller.state, origin.client)?;
        }
        let by_key = matches!(caller.rights, Rights::Everything);
        if by_key && !caller.state.settings.local_auth {
            return Err(Denied::KeysDisabled);
        }
        Ok(caller)
    }

    fn by_key(&self, book: &Snapshot, key: &Secret<String>, client: IpAddr) -> Result<Caller, Denied> {
        let (account, slot, digest) = self.owner(book, key, client)?;
        let state = book.account(account).ok_or(Denied::Key)?.clone();
        let actor = match slot {
            KeySlot::Key1 => Actor::Key1,
            KeySlot::Key2 => Actor::Key2,
        };
        Ok(Caller { state, actor, rights: Rights::Everything, key: Some(digest) })
    }

    /// Whose token the header shows; wrong ones are counted.
    async fn by_token(
        &self,
        book: &Snapshot,
        header: &Secret<String>,
        client: IpAddr,
        now: i64,
    ) -> Result<Bearer, Denied> {
        let token = limited::bearer(header.expose());
        let token = token.ok_or_else(|| Denied::Bearer("the header is not of the form Bearer".to_owned()))?;
        let digest = token_cache::digest_of(token);
        self.guard.listen(client, &digest).map_err(Denied::Throttled)?;
        let found = self.bearer(book, token, now).await;
        match &found {
            Ok(_) => self.guard.succeeded(client, &digest),
            Err(Denied::Bearer(_)) => self.guard.failed(client),
            Err(_) => {}
        }
        found
    }

    /// Whose key that is; wrong ones are counted.
    fn owner(
        &self,
        book: &Snapshot,
        key: &Secret<String>,
        client: IpAddr,
    ) -> Result<(AccountId, KeySlot, [u8; 32]), Denied> {
        if key.expose().is_empty() || key.expose().len() > MOST_KEY_BYTES {
            return Err(Denied::Key);
        }
        let digest = self.installation.lookup_digest(key);
        self.guard.listen(client, &digest).map_err(Denied::Throttled)?;
        let Some((account, slot)) = book.owner(&digest) else {
            self.guard.failed(client);
            return Err(Denied::Key);
        };
        self.guard.succeeded(client, &digest);
        Ok((account, slot, digest))
    }

    fn check_network(&self, state: &AccountState, client: IpAddr) -> Result<(), Denied> {
        if self.admits(state, client) { Ok(()) } else { Err(Denied::Network) }
    }

    /// Whether the account is open to an address.
    pub fn admits(&self, state: &AccountState, client: IpAddr) -> bool {
        state.settings.network.allows(client, &self.subnets)
    }

    /// Who manages, by the operator's key, a key of an account, or a token of somebody.
    ///
    /// # Errors
    /// [`Denied`], see its variants.
    pub async fn standing(&self, origin: &Origin, shown: &Shown, now: i64) -> Result<Standing, Denied> {
        let book = self.directory.now().await?;
        match shown {
            Shown { key: Some(key), .. } => {
                let (account, ..) = self.owner(&book, key, origin.client)?;
                if account == AccountId::INSTALLATION {
                    return Ok(Standing::Operator);
                }
                let caller = self.admit(origin, shown, now).await?;
                Ok(Standing::KeyOf(caller.state, caller.actor))
            }
            Shown { authorization: Some(header), .. } => {
                match self.by_token(&book, header, origin.client, now).await? {
                    Bearer::Identity(person) => {
                        let actor = bearer::actor_of(&person);
                        Ok(Standing::Identity(person, actor))
                    }
                    // A token that was issued for a key is for the data, and for what the key itself may do, where it may.
                    Bearer::Issued(_) => {
                        let caller = self.admit(origin, shown, now).await?;
                        Ok(Standing::KeyOf(caller.state, caller.actor))
                    }
                }
            }
            Shown { key: None, authorization: None, .. } => Err(Denied::Key),
        }
    }
}

/// A new key: 256 random bits in hexadecimal.
pub fn new_key(randomness: &dyn Randomness) -> Secret<String> {
    Secret::new(hex::encode(random_bytes::<32>(randomness)))
}
