//! The client against a peer.
