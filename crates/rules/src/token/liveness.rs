//! The token by which a device captures for one liveness session, and does nothing else.

use super::{Envelope, SigningKey, Texts, Times, TokenProblem, TrustedIssuer, UnsignedToken};
use serde::{Deserialize, Serialize};
use serde_json::Number;
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
    iss: Option<String>,
    aud: Option<Texts>,
    sub: Option<String>,
    sid: Option<String>,
    iat: Option<Number>,
    exp: Option<Number>,
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
    let issuer = claims.iss.ok_or(TokenProblem::Claims("iss"))?;
    if issuer != own.issuer {
        return Err(TokenProblem::UnknownIssuer);
    }
    envelope.verify(&own.keys)?;
    if !claims.aud.is_some_and(|audience| audience.contains(LIVENESS_TOKEN_AUDIENCE)) {
        return Err(TokenProblem::Audience);
    }
    let times = Times::read(claims.iat.as_ref(), None, claims.exp.as_ref())?;
    times.check(now, own.leeway_seconds)?;
    let issued_at = times.issued.ok_or(TokenProblem::Claims("iat"))?;
    // Our own clock needs no forgiveness; what is forgiven is that a token may be dated a second ahead.
    if times.expires <= now {
        return Err(TokenProblem::Expired);
    }
    if !LIVENESS_TOKEN_LIFE.contains(&times.expires.saturating_sub(issued_at)) {
        return Err(TokenProblem::Claims("exp"));
    }
    let uuid = |text: Option<String>, name| {
        text.and_then(|text| Uuid::parse_str(&text).ok()).ok_or(TokenProblem::Claims(name))
    };
    let (account, session) = (uuid(claims.sub, "sub")?, uuid(claims.sid, "sid")?);
    Ok(LivenessTokenClaims { account, session, issuer, issued_at, expires_at: times.expires })
}
