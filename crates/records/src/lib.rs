//! What is stored and what can be done with it, as plain types.
//!
//! Start at [`command::Command`], which is everything that can be written, and [`answers`], which is everything that can be
//! read. [`record`] says which kinds of records there are, [`audit`] how audit rows are linked and checked, [`journal`] what a
//! restore must not undo. Nothing here
//! knows a database: whoever has one does what the commands say.

pub mod answers;
pub mod audit;
pub mod command;
pub mod id;
pub mod journal;
pub mod record;
pub mod types;

pub(crate) use likeness_keys as keys;
