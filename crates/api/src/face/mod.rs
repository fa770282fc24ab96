//! The Face API: routes, arguments, handlers, wire shapes and refusals.
//!
//! Start at [`routes::ROUTES`]. Handlers take a [`call::Call`], in which everything is parsed and authenticated,
//! and give a [`call::Reply`] or a [`error::Refusal`]. They know neither sockets nor galleries nor SQL.

pub(crate) mod arguments;
pub(crate) mod attributes;
pub(crate) mod call;
mod compare;
mod containers;
mod detect;
mod directory;
mod dynamic_groups;
pub(crate) mod error;
mod faces;
mod identify;
pub(crate) mod json;
pub(crate) mod openapi;
mod operations;
pub(crate) mod permit;
mod persons;
pub(crate) mod picture;
pub(crate) mod query;
pub(crate) mod routes;
mod snapshots;
mod training;
pub(crate) mod version;
