//! What people are told before their face is looked at, and what they decided: `GET /notice`, `POST /notice/decision`.
//!
//! Both belong to the account whose key is shown, or whose endpoint it is. The text is the operator's or the account's
//! own; where nobody wrote one, a plain one is made of what holds for the account. Every page that starts a camera asks
//! for it first. What was decided stands in the audit trail with version, time and session, and nothing else about the
//! person.

use super::face_door::{bad, collect, good, shown};
use super::place::Place;
use crate::face::call::Reply;
use crate::face::error::Refusal;
use crate::face::json::Body as JsonBody;
use crate::face::query::Query;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, Response, header};
use likeness_base::Clock as _;
use likeness_custody::{Notice, default_notice, is_language};
use likeness_service::access::{AccountState, Caller};
use likeness_service::app::App;
use likeness_service::custody::Order;
use likeness_service::effects::random_id;
use likeness_store::Event;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use uuid::Uuid;

/// Longest body of a decision.
const MOST_BYTES: usize = 4 * 1024;
/// The name under which the trail tells of a decision.
const CONSENT: &str = "consent";
/// The decision that takes back an earlier one.
const WITHDRAWN: &str = "withdrawn";
/// Of a notice's digest.
const DIGEST_BYTES: usize = 16;

/// `GET /notice?language=de`
pub(super) async fn get(State(app): State<Arc<App>>, request: Request<Body>) -> Response<Body> {
    let outcome = async {
        let (parts, _) = request.into_parts();
        let query = Query::parse(parts.uri.query());
        // Whoever is to be looked at may read it without any key, where the address says whose it is.
        let place = Place::of(&parts, &app.config.access);
        let named =
            place.origin.subdomain.as_deref().and_then(|subdomain| app.access.directory.last().at(subdomain).cloned());
        let state = match named {
            Some(state) => state,
            None => enter(&app, &parts, &place, &query).await?.state,
        };
        let language = query.text("language").unwrap_or("en");
        let notice = notice_of(&state, language);
        Reply::json(&InForce { digest: digest_of(&notice), notice: &notice })
    };
    dress(outcome.await, random_id(&*app.randomness))
}

/// `POST /notice/decision`
pub(super) async fn decide(State(app): State<Arc<App>>, request: Request<Body>) -> Response<Body> {
    let request_id = random_id(&*app.randomness);
    let outcome = async {
        let (parts, body) = request.into_parts();
        let query = Query::parse(parts.uri.query());
        let place = Place::of(&parts, &app.config.access);
        let now = || app.clock.now().as_seconds();
        let shown = shown(&parts.headers, &query);
        let caller = app.access.admit(&place.origin, &shown, now()).await?;
        may_tell(&caller)?;
        let too_large = Refusal::bad("Request body is invalid. It is longer than any decision.");
        let body = JsonBody::parse(collect(&parts.headers, body, MOST_BYTES, too_large).await?.expose())?;
        let caller = app.access.admit_again(&caller, &place.origin, &shown, now()).await?;
        may_tell(&caller)?;
        let decided = Decision::read(&body)?;
        let notice = notice_of(&caller.state, decided.language);
        let in_force = digest_of(&notice);
        let is_in_force = i64::from(notice.version) == decided.version
            && notice.language.eq_ignore_ascii_case(decided.language)
            && decided.digest.is_none_or(|digest| digest == in_force);
        // What was agreed to can be taken back whatever the notice says by now.
        if !is_in_force && decided.decision != WITHDRAWN {
            return Err(Refusal::bad(
                "'version' or 'digest' is not that of the notice in force in this language. Ask for the notice again and show it.",
            ));
        }
        let digest = if is_in_force { Some(in_force.as_str()) } else { decided.digest };
        let detail = json!({
            "decision": decided.decision, "language": decided.language.to_ascii_lowercase(), "version": decided.version,
            "digest": digest, "session": decided.session,
        });
        let order = Order { actor: caller.actor.clone(), request_id };
        app.custodian.note(caller.account(), &order, Event::done(CONSENT, Some(detail))).await?;
        Ok(Reply::no_content())
    };
    dress(outcome.await, request_id)
}

/// Decisions are about being looked at; whoever may not have anybody looked at has none to tell.
fn may_tell(caller: &Caller) -> Result<(), Refusal> {
    caller.rights.include(|| "detect/action").map_err(|action| Refusal::PermissionDenied(action.to_owned()))
}

/// What somebody decided, and after reading what.
pub(crate) struct Decision<'a> {
    language: &'a str,
    version: i64,
    digest: Option<&'a str>,
    session: Uuid,
    decision: &'a str,
}

impl<'a> Decision<'a> {
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
            Some(decision @ ("granted" | "refused" | WITHDRAWN)) => decision,
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
    let own = state.settings.notice(language).cloned();
    own.unwrap_or_else(|| default_notice(language, state.settings.resource.name(), &state.settings.retention))
}

async fn enter(app: &App, parts: &axum::http::request::Parts, place: &Place, query: &Query) -> Result<Caller, Refusal> {
    let now = app.clock.now().as_seconds();
    Ok(app.access.admit(&place.origin, &shown(&parts.headers, query), now).await?)
}

/// As the Face API answers, but that nothing here is billed.
fn dress(outcome: Result<Reply, Refusal>, request_id: Uuid) -> Response<Body> {
    let mut response = match outcome {
        Ok(reply) => good(reply),
        Err(refusal) => bad(&refusal, request_id),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
