//! Who may hold keys: the providers that the settings name, each with a deadline and a breaker.
//!
//! Start at [`KeyHolders::new`]. This file knows how a provider is reached; `likeness_keys` knows what it is asked.

use crate::config::{KEY_FILE, KeysConfig, ProviderPlace};
use crate::fetch::Fetcher;
use async_trait::async_trait;
use likeness_base::{Randomness, Secret};
use likeness_rules::{SigningKey, UnsignedToken};
use likeness_store::keys::provider::bounded::Bounded;
use likeness_store::keys::provider::local::LocalKeys;
use likeness_store::keys::provider::pkcs11::{Token, TokenSettings};
use likeness_store::keys::provider::transit::{Transit, TransitRequest, Transport};
use likeness_store::keys::provider::{KeyProvider, ProviderError, ProviderKind, Providers, Signer};
use likeness_store::keys::{InstallationKey, Keyholder};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Longest file with a PIN or a token.
const LONGEST_SECRET_BYTES: u64 = 4_096;
/// Longest answer of a transit engine.
const LONGEST_ANSWER_BYTES: usize = 64 * 1_024;

/// A provider.
#[derive(Clone)]
pub struct KeyHolder {
    /// Its name in the settings.
    pub name: String,
    /// What it is.
    pub kind: ProviderKind,
    /// Wraps keys.
    pub provider: Arc<dyn KeyProvider>,
    /// Signs.
    pub signer: Arc<dyn Signer>,
    accounts: BTreeSet<String>,
}

impl KeyHolder {
    /// Whether an account of that name may have it for its own. The key file is the installation's.
    pub fn is_offered_to(&self, account: &str) -> bool {
        let is_named = || self.accounts.iter().any(|name| name.eq_ignore_ascii_case(account));
        self.name != KEY_FILE && (self.accounts.is_empty() || is_named())
    }

    fn new<P: KeyProvider + Signer + 'static>(name: &str, kind: ProviderKind, provider: P) -> Self {
        let bounded = Arc::new(Bounded::new(Arc::new(provider)));
        let accounts = BTreeSet::new();
        Self { name: name.to_owned(), kind, provider: bounded.clone(), signer: bounded, accounts }
    }
}

/// All of them.
pub struct KeyHolders {
    holders: BTreeMap<String, KeyHolder>,
    installation: String,
    trusted_for: Duration,
}

impl KeyHolders {
    /// Those that the settings name, and the key file. `fetcher` may reach the operator's own network.
    ///
    /// # Errors
    /// When a file with a PIN cannot be read; the text says which.
    pub fn new(
        config: &KeysConfig,
        key_file: &Path,
        fetcher: &Fetcher,
        randomness: &Arc<dyn Randomness>,
    ) -> Result<Self, String> {
        let file = LocalKeys::in_file(key_file, randomness.clone());
        let mut holders = BTreeMap::from([(KEY_FILE.to_owned(), KeyHolder::new(KEY_FILE, ProviderKind::File, file))]);
        for one in &config.providers {
            let name = one.name.as_str();
            let mut holder = match &one.place {
                ProviderPlace::File { path } => {
                    KeyHolder::new(name, ProviderKind::File, LocalKeys::in_file(path, randomness.clone()))
                }
                ProviderPlace::Environment { variable } => {
                    let keys = LocalKeys::in_environment(variable, randomness.clone());
                    KeyHolder::new(name, ProviderKind::Environment, keys)
                }
                ProviderPlace::Pkcs11 { module, token, key, pin_file } => {
                    let (module, token, key) = (module.clone(), token.clone(), key.clone());
                    let pin = secret(pin_file).map_err(|error| {
                        format!("the file {} with the PIN of {name} cannot be read: {error}", pin_file.display())
                    })?;
                    let token = Token::new(TokenSettings { module, token, key }, pin, randomness.clone());
                    KeyHolder::new(name, ProviderKind::Pkcs11, token)
                }
                ProviderPlace::Transit { address, mount, key, token_file } => {
                    let (address, token_file) = (address.trim_end_matches('/').to_owned(), token_file.clone());
                    let transport = Engine { fetcher: fetcher.clone(), address, token_file };
                    KeyHolder::new(name, ProviderKind::Transit, Transit::new(Arc::new(transport), mount, key))
                }
            };
            holder.accounts.clone_from(&one.accounts);
            holders.insert(name.to_owned(), holder);
        }
        let trusted_for = Duration::from_secs_f64(config.trusted_seconds);
        Ok(Self { holders, installation: config.installation.clone(), trusted_for })
    }

    /// Whoever holds the installation key, for opening the store. `former`: the key of data from before there were providers.
    pub fn keyholder(&self, former: Option<InstallationKey>) -> Keyholder {
        let mut providers = Providers::default();
        for holder in self.holders.values() {
            providers.add(&holder.name, holder.provider.clone());
        }
        Keyholder::new(providers, &self.installation).with_former(former).trusting_for(self.trusted_for)
    }

    /// The provider that holds the key of a new installation.
    pub fn of_installation(&self) -> &str {
        &self.installation
    }

    /// One of them.
    pub fn get(&self, name: &str) -> Option<&KeyHolder> {
        self.holders.get(name)
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = &KeyHolder> {
        self.holders.values()
    }
}

impl KeyHolders {
    /// Signs a token with a key, wherever it is. A token and an engine are not believed: their signature must be that of the published
    /// key.
    ///
    /// # Errors
    /// What the provider says; [`ProviderError::Lies`].
    pub async fn sign(&self, key: &SigningKey, token: UnsignedToken) -> Result<Secret<String>, ProviderError> {
        let Some((name, handle)) = key.holder() else { return token.signed_here(key).ok_or(ProviderError::Malformed) };
        let holder = self.get(name).ok_or(ProviderError::Unknown)?;
        let signature = holder.signer.sign(handle, token.message()).await?;
        if matches!(holder.kind, ProviderKind::File | ProviderKind::Environment) {
            return Ok(token.signed_unchecked(&signature));
        }
        token.signed(key, &signature).ok_or(ProviderError::Lies)
    }

    /// Makes a key that signs tokens, with a provider. `name` is unique there.
    ///
    /// # Errors
    /// What the provider says.
    pub async fn make_signing_key(&self, provider: &str, name: &str, now: i64) -> Result<SigningKey, ProviderError> {
        let holder = self.get(provider).ok_or(ProviderError::Unknown)?;
        let made = holder.signer.create(name).await?;
        SigningKey::held(provider, &made.handle, &made.public_key, now).ok_or(ProviderError::Malformed)
    }

    /// Destroys a key that signed tokens, where a provider holds it.
    pub async fn retire(&self, key: &SigningKey) {
        let Some((name, handle)) = key.holder() else { return };
        let Some(holder) = self.get(name) else { return };
        if let Err(error) = holder.signer.retire(handle).await {
            tracing::warn!(%error, provider = name, key = key.key_id(), "A key that signed tokens could not be destroyed there");
        }
    }
}

/// What a file with a secret holds, without the end of its line.
fn secret(path: &Path) -> std::io::Result<Secret<String>> {
    use std::io::Read;
    let mut text = Secret::new(String::with_capacity(LONGEST_SECRET_BYTES as usize));
    std::fs::File::open(path)?.take(LONGEST_SECRET_BYTES).read_to_string(text.expose_mut())?;
    let length = text.expose().trim_end().len();
    text.expose_mut().truncate(length);
    Ok(text)
}

/// The server of a transit engine.
struct Engine {
    fetcher: Fetcher,
    address: String,
    token_file: PathBuf,
}

#[async_trait]
impl Transport for Engine {
    async fn send(&self, request: TransitRequest) -> Result<(u16, Secret<Vec<u8>>), ProviderError> {
        // Read at every use: an agent that renews tokens writes it anew.
        let token = secret(&self.token_file).map_err(|_| ProviderError::Disabled)?;
        let address = format!("{}/{}", self.address, request.path);
        let answer =
            self.fetcher.ask(request.method, &address, ("X-Vault-Token", &token), request.body, LONGEST_ANSWER_BYTES);
        answer.await.map_err(|_| ProviderError::Unreachable)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({})", self.address)
    }
}
