//! What one call needs an approval for, of the account's own or lent by a vendor, from the first question to the last look.
//!
//! Start at [`Approval`]. A token that the client sends is looked at only where the account's own approvals do not
//! suffice; each use of one is noted in the audit logs of the vendor and of the client before it takes effect.

use crate::access::{Caller, Denied, Lent, NotLent};
use crate::app::App;
use crate::accounts::Order;
use crate::accounts::vendors::USED;
use likeness_base::{Clock as _, Secret};
use likeness_rules::{Gate, LimitedAccessClaims, LimitedAttribute};
use likeness_store::{AccountId, Actor, AuditOutcome, Event, StoreError};
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
    /// What is known about access cannot be had, or the caller is not let in any more.
    Denied(Denied),
    /// The use could not be noted.
    Store(StoreError),
}

impl From<StoreError> for NotApproved {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Denied> for NotApproved {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

/// Whose call it is.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// The whole program.
    pub app: &'a App,
    /// Who calls, as they are now.
    pub caller: &'a Caller,
    /// The id under which log and audit log speak of it.
    pub request_id: Uuid,
    /// Name of the operation.
    pub operation: &'static str,
}

/// What became of the header `LimitedAccessToken`.
enum Token {
    /// None was sent.
    Absent,
    /// It was not needed so far.
    Unseen(Secret<String>),
    /// It counts.
    Counts {
        header: Secret<String>,
        lent: Lent,
        /// One call is one use.
        is_noted: bool,
    },
}

/// What a call needs an approval for and what it was granted.
pub struct Approval {
    token: Token,
    /// What is required, once that was asked for; a call asks for one requirement.
    required: Option<Gate>,
    /// The limited attributes that the call asks for.
    asked: BTreeSet<LimitedAttribute>,
    /// The limited attributes that it may see.
    granted: BTreeSet<LimitedAttribute>,
}

impl Approval {
    /// Nothing was asked for yet; `asked`: the limited attributes that the call wants to see.
    pub fn new(token: Option<Secret<String>>, asked: BTreeSet<LimitedAttribute>) -> Self {
        let token = token.map_or(Token::Absent, Token::Unseen);
        Self { token, required: None, asked, granted: BTreeSet::new() }
    }

    /// The limited attributes that the account is approved for, and those that a token lends to it. Whoever asks says
    /// with [`Approval::permit`] or [`Approval::refuse`] what came of it.
    ///
    /// # Errors
    /// When there is a token and it does not count.
    pub async fn attributes(&mut self, of: Circumstances<'_>) -> Result<&BTreeSet<LimitedAttribute>, NotApproved> {
        let own = &of.caller.state.settings.approvals.attributes;
        let mut granted = own.clone();
        if !self.asked.is_subset(own)
            && let Some(lent) = self.lent(of).await?
        {
            granted.extend(&lent.attributes);
        }
        self.granted = granted;
        Ok(&self.granted)
    }

    /// Lets the call through where the account, or a token, has what is required.
    ///
    /// # Errors
    /// The approval is missing, or the token does not count, is for another, or lacks it.
    pub async fn permit(&mut self, of: Circumstances<'_>, gate: Gate) -> Result<(), NotApproved> {
        self.required = Some(gate);
        if !gate.allows(&of.caller.state.settings.approvals.flags) {
            let Some(lent) = self.lent(of).await? else { return Err(NotApproved::Missing(gate)) };
            if !gate.allows(&lent.flags) {
                self.note(of, AuditOutcome::Refused).await?;
                return Err(NotApproved::NotLent(gate));
            }
        }
        self.note(of, AuditOutcome::Applied).await
    }

    /// Notes that a token was used and lends less than was asked for.
    ///
    /// # Errors
    /// When an audit log cannot be written.
    pub async fn refuse(&mut self, of: Circumstances<'_>) -> Result<(), NotApproved> {
        self.note(of, AuditOutcome::Refused).await
    }

    /// Looks again whether what was granted still is: a body, the address of a picture or a queue may have taken long, and
    /// nothing that was withdrawn meanwhile may have effects.
    ///
    /// # Errors
    /// As [`Approval::permit`], and [`NotApproved::Withdrawn`].
    pub async fn check_again(&self, of: Circumstances<'_>) -> Result<(), NotApproved> {
        let own = &of.caller.state.settings.approvals;
        let beyond = self.required.filter(|gate| !gate.allows(&own.flags));
        let mut limited = self.asked.clone();
        limited.retain(|attribute| !own.attributes.contains(attribute));
        let header = match &self.token {
            Token::Absent => None,
            Token::Unseen(_) if beyond.is_none() && limited.is_empty() => return Ok(()),
            Token::Unseen(header) | Token::Counts { header, .. } => Some(header),
        };
        let lent = match header {
            Some(header) => Some(look_at(of, header).await?),
            None => None,
        };
        match (beyond, &lent) {
            (Some(gate), None) => return Err(NotApproved::Missing(gate)),
            (Some(gate), Some(lent)) if !gate.allows(&lent.flags) => return Err(NotApproved::NotLent(gate)),
            _ => {}
        }
        // What was granted and is no longer. What never was is refused in the words of the attribute, by its reader.
        let held = lent.map(|lent| lent.attributes).unwrap_or_default();
        if limited.iter().any(|one| self.granted.contains(one) && !held.contains(one)) {
            return Err(NotApproved::Withdrawn);
        }
        Ok(())
    }

    /// What the token of the call lends, if there is one.
    async fn lent(&mut self, of: Circumstances<'_>) -> Result<Option<&Lent>, NotApproved> {
        if let Token::Unseen(header) = &self.token {
            let lent = look_at(of, header).await?;
            self.token = Token::Counts { header: header.clone(), lent, is_noted: false };
        }
        match &self.token {
            Token::Counts { lent, .. } => Ok(Some(lent)),
            Token::Absent | Token::Unseen(_) => Ok(None),
        }
    }

    /// Notes the use of the token, if the call needed one and it was not noted yet.
    async fn note(&mut self, of: Circumstances<'_>, outcome: AuditOutcome) -> Result<(), NotApproved> {
        if let Token::Counts { lent, is_noted, .. } = &mut self.token
            && !*is_noted
        {
            note_use(of, &lent.token, lent.vendor, outcome).await?;
            *is_noted = true;
        }
        Ok(())
    }
}

/// A genuine token that does not count is noted in both audit logs, so that its vendor sees that somebody tries it.
async fn look_at(of: Circumstances<'_>, header: &Secret<String>) -> Result<Lent, NotApproved> {
    // As it is by now: a body may have taken its time.
    let now = of.app.clock.now().as_seconds();
    let problem = match of.app.access.lent(header.expose(), &of.caller.state, now).await {
        Ok(lent) => return Ok(lent),
        Err(problem) => problem,
    };
    let (genuine, refusal) = match problem {
        NotLent::Invalid(reason) => return Err(NotApproved::InvalidToken(reason)),
        NotLent::Door(denied) => return Err(denied.into()),
        NotLent::Ended(genuine, reason) => (genuine, NotApproved::InvalidToken(reason.to_owned())),
        NotLent::OtherResource(genuine) => (genuine, NotApproved::OtherResource),
    };
    if !of.app.meter.is_trying(of.caller.account()) {
        note_use(of, &genuine.token, genuine.vendor, AuditOutcome::Refused).await?;
    }
    Err(refusal)
}

/// Notes in both audit logs that a token was used. The vendor learns the client's resource, the flags, the time and the
/// operation; not its key, its address, its containers or what came of it.
async fn note_use(
    of: Circumstances<'_>,
    token: &LimitedAccessClaims,
    vendor: Option<AccountId>,
    outcome: AuditOutcome,
) -> Result<(), StoreError> {
    let told = json!({
        "token": token.id,
        "target": token.target,
        "vendor": token.vendor,
        "issuer": token.issuer,
        "flags": token.flags,
        "expires": token.expires_at,
        "operation": of.operation,
    });
    let event = Event::of(USED, outcome, Some(told));
    let note = async |account, actor| {
        let order = Order { actor, request_id: of.request_id };
        of.app.custodian.note(account, &order, event.clone()).await
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
