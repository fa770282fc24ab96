//! Vendors and their clients: limited access tokens issued, revoked, blocked, and reported.

use super::{AccountError, AccountService, Attribution};
use crate::access::{AccessError, AccessTable, AccountState};
use crate::randomness::random_id;
use likeness_base::{Secret, Timestamp};
use likeness_rules::{FeatureFlag, LIMITED_TOKEN_LIFE, LimitedAccessClaims, ResourceId, Vendor, write_limited};
use likeness_store::{
    AccountId, Actor, AuditEntry, AuditEvent, AuditOutcome, NewRecord, PageStart, RecordKind, RecordWrite, StoreError,
    Write,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// The action under which audit logs record a token that was used.
pub const TOKEN_USED: &str = "use_limited_access_token";
/// The action under which audit logs record a token that was issued.
pub const TOKEN_ISSUED: &str = "issue_limited_access_token";
/// How long a revocation is kept: longer than a token lives.
const REMEMBERED: Duration = Duration::from_secs(2 * 86_400);
/// Seconds that issuing a token may wait.
const MOST_AHEAD: u64 = 5;
/// Tokens that one vendor has revoked one by one and that are remembered; every node holds them in memory.
const MOST_REVOKED: usize = 10_000;
/// Rows of the audit log that are read at once.
const PAGE: usize = 1_000;

/// The request for a limited access token.
#[derive(Debug)]
pub struct LimitedTokenRequest {
    /// The client's resource.
    pub target: ResourceId,
    /// The feature flags to lend.
    pub flags: BTreeSet<FeatureFlag>,
    /// For how many seconds.
    pub seconds: i64,
}

/// Why a limited access token is not issued.
#[derive(Debug)]
pub enum NotIssued {
    /// The vendor's account is closed or gone.
    Gone,
    /// The operator has blocked the vendor.
    VendorBlocked,
    /// The operator or the vendor has blocked the client.
    TargetBlocked,
    /// The right to issue was withdrawn.
    Withdrawn,
    /// The account never had the right to issue.
    NoVendor,
    /// The vendor does not have this approval itself.
    NotHeld(FeatureFlag),
    /// The clock went back since tokens were revoked; try again later.
    Later,
    /// The access table cannot be read.
    Access(AccessError),
    /// The store.
    Store(StoreError),
    /// Our fault; the text is for the log.
    Internal(&'static str),
}

impl From<AccessError> for NotIssued {
    fn from(denied: AccessError) -> Self {
        Self::Access(denied)
    }
}

impl From<StoreError> for NotIssued {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl AccountService {
    /// Issues a limited access token and records it in the vendor's audit log, refusals too.
    ///
    /// # Errors
    /// [`NotIssued`], see its variants (`face-api.md` section 4).
    pub async fn issue_limited(
        &self,
        vendor: &AccountState,
        attribution: &Attribution,
        request: &LimitedTokenRequest,
    ) -> Result<Secret<String>, NotIssued> {
        let (id, vendor) = (random_id(&*self.randomness), vendor.id());
        let (table, issued_at) = self.issuing_time(vendor).await?;
        let vendor = table.account(vendor).ok_or(NotIssued::Gone)?;
        let key = table.signing().next().ok_or(NotIssued::Internal("there is no key to sign with"))?;
        let claims = LimitedAccessClaims {
            issuer: table.own.issuer.clone(),
            id,
            vendor: vendor.settings.resource.clone(),
            target: request.target.clone(),
            flags: request.flags.clone(),
            issued_at,
            expires_at: issued_at.saturating_add(request.seconds),
        };
        let refused = refusal_of(vendor, &table.installation.0.blocked, request);
        let outcome = if refused.is_none() { AuditOutcome::Applied } else { AuditOutcome::Refused };
        let detail = json!({
            "token": claims.id,
            "target": claims.target,
            "vendor": claims.vendor,
            "issuer": claims.issuer,
            "flags": claims.flags,
            "expires": claims.expires_at,
        });
        self.note(vendor.id(), attribution, AuditEvent::of(TOKEN_ISSUED, outcome, Some(detail))).await?;
        match refused {
            Some(refusal) => Err(refusal),
            None => Ok(self.holders.sign(key, write_limited(key, &claims)).await.map_err(StoreError::from)?),
        }
    }

    /// What is known at the moment of a token, and the second it is dated. All tokens of a second are revoked together,
    /// so one that is issued right afterwards is dated after them; where that is further ahead than a check forgives, after
    /// several revocations within a second, it is waited for.
    async fn issuing_time(&self, vendor: AccountId) -> Result<(Arc<AccessTable>, i64), NotIssued> {
        loop {
            // The current table, not that of the call's arrival.
            let table = self.cache.trusted().await.map_err(AccessError::from)?;
            let state = table.account(vendor).filter(|vendor| vendor.is_open()).ok_or(NotIssued::Gone)?;
            let second = self.clock.now().as_seconds();
            let issued_at = second.max(state.settings.vendor.not_before.unwrap_or(second));
            match u64::try_from(issued_at - second).unwrap_or(0) {
                0 | 1 => return Ok((table, issued_at)),
                ahead if ahead <= MOST_AHEAD => tokio::time::sleep(Duration::from_secs(ahead - 1)).await,
                // The clock went back since tokens were revoked.
                _ => return Err(NotIssued::Later),
            }
        }
    }

    /// Revokes one token.
    ///
    /// # Errors
    /// When the account never was a vendor, or has too many on its list.
    pub async fn revoke_token(
        &self,
        vendor: AccountId,
        attribution: &Attribution,
        token: Uuid,
    ) -> Result<(), AccountError> {
        let table = self.cache.last_known();
        let state = table.account(vendor).ok_or_else(|| AccountError::NoAccount(vendor.to_string()))?;
        let rules = &state.settings.vendor;
        if !rules.may_issue && rules.not_before.is_none() {
            return Err(AccountError::State(
                "the account may not issue limited access tokens, and never might: it has none to revoke",
            ));
        }
        if state.revoked.contains(&token) {
            return Ok(());
        }
        // What this node remembers includes those that have ended since; the store does not.
        let live = async || {
            let all = PageStart::everything();
            self.store.records(vendor, RecordKind::RevokedToken, &all, self.clock.now()).await.map(|found| found.len())
        };
        if state.revoked.len() >= MOST_REVOKED && live().await? >= MOST_REVOKED {
            return Err(AccountError::State(
                "the account revoked very many tokens one by one in the last two days; revoke all before an instant instead",
            ));
        }
        let expires_at = Some(self.clock.now().plus(REMEMBERED));
        let record = NewRecord::new(RecordKind::RevokedToken, token.to_string(), Vec::new().into()).until(expires_at);
        let write = Box::new(RecordWrite::Put(record).into());
        let detail = json!({ "token": token }).to_string();
        self.write_access(vendor, attribution, Write::WithDetail { detail, write }).await.map(drop)
    }

    /// Revokes all tokens that were issued so far.
    ///
    /// # Errors
    /// What the store says.
    pub async fn revoke_all(&self, vendor: AccountId, attribution: &Attribution) -> Result<(), AccountError> {
        let second = self.clock.now().as_seconds();
        let detail = json!({ "revokedBefore": second.saturating_add(1) });
        let change = |settings: &mut likeness_rules::Settings| {
            revoke_all_before(&mut settings.vendor, second);
            Ok(())
        };
        self.change(vendor, attribution, &detail, change).await.map(drop)
    }

    /// Revokes all tokens that were issued before this instant.
    ///
    /// # Errors
    /// When the instant has not come.
    pub async fn revoke_before(
        &self,
        vendor: AccountId,
        attribution: &Attribution,
        at: Timestamp,
    ) -> Result<(), AccountError> {
        if at > self.clock.now() {
            return Err(AccountError::Invalid("the instant lies in the future".to_owned()));
        }
        // Tokens are dated in whole seconds, so all of a second that has begun are meant.
        let second = at.as_seconds().saturating_add(i64::from(at.as_millis().rem_euclid(1_000) > 0));
        let detail = json!({ "revokedBefore": second });
        let change = |settings: &mut likeness_rules::Settings| {
            settings.vendor.not_before = settings.vendor.not_before.max(Some(second));
            Ok(())
        };
        self.change(vendor, attribution, &detail, change).await.map(drop)
    }

    /// Gives a vendor the right to issue, or withdraws it and revokes its tokens.
    ///
    /// # Errors
    /// What the store says.
    pub async fn set_vendor_right(
        &self,
        vendor: AccountId,
        attribution: &Attribution,
        may: bool,
    ) -> Result<(), AccountError> {
        let second = self.clock.now().as_seconds();
        let detail = json!({ "mayIssue": may });
        let change = |settings: &mut likeness_rules::Settings| {
            settings.vendor.may_issue = may;
            // Given back, the right does not bring back what was issued before.
            if !may {
                revoke_all_before(&mut settings.vendor, second);
            }
            Ok(())
        };
        self.change(vendor, attribution, &detail, change).await.map(drop)
    }

    /// Blocks a client of a vendor, or lifts the block.
    ///
    /// # Errors
    /// What the store says.
    pub async fn block_client(
        &self,
        vendor: AccountId,
        attribution: &Attribution,
        client: &ResourceId,
        block: bool,
    ) -> Result<(), AccountError> {
        let detail = json!({ "client": client, "blocked": block });
        let change = |settings: &mut likeness_rules::Settings| {
            set_block(&mut settings.vendor.blocked, client, block);
            Ok(())
        };
        self.change(vendor, attribution, &detail, change).await.map(drop)
    }

    /// Blocks a resource for all vendors, or lifts the block.
    ///
    /// # Errors
    /// What the store says.
    pub async fn block_everywhere(
        &self,
        attribution: &Attribution,
        client: &ResourceId,
        block: bool,
    ) -> Result<(), AccountError> {
        let detail = json!({ "client": client, "blocked": block });
        self.change_installation(attribution, &detail, |installation| {
            set_block(&mut installation.blocked, client, block)
        })
        .await
    }

    /// A vendor's report of its tokens: how many were issued and used, by client, flag and day, and every single event.
    /// Computed from its audit log, so nothing is counted twice or left out.
    ///
    /// # Errors
    /// What the store says.
    pub async fn token_report(
        &self,
        vendor: AccountId,
        from: Timestamp,
        to: Timestamp,
        with_events: bool,
    ) -> Result<TokenReport, AccountError> {
        let mut days: BTreeMap<(String, String, String), Counts> = BTreeMap::new();
        let mut events = Vec::new();
        let mut after = 0;
        loop {
            let rows = self.store.audit(vendor, after, PAGE).await?;
            let Some(last) = rows.last() else { break };
            after = last.sequence;
            for row in rows.iter().filter(|row| row.at >= from && row.at < to) {
                let Some(event) = TokenEvent::of(row) else { continue };
                for flag in &event.flags {
                    let day = event.at[..10].to_owned();
                    let counts = days.entry((event.target.clone(), flag.clone(), day)).or_default();
                    counts.add(&event);
                }
                if with_events && events.len() < MOST_EVENTS {
                    events.push(event);
                }
            }
        }
        let days = days.into_iter().map(|((client, flag, day), counts)| ReportRow { client, flag, day, counts });
        Ok(TokenReport { days: days.collect(), events })
    }
}

/// Most single events in one report; narrow the time to see others.
const MOST_EVENTS: usize = 10_000;

/// A report for a vendor.
#[derive(Debug, Serialize)]
pub struct TokenReport {
    /// Sums by client, flag and day (UTC).
    pub days: Vec<ReportRow>,
    /// Each token issued and each use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<TokenEvent>,
}

/// Sums of one client, flag and day.
#[derive(Debug, Serialize)]
pub struct ReportRow {
    /// The client's resource id.
    pub client: String,
    /// What was lent.
    pub flag: String,
    /// The day in UTC, such as 2026-01-31.
    pub day: String,
    /// How often.
    #[serde(flatten)]
    pub counts: Counts,
}

/// What happened how often.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Tokens issued.
    pub issued: u64,
    /// Requests for a token that were refused.
    pub issue_refused: u64,
    /// Uses that were permitted.
    pub used: u64,
    /// Uses that were refused.
    pub use_refused: u64,
}

impl Counts {
    fn add(&mut self, event: &TokenEvent) {
        let counter = match (event.action.as_str(), event.refused) {
            (TOKEN_ISSUED, false) => &mut self.issued,
            (TOKEN_ISSUED, true) => &mut self.issue_refused,
            (_, false) => &mut self.used,
            (_, true) => &mut self.use_refused,
        };
        *counter += 1;
    }
}

/// One event: nothing of the client but its resource.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenEvent {
    /// When, in UTC.
    pub at: String,
    /// Whether it was issued or used.
    pub action: String,
    /// Whether that was refused.
    pub refused: bool,
    /// Its id.
    pub token: Uuid,
    /// The client's resource id.
    pub target: String,
    /// What it lends.
    pub flags: Vec<String>,
    /// The operation it was used for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// When it ends, in seconds since 1970-01-01.
    pub expires: i64,
    /// The request.
    pub request_id: Uuid,
}

#[derive(Deserialize)]
struct TokenUse {
    token: Uuid,
    target: String,
    flags: Vec<String>,
    expires: i64,
    operation: Option<String>,
}

impl TokenEvent {
    /// What a row of a vendor's audit log says about a token of its own.
    fn of(row: &AuditEntry) -> Option<Self> {
        let is_of_client = row.action == TOKEN_USED && row.actor == Actor::Client.as_text();
        if !is_of_client && row.action != TOKEN_ISSUED {
            return None;
        }
        let TokenUse { token, target, flags, expires, operation } =
            serde_json::from_str(row.detail.as_deref()?).ok()?;
        Some(Self {
            at: row.at.to_string(),
            action: row.action.clone(),
            refused: row.outcome == AuditOutcome::Refused,
            token,
            target,
            flags,
            operation,
            expires,
            request_id: row.request_id,
        })
    }
}

/// Revokes all tokens that were issued up to this second. Those issued after an earlier revocation may be dated as late
/// as that one, and it may have been within this second too.
fn revoke_all_before(vendor: &mut Vendor, second: i64) {
    let newest = vendor.not_before.unwrap_or(second).max(second);
    vendor.not_before = Some(newest.saturating_add(1));
}

fn set_block(blocked: &mut Vec<ResourceId>, client: &ResourceId, block: bool) {
    blocked.retain(|known| known != client);
    if block {
        blocked.push(client.clone());
    }
}

/// Why a vendor does not get the token it asks for.
fn refusal_of(vendor: &AccountState, blocked: &[ResourceId], request: &LimitedTokenRequest) -> Option<NotIssued> {
    let rules = &vendor.settings.vendor;
    if blocked.contains(&vendor.settings.resource) {
        return Some(NotIssued::VendorBlocked);
    }
    if blocked.contains(&request.target) || rules.blocked.contains(&request.target) {
        return Some(NotIssued::TargetBlocked);
    }
    if !rules.may_issue {
        // An account that never had the right gets another refusal than one that lost it.
        return Some(if rules.not_before.is_some() { NotIssued::Withdrawn } else { NotIssued::NoVendor });
    }
    let missing = request.flags.iter().find(|flag| !vendor.settings.approvals.flags.contains(flag))?;
    Some(NotIssued::NotHeld(*missing))
}

/// The bounds of `expiredTime`, for messages.
pub fn life_bounds() -> (i64, i64) {
    (*LIMITED_TOKEN_LIFE.start(), *LIMITED_TOKEN_LIFE.end())
}
