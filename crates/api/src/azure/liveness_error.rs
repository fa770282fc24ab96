//! The refusals of liveness sessions: of the Face API's routes for app servers, and of the device routes beside it.

use super::error::Wire;
use axum::http::StatusCode;

/// Why a call about a liveness session is refused (`face-api.md` section 7.2).
#[derive(Debug)]
pub(crate) enum LivenessRefusal {
    /// The body lacks something, or something in it cannot be read.
    InvalidBody(String),
    /// The life of the token is out of bounds.
    InvalidTokenLifetime,
    /// No such mode.
    InvalidMode,
    /// The correlation id of the device, or of the user, is missing, is too long, or was not to be given.
    InvalidCorrelationId(String),
    /// No such session, or not any more; the two look the same on purpose.
    SessionNotFound,
    /// The reference picture cannot be used; the text says why.
    ReferenceRefused(String),
    /// The correlation id is closed.
    CorrelationIdClosed,
    /// The session belongs to another address.
    OtherAddress,
    /// People are asked first, and nobody has agreed yet.
    NoticeNotAccepted,
    /// An attempt is under way.
    AttemptInProgress,
    /// The attempt that is meant is not under way.
    AttemptNotFound,
    /// No attempt is left.
    NoAttemptsLeft,
    /// The capture is on another node, perhaps with its address.
    CaptureOnAnotherNode(Option<String>),
    /// No key of a device is expected, or not this one; the text says why.
    KeyNotExpected(String),
    /// The quick link was used.
    LinkUsed,
    /// The quick link leads nowhere.
    LinkNotFound,
    /// The page that the link is to turn to afterwards is not allowed.
    InvalidCallback,
    /// There is no place for a capture; come back after so many seconds.
    NoPlace(u32),
    /// What the original serves there does not exist here.
    NotOffered(&'static str),
}

impl LivenessRefusal {
    /// The table.
    pub(crate) fn wire(&self) -> Wire {
        use StatusCode as S;
        let wire = Wire::new;
        match self {
            Self::InvalidBody(text) => wire(S::BAD_REQUEST, "InvalidRequestBody", text),
            Self::InvalidTokenLifetime => wire(
                S::BAD_REQUEST,
                "InvalidTokenLifetime",
                "'authTokenTimeToLiveInSeconds' is invalid. It must be a whole number from 60 to 86400.",
            ),
            Self::InvalidMode => wire(
                S::BAD_REQUEST,
                "InvalidLivenessOperationMode",
                "'livenessOperationMode' is missing or invalid. It must be Passive or PassiveActive.",
            ),
            Self::InvalidCorrelationId(text) => wire(S::BAD_REQUEST, "InvalidDeviceCorrelationId", text),
            Self::SessionNotFound => {
                wire(S::NOT_FOUND, "SessionNotFound", "The session is not found. It has expired, or it was deleted.")
            }
            Self::ReferenceRefused(text) => wire(S::BAD_REQUEST, "InvalidImage", text),
            Self::CorrelationIdClosed => wire(
                S::FORBIDDEN,
                "CorrelationIdClosed",
                "This correlation id is closed: after too many failed or false attempts, or by hand. A contributor of the account can open it again.",
            ),
            Self::OtherAddress => wire(
                S::FORBIDDEN,
                "403",
                "Access denied: the session is for another client address than the one this request comes from.",
            ),
            Self::NoticeNotAccepted => wire(
                S::FORBIDDEN,
                "NoticeNotAccepted",
                "Show the account's notice first (GET /notice) and record the person's decision (POST /notice/decision) with the same token.",
            ),
            Self::AttemptInProgress => wire(
                S::CONFLICT,
                "AttemptInProgress",
                "An attempt is in progress in this session. End it, or wait until its time is over.",
            ),
            Self::AttemptNotFound => wire(
                S::CONFLICT,
                "AttemptNotFound",
                "This attempt is not in progress in this session. Begin one with session/start.",
            ),
            Self::NoAttemptsLeft => wire(
                S::CONFLICT,
                "NoAttemptsLeft",
                "No attempt is left in this session. The app server can create another session.",
            ),
            Self::CaptureOnAnotherNode(_) => wire(
                S::CONFLICT,
                "CaptureOnAnotherNode",
                "The attempt is in progress on another node of this installation. Send this request to the address in Location, where there is one.",
            ),
            Self::KeyNotExpected(text) => wire(S::CONFLICT, "KeyNotExpected", text),
            Self::LinkUsed => wire(
                S::GONE,
                "LinkUsed",
                "This link was used already. Go on in the browser where it was opened, or ask for a new link.",
            ),
            Self::LinkNotFound => {
                wire(S::NOT_FOUND, "SessionNotFound", "This link leads to no session any more. Ask for a new link.")
            }
            Self::InvalidCallback => wire(
                S::BAD_REQUEST,
                "BadArgument",
                "'callbackUrl' is invalid. Its origin must be one of the account's allowed origins.",
            ),
            Self::NoPlace(seconds) => Wire {
                retry_after: Some(*seconds),
                ..wire(
                    S::SERVICE_UNAVAILABLE,
                    "ServiceUnavailable",
                    "Every place for a capture is taken. Try again after the time in Retry-After; this uses up no attempt.",
                )
            },
            Self::NotOffered(text) => wire(S::NOT_IMPLEMENTED, "NotImplemented", text),
        }
    }
}
