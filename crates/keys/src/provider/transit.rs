//! The transit engine of Vault or OpenBao, which keeps keys and does the work with them.
//!
//! Start at [`Transit`]. How requests travel is the business of a [`Transport`]: this crate knows no HTTP. Keys that wrap must be
//! *derived* ones (`derived=true`): then the context is part of the key, and what was wrapped for one account opens for no other.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use likeness_base::Secret;
use p256::ecdsa::VerifyingKey;
use p256::pkcs8::DecodePublicKey;
use serde_json::{Value, json};

use super::{KeyBytes, KeyDescription, KeyProvider, ProviderError, ProviderKind, Signer, SigningKey, point_of};
use crate::seal::key_of;

/// Takes a request to the engine. It adds the address and the token, and says nothing of the body to any log.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// The status and the body of the answer to a request; a request without a body asks.
    async fn send(&self, request: TransitRequest) -> Result<(u16, Secret<Vec<u8>>), ProviderError>;
}

/// A request to the engine.
#[derive(Debug)]
pub struct TransitRequest {
    /// `GET`, `POST` or `DELETE`.
    pub method: &'static str,
    /// Below the address of the server, such as `v1/transit/encrypt/likeness`.
    pub path: String,
    /// JSON.
    pub body: Option<Secret<Vec<u8>>>,
}

/// A key of a transit engine.
#[derive(Debug)]
pub struct Transit {
    transport: Arc<dyn Transport>,
    mount: String,
    name: String,
}

impl Transit {
    /// The key `name` of the engine that is mounted at `mount`, usually `transit`.
    pub fn new(transport: Arc<dyn Transport>, mount: &str, name: &str) -> Self {
        Self { transport, mount: mount.trim_matches('/').to_owned(), name: name.to_owned() }
    }

    /// The `data` of an answer.
    async fn ask(&self, method: &'static str, path: &str, body: Option<&Value>) -> Result<Value, ProviderError> {
        let body = body.map(|body| Secret::new(body.to_string().into_bytes()));
        let request = TransitRequest { method, path: format!("v1/{}/{path}", self.mount), body };
        let (status, answer) = self.transport.send(request).await?;
        match status {
            200 => {}
            204 => return Ok(Value::Null),
            // The token may not use the key, there is none, or it was told not to be used.
            403 | 404 => return Err(ProviderError::Disabled),
            400 => return Err(refusal(answer.expose())),
            _ => return Err(ProviderError::Unreachable),
        }
        let mut answer: Value = serde_json::from_slice(answer.expose()).map_err(|_| ProviderError::Malformed)?;
        Ok(answer.get_mut("data").map(Value::take).unwrap_or_default())
    }

    async fn text(&self, path: &str, body: &Value, field: &str) -> Result<Secret<String>, ProviderError> {
        match self.ask("POST", path, Some(body)).await?.get_mut(field).map(Value::take) {
            Some(Value::String(text)) => Ok(Secret::new(text)),
            _ => Err(ProviderError::Malformed),
        }
    }

    /// What the engine wrapped, and by which version.
    async fn wrapped(&self, act: &str, body: &Value) -> Result<(Vec<u8>, u32), ProviderError> {
        let wrapped = self.text(&format!("{act}/{}", self.name), body, "ciphertext").await?;
        let wrapped = wrapped.expose().clone().into_bytes();
        let version = version_in(&wrapped).ok_or(ProviderError::Malformed)?;
        Ok((wrapped, version))
    }

    /// The name of a key that signs, by its handle.
    fn signing(handle: &[u8]) -> Result<&str, ProviderError> {
        std::str::from_utf8(handle).map_err(|_| ProviderError::Malformed)
    }
}

/// What the engine means by 400: that a text does not open, or that there is no key.
fn refusal(answer: &[u8]) -> ProviderError {
    let text = String::from_utf8_lossy(answer);
    match text.contains("key not found") || text.contains("disabled") || text.contains("deleted") {
        true => ProviderError::Disabled,
        false => ProviderError::DoesNotOpen,
    }
}

/// The version in `vault:v3:…`.
fn version_in(wrapped: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(wrapped).ok()?;
    text.strip_prefix("vault:v")?.split(':').next()?.parse().ok()
}

#[async_trait]
impl KeyProvider for Transit {
    async fn describe(&self) -> Result<KeyDescription, ProviderError> {
        let data = self.ask("GET", &format!("keys/{}", self.name), None).await?;
        if data["derived"] != json!(true) {
            return Err(ProviderError::Unsupported(
                "the key of the transit engine must be a derived one: create it with derived=true",
            ));
        }
        let version = data["latest_version"].as_u64().and_then(|version| u32::try_from(version).ok());
        let version = version.ok_or(ProviderError::Malformed)?;
        Ok(KeyDescription { kind: ProviderKind::Transit, name: format!("{}/{}", self.mount, self.name), version })
    }

    async fn wrap(&self, context: &[u8], key: &KeyBytes) -> Result<Vec<u8>, ProviderError> {
        let body = json!({ "plaintext": STANDARD.encode(key.expose()), "context": STANDARD.encode(context) });
        Ok(self.wrapped("encrypt", &body).await?.0)
    }

    async fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<KeyBytes, ProviderError> {
        let text = std::str::from_utf8(wrapped).map_err(|_| ProviderError::DoesNotOpen)?;
        let body = json!({ "ciphertext": text, "context": STANDARD.encode(context) });
        let plain = self.text(&format!("decrypt/{}", self.name), &body, "plaintext").await?;
        let plain = Secret::new(STANDARD.decode(plain.expose()).map_err(|_| ProviderError::Malformed)?);
        key_of(plain.expose()).ok_or(ProviderError::Malformed)
    }

    async fn rewrap(&self, context: &[u8], wrapped: &[u8]) -> Result<Option<Vec<u8>>, ProviderError> {
        let text = std::str::from_utf8(wrapped).map_err(|_| ProviderError::DoesNotOpen)?;
        let body = json!({ "ciphertext": text, "context": STANDARD.encode(context) });
        let (newer, version) = self.wrapped("rewrap", &body).await?;
        Ok((Some(version) != self.version(wrapped)).then_some(newer))
    }

    async fn rotate(&self) -> Result<u32, ProviderError> {
        self.ask("POST", &format!("keys/{}/rotate", self.name), Some(&json!({}))).await?;
        Ok(self.describe().await?.version)
    }

    fn version(&self, wrapped: &[u8]) -> Option<u32> {
        version_in(wrapped)
    }
}

#[async_trait]
impl Signer for Transit {
    async fn create(&self, name: &str) -> Result<SigningKey, ProviderError> {
        let path = format!("keys/{}-{name}", self.name);
        self.ask("POST", &path, Some(&json!({ "type": "ecdsa-p256" }))).await?;
        let data = self.ask("GET", &path, None).await?;
        let pem = data["keys"]["1"]["public_key"].as_str().ok_or(ProviderError::Malformed)?;
        let public = VerifyingKey::from_public_key_pem(pem).map_err(|_| ProviderError::Malformed)?;
        Ok(SigningKey { handle: format!("{}-{name}", self.name).into_bytes(), public_key: point_of(&public)? })
    }

    async fn sign(&self, handle: &[u8], message: &[u8]) -> Result<[u8; 64], ProviderError> {
        let body = json!({ "input": STANDARD.encode(message), "marshaling_algorithm": "jws", "key_version": 1 });
        let path = format!("sign/{}/sha2-256", Self::signing(handle)?);
        let signature = self.text(&path, &body, "signature").await?;
        let digits = signature.expose().rsplit(':').next().unwrap_or_default();
        let bytes = URL_SAFE_NO_PAD.decode(digits).map_err(|_| ProviderError::Malformed)?;
        bytes.try_into().map_err(|_| ProviderError::Malformed)
    }

    async fn retire(&self, handle: &[u8]) -> Result<(), ProviderError> {
        let name = Self::signing(handle)?;
        // The engine deletes only what it was told that it may.
        match self.ask("POST", &format!("keys/{name}/config"), Some(&json!({ "deletion_allowed": true }))).await {
            Ok(_) => {}
            Err(ProviderError::Disabled) => return Ok(()),
            Err(other) => return Err(other),
        }
        self.ask("DELETE", &format!("keys/{name}"), None).await.map(drop)
    }
}
