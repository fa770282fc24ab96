//! The Face API as the pipeline serves it.

use super::call::{Admitted, Call};
use super::picture;
use super::routes::{ROUTES, Rule};
use crate::azure::Version;
use crate::azure::{self, Refusal};
use axum::body::Body;
use axum::http::Response;
use likeness_http::{Api, BodyKind, Facts, Head, Route, Unread};
use likeness_service::access::{AccountState, Caller};
use likeness_store::{AccountId, Actor};
use std::sync::Arc;

/// Largest JSON body as UTF-8; as UTF-32 it is four times as long on the way. The longest a client can need is a thousand
/// ids or 16 K of user data, escaped.
const MOST_JSON_BYTES: usize = 256 * 1024;

/// The data action of reading a picture of a session, and that of reading sessions.
const SESSION_IMAGES: &str = "sessionimages/read";
const SESSIONS: &str = "detectliveness/singlemodal/sessions/read";

/// Largest form: a picture and what goes along.
const MOST_FORM_BYTES: usize = picture::MOST_BYTES + 64 * 1024;

/// The Face API below `/face/{version}/`.
pub(crate) struct Face;

impl Api for Face {
    type Rule = Rule;
    type Scope = Version;
    type Caller = Caller;
    type Granted = ();
    type Refusal = Refusal;

    const NAME: &'static str = "face";
    const IS_OPEN_TO_PAGES: bool = true;

    fn routes() -> &'static [Route<Self>] {
        ROUTES
    }

    fn scope(path: &str) -> Option<(Version, &str)> {
        Version::below(path)
    }

    fn address(route: &Route<Self>) -> String {
        format!("/face/{{version}}/{}", route.path)
    }

    fn most_bytes(kind: BodyKind) -> usize {
        match kind {
            BodyKind::Picture => picture::MOST_BYTES,
            BodyKind::Form | BodyKind::FormOrJson => MOST_FORM_BYTES,
            _ => MOST_JSON_BYTES,
        }
    }

    async fn identify(head: &Head<Self>, now: i64) -> Result<Caller, Refusal> {
        Ok(head.app.access.admit(&head.address.origin, &head.credentials, now).await?)
    }

    fn account(caller: &Caller) -> Option<&Arc<AccountState>> {
        caller.belongs().then_some(&caller.state)
    }

    fn authorise(head: &Head<Self>, caller: &Caller) -> Result<(), Refusal> {
        let action = head.route.rule.action;
        let Err(missing) = caller.rights.include(|| action) else { return Ok(()) };
        // The public role reads sessions and not their pictures; an account may let it.
        let reads_images = caller.state.settings.liveness.recognizer_reads_images && action == SESSION_IMAGES;
        if reads_images && caller.rights.include(|| SESSIONS).is_ok() {
            return Ok(());
        }
        Err(Refusal::PermissionDenied(missing.to_owned()))
    }

    fn refusal_log(_: &Head<Self>, caller: &Caller) -> Option<(AccountId, Actor)> {
        caller.belongs().then(|| (caller.account(), caller.actor.clone()))
    }

    fn counts(_: u16) -> bool {
        true
    }

    fn unread(problem: Unread) -> Refusal {
        Refusal::unread(problem, |kind| match kind {
            BodyKind::Picture | BodyKind::Form | BodyKind::FormOrJson => picture::too_large(),
            _ => Refusal::bad("Request body is invalid. It is larger than any JSON this service reads."),
        })
    }

    fn refused(refusal: &Refusal, _: &Facts) -> Response<Body> {
        azure::refused(refusal)
    }

    fn finish_response(response: &mut Response<Body>, facts: &Facts, is_good: bool) {
        azure::finish_response(response, facts, is_good);
    }
}

/// What a row's handler takes, out of what the pipeline gives.
pub(super) fn admitted(call: likeness_http::Call<Face>) -> Call<Admitted> {
    Call::admitted(call)
}
