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
use crate::seal::{self, AssociatedData, Purpose, RowContext, SealedHeader};

/// An account's data keys, unwrapped. The newest seals; all of them open.
pub struct AccountKeys {
    account: Uuid,
    keys: BTreeMap<u32, Secret<[u8; 32]>>,
}

impl AccountKeys {
    /// `None` without any key.
    pub fn new(account: Uuid, keys: BTreeMap<u32, Secret<[u8; 32]>>) -> Option<Self> {
        (!keys.is_empty()).then_some(Self { account, keys })
    }

    /// Seals and opens what belongs to one purpose in one container (0: outside containers) under one epoch.
    pub fn sealer(&self, purpose: Purpose, container: i64, epoch: i64) -> Sealer<'_> {
        self.sealer_until(purpose, container, epoch, None)
    }

    /// The same for what ends with the key of its hour of expiry, where there is one.
    pub fn sealer_until(&self, purpose: Purpose, container: i64, epoch: i64, hour: Option<HourKey>) -> Sealer<'_> {
        let (&key_id, key) = self.keys.last_key_value().expect("there is a key by construction");
        let cipher = seal::cipher(&sub_key(key, purpose, epoch, hour.as_deref()));
        Sealer { keys: self, purpose, container, epoch, hour, key_id, cipher }
    }

    /// A digest by which a value is found again: HMAC-SHA256 under a sub-key of the oldest data key, so that it stays the
    /// same when newer ones come.
    pub fn digest(&self, purpose: Purpose, epoch: i64, value: &[u8]) -> [u8; 32] {
        let (_, key) = self.keys.first_key_value().expect("there is a key by construction");
        let sub_key = sub_key(key, purpose, epoch, None);
        let mut mac = Hmac::<Sha256>::new_from_slice(sub_key.expose()).expect("HMAC takes a key of any length");
        mac.update(value);
        mac.finalize().into_bytes().into()
    }
}

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
        let older = sub_key(self.keys.keys.get(&key_id)?, self.purpose, self.epoch, self.hour.as_deref());
        seal::open(&seal::cipher(&older), &self.associated_data(key_id, context), sealed)
    }

    fn associated_data<'r>(&self, key_id: u32, context: &'r RowContext) -> AssociatedData<'r> {
        AssociatedData { key_id, account: self.keys.account, container: self.container, purpose: self.purpose, context }
    }
}

/// HKDF-SHA256 (RFC 5869). The data key is uniformly random already, so it needs no salt; the key of an hour, where
/// there is one, goes in as salt, so that without it nothing can be derived.
pub(crate) fn sub_key(
    key: &Secret<[u8; 32]>,
    purpose: Purpose,
    epoch: i64,
    hour: Option<&Secret<[u8; 32]>>,
) -> Secret<[u8; 32]> {
    let mut derived = Secret::new([0; 32]);
    let mut info = b"likeness store 1: ".to_vec();
    info.extend_from_slice(purpose.label().as_bytes());
    info.push(0);
    info.extend_from_slice(&epoch.to_be_bytes());
    Hkdf::<Sha256>::new(hour.map(|hour| hour.expose().as_slice()), key.expose())
        .expand(&info, derived.expose_mut())
        .expect("32 bytes are within what HKDF-SHA256 can give");
    derived
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
        let keys = ids.iter().map(|&id| (id, Secret::new([id as u8; 32]))).collect();
        AccountKeys::new(Uuid::from_bytes([5; 16]), keys).unwrap()
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
                assert!(seen.insert(*sub_key(&key, purpose, epoch, None).expose()), "{purpose:?} {epoch}");
            }
        }
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", keys(&[1, 2])), "AccountKeys(2 keys)");
    }
}
