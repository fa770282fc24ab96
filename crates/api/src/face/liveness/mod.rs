//! Liveness sessions for app servers: create, read, list, delete, audit, pictures, settings (`face-api.md` section 5).
//!
//! One set of sessions stands behind both generations of the contract. The path says in which shape the answer is written, and
//! any shape is taken: clients mix them. Devices come by other routes, which are an API of their own: `crate::devices`.

mod create;
mod given;
mod read;
mod reference;
mod settings;
mod wire;

pub(super) use create::create;
pub(crate) use create::is_new_session;
pub(super) use read::{audit, delete, get, image, list};
pub(super) use settings::{assets_token, change_monitoring, monitoring};

use super::call::{Call, Permitted};
use crate::azure::{LivenessRefusal, Refusal};
use likeness_http::parse_uuid;
use likeness_liveness::Shape;
use likeness_service::accounts::Attribution;
use likeness_service::liveness::Found;

/// Which generation of the contract a path belongs to.
fn shape_of(path: &str) -> Shape {
    if path.to_ascii_lowercase().contains("/singlemodal/") { Shape::Old } else { Shape::New }
}

/// Whether a path is about sessions that compare faces.
fn with_verify(path: &str) -> bool {
    path.to_ascii_lowercase().starts_with("detectlivenesswithverify")
}

fn attribution(call: &Call<Permitted>) -> Attribution {
    Attribution { actor: call.actor().clone(), request_id: call.request_id() }
}

/// The session that the path names, of the kind that it names. An attempt that is overdue has ended in it, whether or not that
/// is written yet.
async fn session(call: &Call<Permitted>) -> Result<Found, Refusal> {
    let gone = || Refusal::from(LivenessRefusal::SessionNotFound);
    let id = parse_uuid(call.parameter(0)).ok_or_else(gone)?;
    let found = call.app().liveness.read(call.account(), id, call.retention_policy()).await?;
    let is_meant = |found: &Found| found.stored.session.request.verify.is_some() == with_verify(call.route().path);
    let mut found = found.filter(is_meant).ok_or_else(gone)?;
    found.stored.session.end_overdue(call.now());
    Ok(found)
}
