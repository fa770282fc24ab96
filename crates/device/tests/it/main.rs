//! The client against a peer that leads a real [`likeness_liveness::Capture`], both in memory. Time passes when nothing
//! else is to be done.

mod attacks;
mod folders;
mod honest;
mod http_peer;
mod lead;
mod socket_peer;
