//! The token that a key is exchanged for, so that a program can be trusted for ten minutes and not for ever.

use super::{Envelope, SigningKey, TokenProblem, TrustedIssuer, UnsignedToken, uuid};
use likeness_base::Secret;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The audience of these tokens.
pub const ISSUED_TOKEN_AUDIENCE: &str = "urn:likeness:access";

/// How long one lasts, in seconds.
pub const ISSUED_TOKEN_LIFE: i64 = 600;

/// What such a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedTokenClaims {
    /// Its own id.
    pub id: Uuid,
    /// The account whose key was exchanged.
    pub account: Uuid,
    /// The installation that signed it.
    pub issuer: String,
    /// From when, in seconds since 1970.
    pub issued_at: i64,
    /// Until when.
    pub expires_at: i64,
}

#[derive(Serialize)]
struct Written<'a> {
    iss: &'a str,
    aud: &'static str,
    sub: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: Uuid,
}

#[derive(Deserialize)]
struct Read {
    sub: Option<String>,
    jti: Option<String>,
}

/// Makes a token, to be signed by whoever holds the key.
pub fn write_issued_token(key: &SigningKey, claims: &IssuedTokenClaims) -> UnsignedToken {
    key.unsigned(&Written {
        iss: &claims.issuer,
        aud: ISSUED_TOKEN_AUDIENCE,
        sub: claims.account,
        iat: claims.issued_at,
        nbf: claims.issued_at,
        exp: claims.expires_at,
        jti: claims.id,
    })
}

/// Makes a token with a key that is here.
///
/// # Panics
/// When a provider holds the key.
pub fn sign_issued_token(key: &SigningKey, claims: &IssuedTokenClaims) -> Secret<String> {
    write_issued_token(key, claims).signed_here(key).expect("the key is here")
}

/// Checks a token. It takes the one issuer that can have made it, ourselves: others may lend approvals, but no other
/// installation opens our accounts.
///
/// # Errors
/// [`TokenProblem`] when the token does not count. One that lasts longer than [`ISSUED_TOKEN_LIFE`] does not.
pub fn check_issued_token(token: &str, own: &TrustedIssuer, now: i64) -> Result<IssuedTokenClaims, TokenProblem> {
    let envelope = Envelope::open(token)?;
    let claims: Read = envelope.claims()?;
    let proven = envelope.prove(std::slice::from_ref(own), ISSUED_TOKEN_AUDIENCE, now)?;
    if proven.life() > ISSUED_TOKEN_LIFE {
        return Err(TokenProblem::Claims("exp"));
    }
    Ok(IssuedTokenClaims {
        account: uuid(claims.sub, "sub")?,
        id: uuid(claims.jti, "jti")?,
        issuer: own.issuer.clone(),
        issued_at: proven.issued_at,
        expires_at: proven.expires_at,
    })
}
