//! Limited access tokens as callers present them: what a vendor lends to the calling account.

use super::bearer::CHECKED_TOKEN_LIFE;
use super::table::{AccessTable, AccountState};
use super::token_cache::digest_of;
use super::{Access, AccessError, TrustedInstallation};
use likeness_rules::{
    FeatureFlag, LimitedAccessClaims, LimitedAttribute, TokenProblem, TrustedIssuer, check_limited, key_id_of,
};
use likeness_store::AccountId;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a token lends, all checks passed.
#[derive(Clone, Debug)]
pub struct LentApprovals {
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
pub enum LimitedTokenError {
    /// It is malformed, or signed by an issuer that is not trusted here.
    Invalid(String),
    /// Its signature is valid, and it was revoked.
    Revoked(VerifiedLimitedToken, &'static str),
    /// Its signature is valid, and it is for another resource.
    WrongResource(VerifiedLimitedToken),
    /// Access could not be checked.
    Access(AccessError),
}

/// A token whose signature is valid, and its vendor, if that account is here.
#[derive(Clone, Debug)]
pub struct VerifiedLimitedToken {
    /// What it says.
    pub token: Arc<LimitedAccessClaims>,
    /// Whose it is.
    pub vendor: Option<AccountId>,
}

impl Access {
    /// What the header `LimitedAccessToken` lends to an account.
    pub async fn check_limited_token(
        &self,
        header: &str,
        target: &AccountState,
        now: i64,
    ) -> Result<LentApprovals, LimitedTokenError> {
        let token =
            bearer(header).ok_or_else(|| LimitedTokenError::Invalid("the header is not of the form Bearer".into()))?;
        let table = self.cache.trusted().await.map_err(|error| LimitedTokenError::Access(error.into()))?;
        let digest = digest_of(token);
        let known = self.limited.get(&digest, now);
        let claims = match known.filter(|(claims, key)| self.is_key_published(&table, &claims.issuer, key.as_deref())) {
            Some((claims, _)) => claims,
            None => {
                let (claims, key) = self.check(&table, token, now).await?;
                let claims = Arc::new(claims);
                // Own keys are known to the second; a key of another installation may have been revoked since.
                let is_own = claims.issuer == table.own.issuer;
                let ends = if is_own {
                    claims.expires_at
                } else {
                    claims.expires_at.min(now.saturating_add(CHECKED_TOKEN_LIFE))
                };
                self.limited.put(digest, (claims.clone(), key), ends);
                claims
            }
        };
        self.lent_approvals(&table, claims, target)
    }

    /// Checks the signature and the claims against the keys of the token's issuer; returns the id of the key too.
    async fn check(
        &self,
        table: &AccessTable,
        token: &str,
        now: i64,
    ) -> Result<(LimitedAccessClaims, Option<String>), LimitedTokenError> {
        let refused = |problem: TokenProblem| LimitedTokenError::Invalid(problem.to_string());
        let (issuer, key_id) = key_id_of(token).ok_or(TokenProblem::Malformed).map_err(refused)?;
        let issuer = issuer.ok_or(TokenProblem::UnknownIssuer).map_err(refused)?;
        if issuer == table.own.issuer {
            let claims = check_limited(token, std::slice::from_ref(&*table.own), now).map_err(refused)?;
            // Our own clock needs no forgiveness; what is forgiven is that a token may be dated a second ahead.
            if claims.expires_at <= now {
                return Err(refused(TokenProblem::Expired));
            }
            return Ok((claims, key_id));
        }
        let installation = self.trusted_installation(&issuer).ok_or(TokenProblem::UnknownIssuer).map_err(refused)?;
        let keys = installation.keys.for_key(key_id.as_deref()).await;
        let keys = keys.ok_or_else(|| LimitedTokenError::Access(AccessError::IssuerUnreachable(issuer.clone())))?;
        let trusted = TrustedIssuer {
            issuer,
            keys: (*keys).clone(),
            flags: Some(installation.flags.clone()),
            leeway_seconds: installation.leeway_seconds,
        };
        Ok((check_limited(token, &[trusted], now).map_err(refused)?, key_id))
    }

    /// Whether the key that signed a token is still published by its issuer, as far as is known.
    fn is_key_published(&self, table: &AccessTable, issuer: &str, key_id: Option<&str>) -> bool {
        if issuer == table.own.issuer {
            return key_id.is_none_or(|id| table.own.keys.has(id));
        }
        self.trusted_installation(issuer).is_some_and(|trusted| trusted.keys.has(key_id))
    }

    fn trusted_installation(&self, issuer: &str) -> Option<&TrustedInstallation> {
        self.trusted.iter().find(|trusted| trusted.issuer == issuer)
    }

    /// What may have changed since the token was signed: blocks, revocations, and what the vendor holds itself. Then
    /// whether it is for this account at all.
    fn lent_approvals(
        &self,
        table: &AccessTable,
        token: Arc<LimitedAccessClaims>,
        target: &AccountState,
    ) -> Result<LentApprovals, LimitedTokenError> {
        let operator = &table.installation.0;
        let trusted = if token.issuer == table.own.issuer { None } else { self.trusted_installation(&token.issuer) };
        let vendor = table.by_resource(&token.vendor).filter(|vendor| trusted.is_none() && vendor.is_open());
        let verified = || VerifiedLimitedToken { token: token.clone(), vendor: vendor.map(|vendor| vendor.id()) };
        let no = |reason| Err(LimitedTokenError::Revoked(verified(), reason));
        if operator.blocked.contains(&token.target) || operator.blocked.contains(&token.vendor) {
            return no("the operator has blocked the client or the vendor");
        }
        let is_for = token.target == target.settings.resource;
        // An account that was made anew under the name of another is another.
        let slack = trusted.map_or(0, |trusted| i64::try_from(trusted.leeway_seconds).unwrap_or(0));
        let is_older =
            |than: &AccountState| token.issued_at.saturating_add(slack) < than.account.created_at.as_seconds();
        if is_for && is_older(target) {
            return no("it was for an account that had this name before");
        }
        let (flags, held) = if let Some(trusted) = trusted {
            (token.flags.clone(), &trusted.attributes)
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
            return Err(LimitedTokenError::WrongResource(verified()));
        }
        let attributes = if flags.contains(&FeatureFlag::HighRisk) { held.clone() } else { BTreeSet::new() };
        Ok(LentApprovals { vendor: vendor.map(|vendor| vendor.id()), token, flags, attributes })
    }
}

/// The token after the word that names its kind.
pub(super) fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
