//! Reading, listing and deleting sessions, their audit and their pictures.

use super::{attribution, session, shape_of, wire, with_verify};
use crate::azure::{LivenessRefusal, Refusal};
use crate::face::call::{Admitted, Call};
use crate::face::lists::{self, List};
use futures_util::future::BoxFuture;
use likeness_http::Reply;
use likeness_liveness::Shape;
use likeness_service::liveness::Stored;
use likeness_store::{ContainerKind, PageStart, Store};
use serde_json::Value;
use std::sync::Arc;

/// `GET .../{sessionId}`
pub(in crate::face) async fn get(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let found = session(&call).await?;
    wire::shown(&call, &found.stored)
}

/// `GET .../sessions`, of the older shape alone.
pub(in crate::face) async fn list(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let page = call.page()?;
    if !page.after.is_empty() && likeness_http::parse_uuid(&page.after).is_none() {
        return Err(Refusal::bad("'start' is invalid. It must be the id of a session."));
    }
    let (account, now, verify) = (call.account(), call.now(), with_verify(call.route().path));
    let (sessions, policy) = (call.app().liveness.clone(), call.retention_policy().clone());
    let read = move |_: Arc<dyn Store>, page: PageStart| -> BoxFuture<'static, _> {
        let sessions = sessions.clone();
        Box::pin(async move { sessions.list(account, verify, &page).await })
    };
    let wanted =
        move |stored: &Stored| stored.session.request.verify.is_some() == verify && stored.is_kept(&policy, now);
    let show = move |stored: &Stored| Value::Object(wire::old_item(&stored.session, now));
    let id = |stored: &Stored| stored.session.id.to_string();
    let list = List::array(ContainerKind::PersonDirectory, read, id, show);
    lists::answer(call, page, List { wanted: Box::new(wanted), ..list }).await
}

/// `DELETE .../{sessionId}`
pub(in crate::face) async fn delete(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let id = session(&call).await?.stored.session.id;
    call.recheck_access().await?;
    let app = call.app();
    let is_gone = app.liveness.delete(call.account(), &attribution(&call), id, call.retention_policy()).await?;
    if !is_gone {
        return Err(LivenessRefusal::SessionNotFound.into());
    }
    match shape_of(call.route().path) {
        Shape::Old => call.done(),
        Shape::New => Ok(call.deleted()),
    }
}

/// `GET .../{sessionId}/audit`, of the older shape alone.
pub(in crate::face) async fn audit(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let page = call.page()?;
    let after = match page.after.as_str() {
        "" => 0,
        after if !after.bytes().all(|byte| byte.is_ascii_digit()) => {
            return Err(Refusal::bad("'start' is invalid. It must be the id of an entry."));
        }
        // After a number beyond all others comes nothing.
        after => after.parse::<u64>().unwrap_or(u64::MAX),
    };
    let found = session(&call).await?;
    let entries = wire::audit_entries(&found.stored.session, call.version());
    let is_wanted = |entry: &Value| entry["id"].as_u64().is_some_and(|id| id > after);
    call.answer(&entries.into_iter().filter(is_wanted).take(page.top).collect::<Vec<_>>())
}

/// `GET sessionImages/{sessionImageId}` and `GET session/sessionImages/{sessionImageId}`
pub(in crate::face) async fn image(call: Call<Admitted>) -> Result<Reply, Refusal> {
    let call = call.permit().await?;
    let found = call.app().liveness.image(call.account(), call.parameter(0), call.retention_policy()).await?;
    let image = found.ok_or(Refusal::SessionImageNotFound)?;
    Ok(call.answer_octets(image.expose().clone()))
}
