//! What a capture leaves for the verdict: which frames came when, what was asked, what was seen.

use crate::message::{Prompt, PromptKind};
use crate::{Mode, Observation};
use std::collections::BTreeSet;
use uuid::Uuid;

/// When a frame was taken, and when it came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameRecord {
    /// Its number.
    pub seq: u32,
    /// By the device's clock, in milliseconds; a guess for pictures in no chain.
    pub capture_ms: f64,
    /// By the server's clock, in milliseconds since the attempt began.
    pub arrived_ms: u64,
    /// The step that was on the screen.
    pub step: u16,
    /// The first half of the SHA-256 of its JPEG.
    pub digest: [u8; 16],
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepEnd {
    /// It came to its end: the face was in the oval, the time was over.
    Done,
    /// The person did what was asked.
    Answered,
    /// The person did something else, or nothing in time.
    Missed,
    /// The attempt ended first.
    Open,
}

/// A step that was sent. Times of the server's clock are in milliseconds since the attempt began.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRecord {
    /// Its number, from 1.
    pub step: u16,
    /// What was asked.
    pub prompt: Prompt,
    /// When it was sent, by the server's clock.
    pub sent_ms: u64,
    /// Since when it was on the screen, by the device's clock.
    pub shown_t: Option<f64>,
    /// When that was heard, by the server's clock.
    pub shown_ms: Option<u64>,
    /// When it ended, by the server's clock.
    pub ended_ms: Option<u64>,
    /// What became of it.
    pub end: StepEnd,
}

/// Two frames of a turn that are to be compared: one with the head at rest, one with it turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramePair {
    /// The turn.
    pub step: u16,
    /// The frame at rest.
    pub rest: u32,
    /// The frame in which the head is turned.
    pub out: u32,
}

/// What a pair of frames showed. Lengths are shares of the eye distance.
#[derive(Clone, Copy, PartialEq)]
pub struct PairSeen {
    /// The turn.
    pub step: u16,
    /// How much moved, beyond moving, turning and scaling the picture: without it, there was nothing to see.
    pub motion: f32,
    /// What a flat sheet cannot have done.
    pub off_plane: f32,
    /// What of the nose no sheet, flat or bowed, can have done: to the right and down.
    pub nose: [f32; 2],
}

/// What is measured of a face reaches no log.
impl std::fmt::Debug for PairSeen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PairSeen(..)")
    }
}

/// What a whole attempt leaves for the verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The session.
    pub session_id: Uuid,
    /// The attempt in it.
    pub attempt: u8,
    /// How much the person was asked to do.
    pub mode: Mode,
    /// Whether turns took the place of light by the person's wish.
    pub without_light: bool,
    /// Whether everything took double the time.
    pub slow: bool,
    /// Whether the frames are in a chain. Those of terminals that only deliver pictures are not, and answer no step.
    pub is_chained: bool,
    /// The chain after the last frame.
    pub tail: [u8; 32],
    /// All frames, in order.
    pub frames: Vec<FrameRecord>,
    /// All steps that were sent, in order.
    pub steps: Vec<StepRecord>,
    /// What was seen, in the order of frames.
    pub observations: Vec<Observation>,
    /// What the pairs of frames showed that [`Evidence::pairs`] names. The capture leaves none: whoever keeps the frames fills
    /// them in.
    pub pairs_seen: Vec<PairSeen>,
    /// How many of its frames came in an earlier attempt; whoever keeps their digests fills it in.
    pub seen_before: u32,
    /// Frames for matching: of a step in which the person kept still, with one uncovered face, the best first.
    pub chosen: Vec<u32>,
}

impl Evidence {
    /// The chain after the last frame as the contract's `digest`: 64 hexadecimal digits, upper case.
    pub fn digest_hex(&self) -> String {
        hex::encode_upper(self.tail)
    }

    /// Turns that the person answered.
    pub fn answered_turns(&self) -> Vec<&StepRecord> {
        let is_answered = |step: &&StepRecord| step.prompt.kind() == PromptKind::Turn && step.end == StepEnd::Answered;
        self.steps.iter().filter(is_answered).collect()
    }

    /// What a step asked for.
    pub fn kind_of(&self, step: u16) -> Option<PromptKind> {
        self.steps.iter().find(|record| record.step == step).map(|record| record.prompt.kind())
    }

    /// Share of frames whose bytes had come before in this attempt. A camera never gives the same picture twice; a page that reads
    /// it faster than it delivers does.
    pub fn repeated_frames(&self) -> Option<f32> {
        let distinct: BTreeSet<[u8; 16]> = self.frames.iter().map(|frame| frame.digest).collect();
        let all = self.frames.len();
        (all > 0).then(|| (all - distinct.len()) as f32 / all as f32)
    }

    /// What was seen while a step was on the screen.
    pub fn seen_in(&self, step: u16) -> impl Iterator<Item = &Observation> {
        self.observations.iter().filter(move |observation| observation.step == step)
    }
}
