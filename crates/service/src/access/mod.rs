//! Who may call, and from where.
//!
//! Start at [`Access::admit`]. A caller authenticates with one of the account's two keys, with a token issued in exchange
//! for a key, or with a token of an identity provider and a role in the account. No request queries the database for
//! that: see [`table`]. Keys are sealed in the store, so that they can be listed again, and found through a keyed digest,
//! so that neither the look-up nor its timing says anything about a key.
//!
//! What an account may do beyond (limited access) is in [`limited`]; who has what role is decided by
//! `likeness_rules`.

mod bearer;
mod devices;
mod guesses;
mod issuer_keys;
mod limited;
mod management_caller;
mod table;
mod token_cache;

pub use devices::DeviceCaller;
pub use limited::{LentApprovals, LimitedTokenError};
pub use management_caller::{ManagementCaller, RequiredAccess};
pub use table::{AccessCache, AccessTable, AccountState, SETTINGS};

use crate::config::AccessConfig;
use crate::fetch::Fetcher;
use crate::key_holders::KeyHolders;
use bearer::Bearer;
use guesses::GuessLimiter;
use ipnet::IpNet;
use issuer_keys::{IssuerKeys, Source};
use likeness_base::{Randomness, Secret, random_bytes};
use likeness_rules::{FeatureFlag, Identity, IssuedTokenClaims, LimitedAccessClaims, LimitedAttribute, Role};
use likeness_store::keys::{InstallationKey, KeyProblem};
use likeness_store::{AccountId, Actor, KeySlot, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use token_cache::TokenCache;

/// Longest key that is checked; longer ones cannot be ours.
const MOST_KEY_BYTES: usize = 256;

/// From where a call comes, and which account its address names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The subdomain of an account that host or path name.
    pub subdomain: Option<String>,
    /// The client's address, behind the proxies that the settings trust.
    pub client: IpAddr,
}

/// What a request carries to authenticate its caller.
#[derive(Clone, Default)]
pub struct CallerCredentials {
    /// A key.
    pub key: Option<Secret<String>>,
    /// The header `Authorization`.
    pub authorization: Option<Secret<String>>,
    /// The header `LimitedAccessToken`, by which a vendor lends what the account itself lacks.
    pub limited_access_token: Option<Secret<String>>,
}

/// A caller who was admitted.
#[derive(Clone)]
pub struct Caller {
    /// Whose data they may touch.
    pub state: Arc<AccountState>,
    /// Their name in the audit log.
    pub actor: Actor,
    /// What they may do.
    pub rights: Rights,
    /// The digest of their key, if they sent one.
    pub key: Option<[u8; 32]>,
}

impl Caller {
    /// The account whose data they may touch.
    pub fn account(&self) -> AccountId {
        self.state.id()
    }

    /// Whether they have a key of the account or a role in it. Somebody without either moves none of its counters and fills
    /// none of its logs.
    pub fn belongs(&self) -> bool {
        match &self.rights {
            Rights::Everything => true,
            Rights::Roles(roles) => !roles.is_empty(),
        }
    }
}

/// What a caller may do in an account.
#[derive(Clone, Debug)]
pub enum Rights {
    /// All data actions: the caller has a key.
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

/// Why a caller was not admitted.
#[derive(Debug)]
pub enum AccessError {
    /// No key, or none that opens this account.
    WrongKey,
    /// A bearer token that is not valid, or is for no account; the text is for the log and says nothing of the token.
    InvalidBearer(String),
    /// The account takes no keys.
    KeysDisabled,
    /// Whoever holds the account's key does not give it.
    KeyUnavailable(KeyProblem),
    /// The account is not open to this address.
    Network,
    /// Too many wrong keys; come back after so many seconds.
    Throttled(u32),
    /// The store cannot be reached.
    Unavailable,
    /// The keys of this issuer could never be fetched.
    IssuerUnreachable(String),
    /// A fault of the server.
    Internal(String),
}

impl From<StoreError> for AccessError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy | StoreError::Unreachable => Self::Unavailable,
            StoreError::KeyUnavailable(problem) => Self::KeyUnavailable(problem),
            other => Self::Internal(other.to_string()),
        }
    }
}

/// An identity provider.
struct IdentityProvider {
    issuer: String,
    audiences: Vec<String>,
    leeway_seconds: u64,
    keys: IssuerKeys,
}

/// Another installation whose limited access tokens count here.
struct TrustedInstallation {
    issuer: String,
    flags: BTreeSet<FeatureFlag>,
    attributes: BTreeSet<LimitedAttribute>,
    leeway_seconds: u64,
    keys: IssuerKeys,
}

/// Authenticates and admits callers.
pub struct Access {
    /// The current access table.
    pub cache: Arc<AccessCache>,
    installation: Arc<InstallationKey>,
    holders: Arc<KeyHolders>,
    guesses: GuessLimiter,
    device_guesses: GuessLimiter,
    subnets: BTreeMap<String, Vec<IpNet>>,
    providers: Vec<IdentityProvider>,
    trusted: Vec<TrustedInstallation>,
    identities: TokenCache<Arc<Identity>>,
    issued_tokens: TokenCache<Arc<IssuedTokenClaims>>,
    limited: TokenCache<(Arc<LimitedAccessClaims>, Option<String>)>,
}

impl Access {
    /// Access by this cache. `fetcher` fetches the keys of issuers that operators name, in private networks too.
    pub fn new(
        cache: Arc<AccessCache>,
        installation: Arc<InstallationKey>,
        holders: Arc<KeyHolders>,
        config: &AccessConfig,
        fetcher: &Fetcher,
    ) -> Self {
        let providers = config.oidc.iter().map(|provider| {
            let source = match &provider.jwks {
                Some(address) => Source::Address(address.clone()),
                None => Source::Discovery(provider.issuer.clone()),
            };
            IdentityProvider {
                issuer: provider.issuer.clone(),
                audiences: provider.audiences.clone(),
                leeway_seconds: provider.leeway_seconds,
                keys: IssuerKeys::new(provider.issuer.clone(), source, fetcher.clone()),
            }
        });
        let trusted = config.trusted_issuers.iter().map(|trusted| TrustedInstallation {
            issuer: trusted.issuer.clone(),
            flags: trusted.flags.iter().copied().collect(),
            attributes: trusted.attributes.iter().copied().collect(),
            leeway_seconds: trusted.leeway_seconds,
            keys: IssuerKeys::new(trusted.issuer.clone(), Source::Address(trusted.jwks.clone()), fetcher.clone()),
        });
        Self {
            cache,
            installation,
            holders,
            guesses: GuessLimiter::new(),
            device_guesses: GuessLimiter::new(),
            subnets: config.subnets.clone(),
            providers: providers.collect(),
            trusted: trusted.collect(),
            identities: TokenCache::new(),
            issued_tokens: TokenCache::new(),
            limited: TokenCache::new(),
        }
    }

    /// Admits a caller to an account. The credentials are checked first, then the account's network rules; and whoever holds
    /// the account's key is asked whether it may be used, where it is time to.
    ///
    /// # Errors
    /// [`AccessError`], see its variants.
    pub async fn admit(
        &self,
        origin: &Origin,
        credentials: &CallerCredentials,
        now: i64,
    ) -> Result<Caller, AccessError> {
        let caller = self.admit_by_table(origin, credentials, now).await?;
        self.cache.unlock(caller.account()).await?;
        if caller.state.locked.is_none() {
            return Ok(caller);
        }
        // Its settings can be read now, and decide.
        self.cache.refresh().await?;
        let caller = self.admit_by_table(origin, credentials, now).await?;
        match caller.state.locked {
            None => Ok(caller),
            Some(problem) => Err(AccessError::KeyUnavailable(problem)),
        }
    }

    async fn admit_by_table(
        &self,
        origin: &Origin,
        credentials: &CallerCredentials,
        now: i64,
    ) -> Result<Caller, AccessError> {
        let table = self.cache.trusted().await?;
        let named = match &origin.subdomain {
            Some(subdomain) => {
                Some(table.by_subdomain(subdomain).filter(|state| state.is_open()).ok_or(AccessError::WrongKey)?)
            }
            None => None,
        };
        let caller = match credentials {
            CallerCredentials { key: Some(key), .. } => self.by_key(&table, key, origin.client)?,
            CallerCredentials { authorization: Some(header), .. } => {
                match self.by_token(&table, header, origin.client, now).await? {
                    Bearer::IssuedToken(state) => {
                        Caller { state, actor: Actor::IssuedToken, rights: Rights::Everything, key: None }
                    }
                    Bearer::Identity(identity) => {
                        // Without an address of its own an account is meant only where there is no other.
                        let state = named.or_else(|| table.only_account()).ok_or_else(|| {
                            AccessError::InvalidBearer("the address names none of several accounts".to_owned())
                        })?;
                        bearer::caller_of_identity(state, &table, &identity)
                    }
                }
            }
            CallerCredentials { key: None, authorization: None, .. } => return Err(AccessError::WrongKey),
        };
        if named.is_some_and(|state| state.id() != caller.account()) {
            let other = || AccessError::InvalidBearer("it is for another account".to_owned());
            return Err(if caller.key.is_some() { AccessError::WrongKey } else { other() });
        }
        // What its settings say is not known yet, and nothing is done before it is.
        if caller.state.locked.is_some() {
            return Ok(caller);
        }
        // Only now: nobody without a key or a token learns which accounts there are.
        self.check_network(&caller.state, origin.client)?;
        let by_key = matches!(caller.rights, Rights::Everything);
        if by_key && !caller.state.settings.local_auth {
            return Err(AccessError::KeysDisabled);
        }
        Ok(caller)
    }

    fn by_key(&self, table: &AccessTable, key: &Secret<String>, client: IpAddr) -> Result<Caller, AccessError> {
        let (account, slot, digest) = self.owner(table, key, client)?;
        let state = table.account(account).ok_or(AccessError::WrongKey)?.clone();
        let actor = match slot {
            KeySlot::Key1 => Actor::Key1,
            KeySlot::Key2 => Actor::Key2,
        };
        Ok(Caller { state, actor, rights: Rights::Everything, key: Some(digest) })
    }

    /// Checks the token in the header; wrong ones are counted.
    async fn by_token(
        &self,
        table: &AccessTable,
        header: &Secret<String>,
        client: IpAddr,
        now: i64,
    ) -> Result<Bearer, AccessError> {
        let token = limited::bearer(header.expose());
        let token =
            token.ok_or_else(|| AccessError::InvalidBearer("the header is not of the form Bearer".to_owned()))?;
        // Whoever guesses does not make us fetch keys for what they guess.
        let may_fetch = self.guesses.blocked_for(client).is_none();
        let found = self.bearer(table, token, now, may_fetch).await;
        if let Err(AccessError::InvalidBearer(_)) = found {
            self.refuse_guess(client)?;
        }
        found
    }

    /// Counts a wrong key or token. Only refusals are slowed: what is right is let in however many wrong ones came before.
    fn refuse_guess(&self, client: IpAddr) -> Result<(), AccessError> {
        self.guesses.record_failure(client);
        self.guesses.blocked_for(client).map_or(Ok(()), |seconds| Err(AccessError::Throttled(seconds)))
    }

    /// The account of a key; wrong ones are counted.
    fn owner(
        &self,
        table: &AccessTable,
        key: &Secret<String>,
        client: IpAddr,
    ) -> Result<(AccountId, KeySlot, [u8; 32]), AccessError> {
        if key.expose().is_empty() || key.expose().len() > MOST_KEY_BYTES {
            return Err(AccessError::WrongKey);
        }
        let digest = self.installation.lookup_digest(key);
        let Some((account, slot)) = table.owner_of_key(&digest) else {
            self.refuse_guess(client)?;
            return Err(AccessError::WrongKey);
        };
        Ok((account, slot, digest))
    }

    fn check_network(&self, state: &AccountState, client: IpAddr) -> Result<(), AccessError> {
        if self.allows_address(state, client) { Ok(()) } else { Err(AccessError::Network) }
    }

    /// Whether the account is open to an address.
    pub fn allows_address(&self, state: &AccountState, client: IpAddr) -> bool {
        state.settings.network.allows(client, &self.subnets)
    }

    /// Authenticates a caller of the management API: by the operator's key, a key of an account, or a bearer token.
    ///
    /// # Errors
    /// [`AccessError`], see its variants.
    pub async fn admit_to_management(
        &self,
        origin: &Origin,
        credentials: &CallerCredentials,
        now: i64,
    ) -> Result<ManagementCaller, AccessError> {
        let table = self.cache.trusted().await?;
        match credentials {
            CallerCredentials { key: Some(key), .. } => {
                let (account, ..) = self.owner(&table, key, origin.client)?;
                if account == AccountId::INSTALLATION {
                    return Ok(ManagementCaller::Operator);
                }
                let caller = self.admit(origin, credentials, now).await?;
                Ok(ManagementCaller::AccountKey(caller.state, caller.actor))
            }
            CallerCredentials { authorization: Some(header), .. } => {
                match self.by_token(&table, header, origin.client, now).await? {
                    Bearer::Identity(identity) => {
                        let actor = bearer::actor_of(&identity);
                        Ok(ManagementCaller::Identity(identity, actor))
                    }
                    // A token that was issued for a key is for the data, and for what the key itself may do, where it may.
                    Bearer::IssuedToken(_) => {
                        let caller = self.admit(origin, credentials, now).await?;
                        Ok(ManagementCaller::AccountKey(caller.state, caller.actor))
                    }
                }
            }
            CallerCredentials { key: None, authorization: None, .. } => Err(AccessError::WrongKey),
        }
    }
}

/// A new key: 256 random bits in hexadecimal.
pub fn new_key(randomness: &dyn Randomness) -> Secret<String> {
    Secret::new(hex::encode(random_bytes::<32>(randomness)))
}
