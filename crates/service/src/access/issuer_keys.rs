//! Public keys of token issuers, fetched when needed: identity providers and trusted installations.
//!
//! Keys are fetched anew when a token names one that is not known, or after an hour; never more often than every few
//! seconds, so that no caller can trigger more requests. When fetching fails, the known keys stay in use.

use crate::clock::instant;
use crate::fetch::Fetcher;
use arc_swap::ArcSwapOption;
use likeness_rules::KeySet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How old keys may get.
const KEYS_LAST: Duration = Duration::from_secs(3_600);
/// Shortest time between two attempts.
const PAUSE: Duration = Duration::from_secs(10);
/// Longest document that is read.
const MOST_BYTES: usize = 256 * 1024;

/// Where the keys are.
pub(super) enum Source {
    /// In the discovery document of this issuer.
    Discovery(String),
    /// At this address.
    Address(String),
}

/// The keys of one issuer.
pub(super) struct IssuerKeys {
    issuer: String,
    source: Source,
    fetcher: Fetcher,
    keys: ArcSwapOption<KeySet>,
    attempted: Mutex<Option<Instant>>,
    fetched: ArcSwapOption<Instant>,
}

impl IssuerKeys {
    pub(super) fn new(issuer: String, source: Source, fetcher: Fetcher) -> Self {
        let (keys, fetched) = (ArcSwapOption::empty(), ArcSwapOption::empty());
        Self { issuer, source, fetcher, keys, attempted: Mutex::new(None), fetched }
    }

    /// Whether a key that a token names is among those that were fetched last.
    pub(super) fn has(&self, key_id: Option<&str>) -> bool {
        self.keys.load().as_ref().is_some_and(|keys| key_id.is_none_or(|id| keys.has(id)))
    }

    /// The keys that were fetched last.
    pub(super) fn known(&self) -> Option<Arc<KeySet>> {
        self.keys.load_full()
    }

    /// The keys, as fresh as a token that names `key_id` needs them. `None`: they could never be fetched.
    pub(super) async fn for_key(&self, key_id: Option<&str>) -> Option<Arc<KeySet>> {
        let knows = |keys: &KeySet| key_id.is_none_or(|id| keys.has(id));
        let is_fresh = || self.fetched.load().as_ref().is_some_and(|at| instant().duration_since(**at) < KEYS_LAST);
        let known = self.keys.load_full();
        if known.as_ref().is_some_and(|keys| knows(keys)) && is_fresh() {
            return known;
        }
        // A caller whose key is known does not wait for the keys that are being fetched.
        let mut attempted = match (&known, self.attempted.try_lock()) {
            (_, Ok(attempted)) => attempted,
            (Some(keys), Err(_)) if knows(keys) => return known,
            (_, Err(_)) => self.attempted.lock().await,
        };
        // Another task may have fetched them while this one waited.
        let known = self.keys.load_full();
        if known.as_ref().is_some_and(|keys| knows(keys)) && is_fresh() {
            return known;
        }
        if attempted.is_some_and(|at| instant().duration_since(at) < PAUSE) {
            return known;
        }
        *attempted = Some(instant());
        let fetched = self.fetch().await;
        // An issuer that hangs is queried no more often than one that answers.
        *attempted = Some(instant());
        match fetched {
            Ok(keys) => {
                self.keys.store(Some(Arc::new(keys)));
                self.fetched.store(Some(Arc::new(instant())));
            }
            Err(reason) => tracing::warn!(issuer = self.issuer, reason, "The keys of an issuer could not be fetched"),
        }
        self.keys.load_full()
    }

    async fn fetch(&self) -> Result<KeySet, String> {
        let address = match &self.source {
            Source::Address(address) => address.clone(),
            Source::Discovery(issuer) => {
                let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
                let text = self.fetcher.get(&place, MOST_BYTES).await.map_err(|error| error.to_string())?;
                let document: Discovery = serde_json::from_slice(text.expose())
                    .map_err(|_| "the discovery document is not of the expected form".to_owned())?;
                if document.issuer != *issuer {
                    return Err("the discovery document is of another issuer".to_owned());
                }
                document.jwks_uri
            }
        };
        let text = self.fetcher.get(&address, MOST_BYTES).await.map_err(|error| error.to_string())?;
        KeySet::from_jwks(text.expose()).map_err(|problem| problem.to_string())
    }
}

#[derive(serde::Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}
