//! What devices and browsers of people call in a liveness session: the four routes that a proxy passes on, the socket on two of
//! them, the key of a device, and the quick link (`face-api.md` sections 5.4 and 5.5; `docs/device-protocol.md`).

mod api;
mod capture;
mod key;
mod link;
mod socket;

pub(crate) use api::Devices;

use crate::azure::{LivenessRefusal, Refusal};
use api::Presenter;
use axum::http::HeaderMap;
use likeness_http::Call;
use likeness_liveness::message::MessageProblem;
use likeness_liveness::{SecretText, SessionRefusal};
use likeness_service::access::DeviceCaller;
use likeness_service::liveness::{NotBegun, NotChanged};

/// The device of a call whose row asks for a token.
fn device(call: &Call<Devices>) -> Result<DeviceCaller, Refusal> {
    match &call.caller {
        Presenter::Device(device) => Ok(device.clone()),
        Presenter::Stranger => Err(Refusal::BearerRefused("there is no liveness token".to_owned())),
    }
}

/// The refusal of a body, or of a part of one, that is no message. `what` begins the sentence, `members` are those it must have.
fn unread(what: &str, problem: MessageProblem, members: &str) -> Refusal {
    let text = match problem {
        MessageProblem::TooLong => format!("{what} is too long."),
        MessageProblem::Malformed => {
            format!("{what} is invalid. It must be a JSON object with {members}, as the device protocol has them.")
        }
        MessageProblem::OutOfBounds(member) => format!("{what} is invalid: '{member}' is out of bounds."),
    };
    LivenessRefusal::InvalidBody(text).into()
}

fn text(headers: &HeaderMap, name: &str) -> Option<SecretText> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(SecretText::new)
}

impl From<SessionRefusal> for Refusal {
    fn from(problem: SessionRefusal) -> Self {
        match problem {
            SessionRefusal::SessionExpired => LivenessRefusal::SessionNotFound.into(),
            SessionRefusal::TokenExpired => Self::BearerRefused("the token's time is over".to_owned()),
            SessionRefusal::NoticeNotAccepted => LivenessRefusal::NoticeNotAccepted.into(),
            SessionRefusal::AttemptInProgress => LivenessRefusal::AttemptInProgress.into(),
            SessionRefusal::NoAttemptsLeft => LivenessRefusal::NoAttemptsLeft.into(),
            SessionRefusal::NotThisAttempt => LivenessRefusal::AttemptNotFound.into(),
        }
    }
}

impl From<NotBegun> for Refusal {
    fn from(problem: NotBegun) -> Self {
        match problem {
            NotBegun::SessionNotFound => LivenessRefusal::SessionNotFound.into(),
            NotBegun::Refused(refusal) => refusal.into(),
            NotBegun::Closed => LivenessRefusal::CorrelationIdClosed.into(),
            NotBegun::OtherAddress => LivenessRefusal::OtherAddress.into(),
            NotBegun::NoPlace(seconds) => LivenessRefusal::NoPlace(seconds).into(),
            NotBegun::Store(error) => error.into(),
        }
    }
}

impl<E: Into<Self>> From<NotChanged<E>> for Refusal {
    fn from(problem: NotChanged<E>) -> Self {
        match problem {
            NotChanged::Gone => LivenessRefusal::SessionNotFound.into(),
            NotChanged::Refused(refusal) => refusal.into(),
            NotChanged::Store(error) => error.into(),
        }
    }
}
