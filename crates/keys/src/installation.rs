//! The installation key, which wraps data keys and expiry keys and computes lookup digests. It seals no record itself.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use likeness_base::{Randomness, Secret, random_bytes};
use sha2::Sha256;
use uuid::Uuid;

use crate::account::{AccountKeys, sub_key};
use crate::error::KeyFileError;
use crate::file;
use crate::link::LinkKey;
use crate::seal::{self, AssociatedData, Purpose, RowContext};

/// What the check value says once opened.
const CHECK: &[u8] = b"this installation key belongs to this data";
/// What the other check value is about.
const SEALED: &str = "audit logs are sealed";
/// The installation key wraps but is never itself one of several: its sealed values carry this key id.
const INSTALLATION_KEY_ID: u32 = 0;

/// The key above all keys of an installation: 256 bits in a file of its own.
///
/// It wraps the accounts' data keys and makes the digests by which account keys are found. It never seals a
/// record itself, so that replacing it means wrapping a few keys anew and not a million records.
pub struct InstallationKey(Secret<[u8; 32]>);

impl InstallationKey {
    /// A new random key.
    pub fn generate(randomness: &dyn Randomness) -> Self {
        Self(Secret::new(random_bytes(randomness)))
    }

    /// A key that comes from elsewhere than a file, such as a key service.
    pub fn from_bytes(bytes: Secret<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// Reads the key file.
    ///
    /// # Errors
    /// [`KeyFileError`]: it is missing, it is not ours, or (on Unix) others than its owner may read
    /// or write it.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        file::load(path).map(Self)
    }

    /// Draws a key and writes it to a new file of mode 0600. The file is there with the whole key in it, or
    /// not at all, even if the machine stops halfway.
    ///
    /// # Errors
    /// [`KeyFileError`]: it exists already (a key is never overwritten), or it cannot be written.
    pub fn create(path: &Path, randomness: &dyn Randomness) -> Result<Self, KeyFileError> {
        let key = Self::generate(randomness);
        file::create(path, &key.0, randomness)?;
        Ok(key)
    }

    /// The digest by which an account key is found: HMAC-SHA256 under a sub-key of the installation key. Who
    /// has the database alone cannot even test a guess.
    pub fn lookup_digest(&self, account_key: &Secret<String>) -> [u8; 32] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.sub_key_for_lookup().expose()).expect("HMAC takes keys of any length");
        mac.update(account_key.expose().as_bytes());
        mac.finalize().into_bytes().into()
    }

    fn sub_key_for_lookup(&self) -> Secret<[u8; 32]> {
        // Epoch 1 of the purpose `account key` under the installation key is used for nothing else:
        // sealing of account keys happens under the accounts' data keys.
        sub_key(&self.0, Purpose::AccountKey, 1, None)
    }

    /// A new data key for an account, wrapped.
    pub fn new_data_key(&self, randomness: &dyn Randomness, account: Uuid, key_id: u32) -> Vec<u8> {
        let data_key = Secret::new(random_bytes::<32>(randomness));
        self.seal(randomness, Purpose::DataKey, account, &key_id.to_be_bytes(), data_key.expose())
    }

    /// An account's data keys from their wrapped form. `None` when one does not open, or there is none.
    pub fn unwrap_data_keys(&self, account: Uuid, wrapped: &[(u32, Vec<u8>)]) -> Option<AccountKeys> {
        let mut keys = BTreeMap::new();
        for (key_id, sealed) in wrapped {
            let plain = self.open(Purpose::DataKey, account, &key_id.to_be_bytes(), sealed)?;
            keys.insert(*key_id, seal::key_of(plain.expose())?);
        }
        AccountKeys::new(account, keys)
    }

    /// A new key for an hour of expiry, wrapped.
    pub fn new_hour_key(&self, randomness: &dyn Randomness, hour: i64) -> Vec<u8> {
        let key = Secret::new(random_bytes::<32>(randomness));
        self.seal(randomness, Purpose::HourKey, Uuid::nil(), &hour.to_be_bytes(), key.expose())
    }

    /// The key of an hour from its wrapped form; `None` when it is not that.
    pub fn unwrap_hour_key(&self, hour: i64, wrapped: &[u8]) -> Option<Secret<[u8; 32]>> {
        let plain = self.open(Purpose::HourKey, Uuid::nil(), &hour.to_be_bytes(), wrapped)?;
        seal::key_of(plain.expose())
    }

    /// A value that only this key opens, to be kept with the data.
    pub fn check_value(&self, randomness: &dyn Randomness) -> Vec<u8> {
        self.seal(randomness, Purpose::Check, Uuid::nil(), b"", CHECK)
    }

    /// Whether the value was made by this key.
    pub fn made(&self, check_value: &[u8]) -> bool {
        self.open(Purpose::Check, Uuid::nil(), b"", check_value).is_some_and(|plain| plain.expose() == CHECK)
    }

    /// A value that tells that all audit logs are sealed, to be kept with the data.
    pub fn sealed_check(&self, randomness: &dyn Randomness) -> Vec<u8> {
        self.seal(randomness, Purpose::Check, Uuid::nil(), SEALED.as_bytes(), CHECK)
    }

    /// Whether the value was made by this key, for that.
    pub fn made_sealed_check(&self, check_value: &[u8]) -> bool {
        self.open(Purpose::Check, Uuid::nil(), SEALED.as_bytes(), check_value)
            .is_some_and(|plain| plain.expose() == CHECK)
    }

    /// The key that links audit rows, of all accounts: each row says whose it is.
    pub fn link_key(&self) -> LinkKey {
        LinkKey::new(sub_key(&self.0, Purpose::AuditLink, 0, None))
    }

    fn seal(&self, randomness: &dyn Randomness, purpose: Purpose, account: Uuid, id: &[u8], plain: &[u8]) -> Vec<u8> {
        let context = RowContext::of(&[id]);
        let data = AssociatedData { key_id: INSTALLATION_KEY_ID, account, container: 0, purpose, context: &context };
        seal::seal(&seal::cipher(&sub_key(&self.0, purpose, 0, None)), &data, random_bytes(randomness), plain)
    }

    fn open(&self, purpose: Purpose, account: Uuid, id: &[u8], sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
        let context = RowContext::of(&[id]);
        let data = AssociatedData { key_id: INSTALLATION_KEY_ID, account, container: 0, purpose, context: &context };
        seal::open(&seal::cipher(&sub_key(&self.0, purpose, 0, None)), &data, sealed)
    }
}

impl fmt::Debug for InstallationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstallationKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);
    impl Randomness for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    #[test]
    fn a_data_key_unwraps_only_for_its_account_number_and_installation() {
        let (one, two) = (InstallationKey::generate(&Fixed(1)), InstallationKey::generate(&Fixed(2)));
        let (ada, bob) = (Uuid::from_bytes([1; 16]), Uuid::from_bytes([2; 16]));
        let wrapped = one.new_data_key(&Fixed(3), ada, 1);
        let cases = [
            ("its own", &one, ada, 1, true),
            ("another installation", &two, ada, 1, false),
            ("another account", &one, bob, 1, false),
            ("another key id", &one, ada, 2, false),
        ];
        for (name, key, account, key_id, opens) in cases {
            assert_eq!(key.unwrap_data_keys(account, &[(key_id, wrapped.clone())]).is_some(), opens, "{name}");
        }
    }

    #[test]
    fn the_check_value_knows_its_key() {
        let (one, two) = (InstallationKey::generate(&Fixed(1)), InstallationKey::generate(&Fixed(2)));
        let check = one.check_value(&Fixed(3));
        assert!(one.made(&check));
        assert!(!two.made(&check));
        assert!(!one.made(b"something else"));
    }

    #[test]
    fn look_up_digests_depend_on_the_installation_and_on_the_key() {
        let (one, two) = (InstallationKey::generate(&Fixed(1)), InstallationKey::generate(&Fixed(2)));
        let digest = one.lookup_digest(&"a key".to_owned().into());
        assert_eq!(digest, one.lookup_digest(&"a key".to_owned().into()));
        assert_ne!(digest, one.lookup_digest(&"b key".to_owned().into()));
        assert_ne!(digest, two.lookup_digest(&"a key".to_owned().into()));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", InstallationKey::generate(&Fixed(1))), "InstallationKey(..)");
    }
}
