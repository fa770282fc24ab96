//! Client data: what the browser says of a ceremony, as JSON (section 5.8.1 of the standard).

use super::{KeyProblem, LONGEST_CLIENT_DATA};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;

/// What a page asked the authenticator for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceremony {
    /// A new key: `webauthn.create`.
    Create,
    /// A signature: `webauthn.get`.
    Get,
}

/// What the browser says.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientData {
    /// What was asked for.
    pub ceremony: Ceremony,
    /// The question that was asked. Ours have 32 bytes.
    pub challenge: [u8; 32],
    /// The origin of the page that asked.
    pub origin: String,
    /// The origin of the page around it, where that is another one and the browser says so.
    pub top_origin: Option<String>,
}

/// An origin and a challenge are nobody's business in a log.
impl std::fmt::Debug for ClientData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientData").field("ceremony", &self.ceremony).finish_non_exhaustive()
    }
}

/// As it is written. Members that are not listed here are passed over: the standard adds some, and browsers invent one now
/// and then so that nobody compares texts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: Option<bool>,
    #[serde(default)]
    top_origin: Option<String>,
}

impl ClientData {
    /// Reads client data.
    ///
    /// # Errors
    /// [`KeyProblem::ClientData`] for what is none, [`KeyProblem::Ceremony`] for another use, [`KeyProblem::Challenge`] for
    /// a challenge that cannot be ours.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyProblem> {
        if bytes.len() > LONGEST_CLIENT_DATA {
            return Err(KeyProblem::ClientData);
        }
        let written: Written = serde_json::from_slice(bytes).map_err(|_| KeyProblem::ClientData)?;
        let ceremony = match written.r#type.as_str() {
            "webauthn.create" => Ceremony::Create,
            "webauthn.get" => Ceremony::Get,
            _ => return Err(KeyProblem::Ceremony),
        };
        let challenge = BASE64_URL_SAFE_NO_PAD.decode(&written.challenge).ok();
        let challenge = challenge.and_then(|bytes| bytes.try_into().ok()).ok_or(KeyProblem::Challenge)?;
        let top_origin = written.top_origin.filter(|_| written.cross_origin == Some(true));
        Ok(Self { ceremony, challenge, origin: written.origin, top_origin })
    }
}
