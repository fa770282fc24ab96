//! Abuse monitoring: the same face behind different correlation ids. Only for accounts that switched it on, and then with a
//! template of each session, sealed, for as long as the session is kept.

use super::LivenessSessions;
use crate::recognisers::Recogniser;
use likeness_base::Secret;
use likeness_gallery::SAME_PERSON;
use likeness_liveness::{FlaggedSession, SecretText, Session};
use likeness_rules::{RetentionClass, RetentionPolicy};
use likeness_store::{AccountId, NewRecord, PageStart, Record, RecordKind, RecordWrite, Store, StoreError, Tag, Write};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const KIND: RecordKind = RecordKind::MonitoredTemplate;
const SPACE: &str = "space";
/// Other sessions that a result names.
const MOST_FLAGGED: usize = 20;
/// Records that are read at once.
const PAGE: usize = 1_000;
/// Templates that one attempt is compared with at most, which bounds what it costs.
const MOST_COMPARED: usize = 20_000;

/// A template of a session, on its way to be kept.
pub(super) struct Monitored {
    pub(super) session: Uuid,
    pub(super) attempt: u8,
    /// The device's correlation id, or the user's: whose sessions are not compared with each other.
    pub(super) correlation: String,
    pub(super) template: Secret<Vec<u8>>,
    pub(super) image: Option<String>,
}

impl Monitored {
    /// By which id sessions of one device, else of one person, are one person's own.
    pub(super) fn correlation_of(session: &Session) -> String {
        let ids = [&session.request.device_correlation, &session.request.user_correlation];
        ids.into_iter()
            .find_map(|correlation| correlation.id.as_ref())
            .map_or_else(String::new, |id| id.expose().to_owned())
    }

    /// The record that keeps it, with the session.
    pub(super) fn record(&self, id: &str, space: &str, session: &Session, policy: &RetentionPolicy) -> NewRecord {
        let life = Duration::from_secs(policy.seconds(RetentionClass::Session).into());
        let image = self.image.as_deref().unwrap_or_default();
        let mut bytes =
            Vec::with_capacity(16 + 3 + self.correlation.len() + image.len() + self.template.expose().len());
        bytes.extend_from_slice(self.session.as_bytes());
        bytes.push(self.attempt);
        for text in [self.correlation.as_str(), image] {
            bytes.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(&text.as_bytes()[..text.len().min(255)]);
        }
        bytes.extend_from_slice(self.template.expose());
        NewRecord::new(KIND, id, Secret::new(bytes))
            .until(session.created_at.plus(life).min(session.expires_at))
            .tagged(SPACE, space)
    }

    fn read(record: &Record) -> Option<Self> {
        let (session, rest) = record.value.expose().split_first_chunk::<16>()?;
        let (attempt, mut rest) = rest.split_first()?;
        let mut text = || -> Option<String> {
            let (length, after) = rest.split_first()?;
            let (text, after) = after.split_at_checked(usize::from(*length))?;
            rest = after;
            Some(String::from_utf8_lossy(text).into_owned())
        };
        let (correlation, image) = (text()?, text()?);
        Some(Self {
            session: Uuid::from_bytes(*session),
            attempt: *attempt,
            correlation,
            template: Secret::new(rest.to_vec()),
            image: Some(image).filter(|image| !image.is_empty()),
        })
    }
}

impl LivenessSessions {
    /// Other sessions with the same face and another correlation id.
    pub(super) async fn flagged(
        &self,
        account: AccountId,
        own: &Monitored,
        recogniser: &Arc<Recogniser>,
        policy: &RetentionPolicy,
    ) -> Result<Vec<FlaggedSession>, StoreError> {
        let tag = Tag::new(SPACE, &*recogniser.space_id);
        let dimension = recogniser.space.dimension;
        let Some(face) = crate::templates::decode(own.template.expose(), dimension) else { return Ok(Vec::new()) };
        let (mut flagged, mut after, mut compared) = (Vec::new(), String::new(), 0);
        let now = self.clock.now();
        let life = Duration::from_secs(policy.seconds(RetentionClass::Session).into());
        while compared < MOST_COMPARED && flagged.len() < MOST_FLAGGED {
            let page = PageStart { after, top: PAGE };
            let records = self.store.records_tagged(account, KIND, &tag, &page, now).await?;
            let Some(last) = records.last() else { break };
            after = last.id.clone();
            compared += records.len();
            for record in records.iter().filter(|record| record.created_at.plus(life) > now) {
                let Some(other) = Monitored::read(record) else { continue };
                if other.session == own.session || other.correlation == own.correlation {
                    continue;
                }
                let Some(template) = crate::templates::decode(other.template.expose(), dimension) else { continue };
                let distance = likeness_gallery::distance(face.expose(), template.expose());
                if recogniser.calibration.verify_confidence(distance) >= SAME_PERSON {
                    flagged.push(FlaggedSession {
                        session_id: other.session,
                        attempt_id: other.attempt,
                        session_image_id: other.image.map(SecretText::new),
                    });
                }
            }
        }
        flagged.truncate(MOST_FLAGGED);
        Ok(flagged)
    }
}

/// A command that deletes some of the templates that are kept of an account's sessions; `None`: there is none.
pub(crate) async fn forget_some(
    store: &dyn Store,
    account: AccountId,
    now: likeness_base::Timestamp,
) -> Result<Option<Write>, StoreError> {
    let page = PageStart { after: String::new(), top: 100 };
    let records = store.records(account, KIND, &page, now).await?;
    let mut deletes = records.into_iter().map(|record| RecordWrite::Delete { kind: KIND, id: record.id });
    let Some(last) = deletes.next() else { return Ok(None) };
    let records: Vec<RecordWrite> = deletes.collect();
    if records.is_empty() {
        return Ok(Some(last.into()));
    }
    Ok(Some(Write::Accompanied { records, deliveries: Vec::new(), write: Box::new(last.into()) }))
}
