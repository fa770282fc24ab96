//! What goes wrong on the device.

use serde_json::Value;
use thiserror::Error;

/// The server refused to begin, or broke the attempt off.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{code}: {message}")]
pub struct Refused {
    /// Why, as the protocol's page lists it.
    pub code: String,
    /// In words.
    pub message: String,
    /// Whether trying again can help.
    pub may_retry: bool,
    /// When.
    pub retry_after_seconds: Option<u32>,
}

impl Refused {
    /// Reads a message `error`, whatever its code: servers newer than this client may have others.
    pub(crate) fn parse(message: &Value) -> Option<Self> {
        let text = |name: &str| message[name].as_str().map(str::to_owned);
        (message["type"] == "error").then(|| Self {
            code: text("code").unwrap_or_default(),
            message: text("message").unwrap_or_default(),
            may_retry: message["mayRetry"].as_bool().unwrap_or(false),
            retry_after_seconds: message["retryAfterSeconds"].as_u64().and_then(|seconds| seconds.try_into().ok()),
        })
    }

    /// Of an HTTP answer. A proxy's body need not be ours.
    pub(crate) fn of_answer(status: u16, retry_after: Option<&str>, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| body["error"][name].as_str().map(str::to_owned);
        Self {
            code: text("code").unwrap_or_else(|| status.to_string()),
            message: text("message").unwrap_or_else(|| format!("The server answered with the HTTP status {status}.")),
            may_retry: matches!(status, 409 | 429) || status >= 500,
            retry_after_seconds: retry_after.and_then(|seconds| seconds.trim().parse().ok()),
        }
    }
}

/// Why a source has no picture.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// Why an attempt has no outcome.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The address is none of a server.
    #[error("{0}")]
    Address(String),
    /// There is no connection.
    #[error("cannot connect to {0}")]
    Connect(String, #[source] std::io::Error),
    /// The server answered the opening of a socket with something else.
    #[error("the server opens no socket here: {0}")]
    NoSocket(Refused),
    /// The server refused to begin, or broke the attempt off.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The connection ended before the result.
    #[error("the connection ended before the result")]
    Closed,
    /// No result came although the time for it was over.
    #[error("no result came in time")]
    Silent,
    /// The server said something that is none of the protocol.
    #[error("the server said something that is none of the protocol: {0}")]
    NotOfProtocol(&'static str),
    /// The session expects a reference picture, and the device has none.
    #[error("the session expects a reference picture from the device, and none was given")]
    NoReference,
    /// There is no picture.
    #[error(transparent)]
    Source(#[from] SourceError),
}
