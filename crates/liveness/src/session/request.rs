//! What was asked for when a session was created.

use crate::RecordingLabel;
use crate::message::MOST_ID;
use crate::{MinimumAssurance, Mode, ModelVersion, Quality, Rectangle, SecretText, SessionProblem, Shape};
use serde::{Deserialize, Serialize};

/// `numberOfClientAttemptsAllowed`, at most.
pub const MOST_ATTEMPTS_ALLOWED: u8 = 3;
/// `authTokenTimeToLiveInSeconds`.
const TOKEN_SECONDS: std::ops::RangeInclusive<u32> = 60..=86_400;
/// Longest text of an expected address: a range of IPv6 addresses, written in full.
const MOST_ADDRESS: usize = 64;

/// What was asked for when a session was created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionRequest {
    /// Which generation of the contract it was created by.
    pub shape: Shape,
    /// `livenessOperationMode`.
    pub mode: Mode,
    /// `livenessModelVersion`, `livenessSingleModalModel`.
    pub model_version: ModelVersion,
    /// Whether the face is compared with a reference, and how.
    #[serde(default)]
    pub verify: Option<VerifyRequest>,
    /// `sendResultsToClient`.
    #[serde(default)]
    pub sends_results: bool,
    /// `enableSessionImage`.
    #[serde(default)]
    pub keeps_image: bool,
    /// `deviceCorrelationId` and `deviceCorrelationIdSetInClient`.
    #[serde(default)]
    pub device_correlation: Correlation,
    /// `userCorrelationId` and `userCorrelationIdSetInClient`.
    #[serde(default)]
    pub user_correlation: Correlation,
    /// `expectedClientIpAddress`: an address, or a range of them.
    #[serde(default)]
    pub expected_address: Option<SecretText>,
    /// `authTokenTimeToLiveInSeconds`.
    pub token_seconds: u32,
    /// `numberOfClientAttemptsAllowed`.
    pub attempts_allowed: u8,
    /// `likeness.minimumAssurance`.
    #[serde(default)]
    pub minimum_assurance: Option<MinimumAssurance>,
    /// `likeness.noticeAccepted`: the app server asked the person itself.
    #[serde(default)]
    pub notice_accepted: bool,
    /// `likeness.enrolKey`: the device may enrol a key for the person, once the session has shown a live one.
    #[serde(default)]
    pub enrols_key: bool,
    /// `likeness.record`: a recording is kept if the person agrees, and what it is to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<RecordingLabel>,
}

impl SessionRequest {
    /// The smallest request: everything else as the contract has it by default.
    pub fn new(shape: Shape, mode: Mode) -> Self {
        Self {
            shape,
            mode,
            model_version: ModelVersion::newest(shape),
            verify: None,
            sends_results: false,
            keeps_image: false,
            device_correlation: Correlation::default(),
            user_correlation: Correlation::default(),
            expected_address: None,
            token_seconds: 600,
            attempts_allowed: 1,
            minimum_assurance: None,
            notice_accepted: false,
            enrols_key: false,
            records: None,
        }
    }

    /// The person whose keys count: one whom the app server named. What a device says of itself counts for nothing here, or
    /// anybody's key would be as good as another's.
    pub fn key_holder(&self) -> Option<&SecretText> {
        self.user_correlation.id.as_ref().filter(|_| !self.user_correlation.set_in_client)
    }

    /// Whether the device has to bring a reference picture.
    pub fn expects_reference(&self) -> bool {
        self.verify.as_ref().is_some_and(|verify| verify.reference == ReferenceSource::Device)
    }

    /// Holds its numbers and texts against the contract's bounds.
    ///
    /// # Errors
    /// [`SessionProblem::OutOfBounds`] with the name of the first that is beyond them.
    pub fn check(&self) -> Result<(), SessionProblem> {
        let threshold = self.verify.as_ref().map_or(0.5, |verify| verify.threshold);
        let hash = self.verify.as_ref().and_then(|verify| verify.image_hash.as_ref());
        let short = |text: Option<&SecretText>, most| text.is_none_or(|text| (1..=most).contains(&text.expose().len()));
        let holds = [
            ("authTokenTimeToLiveInSeconds", TOKEN_SECONDS.contains(&self.token_seconds)),
            ("numberOfClientAttemptsAllowed", (1..=MOST_ATTEMPTS_ALLOWED).contains(&self.attempts_allowed)),
            ("verifyConfidenceThreshold", (0.0..=1.0).contains(&threshold)),
            ("verifyImageHash", hash.is_none_or(|hash| hash.expose().len() == 64)),
            ("deviceCorrelationId", self.device_correlation.is_sound()),
            ("userCorrelationId", self.user_correlation.is_sound()),
            ("likeness.enrolKey", !self.enrols_key || self.key_holder().is_some()),
            ("likeness.record", self.records.as_ref().is_none_or(|label| label.check().is_ok())),
            ("expectedClientIpAddress", short(self.expected_address.as_ref(), MOST_ADDRESS)),
        ];
        match holds.into_iter().find(|(_, holds)| !holds) {
            Some((name, _)) => Err(SessionProblem::OutOfBounds(name)),
            None => Ok(()),
        }
    }
}

/// How a face is compared with a reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyRequest {
    /// `verifyConfidenceThreshold`, 0 to 1.
    pub threshold: f32,
    /// `returnVerifyImageHash`.
    #[serde(default)]
    pub returns_image_hash: bool,
    /// SHA-256 of the reference picture that was given at creation, in 64 hexadecimal digits, where it was asked for.
    #[serde(default)]
    pub image_hash: Option<SecretText>,
    /// Where the reference comes from.
    pub reference: ReferenceSource,
}

/// Where the reference of a session comes from. Its template is stored beside the session, never in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReferenceSource {
    /// The device brings a picture with each attempt.
    Device,
    /// A picture that was given at creation.
    #[serde(rename_all = "camelCase")]
    Picture {
        /// The face in it.
        face_rectangle: Rectangle,
        /// `qualityForRecognition`.
        quality: Quality,
    },
    /// A face that the account has already: `verifyFaceId`, `verifyPersonId`.
    Stored,
}

/// By what sessions of one device, or of one person, are linked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Correlation {
    /// Whether the client sets the id.
    #[serde(default)]
    pub set_in_client: bool,
    /// The id, once it is known.
    #[serde(default)]
    pub id: Option<SecretText>,
}

impl Correlation {
    /// Takes a client's id if clients may set it and none is known yet.
    pub fn adopt(&mut self, id: Option<SecretText>) {
        if self.set_in_client && self.id.is_none() {
            self.id = id.filter(|id| (1..=MOST_ID).contains(&id.expose().chars().count()));
        }
    }

    fn is_sound(&self) -> bool {
        self.id.as_ref().is_none_or(|id| (1..=MOST_ID).contains(&id.expose().chars().count()))
    }
}
