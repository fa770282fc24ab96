//! Our own keys, here or with a provider, and tokens on their way to being signed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use likeness_base::{Randomness, Secret};
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey as PrivateKey, VerifyingKey};
use p256::pkcs8::EncodePrivateKey;
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt;

/// The first byte of a written key that is here, and of one that a provider holds.
const HERE: u8 = 1;
const HELD: u8 = 2;
const SCALAR: usize = 32;
const POINT: usize = 65;
/// One draw in four thousand million is no key.
const MOST_DRAWS: usize = 16;

/// A private key that signs our tokens (P-256, ES256): here, or with a provider that signs. `Debug` shows its id.
pub struct SigningKey {
    place: Place,
    created_at: i64,
    public: Jwk,
    point: VerifyingKey,
    id: String,
}

enum Place {
    Here(Secret<Vec<u8>>),
    Provider { name: String, handle: Vec<u8> },
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

    /// A key that a provider made and holds, by its handle there and its point (SEC 1, uncompressed); none if that is no
    /// point.
    pub fn held(name: &str, handle: &[u8], point: &[u8; POINT], now: i64) -> Option<Self> {
        let place = Place::Provider { name: name.to_owned(), handle: handle.to_vec() };
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (x, y) = point[1..].split_at(32);
        let public = json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) });
        Self::of(place, serde_json::from_value(public).ok()?, VerifyingKey::from_sec1_bytes(point).ok()?, now)
    }

    /// The key as bytes to keep sealed.
    pub fn to_bytes(&self) -> Secret<Vec<u8>> {
        // All at once: a buffer that grows leaves copies behind.
        let mut bytes = Vec::with_capacity(1 + 8 + 2 + 255 + POINT + 4_096);
        match &self.place {
            Place::Here(scalar) => {
                bytes.push(HERE);
                bytes.extend_from_slice(&self.created_at.to_be_bytes());
                bytes.extend_from_slice(scalar.expose());
            }
            Place::Provider { name, handle } => {
                bytes.push(HELD);
                bytes.extend_from_slice(&self.created_at.to_be_bytes());
                bytes.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
                bytes.extend_from_slice(name.as_bytes());
                bytes.extend_from_slice(self.point.to_encoded_point(false).as_bytes());
                bytes.extend_from_slice(handle);
            }
        }
        Secret::new(bytes)
    }

    /// Reads what [`Self::to_bytes`] wrote; none if it is something else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (place, rest) = bytes.split_first()?;
        let (created_at, rest) = rest.split_first_chunk::<8>()?;
        let created_at = i64::from_be_bytes(*created_at);
        match *place {
            HERE => Self::from_scalar(Secret::new(rest.to_vec()), created_at),
            HELD => {
                let (length, rest) = rest.split_first()?;
                let (name, rest) = rest.split_at_checked(usize::from(*length))?;
                let (point, handle) = rest.split_first_chunk::<POINT>()?;
                Self::held(std::str::from_utf8(name).ok()?, handle, point, created_at)
            }
            _ => None,
        }
    }

    fn from_scalar(scalar: Secret<Vec<u8>>, created_at: i64) -> Option<Self> {
        if scalar.expose().len() != SCALAR {
            return None;
        }
        let private = p256::SecretKey::from_slice(scalar.expose()).ok()?;
        let der = private.to_pkcs8_der().ok()?;
        let public = Jwk::from_encoding_key(&EncodingKey::from_ec_der(der.as_bytes()), Algorithm::ES256).ok()?;
        let point = VerifyingKey::from(private.public_key());
        Self::of(Place::Here(scalar), public, point, created_at)
    }

    fn of(place: Place, mut public: Jwk, point: VerifyingKey, created_at: i64) -> Option<Self> {
        let id = public.thumbprint(ThumbprintHash::SHA256).ok()?;
        public.common.key_id = Some(id.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        public.common.key_algorithm = Some(KeyAlgorithm::ES256);
        Some(Self { place, created_at, public, point, id })
    }

    /// The provider that holds it, by its name, and the handle there; none: it is here.
    pub fn holder(&self) -> Option<(&str, &[u8])> {
        match &self.place {
            Place::Here(_) => None,
            Place::Provider { name, handle } => Some((name, handle)),
        }
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

    /// A token with these claims that is still to be signed.
    pub(super) fn unsigned(&self, claims: &impl Serialize) -> UnsignedToken {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.id.clone());
        let part = |bytes: serde_json::Result<Vec<u8>>| {
            URL_SAFE_NO_PAD.encode(bytes.expect("our headers and claims are plain"))
        };
        let input = format!("{}.{}", part(serde_json::to_vec(&header)), part(serde_json::to_vec(claims)));
        UnsignedToken(Secret::new(input))
    }
}

/// A token that is still to be signed.
#[derive(Debug)]
pub struct UnsignedToken(Secret<String>);

impl UnsignedToken {
    /// What is to be signed.
    pub fn message(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }

    /// With the signature (`r` and `s`) of whoever holds the key; none where it is not that of the key.
    pub fn signed(self, key: &SigningKey, signature: &[u8; 64]) -> Option<Secret<String>> {
        let given = Signature::from_slice(signature).ok()?;
        key.point.verify(self.message(), &given).ok()?;
        Some(self.signed_unchecked(signature))
    }

    /// With a signature that code of ours has made; what others make is checked by [`Self::signed`], which takes three times as long as to
    /// sign.
    pub fn signed_unchecked(self, signature: &[u8; 64]) -> Secret<String> {
        Secret::new(format!("{}.{}", self.0.expose(), URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Signed by a key that is here; none where a provider holds it.
    pub fn signed_here(self, key: &SigningKey) -> Option<Secret<String>> {
        let Place::Here(scalar) = &key.place else { return None };
        let signature: Signature = PrivateKey::from_slice(scalar.expose()).ok()?.sign(self.message());
        Some(self.signed_unchecked(&signature.to_bytes().into()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}
