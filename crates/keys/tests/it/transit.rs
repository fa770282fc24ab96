//! The transit engine, by an imitation in this process: no such server can be installed where these tests run. It holds requests
//! to the published form and computes for real, so that what is tested is the wire and the errors, not the server.

use crate::{Dice, conformance};
use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use likeness_base::{Secret, random_bytes};
use likeness_keys::provider::transit::{Transit, TransitRequest, Transport};
use likeness_keys::provider::{KeyProvider, ProviderError, ProviderKind};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{EncodePublicKey, LineEnding};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// A server that knows what the tests need of `transit`.
#[derive(Debug, Default)]
struct Imitation {
    state: Mutex<State>,
    dice: Dice,
}

#[derive(Debug, Default)]
struct State {
    wrapping: HashMap<String, Vec<[u8; 32]>>,
    signing: HashMap<String, [u8; 32]>,
    asked: Vec<(String, String)>,
    /// Answered instead of everything else.
    instead: Option<(u16, String)>,
}

impl Imitation {
    fn with_key(name: &str) -> Arc<Self> {
        let imitation = Self::default();
        imitation.state.lock().unwrap().wrapping.insert(name.to_owned(), vec![[1; 32]]);
        Arc::new(imitation)
    }

    fn cipher(key: &[u8; 32], context: &str) -> Aes256Gcm {
        let derived: [u8; 32] = Sha256::new().chain_update(key).chain_update(context).finalize().into();
        Aes256Gcm::new(<&Key<Aes256Gcm>>::from(&derived))
    }

    fn encrypt(&self, versions: &[[u8; 32]], context: &str, plain: &[u8]) -> String {
        let nonce: [u8; 12] = random_bytes(&self.dice);
        let sealed = Self::cipher(versions.last().unwrap(), context).encrypt(&Nonce::from(nonce), plain).unwrap();
        format!("vault:v{}:{}", versions.len(), STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    fn decrypt(versions: &[[u8; 32]], context: &str, text: &str) -> Option<Vec<u8>> {
        let (version, sealed) = text.strip_prefix("vault:v")?.split_once(':')?;
        let key = versions.get(version.parse::<usize>().ok()?.checked_sub(1)?)?;
        let sealed = STANDARD.decode(sealed).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk::<12>()?;
        Self::cipher(key, context).decrypt(&Nonce::from(*nonce), sealed).ok()
    }

    fn answer(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let mut state = self.state.lock().unwrap();
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        let not_found = (400, json!({ "errors": ["encryption key not found"] }));
        let parts: Vec<&str> = path.split('/').collect();
        let ["v1", "transit", rest @ ..] = &parts[..] else { return (404, json!({ "errors": [] })) };
        match (method, rest) {
            ("GET", ["keys", name]) => {
                if let Some(versions) = state.wrapping.get(*name) {
                    return (200, json!({ "data": { "derived": true, "latest_version": versions.len() } }));
                }
                let Some(key) = state.signing.get(*name) else { return (404, json!({ "errors": [] })) };
                let pem =
                    SigningKey::from_slice(key).unwrap().verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
                (200, json!({ "data": { "latest_version": 1, "keys": { "1": { "public_key": pem } } } }))
            }
            ("POST", ["keys", name]) => {
                assert_eq!(body["type"], "ecdsa-p256");
                state.signing.insert((*name).to_owned(), random_bytes(&self.dice));
                (204, Value::Null)
            }
            ("POST", ["keys", name, "rotate"]) => {
                let new = random_bytes(&self.dice);
                state.wrapping.get_mut(*name).unwrap().push(new);
                (204, Value::Null)
            }
            ("POST", ["keys", name, "config"]) if state.signing.contains_key(*name) => (204, Value::Null),
            ("DELETE", ["keys", name]) => {
                state.signing.remove(*name);
                (204, Value::Null)
            }
            ("POST", [act @ ("encrypt" | "decrypt" | "rewrap"), name]) => {
                let Some(versions) = state.wrapping.get(*name) else { return not_found };
                let context = text("context");
                assert!(
                    STANDARD.decode(&context).is_ok_and(|context| !context.is_empty()),
                    "derived keys want a context"
                );
                if *act == "encrypt" {
                    let plain = STANDARD.decode(text("plaintext")).unwrap();
                    return (200, json!({ "data": { "ciphertext": self.encrypt(versions, &context, &plain) } }));
                }
                let Some(plain) = Self::decrypt(versions, &context, &text("ciphertext")) else {
                    return (400, json!({ "errors": ["cipher: message authentication failed"] }));
                };
                match *act {
                    "decrypt" => (200, json!({ "data": { "plaintext": STANDARD.encode(plain) } })),
                    _ => (200, json!({ "data": { "ciphertext": self.encrypt(versions, &context, &plain) } })),
                }
            }
            ("POST", ["sign", name, "sha2-256"]) => {
                assert_eq!(body["marshaling_algorithm"], "jws");
                let Some(key) = state.signing.get(*name) else {
                    return (400, json!({ "errors": ["signing key not found"] }));
                };
                let signature: Signature =
                    SigningKey::from_slice(key).unwrap().sign(&STANDARD.decode(text("input")).unwrap());
                (
                    200,
                    json!({ "data": { "signature": format!("vault:v1:{}", URL_SAFE_NO_PAD.encode(signature.to_bytes())) } }),
                )
            }
            _ => (404, json!({ "errors": [] })),
        }
    }
}

#[async_trait]
impl Transport for Imitation {
    async fn send(&self, request: TransitRequest) -> Result<(u16, Secret<Vec<u8>>), ProviderError> {
        let body: Value =
            request.body.as_ref().map_or(Value::Null, |body| serde_json::from_slice(body.expose()).unwrap());
        let instead = {
            let mut state = self.state.lock().unwrap();
            state.asked.push((request.method.to_owned(), request.path.clone()));
            state.instead.clone()
        };
        let (status, answer) = match instead {
            Some((status, text)) => (status, text),
            None => {
                let (status, answer) = self.answer(request.method, &request.path, &body);
                (status, answer.to_string())
            }
        };
        Ok((status, Secret::new(answer.into_bytes())))
    }
}

#[tokio::test]
async fn a_transit_engine_wraps_rotates_and_signs() {
    let imitation = Imitation::with_key("likeness");
    let transit = Transit::new(imitation.clone(), "/transit/", "likeness");
    let described = transit.describe().await.unwrap();
    assert_eq!((described.kind, described.name.as_str()), (ProviderKind::Transit, "transit/likeness"));
    conformance::wraps(&transit).await;
    conformance::rotates(&transit).await;
    conformance::signs(&transit).await;
    let asked = imitation.state.lock().unwrap().asked.clone();
    for (method, path) in [
        ("GET", "v1/transit/keys/likeness"),
        ("POST", "v1/transit/encrypt/likeness"),
        ("POST", "v1/transit/decrypt/likeness"),
        ("POST", "v1/transit/rewrap/likeness"),
        ("POST", "v1/transit/keys/likeness/rotate"),
        ("POST", "v1/transit/keys/likeness-one"),
        ("POST", "v1/transit/sign/likeness-one/sha2-256"),
        ("POST", "v1/transit/keys/likeness-two/config"),
        ("DELETE", "v1/transit/keys/likeness-two"),
    ] {
        assert!(asked.iter().any(|one| *one == (method.to_owned(), path.to_owned())), "{method} {path}");
    }
}

#[tokio::test]
async fn what_the_engine_says_else_is_no_key() {
    let imitation = Imitation::with_key("likeness");
    let transit = Transit::new(imitation.clone(), "transit", "likeness");
    let wrapped = transit.wrap(b"a", &Secret::new([1; 32])).await.unwrap();
    let cases = [
        (403, r#"{"errors":["permission denied"]}"#, ProviderError::Disabled),
        (404, r#"{"errors":[]}"#, ProviderError::Disabled),
        (400, r#"{"errors":["encryption key not found"]}"#, ProviderError::Disabled),
        (400, r#"{"errors":["cipher: message authentication failed"]}"#, ProviderError::DoesNotOpen),
        (429, "", ProviderError::Unreachable),
        (503, r#"{"errors":["Vault is sealed"]}"#, ProviderError::Unreachable),
        (200, "<html>", ProviderError::Malformed),
        (200, "{}", ProviderError::Malformed),
        (200, r#"{"data":{"plaintext":7}}"#, ProviderError::Malformed),
        (200, r#"{"data":{"plaintext":"not base64!"}}"#, ProviderError::Malformed),
        (200, r#"{"data":{"plaintext":"c2hvcnQ="}}"#, ProviderError::Malformed),
    ];
    for (status, answer, expected) in cases {
        imitation.state.lock().unwrap().instead = Some((status, answer.to_owned()));
        assert_eq!(transit.unwrap(b"a", &wrapped).await.err(), Some(expected), "{status} {answer}");
    }
    // A key that is not a derived one would open for every account.
    imitation.state.lock().unwrap().instead =
        Some((200, r#"{"data":{"derived":false,"latest_version":1}}"#.to_owned()));
    assert!(matches!(transit.describe().await, Err(ProviderError::Unsupported(_))));
}
