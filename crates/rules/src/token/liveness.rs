//! The token by which a device captures for one liveness session, and does nothing else.

use super::{Envelope, SigningKey, TokenProblem, TrustedIssuer, UnsignedToken, uuid};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The audience of these tokens.
pub const LIVENESS_TOKEN_AUDIENCE: &str = "urn:likeness:liveness";

/// How long one may last, in seconds: the public contract's bounds.
pub const LIVENESS_TOKEN_LIFE: std::ops::RangeInclusive<i64> = 60..=86_400;

/// What such a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LivenessTokenClaims {
    /// The account of the session.
    pub account: Uuid,
    /// The session, which must still be there for the token to count.
    pub session: Uuid,
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
    sid: Uuid,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct Read {
    sub: Option<String>,
    sid: Option<String>,
}

/// Makes a token, to be signed by whoever holds the key.
pub fn write_liveness_token(key: &SigningKey, claims: &LivenessTokenClaims) -> UnsignedToken {
    key.unsigned(&Written {
        iss: &claims.issuer,
        aud: LIVENESS_TOKEN_AUDIENCE,
        sub: claims.account,
        sid: claims.session,
        iat: claims.issued_at,
        exp: claims.expires_at,
    })
}

/// Checks a token, of the one issuer that can have made it: ourselves.
///
/// # Errors
/// [`TokenProblem`] when the token does not count. One that lasts longer than [`LIVENESS_TOKEN_LIFE`] does not.
pub fn check_liveness_token(token: &str, own: &TrustedIssuer, now: i64) -> Result<LivenessTokenClaims, TokenProblem> {
    let envelope = Envelope::open(token)?;
    let claims: Read = envelope.claims()?;
    let proven = envelope.prove(std::slice::from_ref(own), LIVENESS_TOKEN_AUDIENCE, now)?;
    // Our own clock needs no forgiveness; what is forgiven is that a token may be dated a second ahead.
    if proven.expires_at <= now {
        return Err(TokenProblem::Expired);
    }
    if !LIVENESS_TOKEN_LIFE.contains(&proven.life()) {
        return Err(TokenProblem::Claims("exp"));
    }
    Ok(LivenessTokenClaims {
        account: uuid(claims.sub, "sub")?,
        session: uuid(claims.sid, "sid")?,
        issuer: own.issuer.clone(),
        issued_at: proven.issued_at,
        expires_at: proven.expires_at,
    })
}
