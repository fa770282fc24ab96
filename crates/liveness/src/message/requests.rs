//! The request way: the same messages in the bodies of three routes.

use super::device::CancelReason;
use super::{AppEvidence, Assertion, FromServer, MessageProblem, Shown};
use crate::bounds::MOST_KEY_MESSAGE_BYTES;
use crate::text::base64url;
use crate::{FrameHead, FrameProblem, Mode, ModelVersion};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Bytes of a part `metadata`: ten heads and some steps.
const MOST_METADATA_BYTES: usize = 8 * 1024;
/// Frames of one request: a second of them.
const MOST_FRAMES: usize = 10;
/// Steps that are shown within one request.
const MOST_SHOWN: usize = 10;

/// How many parts `frame` a request may have.
pub const fn most_frames_a_request() -> usize {
    MOST_FRAMES
}

/// The answer to `session/start`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// The session.
    pub session_id: Uuid,
    /// `livenessOperationMode`.
    pub liveness_operation_mode: Mode,
    /// The model version that was asked for.
    pub model_version: ModelVersion,
    /// The attempt, from 1.
    pub attempt_id: u8,
    /// Attempts left after this one.
    pub remaining_attempts: u8,
    /// What the server says: `ready`, and the first step.
    pub messages: Vec<FromServer>,
}

/// The part `metadata`: heads of the frames of a request, and what was shown meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// One for each part `frame`, in the same order.
    #[serde(default)]
    pub frames: Vec<FrameMetadata>,
    /// Steps that are on the screen.
    #[serde(default)]
    pub shown: Vec<Shown>,
}

/// The head of a frame as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FrameMetadata {
    /// The number of the frame.
    pub seq: u32,
    /// When the camera took it.
    pub capture_ms: f64,
    /// The step that was on the screen.
    pub step: u16,
    /// The first 16 bytes of the chain.
    #[serde(with = "base64url")]
    pub tail: [u8; 16],
}

impl Metadata {
    /// Reads a part `metadata`.
    ///
    /// # Errors
    /// [`MessageProblem`] when it is too long, malformed, or has more frames or steps than a request may.
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageProblem> {
        if bytes.len() > MOST_METADATA_BYTES {
            return Err(MessageProblem::TooLong);
        }
        let metadata: Self = serde_json::from_slice(bytes).map_err(|_| MessageProblem::Malformed)?;
        if metadata.frames.len() > MOST_FRAMES {
            return Err(MessageProblem::OutOfBounds("frames"));
        }
        if metadata.shown.len() > MOST_SHOWN {
            return Err(MessageProblem::OutOfBounds("shown"));
        }
        for shown in &metadata.shown {
            shown.checked()?;
        }
        Ok(metadata)
    }
}

impl FrameMetadata {
    /// The frame as a socket would bring it: head and JPEG in one message.
    ///
    /// # Errors
    /// [`FrameProblem`] when there is no such frame.
    pub fn join(&self, jpeg: &[u8]) -> Result<Vec<u8>, FrameProblem> {
        let head = FrameHead { seq: self.seq, capture_ms: self.capture_ms, step: self.step, tail: self.tail };
        let message = [head.to_bytes().as_slice(), jpeg].concat();
        FrameHead::parse(&message)?;
        Ok(message)
    }
}

/// The body of `session/attempt/end`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptEnd {
    /// The attempt, from 1.
    pub attempt_id: u8,
    /// Whether all frames were sent.
    pub outcome: RequestedOutcome,
    /// Why it was given up, by a name of [`CancelReason`]; others are read as the person's wish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// How many frames were sent; not where they are in no chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// The chain after the last.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "base64url::optional")]
    pub tail: Option<[u8; 32]>,
    /// A registered device's signature.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "base64url::optional")]
    pub signature: Option<[u8; 64]>,
    /// What a key of the device signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assertion: Option<Box<Assertion>>,
    /// What proves that an app is the one it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Box<AppEvidence>>,
}

/// How an attempt ends on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RequestedOutcome {
    /// All frames were sent.
    Completed,
    /// It is given up.
    Canceled,
}

impl AttemptEnd {
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

    /// Why it was given up.
    pub fn reason(&self) -> CancelReason {
        match self.error_code.as_deref() {
            Some("otherWay") => CancelReason::OtherWay,
            Some("camera") => CancelReason::Camera,
            _ => CancelReason::Person,
        }
    }
}
