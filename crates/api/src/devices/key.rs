//! A new key of a device, for the person of a session whose app server asked for one.

use super::api::Devices;
use super::{device, unread};
use crate::azure::{LivenessRefusal, Refusal};
use likeness_http::{Call, Head, Input, Reply};
use likeness_liveness::KeyRefusal;
use likeness_liveness::message::NewKey;
use likeness_rules::KeyOrigins;
use likeness_service::access::AccountState;
use likeness_service::accounts::Attribution;
use likeness_service::liveness::{MOST_KEYS, NotEnrolled};
use likeness_store::Actor;

impl From<NotEnrolled> for Refusal {
    fn from(problem: NotEnrolled) -> Self {
        let unexpected = |text: &str| LivenessRefusal::KeyNotExpected(text.to_owned()).into();
        match problem {
            NotEnrolled::Gone => LivenessRefusal::SessionNotFound.into(),
            NotEnrolled::Refused(KeyRefusal::TokenExpired) => {
                Self::BearerRefused("the token's time is over".to_owned())
            }
            NotEnrolled::Refused(KeyRefusal::NotAsked) => {
                unexpected("This session enrols no key. The app server asks for one with 'likeness.enrolKey'.")
            }
            NotEnrolled::Refused(KeyRefusal::NoDecision) => {
                unexpected("This attempt has come to no decision. A key is brought after one that has.")
            }
            NotEnrolled::Refused(KeyRefusal::Brought) => unexpected("A key was brought in this session already."),
            NotEnrolled::Known => unexpected("This key was enrolled before. Make a new one."),
            NotEnrolled::TooMany => unexpected(&format!(
                "{MOST_KEYS} keys are enrolled for this person, and no more are kept. Remove one of them first."
            )),
            NotEnrolled::Key(problem) => {
                LivenessRefusal::InvalidBody(format!("The key is not taken: {problem}.")).into()
            }
            NotEnrolled::Store(error) => error.into(),
        }
    }
}

/// From which pages a device that reached the server at this address may make and use keys.
pub(super) fn origins(head: &Head<Devices>, state: &AccountState) -> KeyOrigins {
    KeyOrigins::new(own(head), &state.settings.cors_origins)
}

/// The host and port at which a device reached the server.
pub(super) fn own(head: &Head<Devices>) -> &str {
    let endpoint = head.address.endpoint.as_str();
    let behind_scheme = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    behind_scheme.split('/').next().unwrap_or_default()
}

/// `POST session/key`. The answer says that the key was taken in, never what came of it: that would tell the device what was
/// decided. The app server reads it.
pub(super) async fn enrol(call: Call<Devices>) -> Result<Reply, Refusal> {
    let device = device(&call)?;
    let Call { head, input, .. } = call;
    let Input::Json(body) = input else {
        return Err(
            LivenessRefusal::InvalidBody("Request body is invalid. It must be a JSON object.".to_owned()).into()
        );
    };
    let given = NewKey::parse(&body.to_bytes()?);
    let given = given
        .map_err(|problem| unread("The request body", problem, "'attemptId', 'clientData' and 'authenticatorData'"))?;
    let attribution = Attribution { actor: Actor::Device, request_id: head.request_id };
    let origins = origins(&head, &device.state);
    head.app.liveness.enrol_key(&device.state, &attribution, device.session, &given, &origins).await?;
    Ok(Reply::no_content())
}
