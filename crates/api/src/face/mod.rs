//! The Face API: routes, arguments, handlers and wire shapes.
//!
//! Start at [`routes::ROUTES`]. Handlers take a [`call::Call`], in which everything is parsed and authenticated, and give
//! a reply or a refusal. They know neither sockets nor galleries nor SQL. A call can write, or answer with data, only
//! once it is permitted: see [`call::Admitted`] and [`call::Permitted`].

mod api;
mod arguments;
mod attributes;
mod call;
mod containers;
mod detect;
mod directory;
mod dynamic_groups;
mod faces;
mod identify;
mod lists;
mod liveness;
pub(crate) mod openapi;
mod operations;
mod persons;
mod picture;
mod probes;
mod routes;
mod similar;
mod snapshots;
mod training;
mod verify;

pub use crate::azure::Version;
pub(crate) use api::Face;
pub use attributes::FaceAttributes;

pub(crate) use arguments::{DetectionModel, Fields, recognition_model, target_face, user_data};
pub(crate) use attributes::{Allowed, Requested};
pub(crate) use liveness::is_new_session;
