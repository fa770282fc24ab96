//! Tokens of identity providers.

use super::{Envelope, KeySet, Texts, Times, TokenProblem};
use crate::Identity;
use serde::Deserialize;
use serde_json::{Number, Value};

/// Most values of a claim with several. Entra itself stops at 200 groups.
const MOST_VALUES: usize = 200;

/// An identity provider whose tokens are accepted.
#[derive(Clone, Debug)]
pub struct BearerIssuer {
    /// Its name, as in `iss`, to the letter. No two in a list may share it.
    pub issuer: String,
    /// What a token must be meant for: one of these.
    pub audiences: Vec<String>,
    /// Its keys.
    pub keys: KeySet,
    /// Seconds by which its clock may differ from ours.
    pub leeway_seconds: u64,
}

#[derive(Deserialize)]
struct Read {
    iss: Option<String>,
    aud: Option<Texts>,
    sub: Option<String>,
    oid: Option<String>,
    groups: Option<Texts>,
    roles: Option<Texts>,
    iat: Option<Number>,
    nbf: Option<Number>,
    exp: Option<Number>,
}

/// Checks a token and says whose it is and when it expires, in seconds since 1970.
///
/// # Errors
/// [`TokenProblem`] when the token does not count. At [`TokenProblem::UnknownKey`] the issuer may have new keys: see
/// [`key_id_of`].
pub fn check_bearer(token: &str, issuers: &[BearerIssuer], now: i64) -> Result<(Identity, i64), TokenProblem> {
    let envelope = Envelope::open(token)?;
    let claims: Read = envelope.claims()?;
    let issuer = claims.iss.ok_or(TokenProblem::Claims("iss"))?;
    let trusted = issuers.iter().find(|trusted| trusted.issuer == issuer).ok_or(TokenProblem::UnknownIssuer)?;
    envelope.verify(&trusted.keys)?;
    let is_for = |audience: &Texts| trusted.audiences.iter().any(|wanted| audience.contains(wanted));
    if !claims.aud.as_ref().is_some_and(is_for) {
        return Err(TokenProblem::Audience);
    }
    let times = Times::read(claims.iat.as_ref(), claims.nbf.as_ref(), claims.exp.as_ref())?;
    times.check(now, trusted.leeway_seconds)?;
    let subject = claims.sub.filter(|subject| !subject.is_empty()).ok_or(TokenProblem::Claims("sub"))?;
    let object_id = claims.oid.filter(|id| !id.is_empty());
    let identity = Identity {
        issuer,
        subject,
        object_id,
        groups: several(claims.groups, "groups")?,
        app_roles: several(claims.roles, "roles")?,
    };
    Ok((identity, times.expires))
}

fn several(texts: Option<Texts>, claim: &'static str) -> Result<Vec<String>, TokenProblem> {
    let texts = texts.map(Texts::into_vec).unwrap_or_default();
    if texts.len() > MOST_VALUES { Err(TokenProblem::Claims(claim)) } else { Ok(texts) }
}

/// The issuer and the key that a token names, nothing of it checked: enough to fetch the keys of an issuer that is
/// known already, and good for nothing else. None if it is no token.
pub fn key_id_of(token: &str) -> Option<(Option<String>, Option<String>)> {
    let envelope = Envelope::open(token).ok()?;
    let claims: Value = envelope.claims().ok()?;
    let issuer = claims.get("iss").and_then(Value::as_str).map(str::to_owned);
    Some((issuer, envelope.key_id))
}
