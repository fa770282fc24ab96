//! Limited access tokens at the door: what a vendor lends to the account that calls.

use super::directory::{AccountState, Snapshot};
use super::remembered::digest_of;
use super::{Access, Denied};
use likeness_custody::{Flag, LimitedAccess, LimitedAttribute, TokenProblem, TrustedIssuer, check_limited, key_id_of};
use likeness_store::AccountId;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a token lends, all checks passed.
#[derive(Clone, Debug)]
pub(crate) struct Lent {
    /// What it says.
    pub token: Arc<LimitedAccess>,
    /// The vendor, if its account is here.
    pub vendor: Option<AccountId>,
    /// What it lends that the vendor still holds.
    pub flags: BTreeSet<Flag>,
    /// Limited attributes that come with [`Flag::HighRisk`].
    pub attributes: BTreeSet<LimitedAttribute>,
}

/// Why a token lends nothing.
#[derive(Debug)]
pub(crate) enum NotLent {
    /// It does not count, whatever the reason; the text is for the log and says nothing of the token.
    Invalid(String),
    /// It is for another resource.
    OtherResource,
    /// The door could not find out.
    Door(Denied),
}

impl Access {
    /// What the header `LimitedAccessToken` lends to an account.
    pub(crate) async fn lent(&self, header: &str, target: &AccountState, now: i64) -> Result<Lent, NotLent> {
        let token = bearer(header).ok_or_else(|| NotLent::Invalid("the header is not of the form Bearer".into()))?;
        let book = self.directory.now().await.map_err(|error| NotLent::Door(error.into()))?;
        let digest = digest_of(token);
        let claims = match self.limited.get(&digest, now) {
            Some(claims) => claims,
            None => {
                let claims = Arc::new(
                    self.check(&book, token, now).await.map_err(|problem| NotLent::Invalid(problem.to_string()))?,
                );
                self.limited.put(digest, claims.clone(), claims.expires_at, now);
                claims
            }
        };
        let lent = self.still_lent(&book, claims)?;
        if lent.token.target != target.settings.resource {
            return Err(NotLent::OtherResource);
        }
        Ok(lent)
    }

    /// The signature and the claims, by whoever may have signed.
    async fn check(&self, book: &Snapshot, token: &str, now: i64) -> Result<LimitedAccess, TokenProblem> {
        let (issuer, key_id) = key_id_of(token).ok_or(TokenProblem::Malformed)?;
        let issuer = issuer.ok_or(TokenProblem::UnknownIssuer)?;
        if issuer == book.own.issuer {
            return check_limited(token, std::slice::from_ref(&*book.own), now);
        }
        let foreign =
            self.foreign.iter().find(|foreign| foreign.issuer == issuer).ok_or(TokenProblem::UnknownIssuer)?;
        let keys = foreign.keys.for_key(key_id.as_deref()).await.ok_or(TokenProblem::UnknownKey)?;
        let trusted = TrustedIssuer {
            issuer,
            keys: (*keys).clone(),
            flags: Some(foreign.flags.clone()),
            leeway_seconds: foreign.leeway_seconds,
        };
        check_limited(token, &[trusted], now)
    }

    /// What may have changed since the token was signed: blocks, revocations, and what the vendor holds itself.
    fn still_lent(&self, book: &Snapshot, token: Arc<LimitedAccess>) -> Result<Lent, NotLent> {
        let no = |reason: &str| Err(NotLent::Invalid(reason.to_owned()));
        let operator = &book.installation.0;
        if operator.blocked.contains(&token.target) || operator.blocked.contains(&token.vendor) {
            return no("the operator has blocked the client or the vendor");
        }
        if token.issuer != book.own.issuer {
            let foreign = self.foreign.iter().find(|foreign| foreign.issuer == token.issuer);
            let attributes = foreign.map(|foreign| foreign.attributes.clone()).unwrap_or_default();
            let flags = token.flags.clone();
            let attributes = if flags.contains(&Flag::HighRisk) { attributes } else { BTreeSet::new() };
            return Ok(Lent { token, vendor: None, flags, attributes });
        }
        let Some(vendor) = book.named(&token.vendor).filter(|vendor| vendor.is_open()) else {
            return no("the vendor's account is not there any more");
        };
        let rules = &vendor.settings.vendor;
        if !rules.may_issue {
            return no("the vendor's right to issue was withdrawn");
        }
        if rules.not_before.is_some_and(|instant| token.issued_at < instant) || vendor.revoked.contains(&token.id) {
            return no("it was revoked");
        }
        if rules.blocked.contains(&token.target) {
            return no("the vendor has blocked the client");
        }
        let held = &vendor.settings.approvals;
        let flags: BTreeSet<Flag> = token.flags.intersection(&held.flags).copied().collect();
        let attributes = if flags.contains(&Flag::HighRisk) { held.attributes.clone() } else { BTreeSet::new() };
        Ok(Lent { vendor: Some(vendor.id()), token, flags, attributes })
    }
}

/// The token after the word that names its kind.
pub(super) fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
