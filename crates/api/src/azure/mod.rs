//! What the Face API, its token service and the notices share: the table of refusals, and how answers are dressed
//! (`face-api.md` section 7).

mod envelope;
mod error;
mod liveness_error;
mod liveness_wire;
mod version;

pub(crate) use envelope::{finish_plain_response, finish_response, refused};
pub(crate) use error::{MissingAs, Refusal, from_search, from_store};
pub(crate) use liveness_error::LivenessRefusal;
pub(crate) use liveness_wire::{audit_body, rectangle, reference_image};
pub use version::Version;
