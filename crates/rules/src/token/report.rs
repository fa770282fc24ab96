//! The signature under a report: it says that this installation wrote the report, and when. It opens nothing, and never expires.

use super::{Envelope, Registered, SigningKey, TokenProblem, TrustedIssuer, UnsignedToken, seconds};
use serde::{Deserialize, Serialize};

/// The audience of these signatures. Whatever admits callers asks for another.
pub const REPORT_AUDIENCE: &str = "urn:likeness:report";

/// What such a signature says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportClaims {
    /// The installation that signed it.
    pub issuer: String,
    /// When, in seconds since 1970.
    pub made_at: i64,
    /// SHA-256 of the report, in hexadecimal.
    pub digest: String,
}

#[derive(Serialize)]
struct Written<'a> {
    iss: &'a str,
    aud: &'static str,
    iat: i64,
    sha256: &'a str,
}

#[derive(Deserialize)]
struct Read {
    sha256: Option<String>,
}

/// Makes a signature, to be signed by whoever holds the key.
pub fn write_report_signature(key: &SigningKey, claims: &ReportClaims) -> UnsignedToken {
    key.unsigned(&Written { iss: &claims.issuer, aud: REPORT_AUDIENCE, iat: claims.made_at, sha256: &claims.digest })
}

/// Checks a signature of this installation and says what it signed. Whether that is the report at hand is for the caller to compare.
///
/// # Errors
/// [`TokenProblem`] when it does not count; [`TokenProblem::UnknownKey`] for a key that is published no more.
pub fn check_report_signature(signature: &str, own: &TrustedIssuer) -> Result<ReportClaims, TokenProblem> {
    let envelope = Envelope::open(signature)?;
    let registered: Registered = envelope.claims()?;
    let claims: Read = envelope.claims()?;
    if registered.iss.as_deref() != Some(own.issuer.as_str()) {
        return Err(TokenProblem::UnknownIssuer);
    }
    envelope.verify(&own.keys)?;
    if !registered.aud.is_some_and(|named| named.contains(REPORT_AUDIENCE)) {
        return Err(TokenProblem::Audience);
    }
    Ok(ReportClaims {
        issuer: own.issuer.clone(),
        made_at: registered.iat.as_ref().map(seconds).ok_or(TokenProblem::Claims("iat"))?,
        digest: claims.sha256.ok_or(TokenProblem::Claims("sha256"))?,
    })
}
