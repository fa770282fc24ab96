//! Keys of people's devices by WebAuthn (<https://www.w3.org/TR/webauthn-3/>): whether a new key was made as we asked, and
//! whether an enrolled one signed what we asked.
//!
//! Start at [`EnrolledKey::enrol`] and [`EnrolledKey::check`]. A key says that the same authenticator, after it had verified its
//! user, signed a challenge. It says nothing of a camera.
//!
//! Attestations are not asked for and not read: who made the authenticator is nobody's business here. So no CBOR is read
//! either: a public key of ES256 has one form alone (`authenticator.rs`), and extensions are signed over and passed over.

mod authenticator;
mod client_data;
mod key;
mod origin;

pub use authenticator::{Attested, AuthenticatorData};
pub use client_data::{Ceremony, ClientData};
pub use key::{EnrolledKey, KeyAssertion, KeyRecordProblem, KeyRegistration};
pub use origin::KeyOrigins;

use thiserror::Error;

/// Longest id of a key, in bytes. The standard knows ids of up to 1023; a list of ten has to fit into a message.
pub const LONGEST_KEY_ID: usize = 512;
/// Longest client data, in bytes.
pub const LONGEST_CLIENT_DATA: usize = 1024;
/// Longest authenticator data, in bytes: a new key with the longest id, and some extensions.
pub const LONGEST_AUTHENTICATOR_DATA: usize = 1024;
/// Longest signature, in bytes: two numbers of 33 bytes, as ASN.1 writes them.
pub const LONGEST_KEY_SIGNATURE: usize = 72;

/// Why a key is not enrolled, or a signature does not count. No text of it shows what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyProblem {
    /// Client data that is none, or too long.
    #[error("the client data cannot be read")]
    ClientData,
    /// Authenticator data that is none, or too long.
    #[error("the authenticator data cannot be read")]
    AuthenticatorData,
    /// Made for the other of the two uses.
    #[error("it was made for another ceremony")]
    Ceremony,
    /// The answer to another question.
    #[error("it answers another challenge")]
    Challenge,
    /// From a page that may not ask.
    #[error("it is from an origin that is not allowed")]
    Origin,
    /// For another host.
    #[error("it is for another host")]
    Host,
    /// Nobody touched the authenticator.
    #[error("nobody was present")]
    NotPresent,
    /// The authenticator did not verify its user.
    #[error("the user was not verified")]
    NotVerified,
    /// There is no new key in it.
    #[error("there is no key in it")]
    NoKey,
    /// Its id is empty or too long.
    #[error("the id of the key has 1 to 512 bytes")]
    KeyId,
    /// Another algorithm than ES256, or a point that is none.
    #[error("the key is none of ES256")]
    Algorithm,
    /// It is another key.
    #[error("it is another key")]
    OtherKey,
    /// The signature is wrong.
    #[error("the signature is wrong")]
    Signature,
    /// Whether the key can be backed up never changes.
    #[error("whether the key can be backed up has changed")]
    Backup,
    /// The counter of signatures did not rise: there may be a copy of the key.
    #[error("the counter of the key did not rise")]
    Counter,
}
