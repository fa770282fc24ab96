//! An account's data keys, the sub-keys that are derived from them, and the sealers that use these.
//!
//! Start at [`AccountKeys::sealer`]. The layout of a sealed value stands in `seal.rs`.

use std::collections::BTreeMap;
use std::fmt;

use aes_gcm::Aes256Gcm;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use likeness_base::{Randomness, Secret, random_bytes};
use sha2::Sha256;
use uuid::Uuid;

use crate::expiry::HourKey;
use crate::locked::LockedKey;
use crate::provider::{KeyProvider, ProviderError};
use crate::seal::{self, AssociatedData, Purpose, RowContext, SealedHeader};

/// An account's data keys, unwrapped. The newest seals; all of them open.
pub struct AccountKeys {
    account: Uuid,
    keys: BTreeMap<u32, LockedKey>,
}

impl AccountKeys {
    /// The keys of an account; `None` without any.
    pub fn of(keys: Vec<DataKey>) -> Option<Self> {
        let account = keys.first()?.account;
        let keys = keys.into_iter().map(|key| (key.key_id, LockedKey::new(&key.key))).collect();
        Some(Self { account, keys })
    }

    /// The keys by themselves.
    pub fn data_keys(&self) -> impl Iterator<Item = DataKey> {
        self.keys.iter().map(|(&key_id, key)| DataKey::new(self.account, key_id, key.copy()))
    }

    /// The number of the key that seals.
    pub fn newest(&self) -> u32 {
        *self.keys.last_key_value().expect("there is a key by construction").0
    }

    /// Seals and opens what belongs to one purpose in one container (0: outside containers) under one epoch.
    pub fn sealer(&self, purpose: Purpose, container: i64, epoch: i64) -> Sealer<'_> {
        self.sealer_until(purpose, container, epoch, None)
    }

    /// The same for what ends with the key of its hour of expiry, where there is one.
    pub fn sealer_until(&self, purpose: Purpose, container: i64, epoch: i64, hour: Option<HourKey>) -> Sealer<'_> {
        let (&key_id, key) = self.keys.last_key_value().expect("there is a key by construction");
        let cipher = seal::cipher(&sub_key(key.expose(), purpose, epoch, hour.as_deref()));
        Sealer { keys: self, purpose, container, epoch, hour, key_id, cipher }
    }

    /// A digest by which a value is found again: HMAC-SHA256 under a sub-key of the oldest data key, so that it stays the
    /// same when newer ones come.
    pub fn digest(&self, purpose: Purpose, epoch: i64, value: &[u8]) -> [u8; 32] {
        let (_, key) = self.keys.first_key_value().expect("there is a key by construction");
        digest(key.expose(), purpose, epoch, value)
    }
}

/// A data key by itself, on its way between what wraps it.
#[derive(Clone)]
pub struct DataKey {
    pub(crate) account: Uuid,
    pub(crate) key_id: u32,
    pub(crate) key: Secret<[u8; 32]>,
}

impl DataKey {
    /// A key that is there already, such as one that came from another installation.
    pub fn new(account: Uuid, key_id: u32, key: Secret<[u8; 32]>) -> Self {
        Self { account, key_id, key }
    }

    /// A new random key.
    pub fn generate(randomness: &dyn Randomness, account: Uuid, key_id: u32) -> Self {
        Self::new(account, key_id, Secret::new(random_bytes(randomness)))
    }

    /// The key itself, on its way to another installation.
    pub fn bytes(&self) -> &Secret<[u8; 32]> {
        &self.key
    }

    /// Its number among the keys of its account.
    pub fn key_id(&self) -> u32 {
        self.key_id
    }

    /// What it is wrapped for: it opens for no other account and under no other number.
    pub fn context(account: Uuid, key_id: u32) -> Vec<u8> {
        [b"likeness data key".as_slice(), account.as_bytes(), &key_id.to_be_bytes()].concat()
    }

    /// Wraps it by a provider.
    ///
    /// # Errors
    /// What the provider says.
    pub async fn wrap(&self, provider: &dyn KeyProvider) -> Result<Vec<u8>, ProviderError> {
        provider.wrap(&Self::context(self.account, self.key_id), &self.key).await
    }

    /// The key as a provider unwraps it. A provider is not believed: the key must open the value that was sealed with it.
    ///
    /// # Errors
    /// What the provider says; [`ProviderError::Lies`].
    pub async fn unwrap(
        provider: &dyn KeyProvider,
        account: Uuid,
        key_id: u32,
        wrapped: &[u8],
        check_value: &[u8],
    ) -> Result<Self, ProviderError> {
        let key = provider.unwrap(&Self::context(account, key_id), wrapped).await?;
        let key = Self::new(account, key_id, key);
        if key.made(check_value) { Ok(key) } else { Err(ProviderError::Lies) }
    }

    /// A value that only this key opens, to be kept beside what wraps it.
    pub fn check_value(&self, randomness: &dyn Randomness) -> Vec<u8> {
        seal::seal(&self.check_cipher(), &self.check_data(&RowContext::of(&[])), random_bytes(randomness), CHECK)
    }

    fn made(&self, check_value: &[u8]) -> bool {
        let opened = seal::open(&self.check_cipher(), &self.check_data(&RowContext::of(&[])), check_value);
        opened.is_some_and(|plain| plain.expose() == CHECK)
    }

    fn check_cipher(&self) -> Aes256Gcm {
        seal::cipher(&sub_key(self.key.expose(), Purpose::Check, 0, None))
    }

    fn check_data<'r>(&self, context: &'r RowContext) -> AssociatedData<'r> {
        let (key_id, account) = (self.key_id, self.account);
        AssociatedData { key_id, account, container: 0, purpose: Purpose::Check, context }
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({})", self.key_id)
    }
}

/// What the check value of a data key says once opened.
const CHECK: &[u8] = b"this is the data key of the account";

impl fmt::Debug for AccountKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountKeys({} keys)", self.keys.len())
    }
}

/// Seals and opens values of one purpose. Made once per call: deriving its key costs as much as sealing
/// a handful of values.
pub struct Sealer<'a> {
    keys: &'a AccountKeys,
    purpose: Purpose,
    container: i64,
    epoch: i64,
    hour: Option<HourKey>,
    key_id: u32,
    cipher: Aes256Gcm,
}

impl Sealer<'_> {
    /// The value as it is kept, bound to its row.
    pub fn seal(&self, randomness: &dyn Randomness, context: &RowContext, plain: &[u8]) -> Vec<u8> {
        seal::seal(&self.cipher, &self.associated_data(self.key_id, context), random_bytes(randomness), plain)
    }

    /// `None` when the value was not sealed for this row, or by a key that is no longer there.
    pub fn open(&self, context: &RowContext, sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
        let key_id = SealedHeader::read(sealed)?.key_id;
        if key_id == self.key_id {
            return seal::open(&self.cipher, &self.associated_data(key_id, context), sealed);
        }
        let older = sub_key(self.keys.keys.get(&key_id)?.expose(), self.purpose, self.epoch, self.hour.as_deref());
        seal::open(&seal::cipher(&older), &self.associated_data(key_id, context), sealed)
    }

    fn associated_data<'r>(&self, key_id: u32, context: &'r RowContext) -> AssociatedData<'r> {
        AssociatedData { key_id, account: self.keys.account, container: self.container, purpose: self.purpose, context }
    }
}

/// HKDF-SHA256 (RFC 5869). The data key is uniformly random already, so it needs no salt; the key of an hour, where
/// there is one, goes in as salt, so that without it nothing can be derived.
pub(crate) fn sub_key(key: &[u8; 32], purpose: Purpose, epoch: i64, hour: Option<&LockedKey>) -> Secret<[u8; 32]> {
    let mut derived = Secret::new([0; 32]);
    let mut info = b"likeness store 1: ".to_vec();
    info.extend_from_slice(purpose.label().as_bytes());
    info.push(0);
    info.extend_from_slice(&epoch.to_be_bytes());
    Hkdf::<Sha256>::new(hour.map(|hour| hour.expose().as_slice()), key)
        .expand(&info, derived.expose_mut())
        .expect("32 bytes are within what HKDF-SHA256 can give");
    derived
}

/// A digest by which a value is found again: HMAC-SHA256 under a sub-key.
pub(crate) fn digest(key: &[u8; 32], purpose: Purpose, epoch: i64, value: &[u8]) -> [u8; 32] {
    let sub_key = sub_key(key, purpose, epoch, None);
    let mut mac = Hmac::<Sha256>::new_from_slice(sub_key.expose()).expect("HMAC takes a key of any length");
    mac.update(value);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);
    impl Randomness for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    fn keys(ids: &[u32]) -> AccountKeys {
        let key = |&id: &u32| DataKey::new(Uuid::from_bytes([5; 16]), id, Secret::new([id as u8; 32]));
        AccountKeys::of(ids.iter().map(key).collect()).unwrap()
    }

    #[test]
    fn the_newest_key_seals_and_older_ones_still_open() {
        let randomness = Counting(0.into());
        let context = RowContext::of(&[b"row"]);
        let old = keys(&[1]).sealer(Purpose::PersonName, 3, 3).seal(&randomness, &context, b"Ada");
        let both = keys(&[1, 2]);
        let new = both.sealer(Purpose::PersonName, 3, 3).seal(&randomness, &context, b"Ada");
        assert_eq!(SealedHeader::read(&new).unwrap().key_id, 2);
        for sealed in [&old, &new] {
            let plain = both.sealer(Purpose::PersonName, 3, 3).open(&context, sealed).unwrap();
            assert_eq!(plain.expose(), b"Ada");
        }
        assert!(keys(&[2]).sealer(Purpose::PersonName, 3, 3).open(&context, &old).is_none(), "key 1 is gone");
    }

    #[test]
    fn purposes_and_epochs_have_keys_of_their_own() {
        let key = Secret::new([1; 32]);
        let mut seen = std::collections::HashSet::new();
        for purpose in [Purpose::FaceTemplate, Purpose::PersonName, Purpose::FaceIdTemplate] {
            for epoch in [0, 1, 256, -1] {
                assert!(seen.insert(*sub_key(key.expose(), purpose, epoch, None).expose()), "{purpose:?} {epoch}");
            }
        }
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", keys(&[1, 2])), "AccountKeys(2 keys)");
    }
}
