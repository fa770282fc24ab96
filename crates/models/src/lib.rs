//! Model packs.

pub mod convert;
mod error;
mod weights;

pub use error::ModelsError;
