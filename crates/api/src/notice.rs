//! The notice for the people in the pictures, and their consent decisions: `GET /notice`, `POST /notice/decision`.
//!
//! Both belong to the account whose key is shown, or whose endpoint it is. The text is the operator's or the account's
//! own; where nobody wrote one, a plain one is made of what holds for the account. Every page that starts a camera asks
//! for it first. A decision is recorded in the audit log with version, time and session, and nothing else about the
//! person.

use crate::azure::{self, LivenessRefusal, Refusal};
use axum::body::Body;
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use likeness_http::{Api, Body as JsonBody, BodyKind, Call, Facts, Head, Input, Rate, Reply, Route, Unread};
use likeness_rules::{Notice, default_notice, is_language, monitoring_sentence};
use likeness_service::access::{AccountState, Caller, DeviceCaller};
use likeness_service::accounts::Attribution;
use likeness_service::app::App;
use likeness_service::liveness::{Change, NotChanged};
use likeness_service::shares::Owner;
use likeness_store::{AccountId, Actor, AuditEvent};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use uuid::Uuid;

/// Longest body of a decision.
const MOST_BYTES: usize = 4 * 1024;
/// The action under which the audit log records a decision.
const CONSENT: &str = "consent";
/// The decision that agrees.
const GRANTED: &str = "granted";
/// The decision that withdraws an earlier one.
const WITHDRAWN: &str = "withdrawn";
/// Of a notice's digest.
const DIGEST_BYTES: usize = 16;

/// Who may read and decide.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Everybody, where the address names the account: the people in the pictures may read the notice without any key.
    Anybody,
    /// Callers who may detect faces: decisions are about that.
    MayDetect,
}

/// The notices.
pub(crate) struct Notices;

/// A caller who reads a notice or records a decision.
#[derive(Clone)]
pub(crate) enum Reader {
    /// Nobody we know, at an account's own endpoint.
    Stranger(Arc<AccountState>),
    /// A caller who was admitted.
    Caller(Caller),
    /// A device with the token of a liveness session.
    Device(DeviceCaller),
}

impl Reader {
    fn state(&self) -> &Arc<AccountState> {
        match self {
            Self::Stranger(state) => state,
            Self::Caller(caller) => &caller.state,
            Self::Device(device) => &device.state,
        }
    }
}

static ROUTES: &[Route<Notices>] = &[
    Route {
        method: Method::GET,
        path: "notice",
        operation: "GetNotice",
        body: BodyKind::Nothing,
        rule: Rule::Anybody,
        handler: |call| Box::pin(get(call)),
    },
    Route {
        method: Method::POST,
        path: "notice/decision",
        operation: "TellDecision",
        body: BodyKind::Bytes,
        rule: Rule::MayDetect,
        handler: |call| Box::pin(decide(call)),
    },
];

impl Api for Notices {
    type Rule = Rule;
    type Scope = ();
    type Caller = Reader;
    type Granted = ();
    type Refusal = Refusal;

    const NAME: &'static str = "notice";
    const IS_OPEN_TO_PAGES: bool = true;

    fn routes() -> &'static [Route<Self>] {
        ROUTES
    }

    fn scope(path: &str) -> Option<((), &str)> {
        let below = path.strip_prefix('/')?;
        let is_ours = ROUTES.iter().any(|route| below.eq_ignore_ascii_case(route.path));
        is_ours.then_some(((), below))
    }

    fn address(route: &Route<Self>) -> String {
        format!("/{}", route.path)
    }

    fn most_bytes(_: BodyKind) -> usize {
        MOST_BYTES
    }

    async fn identify(head: &Head<Self>, now: i64) -> Result<Reader, Refusal> {
        if let (Rule::Anybody, Some(subdomain)) = (&head.route.rule, &head.address.origin.subdomain)
            && let Some(state) = head.app.access.cache.last_known().by_subdomain(subdomain)
        {
            return Ok(Reader::Stranger(state.clone()));
        }
        let access = &head.app.access;
        if let Some(authorization) = &head.credentials.authorization
            && let Some(device) = access.admit_if_device(&head.address.origin, authorization, now).await?
        {
            return Ok(Reader::Device(device));
        }
        Ok(Reader::Caller(access.admit(&head.address.origin, &head.credentials, now).await?))
    }

    /// Notices and decisions do not count in the call rate of a tier: the people in the pictures must be able to read and refuse.
    fn account(_: &Reader) -> Option<&Arc<AccountState>> {
        None
    }

    /// A rate of their own, by account or by the reader's address: each decision is a durable row.
    fn rate<'a>(head: &Head<Self>, reader: &'a Reader) -> Rate<'a> {
        Rate::Beside(match reader {
            Reader::Caller(caller) if caller.belongs() => Owner::Account(caller.account()),
            // Each person has a session of their own, and each session a device.
            Reader::Caller(_) | Reader::Stranger(_) | Reader::Device(_) => head.owner(None),
        })
    }

    fn authorise(head: &Head<Self>, reader: &Reader) -> Result<(), Refusal> {
        match (&head.route.rule, reader) {
            (Rule::Anybody, _) | (Rule::MayDetect, Reader::Stranger(_) | Reader::Device(_)) => Ok(()),
            (Rule::MayDetect, Reader::Caller(caller)) => {
                caller.rights.include(|| "detect/action").map_err(|action| Refusal::PermissionDenied(action.to_owned()))
            }
        }
    }

    fn refusal_log(_: &Head<Self>, _: &Reader) -> Option<(AccountId, Actor)> {
        None
    }

    fn counts(_: u16) -> bool {
        false
    }

    fn unread(problem: Unread) -> Refusal {
        Refusal::unread(problem, |_| Refusal::bad("Request body is invalid. It is longer than any decision."))
    }

    fn refused(refusal: &Refusal, _: &Facts) -> Response<Body> {
        let Refusal::MethodNotAllowed(methods) = refusal else { return azure::refused(refusal) };
        let mut response = Reply::empty().with_status(StatusCode::METHOD_NOT_ALLOWED).into_response();
        if let Ok(methods) = HeaderValue::from_str(methods) {
            response.headers_mut().insert(header::ALLOW, methods);
        }
        response
    }

    /// As the Face API answers, but that nothing here is billed.
    fn finish_response(response: &mut Response<Body>, _: &Facts, _: bool) {
        if response.status() != StatusCode::METHOD_NOT_ALLOWED {
            azure::finish_plain_response(response);
        }
    }
}

/// `GET /notice?language=de`
async fn get(call: Call<Notices>) -> Result<Reply, Refusal> {
    let notice = notice_of(call.caller.state(), call.head.query.text("language").unwrap_or("en"));
    Ok(Reply::json(&InForce { digest: digest_of(&notice), notice: &notice })?)
}

/// `POST /notice/decision`
async fn decide(call: Call<Notices>) -> Result<Reply, Refusal> {
    let Call { head, caller, input: Input::Bytes(bytes), .. } = call else { return Err(Refusal::Unauthorized) };
    let (actor, session) = match &caller {
        Reader::Stranger(_) => return Err(Refusal::Unauthorized),
        Reader::Caller(caller) => (caller.actor.clone(), None),
        Reader::Device(device) => (Actor::Device, Some(device.session)),
    };
    let state = caller.state();
    let body = JsonBody::parse(bytes.expose())?;
    let decided = ConsentDecision::read(&body)?;
    let notice = notice_of(state, decided.language);
    let in_force = digest_of(&notice);
    let is_in_force = i64::from(notice.version) == decided.version
        && notice.language.eq_ignore_ascii_case(decided.language)
        && decided.digest.is_none_or(|digest| digest == in_force);
    // Consent can be withdrawn whatever the notice says by now.
    if !is_in_force && decided.decision != WITHDRAWN {
        return Err(Refusal::bad(
            "'version' or 'digest' is not that of the notice in force in this language. Ask for the notice again and show it.",
        ));
    }
    let digest = if is_in_force { Some(in_force.as_str()) } else { decided.digest };
    let detail = json!({
        "decision": decided.decision, "language": decided.language.to_ascii_lowercase(), "version": decided.version,
        "digest": digest, "session": session.unwrap_or(decided.session),
    });
    let attribution = Attribution { actor, request_id: head.request_id };
    head.app.accounts.note(state.id(), &attribution, AuditEvent::done(CONSENT, Some(detail))).await?;
    if let Some(session) = session
        && decided.decision == GRANTED
    {
        remember(&head.app, state, &attribution, session).await?;
    }
    Ok(Reply::no_content())
}

/// Remembers in a liveness session that its person agreed.
async fn remember(app: &App, state: &AccountState, attribution: &Attribution, session: Uuid) -> Result<(), Refusal> {
    let policy = &state.settings.retention;
    let accepted = app.liveness.change(state.id(), attribution, session, policy, |stored, now| {
        stored.session.accept_notice(now).map(Change::of)
    });
    accepted.await.map_err(|problem| match problem {
        NotChanged::Gone | NotChanged::Refused(_) => LivenessRefusal::SessionNotFound.into(),
        NotChanged::Store(error) => error.into(),
    })
}

/// A person's decision, and the notice it refers to.
pub(crate) struct ConsentDecision<'a> {
    language: &'a str,
    version: i64,
    digest: Option<&'a str>,
    session: Uuid,
    decision: &'a str,
}

impl<'a> ConsentDecision<'a> {
    /// Reads a body.
    pub(crate) fn read(body: &'a JsonBody) -> Result<Self, Refusal> {
        let language = body.text("language")?.ok_or_else(|| Refusal::bad("'language' is missing."))?;
        let version = body.integer("version", -1, 0, i64::from(u32::MAX))?;
        if !is_language(language) {
            return Err(Refusal::bad("'language' is not a BCP 47 tag such as en or de-AT."));
        }
        let digest = body.text("digest")?;
        if digest.is_some_and(|digest| digest.len() != 2 * DIGEST_BYTES || hex::decode(digest).is_err()) {
            return Err(Refusal::bad("'digest' is not that of a notice. GET /notice gives it."));
        }
        let session = body.required_uuid("session")?;
        let decision = match body.text("decision")? {
            Some(decision @ (GRANTED | "refused" | WITHDRAWN)) => decision,
            _ => return Err(Refusal::bad("'decision' must be granted, refused or withdrawn.")),
        };
        Ok(Self { language, version, digest, session, decision })
    }
}

/// A notice as it is shown, and what it says as a number: texts that are made of settings change with these, and consent
/// is to what was read.
#[derive(Serialize)]
struct InForce<'a> {
    #[serde(flatten)]
    notice: &'a Notice,
    digest: String,
}

/// The first half of a SHA-256 of everything in it, in hexadecimal.
fn digest_of(notice: &Notice) -> String {
    let words = serde_json::to_vec(notice).unwrap_or_default();
    hex::encode(&Sha256::digest(words)[..DIGEST_BYTES])
}

/// The account's own notice, or a plain one in a language that we have.
fn notice_of(state: &AccountState, language: &str) -> Notice {
    let settings = &state.settings;
    let own = settings.notice(language).cloned();
    let mut notice = own.unwrap_or_else(|| default_notice(language, settings.resource.name(), &settings.retention));
    if settings.liveness.abuse_monitoring {
        // Also of a text that the account wrote: consent is to what is done.
        let more = monitoring_sentence(&notice, &settings.retention);
        notice.text = format!("{}\n\n{more}", notice.text);
    }
    notice
}
