//! Devices that capture for a liveness session: they present the session's token and nothing else.

use super::{Access, AccessError, AccessTable, AccountState, Origin};
use crate::access::limited;
use likeness_base::Secret;
use likeness_rules::{LivenessTokenClaims, TokenProblem, check_liveness_token, write_liveness_token};
use likeness_store::AccountId;
use likeness_store::keys::KeyProblem;
use std::net::IpAddr;
use std::sync::Arc;
use uuid::Uuid;

/// A device whose token is valid. Whether its session is still there is for whoever reads the session.
#[derive(Clone)]
pub struct DeviceCaller {
    /// The account of the session.
    pub state: Arc<AccountState>,
    /// The session.
    pub session: Uuid,
}

impl Access {
    /// Authenticates a device by the header `Authorization`.
    ///
    /// # Errors
    /// [`AccessError`], see its variants.
    pub async fn admit_device(
        &self,
        origin: &Origin,
        authorization: &Secret<String>,
        now: i64,
    ) -> Result<DeviceCaller, AccessError> {
        let token = limited::bearer(authorization.expose());
        let token = token.ok_or_else(|| AccessError::InvalidBearer("the header is not of the form Bearer".into()))?;
        self.admit_device_token(origin, token, now).await
    }

    /// Authenticates a device where others may call too; `None`: the header has no valid liveness token, which is nobody's fault.
    ///
    /// # Errors
    /// [`AccessError`], see its variants.
    pub async fn admit_if_device(
        &self,
        origin: &Origin,
        authorization: &Secret<String>,
        now: i64,
    ) -> Result<Option<DeviceCaller>, AccessError> {
        let Some(token) = limited::bearer(authorization.expose()) else { return Ok(None) };
        let Ok(claims) = check_liveness_token(token, &self.cache.last_known().own, now) else { return Ok(None) };
        let table = self.cache.trusted().await?;
        self.admit_session(origin, &claims, &table).map(Some)
    }

    /// The same by the token itself. Wrong tokens of an address are counted apart from wrong keys: one broken device must
    /// not slow the office that it stands in.
    ///
    /// # Errors
    /// [`AccessError`], see its variants.
    pub async fn admit_device_token(
        &self,
        origin: &Origin,
        token: &str,
        now: i64,
    ) -> Result<DeviceCaller, AccessError> {
        let table = self.cache.trusted().await?;
        let refused = |problem: TokenProblem| AccessError::InvalidBearer(problem.to_string());
        let claims = match check_liveness_token(token, &table.own, now) {
            Ok(claims) => claims,
            Err(problem) => {
                self.refuse_device_guess(origin.client)?;
                return Err(refused(problem));
            }
        };
        self.admit_session(origin, &claims, &table)
    }

    fn admit_session(
        &self,
        origin: &Origin,
        claims: &LivenessTokenClaims,
        table: &AccessTable,
    ) -> Result<DeviceCaller, AccessError> {
        let gone = || AccessError::InvalidBearer("the account it was issued for does not exist any more".to_owned());
        let state = table.account(AccountId(claims.account)).filter(|state| state.is_open()).ok_or_else(gone)?.clone();
        let named = origin.subdomain.as_ref().map(|subdomain| table.by_subdomain(subdomain));
        if named.is_some_and(|named| named.is_none_or(|named| named.id() != state.id())) {
            return Err(AccessError::InvalidBearer("it is for another account".to_owned()));
        }
        // What its settings say is not known yet, and nothing is done before it is.
        if state.locked.is_none() && !self.allows_device(&state, origin.client) {
            return Err(AccessError::Network);
        }
        Ok(DeviceCaller { state, session: claims.session })
    }

    fn refuse_device_guess(&self, client: IpAddr) -> Result<(), AccessError> {
        self.device_guesses.record_failure(client);
        self.device_guesses.blocked_for(client).map_or(Ok(()), |seconds| Err(AccessError::Throttled(seconds)))
    }

    /// Whether devices of the account may capture from an address.
    pub fn allows_device(&self, state: &AccountState, client: IpAddr) -> bool {
        match &state.settings.liveness.devices {
            Some(rules) => rules.allows(client, &self.subnets),
            None => self.allows_address(state, client),
        }
    }

    /// A token for a session.
    ///
    /// # Errors
    /// [`AccessError`] when whoever holds the key that signs does not.
    pub async fn issue_liveness_token(
        &self,
        account: AccountId,
        session: Uuid,
        now: i64,
        seconds: i64,
    ) -> Result<Secret<String>, AccessError> {
        let table = self.cache.last_known();
        let none = || AccessError::Internal("there is no key to sign with".to_owned());
        let key = table.signing().next().ok_or_else(none)?;
        let claims = LivenessTokenClaims {
            account: account.0,
            session,
            issuer: table.own.issuer.clone(),
            issued_at: now,
            expires_at: now.saturating_add(seconds),
        };
        let signed = self.holders.sign(key, write_liveness_token(key, &claims)).await;
        signed.map_err(|error| AccessError::KeyUnavailable(KeyProblem::Installation(error)))
    }
}
