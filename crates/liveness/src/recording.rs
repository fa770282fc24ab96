//! A capture as it is kept for measurements, where the person agreed to that: what was asked, when everything happened, which frames came.
//!
//! Start at [`Recording`]. It holds no pixels: whoever keeps it keeps the JPEGs of its frames beside it, by their numbers. With both the
//! checks of any version can be made again: the same bytes of randomness give the same prompts.

use crate::message::StepMessage;
use crate::{Challenge, ChallengeRequest, FrameSize, Mode, Policy};
use likeness_base::{DocumentProblem, read_document, write_document};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How recordings are written. A reader refuses what is newer.
const FORMAT: u32 = 1;
/// Bytes of a recording: every frame is an event of some 80.
const MOST_BYTES: usize = 512 * 1024;
/// Characters of each word of a label.
const LONGEST_WORD: usize = 40;
/// The presentation that is no attack.
const LIVE: &str = "live";

/// What a recording shows, in words of whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordingLabel {
    /// `live` for a person; else the species of the attack, such as `print`.
    pub presentation: String,
    /// Who, by a name that tells nobody who it is.
    pub subject: String,
    /// The light, such as `office`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub light: Option<String>,
    /// Whether a renderer made it.
    #[serde(default)]
    pub simulated: bool,
}

impl RecordingLabel {
    /// Whether it shows a person, not an attack.
    pub fn is_live(&self) -> bool {
        self.presentation == LIVE
    }

    /// Whether every word is one: 1 to 40 letters, digits, `-`, `_` and `.`, the first a letter or a digit. Words name files and stand in
    /// tables.
    ///
    /// # Errors
    /// The name of the first word that is none.
    pub fn check(&self) -> Result<(), &'static str> {
        let is_word = |text: &str| {
            text.len() <= LONGEST_WORD
                && text.starts_with(|first: char| first.is_ascii_alphanumeric())
                && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
        };
        let words = [
            ("presentation", Some(&self.presentation)),
            ("subject", Some(&self.subject)),
            ("light", self.light.as_ref()),
        ];
        words
            .into_iter()
            .find(|(_, word)| word.is_some_and(|word| !is_word(word)))
            .map_or(Ok(()), |(name, _)| Err(name))
    }
}

/// What the prompts of a recording were drawn from.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedChallenge {
    #[serde(with = "crate::text::base64url")]
    randomness: [u8; 32],
    mode: Mode,
    without_light: bool,
    slow: bool,
    frame: Option<FrameSize>,
}

impl RecordedChallenge {
    /// What a challenge is drawn from.
    pub fn new(randomness: [u8; 32], request: ChallengeRequest) -> Self {
        let ChallengeRequest { mode, without_light, slow, frame } = request;
        Self { randomness, mode, without_light, slow, frame }
    }

    /// Draws it again.
    pub fn draw(&self, policy: &Policy) -> Challenge {
        let Self { mode, without_light, slow, frame, .. } = *self;
        Challenge::draw(self.randomness, ChallengeRequest { mode, without_light, slow, frame }, policy)
    }
}

/// Something that happened. Times `at` are milliseconds of the server's clock since the capture began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RecordedEvent {
    /// The server asked for something.
    Asked {
        /// When.
        at: u64,
        /// What.
        #[serde(flatten)]
        step: StepMessage,
    },
    /// It was on the screen.
    Shown {
        /// When the server heard of it.
        at: u64,
        /// Which step.
        step: u16,
        /// Since when, by the device's clock.
        t: f64,
    },
    /// A frame came. Its JPEG is kept beside the recording.
    Frame {
        /// When.
        at: u64,
        /// Its number, from 1.
        seq: u32,
        /// When it was taken, by the device's clock.
        capture_ms: f64,
        /// The step that was on the screen.
        step: u16,
    },
    /// The device said that this was all.
    End {
        /// When.
        at: u64,
    },
}

impl RecordedEvent {
    /// When it happened.
    pub const fn at(&self) -> u64 {
        let (Self::Asked { at, .. } | Self::Shown { at, .. } | Self::Frame { at, .. } | Self::End { at }) = self;
        *at
    }
}

/// A capture that was kept.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recording {
    /// What it shows.
    pub label: RecordingLabel,
    /// When it was made, in milliseconds since 1970.
    pub made_ms: i64,
    /// The policy by which it was led.
    pub policy_version: String,
    /// What its prompts were drawn from.
    pub challenge: RecordedChallenge,
    /// What happened, in order.
    pub events: Vec<RecordedEvent>,
}

/// Whom it shows, and how they moved, is nobody's business in a log.
impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recording(..)")
    }
}

impl std::fmt::Debug for RecordedChallenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecordedChallenge(..)")
    }
}

/// Bytes that are no recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecordingProblem {
    /// Too long, damaged, or something else.
    #[error("it is no recording of a capture, or a damaged one")]
    Damaged,
    /// Written by a newer program.
    #[error("it has the format {0}, this program reads up to {FORMAT}; use the program that made it, or a newer one")]
    Newer(u32),
    /// A label that is none.
    #[error("'{0}' of its label is no word of 1 to {LONGEST_WORD} letters, digits, '-', '_' and '.'")]
    Label(&'static str),
}

impl Recording {
    /// The file of a recording, beside its frames.
    pub const FILE: &str = "recording.json";

    /// As JSON.
    pub fn to_json(&self) -> Vec<u8> {
        write_document(FORMAT, self)
    }

    /// Reads what [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// [`RecordingProblem`].
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordingProblem> {
        if bytes.len() > MOST_BYTES {
            return Err(RecordingProblem::Damaged);
        }
        let read: Self = read_document(FORMAT, bytes).map_err(|problem| match problem {
            DocumentProblem::Unreadable { .. } => RecordingProblem::Damaged,
            DocumentProblem::Newer(format) => RecordingProblem::Newer(format),
        })?;
        read.label.check().map_err(RecordingProblem::Label)?;
        Ok(read)
    }

    /// The name of the file of a frame.
    pub fn frame_name(seq: u32) -> String {
        format!("{seq:05}.jpg")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Prompt;

    fn label(presentation: &str) -> RecordingLabel {
        RecordingLabel {
            presentation: presentation.to_owned(),
            subject: "p07".to_owned(),
            light: None,
            simulated: true,
        }
    }

    #[test]
    fn a_recording_is_read_as_it_was_written() {
        let request = ChallengeRequest { mode: Mode::Passive, without_light: true, slow: false, frame: None };
        let recording = Recording {
            label: label("live"),
            made_ms: 1,
            policy_version: "2".to_owned(),
            challenge: RecordedChallenge::new([7; 32], request),
            events: vec![
                RecordedEvent::Asked { at: 0, step: StepMessage { step: 1, prompt: Prompt::Hold { milliseconds: 9 } } },
                RecordedEvent::Shown { at: 20, step: 1, t: 12.5 },
                RecordedEvent::Frame { at: 30, seq: 1, capture_ms: 13.0, step: 1 },
                RecordedEvent::End { at: 40 },
            ],
        };
        let json = recording.to_json();
        assert_eq!(Recording::parse(&json).as_ref(), Ok(&recording));
        let text = String::from_utf8(json).unwrap();
        assert!(text.contains(r#"{"event":"asked","at":0,"step":1,"kind":"hold","milliseconds":9}"#), "{text}");
        let newer = text.replace(r#""format":1"#, r#""format":2"#);
        assert_eq!(Recording::parse(newer.as_bytes()), Err(RecordingProblem::Newer(2)));
        assert_eq!(Recording::parse(b"{}"), Err(RecordingProblem::Damaged));
        let policy = Policy::default();
        let mut again = recording.challenge.draw(&policy);
        let mut first = Challenge::draw([7; 32], request, &policy);
        while let Some(prompt) = first.reveal() {
            assert_eq!(again.reveal(), Some(prompt));
        }
    }

    #[test]
    fn labels_are_words() {
        assert_eq!(label("bowed-20").check(), Ok(()));
        for wrong in ["", "../etc", "a b", ".hidden", "é", &"x".repeat(41)] {
            assert_eq!(label(wrong).check(), Err("presentation"), "{wrong}");
        }
    }
}
