//! What the server says.

use super::KeyId;
use crate::text::base64url;
use crate::{AttemptCode, Mode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A JSON message of the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum FromServer {
    /// The attempt has begun.
    Ready(Box<Ready>),
    /// Show this now.
    Step(StepMessage),
    /// What would help.
    Hint {
        /// For the person.
        hint: Hint,
    },
    /// Send no more frames; send `end`.
    Finish,
    /// The attempt is over.
    Result(ResultMessage),
    /// Refused, or broken off.
    Error(ErrorMessage),
}

/// How the attempt is to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// The session.
    pub session_id: Uuid,
    /// The attempt in it, from 1.
    pub attempt_id: u8,
    /// Attempts left after this one.
    pub remaining_attempts: u8,
    /// How much the person is asked to do.
    pub mode: Mode,
    /// What the chain begins with.
    #[serde(with = "base64url")]
    pub nonce: [u8; 16],
    /// Frames to send in a second.
    pub frames_per_second: u32,
    /// Columns that the camera is asked for.
    pub width: u32,
    /// Rows that the camera is asked for.
    pub height: u32,
    /// 0 to 1, as browsers take it.
    pub jpeg_quality: f32,
    /// Bytes of one JPEG.
    pub most_frame_bytes: usize,
    /// Frames in all.
    pub most_frames: u32,
    /// Seconds until `end`.
    pub seconds: u32,
    /// A reference picture is expected now.
    pub reference: bool,
    /// Keys that were enrolled for the person: the device signs the end with one of them, if it has it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyId>,
}

/// Show this now, and answer `shown`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepMessage {
    /// Its number, from 1.
    pub step: u16,
    /// What it is.
    #[serde(flatten)]
    pub prompt: Prompt,
}

/// One instruction to the person; a *step* on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Prompt {
    /// Bring the face into the oval.
    Settle {
        /// Where it should be.
        oval: Oval,
        /// Shown over the whole window once the face is there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        colours: Option<Vec<ColourFor>>,
    },
    /// Look at the screen, which is filled with a colour.
    Light {
        /// `#rrggbb`.
        colour: String,
        /// How long at least.
        milliseconds: u32,
    },
    /// Come closer, until the face fills the oval.
    Near {
        /// The larger oval.
        oval: Oval,
    },
    /// Turn the head and come back.
    Turn {
        /// As the person sees it.
        direction: Direction,
    },
    /// Keep still.
    Hold {
        /// How long.
        milliseconds: u32,
    },
}

/// The kind of a prompt alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PromptKind {
    /// Into the oval.
    Settle,
    /// Coloured light.
    Light,
    /// Closer.
    Near,
    /// A turn of the head.
    Turn,
    /// Keep still.
    Hold,
}

impl Prompt {
    /// Its kind.
    pub const fn kind(&self) -> PromptKind {
        match self {
            Self::Settle { .. } => PromptKind::Settle,
            Self::Light { .. } => PromptKind::Light,
            Self::Near { .. } => PromptKind::Near,
            Self::Turn { .. } => PromptKind::Turn,
            Self::Hold { .. } => PromptKind::Hold,
        }
    }
}

/// An upright oval by the rectangle around it, in shares of the frame: `x` and `y` are its left upper corner.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Oval {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

/// A colour, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColourFor {
    /// `#rrggbb`.
    pub colour: String,
    /// How long.
    pub milliseconds: u32,
}

/// Where the head turns. Left is the person's own left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// To the person's own left.
    Left,
    /// To the person's own right.
    Right,
    /// Upwards.
    Up,
    /// Downwards.
    Down,
}

impl Direction {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Left, Self::Right, Self::Up, Self::Down];

    /// How much of an offset of the nose (towards the person's own left, upwards) goes in this direction.
    pub const fn component(self, [left, up]: [f32; 2]) -> f32 {
        match self {
            Self::Left => left,
            Self::Right => -left,
            Self::Up => up,
            Self::Down => -up,
        }
    }
}

/// What would help the person. It says nothing of any check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Hint {
    /// No face is seen.
    NoFace,
    /// More than one face is seen.
    MoreFaces,
    /// Come closer.
    TooFar,
    /// Move back.
    TooClose,
    /// Move the face into the oval.
    IntoOval,
    /// More light.
    TooDark,
    /// Less light.
    TooBright,
    /// Hold still, clean the lens.
    Blurred,
    /// Take off what covers the face.
    Covered,
    /// Turn a little further.
    TurnMore,
    /// What was shown before no longer holds.
    Good,
}

/// What became of the attempt, as the device may know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultMessage {
    /// Whether there is a decision; not which.
    pub status: AttemptStatus,
    /// The chain after the last frame, 64 hexadecimal digits.
    pub digest: String,
    /// Why there is no decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<AttemptCode>,
    /// Attempts left.
    pub remaining_attempts: u8,
    /// The contract's result, where the session sends results to clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<serde_json::Value>,
}

/// Whether an attempt yielded a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AttemptStatus {
    /// It did.
    Succeeded,
    /// It did not.
    Failed,
}

/// Refused, or broken off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorMessage {
    /// Why: a code of an attempt, or of the refusal as HTTP answers it.
    pub code: String,
    /// In words.
    pub message: String,
    /// Whether trying again can help.
    pub may_retry: bool,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

impl FromServer {
    /// The message as it is sent.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }

    /// Reads a message, for clients.
    ///
    /// # Errors
    /// [`super::MessageProblem::Malformed`] when it is none of the protocol.
    pub fn parse(text: &str) -> Result<Self, super::MessageProblem> {
        serde_json::from_str(text).map_err(|_| super::MessageProblem::Malformed)
    }
}
