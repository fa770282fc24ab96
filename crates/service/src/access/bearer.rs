//! Bearer tokens: those of identity providers, and those issued in exchange for a key.

use super::table::{AccessTable, AccountState};
use super::token_cache::digest_of;
use super::{Access, AccessError, Caller, Rights};
use likeness_base::{Randomness, Secret, random_bytes};
use likeness_rules::{
    BearerIssuer, ISSUED_TOKEN_LIFE, Identity, IssuedTokenClaims, TokenProblem, check_bearer, check_issued_token,
    key_id_of, roles_of, write_issued_token,
};
use likeness_store::Actor;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// How long the result of a token check is reused without checking its signature again, in seconds. A token whose signing
/// key is no longer published by its issuer is always refused.
pub(super) const CHECKED_TOKEN_LIFE: i64 = 300;

/// What a checked bearer token stands for.
pub(super) enum Bearer {
    /// An issued token, of this account.
    IssuedToken(Arc<AccountState>),
    /// A token of an identity provider.
    Identity(Arc<Identity>),
}

impl Access {
    /// Checks a bearer token. `may_fetch`: whether the keys of its issuer may be fetched for it.
    pub(super) async fn bearer(
        &self,
        table: &AccessTable,
        token: &str,
        now: i64,
        may_fetch: bool,
    ) -> Result<Bearer, AccessError> {
        let refused = |problem: TokenProblem| AccessError::InvalidBearer(problem.to_string());
        let (issuer, key_id) = key_id_of(token).ok_or(TokenProblem::Malformed).map_err(refused)?;
        if issuer.as_deref() == Some(&*table.own.issuer) {
            let digest = digest_of(token);
            let is_key_published =
                |_: &Arc<IssuedTokenClaims>| key_id.as_deref().is_none_or(|id| table.own.keys.has(id));
            let claims = match self.issued_tokens.get(&digest, now).filter(is_key_published) {
                Some(claims) => claims,
                None => {
                    let claims = Arc::new(check_issued_token(token, &table.own, now).map_err(refused)?);
                    // What is forgiven is that a token may be dated a second ahead, not that it has ended.
                    if claims.expires_at <= now {
                        return Err(refused(TokenProblem::Expired));
                    }
                    self.issued_tokens.put(digest, claims.clone(), claims.expires_at);
                    claims
                }
            };
            return self.issued(table, &claims).map(Bearer::IssuedToken).ok_or_else(|| {
                AccessError::InvalidBearer(
                    "the key or the account it was issued for does not exist any more".to_owned(),
                )
            });
        }
        let provider = self.providers.iter().find(|provider| Some(&provider.issuer) == issuer.as_ref());
        let provider = provider.ok_or(TokenProblem::UnknownIssuer).map_err(refused)?;
        let digest = digest_of(token);
        if let Some(identity) = self.identities.get(&digest, now)
            && provider.keys.has(key_id.as_deref())
        {
            return Ok(Bearer::Identity(identity));
        }
        let keys = if may_fetch { provider.keys.for_key(key_id.as_deref()).await } else { provider.keys.known() };
        let keys = keys.ok_or_else(|| AccessError::IssuerUnreachable(provider.issuer.clone()))?;
        let trusted = BearerIssuer {
            issuer: provider.issuer.clone(),
            audiences: provider.audiences.clone(),
            keys: (*keys).clone(),
            leeway_seconds: provider.leeway_seconds,
        };
        let (identity, ends) = check_bearer(token, &[trusted], now).map_err(refused)?;
        let identity = Arc::new(identity);
        self.identities.put(digest, identity.clone(), ends.min(now.saturating_add(CHECKED_TOKEN_LIFE)));
        Ok(Bearer::Identity(identity))
    }

    /// The account of an issued token, if the key it was issued for still opens it.
    fn issued(&self, table: &AccessTable, claims: &IssuedTokenClaims) -> Option<Arc<AccountState>> {
        let state = table.account(likeness_store::AccountId(claims.account))?;
        let tag = |digest: &[u8; 32]| self.tag(claims.id.as_bytes().first_chunk()?, digest);
        let is_of =
            |digest: &[u8; 32]| tag(digest).is_some_and(|tag| bool::from(tag.ct_eq(&claims.id.as_bytes()[8..])));
        let is_alive = state.is_open() && table.digests_of(state.id()).iter().any(is_of);
        is_alive.then(|| state.clone())
    }

    /// A token for ten minutes in exchange for a key. It ends with the key: its id is half random, and half a keyed
    /// digest of that and of the key.
    ///
    /// # Errors
    /// [`AccessError`] when whoever holds the key that signs does not.
    pub async fn issue(
        &self,
        caller: &Caller,
        randomness: &dyn Randomness,
        now: i64,
    ) -> Result<Secret<String>, AccessError> {
        let none = |what: &str| AccessError::Internal(what.to_owned());
        let table = self.cache.last_known();
        let key = table.signing().next().ok_or_else(|| none("there is no key to sign with"))?;
        let draw: [u8; 8] = random_bytes(randomness);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&draw);
        let tag = caller.key.as_ref().and_then(|of_caller| self.tag(&draw, of_caller));
        id[8..].copy_from_slice(&tag.ok_or_else(|| none("the caller has no key"))?);
        let claims = IssuedTokenClaims {
            id: Uuid::from_bytes(id),
            account: caller.account().0,
            issuer: table.own.issuer.clone(),
            issued_at: now,
            expires_at: now.saturating_add(ISSUED_TOKEN_LIFE),
        };
        let signed = self.holders.sign(key, write_issued_token(key, &claims)).await;
        signed.map_err(|error| AccessError::KeyUnavailable(likeness_store::keys::KeyProblem::Installation(error)))
    }

    fn tag(&self, draw: &[u8; 8], key: &[u8; 32]) -> Option<[u8; 8]> {
        let bound = Secret::new(format!("issued token {} {}", hex::encode(draw), hex::encode(key)));
        self.installation.token_tag(&bound).first_chunk().copied()
    }
}

/// The caller that an identity is in an account.
pub(super) fn caller_of_identity(state: &Arc<AccountState>, table: &AccessTable, identity: &Identity) -> Caller {
    let mut roles = roles_of(identity, &state.settings.assignments);
    roles.extend(roles_of(identity, &table.installation.0.assignments));
    Caller { state: state.clone(), actor: actor_of(identity), rights: Rights::Roles(roles), key: None }
}

/// The name of an identity in the audit log: the id that the provider has for it.
pub(super) fn actor_of(identity: &Identity) -> Actor {
    let id = identity.object_id.as_deref().unwrap_or(&identity.subject);
    // Providers may put any characters into ids; the audit log stays readable.
    let id: String = id.chars().filter(|letter| letter.is_ascii_graphic()).take(128).collect();
    Actor::Principal(id.into())
}
