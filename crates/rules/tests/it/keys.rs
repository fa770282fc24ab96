//! Key sets of token issuers: which keys are accepted, and the ids of our own.

use crate::sign::{Counting, NOW, encode, key};
use likeness_rules::{KeySet, KeySetProblem, SigningKey};
use serde_json::{Value, json};

fn set(keys: &[Value]) -> Result<KeySet, KeySetProblem> {
    KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes())
}

fn with(mut jwk: Value, member: &str, value: Value) -> Value {
    jwk[member] = value;
    jwk
}

fn published(place: usize) -> Value {
    let foreign: Value = serde_json::from_str(include_str!("foreign/tokens.json")).unwrap();
    foreign["jwks"]["keys"][place].clone()
}

#[test]
fn keys_that_are_taken_and_keys_that_are_left_out() {
    let (rsa, p256, p384, ed) = (published(0), published(1), published(2), published(3));
    let modulus = |bytes: usize| encode(&vec![0xff; bytes]);
    let cases = [
        (rsa.clone(), true),
        (p256.clone(), true),
        (p384.clone(), true),
        (ed.clone(), true),
        (with(p256.clone(), "use", json!("sig")), true),
        (with(p256.clone(), "key_ops", json!(["sign", "verify"])), true),
        (with(p256.clone(), "alg", json!("ES256")), true),
        (with(p256.clone(), "x5c", json!(["AAAA"])), true),
        (with(rsa.clone(), "n", json!(modulus(512))), true),
        // For something else.
        (with(rsa.clone(), "use", json!("enc")), false),
        (with(p256.clone(), "key_ops", json!(["deriveKey"])), false),
        (with(rsa.clone(), "alg", json!("RSA-OAEP")), false),
        (with(rsa.clone(), "alg", json!("ES256")), false),
        (with(p256.clone(), "alg", json!("ES384")), false),
        // Of another kind.
        (with(p256.clone(), "kty", json!("oct")), false),
        (with(p256.clone(), "kty", json!("ec")), false),
        (with(p256.clone(), "crv", json!("secp256k1")), false),
        (with(p256.clone(), "crv", json!("P-384")), false),
        (with(p384.clone(), "crv", json!("P-521")), false),
        (with(ed.clone(), "crv", json!("X25519")), false),
        // Private, weak, or no key at all.
        (with(p256.clone(), "d", json!("AAAA")), false),
        (with(p256.clone(), "x", published(2)["x"].clone()), false),
        (with(p256.clone(), "x", p256["y"].clone()), false),
        (with(p256.clone(), "x", json!("")), false),
        (with(p256.clone(), "x", json!("*")), false),
        (with(p256.clone(), "y", Value::Null), false),
        (with(ed.clone(), "x", json!("")), false),
        (with(ed.clone(), "x", json!(encode(&[1; 31]))), false),
        (with(ed.clone(), "x", json!(encode(&[1; 33]))), false),
        (with(ed.clone(), "x", json!(encode(&[2; 32]))), false),
        (with(rsa.clone(), "n", json!(modulus(255))), false),
        (with(rsa.clone(), "n", json!(modulus(513))), false),
        (with(rsa.clone(), "n", json!(encode(&[&[0; 200][..], &[0xff; 100]].concat()))), false),
        (with(rsa.clone(), "n", json!(encode(&[0xfe; 256]))), false),
        (with(rsa.clone(), "n", json!("")), false),
        (with(rsa.clone(), "e", json!("AQ")), false),
        (with(rsa.clone(), "e", json!("Ag")), false),
        (with(rsa.clone(), "e", json!("")), false),
        (with(rsa.clone(), "e", json!("AAAB")), false),
        (with(rsa.clone(), "e", json!(encode(&[0xff; 5]))), false),
        (with(rsa, "n", Value::Null), false),
        (json!({}), false),
        (json!("key"), false),
        (Value::Null, false),
    ];
    for (jwk, taken) in cases {
        assert_eq!(set(std::slice::from_ref(&jwk)).unwrap().len(), usize::from(taken), "{jwk}");
    }
}

#[test]
fn sets_that_are_refused() {
    let cases: &[(&[u8], KeySetProblem)] = &[
        (b"", KeySetProblem::Malformed),
        (b"[]", KeySetProblem::Malformed),
        (b"{}", KeySetProblem::Malformed),
        (b"{\"keys\":{}}", KeySetProblem::Malformed),
        (b"\xff", KeySetProblem::Malformed),
        (&[b' '; 512 * 1024 + 1], KeySetProblem::TooLong),
    ];
    for (bytes, problem) in cases {
        assert_eq!(KeySet::from_jwks(bytes).unwrap_err(), *problem);
    }
    assert_eq!(set(&vec![json!({}); 65]).unwrap_err(), KeySetProblem::TooMany);
    assert!(set(&vec![json!({}); 64]).unwrap().is_empty());
}

#[test]
fn our_own_keys() {
    let key = key(1);
    let bytes = key.to_bytes();
    assert_eq!(bytes.expose().len(), 41);
    let again = SigningKey::from_bytes(bytes.expose()).unwrap();
    assert_eq!((again.key_id(), again.created_at()), (key.key_id(), NOW));
    assert_eq!(again.public_jwk(), key.public_jwk());
    assert_ne!(self::key(2).key_id(), key.key_id());

    let jwk = key.public_jwk();
    let members: Vec<&String> = jwk.as_object().unwrap().keys().collect();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    assert_eq!(jwk["kid"], key.key_id());
    let keys = KeySet::of(&[&key]);
    assert!(keys.has(key.key_id()) && !keys.has(""));
    assert_eq!(set(&[jwk]).unwrap().len(), 1);

    let longer = [bytes.expose().as_slice(), &[0]].concat();
    let mut newer = bytes.expose().clone();
    newer[0] = 2;
    let zero = [&bytes.expose()[..9], &[0; 32][..]].concat();
    let beyond = [&bytes.expose()[..9], &[0xff; 32][..]].concat();
    for wrong in [&[][..], &[1], &bytes.expose()[..40], &longer, &newer, &zero, &beyond] {
        assert!(SigningKey::from_bytes(wrong).is_none());
    }
}

/// The thumbprint of the key whose scalar is 1 to 32, worked out by `cryptography` and `hashlib` of Python.
#[test]
fn the_id_is_the_thumbprint_of_rfc_7638() {
    assert_eq!(key(1).key_id(), "6UoWwDCkLjV0J-pQG8c0THxbVhBcpR0AZDift1Yl5DM");
}

#[test]
fn debug_shows_ids_alone() {
    let key = SigningKey::generate(&Counting(1), NOW);
    assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.key_id()));
    assert_eq!(format!("{:?}", key.to_bytes()), "Secret(..)");
    assert_eq!(format!("{:?}", KeySet::of(&[&key])), format!("[\"{}\"]", key.key_id()));
}

#[test]
#[should_panic(expected = "random bytes are nearly always a key")]
fn without_randomness_there_is_no_key() {
    struct Stuck;
    impl likeness_base::Randomness for Stuck {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }
    SigningKey::generate(&Stuck, NOW);
}
