//! Model packs through the public door.

mod cache;
mod convert;
mod documents;
mod install;
mod manifest;
mod networks;
