//! Keys that this process reads itself: from a file, or from the environment.
//!
//! Start at [`LocalKeys`]. What holds the key is read at every use, so that taking it away disables the key.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use likeness_base::{Randomness, Secret, random_bytes};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey as PrivateKey};

use super::{KeyBytes, KeyDescription, KeyProvider, ProviderError, ProviderKind, Signer, SigningKey, point_of};
use crate::account::sub_key;
use crate::error::KeyFileProblem;
use crate::file;
use crate::seal::{self, AssociatedData, Purpose, RowContext, SealedHeader};
use uuid::Uuid;

/// Most versions of a key that are kept side by side.
const MOST_VERSIONS: usize = 64;
/// What a private key that signs is wrapped for.
const SIGNING: &[u8] = b"likeness signing key";

/// Keys in a file or a variable.
pub struct LocalKeys {
    place: Place,
    randomness: Arc<dyn Randomness>,
}

enum Place {
    File(PathBuf),
    Environment(String),
}

/// All versions, by their numbers.
type Versions = BTreeMap<u32, KeyBytes>;

impl LocalKeys {
    /// Keys in a file: a line for each version, the oldest first.
    pub fn in_file(path: &Path, randomness: Arc<dyn Randomness>) -> Self {
        Self { place: Place::File(path.to_owned()), randomness }
    }

    /// Keys in a variable of the environment: 64 hexadecimal digits for each version, the oldest first, with commas between.
    pub fn in_environment(variable: &str, randomness: Arc<dyn Randomness>) -> Self {
        Self { place: Place::Environment(variable.to_owned()), randomness }
    }

    fn kind(&self) -> ProviderKind {
        match self.place {
            Place::File(_) => ProviderKind::File,
            Place::Environment(_) => ProviderKind::Environment,
        }
    }

    fn name(&self) -> String {
        match &self.place {
            Place::File(path) => path.display().to_string(),
            Place::Environment(variable) => variable.clone(),
        }
    }

    fn versions(&self) -> Result<Versions, ProviderError> {
        let keys = match &self.place {
            Place::File(path) => file::load_all(path).map_err(|error| match error.problem {
                KeyFileProblem::Missing => ProviderError::Disabled,
                KeyFileProblem::Malformed => ProviderError::Malformed,
                _ => ProviderError::Unreachable,
            })?,
            Place::Environment(variable) => {
                let text = std::env::var(variable).map(Secret::new).map_err(|_| ProviderError::Disabled)?;
                read_digits(&text).ok_or(ProviderError::Malformed)?
            }
        };
        if keys.is_empty() || keys.len() > MOST_VERSIONS {
            return Err(ProviderError::Malformed);
        }
        Ok((1..).zip(keys).collect())
    }

    fn wrap_bytes(&self, versions: &Versions, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, ProviderError> {
        let (&version, key) = versions.last_key_value().ok_or(ProviderError::Disabled)?;
        let bound = Bound::new(version, context);
        let cipher = seal::cipher(&sub_key(key.expose(), Purpose::DataKey, PROVIDER_EPOCH, None));
        Ok(seal::seal(&cipher, &bound.data(), random_bytes(&*self.randomness), plain))
    }

    fn unwrap_bytes(versions: &Versions, context: &[u8], wrapped: &[u8]) -> Result<Secret<Vec<u8>>, ProviderError> {
        let version = SealedHeader::read(wrapped).ok_or(ProviderError::DoesNotOpen)?.key_id;
        let key = versions.get(&version).ok_or(ProviderError::DoesNotOpen)?;
        let bound = Bound::new(version, context);
        let cipher = seal::cipher(&sub_key(key.expose(), Purpose::DataKey, PROVIDER_EPOCH, None));
        seal::open(&cipher, &bound.data(), wrapped).ok_or(ProviderError::DoesNotOpen)
    }
}

/// The epoch of the sub-keys with which a provider wraps. Epoch 0 is the installation key's own, before there were providers.
const PROVIDER_EPOCH: i64 = 1;

/// What a wrapped key is bound to.
struct Bound {
    version: u32,
    context: RowContext,
}

impl Bound {
    fn new(version: u32, context: &[u8]) -> Self {
        Self { version, context: RowContext::of(&[context]) }
    }

    fn data(&self) -> AssociatedData<'_> {
        AssociatedData {
            key_id: self.version,
            account: Uuid::nil(),
            container: 0,
            purpose: Purpose::DataKey,
            context: &self.context,
        }
    }
}

fn read_digits(text: &Secret<String>) -> Option<Vec<KeyBytes>> {
    let read = |digits: &str| {
        let mut key = Secret::new([0; 32]);
        hex::decode_to_slice(digits.trim(), key.expose_mut()).ok()?;
        Some(key)
    };
    text.expose().split(',').map(read).collect()
}

#[async_trait]
impl KeyProvider for LocalKeys {
    async fn describe(&self) -> Result<KeyDescription, ProviderError> {
        let versions = self.versions()?;
        let version = *versions.last_key_value().ok_or(ProviderError::Disabled)?.0;
        Ok(KeyDescription { kind: self.kind(), name: self.name(), version })
    }

    async fn wrap(&self, context: &[u8], key: &KeyBytes) -> Result<Vec<u8>, ProviderError> {
        self.wrap_bytes(&self.versions()?, context, key.expose())
    }

    async fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<KeyBytes, ProviderError> {
        let plain = Self::unwrap_bytes(&self.versions()?, context, wrapped)?;
        seal::key_of(plain.expose()).ok_or(ProviderError::DoesNotOpen)
    }

    async fn rewrap(&self, context: &[u8], wrapped: &[u8]) -> Result<Option<Vec<u8>>, ProviderError> {
        let versions = self.versions()?;
        let plain = Self::unwrap_bytes(&versions, context, wrapped)?;
        if self.version(wrapped) == versions.last_key_value().map(|(version, _)| *version) {
            return Ok(None);
        }
        self.wrap_bytes(&versions, context, plain.expose()).map(Some)
    }

    async fn rotate(&self) -> Result<u32, ProviderError> {
        let Place::File(path) = &self.place else {
            return Err(ProviderError::Unsupported(
                "a key in the environment is rotated there: put the new one behind the old, with a comma between, and start anew",
            ));
        };
        let mut versions = self.versions()?;
        let newest = *versions.last_key_value().ok_or(ProviderError::Disabled)?.0 + 1;
        if versions.len() >= MOST_VERSIONS {
            return Err(ProviderError::Unsupported("the file has as many versions as it may: remove the oldest"));
        }
        versions.insert(newest, Secret::new(random_bytes(&*self.randomness)));
        let keys: Vec<&KeyBytes> = versions.values().collect();
        file::replace(path, &keys, &*self.randomness).map_err(|_| ProviderError::Unreachable)?;
        Ok(newest)
    }

    fn version(&self, wrapped: &[u8]) -> Option<u32> {
        Some(SealedHeader::read(wrapped)?.key_id)
    }
}

#[async_trait]
impl Signer for LocalKeys {
    async fn create(&self, _name: &str) -> Result<SigningKey, ProviderError> {
        let private = loop {
            // All but a few of 2^256 numbers are keys.
            let drawn = Secret::new(random_bytes::<32>(&*self.randomness));
            if let Ok(private) = PrivateKey::from_slice(drawn.expose()) {
                break private;
            }
        };
        let public_key = point_of(private.verifying_key())?;
        let bytes = Secret::new(private.to_bytes().to_vec());
        Ok(SigningKey { handle: self.wrap_bytes(&self.versions()?, SIGNING, bytes.expose())?, public_key })
    }

    async fn sign(&self, handle: &[u8], message: &[u8]) -> Result<[u8; 64], ProviderError> {
        let bytes = Self::unwrap_bytes(&self.versions()?, SIGNING, handle)?;
        let private = PrivateKey::from_slice(bytes.expose()).map_err(|_| ProviderError::DoesNotOpen)?;
        let signature: Signature = private.sign(message);
        Ok(signature.to_bytes().into())
    }

    async fn retire(&self, _handle: &[u8]) -> Result<(), ProviderError> {
        // The handle is the key: whoever keeps it forgets it.
        Ok(())
    }
}

impl fmt::Debug for LocalKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalKeys({})", self.name())
    }
}
