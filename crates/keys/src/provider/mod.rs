//! Who holds the key that wraps others: a file, the environment, a PKCS#11 token, or a transit engine.
//!
//! Start at [`KeyProvider`] and [`Signer`]. Whoever holds a key does the wrapping and the signing; where it can (a token, a
//! transit engine), the key itself never leaves it. What comes back is not believed but tried: see
//! [`Bounded`](bounded::Bounded) for time, and the caller's check values for lies.

pub mod bounded;
pub mod local;
pub mod pkcs11;
pub mod transit;

use async_trait::async_trait;
use likeness_base::Secret;
use p256::ecdsa::VerifyingKey;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A key of 256 bits, as it is used.
pub type KeyBytes = Secret<[u8; 32]>;

/// Wraps the keys of others with a key of its own, of which there may be several versions: the newest wraps, all unwrap.
#[async_trait]
pub trait KeyProvider: fmt::Debug + Send + Sync {
    /// Which key it is. Fails where it may not be used.
    async fn describe(&self) -> Result<KeyDescription, ProviderError>;

    /// A key in a form that this provider alone opens again, and only for the same context.
    async fn wrap(&self, context: &[u8], key: &KeyBytes) -> Result<Vec<u8>, ProviderError>;

    /// The key in a wrapped form.
    async fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<KeyBytes, ProviderError>;

    /// The same key wrapped by the newest version; `None`: it is already.
    async fn rewrap(&self, context: &[u8], wrapped: &[u8]) -> Result<Option<Vec<u8>>, ProviderError>;

    /// Makes a newer version, with which everything is wrapped from then on. Gives its number.
    async fn rotate(&self) -> Result<u32, ProviderError>;

    /// By which version something was wrapped; `None`: not by this kind of provider.
    fn version(&self, wrapped: &[u8]) -> Option<u32>;
}

/// Signs with ES256 keys that never leave the provider, or leave it sealed.
#[async_trait]
pub trait Signer: fmt::Debug + Send + Sync {
    /// Makes a key. `name` is unique among the keys of this provider.
    async fn create(&self, name: &str) -> Result<SigningKey, ProviderError>;

    /// `r` and `s` of a signature over SHA-256 of the message, as JOSE wants them. `handle` is that of [`SigningKey`].
    async fn sign(&self, handle: &[u8], message: &[u8]) -> Result<[u8; 64], ProviderError>;

    /// Destroys a key; one that is not there is destroyed already.
    async fn retire(&self, handle: &[u8]) -> Result<(), ProviderError>;
}

/// A key that signs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SigningKey {
    /// By what the provider finds it again: its name there, or the sealed private key. Not secret.
    pub handle: Vec<u8>,
    /// The point of the public key on P-256, uncompressed (SEC 1: `04`, `x`, `y`).
    pub public_key: [u8; 65],
}

/// The point of a public key, uncompressed.
fn point_of(key: &VerifyingKey) -> Result<[u8; 65], ProviderError> {
    key.to_encoded_point(false).as_bytes().try_into().map_err(|_| ProviderError::Malformed)
}

/// What kind of provider it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ProviderKind {
    /// A file that only its owner may read.
    File,
    /// A variable of the environment.
    Environment,
    /// A token behind PKCS#11.
    Pkcs11,
    /// The transit engine of Vault or OpenBao.
    Transit,
}

impl ProviderKind {
    /// Its name in settings and answers.
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Environment => "environment",
            Self::Pkcs11 => "pkcs11",
            Self::Transit => "transit",
        }
    }
}

/// A key of a provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyDescription {
    /// Where it is.
    pub kind: ProviderKind,
    /// What it is called there. Not secret.
    pub name: String,
    /// Its newest version.
    pub version: u32,
}

/// Why a provider did not do what it was asked. None of these says anything of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// It cannot be reached.
    #[error("the key provider cannot be reached")]
    Unreachable,
    /// It did not answer in time, or did not a moment ago and is left alone for now.
    #[error("the key provider does not answer in time")]
    TimedOut,
    /// There is no such key, or it may not be used.
    #[error("the key is disabled, or is not there")]
    Disabled,
    /// What was to be unwrapped was wrapped by another key, for another context, or was changed.
    #[error("the key provider does not open what it is said to have wrapped")]
    DoesNotOpen,
    /// It answered something that is no answer.
    #[error("the key provider answers something else than it was asked")]
    Malformed,
    /// It gave another key than the one it was to unwrap.
    #[error("the key provider gives another key than it wrapped")]
    Lies,
    /// No provider of that name is configured here.
    #[error("no key provider of that name is configured here")]
    Unknown,
    /// It cannot do that; the text says what to do.
    #[error("{0}")]
    Unsupported(&'static str),
}

impl ProviderError {
    /// Whether it may pass by itself.
    pub const fn may_pass(self) -> bool {
        matches!(self, Self::Unreachable | Self::TimedOut | Self::Malformed)
    }
}

/// The providers that an operator has configured, by their names.
#[derive(Clone, Debug, Default)]
pub struct Providers(BTreeMap<String, Arc<dyn KeyProvider>>);

impl Providers {
    /// One that has this name.
    pub fn add(&mut self, name: &str, provider: Arc<dyn KeyProvider>) {
        self.0.insert(name.to_owned(), provider);
    }

    /// The one of that name.
    ///
    /// # Errors
    /// [`ProviderError::Unknown`].
    pub fn get(&self, name: &str) -> Result<&Arc<dyn KeyProvider>, ProviderError> {
        self.0.get(name).ok_or(ProviderError::Unknown)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
