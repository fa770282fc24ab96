//! Who may do what: the rules, without effects.
//!
//! A customer's account is a *resource* with a name as in Azure ([`ResourceId`]), and what is set for it stands in its
//! [`Settings`]. Whether a call may be done follows from them and from what the caller shows, in this order:
//!
//! | question | answered by |
//! |---|---|
//! | from where is it called? | [`client_address`], [`NetworkRules::admits`] |
//! | may a page of another origin call from a browser? | [`allowed_origin`] |
//! | who calls, if not with a key? | [`check_bearer`] (an identity provider's token), [`check_session`] (one of ours) |
//! | which actions may that person do? | [`roles_of`], [`Role::may`] |
//! | is the resource approved for the operation? | [`Gate::admits`] with its [`Approvals`] |
//! | if not, did a vendor lend it the approval? | [`check_limited`]; made by [`sign_limited`] |
//! | how long is what comes of it kept? | [`RetentionPolicy`], and the whole table as [`rows()`] |
//! | what are the people in the pictures told? | [`Notice`], [`default_notice`] |
//!
//! Start at [`Settings`].
//!
//! What this crate does not know: HTTP, where settings and keys are kept, which tokens were withdrawn one by one, how
//! keys of others are fetched. The time is an argument, in seconds since 1970, and so is randomness. No error and no
//! `Debug` of it shows a part of a token, a private key or a person's name.

mod features;
mod network;
mod notice;
mod origins;
mod resource;
mod retention;
mod roles;
mod settings;
mod token;

pub use features::{Approvals, Flag, Gate, LimitedAttribute};
pub use network::{Action, NetworkRule, NetworkRules, client_address, parse_network};
pub use notice::{Notice, default_notice};
pub use origins::{allowed_origin, parse_origin};
pub use resource::ResourceId;
pub use retention::{Kept, RetentionPolicy, RetentionProblem, RetentionRow, rows};
pub use roles::{Assignment, Person, Principal, Role, roles_of};
pub use settings::{Installation, Settings, SettingsProblem, Vendor, is_language};
pub use token::{
    KeySet, KeySetProblem, LIMITED_AUDIENCE, LIMITED_LIFE, LimitedAccess, OidcIssuer, SESSION_AUDIENCE, SESSION_LIFE,
    Session, SigningKey, TokenProblem, TrustedIssuer, check_bearer, check_limited, check_session, key_id_of,
    sign_limited, sign_session,
};
