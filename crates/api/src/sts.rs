//! The token service beside the Face API: `POST /sts/v1.0/issueToken` and `POST /sts/v1.0/issueLimitedAccessToken`,
//! with the same envelope for refusals (`face-api.md` section 4).

use crate::azure::{self, Refusal};
use axum::body::Body;
use axum::http::{Method, Response};
use likeness_base::{Clock as _, Secret};
use likeness_http::{Api, Body as JsonBody, BodyKind, Call, Facts, Head, Input, Query, Reply, Route, Unread};
use likeness_rules::{FeatureFlag, ResourceId};
use likeness_service::access::{AccountState, Caller};
use likeness_service::accounts::Attribution;
use likeness_service::accounts::vendors::{LimitedTokenRequest, life_bounds};
use likeness_store::{AccountId, Actor, AuditEvent};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Longest body that asks for a token: a resource id and three flags.
const MOST_BYTES: usize = 16 * 1024;
/// For how long a limited access token lasts when nothing is said.
const USUAL_LIFE: i64 = 3_600;
/// The media type of a token.
const JWT: &str = "application/jwt";

/// Who may.
#[derive(Debug)]
pub(crate) enum Rule {
    /// Whoever shows a key of the account.
    Key,
    /// Whoever has this data action: to lend what the account holds is more than to use it.
    Action(&'static str),
}

/// The token service below `/sts/v1.0/`.
pub(crate) struct Sts;

static ROUTES: &[Route<Sts>] = &[
    Route {
        method: Method::POST,
        path: "issueToken",
        operation: "IssueToken",
        body: BodyKind::Nothing,
        rule: Rule::Key,
        handler: |call| Box::pin(issue_token(call)),
    },
    Route {
        method: Method::POST,
        path: "issueLimitedAccessToken",
        operation: "IssueLimitedAccessToken",
        body: BodyKind::Json,
        rule: Rule::Action("issueLimitedAccessToken/action"),
        handler: |call| Box::pin(issue_limited_access_token(call)),
    },
];

impl Api for Sts {
    type Rule = Rule;
    type Scope = ();
    type Caller = Caller;
    type Granted = ();
    type Refusal = Refusal;

    const NAME: &'static str = "sts";
    const IS_OPEN_TO_PAGES: bool = true;

    fn routes() -> &'static [Route<Self>] {
        ROUTES
    }

    fn scope(path: &str) -> Option<((), &str)> {
        let (start, below) = path.split_at_checked("/sts/".len())?;
        // Of another version nothing is found.
        start.eq_ignore_ascii_case("/sts/").then(|| {
            let version = below.get(.."v1.0/".len()).filter(|version| version.eq_ignore_ascii_case("v1.0/"));
            ((), version.map_or("", |version| &below[version.len()..]))
        })
    }

    fn address(route: &Route<Self>) -> String {
        format!("/sts/v1.0/{}", route.path)
    }

    fn most_bytes(_: BodyKind) -> usize {
        MOST_BYTES
    }

    async fn identify(head: &Head<Self>, now: i64) -> Result<Caller, Refusal> {
        Ok(head.app.access.admit(&head.address.origin, &head.credentials, now).await?)
    }

    fn account(caller: &Caller) -> Option<&Arc<AccountState>> {
        caller.belongs().then_some(&caller.state)
    }

    fn authorise(head: &Head<Self>, caller: &Caller) -> Result<(), Refusal> {
        match head.route.rule {
            Rule::Key if caller.key.is_none() => Err(Refusal::Unauthorized),
            Rule::Key => Ok(()),
            Rule::Action(action) => {
                caller.rights.include(|| action).map_err(|action| Refusal::PermissionDenied(action.to_owned()))
            }
        }
    }

    fn refusal_log(_: &Head<Self>, caller: &Caller) -> Option<(AccountId, Actor)> {
        caller.belongs().then(|| (caller.account(), caller.actor.clone()))
    }

    /// Tokens that were issued.
    fn counts(status: u16) -> bool {
        status == 200
    }

    fn unread(problem: Unread) -> Refusal {
        Refusal::unread(problem, |_| {
            Refusal::bad("Request body is invalid. It is longer than any request for a token.")
        })
    }

    fn refused(refusal: &Refusal, _: &Facts) -> Response<Body> {
        azure::refused(refusal)
    }

    fn finish_response(response: &mut Response<Body>, facts: &Facts, is_good: bool) {
        azure::finish_response(response, facts, is_good);
    }
}

/// `POST /sts/v1.0/issueToken`
async fn issue_token(call: Call<Sts>) -> Result<Reply, Refusal> {
    let Call { head, caller, .. } = call;
    let attribution = Attribution { actor: caller.actor.clone(), request_id: head.request_id };
    head.app.accounts.note(caller.account(), &attribution, AuditEvent::done("issue_token", None::<&str>)).await?;
    let issued = head.app.access.issue(&caller, &*head.app.randomness, head.app.clock.now().as_seconds());
    token(&issued.await?)
}

/// `POST /sts/v1.0/issueLimitedAccessToken`
async fn issue_limited_access_token(call: Call<Sts>) -> Result<Reply, Refusal> {
    let Call { head, caller, input, .. } = call;
    let Input::Json(body) = input else { return Err(Refusal::UnsupportedMediaType("application/json")) };
    let asked = read(&head.query, &body)?;
    let attribution = Attribution { actor: caller.actor.clone(), request_id: head.request_id };
    token(&head.app.accounts.issue_limited(&caller.state, &attribution, &asked).await?)
}

/// 200 with a token and nothing else.
fn token(token: &Secret<String>) -> Result<Reply, Refusal> {
    Ok(Reply::content(JWT, token.expose().clone().into_bytes()))
}

pub(crate) fn read(query: &Query, body: &JsonBody) -> Result<LimitedTokenRequest, Refusal> {
    let (least, most) = life_bounds();
    if query.is_blank("expiredTime") {
        return Err(Refusal::bad(format!(
            "'expiredTime' is invalid. It must be a whole number from {least} to {most}."
        )));
    }
    let seconds = query.integer("expiredTime", USUAL_LIFE, least, most)?;
    let named = match body.text("targetAzureResourceId")? {
        Some(named) => Some(named),
        None => body.text("resourceId")?,
    };
    let named = named.ok_or_else(|| Refusal::bad("'targetAzureResourceId' is missing."))?;
    let target = ResourceId::parse(named).ok_or_else(|| {
        Refusal::bad("'targetAzureResourceId' is invalid. It must have the form /subscriptions/{guid}/resourceGroups/{group}/providers/Microsoft.CognitiveServices/accounts/{name}.")
    })?;
    let flags = body.get("featureFlags").and_then(serde_json::Value::as_array);
    let wrong = || {
        Refusal::bad(
            "'featureFlags' is invalid. It must name some of Face.Identification, Face.Verification, LimitedAccess.HighRisk.",
        )
    };
    let flags = flags.filter(|flags| !flags.is_empty() && flags.len() <= 100).ok_or_else(wrong)?;
    let flags = flags.iter().map(|flag| FeatureFlag::parse(flag.as_str()?)).collect::<Option<BTreeSet<_>>>();
    Ok(LimitedTokenRequest { target, flags: flags.ok_or_else(wrong)?, seconds })
}
