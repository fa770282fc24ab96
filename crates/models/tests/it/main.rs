//! Model packs through the public interface.
#![expect(clippy::unwrap_used, reason = "a test may stop; the lint spares test functions, not what they share")]

mod cache;
mod convert;
mod documents;
mod install;
mod manifest;
mod networks;
mod tensorflow_lite;
