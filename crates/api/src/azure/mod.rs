//! What the Face API, its token service and the notices share: the table of refusals, and how answers are dressed
//! (`face-api.md` section 7).

mod envelope;
mod error;

pub(crate) use envelope::{finish_plain_response, finish_response, refused};
pub(crate) use error::{MissingAs, Refusal, from_search, from_store};
