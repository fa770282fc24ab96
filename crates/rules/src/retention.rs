//! How long data of each class is kept: the contract's retention table as data, and the shorter lives that an account may set.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// Nothing is kept for less than a minute: a caller must be able to use what it was given.
const SHORTEST: u32 = 60;
const DAY: u32 = 24 * 60 * 60;

/// A kind of data with a life of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RetentionClass {
    /// The template behind a faceId.
    FaceId,
    /// A liveness session: its record and history, and the template of a reference picture given at creation.
    Session,
    /// The picture of a session, where one is kept at all.
    SessionImage,
    /// The link between sessions of one device.
    DeviceCorrelation,
    /// A key of a device that was enrolled for a person, since it signed last.
    EnrolledKey,
    /// A session's token.
    AuthToken,
    /// The status of an operation that went on after its call.
    Operation,
    /// A snapshot of a list or a group.
    Snapshot,
    /// Rows of the audit log. Without a setting they have no end.
    AuditLog,
}

impl RetentionClass {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::FaceId,
        Self::Session,
        Self::SessionImage,
        Self::DeviceCorrelation,
        Self::EnrolledKey,
        Self::AuthToken,
        Self::Operation,
        Self::Snapshot,
        Self::AuditLog,
    ];

    /// The name in settings.
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::FaceId => "faceId",
            Self::Session => "session",
            Self::SessionImage => "sessionImage",
            Self::DeviceCorrelation => "deviceCorrelation",
            Self::EnrolledKey => "enrolledKey",
            Self::AuthToken => "authToken",
            Self::Operation => "operation",
            Self::Snapshot => "snapshot",
            Self::AuditLog => "auditLog",
        }
    }

    /// Reads a name, in any letter case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_text().eq_ignore_ascii_case(text))
    }

    /// The longest life, in seconds: what the contract grants. Of audit rows: the largest number there is, which is no end.
    pub const fn longest(self) -> u32 {
        match self {
            Self::AuditLog => u32::MAX,
            // Who comes once a year still has it.
            Self::EnrolledKey => 400 * DAY,
            Self::FaceId | Self::AuthToken => DAY,
            Self::Session | Self::SessionImage | Self::DeviceCorrelation | Self::Operation | Self::Snapshot => 2 * DAY,
        }
    }

    /// The shortest life that may be set, in seconds.
    pub const fn shortest(self) -> u32 {
        match self {
            // Whoever did something should not be able to have it forgotten before anybody looks.
            Self::AuditLog => 30 * DAY,
            _ => SHORTEST,
        }
    }

    /// Where the longest life comes from.
    pub const fn source(self) -> &'static str {
        match self {
            Self::FaceId | Self::Session | Self::SessionImage | Self::DeviceCorrelation => {
                "Azure AI Face, data and privacy"
            }
            Self::EnrolledKey => {
                "Likeness: 400 days since it signed last, so that who comes once a year is still known"
            }
            Self::AuthToken => "Azure AI Face, liveness sessions: authTokenTimeToLiveInSeconds is 60 to 86400",
            Self::Operation => "Azure AI Face, person directory: the status of an operation lasts 48 hours",
            Self::Snapshot => "Azure AI Face v1.0, snapshots: 48 hours",
            Self::AuditLog => "Likeness: no end, for what was done has none; an account may set one",
        }
    }
}

/// Lives shorter than the contract grants, in seconds. What is not set lasts as long as the contract says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<RetentionClass, Option<u32>>", into = "BTreeMap<RetentionClass, u32>")]
pub struct RetentionPolicy {
    set: BTreeMap<RetentionClass, u32>,
}

impl RetentionPolicy {
    /// Sets a life, or takes the setting back.
    ///
    /// # Errors
    /// [`RetentionProblem`] when the life is longer than the table's or shorter than a minute.
    pub fn set(&mut self, class: RetentionClass, seconds: Option<u32>) -> Result<(), RetentionProblem> {
        match seconds {
            None => {
                self.set.remove(&class);
            }
            Some(seconds) if (class.shortest()..=class.longest()).contains(&seconds) => {
                self.set.insert(class, seconds);
            }
            Some(_) => return Err(RetentionProblem { class }),
        }
        Ok(())
    }

    /// What was set, if anything.
    pub fn get(&self, class: RetentionClass) -> Option<u32> {
        self.set.get(&class).copied()
    }

    /// The life that holds, in seconds. Where the caller may ask for less (faceIds, tokens), take the smaller of the
    /// two. A session's picture never outlives its session.
    pub fn seconds(&self, class: RetentionClass) -> u32 {
        let own = self.get(class).unwrap_or(class.longest());
        match class {
            RetentionClass::SessionImage => own.min(self.seconds(RetentionClass::Session)),
            _ => own,
        }
    }
}

impl TryFrom<BTreeMap<RetentionClass, Option<u32>>> for RetentionPolicy {
    type Error = RetentionProblem;

    fn try_from(wishes: BTreeMap<RetentionClass, Option<u32>>) -> Result<Self, Self::Error> {
        let mut policy = Self::default();
        for (class, seconds) in wishes {
            policy.set(class, seconds)?;
        }
        Ok(policy)
    }
}

impl From<RetentionPolicy> for BTreeMap<RetentionClass, u32> {
    fn from(policy: RetentionPolicy) -> Self {
        policy.set
    }
}

/// A life that cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{} is kept for {} to {} seconds; choose a number between", class.as_text(), class.shortest(), class.longest())]
pub struct RetentionProblem {
    /// What it is about.
    pub class: RetentionClass,
}

/// A row of the retention table, for pages and documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionRow {
    /// A name that does not change, to hang translations on.
    pub key: &'static str,
    /// The data.
    pub data: &'static str,
    /// Whether it is stored, and in what form.
    pub stored: &'static str,
    /// How long at most.
    pub life: &'static str,
    /// Who ends it earlier, and how.
    pub ended_by: &'static str,
    /// The setting that shortens it.
    #[serde(rename = "kept")]
    pub class: Option<RetentionClass>,
}

/// The whole retention table: what is stored for how long, what is not stored at all, and who deletes what.
pub const fn rows() -> &'static [RetentionRow] {
    ROWS
}

const fn row(
    key: &'static str,
    data: &'static str,
    stored: &'static str,
    life: &'static str,
    ended_by: &'static str,
    class: Option<RetentionClass>,
) -> RetentionRow {
    RetentionRow { key, data, stored, life, ended_by, class }
}

const ROWS: &[RetentionRow] = &[
    row("input", "input image or video", "no", "the request", "nobody", None),
    row("detection", "detection without faceId: rectangle, landmarks, attributes", "no", "the request", "nobody", None),
    row(
        "faceId",
        "template behind a faceId",
        "yes",
        "24 hours",
        "caller, by faceIdTimeToLive; there is no delete",
        Some(RetentionClass::FaceId),
    ),
    row("answer", "answer of verify, identify, find similar, group", "no", "the request", "nobody", None),
    row(
        "listFace",
        "face in a face list or large face list",
        "yes",
        "no expiry",
        "customer: delete the face or the list",
        None,
    ),
    row(
        "groupPerson",
        "person and face in a person group or large person group",
        "yes",
        "no expiry",
        "customer: delete the face, the person or the group with all in it",
        None,
    ),
    row(
        "directoryPerson",
        "person and face in the person directory",
        "yes",
        "no expiry",
        "customer: delete the face or the person",
        None,
    ),
    row(
        "dynamicGroup",
        "dynamic person group",
        "references only",
        "no expiry",
        "customer: delete the group; the persons stay",
        None,
    ),
    row(
        "session",
        "liveness session: id, history, correlation ids, numbers of the checks of each attempt",
        "yes, without template",
        "48 hours",
        "customer: delete the session",
        Some(RetentionClass::Session),
    ),
    row(
        "sessionReference",
        "template of the reference picture given when a session with verify was created",
        "yes",
        "48 hours",
        "customer: delete the session",
        Some(RetentionClass::Session),
    ),
    row(
        "deviceReference",
        "template of a reference picture that the device sent",
        "in memory",
        "the attempt",
        "nobody",
        None,
    ),
    row("frames", "templates of liveness pictures", "in memory", "the analysis", "nobody", None),
    row(
        "deviceCorrelation",
        "link between sessions of one device",
        "yes",
        "48 hours",
        "nobody",
        Some(RetentionClass::DeviceCorrelation),
    ),
    row(
        "correlationCount",
        "attempts of a correlation id, counted, and whether it is closed",
        "yes, under a digest of the id",
        "48 hours",
        "customer: open it again",
        Some(RetentionClass::DeviceCorrelation),
    ),
    row(
        "enrolledKey",
        "public key of a person's device, enrolled for signing captures",
        "yes, under a digest of the correlation id",
        "400 days since it signed last",
        "customer: remove it",
        Some(RetentionClass::EnrolledKey),
    ),
    row(
        "monitoredTemplate",
        "template of a session, where the account watches for abuse",
        "no; yes once it is switched on",
        "with the session, 48 hours",
        "customer: delete the session, or switch it off",
        Some(RetentionClass::Session),
    ),
    row(
        "frameDigest",
        "digests of some frames of an attempt, by which frames that are sent again are known",
        "yes, under a key of the account, with no session and no person",
        "48 hours",
        "nobody",
        Some(RetentionClass::Session),
    ),
    row(
        "quickLink",
        "quick link to a session",
        "as a digest",
        "with the token",
        "customer: delete the session",
        Some(RetentionClass::AuthToken),
    ),
    row(
        "sessionImage",
        "picture of a session, if enabled",
        "yes",
        "with the session, 48 hours",
        "customer: delete the session",
        Some(RetentionClass::SessionImage),
    ),
    row(
        "authToken",
        "token of a session",
        "signed, bound to the session",
        "60 to 86400 seconds, as asked for",
        "customer: delete the session",
        Some(RetentionClass::AuthToken),
    ),
    row(
        "operation",
        "status of an operation of the person directory",
        "yes",
        "48 hours",
        "nobody",
        Some(RetentionClass::Operation),
    ),
    row(
        "snapshot",
        "snapshot of a list or a group",
        "yes",
        "48 hours",
        "customer: delete the snapshot",
        Some(RetentionClass::Snapshot),
    ),
    row(
        "auditLog",
        "audit log: who did what, when; no names of persons, no templates, no scores",
        "yes",
        "no end, also after the account",
        "customer: set a life; operator: pseudonyms for staff who left",
        Some(RetentionClass::AuditLog),
    ),
];
