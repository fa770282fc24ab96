//! The device routes and the quick link as the pipeline serves them. No key and no role counts here: a device presents the
//! liveness token of one session, and whoever opens a quick link has nothing but the link.

use super::{capture, key, link};
use crate::azure::{self, Refusal};
use axum::body::Body;
use axum::http::{Method, Response};
use likeness_http::{Api, BodyKind, Facts, Head, Rate, Route, Unread};
use likeness_service::access::{AccessError, AccountState, DeviceCaller};
use likeness_service::shares::Owner;
use likeness_store::{AccountId, Actor};
use std::sync::Arc;

/// Largest form: ten frames of 256 KB, a reference picture of 6 MB, and what describes them.
const MOST_FORM_BYTES: usize = 9 * 1024 * 1024;
/// Largest JSON body.
const MOST_JSON_BYTES: usize = 8 * 1024;

/// The device routes below `/face/{version}/`, and the quick link.
pub(crate) struct Devices;

/// Who may.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Whoever presents a liveness token.
    Token,
    /// Whoever opens a socket: the token comes in the first message.
    TokenInHello,
    /// Whoever has the link, or presents a liveness token in its place.
    Link,
}

/// Who calls.
#[derive(Clone)]
pub(crate) enum Presenter {
    /// A device with a valid token.
    Device(DeviceCaller),
    /// Somebody who has presented nothing yet.
    Stranger,
}

static ROUTES: &[Route<Devices>] = &[
    route(Method::POST, "session/start", "StartLivenessAttempt", BodyKind::Json, Rule::Token, |call| {
        Box::pin(capture::start(call))
    }),
    route(Method::POST, "session/attempt/end", "EndLivenessAttempt", BodyKind::Json, Rule::Token, |call| {
        Box::pin(capture::end(call))
    }),
    route(Method::POST, "session/key", "EnrolDeviceKey", BodyKind::Json, Rule::Token, |call| {
        Box::pin(key::enrol(call))
    }),
    route(Method::POST, "detectliveness/singlemodal", "SendLivenessFrames", BodyKind::Form, Rule::Token, |call| {
        Box::pin(capture::frames(call))
    }),
    route(
        Method::POST,
        "detectlivenesswithverify/singlemodal",
        "SendLivenessWithVerifyFrames",
        BodyKind::Form,
        Rule::Token,
        |call| Box::pin(capture::frames(call)),
    ),
    route(
        Method::GET,
        "detectliveness/singlemodal",
        "OpenLivenessSocket",
        BodyKind::Upgrade,
        Rule::TokenInHello,
        |call| Box::pin(capture::socket(call)),
    ),
    route(
        Method::GET,
        "detectlivenesswithverify/singlemodal",
        "OpenLivenessWithVerifySocket",
        BodyKind::Upgrade,
        Rule::TokenInHello,
        |call| Box::pin(capture::socket(call)),
    ),
    route(Method::POST, "api/quicklink", "CreateQuickLink", BodyKind::Nothing, Rule::Token, |call| {
        Box::pin(link::create(call))
    }),
    route(Method::GET, "api/quicklink/about", "DescribeQuickLink", BodyKind::Nothing, Rule::Link, |call| {
        Box::pin(link::about(call))
    }),
    route(Method::POST, "api/quicklink/begin", "BeginQuickLink", BodyKind::Json, Rule::Link, |call| {
        Box::pin(link::begin(call))
    }),
];

const fn route(
    method: Method,
    path: &'static str,
    operation: &'static str,
    body: BodyKind,
    rule: Rule,
    handler: fn(likeness_http::Call<Devices>) -> likeness_http::Handling<Devices>,
) -> Route<Devices> {
    Route { method, path, operation, body, rule, handler }
}

impl Api for Devices {
    type Rule = Rule;
    type Scope = ();
    type Caller = Presenter;
    type Granted = ();
    type Refusal = Refusal;

    const NAME: &'static str = "devices";
    const TAKES_KEY_IN_QUERY: bool = false;
    const IS_OPEN_TO_PAGES: bool = true;

    fn routes() -> &'static [Route<Self>] {
        ROUTES
    }

    fn scope(path: &str) -> Option<((), &str)> {
        let below = path.strip_prefix('/')?;
        let below = match crate::azure::Version::below(path) {
            Some((_, below)) => below,
            None if below.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("api/")) => below,
            None => return None,
        };
        let plain = below.strip_suffix('/').unwrap_or(below);
        ROUTES.iter().any(|route| plain.eq_ignore_ascii_case(route.path)).then_some(((), below))
    }

    fn address(route: &Route<Self>) -> String {
        if route.path.starts_with("api/") {
            format!("/{}", route.path)
        } else {
            format!("/face/{{version}}/{}", route.path)
        }
    }

    fn most_bytes(kind: BodyKind) -> usize {
        if kind == BodyKind::Form { MOST_FORM_BYTES } else { MOST_JSON_BYTES }
    }

    async fn identify(head: &Head<Self>, now: i64) -> Result<Presenter, Refusal> {
        let presents_none = match head.route.rule {
            Rule::Token => false,
            Rule::TokenInHello => true,
            Rule::Link => head.credentials.authorization.is_none(),
        };
        if presents_none {
            return Ok(Presenter::Stranger);
        }
        let missing = || AccessError::InvalidBearer("there is no liveness token".to_owned());
        let authorization = head.credentials.authorization.as_ref().ok_or_else(missing)?;
        Ok(Presenter::Device(head.app.access.admit_device(&head.address.origin, authorization, now).await?))
    }

    fn account(caller: &Presenter) -> Option<&Arc<AccountState>> {
        match caller {
            Presenter::Device(device) => Some(&device.state),
            Presenter::Stranger => None,
        }
    }

    /// Frames do not count in the call rate of a tier: what bounds them is the number of captures.
    fn rate<'a>(head: &Head<Self>, caller: &'a Presenter) -> Rate<'a> {
        match caller {
            Presenter::Device(device) => Rate::Beside(Owner::Account(device.state.id())),
            Presenter::Stranger => Rate::Beside(head.owner(None)),
        }
    }

    fn authorise(_: &Head<Self>, _: &Presenter) -> Result<(), Refusal> {
        Ok(())
    }

    fn refusal_log(_: &Head<Self>, caller: &Presenter) -> Option<(AccountId, Actor)> {
        Self::account(caller).map(|state| (state.id(), Actor::Device))
    }

    fn counts(_: u16) -> bool {
        true
    }

    fn unread(problem: Unread) -> Refusal {
        Refusal::unread(problem, |kind| {
            Refusal::bad(match kind {
                BodyKind::Form => "Request body is invalid. It is larger than a second of frames.",
                _ => "Request body is invalid. It is larger than the protocol allows.",
            })
        })
    }

    fn refused(refusal: &Refusal, _: &Facts) -> Response<Body> {
        azure::refused(refusal)
    }

    fn finish_response(response: &mut Response<Body>, facts: &Facts, is_good: bool) {
        azure::finish_response(response, facts, is_good);
    }
}
