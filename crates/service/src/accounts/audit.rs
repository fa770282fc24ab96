//! The audit log: read, checked, exported.

use super::{AccountError, AccountService, Attribution};
use crate::kinds::kind_name;
use futures_util::{StreamExt, TryStreamExt, stream};
use likeness_base::Timestamp;
use likeness_store::{AccountId, Actor, AuditEntry, AuditOutcome, AuditWrite, Chain, ChainBroken, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Rows read at once.
const PAGE: usize = 1_000;

/// A row as it is shown and exported.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRow {
    /// Its place in the chain, from 1.
    pub sequence: i64,
    /// When, in UTC.
    pub at: String,
    /// Who.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// The container it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// How many records it touched.
    pub records: u64,
    /// `applied` or `refused`.
    pub outcome: &'static str,
    /// The request, as log and answer name it.
    pub request_id: uuid::Uuid,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
    /// The link of the row before, in hexadecimal.
    pub previous: String,
    /// Its own link, in hexadecimal.
    pub hash: String,
}

/// The container a row is about, by the store's number: names are gone when containers are.
#[derive(Debug, Serialize)]
pub struct Container {
    /// Its kind, as error codes name it, with a small letter in front.
    pub kind: String,
    /// The store's number of it.
    pub number: i64,
}

impl From<&AuditEntry> for AuditRow {
    fn from(entry: &AuditEntry) -> Self {
        Self {
            sequence: entry.sequence,
            at: entry.at.to_string(),
            actor: entry.actor.clone(),
            action: entry.action.clone(),
            container: entry.target.map(|target| Container { kind: kind_name(target.kind), number: target.number }),
            records: entry.records,
            outcome: match entry.outcome {
                AuditOutcome::Refused => "refused",
                _ => "applied",
            },
            request_id: entry.request_id,
            detail: entry.detail.as_deref().and_then(|detail| serde_json::from_str(detail).ok()),
            previous: hex::encode(entry.previous),
            hash: hex::encode(entry.link),
        }
    }
}

/// The result of checking a whole audit log.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChainCheck {
    /// The last row.
    pub rows: i64,
    /// The first row that is there; those before it were removed because they were too old.
    pub first: i64,
    /// The link of the last; who keeps it elsewhere can prove that nothing was changed since.
    pub last: String,
    /// The first row that does not follow from the one before, or is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken_at: Option<i64>,
    /// The row with the link that was asked about, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_at: Option<i64>,
    /// Whether what decides who may call is what the audit log says.
    pub access_holds: bool,
}

/// Reads a whole audit log and checks it, and what it says of access. `known`: a link that was kept elsewhere, to be found
/// in it.
///
/// # Errors
/// What the store says.
pub async fn verify(store: &dyn Store, account: AccountId, known: Option<&str>) -> Result<ChainCheck, AccountError> {
    let known = known.and_then(|known| hex::decode(known).ok());
    let (mut sequence, mut last, mut known_at) = (0, String::new(), None);
    let mut check = store.chain_check();
    let outcome = loop {
        let rows = store.audit(account, sequence, PAGE).await?;
        let Some(end) = rows.last() else { break check.finish() };
        let is_known = |row: &&AuditEntry| known.as_deref().is_some_and(|known| known == row.link);
        known_at = known_at.or(rows.iter().find(is_known).map(|row| row.sequence));
        if let Err(broken) = check.add(&rows) {
            break Err(broken);
        }
        (sequence, last) = (end.sequence, hex::encode(end.link));
    };
    let access_holds = store.is_access_as_audited(account).await?;
    Ok(match outcome {
        Ok(Chain { first, last: rows, link, .. }) => {
            ChainCheck { rows, first, last: hex::encode(link), broken_at: None, known_at, access_holds }
        }
        Err(ChainBroken { sequence: broken }) => {
            let rows = (broken - 1).max(0);
            ChainCheck { rows, first: 1, last, broken_at: Some(broken), known_at, access_holds }
        }
    })
}

/// The action under which the installation's audit log records an account that was destroyed.
pub const DESTROYED: &str = "destroy_account";

#[derive(Deserialize)]
struct Destroyed {
    account: uuid::Uuid,
    resource: Option<String>,
}

/// Selects rows of an audit log.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Rows after this one.
    pub after: i64,
    /// From then on.
    pub from: Option<Timestamp>,
    /// Before then.
    pub to: Option<Timestamp>,
    /// Of this action alone.
    pub action: Option<String>,
    /// At most so many.
    pub top: usize,
}

/// Accounts that are checked at once.
const CHECKED_AT_ONCE: usize = 8;
/// Rows that one command looks at.
const PSEUDONYMISED_AT_ONCE: u32 = 500;

/// The accounts, the installation among them, in which who may call is not what the audit log says.
///
/// # Errors
/// What the store says.
pub async fn with_changed_access(store: &dyn Store) -> Result<Vec<AccountId>, StoreError> {
    let mut all: Vec<AccountId> = store.accounts().await?.into_iter().map(|account| account.id).collect();
    // On a new store there is not even the installation.
    if !store.audit(AccountId::INSTALLATION, 0, 1).await?.is_empty() {
        all.push(AccountId::INSTALLATION);
    }
    // Several at once: each is some small queries, and where the database is another machine most of it is the way there.
    let checks = stream::iter(all).map(|account| async move {
        let is_as_audited = store.is_access_as_audited(account).await?;
        Ok((!is_as_audited).then_some(account))
    });
    checks.buffered(CHECKED_AT_ONCE).try_filter_map(|changed| async move { Ok(changed) }).try_collect().await
}

impl AccountService {
    /// Has the audit log say that what decides who may call is as it ought to be.
    ///
    /// # Errors
    /// What the store says.
    pub async fn accept_access(&self, account: AccountId, attribution: &Attribution) -> Result<(), AccountError> {
        self.write(account, attribution, AuditWrite::AcceptAccess).await.map(drop)
    }

    /// Puts a pseudonym in the place of somebody in an account's audit log, by the subject that their identity provider
    /// gave them, and tells in how many rows.
    ///
    /// # Errors
    /// What the store says.
    pub async fn pseudonymise(
        &self,
        account: AccountId,
        attribution: &Attribution,
        subject: &str,
    ) -> Result<u64, AccountError> {
        let (mut after, mut changed) = (0, 0);
        loop {
            let actor = Actor::Principal(subject.into());
            let part = AuditWrite::Pseudonymise { actor, after, limit: PSEUDONYMISED_AT_ONCE };
            let applied = self.write(account, attribution, part).await?;
            changed += applied.removed;
            if !applied.more {
                return Ok(changed);
            }
            after = i64::try_from(applied.version).unwrap_or(i64::MAX);
        }
    }

    /// Accounts that were destroyed and whose audit logs remain, by the audit log of the installation.
    ///
    /// # Errors
    /// What the store says.
    pub async fn destroyed_accounts(&self) -> Result<Vec<(String, AccountId)>, AccountError> {
        let filter = AuditFilter { action: Some(DESTROYED.to_owned()), top: usize::MAX, ..AuditFilter::default() };
        let rows = self.audit_rows(AccountId::INSTALLATION, &filter).await?;
        let told = rows.into_iter().filter_map(|row| {
            let Destroyed { account, resource } = serde_json::from_value(row.detail?).ok()?;
            Some((resource.unwrap_or_default(), AccountId(account)))
        });
        let mut all: Vec<(String, AccountId)> = Vec::new();
        for (resource, account) in told {
            // Recorded twice where the first attempt was cut off.
            if all.iter().all(|(_, known)| *known != account) {
                all.push((resource, account));
            }
        }
        Ok(all)
    }

    /// A page of an audit log.
    ///
    /// # Errors
    /// What the store says.
    pub async fn audit_rows(&self, account: AccountId, filter: &AuditFilter) -> Result<Vec<AuditRow>, AccountError> {
        let mut found = Vec::new();
        let mut after = filter.after;
        while found.len() < filter.top {
            let rows = self.store.audit(account, after, PAGE).await?;
            let Some(last) = rows.last() else { break };
            after = last.sequence;
            let is_wanted = |row: &&AuditEntry| {
                filter.from.is_none_or(|from| row.at >= from)
                    && filter.to.is_none_or(|to| row.at < to)
                    && filter.action.as_ref().is_none_or(|action| row.action == *action)
            };
            let room = filter.top - found.len();
            found.extend(rows.iter().filter(is_wanted).take(room).map(AuditRow::from));
        }
        Ok(found)
    }

    /// The next part of an audit log, each row as a line of JSON, and the number of its last row; `None` at the end.
    ///
    /// # Errors
    /// What the store says.
    pub async fn export(&self, account: AccountId, after: i64) -> Result<Option<(String, i64)>, AccountError> {
        let rows = self.store.audit(account, after, PAGE).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        let mut lines = String::new();
        for row in rows.iter().map(AuditRow::from) {
            lines.push_str(&serde_json::to_string(&row).map_err(|error| StoreError::Backend(Box::new(error)))?);
            lines.push('\n');
        }
        Ok(Some((lines, last.sequence)))
    }
}
