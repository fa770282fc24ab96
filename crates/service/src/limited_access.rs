//! The approvals that one call needs, the account's own or lent by a vendor, from the first check to the last recheck.
//!
//! Start at [`Approval`]. A token that the client sends is checked only where the account's own approvals do not
//! suffice; each use of one is recorded in the audit logs of the vendor and of the client before it takes effect.

use crate::access::{AccessError, Caller, LentApprovals, LimitedTokenError};
use crate::accounts::Attribution;
use crate::accounts::vendors::TOKEN_USED;
use crate::app::App;
use likeness_base::{Clock as _, Secret};
use likeness_rules::{Gate, LimitedAccessClaims, LimitedAttribute};
use likeness_store::{AccountId, Actor, AuditEvent, AuditOutcome, StoreError};
use serde_json::json;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Why a call is not approved.
#[derive(Debug)]
pub enum NotApproved {
    /// The account lacks the approval, and no token was sent.
    Missing(Gate),
    /// The token does not lend it.
    NotLent(Gate),
    /// What was granted for a limited attribute was withdrawn meanwhile.
    Withdrawn,
    /// The token does not count; why is for the log only.
    InvalidToken(String),
    /// The token was issued for another resource.
    OtherResource,
    /// The access table cannot be read, or the caller is not admitted any more.
    Access(AccessError),
    /// The use could not be recorded.
    Store(StoreError),
}

impl From<StoreError> for NotApproved {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<AccessError> for NotApproved {
    fn from(denied: AccessError) -> Self {
        Self::Access(denied)
    }
}

/// The call that an approval is for.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// The whole program.
    pub app: &'a App,
    /// Who calls, as they are now.
    pub caller: &'a Caller,
    /// The id of the request in log and audit log.
    pub request_id: Uuid,
    /// Name of the operation.
    pub operation: &'static str,
}

/// What became of the header `LimitedAccessToken`.
enum Token {
    /// None was sent.
    Absent,
    /// It was not needed so far, and not checked.
    Unchecked(Secret<String>),
    /// It is valid.
    Valid {
        header: Secret<String>,
        lent: LentApprovals,
        /// One call is one use.
        is_noted: bool,
    },
}

/// What a call needs an approval for and what it was granted.
pub struct Approval {
    token: Token,
    /// The gate that was requested; a call requests one.
    required: Option<Gate>,
    /// The limited attributes that the call requests.
    requested: BTreeSet<LimitedAttribute>,
    /// The limited attributes that it may return.
    granted: BTreeSet<LimitedAttribute>,
}

impl Approval {
    /// Nothing is permitted yet; `requested`: the limited attributes that the call requests.
    pub fn new(token: Option<Secret<String>>, requested: BTreeSet<LimitedAttribute>) -> Self {
        let token = token.map_or(Token::Absent, Token::Unchecked);
        Self { token, required: None, requested, granted: BTreeSet::new() }
    }

    /// The limited attributes that the account is approved for, and those that a token lends to it. Call
    /// [`Approval::permit`] or [`Approval::refuse`] afterwards.
    ///
    /// # Errors
    /// When there is a token and it does not count.
    pub async fn attributes(&mut self, of: Circumstances<'_>) -> Result<&BTreeSet<LimitedAttribute>, NotApproved> {
        let own = &of.caller.state.settings.approvals.attributes;
        let mut granted = own.clone();
        if !self.requested.is_subset(own)
            && let Some(lent) = self.lent_approvals(of).await?
        {
            granted.extend(&lent.attributes);
        }
        self.granted = granted;
        Ok(&self.granted)
    }

    /// Permits the call where the account, or a token, has what is required.
    ///
    /// # Errors
    /// The approval is missing, or the token does not count, is for another, or lacks it.
    pub async fn permit(&mut self, of: Circumstances<'_>, gate: Gate) -> Result<(), NotApproved> {
        self.required = Some(gate);
        if !gate.allows(&of.caller.state.settings.approvals.flags) {
            let Some(lent) = self.lent_approvals(of).await? else { return Err(NotApproved::Missing(gate)) };
            if !gate.allows(&lent.flags) {
                self.record_token_use(of, AuditOutcome::Refused).await?;
                return Err(NotApproved::NotLent(gate));
            }
        }
        self.record_token_use(of, AuditOutcome::Applied).await
    }

    /// Records that a token was used and lends less than was requested.
    ///
    /// # Errors
    /// When an audit log cannot be written.
    pub async fn refuse(&mut self, of: Circumstances<'_>) -> Result<(), NotApproved> {
        self.record_token_use(of, AuditOutcome::Refused).await
    }

    /// Checks again whether what was granted still is: a body, a download or a queue may have taken long, and nothing that
    /// was revoked meanwhile may take effect.
    ///
    /// # Errors
    /// As [`Approval::permit`], and [`NotApproved::Withdrawn`].
    pub async fn recheck(&self, of: Circumstances<'_>) -> Result<(), NotApproved> {
        let own = &of.caller.state.settings.approvals;
        let beyond = self.required.filter(|gate| !gate.allows(&own.flags));
        let mut limited = self.requested.clone();
        limited.retain(|attribute| !own.attributes.contains(attribute));
        let header = match &self.token {
            Token::Absent => None,
            Token::Unchecked(_) if beyond.is_none() && limited.is_empty() => return Ok(()),
            Token::Unchecked(header) | Token::Valid { header, .. } => Some(header),
        };
        let lent = match header {
            Some(header) => Some(check_token(of, header).await?),
            None => None,
        };
        match (beyond, &lent) {
            (Some(gate), None) => return Err(NotApproved::Missing(gate)),
            (Some(gate), Some(lent)) if !gate.allows(&lent.flags) => return Err(NotApproved::NotLent(gate)),
            _ => {}
        }
        // What was granted and is no longer. What never was granted is refused where the attribute is read.
        let held = lent.map(|lent| lent.attributes).unwrap_or_default();
        if limited.iter().any(|one| self.granted.contains(one) && !held.contains(one)) {
            return Err(NotApproved::Withdrawn);
        }
        Ok(())
    }

    /// What the token of the call lends, if there is one.
    async fn lent_approvals(&mut self, of: Circumstances<'_>) -> Result<Option<&LentApprovals>, NotApproved> {
        if let Token::Unchecked(header) = &self.token {
            let lent = check_token(of, header).await?;
            self.token = Token::Valid { header: header.clone(), lent, is_noted: false };
        }
        match &self.token {
            Token::Valid { lent, .. } => Ok(Some(lent)),
            Token::Absent | Token::Unchecked(_) => Ok(None),
        }
    }

    /// Records the use of the token, if the call needed one and it was not recorded yet.
    async fn record_token_use(&mut self, of: Circumstances<'_>, outcome: AuditOutcome) -> Result<(), NotApproved> {
        if let Token::Valid { lent, is_noted, .. } = &mut self.token
            && !*is_noted
        {
            audit_token_use(of, &lent.token, lent.vendor, outcome).await?;
            *is_noted = true;
        }
        Ok(())
    }
}

/// Checks the token. One with a valid signature that is refused is recorded in both audit logs, so that its vendor learns of
/// the attempt.
async fn check_token(of: Circumstances<'_>, header: &Secret<String>) -> Result<LentApprovals, NotApproved> {
    // As it is by now: a body may have taken its time.
    let now = of.app.clock.now().as_seconds();
    let problem = match of.app.access.check_limited_token(header.expose(), &of.caller.state, now).await {
        Ok(lent) => return Ok(lent),
        Err(problem) => problem,
    };
    let (genuine, refusal) = match problem {
        LimitedTokenError::Invalid(reason) => return Err(NotApproved::InvalidToken(reason)),
        LimitedTokenError::Access(denied) => return Err(denied.into()),
        LimitedTokenError::Revoked(genuine, reason) => (genuine, NotApproved::InvalidToken(reason.to_owned())),
        LimitedTokenError::WrongResource(genuine) => (genuine, NotApproved::OtherResource),
    };
    if !of.app.meter.throttles_dead_tokens(of.caller.account()) {
        audit_token_use(of, &genuine.token, genuine.vendor, AuditOutcome::Refused).await?;
    }
    Err(refusal)
}

/// Records in both audit logs that a token was used. The vendor learns the client's resource, the flags, the time and the
/// operation; not its key, its address, its containers or what came of it.
async fn audit_token_use(
    of: Circumstances<'_>,
    token: &LimitedAccessClaims,
    vendor: Option<AccountId>,
    outcome: AuditOutcome,
) -> Result<(), StoreError> {
    let detail = json!({
        "token": token.id,
        "target": token.target,
        "vendor": token.vendor,
        "issuer": token.issuer,
        "flags": token.flags,
        "expires": token.expires_at,
        "operation": of.operation,
    });
    let event = AuditEvent::of(TOKEN_USED, outcome, Some(detail));
    let note = async |account, actor| {
        let attribution = Attribution { actor, request_id: of.request_id };
        of.app.accounts.note(account, &attribution, event.clone()).await
    };
    let for_vendor = async {
        match vendor {
            Some(account) => note(account, Actor::Client).await,
            None => Ok(()),
        }
    };
    let (vendor, client) = tokio::join!(for_vendor, note(of.caller.account(), of.caller.actor.clone()));
    vendor.and(client)
}
