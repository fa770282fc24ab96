//! Correlation ids of an account: what is counted of each, and which are closed.
//!
//! Start at [`LivenessSessions::is_closed`]. The rule is [`CorrelationRecord`]'s. An id is kept nowhere: its record is found by a
//! keyed digest of it, so whoever has the database alone cannot even test a guess.

use super::{LivenessSessions, TRIES};
use crate::access::AccountState;
use crate::accounts::Attribution;
use crate::randomness::random_id;
use likeness_base::{Secret, Timestamp};
use likeness_liveness::{CorrelationLimits, CorrelationRecord, CorrelationState, Counted, CountedAs, SessionRequest};
use likeness_rules::RetentionClass;
use likeness_store::{
    AccountId, Expected, NewRecord, PageStart, Record, RecordKind, RecordWrite, StoreError, Tag, Write,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

const KIND: RecordKind = RecordKind::Correlation;
const ID: &str = "id";
const STATE: &str = "state";
/// The values of the tag for the state.
const OPEN: &str = "open";
const CLOSED: &str = "closed";

/// Which of the two ids it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorrelationOf {
    /// `deviceCorrelationId`.
    Device,
    /// `userCorrelationId`.
    User,
}

impl CorrelationOf {
    /// Its name in calls.
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::User => "user",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Device, Self::User].into_iter().find(|of| of.as_text() == text)
    }
}

/// What is known of one id.
pub struct KnownCorrelation {
    /// The id of its record; it says nothing of the correlation id.
    pub record: String,
    /// Whether it is closed, and by whom.
    pub state: CorrelationState,
    /// Attempts with the decision `spoofface` that count.
    pub spoofs: usize,
    /// Failed attempts that count.
    pub failures: usize,
    /// Why somebody closed it.
    pub reason: Option<String>,
    /// When everything that is known of it ends.
    pub expires_at: Option<Timestamp>,
}

/// How an account counts.
#[derive(Clone, Copy)]
struct Rule {
    limits: CorrelationLimits,
    life: Duration,
}

impl Rule {
    fn of(state: &AccountState) -> Self {
        let settings = &state.settings.liveness;
        let life = state.settings.retention.seconds(RetentionClass::DeviceCorrelation);
        Self {
            limits: CorrelationLimits { spoofs: settings.most_spoofs, failures: settings.most_failures },
            life: Duration::from_secs(life.into()),
        }
    }
}

/// An id has 64 characters, of up to four bytes each: longer than the value of a tag may be.
fn tag(of: CorrelationOf, id: &str) -> Tag {
    Tag::new(ID, format!("{} {}", of.as_text(), hex::encode(Sha256::digest(id))))
}

/// The ids of a session that are known.
fn ids(request: &SessionRequest) -> impl Iterator<Item = (CorrelationOf, &str)> {
    let device = request.device_correlation.id.as_ref().map(|id| (CorrelationOf::Device, id.expose()));
    let user = request.user_correlation.id.as_ref().map(|id| (CorrelationOf::User, id.expose()));
    device.into_iter().chain(user)
}

impl LivenessSessions {
    /// Whether one of the ids of a session is closed.
    ///
    /// # Errors
    /// What the store says.
    pub async fn is_closed(&self, account: &AccountState, request: &SessionRequest) -> Result<bool, StoreError> {
        for (of, id) in ids(request) {
            if let Some(found) = self.correlation_of(account, of, id).await?
                && found.state != CorrelationState::Open
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What is known of an id.
    ///
    /// # Errors
    /// What the store says.
    pub async fn correlation_of(
        &self,
        account: &AccountState,
        of: CorrelationOf,
        id: &str,
    ) -> Result<Option<KnownCorrelation>, StoreError> {
        let found = self.correlation_record(account.id(), &tag(of, id)).await?;
        found.map(|record| known(&record, Rule::of(account), self.clock.now())).transpose()
    }

    /// Ids of an account that are closed.
    ///
    /// # Errors
    /// What the store says.
    pub async fn closed_correlations(
        &self,
        account: &AccountState,
        page: &PageStart,
    ) -> Result<Vec<KnownCorrelation>, StoreError> {
        let (rule, now, mut after) = (Rule::of(account), self.clock.now(), page.after.clone());
        let mut closed = Vec::new();
        // Some are open again by now: a page that has fewer than it may is the last.
        while closed.len() < page.top {
            let slice = PageStart { after: after.clone(), top: page.top };
            let records = self.store.records_tagged(account.id(), KIND, &Tag::new(STATE, CLOSED), &slice, now).await?;
            let Some(last) = records.last() else { break };
            after.clone_from(&last.id);
            let is_last = records.len() < page.top;
            for record in &records {
                closed.push(known(record, rule, now)?);
            }
            closed.retain(|known| known.state != CorrelationState::Open);
            if is_last {
                break;
            }
        }
        closed.truncate(page.top);
        Ok(closed)
    }

    /// Counts an attempt that ended for the ids of its session, and closes those that have too many.
    ///
    /// # Errors
    /// What the store says.
    pub async fn count_attempt(
        &self,
        account: &AccountState,
        attribution: &Attribution,
        request: &SessionRequest,
        counted_as: CountedAs,
    ) -> Result<(), StoreError> {
        let (rule, now) = (Rule::of(account), self.clock.now());
        for (of, id) in ids(request) {
            let count = |record: &mut CorrelationRecord| {
                let is_closed = record.count(counted_as, rule.limits, now, rule.life) == Counted::Closed;
                is_closed.then(|| json!({ "closed": of.as_text(), "by": "rule" }))
            };
            self.change_correlation(account, attribution, &tag(of, id), count).await?;
        }
        Ok(())
    }

    /// Closes an id by hand.
    ///
    /// # Errors
    /// What the store says.
    pub async fn close_correlation(
        &self,
        account: &AccountState,
        attribution: &Attribution,
        of: CorrelationOf,
        id: &str,
        reason: &str,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let close = |record: &mut CorrelationRecord| {
            record.close(reason, now);
            Some(json!({ "closed": of.as_text(), "by": "hand" }))
        };
        self.change_correlation(account, attribution, &tag(of, id), close).await
    }

    /// Opens a closed id again by the id of its record; everything that was counted of it is forgotten. `false`: there is none.
    ///
    /// # Errors
    /// What the store says.
    pub async fn reopen_correlation(
        &self,
        account: AccountId,
        attribution: &Attribution,
        record: &str,
        reason: &str,
    ) -> Result<bool, StoreError> {
        let Some(found) = self.store.record(account, KIND, record, self.clock.now()).await? else { return Ok(false) };
        let take = RecordWrite::Take { kind: KIND, id: found.id, version: found.version };
        let detail = json!({ "reopened": true, "reason": reason }).to_string();
        let write = Write::WithDetail { detail, write: Box::new(take.into()) };
        match self.apply(account, attribution, None, write).await {
            Ok(()) => Ok(true),
            Err(StoreError::RecordNotFound | StoreError::RecordChanged) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn correlation_record(&self, account: AccountId, tag: &Tag) -> Result<Option<Record>, StoreError> {
        let first = PageStart { after: String::new(), top: 1 };
        Ok(self.store.records_tagged(account, KIND, tag, &first, self.clock.now()).await?.pop())
    }

    async fn change_correlation(
        &self,
        account: &AccountState,
        attribution: &Attribution,
        tag: &Tag,
        change: impl Fn(&mut CorrelationRecord) -> Option<serde_json::Value>,
    ) -> Result<(), StoreError> {
        let (rule, now) = (Rule::of(account), self.clock.now());
        for _ in 0..TRIES {
            let found = self.correlation_record(account.id(), tag).await?;
            let (id, expected, mut record) = match found {
                Some(found) => (found.id.clone(), Expected::Version(found.version), read(&found)?),
                None => (random_id(&*self.randomness).to_string(), Expected::Absent, CorrelationRecord::default()),
            };
            let detail = change(&mut record);
            let is_open = record.state(rule.limits, now, rule.life) == CorrelationState::Open;
            let state = if is_open { OPEN } else { CLOSED };
            let put = NewRecord::new(KIND, id, Secret::new(record.to_bytes()))
                .until(record.expires_at(rule.life).unwrap_or_else(|| now.plus(rule.life)))
                .expecting(expected)
                .tagged(ID, tag.value.expose())
                .tagged(STATE, state);
            let mut write: Write = RecordWrite::Put(put).into();
            if let Some(detail) = detail {
                write = Write::WithDetail { detail: detail.to_string(), write: Box::new(write) };
            }
            match self.apply(account.id(), attribution, None, write).await {
                // The tag is unique: another node may have made the record meanwhile.
                Err(StoreError::RecordChanged | StoreError::TagInUse) => {}
                outcome => return outcome,
            }
        }
        Err(StoreError::Busy)
    }
}

fn read(record: &Record) -> Result<CorrelationRecord, StoreError> {
    let damaged = |_| StoreError::Damaged { what: "a correlation id".to_owned() };
    CorrelationRecord::from_bytes(record.value.expose()).map_err(damaged)
}

fn known(record: &Record, rule: Rule, now: Timestamp) -> Result<KnownCorrelation, StoreError> {
    let known = read(record)?;
    let (spoofs, failures) = known.counts(now, rule.life);
    Ok(KnownCorrelation {
        record: record.id.clone(),
        state: known.state(rule.limits, now, rule.life),
        spoofs,
        failures,
        reason: known.reason().map(str::to_owned),
        expires_at: record.expires_at,
    })
}
