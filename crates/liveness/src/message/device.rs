//! What a device says.

use super::{AppEvidence, Assertion, MOST_ID, MOST_LABEL, MessageProblem, short};
use crate::bounds::{MOST_HELLO_BYTES, MOST_KEY_MESSAGE_BYTES, MOST_MESSAGE_BYTES};
use crate::text::{SecretText, base64url};
use serde::{Deserialize, Serialize};

/// Pixels a side that no camera and no screen has.
const MOST_SIDE: u32 = 65_535;
/// Frames a second that no camera has.
const MOST_RATE: f64 = 10_000.0;

/// A JSON message of the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum FromDevice {
    /// The first message.
    Hello(Box<Hello>),
    /// A step is on the screen.
    Shown(Shown),
    /// All frames were sent.
    End(End),
    /// The attempt is given up.
    Cancel {
        /// By whom, or why.
        reason: CancelReason,
    },
}

/// Who the device is, and what it has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// The session token. Empty on the request way, where a header carries it.
    #[serde(default = "empty")]
    pub token: SecretText,
    /// What the device says of itself.
    #[serde(flatten)]
    pub device: DeviceWords,
    /// It will send a reference picture.
    #[serde(default)]
    pub reference: bool,
    /// Its correlation id, where the session lets clients set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_correlation_id: Option<SecretText>,
    /// The person's correlation id, where the session lets clients set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_correlation_id: Option<SecretText>,
    /// Which registered device it says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<Attestation>,
}

fn empty() -> SecretText {
    SecretText::new("")
}

/// What a device says of itself. Nobody can check it: it is never evidence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceWords {
    /// Its camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<Camera>,
    /// Its screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screen: Option<Screen>,
    /// The person wants turns in place of coloured light.
    #[serde(default)]
    pub without_light: bool,
    /// The person wants more time.
    #[serde(default)]
    pub slow: bool,
    /// The person agreed that a recording of this attempt is kept.
    #[serde(default)]
    pub recording: bool,
}

/// A camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Camera {
    /// Columns of its pictures.
    pub width: u32,
    /// Rows of its pictures.
    pub height: u32,
    /// Its name. People name devices after themselves, and some browsers put a file's path here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<SecretText>,
    /// `user`, `environment` and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facing_mode: Option<String>,
    /// Pictures a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame_rate: Option<f64>,
}

/// A screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screen {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// A registered device by its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    /// `device` for a registered device, `app` for an attested app. Another kind is no attestation, and no error.
    #[serde(rename = "type")]
    pub kind: String,
    /// As it was registered; of an app, the id of its key.
    pub id: String,
}

/// A step is on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Its number.
    pub step: u16,
    /// Since when, by the device's clock.
    pub t: f64,
}

/// All frames were sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// How many.
    pub count: u32,
    /// The chain after the last.
    #[serde(with = "base64url")]
    pub tail: [u8; 32],
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

/// Why an attempt was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CancelReason {
    /// The person wants no more.
    Person,
    /// The person wants the other way that the operator offers.
    OtherWay,
    /// The camera cannot be used.
    Camera,
}

impl FromDevice {
    /// Reads a message. `hello` may be longer than the others.
    ///
    /// # Errors
    /// [`MessageProblem`] when it is too long, none of the protocol, or says something beyond its bound.
    pub fn parse(text: &str) -> Result<Self, MessageProblem> {
        if text.len() > MOST_HELLO_BYTES {
            return Err(MessageProblem::TooLong);
        }
        let message: Self = serde_json::from_str(text).map_err(|_| MessageProblem::Malformed)?;
        match &message {
            Self::Hello(hello) => hello.check()?,
            Self::End(End { assertion: Some(_), .. } | End { evidence: Some(_), .. })
                if text.len() <= MOST_KEY_MESSAGE_BYTES => {}
            _ if text.len() > MOST_MESSAGE_BYTES => return Err(MessageProblem::TooLong),
            Self::Shown(shown) => shown.check()?,
            Self::End(_) | Self::Cancel { .. } => {}
        }
        Ok(message)
    }

    /// The message as a device sends it.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }
}

impl Hello {
    /// Reads the body of `session/start`: the same members, the token in a header.
    ///
    /// # Errors
    /// [`MessageProblem`] as for [`FromDevice::parse`].
    pub fn parse_start(body: &[u8]) -> Result<Self, MessageProblem> {
        if body.len() > MOST_HELLO_BYTES {
            return Err(MessageProblem::TooLong);
        }
        let mut hello: Self = serde_json::from_slice(body).map_err(|_| MessageProblem::Malformed)?;
        hello.check()?;
        hello.token = empty();
        Ok(hello)
    }

    fn check(&self) -> Result<(), MessageProblem> {
        self.device.check()?;
        short(self.device_correlation_id.as_ref().map(SecretText::expose), MOST_ID, "deviceCorrelationId")?;
        short(self.user_correlation_id.as_ref().map(SecretText::expose), MOST_ID, "userCorrelationId")?;
        short(self.attestation.as_ref().map(|attestation| attestation.kind.as_str()), MOST_ID, "attestation.type")?;
        short(self.attestation.as_ref().map(|attestation| attestation.id.as_str()), MOST_ID, "attestation.id")
    }
}

impl DeviceWords {
    fn check(&self) -> Result<(), MessageProblem> {
        if let Some(camera) = &self.camera {
            short(camera.label.as_ref().map(SecretText::expose), MOST_LABEL, "camera.label")?;
            short(camera.facing_mode.as_deref(), MOST_ID, "camera.facingMode")?;
            if camera.frame_rate.is_some_and(|rate| !(0.0..=MOST_RATE).contains(&rate)) {
                return Err(MessageProblem::OutOfBounds("camera.frameRate"));
            }
            is_side(camera.width, camera.height, "camera")?;
        }
        match &self.screen {
            Some(screen) => is_side(screen.width, screen.height, "screen"),
            None => Ok(()),
        }
    }
}

fn is_side(width: u32, height: u32, member: &'static str) -> Result<(), MessageProblem> {
    let sides = 1..=MOST_SIDE;
    if sides.contains(&width) && sides.contains(&height) { Ok(()) } else { Err(MessageProblem::OutOfBounds(member)) }
}

impl Shown {
    fn check(&self) -> Result<(), MessageProblem> {
        if (0.0..1e15).contains(&self.t) { Ok(()) } else { Err(MessageProblem::OutOfBounds("t")) }
    }

    /// For the request way, where it is part of a longer message.
    pub(super) fn checked(self) -> Result<Self, MessageProblem> {
        self.check().map(|()| self)
    }
}
