//! Our own keys.

use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use likeness_base::{Randomness, Secret};
use p256::pkcs8::EncodePrivateKey;
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// The first byte of a written key, in case there is ever another form.
const FORMAT: u8 = 1;
const SCALAR: usize = 32;
/// One draw in four thousand million is no key.
const MOST_DRAWS: usize = 16;

/// A private key that signs our tokens (P-256, ES256). `Debug` shows its id.
pub struct SigningKey {
    scalar: Secret<Vec<u8>>,
    created_at: i64,
    key: EncodingKey,
    public: Jwk,
    id: String,
}

impl SigningKey {
    /// A new key, and when it was made.
    ///
    /// # Panics
    /// When the randomness is none.
    pub fn generate(randomness: &dyn Randomness, now: i64) -> Self {
        (0..MOST_DRAWS)
            .find_map(|_| {
                // Drawn where it is wiped, not by way of the stack.
                let mut scalar = Secret::new(vec![0; SCALAR]);
                randomness.fill(scalar.expose_mut());
                Self::from_scalar(scalar, now)
            })
            .expect("random bytes are nearly always a key")
    }

    /// The key as bytes to keep sealed.
    pub fn to_bytes(&self) -> Secret<Vec<u8>> {
        // All at once: a buffer that grows leaves copies behind.
        let mut bytes = Vec::with_capacity(1 + 8 + SCALAR);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.created_at.to_be_bytes());
        bytes.extend_from_slice(self.scalar.expose());
        Secret::new(bytes)
    }

    /// Reads what [`Self::to_bytes`] wrote; none if it is something else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (created_at, scalar) = bytes.strip_prefix(&[FORMAT])?.split_first_chunk::<8>()?;
        Self::from_scalar(Secret::new(scalar.to_vec()), i64::from_be_bytes(*created_at))
    }

    fn from_scalar(scalar: Secret<Vec<u8>>, created_at: i64) -> Option<Self> {
        if scalar.expose().len() != SCALAR {
            return None;
        }
        let der = p256::SecretKey::from_slice(scalar.expose()).ok()?.to_pkcs8_der().ok()?;
        let key = EncodingKey::from_ec_der(der.as_bytes());
        let mut public = Jwk::from_encoding_key(&key, Algorithm::ES256).ok()?;
        let id = public.thumbprint(ThumbprintHash::SHA256).ok()?;
        public.common.key_id = Some(id.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        public.common.key_algorithm = Some(KeyAlgorithm::ES256);
        Some(Self { scalar, created_at, key, public, id })
    }

    /// The key's id: its thumbprint (RFC 7638).
    pub fn key_id(&self) -> &str {
        &self.id
    }

    /// When it was made, in seconds since 1970.
    pub const fn created_at(&self) -> i64 {
        self.created_at
    }

    /// The public half, for publishing in a key set.
    pub fn public_jwk(&self) -> Value {
        serde_json::to_value(&self.public).expect("a public key is plain text")
    }

    pub(super) fn sign(&self, claims: &impl Serialize) -> Secret<String> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.id.clone());
        let token = jsonwebtoken::encode(&header, claims, &self.key);
        Secret::new(token.expect("the key was tried when it was made, and our claims are plain"))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}
