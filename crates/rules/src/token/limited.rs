//! Limited access tokens: a vendor lends its approvals to a client for a while.

use super::{Envelope, KeySet, SigningKey, TokenProblem, UnsignedToken, uuid};
use crate::{FeatureFlag, ResourceId};
use likeness_base::Secret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The audience of these tokens: whatever checks them.
pub const LIMITED_TOKEN_AUDIENCE: &str = "urn:likeness:limited-access";

/// How long one may last, in seconds.
pub const LIMITED_TOKEN_LIFE: std::ops::RangeInclusive<i64> = 60..=86_400;

/// What a limited access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitedAccessClaims {
    /// The installation that signed it.
    pub issuer: String,
    /// Its own id, by which it can be revoked.
    pub id: Uuid,
    /// Whose approvals are lent.
    pub vendor: ResourceId,
    /// To whom.
    pub target: ResourceId,
    /// Which.
    pub flags: BTreeSet<FeatureFlag>,
    /// From when, in seconds since 1970.
    pub issued_at: i64,
    /// Until when.
    pub expires_at: i64,
}

/// An installation whose limited access tokens count here.
#[derive(Clone, Debug)]
pub struct TrustedIssuer {
    /// Its name, as in `iss`. No two in a list may share it.
    pub issuer: String,
    /// Its keys.
    pub keys: KeySet,
    /// What it may lend at most; none for ourselves, who lend what a vendor has.
    pub flags: Option<BTreeSet<FeatureFlag>>,
    /// Seconds by which its clock may differ: 0 for our own, 60 for others.
    pub leeway_seconds: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    iss: &'a str,
    aud: &'static str,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: Uuid,
    isv_resource_id: &'a ResourceId,
    target_azure_resource_id: &'a ResourceId,
    feature_flags: &'a BTreeSet<FeatureFlag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    jti: Option<String>,
    isv_resource_id: Option<String>,
    target_azure_resource_id: Option<String>,
    feature_flags: Option<Vec<String>>,
}

/// Makes a token, to be signed by whoever holds the key.
pub fn write_limited(key: &SigningKey, claims: &LimitedAccessClaims) -> UnsignedToken {
    key.unsigned(&Written {
        iss: &claims.issuer,
        aud: LIMITED_TOKEN_AUDIENCE,
        iat: claims.issued_at,
        nbf: claims.issued_at,
        exp: claims.expires_at,
        jti: claims.id,
        isv_resource_id: &claims.vendor,
        target_azure_resource_id: &claims.target,
        feature_flags: &claims.flags,
    })
}

/// Makes a token with a key that is here.
///
/// # Panics
/// When a provider holds the key.
pub fn sign_limited(key: &SigningKey, claims: &LimitedAccessClaims) -> Secret<String> {
    write_limited(key, claims).signed_here(key).expect("the key is here")
}

/// Checks a token and says what it lends, at most what its issuer may lend. The set may be empty: the token is
/// valid then and lends nothing. Flags that are not known here are left out.
///
/// Whether the token is for this resource, whether the vendor may still issue and whether this token was revoked is for
/// the caller to check.
///
/// # Errors
/// [`TokenProblem`] when the token does not count. One that lasts longer than [`LIMITED_TOKEN_LIFE`] allows does not.
pub fn check_limited(token: &str, issuers: &[TrustedIssuer], now: i64) -> Result<LimitedAccessClaims, TokenProblem> {
    let envelope = Envelope::open(token)?;
    let claims: Read = envelope.claims()?;
    let proven = envelope.prove(issuers, LIMITED_TOKEN_AUDIENCE, now)?;
    if proven.life() > *LIMITED_TOKEN_LIFE.end() {
        return Err(TokenProblem::Claims("exp"));
    }
    let id = uuid(claims.jti, "jti")?;
    let resource = |text: Option<String>| text.as_deref().and_then(ResourceId::parse);
    let vendor = resource(claims.isv_resource_id).ok_or(TokenProblem::Claims("isvResourceId"))?;
    let target = resource(claims.target_azure_resource_id).ok_or(TokenProblem::Claims("targetAzureResourceId"))?;
    let named = claims.feature_flags.ok_or(TokenProblem::Claims("featureFlags"))?;
    let flags = named
        .iter()
        .filter_map(|name| FeatureFlag::parse(name))
        .filter(|flag| proven.issuer.flags.as_ref().is_none_or(|lent| lent.contains(flag)))
        .collect();
    let issuer = proven.issuer.issuer.clone();
    let (issued_at, expires_at) = (proven.issued_at, proven.expires_at);
    Ok(LimitedAccessClaims { issuer, id, vendor, target, flags, issued_at, expires_at })
}
