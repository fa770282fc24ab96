//! People and services that an identity provider vouches for, and tokens issued in exchange for a key.

use super::table::{AccountState, Snapshot};
use super::token_cache::digest_of;
use super::{Access, Caller, Denied, Rights};
use likeness_base::{Randomness, Secret, random_bytes};
use likeness_rules::{
    BearerIssuer, ISSUED_TOKEN_LIFE, Identity, IssuedTokenClaims, TokenProblem, check_bearer, check_issued_token,
    key_id_of, roles_of, sign_issued_token,
};
use likeness_store::Actor;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// How long what was found out about a token is relied on without looking at its signature again, in seconds. A key that
/// its issuer is known to have taken back is not relied on at all.
pub(super) const RELY_ON: i64 = 300;

/// What a checked bearer token stands for.
pub(super) enum Bearer {
    /// An account's key was shown for it.
    Issued(Arc<AccountState>),
    /// An identity provider vouches for somebody.
    Identity(Arc<Identity>),
}

impl Access {
    /// Whose token that is.
    pub(super) async fn bearer(&self, book: &Snapshot, token: &str, now: i64) -> Result<Bearer, Denied> {
        let refused = |problem: TokenProblem| Denied::Bearer(problem.to_string());
        let (issuer, key_id) = key_id_of(token).ok_or(TokenProblem::Malformed).map_err(refused)?;
        if issuer.as_deref() == Some(&*book.own.issuer) {
            let digest = digest_of(token);
            let still_signs = |_: &Arc<IssuedTokenClaims>| key_id.as_deref().is_none_or(|id| book.own.keys.has(id));
            let session = match self.sessions.get(&digest, now).filter(still_signs) {
                Some(session) => session,
                None => {
                    let session = Arc::new(check_issued_token(token, &book.own, now).map_err(refused)?);
                    // What is forgiven is that a token may be dated a second ahead, not that it has ended.
                    if session.expires_at <= now {
                        return Err(refused(TokenProblem::Expired));
                    }
                    self.sessions.put(digest, session.clone(), session.expires_at);
                    session
                }
            };
            return self
                .issued(book, &session)
                .map(Bearer::Issued)
                .ok_or_else(|| Denied::Bearer("the key or the account it was issued for is gone".to_owned()));
        }
        let provider = self.providers.iter().find(|provider| Some(&provider.issuer) == issuer.as_ref());
        let provider = provider.ok_or(TokenProblem::UnknownIssuer).map_err(refused)?;
        let digest = digest_of(token);
        if let Some(person) = self.people.get(&digest, now)
            && provider.keys.has(key_id.as_deref())
        {
            return Ok(Bearer::Identity(person));
        }
        let Some(keys) = provider.keys.for_key(key_id.as_deref()).await else { return Err(Denied::Unavailable) };
        let trusted = BearerIssuer {
            issuer: provider.issuer.clone(),
            audiences: provider.audiences.clone(),
            keys: (*keys).clone(),
            leeway_seconds: provider.leeway_seconds,
        };
        let (person, ends) = check_bearer(token, &[trusted], now).map_err(refused)?;
        let person = Arc::new(person);
        self.people.put(digest, person.clone(), ends.min(now.saturating_add(RELY_ON)));
        Ok(Bearer::Identity(person))
    }

    /// The account of an issued token, if the key it was issued for still opens it.
    fn issued(&self, book: &Snapshot, session: &IssuedTokenClaims) -> Option<Arc<AccountState>> {
        let state = book.account(likeness_store::AccountId(session.account))?;
        let tag = |digest: &[u8; 32]| self.tag(session.id.as_bytes().first_chunk()?, digest);
        let is_of =
            |digest: &[u8; 32]| tag(digest).is_some_and(|tag| bool::from(tag.ct_eq(&session.id.as_bytes()[8..])));
        let is_alive = state.is_open() && book.digests_of(state.id()).iter().any(is_of);
        is_alive.then(|| state.clone())
    }

    /// A token for ten minutes in exchange for a key. It ends with the key: its id is half random, and half a keyed
    /// digest of that and of the key.
    pub fn issue(&self, caller: &Caller, randomness: &dyn Randomness, now: i64) -> Option<Secret<String>> {
        let book = self.directory.last();
        let key = book.signing().next()?;
        let draw: [u8; 8] = random_bytes(randomness);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&draw);
        id[8..].copy_from_slice(&self.tag(&draw, caller.key.as_ref()?)?);
        let session = IssuedTokenClaims {
            id: Uuid::from_bytes(id),
            account: caller.account().0,
            issuer: book.own.issuer.clone(),
            issued_at: now,
            expires_at: now.saturating_add(ISSUED_TOKEN_LIFE),
        };
        Some(sign_issued_token(key, &session))
    }

    fn tag(&self, draw: &[u8; 8], key: &[u8; 32]) -> Option<[u8; 8]> {
        let bound = Secret::new(format!("issued token {} {}", hex::encode(draw), hex::encode(key)));
        self.installation.lookup_digest(&bound).first_chunk().copied()
    }
}

/// A person in an account.
pub(super) fn person_in(state: &Arc<AccountState>, book: &Snapshot, person: &Identity) -> Caller {
    let mut roles = roles_of(person, &state.settings.assignments);
    roles.extend(roles_of(person, &book.installation.0.assignments));
    Caller { state: state.clone(), actor: actor_of(person), rights: Rights::Roles(roles), key: None }
}

/// How the audit trail names somebody: by the id the provider has for them.
pub(super) fn actor_of(person: &Identity) -> Actor {
    let id = person.object_id.as_deref().unwrap_or(&person.subject);
    // What providers put into ids is theirs; a trail stays readable.
    let id: String = id.chars().filter(|letter| letter.is_ascii_graphic()).take(128).collect();
    Actor::Principal(id.into())
}
