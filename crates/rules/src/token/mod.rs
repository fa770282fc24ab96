//! JSON web tokens: ours, signed and checked, and those of identity providers, checked.
//!
//! Every check goes the same way: [`Envelope::open`] reads the parts, the issuer that the token claims chooses a set of
//! keys, [`Envelope::verify`] proves the signature with one of them, [`Times::check`] compares with the time it is
//! given. Keys come from the set alone; what a header says about keys besides their id is ignored.

mod bearer;
mod issued;
mod keys;
mod limited;
mod liveness;
mod report;
mod signing;

pub use bearer::{BearerIssuer, check_bearer, key_id_of};
pub use issued::{
    ISSUED_TOKEN_AUDIENCE, ISSUED_TOKEN_LIFE, IssuedTokenClaims, check_issued_token, sign_issued_token,
    write_issued_token,
};
pub use keys::{KeySet, KeySetProblem};
pub use limited::{
    LIMITED_TOKEN_AUDIENCE, LIMITED_TOKEN_LIFE, LimitedAccessClaims, TrustedIssuer, check_limited, sign_limited,
    write_limited,
};
pub use liveness::{
    LIVENESS_TOKEN_AUDIENCE, LIVENESS_TOKEN_LIFE, LivenessTokenClaims, check_liveness_token, write_liveness_token,
};
pub use report::{REPORT_AUDIENCE, ReportClaims, check_report_signature, write_report_signature};
pub use signing::{SigningKey, UnsignedToken};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::Number;
use std::str::FromStr;
use thiserror::Error;
use uuid::Uuid;

/// Longer tokens are not read.
const MOST_BYTES: usize = 16 * 1024;

/// Why a token does not count. No part of it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenProblem {
    /// It is no JSON web token, or one with demands that are not understood.
    #[error("the token is malformed")]
    Malformed,
    /// It is signed in a way that is not accepted, or that does not fit the key it names.
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    /// It names a key that its issuer does not have.
    #[error("the token's key is not known")]
    UnknownKey,
    /// Its issuer is not trusted.
    #[error("the token's issuer is not trusted")]
    UnknownIssuer,
    /// It was changed, or another key signed it.
    #[error("the token's signature is wrong")]
    Signature,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYet,
    /// It is meant for another audience.
    #[error("the token is for another audience")]
    Audience,
    /// A claim is missing or cannot be used.
    #[error("the token's claim `{0}` is missing or cannot be used")]
    Claims(&'static str),
}

/// The members of a header that are read.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    /// Extensions that must be understood; we understand none.
    #[serde(default, deserialize_with = "is_there")]
    crit: bool,
}

/// A member that is there counts, whatever its value, `null` included.
fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// A token in its parts, nothing of it proved.
struct Envelope<'a> {
    algorithm: Algorithm,
    key_id: Option<String>,
    message: &'a str,
    signature: &'a str,
    claims: Vec<u8>,
}

impl<'a> Envelope<'a> {
    fn open(token: &'a str) -> Result<Self, TokenProblem> {
        if token.len() > MOST_BYTES {
            return Err(TokenProblem::Malformed);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenProblem::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(TokenProblem::Malformed)?;
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| TokenProblem::Malformed)?;
        let is_jwt = |typ: &str| {
            ["JWT", "at+jwt", "application/at+jwt"].iter().any(|expected| expected.eq_ignore_ascii_case(typ))
        };
        if header.crit || !header.typ.as_deref().is_none_or(is_jwt) {
            return Err(TokenProblem::Malformed);
        }
        // The library knows no `none`. It does know HMAC, which would take a public key for a secret.
        let algorithm = Algorithm::from_str(&header.alg).map_err(|_| TokenProblem::Algorithm)?;
        if matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) {
            return Err(TokenProblem::Algorithm);
        }
        Ok(Self { algorithm, key_id: header.kid, message, signature, claims: decode(claims)? })
    }

    /// The claims, which mean nothing before [`Self::verify`]. A claim that stands there twice is refused: two readers
    /// could take a different one of them.
    fn claims<T: DeserializeOwned>(&self) -> Result<T, TokenProblem> {
        serde_json::from_slice(&self.claims).map_err(|_| TokenProblem::Malformed)
    }

    fn verify(&self, keys: &KeySet) -> Result<(), TokenProblem> {
        let key = keys.find(self.key_id.as_deref(), self.algorithm)?;
        // Errors are those of an unreadable signature; that the key is usable was tried when it was taken in.
        let is_right = jsonwebtoken::crypto::verify(self.signature, self.message.as_bytes(), key, self.algorithm);
        if is_right.unwrap_or(false) { Ok(()) } else { Err(TokenProblem::Signature) }
    }

    /// Proves that a Likeness server signed it, one of `issuers`, for this audience, and that it holds now.
    fn prove<'i>(&self, issuers: &'i [TrustedIssuer], audience: &str, now: i64) -> Result<Proven<'i>, TokenProblem> {
        let claims: Registered = self.claims()?;
        let issuer = claims.iss.ok_or(TokenProblem::Claims("iss"))?;
        let issuer = issuers.iter().find(|trusted| trusted.issuer == issuer).ok_or(TokenProblem::UnknownIssuer)?;
        self.verify(&issuer.keys)?;
        if !claims.aud.is_some_and(|named| named.contains(audience)) {
            return Err(TokenProblem::Audience);
        }
        let times = Times::read(claims.iat.as_ref(), claims.nbf.as_ref(), claims.exp.as_ref())?;
        times.check(now, issuer.leeway_seconds)?;
        let issued_at = times.issued.ok_or(TokenProblem::Claims("iat"))?;
        Ok(Proven { issuer, issued_at, expires_at: times.expires })
    }
}

/// The claims that every token of a Likeness server has.
#[derive(Deserialize)]
struct Registered {
    iss: Option<String>,
    aud: Option<Texts>,
    iat: Option<Number>,
    nbf: Option<Number>,
    exp: Option<Number>,
}

/// What was proven of such a token.
struct Proven<'i> {
    issuer: &'i TrustedIssuer,
    issued_at: i64,
    expires_at: i64,
}

impl Proven<'_> {
    /// For how many seconds it was issued.
    fn life(&self) -> i64 {
        self.expires_at.saturating_sub(self.issued_at)
    }
}

/// A claim that has to be a UUID.
fn uuid(claim: Option<String>, name: &'static str) -> Result<Uuid, TokenProblem> {
    claim.and_then(|text| Uuid::parse_str(&text).ok()).ok_or(TokenProblem::Claims(name))
}

fn decode(part: &str) -> Result<Vec<u8>, TokenProblem> {
    BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenProblem::Malformed)
}

/// When a token holds, in seconds since 1970.
struct Times {
    issued: Option<i64>,
    not_before: Option<i64>,
    expires: i64,
}

impl Times {
    fn read(
        issued: Option<&Number>,
        not_before: Option<&Number>,
        expires: Option<&Number>,
    ) -> Result<Self, TokenProblem> {
        Ok(Self {
            issued: issued.map(seconds),
            not_before: not_before.map(seconds),
            expires: expires.map(seconds).ok_or(TokenProblem::Claims("exp"))?,
        })
    }

    /// `leeway` forgives clocks that differ by so many seconds.
    fn check(&self, now: i64, leeway: u64) -> Result<(), TokenProblem> {
        let leeway = i64::try_from(leeway).unwrap_or(i64::MAX);
        if now >= self.expires.saturating_add(leeway) {
            return Err(TokenProblem::Expired);
        }
        // A token that says it was issued later than now would escape a "not before" that revokes all issued so far.
        let starts = self.not_before.into_iter().chain(self.issued).max();
        if starts.is_some_and(|start| start > now.saturating_add(leeway)) {
            return Err(TokenProblem::NotYet);
        }
        Ok(())
    }
}

/// Dates in tokens may have decimals; the whole second counts. What is beyond all dates becomes the last one.
fn seconds(number: &Number) -> i64 {
    number.as_i64().unwrap_or_else(|| number.as_f64().map_or(0, |seconds| seconds.floor() as i64))
}

/// A claim that may hold one text or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Texts {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }

    fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::One(text) => text == wanted,
            Self::Many(texts) => texts.iter().any(|text| text == wanted),
        }
    }
}
