//! Who may call: the two keys of an account.
//!
//! Keys are sealed in the store, so that they can be listed again, and found through a keyed digest, so that neither
//! the look-up nor its timing says anything about a key. Digests of all keys are held in memory; a request costs one
//! HMAC and one look-up in a map. A key that is not among them is looked up in the store, because the command line can
//! make accounts while the server runs.

use arc_swap::ArcSwap;
use likeness_base::{Randomness, Secret, random_bytes};
use likeness_store::keys::InstallationKey;
use likeness_store::{AccountId, Actor, KeySlot, Store, StoreError};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Longest key that is looked at; longer ones cannot be ours.
const MOST_KEY_BYTES: usize = 256;

/// Most unknown keys that are looked up in the store at once; others wait. Who floods the server with wrong keys takes
/// no more of the store's connections than these.
const LOOK_UPS: usize = 2;

/// The door-keeper.
pub(crate) struct Access {
    store: Arc<dyn Store>,
    look_ups: Semaphore,
    installation: Arc<InstallationKey>,
    known: ArcSwap<HashMap<[u8; 32], (AccountId, KeySlot)>>,
}

impl Access {
    /// Reads all keys once.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) async fn load(store: Arc<dyn Store>, installation: Arc<InstallationKey>) -> Result<Self, StoreError> {
        let mut known = HashMap::new();
        for account in store.accounts().await? {
            for key in store.keys(account.id).await? {
                known.insert(installation.lookup_digest(&key.value), (account.id, key.slot));
            }
        }
        let look_ups = Semaphore::new(LOOK_UPS);
        Ok(Self { store, look_ups, installation, known: ArcSwap::from_pointee(known) })
    }

    /// The account and the slot that a key belongs to.
    ///
    /// # Errors
    /// What the store says of a key that is not known yet.
    pub(crate) async fn account_of(&self, key: &Secret<String>) -> Result<Option<(AccountId, Actor)>, StoreError> {
        if key.expose().is_empty() || key.expose().len() > MOST_KEY_BYTES {
            return Ok(None);
        }
        let digest = self.installation.lookup_digest(key);
        let known = self.known.load().get(&digest).copied();
        let found = match known {
            Some(known) => Some(known),
            None => self.look_up(digest).await?,
        };
        let Some((account, slot)) = found else { return Ok(None) };
        let actor = match slot {
            KeySlot::Key1 => Actor::Key1,
            KeySlot::Key2 => Actor::Key2,
        };
        Ok(Some((account, actor)))
    }

    /// Asks the store, and remembers the key if it is there.
    async fn look_up(&self, digest: [u8; 32]) -> Result<Option<(AccountId, KeySlot)>, StoreError> {
        let _turn = self.look_ups.acquire().await.map_err(|_| StoreError::Closed)?;
        let found = self.store.account_of_key(&digest).await?;
        if let Some(owner) = found {
            self.known.rcu(|known| {
                let mut known = HashMap::clone(known);
                known.insert(digest, owner);
                known
            });
        }
        Ok(found)
    }
}

/// A new key: 256 random bits in hexadecimal.
pub(crate) fn new_key(randomness: &dyn Randomness) -> Secret<String> {
    Secret::new(hex::encode(random_bytes::<32>(randomness)))
}
