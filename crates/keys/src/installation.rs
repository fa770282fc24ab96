//! The installation key, which wraps data keys and expiry keys and computes digests. It seals no record itself.

use std::fmt;
use std::path::Path;

use likeness_base::{Randomness, Secret, random_bytes};
use uuid::Uuid;

use crate::account::{self, AccountKeys, DataKey, sub_key};
use crate::error::{KeyFileError, KeyFileProblem};
use crate::file;
use crate::link::LinkKey;
use crate::locked::LockedKey;
use crate::provider::{KeyProvider, ProviderError};
use crate::seal::{self, AssociatedData, Purpose, RowContext};
use crate::stream::StreamKey;

/// What the check value says once opened.
const CHECK: &[u8] = b"this installation key belongs to this data";
/// What the other check values are about: one for each step that was done.
const SEALED: &str = "audit logs are sealed";
const SEALED_APART: &str = "audit logs are sealed, and each job has a key of its own";
/// What the installation key is wrapped for.
const WRAPPED: &[u8] = b"likeness installation key";
/// The installation key wraps but is never itself one of several: its sealed values carry this key id.
const INSTALLATION_KEY_ID: u32 = 0;

/// The key above all keys of an installation: 256 bits, kept in the database as the installation's provider wraps it.
///
/// It has several jobs, each under a sub-key of its own: to wrap the accounts' data keys and the keys of hours, to make the
/// digests by which account keys and tokens are found, to link audit rows, and to name the installation. It never seals a
/// record itself.
pub struct InstallationKey(LockedKey);

/// How far the data of an installation has been brought by programs that came later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// Audit logs are sealed, and what decides who may call is bound to its version (schema 7).
    LogsSealed,
    /// Digests of account keys are made with a sub-key of their own (schema 8).
    JobsApart,
}

impl Stage {
    const fn text(self) -> &'static str {
        match self {
            Self::LogsSealed => SEALED,
            Self::JobsApart => SEALED_APART,
        }
    }
}

impl InstallationKey {
    /// A new random key.
    pub fn generate(randomness: &dyn Randomness) -> Self {
        Self::from_bytes(Secret::new(random_bytes(randomness)))
    }

    /// A key that comes from elsewhere than a file, such as a key service.
    pub fn from_bytes(bytes: Secret<[u8; 32]>) -> Self {
        Self(LockedKey::new(&bytes))
    }

    /// Reads the oldest key in a key file. Where there was no provider, that is the installation key itself.
    ///
    /// # Errors
    /// [`KeyFileError`]: it is missing, it is not ours, or (on Unix) others than its owner may read
    /// or write it.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        file::load_all(path)
            .map(|keys| keys.into_iter().next().map(Self::from_bytes))?
            .ok_or_else(|| KeyFileError { path: path.to_owned(), problem: KeyFileProblem::Malformed })
    }

    /// Draws a key and writes it to a new file of mode 0600. The file is there with the whole key in it, or
    /// not at all, even if the machine stops halfway.
    ///
    /// # Errors
    /// [`KeyFileError`]: it exists already (a key is never overwritten), or it cannot be written.
    pub fn create(path: &Path, randomness: &dyn Randomness) -> Result<Self, KeyFileError> {
        let key = Self::generate(randomness);
        file::create(path, &key.0.copy(), randomness)?;
        Ok(key)
    }

    /// The digest by which an account key is found: HMAC-SHA256 under a sub-key for that. Who has the database alone cannot
    /// even test a guess.
    pub fn lookup_digest(&self, account_key: &Secret<String>) -> [u8; 32] {
        self.digest(Purpose::KeyLookup, 0, account_key.expose().as_bytes())
    }

    /// By what a process remembers what it found out about a token, so that the token itself need not be kept.
    pub fn token_tag(&self, token: &Secret<String>) -> [u8; 32] {
        self.digest(Purpose::TokenTag, 0, token.expose().as_bytes())
    }

    /// The subscription of accounts that have no other: the same for as long as the installation is. It is computed as it was
    /// when look-up digests were made with the same sub-key, because it stands in resource ids and in the issuer's name.
    pub fn subscription(&self) -> Uuid {
        let digest = self.digest(Purpose::AccountKey, 1, b"subscription of this installation");
        uuid::Builder::from_random_bytes(*digest.first_chunk().expect("a digest has 32 bytes")).into_uuid()
    }

    fn digest(&self, purpose: Purpose, epoch: i64, value: &[u8]) -> [u8; 32] {
        account::digest(self.0.expose(), purpose, epoch, value)
    }

    /// A new data key for an account, wrapped.
    pub fn new_data_key(&self, randomness: &dyn Randomness, account: Uuid, key_id: u32) -> Vec<u8> {
        self.wrap_data_key(randomness, &DataKey::generate(randomness, account, key_id))
    }

    /// Wraps an account's data key.
    pub fn wrap_data_key(&self, randomness: &dyn Randomness, key: &DataKey) -> Vec<u8> {
        self.seal(randomness, Purpose::DataKey, key.account, &key.key_id.to_be_bytes(), key.key.expose())
    }

    /// An account's data key from its wrapped form; `None` when it is not that.
    pub fn unwrap_data_key(&self, account: Uuid, key_id: u32, wrapped: &[u8]) -> Option<DataKey> {
        let plain = self.open(Purpose::DataKey, account, &key_id.to_be_bytes(), wrapped)?;
        Some(DataKey::new(account, key_id, seal::key_of(plain.expose())?))
    }

    /// An account's data keys from their wrapped form. `None` when one does not open, or there is none.
    pub fn unwrap_data_keys(&self, account: Uuid, wrapped: &[(u32, Vec<u8>)]) -> Option<AccountKeys> {
        let unwrap = |(key_id, wrapped): &(u32, Vec<u8>)| self.unwrap_data_key(account, *key_id, wrapped);
        AccountKeys::of(wrapped.iter().map(unwrap).collect::<Option<_>>()?)
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

    /// A value that tells how far the data has been brought, to be kept with it.
    pub fn stage_check(&self, randomness: &dyn Randomness, stage: Stage) -> Vec<u8> {
        self.seal(randomness, Purpose::Check, Uuid::nil(), stage.text().as_bytes(), CHECK)
    }

    /// What such a value of this key tells.
    pub fn stage(&self, check_value: &[u8]) -> Option<Stage> {
        let is_made = |stage: &Stage| {
            self.open(Purpose::Check, Uuid::nil(), stage.text().as_bytes(), check_value)
                .is_some_and(|plain| plain.expose() == CHECK)
        };
        [Stage::LogsSealed, Stage::JobsApart].into_iter().find(is_made)
    }

    /// Wraps it by a provider.
    ///
    /// # Errors
    /// What the provider says.
    pub async fn wrap(&self, provider: &dyn KeyProvider) -> Result<Vec<u8>, ProviderError> {
        provider.wrap(WRAPPED, &self.0.copy()).await
    }

    /// Wraps what [`wrap`](Self::wrap) gave by the provider's newest version; `None`: it is already.
    ///
    /// # Errors
    /// What the provider says.
    pub async fn rewrap(provider: &dyn KeyProvider, wrapped: &[u8]) -> Result<Option<Vec<u8>>, ProviderError> {
        provider.rewrap(WRAPPED, wrapped).await
    }

    /// The installation key as a provider unwraps it.
    ///
    /// # Errors
    /// What the provider says.
    pub async fn unwrap(provider: &dyn KeyProvider, wrapped: &[u8]) -> Result<Self, ProviderError> {
        provider.unwrap(WRAPPED, wrapped).await.map(Self::from_bytes)
    }

    /// Whether it is the same key.
    pub fn is(&self, other: &Self) -> bool {
        // Digests tell nothing of where two keys differ.
        self.digest(Purpose::Check, 0, CHECK) == other.digest(Purpose::Check, 0, CHECK)
    }

    /// The key that links audit rows, of all accounts: each row says whose it is.
    pub fn link_key(&self) -> LinkKey {
        LinkKey::new(sub_key(self.0.expose(), Purpose::AuditLink, 0, None))
    }

    /// The key that links entries of the deletion journal.
    pub fn journal_key(&self) -> LinkKey {
        LinkKey::new(sub_key(self.0.expose(), Purpose::Journal, 0, None))
    }

    /// The key of a backup, whose salt was drawn for it.
    pub fn backup_key(&self, salt: &[u8; 32], header: &[u8]) -> StreamKey {
        StreamKey::new(&sub_key(self.0.expose(), Purpose::Backup, 0, None), salt, header)
    }

    fn seal(&self, randomness: &dyn Randomness, purpose: Purpose, account: Uuid, id: &[u8], plain: &[u8]) -> Vec<u8> {
        let context = RowContext::of(&[id]);
        let data = AssociatedData { key_id: INSTALLATION_KEY_ID, account, container: 0, purpose, context: &context };
        seal::seal(&seal::cipher(&sub_key(self.0.expose(), purpose, 0, None)), &data, random_bytes(randomness), plain)
    }

    fn open(&self, purpose: Purpose, account: Uuid, id: &[u8], sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
        let context = RowContext::of(&[id]);
        let data = AssociatedData { key_id: INSTALLATION_KEY_ID, account, container: 0, purpose, context: &context };
        seal::open(&seal::cipher(&sub_key(self.0.expose(), purpose, 0, None)), &data, sealed)
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
