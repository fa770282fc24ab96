//! From a socket to a call, and from a reply to bytes: listeners, TLS, where a request comes from, bodies, and one
//! pipeline for every API.
//!
//! Start at [`Apis`], which serves the route tables that are registered with it and no others, and [`Api`], which says
//! what an API supplies: its route table, its callers, the form of its refusals. The order in which a request is checked
//! is in [`pipeline`] alone. This crate knows headers, sizes and deadlines; it knows no API and no face.

mod address;
mod apis;
mod body;
mod cors;
mod form;
mod json;
pub mod listen;
pub mod pipeline;
mod query;
mod reply;
mod route;
mod socket;
pub mod tls;
mod unicode;
mod value;

pub use address::{PeerAddress, RequestAddress};
pub use apis::{Apis, Row};
pub use body::{Input, Unread, Upgrade};
pub use form::{Form, FormPart};
pub use json::{Body, parse_uuid};
pub use pipeline::{Api, Call, Facts, Handling, Head, Rate, Refuse, TooOften};
pub use query::{Page, Query};
pub use reply::{JSON, Reply};
pub use route::{BodyKind, Misrouted, Route, find};
pub use socket::{Received, Socket};
pub use unicode::{NotText, Text, utf8};
pub use value::BadValue;
