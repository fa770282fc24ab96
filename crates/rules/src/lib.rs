//! Who may do what: the rules, without effects.
//!
//! A customer's account is a *resource* with a name as in Azure ([`ResourceId`]), and what is set for it stands in its
//! [`Settings`]. Whether a call is allowed follows from them and from the caller's credentials, in this order:
//!
//! | question | answered by |
//! |---|---|
//! | from where is it called? | [`client_address`], [`NetworkRules::allows`] |
//! | may a web page of another origin call? | [`allowed_origin`] |
//! | who calls, if not with a key? | [`check_bearer`] (an identity provider's token), [`check_issued_token`] (one of ours) |
//! | which data actions may that identity do? | [`roles_of`], [`Role::may`] |
//! | is the resource approved for the operation? | [`Gate::allows`] with its [`Approvals`] |
//! | if not, did a vendor lend it the approval? | [`check_limited`]; made by [`sign_limited`] |
//! | did a key of a person's device sign? | [`EnrolledKey::check`] |
//! | how long is the result kept? | [`RetentionPolicy`], and the whole table as [`rows()`] |
//! | which notice do the people in the pictures get? | [`Notice`], [`default_notice`] |
//!
//! Start at [`Settings`].
//!
//! What this crate does not know: HTTP, where settings and keys are kept, which tokens were withdrawn one by one, how
//! keys of others are fetched. The time is an argument, in seconds since 1970, and so is randomness. No error and no
//! `Debug` of it shows a part of a token, a private key or a person's name.

mod features;
mod liveness;
mod network;
mod notice;
mod origins;
mod resource;
mod retention;
mod roles;
mod settings;
mod token;
mod webauthn;

pub use features::{Approvals, FeatureFlag, Gate, LimitedAttribute};
pub use liveness::{Alternative, Branding, CaptureDevice, LivenessSettings};
pub use network::{Action, NetworkRule, NetworkRules, client_address, is_within, network_of, parse_network};
pub use notice::{Notice, default_notice, monitoring_sentence};
pub use origins::{allowed_origin, parse_origin};
pub use resource::ResourceId;
pub use retention::{RetentionClass, RetentionPolicy, RetentionProblem, RetentionRow, rows};
pub use roles::{Assignment, Identity, Principal, Role, roles_of};
pub use settings::{ConfidenceDetail, Installation, Settings, SettingsProblem, Vendor, is_language};
pub use token::{
    BearerIssuer, ISSUED_TOKEN_AUDIENCE, ISSUED_TOKEN_LIFE, IssuedTokenClaims, KeySet, KeySetProblem,
    LIMITED_TOKEN_AUDIENCE, LIMITED_TOKEN_LIFE, LIVENESS_TOKEN_AUDIENCE, LIVENESS_TOKEN_LIFE, LimitedAccessClaims,
    LivenessTokenClaims, REPORT_AUDIENCE, ReportClaims, SigningKey, TokenProblem, TrustedIssuer, UnsignedToken,
    check_bearer, check_issued_token, check_limited, check_liveness_token, check_report_signature, key_id_of,
    sign_issued_token, sign_limited, write_issued_token, write_limited, write_liveness_token, write_report_signature,
};
pub use webauthn::{
    Attested, AuthenticatorData, Ceremony, ClientData, EnrolledKey, KeyAssertion, KeyOrigins, KeyProblem,
    KeyRecordProblem, KeyRegistration, LONGEST_AUTHENTICATOR_DATA, LONGEST_CLIENT_DATA, LONGEST_KEY_ID,
    LONGEST_KEY_SIGNATURE,
};
