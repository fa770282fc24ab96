//! What browsers say of people's keys: client data, authenticator data, new keys; and the records of keys.

use crate::Target;
use likeness_base::Timestamp;
use likeness_rules::{AuthenticatorData, ClientData, EnrolledKey, KeyAssertion, KeyOrigins, KeyRegistration};

pub(crate) const TARGETS: &[Target] = &[
    Target::of("key_client_data", |input| ClientData::parse(input).is_ok()),
    Target::with(
        "key_authenticator_data",
        |input| AuthenticatorData::parse(input).is_ok(),
        || vec![new_key(), vec![0; 37]],
    ),
    Target::with("new_key", enrol, || vec![[CLIENT_DATA, b"\n", &new_key()].concat()]),
    Target::with("key_record", record, || vec![enrolled(CLIENT_DATA, &new_key()).expect("a key").to_bytes()]),
];

const CLIENT_DATA: &[u8] = br#"{"type":"webauthn.create","challenge":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","origin":"https://a.example"}"#;
/// SHA-256 of `a.example`.
const HOST: [u8; 32] = [
    0xb8, 0xe7, 0x45, 0x33, 0x71, 0xa0, 0x24, 0xda, 0xae, 0x06, 0xf3, 0x16, 0x44, 0x92, 0xc0, 0xaf, 0xcd, 0xe1, 0x34,
    0xc7, 0x74, 0x7c, 0x15, 0x5b, 0x3d, 0x83, 0xc2, 0x0d, 0xe3, 0x41, 0xe8, 0x55,
];
/// The point of P-256 that the standard names as its generator.
const X: [u8; 32] = [
    0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d,
    0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
];
const Y: [u8; 32] = [
    0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33,
    0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
];

/// Authenticator data with a new key.
fn new_key() -> Vec<u8> {
    let before_x = [0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20];
    let head = [&HOST[..], &[0x45], &[0; 4], &[0; 16], &[0, 2], b"id"].concat();
    [&head[..], &before_x, &X, &[0x22, 0x58, 0x20], &Y].concat()
}

fn enrolled(client_data: &[u8], authenticator_data: &[u8]) -> Option<EnrolledKey> {
    let origins = KeyOrigins::new("a.example", &[]);
    let given = KeyRegistration { client_data, authenticator_data };
    EnrolledKey::enrol(&given, &[0; 32], &origins, Timestamp::from_millis(1)).ok()
}

/// Client data in the first line, then authenticator data. What is enrolled comes back from its record, and nobody without its
/// private half signs with it.
fn enrol(input: &[u8]) -> bool {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (client_data, data) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    let Some(key) = enrolled(client_data, data) else { return false };
    assert!(EnrolledKey::from_bytes(&key.to_bytes()).as_ref() == Ok(&key), "it does not come back");
    signs_nothing(&key, client_data, data);
    true
}

fn record(input: &[u8]) -> bool {
    let Ok(key) = EnrolledKey::from_bytes(input) else { return false };
    signs_nothing(&key, CLIENT_DATA, input);
    true
}

fn signs_nothing(key: &EnrolledKey, client_data: &[u8], data: &[u8]) {
    let given = KeyAssertion { id: key.id(), client_data, authenticator_data: data, signature: data };
    let origins = KeyOrigins::new("a.example", &[]);
    assert!(key.check(&given, &[0; 32], &origins).is_err(), "a signature that nobody made was taken");
}
