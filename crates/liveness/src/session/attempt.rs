//! An attempt within a session, by its stages.

use super::GRACE;
use crate::message::{CancelReason, DeviceWords};
use crate::text::{base64url, moment};
use crate::{AttemptCode, Bounds, Checks, Rectangle, SecretText, Verdict};
use likeness_base::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

/// Longest user agent and client request id that are kept, in bytes; what is longer is cut.
const MOST_HEADER: usize = 256;

/// One try within a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Its number, from 1.
    pub id: u8,
    /// When it began.
    #[serde(with = "moment")]
    pub started_at: Timestamp,
    /// Who came, and how.
    pub origin: Origin,
    /// How far it is.
    pub stage: Stage,
    /// Whether keys were offered to it, which gives it more time.
    #[serde(default)]
    pub offers_keys: bool,
}

/// What is needed to begin an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptStart {
    /// The node that leads it.
    pub node: Uuid,
    /// What its chain begins with.
    pub nonce: [u8; 16],
    /// Who came, and how.
    pub origin: Origin,
    /// The device's correlation id, as the device says it.
    pub device_correlation_id: Option<SecretText>,
    /// The person's correlation id, as the device says it.
    pub user_correlation_id: Option<SecretText>,
    /// Whether the account has a notice that must be accepted first.
    pub needs_notice: bool,
    /// Whether the person has keys to sign with.
    pub offers_keys: bool,
}

/// Who began an attempt, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// Of the request that began it, as the device was answered.
    pub request_id: Uuid,
    /// What the device called that request.
    #[serde(default)]
    pub client_request_id: Option<SecretText>,
    /// Where the device called from.
    #[serde(default)]
    pub client_address: Option<SecretText>,
    /// What program it says it is.
    #[serde(default)]
    pub user_agent: Option<SecretText>,
    /// What else it says of itself.
    #[serde(default)]
    pub device: DeviceWords,
    /// Path of that request, for the audit entry of the old shape.
    #[serde(default)]
    pub path: String,
}

/// How far an attempt is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// A node leads it.
    Running {
        /// Which one.
        node: Uuid,
        /// What its chain begins with.
        #[serde(with = "base64url")]
        nonce: [u8; 16],
    },
    /// It yielded a decision, whichever.
    #[serde(rename_all = "camelCase")]
    Succeeded {
        /// When.
        #[serde(with = "moment")]
        ended_at: Timestamp,
        /// What it showed.
        result: Box<AttemptResult>,
    },
    /// It yielded none.
    #[serde(rename_all = "camelCase")]
    Failed {
        /// When.
        #[serde(with = "moment")]
        ended_at: Timestamp,
        /// Why.
        code: AttemptCode,
    },
    /// It was given up on the device.
    #[serde(rename_all = "camelCase")]
    Canceled {
        /// When.
        #[serde(with = "moment")]
        ended_at: Timestamp,
        /// Why.
        reason: CancelReason,
    },
}

/// How an attempt turned out.
#[derive(Clone, Debug, PartialEq)]
pub enum AttemptOutcome {
    /// It yielded a decision.
    Succeeded(Box<AttemptResult>),
    /// It yielded none.
    Failed(AttemptCode),
    /// It was given up on the device.
    Canceled(CancelReason),
}

/// What an attempt showed, as the app server reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptResult {
    /// Decision, assurance, policy.
    pub verdict: Verdict,
    /// The numbers behind it.
    #[serde(default)]
    pub checks: Checks,
    /// The face in the frame that stands for the attempt.
    pub face_rectangle: Rectangle,
    /// When that frame was taken, in milliseconds since the first frame.
    #[serde(default)]
    pub time_offset_ms: u32,
    /// The chain after the last frame, 64 hexadecimal digits.
    pub digest: String,
    /// Whether it is the face of the reference.
    #[serde(default)]
    pub verify: Option<VerifyResult>,
    /// SHA-256 of a reference picture that the device brought, where it was asked for.
    #[serde(default)]
    pub verify_image_hash: Option<SecretText>,
    /// Other sessions with the same face and another correlation id, where the account watches for abuse.
    #[serde(default)]
    pub flagged: Option<Vec<FlaggedSession>>,
    /// Under which id the picture of the session is kept.
    #[serde(default)]
    pub session_image_id: Option<SecretText>,
}

/// Another session in which the same face was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FlaggedSession {
    /// The session.
    pub session_id: Uuid,
    /// The attempt in it.
    pub attempt_id: u8,
    /// Its picture, where one was kept.
    #[serde(default)]
    pub session_image_id: Option<SecretText>,
}

/// Whether it is the face of the reference.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyResult {
    /// `matchConfidence`, 0 to 1.
    pub match_confidence: f32,
    /// `isIdentical`.
    pub is_identical: bool,
    /// The face in a reference picture that the device brought.
    #[serde(default)]
    pub reference_rectangle: Option<Rectangle>,
    /// The quality of that.
    #[serde(default)]
    pub reference_quality: Option<crate::Quality>,
}

/// Scores reach no log.
impl std::fmt::Debug for VerifyResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VerifyResult(..)")
    }
}

impl Attempt {
    pub(super) fn begin(id: u8, start: AttemptStart, now: Timestamp) -> Self {
        let stage = Stage::Running { node: start.node, nonce: start.nonce };
        Self { id, started_at: now, origin: start.origin.cut(), stage, offers_keys: start.offers_keys }
    }

    pub(super) fn end(&mut self, outcome: AttemptOutcome, now: Timestamp) {
        let ended_at = now.max(self.started_at);
        self.stage = match outcome {
            AttemptOutcome::Succeeded(result) => Stage::Succeeded { ended_at, result },
            AttemptOutcome::Failed(code) => Stage::Failed { ended_at, code },
            AttemptOutcome::Canceled(reason) => Stage::Canceled { ended_at, reason },
        };
    }

    /// Whether a node leads it, as far as is known.
    pub fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running { .. })
    }

    /// The node that leads it.
    pub fn running_on(&self) -> Option<Uuid> {
        match self.stage {
            Stage::Running { node, .. } => Some(node),
            _ => None,
        }
    }

    /// When it ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match self.stage {
            Stage::Running { .. } => None,
            Stage::Succeeded { ended_at, .. } | Stage::Failed { ended_at, .. } | Stage::Canceled { ended_at, .. } => {
                Some(ended_at)
            }
        }
    }

    /// What it showed.
    pub fn result(&self) -> Option<&AttemptResult> {
        match &self.stage {
            Stage::Succeeded { result, .. } => Some(result),
            _ => None,
        }
    }

    /// Whether it is one of those that the session allows.
    pub(super) fn counts(&self) -> bool {
        !matches!(self.stage, Stage::Failed { code, .. } if !code.uses_up_an_attempt())
    }

    /// Whether it has run longer than any attempt can.
    pub(super) fn is_overdue(&self, now: Timestamp) -> bool {
        let bounds = Bounds::of(self.origin.device.slow);
        let key_ms = if self.offers_keys { bounds.key_ms } else { 0 };
        let longest = Duration::from_millis(bounds.attempt_ms + key_ms);
        now.since(self.started_at) > longest + GRACE
    }
}

impl Origin {
    /// An attempt of which nothing is known but its request.
    pub fn of(request_id: Uuid) -> Self {
        Self {
            request_id,
            client_request_id: None,
            client_address: None,
            user_agent: None,
            device: DeviceWords::default(),
            path: String::new(),
        }
    }

    /// Headers are as long as clients like; what is kept is not.
    fn cut(mut self) -> Self {
        for text in [&mut self.client_request_id, &mut self.user_agent, &mut self.client_address] {
            if let Some(long) = text.as_ref().filter(|text| text.expose().len() > MOST_HEADER) {
                *text = Some(SecretText::new(first_bytes(long.expose())));
            }
        }
        if self.path.len() > MOST_HEADER {
            self.path = first_bytes(&self.path).to_owned();
        }
        self
    }
}

fn first_bytes(text: &str) -> &str {
    &text[..text.floor_char_boundary(MOST_HEADER)]
}
