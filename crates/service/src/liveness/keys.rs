//! Keys of people's devices: enrolled after a session that showed a live person, used at the end of later ones, listed and removed.
//!
//! Start at [`LivenessSessions::enrol_key`] and [`LivenessSessions::use_key`]. What a key must be, and what it must have
//! signed, is decided by [`EnrolledKey`]. A key is found by keyed digests of the person's correlation id and of its own id.

use super::{Change, LivenessSessions, NotChanged, Running, TRIES};
use crate::access::AccountState;
use crate::accounts::Attribution;
use crate::randomness::random_id;
use likeness_base::{Secret, Timestamp};
use likeness_liveness::message::{Assertion, NewKey};
use likeness_liveness::{Evidence, KeyRefusal, SessionRequest, capture_challenge, enrolment_challenge};
use likeness_rules::{EnrolledKey, KeyAssertion, KeyOrigins, KeyProblem, KeyRegistration, RetentionClass};
use likeness_store::{
    AccountId, Expected, NewRecord, PageStart, Record, RecordKind, RecordWrite, StoreError, Tag, Write,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use uuid::Uuid;

const KIND: RecordKind = RecordKind::EnrolledKey;
const HOLDER: &str = "holder";
const PLACE: &str = "place";
const KEY: &str = "key";
/// Keys of one person.
pub const MOST_KEYS: u8 = 10;

/// A key that is kept.
pub struct KnownKey {
    /// The id of its record; it says nothing of the person, nor of the key.
    pub record: String,
    /// What it is.
    pub key: EnrolledKey,
    /// When it ends unless it signs again.
    pub expires_at: Timestamp,
    version: u64,
    /// Which of the places of its holder it has.
    place: u8,
}

/// Why a key was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotEnrolled {
    /// There is no such session.
    #[error("there is no such session")]
    Gone,
    /// Its rules say no.
    #[error(transparent)]
    Refused(#[from] KeyRefusal),
    /// It is not what was asked for.
    #[error(transparent)]
    Key(#[from] KeyProblem),
    /// The person has [`MOST_KEYS`].
    #[error("the person has as many keys as may be")]
    TooMany,
    /// It was enrolled before.
    #[error("the key was enrolled before")]
    Known,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came of a key's signature at the end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// None was brought.
    None,
    /// It counts.
    Counts,
    /// Its counter did not rise: there may be a copy of the key. It does not count.
    CounterDidNotRise,
    /// It does not count: another key, another challenge, or wrong.
    NotAccepted,
}

impl KeyUse {
    /// The word of the audit log; nothing where there was no key.
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Counts => Some("counts"),
            Self::CounterDidNotRise => Some("counterDidNotRise"),
            Self::NotAccepted => Some("notAccepted"),
        }
    }
}

/// Ids are longer than the value of a tag may be.
fn digest(id: &[u8]) -> String {
    hex::encode(Sha256::digest(id))
}

fn life(account: &AccountState) -> Duration {
    Duration::from_secs(account.settings.retention.seconds(RetentionClass::EnrolledKey).into())
}

impl LivenessSessions {
    /// The keys of a person, by their correlation id.
    ///
    /// # Errors
    /// What the store says.
    pub async fn keys_of(&self, account: &AccountState, holder: &str) -> Result<Vec<KnownKey>, StoreError> {
        let tag = Tag::new(HOLDER, digest(holder.as_bytes()));
        let page = PageStart { after: String::new(), top: MOST_KEYS.into() };
        let records = self.store.records_tagged(account.id(), KIND, &tag, &page, self.clock.now()).await?;
        self.known(account, records)
    }

    /// The keys that a session offers to its device.
    pub(super) async fn keys_for(
        &self,
        account: &AccountState,
        request: &SessionRequest,
    ) -> Result<Vec<KnownKey>, StoreError> {
        match request.key_holder() {
            Some(holder) => self.keys_of(account, holder.expose()).await,
            None => Ok(Vec::new()),
        }
    }

    /// The keys of an account, whoever has them, in order of their records.
    ///
    /// # Errors
    /// What the store says.
    pub async fn keys(&self, account: &AccountState, page: &PageStart) -> Result<Vec<KnownKey>, StoreError> {
        let records = self.store.records(account.id(), KIND, page, self.clock.now()).await?;
        self.known(account, records)
    }

    /// Without those that the account does not keep any more: it may have shortened their life since.
    fn known(&self, account: &AccountState, records: Vec<Record>) -> Result<Vec<KnownKey>, StoreError> {
        let (now, life) = (self.clock.now(), life(account));
        let known = records.into_iter().map(|record| known(record, life)).collect::<Result<Vec<_>, _>>()?;
        Ok(known.into_iter().filter(|known| now < known.expires_at).collect())
    }

    /// Enrols a key that a device brings after an attempt of its session, where that attempt has shown a live person. Where it
    /// has not, nothing is enrolled, and the device is told the same.
    ///
    /// # Errors
    /// [`NotEnrolled`]. No error depends on what was decided.
    pub async fn enrol_key(
        &self,
        account: &AccountState,
        attribution: &Attribution,
        session: Uuid,
        given: &NewKey,
        origins: &KeyOrigins,
    ) -> Result<(), NotEnrolled> {
        let (id, policy) = (account.id(), &account.settings.retention);
        let found = self.read(id, session, policy).await?.ok_or(NotEnrolled::Gone)?;
        let (known, now) = (&found.stored.session, self.clock.now());
        let tail = known.tail_for_key(given.attempt_id, now)?;
        let holder = known.request.key_holder().ok_or(KeyRefusal::NotAsked)?.expose();
        let registration = KeyRegistration {
            client_data: given.client_data.bytes(),
            authenticator_data: given.authenticator_data.bytes(),
        };
        let key = EnrolledKey::enrol(&registration, &enrolment_challenge(known.id, &tail), origins, now)?;
        let first = PageStart { after: String::new(), top: 1 };
        let tag = Tag::new(KEY, digest(key.id()));
        if !self.store.records_tagged(id, KIND, &tag, &first, now).await?.is_empty() {
            return Err(NotEnrolled::Known);
        }
        let record_id = random_id(&*self.randomness).to_string();
        for _ in 0..TRIES {
            let others = self.keys_of(account, holder).await?;
            let place = (0..MOST_KEYS).find(|place| others.iter().all(|other| other.place != *place));
            let place = place.ok_or(NotEnrolled::TooMany)?;
            let record = record(&record_id, holder, place, &key, life(account)).expecting(Expected::Absent);
            let written = self.change(id, attribution, session, policy, |stored, now| {
                let is_enrolled = stored.session.bring_key(given.attempt_id, now)?;
                let records = if is_enrolled { vec![RecordWrite::Put(record.clone())] } else { Vec::new() };
                let detail = json!({ "key": if is_enrolled { "enrolled" } else { "dropped" } });
                Ok::<_, KeyRefusal>(Change { outcome: (), records, detail: Some(detail) })
            });
            match written.await {
                Ok(()) => return Ok(()),
                // Another session of the same person took the place meanwhile.
                Err(NotChanged::Store(StoreError::TagInUse)) => {}
                Err(NotChanged::Gone) => return Err(NotEnrolled::Gone),
                Err(NotChanged::Refused(refusal)) => return Err(refusal.into()),
                Err(NotChanged::Store(error)) => return Err(error.into()),
            }
        }
        Err(StoreError::Busy.into())
    }

    /// Looks at what a key signed at the end of an attempt, and remembers that it was used.
    pub(super) async fn use_key(
        &self,
        running: &Running,
        request: &SessionRequest,
        evidence: &Evidence,
        given: Option<&Assertion>,
    ) -> KeyUse {
        let Some(given) = given else { return KeyUse::None };
        let Some(holder) = request.key_holder().filter(|_| evidence.is_chained) else { return KeyUse::NotAccepted };
        for _ in 0..TRIES {
            match self.use_key_once(running, holder.expose(), evidence, given).await {
                // Used in another session meanwhile: its counter is to be compared anew.
                Err(StoreError::RecordChanged) => {}
                Err(error) => {
                    tracing::error!(%error, "The use of an enrolled key could not be written; it does not count");
                    return KeyUse::NotAccepted;
                }
                Ok(used) => return used,
            }
        }
        KeyUse::NotAccepted
    }

    async fn use_key_once(
        &self,
        running: &Running,
        holder: &str,
        evidence: &Evidence,
        given: &Assertion,
    ) -> Result<KeyUse, StoreError> {
        let account = &running.account;
        let keys = self.keys_of(account, holder).await?;
        let Some(known) = keys.into_iter().find(|known| known.key.id() == given.id.bytes()) else {
            return Ok(KeyUse::NotAccepted);
        };
        let assertion = KeyAssertion {
            id: given.id.bytes(),
            client_data: given.client_data.bytes(),
            authenticator_data: given.authenticator_data.bytes(),
            signature: given.signature.bytes(),
        };
        let challenge = capture_challenge(evidence.session_id, &evidence.tail);
        let counter = match known.key.check(&assertion, &challenge, &running.key_origins) {
            Ok(counter) => counter,
            Err(KeyProblem::Counter) => return Ok(KeyUse::CounterDidNotRise),
            Err(problem) => {
                tracing::debug!(%problem, "What a key signed does not count");
                return Ok(KeyUse::NotAccepted);
            }
        };
        let mut key = known.key;
        key.used(counter, self.clock.now());
        let record = record(&known.record, holder, known.place, &key, life(account));
        let put = RecordWrite::Put(record.expecting(Expected::Version(known.version)));
        let detail = json!({ "used": true }).to_string();
        let write = Write::WithDetail { detail, write: Box::new(put.into()) };
        self.apply(account.id(), &running.attribution(), None, write).await?;
        Ok(KeyUse::Counts)
    }

    /// Removes a key by its record. `false`: there is none.
    ///
    /// # Errors
    /// What the store says.
    pub async fn remove_key(
        &self,
        account: AccountId,
        attribution: &Attribution,
        record: &str,
    ) -> Result<bool, StoreError> {
        let Some(found) = self.store.record(account, KIND, record, self.clock.now()).await? else { return Ok(false) };
        let delete = RecordWrite::Delete { kind: KIND, id: found.id };
        self.apply(account, attribution, None, delete.into()).await.map(|()| true)
    }

    /// Removes all keys of a person, and says how many there were.
    ///
    /// # Errors
    /// What the store says.
    pub async fn remove_keys_of(
        &self,
        account: &AccountState,
        attribution: &Attribution,
        holder: &str,
    ) -> Result<usize, StoreError> {
        let mut removed = 0;
        for known in self.keys_of(account, holder).await? {
            removed += usize::from(self.remove_key(account.id(), attribution, &known.record).await?);
        }
        Ok(removed)
    }
}

/// The record of a key: its place, then what it is.
fn record(id: &str, holder: &str, place: u8, key: &EnrolledKey, life: Duration) -> NewRecord {
    let holder = digest(holder.as_bytes());
    let value = [&[place][..], &key.to_bytes()].concat();
    NewRecord::new(KIND, id, Secret::new(value))
        .until(key.used_at().plus(life))
        .tagged(PLACE, format!("{holder} {place}"))
        .tagged(HOLDER, holder)
        .tagged(KEY, digest(key.id()))
}

fn known(record: Record, life: Duration) -> Result<KnownKey, StoreError> {
    let damaged = || StoreError::Damaged { what: "an enrolled key".to_owned() };
    let (place, document) = record.value.expose().split_first().ok_or_else(damaged)?;
    let key = EnrolledKey::from_bytes(document).map_err(|_| damaged())?;
    let expires_at = key.used_at().plus(life);
    Ok(KnownKey { place: *place, version: record.version, expires_at, key, record: record.id })
}
