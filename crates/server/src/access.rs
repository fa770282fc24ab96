//! Who may call: the two keys of an account.
//!
//! Keys are sealed in the store, so that they can be listed again, and found through a keyed digest, so that neither
//! the look-up nor its timing says anything about a key. Digests of all keys are held in memory; a request costs one
//! HMAC and one look-up in a map.

use arc_swap::ArcSwap;
use likeness_base::{Randomness, Secret, random_bytes};
use likeness_store::keys::InstallationKey;
use likeness_store::{AccountId, Actor, KeySlot, Store, StoreError};
use std::collections::HashMap;
use std::sync::Arc;

/// Longest key that is looked at; longer ones cannot be ours.
const MOST_KEY_BYTES: usize = 256;

/// The door-keeper.
pub(crate) struct Access {
    installation: Arc<InstallationKey>,
    known: ArcSwap<HashMap<[u8; 32], (AccountId, KeySlot)>>,
}

impl Access {
    /// Reads all keys once.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) async fn load(store: &dyn Store, installation: Arc<InstallationKey>) -> Result<Self, StoreError> {
        let mut known = HashMap::new();
        for account in store.accounts().await? {
            for key in store.keys(account.id).await? {
                known.insert(installation.lookup_digest(&key.value), (account.id, key.slot));
            }
        }
        Ok(Self { installation, known: ArcSwap::from_pointee(known) })
    }

    /// The account and the slot that a key belongs to.
    pub(crate) fn account_of(&self, key: &Secret<String>) -> Option<(AccountId, Actor)> {
        if key.expose().is_empty() || key.expose().len() > MOST_KEY_BYTES {
            return None;
        }
        let digest = self.installation.lookup_digest(key);
        let (account, slot) = *self.known.load().get(&digest)?;
        let actor = match slot {
            KeySlot::Key1 => Actor::Key1,
            KeySlot::Key2 => Actor::Key2,
        };
        Some((account, actor))
    }
}

/// A new key: 256 random bits in hexadecimal.
pub(crate) fn new_key(randomness: &dyn Randomness) -> Secret<String> {
    Secret::new(hex::encode(random_bytes::<32>(randomness)))
}
