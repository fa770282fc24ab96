//! Why an attempt failed, and why none began: the codes of the device protocol.

use serde::{Deserialize, Serialize};

/// Why an attempt yielded no decision. The device and the app server read the same code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AttemptCode {
    /// Order, chain, time or a bound was broken.
    ProtocolBroken,
    /// The time was over.
    TimedOut,
    /// No face was seen for long enough.
    NoFaceDetected,
    /// Another or more than one face was seen.
    FaceTrackingFailed,
    /// It was too dark or too bright throughout.
    EnvironmentNotSupported,
    /// No frame was sharp enough.
    ExcessiveImageBlurDetected,
    /// A mask covers the face.
    FaceWithMaskDetected,
    /// Something covers the eyes.
    FaceEyeRegionNotVisible,
    /// Something covers the mouth.
    FaceMouthRegionNotVisible,
    /// A turn was not answered.
    ActionNotCompleted,
    /// The reference picture of the device cannot be used.
    ReferenceRefused,
    /// The session demands more assurance than the attempt gave.
    AssuranceTooLow,
    /// Given up on the device.
    Canceled,
    /// A fault of the server. It uses up no attempt.
    UnexpectedServerError,
}

impl AttemptCode {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::ProtocolBroken,
        Self::TimedOut,
        Self::NoFaceDetected,
        Self::FaceTrackingFailed,
        Self::EnvironmentNotSupported,
        Self::ExcessiveImageBlurDetected,
        Self::FaceWithMaskDetected,
        Self::FaceEyeRegionNotVisible,
        Self::FaceMouthRegionNotVisible,
        Self::ActionNotCompleted,
        Self::ReferenceRefused,
        Self::AssuranceTooLow,
        Self::Canceled,
        Self::UnexpectedServerError,
    ];

    /// The name on the wire.
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::ProtocolBroken => "ProtocolBroken",
            Self::TimedOut => "TimedOut",
            Self::NoFaceDetected => "NoFaceDetected",
            Self::FaceTrackingFailed => "FaceTrackingFailed",
            Self::EnvironmentNotSupported => "EnvironmentNotSupported",
            Self::ExcessiveImageBlurDetected => "ExcessiveImageBlurDetected",
            Self::FaceWithMaskDetected => "FaceWithMaskDetected",
            Self::FaceEyeRegionNotVisible => "FaceEyeRegionNotVisible",
            Self::FaceMouthRegionNotVisible => "FaceMouthRegionNotVisible",
            Self::ActionNotCompleted => "ActionNotCompleted",
            Self::ReferenceRefused => "ReferenceRefused",
            Self::AssuranceTooLow => "AssuranceTooLow",
            Self::Canceled => "Canceled",
            Self::UnexpectedServerError => "UnexpectedServerError",
        }
    }

    /// What people are told, in the attempt's `message`.
    pub const fn message(self) -> &'static str {
        match self {
            Self::ProtocolBroken => "The device did not keep to the protocol. Try again.",
            Self::TimedOut => "The time was over. Try again.",
            Self::NoFaceDetected => "No face was seen for long enough. Keep the face before the camera and try again.",
            Self::FaceTrackingFailed => {
                "Another face, or more than one, was seen. Try again with one person before the camera."
            }
            Self::EnvironmentNotSupported => "It was too dark or too bright. Try again in another light.",
            Self::ExcessiveImageBlurDetected => {
                "No picture was sharp enough. Clean the lens, hold still and try again."
            }
            Self::FaceWithMaskDetected => "A mask covers the face. Take it off and try again.",
            Self::FaceEyeRegionNotVisible => "The eyes are covered. Uncover them and try again.",
            Self::FaceMouthRegionNotVisible => "The mouth is covered. Uncover it and try again.",
            Self::ActionNotCompleted => "A movement that was asked for was not made. Try again.",
            Self::ReferenceRefused => "The reference picture cannot be used. Try again with another one.",
            Self::AssuranceTooLow => "The session asks for a registered device or an attested app.",
            Self::Canceled => "The attempt was given up on the device.",
            Self::UnexpectedServerError => "The server failed. Try again; this attempt does not count.",
        }
    }

    /// Whether a failure for this reason uses up one of the attempts that a session allows.
    pub const fn uses_up_an_attempt(self) -> bool {
        !matches!(self, Self::UnexpectedServerError)
    }
}
