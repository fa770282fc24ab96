//! The messages of the device protocol, both ways, as `docs/device-protocol.md` writes them.
//!
//! Start at [`FromDevice::parse`] for what a stranger sent, at [`FromServer::to_json`] for what is answered. Unknown
//! members are ignored, unknown types are refused. Frames are no JSON: see [`crate::FrameHead`].

mod device;
mod keys;
mod requests;
mod server;

pub use device::{Attestation, Camera, CancelReason, DeviceWords, End, FromDevice, Hello, Screen, Shown};
pub use keys::{AppEvidence, Assertion, ClientDataBytes, KeyId, NewKey};
pub use requests::{AttemptEnd, FrameMetadata, Metadata, RequestedOutcome, Started, most_frames_a_request};
pub use server::{
    AttemptStatus, ColourFor, Direction, ErrorMessage, FromServer, Hint, Oval, Prompt, PromptKind, Ready,
    ResultMessage, StepMessage,
};

use thiserror::Error;

/// A message that is refused. It names the member, never what stood in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MessageProblem {
    /// Beyond the protocol's bound of bytes.
    #[error("the message is too long")]
    TooLong,
    /// No JSON, a type that is not known, or a member of the wrong kind.
    #[error("the message is none of the device protocol")]
    Malformed,
    /// A text or a number beyond its bound.
    #[error("{0} is out of bounds")]
    OutOfBounds(&'static str),
}

/// Longest label of a camera, in characters.
const MOST_LABEL: usize = 200;
/// Longest id, in characters.
pub(crate) const MOST_ID: usize = 64;

/// Refuses a text that is too long.
fn short(text: Option<&str>, most: usize, member: &'static str) -> Result<(), MessageProblem> {
    match text {
        Some(text) if text.chars().nth(most).is_some() => Err(MessageProblem::OutOfBounds(member)),
        _ => Ok(()),
    }
}
