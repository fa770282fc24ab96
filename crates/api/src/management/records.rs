//! What is on record: usage, audit trails, and persons across containers.

use super::accounts::INSTALLATION;
use super::api::{AdminCall, json_reply};
use super::error::Refusal;
use axum::body::Bytes;
use futures_util::stream;
use likeness_base::{Clock as _, Timestamp};
use likeness_http::Query;
use likeness_http::Reply;
use likeness_service::accounts::AccountError;
use likeness_service::accounts::audit::{self, AuditFilter};
use likeness_service::accounts::persons::PersonQuery;
use likeness_service::meter::day_of;
use likeness_service::shares::{Owner, PIECE_BYTES, Share};
use likeness_service::stored_templates;
use likeness_store::AccountId;
use serde_json::json;

/// Rows of an audit log in one answer, unless fewer are requested.
const USUAL_TOP: i64 = 100;
const MOST_TOP: i64 = 1_000;
/// Days of a report, unless they are named.
const USUAL_DAYS: i64 = 30;
const DAY_MILLIS: i64 = 86_400_000;

/// Reads a moment of RFC 3339 in UTC, or a date.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text)
}

/// `from` and `to` of a report, days that are both meant: the first moment, and the first one afterwards. Everything without.
pub(crate) fn whole_days(query: &Query) -> Result<(Timestamp, Timestamp), Refusal> {
    let day = |name: &str| match query.text(name) {
        None => Ok(None),
        Some(text) => {
            moment(text).map(Some).ok_or_else(|| Refusal::Invalid(format!("{name} must be a date such as 2026-01-31")))
        }
    };
    let first = day("from")?.unwrap_or(Timestamp::from_millis(0));
    let last = day("to")?.map_or(Timestamp::from_millis(i64::MAX), |last| {
        Timestamp::from_millis((day_of(last) + 1).saturating_mul(DAY_MILLIS))
    });
    Ok((first, last))
}

/// `GET accounts/{}/usage`
pub(super) async fn usage(call: AdminCall) -> Result<Reply, Refusal> {
    let today = day_of(call.app.clock.now());
    let (from, to) = whole_days(&call.query)?;
    let first = if call.query.text("from").is_some() { day_of(from) } else { today - USUAL_DAYS };
    // `to` is the first moment that is not meant any more.
    let last = day_of(Timestamp::from_millis(to.as_millis() - 1));
    let rows = call.app.store.usage(call.account()?.id(), first, last).await?;
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let date = Timestamp::from_millis(row.day.saturating_mul(DAY_MILLIS)).to_string()[..10].to_owned();
            json!({ "day": date, "operation": row.operation, "calls": row.calls, "billed": row.billed })
        })
        .collect();
    json_reply(&rows)
}

/// `GET recognisers`
pub(super) async fn recognisers(call: AdminCall) -> Result<Reply, Refusal> {
    json_reply(&stored_templates::stored_templates(&*call.app.store, &call.app.recognisers).await?)
}

/// `GET accounts/{}/audit`
pub(super) async fn trail(call: AdminCall) -> Result<Reply, Refusal> {
    trail_of(&call, call.account()?.id()).await
}

/// `GET audit`
pub(super) async fn installation_trail(call: AdminCall) -> Result<Reply, Refusal> {
    trail_of(&call, INSTALLATION).await
}

async fn trail_of(call: &AdminCall, account: AccountId) -> Result<Reply, Refusal> {
    let query = &call.query;
    let number = |name, usual, most| {
        query.integer(name, usual, 0, most).map_err(|_| Refusal::Invalid(format!("{name} must be a number")))
    };
    let at = |name: &str| match query.text(name) {
        None => Ok(None),
        Some(text) => moment(text).map(Some).ok_or_else(|| Refusal::Invalid(format!("{name} must be a time"))),
    };
    let filter = AuditFilter {
        after: number("after", 0, i64::MAX)?,
        from: at("from")?,
        to: at("to")?,
        action: query.text("action").map(str::to_owned),
        top: usize::try_from(number("top", USUAL_TOP, MOST_TOP)?).unwrap_or(100),
    };
    json_reply(&call.app.accounts.audit_rows(account, &filter).await?)
}

/// `GET accounts/{}/audit/verify`
pub(super) async fn verify(call: AdminCall) -> Result<Reply, Refusal> {
    let known = call.query.text("known");
    if known.is_some_and(|known| known.len() != 64 || hex::decode(known).is_err()) {
        return Err(Refusal::Invalid("known must be a link of 64 hexadecimal digits".to_owned()));
    }
    json_reply(&audit::verify(&*call.app.store, call.account()?.id(), known).await?)
}

/// `GET accounts/{}/audit/export`
pub(super) async fn export(call: AdminCall) -> Result<Reply, Refusal> {
    let account = call.account()?.id();
    let room = call.app.shares.answers.take(Owner::Account(account), PIECE_BYTES).await;
    let room = room.map_err(|_| Refusal::Unavailable)?;
    let lines = stream::try_unfold((call, 0), move |(call, after)| async move {
        let lines = call.app.accounts.export(account, after).await?;
        Ok::<_, AccountError>(lines.map(|(lines, last)| (Bytes::from(lines), (call, last))))
    });
    Ok(Reply::in_pieces("application/x-ndjson", lines, room))
}

/// Reports read everything that an account has: one at a time of each.
async fn report_turn(call: &AdminCall) -> Result<Share, Refusal> {
    let turn = call.app.shares.reports.take(Owner::Account(call.account()?.id()), 1).await;
    turn.map_err(|_| Refusal::Unavailable)
}

/// `POST accounts/{}/persons/report`
pub(super) async fn report(call: AdminCall) -> Result<Reply, Refusal> {
    let query: PersonQuery = call.body()?;
    let _turn = report_turn(&call).await?;
    json_reply(&call.app.accounts.person_report(call.account()?.id(), &call.attribution, &query).await?)
}

/// `POST accounts/{}/persons/erase`
pub(super) async fn erase(call: AdminCall) -> Result<Reply, Refusal> {
    let query: PersonQuery = call.body()?;
    let _turn = report_turn(&call).await?;
    json_reply(&call.app.accounts.erase_person(call.account()?.id(), &call.attribution, &query).await?)
}
