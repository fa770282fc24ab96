//! What a device's key says: a signature in `end`, and the body of `session/key`.

use super::MessageProblem;
use crate::bounds::MOST_KEY_MESSAGE_BYTES;
use crate::text::Octets;
use serde::{Deserialize, Serialize};

/// The id of a key.
pub type KeyId = Octets<512>;
/// What a browser says of a ceremony.
pub type ClientDataBytes = Octets<1024>;

/// What proves that an app is the one it should be: whatever the operator's program takes.
pub type AppEvidence = Octets<2048>;

/// What a key signed at the end of an attempt: members of `AuthenticatorAssertionResponse`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assertion {
    /// Which of the keys of `ready`.
    pub id: KeyId,
    /// `clientDataJSON`.
    pub client_data: ClientDataBytes,
    /// `authenticatorData`.
    pub authenticator_data: Octets<512>,
    /// `signature`.
    pub signature: Octets<72>,
}

/// The body of `session/key`: a new key, members of `AuthenticatorAttestationResponse`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewKey {
    /// The attempt whose tail it was made for.
    pub attempt_id: u8,
    /// `clientDataJSON`.
    pub client_data: ClientDataBytes,
    /// `getAuthenticatorData()`.
    pub authenticator_data: Octets<1024>,
}

impl NewKey {
    /// Reads the body.
    ///
    /// # Errors
    /// [`MessageProblem`] when it is too long or malformed.
    pub fn parse(body: &[u8]) -> Result<Self, MessageProblem> {
        if body.len() > MOST_KEY_MESSAGE_BYTES {
            return Err(MessageProblem::TooLong);
        }
        serde_json::from_slice(body).map_err(|_| MessageProblem::Malformed)
    }
}
