//! Limited access tokens at the door: what a vendor lends to the account that calls.

use super::bearer::RELY_ON;
use super::table::{AccountState, Snapshot};
use super::token_cache::digest_of;
use super::{Access, Denied, Foreign};
use likeness_rules::{
    FeatureFlag, LimitedAccessClaims, LimitedAttribute, TokenProblem, TrustedIssuer, check_limited, key_id_of,
};
use likeness_store::AccountId;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a token lends, all checks passed.
#[derive(Clone, Debug)]
pub struct Lent {
    /// What it says.
    pub token: Arc<LimitedAccessClaims>,
    /// The vendor, if its account is here.
    pub vendor: Option<AccountId>,
    /// What it lends that the vendor still holds.
    pub flags: BTreeSet<FeatureFlag>,
    /// Limited attributes that come with [`FeatureFlag::HighRisk`].
    pub attributes: BTreeSet<LimitedAttribute>,
}

/// Why a token lends nothing. Reasons are for the log and say nothing of the token.
#[derive(Debug)]
pub enum NotLent {
    /// It is none, or nobody whose word counts here signed it.
    Invalid(String),
    /// It is genuine, and was taken back.
    Ended(Genuine, &'static str),
    /// It is genuine, and for another resource.
    OtherResource(Genuine),
    /// The door could not find out.
    Door(Denied),
}

/// A token whose signature holds, and its vendor, if that account is here.
#[derive(Clone, Debug)]
pub struct Genuine {
    /// What it says.
    pub token: Arc<LimitedAccessClaims>,
    /// Whose it is.
    pub vendor: Option<AccountId>,
}

impl Access {
    /// What the header `LimitedAccessToken` lends to an account.
    pub async fn lent(&self, header: &str, target: &AccountState, now: i64) -> Result<Lent, NotLent> {
        let token = bearer(header).ok_or_else(|| NotLent::Invalid("the header is not of the form Bearer".into()))?;
        let book = self.directory.now().await.map_err(|error| NotLent::Door(error.into()))?;
        let digest = digest_of(token);
        let known = self.limited.get(&digest, now);
        let claims = match known.filter(|(claims, key)| self.still_signs(&book, &claims.issuer, key.as_deref())) {
            Some((claims, _)) => claims,
            None => {
                let (claims, key) = self.check(&book, token, now).await?;
                let claims = Arc::new(claims);
                // Own keys are known to the second; what another published may have been taken back since.
                let is_own = claims.issuer == book.own.issuer;
                let ends = if is_own { claims.expires_at } else { claims.expires_at.min(now.saturating_add(RELY_ON)) };
                self.limited.put(digest, (claims.clone(), key), ends);
                claims
            }
        };
        self.still_lent(&book, claims, target)
    }

    /// The signature and the claims, by whoever may have signed, and the id of the key.
    async fn check(
        &self,
        book: &Snapshot,
        token: &str,
        now: i64,
    ) -> Result<(LimitedAccessClaims, Option<String>), NotLent> {
        let refused = |problem: TokenProblem| NotLent::Invalid(problem.to_string());
        let (issuer, key_id) = key_id_of(token).ok_or(TokenProblem::Malformed).map_err(refused)?;
        let issuer = issuer.ok_or(TokenProblem::UnknownIssuer).map_err(refused)?;
        if issuer == book.own.issuer {
            let claims = check_limited(token, std::slice::from_ref(&*book.own), now).map_err(refused)?;
            // Our own clock needs no forgiveness; what is forgiven is that a token may be dated a second ahead.
            if claims.expires_at <= now {
                return Err(refused(TokenProblem::Expired));
            }
            return Ok((claims, key_id));
        }
        let foreign = self.foreign(&issuer).ok_or(TokenProblem::UnknownIssuer).map_err(refused)?;
        let keys = foreign.keys.for_key(key_id.as_deref()).await;
        let keys = keys.ok_or(NotLent::Door(Denied::Unavailable))?;
        let trusted = TrustedIssuer {
            issuer,
            keys: (*keys).clone(),
            flags: Some(foreign.flags.clone()),
            leeway_seconds: foreign.leeway_seconds,
        };
        Ok((check_limited(token, &[trusted], now).map_err(refused)?, key_id))
    }

    /// Whether the key that signed a token is still published by its issuer, as far as is known.
    fn still_signs(&self, book: &Snapshot, issuer: &str, key_id: Option<&str>) -> bool {
        if issuer == book.own.issuer {
            return key_id.is_none_or(|id| book.own.keys.has(id));
        }
        self.foreign(issuer).is_some_and(|foreign| foreign.keys.has(key_id))
    }

    fn foreign(&self, issuer: &str) -> Option<&Foreign> {
        self.foreign.iter().find(|foreign| foreign.issuer == issuer)
    }

    /// What may have changed since the token was signed: blocks, revocations, and what the vendor holds itself. Then
    /// whether it is for this account at all.
    fn still_lent(
        &self,
        book: &Snapshot,
        token: Arc<LimitedAccessClaims>,
        target: &AccountState,
    ) -> Result<Lent, NotLent> {
        let operator = &book.installation.0;
        let foreign = if token.issuer == book.own.issuer { None } else { self.foreign(&token.issuer) };
        let vendor = book.named(&token.vendor).filter(|vendor| foreign.is_none() && vendor.is_open());
        let genuine = || Genuine { token: token.clone(), vendor: vendor.map(|vendor| vendor.id()) };
        let no = |reason| Err(NotLent::Ended(genuine(), reason));
        if operator.blocked.contains(&token.target) || operator.blocked.contains(&token.vendor) {
            return no("the operator has blocked the client or the vendor");
        }
        let is_for = token.target == target.settings.resource;
        // An account that was made anew under the name of another is another.
        let slack = foreign.map_or(0, |foreign| i64::try_from(foreign.leeway_seconds).unwrap_or(0));
        let is_older =
            |than: &AccountState| token.issued_at.saturating_add(slack) < than.account.created_at.as_seconds();
        if is_for && is_older(target) {
            return no("it was for an account that had this name before");
        }
        let (flags, held) = if let Some(foreign) = foreign {
            (token.flags.clone(), &foreign.attributes)
        } else {
            let Some(vendor) = vendor else { return no("the vendor's account is not there any more") };
            let rules = &vendor.settings.vendor;
            if !rules.may_issue {
                return no("the vendor's right to issue was withdrawn");
            }
            if is_older(vendor) {
                return no("it is of an account that had the vendor's name before");
            }
            if rules.not_before.is_some_and(|instant| token.issued_at < instant) || vendor.revoked.contains(&token.id) {
                return no("it was revoked");
            }
            if rules.blocked.contains(&token.target) {
                return no("the vendor has blocked the client");
            }
            let held = &vendor.settings.approvals;
            (token.flags.intersection(&held.flags).copied().collect(), &held.attributes)
        };
        if !is_for {
            return Err(NotLent::OtherResource(genuine()));
        }
        let attributes = if flags.contains(&FeatureFlag::HighRisk) { held.clone() } else { BTreeSet::new() };
        Ok(Lent { vendor: vendor.map(|vendor| vendor.id()), token, flags, attributes })
    }
}

/// The token after the word that names its kind.
pub(super) fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
