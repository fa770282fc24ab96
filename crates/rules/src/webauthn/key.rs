//! A key that was enrolled: how it comes to be, how it is used, and its record.

use super::{AuthenticatorData, Ceremony, ClientData, KeyOrigins, KeyProblem, LONGEST_KEY_SIGNATURE};
use likeness_base::{DocumentProblem, Timestamp, read_document, write_document};
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// How records are written. A reader refuses what is newer.
const FORMAT: u32 = 1;
/// Bytes of a record: the longest id in base64url, the longest host, and the rest.
const MOST_BYTES: usize = 2 * 1024;

/// A new key, as a browser gives it.
#[derive(Clone, Copy)]
pub struct KeyRegistration<'a> {
    /// `clientDataJSON`.
    pub client_data: &'a [u8],
    /// `authenticatorData`.
    pub authenticator_data: &'a [u8],
}

/// A signature, as a browser gives it.
#[derive(Clone, Copy)]
pub struct KeyAssertion<'a> {
    /// The id of the key.
    pub id: &'a [u8],
    /// `clientDataJSON`.
    pub client_data: &'a [u8],
    /// `authenticatorData`.
    pub authenticator_data: &'a [u8],
    /// `signature`, as ASN.1 writes it.
    pub signature: &'a [u8],
}

/// A key that was enrolled for a person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnrolledKey {
    #[serde(with = "bytes")]
    id: Vec<u8>,
    #[serde(with = "bytes")]
    public_key: Vec<u8>,
    host: String,
    counter: u32,
    can_be_backed_up: bool,
    created_ms: i64,
    used_ms: i64,
}

/// An id and a public key link the sessions of a person.
impl std::fmt::Debug for EnrolledKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EnrolledKey(..)")
    }
}

/// Bytes that are no record of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyRecordProblem {
    /// Not written by this program, or damaged.
    #[error("the record of an enrolled key is damaged")]
    Damaged,
    /// Written by a newer program.
    #[error("the record of an enrolled key has the format {0}, this program reads up to {FORMAT}")]
    Newer(u32),
}

impl From<DocumentProblem> for KeyRecordProblem {
    fn from(problem: DocumentProblem) -> Self {
        match problem {
            DocumentProblem::Unreadable { .. } => Self::Damaged,
            DocumentProblem::Newer(format) => Self::Newer(format),
        }
    }
}

impl EnrolledKey {
    /// A new key, if it was made by a page that may ask, for this challenge, after its user was verified. Evidence of who made
    /// the authenticator is not asked for.
    ///
    /// # Errors
    /// [`KeyProblem`], the first there is.
    pub fn enrol(
        given: &KeyRegistration<'_>,
        challenge: &[u8; 32],
        origins: &KeyOrigins,
        now: Timestamp,
    ) -> Result<Self, KeyProblem> {
        let host = asked(given.client_data, Ceremony::Create, challenge, origins)?;
        let said = AuthenticatorData::parse(given.authenticator_data)?;
        check_said(&said, &host)?;
        let key = said.attested.ok_or(KeyProblem::NoKey)?;
        Ok(Self {
            id: key.id.to_vec(),
            public_key: key.public_key.to_vec(),
            host,
            counter: said.counter,
            can_be_backed_up: said.can_be_backed_up,
            created_ms: now.as_millis(),
            used_ms: now.as_millis(),
        })
    }

    /// Whether it signed this challenge, for a page that may ask, after its user was verified; and what its counter is now.
    ///
    /// # Errors
    /// [`KeyProblem`], the first there is; that of the counter is the last, so that only a signature of the key itself tells
    /// of a copy.
    pub fn check(
        &self,
        given: &KeyAssertion<'_>,
        challenge: &[u8; 32],
        origins: &KeyOrigins,
    ) -> Result<u32, KeyProblem> {
        if given.id != self.id {
            return Err(KeyProblem::OtherKey);
        }
        let host = asked(given.client_data, Ceremony::Get, challenge, origins)?;
        if host != self.host {
            return Err(KeyProblem::Host);
        }
        let said = AuthenticatorData::parse(given.authenticator_data)?;
        check_said(&said, &self.host)?;
        if given.signature.len() > LONGEST_KEY_SIGNATURE {
            return Err(KeyProblem::Signature);
        }
        let key = VerifyingKey::from_sec1_bytes(&self.public_key).map_err(|_| KeyProblem::Signature)?;
        let signature = Signature::from_der(given.signature).map_err(|_| KeyProblem::Signature)?;
        let signed = [given.authenticator_data, &Sha256::digest(given.client_data)].concat();
        key.verify(&signed, &signature).map_err(|_| KeyProblem::Signature)?;
        if said.can_be_backed_up != self.can_be_backed_up {
            return Err(KeyProblem::Backup);
        }
        // Authenticators that do not count always say 0. Whoever counted once goes on.
        let counts = self.counter > 0 || said.counter > 0;
        if counts && said.counter <= self.counter { Err(KeyProblem::Counter) } else { Ok(said.counter) }
    }

    /// Remembers that it was used, with its new counter.
    pub fn used(&mut self, counter: u32, now: Timestamp) {
        (self.counter, self.used_ms) = (counter, now.as_millis().max(self.used_ms));
    }

    /// Its id, as the authenticator gave it.
    pub fn id(&self) -> &[u8] {
        &self.id
    }

    /// Whether it is of one device for certain: its authenticator says that it cannot be backed up.
    pub const fn is_of_one_device(&self) -> bool {
        !self.can_be_backed_up
    }

    /// When it was enrolled.
    pub const fn created_at(&self) -> Timestamp {
        Timestamp::from_millis(self.created_ms)
    }

    /// When it signed last, or was enrolled.
    pub const fn used_at(&self) -> Timestamp {
        Timestamp::from_millis(self.used_ms)
    }

    /// The record as it is stored, before it is sealed.
    pub fn to_bytes(&self) -> Vec<u8> {
        write_document(FORMAT, self)
    }

    /// Reads what [`EnrolledKey::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`KeyRecordProblem`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyRecordProblem> {
        if bytes.len() > MOST_BYTES {
            return Err(KeyRecordProblem::Damaged);
        }
        let key: Self = read_document(FORMAT, bytes)?;
        let is_key = (1..=super::LONGEST_KEY_ID).contains(&key.id.len()) && key.public_key.len() == 65;
        is_key.then_some(key).ok_or(KeyRecordProblem::Damaged)
    }
}

/// The host of the page that asked, if it asked for this and may.
fn asked(
    client_data: &[u8],
    ceremony: Ceremony,
    challenge: &[u8; 32],
    origins: &KeyOrigins,
) -> Result<String, KeyProblem> {
    let told = ClientData::parse(client_data)?;
    if told.ceremony != ceremony {
        return Err(KeyProblem::Ceremony);
    }
    if told.challenge != *challenge {
        return Err(KeyProblem::Challenge);
    }
    if told.top_origin.is_some_and(|around| !origins.allows(&around)) {
        return Err(KeyProblem::Origin);
    }
    origins.host(&told.origin).ok_or(KeyProblem::Origin)
}

fn check_said(said: &AuthenticatorData<'_>, host: &str) -> Result<(), KeyProblem> {
    if Sha256::digest(host.as_bytes())[..] != said.host_digest {
        return Err(KeyProblem::Host);
    }
    if !said.is_present {
        return Err(KeyProblem::NotPresent);
    }
    if said.is_verified { Ok(()) } else { Err(KeyProblem::NotVerified) }
}

/// Bytes as base64url.
mod bytes {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| de::Error::custom("expected base64url"))
    }
}
