//! Keys, and how records are sealed with them.
//!
//! ```text
//! key of a provider: a file, the environment, a token, a transit engine
//!   ├ installation key, 256 bit, random, kept wrapped
//!   │   └ HKDF-SHA256 (job): wraps keys of hours and data keys, makes digests, links audit rows
//!   └ data key of an account, 256 bit, random, kept wrapped: by the installation key, or by a provider of the account's own
//!       └ HKDF-SHA256 (purpose, epoch): a sub-key for templates, one for names, …
//!           └ AES-256-GCM per record with a random 96-bit nonce; format byte and key id in front
//! ```
//!
//! Start at [`InstallationKey`] and [`provider`]. Keys that are unwrapped are trusted for a bounded time: [`TrustedKeys`]. This crate knows no database: what it wraps and seals is given to it and kept by others. A sealed record
//! opens only in the account, container, row, person, purpose and template space it was sealed for.
//!
//! The *epoch* keeps the number of records under one sub-key small. For what lies in a container it is the
//! container's number, for faceIds the hour of expiry. With random nonces NIST SP 800-38D section 8.3 allows
//! 2^32 records a key; a container of a million people with 248 faces each stays below 2^28.
//!
//! What expires (faceIds, snapshots with the copies in them) is sealed under a sub-key that also needs the random key of
//! its hour of expiry, mixed in as the salt of HKDF. That key is destroyed when the hour is over; see [`expiry`].
//!
//! Losing the provider's key loses everything that was sealed: nobody can open it again. Back it up, and
//! not beside the database.

mod account;
mod error;
mod expiry;
mod file;
mod installation;
mod keyholder;
mod link;
mod locked;
pub mod provider;
mod seal;
mod stream;
mod trusted;

pub use account::{AccountKeys, DataKey, Sealer};
pub use error::{KeyFileError, KeyFileProblem};
pub use expiry::{ExpiryKeys, HourKey, HoursWithKeys, hour_of};
pub use file::private_folder;
pub use installation::{InstallationKey, Stage};
pub use keyholder::{InstallationKeyOf, Keyholder, SecretRow};
pub use link::LinkKey;
pub use locked::are_locked;
pub use seal::{Purpose, RowContext, key_id_of};
pub use stream::StreamKey;
pub use trusted::{KeyProblem, KeyUse, Known, TrustedKeys, WrappedKey};
