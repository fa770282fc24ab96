//! Public keys of an issuer.

use super::{SigningKey, TokenProblem};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use std::fmt;
use thiserror::Error;

/// An identity provider publishes some tens of kilobytes, certificates included.
const MOST_BYTES: usize = 512 * 1024;
const MOST_KEYS: usize = 64;
/// Bits of an RSA modulus. Shorter ones can be broken, longer ones the library does not take.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// Public keys, found by their ids. `Debug` shows the ids.
#[derive(Clone, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// Why a set of keys cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeySetProblem {
    /// It is too long.
    #[error("the key set is longer than {MOST_BYTES} bytes; check the address it was fetched from")]
    TooLong,
    /// It is no JSON object with a list `keys`.
    #[error("the key set is not a JSON web key set; check the address it was fetched from")]
    Malformed,
    /// It has too many keys.
    #[error("the key set has more than {MOST_KEYS} keys; the issuer must publish fewer")]
    TooMany,
}

#[derive(Deserialize)]
struct Published {
    keys: Vec<Value>,
}

/// The members of a key that are read.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// Of a private key.
    d: Option<String>,
}

impl KeySet {
    /// Reads a JSON web key set. Keys that cannot check a signature we accept are left out, whatever the reason: an
    /// issuer may publish keys for other purposes beside those. So are private keys, since what is public is no proof.
    ///
    /// # Errors
    /// [`KeySetProblem`] when it is no such set or an unreasonable one.
    pub fn from_jwks(bytes: &[u8]) -> Result<Self, KeySetProblem> {
        if bytes.len() > MOST_BYTES {
            return Err(KeySetProblem::TooLong);
        }
        let published: Published = serde_json::from_slice(bytes).map_err(|_| KeySetProblem::Malformed)?;
        if published.keys.len() > MOST_KEYS {
            return Err(KeySetProblem::TooMany);
        }
        Ok(Self { keys: published.keys.into_iter().filter_map(Key::read).collect() })
    }

    /// The public halves of our own keys.
    pub fn of(keys: &[&SigningKey]) -> Self {
        Self { keys: keys.iter().filter_map(|key| Key::read(key.public_jwk())).collect() }
    }

    /// How many keys can be used.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key can be used.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether a key has this id. If not, the issuer may have a new one: fetch its keys again, but not too often.
    pub fn has(&self, key_id: &str) -> bool {
        self.keys.iter().any(|key| key.id.as_deref() == Some(key_id))
    }

    /// The key for a token. A token need not name one if there is but one.
    pub(super) fn find(&self, key_id: Option<&str>, algorithm: Algorithm) -> Result<&DecodingKey, TokenProblem> {
        let named: Vec<&Key> = match key_id {
            Some(_) => self.keys.iter().filter(|key| key.id.as_deref() == key_id).collect(),
            None if self.keys.len() == 1 => self.keys.iter().collect(),
            None => Vec::new(),
        };
        if named.is_empty() {
            return Err(TokenProblem::UnknownKey);
        }
        let fitting = named.into_iter().find(|key| key.algorithms.contains(&algorithm));
        fitting.map(|key| &key.key).ok_or(TokenProblem::Algorithm)
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| key.id.as_deref().unwrap_or("(no id)"))).finish()
    }
}

impl Key {
    fn read(jwk: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        let is_for_signatures = jwk.usage.as_deref().is_none_or(|usage| usage == "sig")
            && jwk.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|name| name == "verify"));
        if !is_for_signatures || jwk.d.is_some() {
            return None;
        }
        let (mut algorithms, key) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("EC", Some("P-256")) => (vec![Algorithm::ES256], curve(&jwk, 32)?),
            ("EC", Some("P-384")) => (vec![Algorithm::ES384], curve(&jwk, 48)?),
            ("OKP", Some("Ed25519")) => {
                // The library slices 32 bytes off without looking.
                (vec![Algorithm::EdDSA], DecodingKey::from_ed_der(&bytes(jwk.x.as_deref()?, 32)?))
            }
            ("RSA", _) => (
                vec![
                    Algorithm::RS256,
                    Algorithm::RS384,
                    Algorithm::RS512,
                    Algorithm::PS256,
                    Algorithm::PS384,
                    Algorithm::PS512,
                ],
                rsa(&jwk)?,
            ),
            _ => return None,
        };
        if let Some(only) = &jwk.alg {
            algorithms.retain(|algorithm| format!("{algorithm:?}") == *only);
        }
        // The library checks a key when it is used: a try without a signature fails for one that is not on its curve.
        let is_usable = |algorithm: &Algorithm| jsonwebtoken::crypto::verify("", b"", &key, *algorithm).is_ok();
        algorithms.first().is_some_and(is_usable).then_some(())?;
        Some(Self { id: jwk.kid, algorithms, key })
    }
}

fn curve(jwk: &Jwk, size: usize) -> Option<DecodingKey> {
    let (x, y) = (bytes(jwk.x.as_deref()?, size)?, bytes(jwk.y.as_deref()?, size)?);
    Some(DecodingKey::from_ec_der(&[&[4], x.as_slice(), y.as_slice()].concat()))
}

fn rsa(jwk: &Jwk) -> Option<DecodingKey> {
    let modulus = BASE64_URL_SAFE_NO_PAD.decode(jwk.n.as_deref()?).ok()?;
    let exponent = BASE64_URL_SAFE_NO_PAD.decode(jwk.e.as_deref()?).ok()?;
    let modulus: &[u8] = &modulus[modulus.iter().take_while(|byte| **byte == 0).count()..];
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    // Exponents are odd and small (65537 as a rule); 1 would let everybody sign.
    let is_exponent = exponent.len() <= 4 && exponent.last().is_some_and(|byte| byte % 2 == 1) && exponent != [1];
    let is_odd = modulus.last().is_some_and(|byte| byte % 2 == 1);
    (RSA_BITS.contains(&bits) && is_odd && is_exponent && !exponent.starts_with(&[0]))
        .then(|| DecodingKey::from_rsa_raw_components(modulus, &exponent))
}

fn bytes(text: &str, size: usize) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == size)
}
