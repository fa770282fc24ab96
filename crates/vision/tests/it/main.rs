//! The crate through its public interface, with an engine made for the purpose: its networks read the pixels they are
//! given and answer as a perfect network would, so that everything around them is put to the test. The real networks
//! are tested by the server's golden faces.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test, which is what it is for")]

mod decode;
mod describe;
mod detect;
mod fake;
mod large;
mod variants;
