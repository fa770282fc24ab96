//! The device's side of the liveness protocol, as `docs/device-protocol.md` writes it and by nothing else.
//!
//! Start at [`Client`]: it captures one attempt with the token of a session, over a socket or over requests ([`Way`]). What
//! it sends comes from a [`Source`]: [`Folder`] plays files; with the feature `renderer`, `Acted` plays a rendered person
//! who answers the prompts. A [`Tamper`] changes what is sent; [`Attack`] lists misbehaviour with what must come of it.
//!
//! [`Attempt`] is the protocol without sockets and without a clock: [`Client`] drives it, and tests may.
//!
//! What this crate does not know: how faces are found, what a verdict is, the server. It uses the wire types, the chain and
//! the bounds of `likeness-liveness`, and none of its rules.
//!
//! **Time.** All times are milliseconds of the device's clock, which is a [`Pace`]. The server compares that clock with its
//! own: the two must run at the same rate within 2 % and 500 ms, or the attempt ends `ProtocolBroken`. So a [`RealTime`] is
//! what real servers need. A server whose clock a test moves is played against with a `Pace` that moves it.

mod address;
mod attack;
mod attempt;
mod broken_pictures;
mod client;
mod connection;
mod error;
mod form;
mod outgoing;
mod pace;
mod requests;
mod socket;
mod source;
mod tamper;

pub use address::Address;
pub use attack::{Attack, Attacker, Comes};
pub use attempt::{Attempt, Outcome};
pub use client::{AppProver, Client, Device, KeySigner, Signer, Way};
pub use error::{ClientError, Refused, SourceError};
pub use outgoing::Outgoing;
pub use pace::{Pace, RealTime};
#[cfg(feature = "renderer")]
pub use source::Acted;
pub use source::{Folder, Recorder, Screen, Source};
pub use tamper::{Honest, Tamper};
