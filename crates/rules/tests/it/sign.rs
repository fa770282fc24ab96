//! Keys and tokens for tests, right ones and wrong ones.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use likeness_base::Randomness;
use likeness_rules::{ResourceId, SigningKey};
use p256::pkcs8::EncodePrivateKey;
use serde_json::{Value, json};
use uuid::Uuid;

/// The second that these tests take for now.
pub(crate) const NOW: i64 = 1_800_000_000;

/// Bytes that count up.
pub(crate) struct Counting(pub(crate) u8);

impl Randomness for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for (place, byte) in buffer.iter_mut().enumerate() {
            *byte = self.0.wrapping_add(place as u8);
        }
    }
}

/// A key; another seed, another key.
pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::generate(&Counting(seed), NOW)
}

pub(crate) fn resource(name: &str) -> ResourceId {
    ResourceId::new(Uuid::from_u128(7), "rg", name).unwrap()
}

pub(crate) fn encode(part: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(part)
}

pub(crate) fn decode(part: &str) -> Value {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// The header that goes with a key.
pub(crate) fn header(key: &SigningKey) -> Value {
    json!({"alg": "ES256", "typ": "JWT", "kid": key.key_id()})
}

/// Signs whatever it is given, in ES256.
pub(crate) fn forge(key: &SigningKey, header: &Value, claims: &Value) -> String {
    forge_text(key, &header.to_string(), &claims.to_string())
}

pub(crate) fn forge_text(key: &SigningKey, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
    let bytes = key.to_bytes();
    let der = p256::SecretKey::from_slice(&bytes.expose()[9..]).unwrap().to_pkcs8_der().unwrap();
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_ec_der(der.as_bytes()), Algorithm::ES256);
    format!("{message}.{}", signature.unwrap())
}

/// `claims` with one member changed, or removed when the value is null.
pub(crate) fn with(claims: &Value, member: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(member);
    } else {
        claims[member] = value;
    }
    claims
}
