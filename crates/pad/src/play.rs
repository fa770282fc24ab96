//! One capture from its first frame to its end, without a network and without waiting: time is a number.

use crate::led::Led;
use likeness_device::{Source, SourceError};
use likeness_liveness::message::FromServer;
use likeness_liveness::{
    AttemptCode, CaptureStart, Decision, Evidence, Judge as _, Judged, Outcome, Policy, RecordedEvent, Rules,
};
use likeness_sight::Unseen;
use likeness_vision::Vision;
use serde::Serialize;
use std::sync::Arc;

/// Between two frames.
const FRAME_MS: f64 = 100.0;
/// From a message of the server to the device, and back.
const TRAVEL_MS: f64 = 20.0;
/// Longer than any attempt.
const MOST_MS: f64 = 120_000.0;

/// How a capture went.
#[derive(Debug)]
pub struct Played {
    /// How it ended.
    pub outcome: Outcome,
    /// Frames that were sent.
    pub frames: u32,
    /// Frames that were analysed.
    pub analysed: usize,
}

/// What a presentation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Response {
    /// `realface`
    Real,
    /// `spoofface`
    Spoof,
    /// `uncertain`
    Uncertain,
    /// No decision: the attempt ended with a code.
    None(AttemptCode),
}

/// What is kept of a capture, so that it can be made again.
#[derive(Default)]
pub struct Kept {
    /// What happened.
    pub events: Vec<RecordedEvent>,
    /// The JPEGs of the frames, from number 1 on.
    pub frames: Vec<Vec<u8>>,
}

/// Why a capture could not be played.
#[derive(Debug, thiserror::Error)]
pub enum NotPlayed {
    /// There is no frame.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A frame could not be looked at.
    #[error(transparent)]
    Unseen(#[from] Unseen),
}

/// Plays a capture to its end, and keeps it where that is wanted.
///
/// # Errors
/// [`NotPlayed`].
pub fn play(
    start: CaptureStart,
    policy: &Arc<Policy>,
    source: &mut impl Source,
    vision: &mut Vision,
    mut kept: Option<&mut Kept>,
) -> Result<Played, NotPlayed> {
    let mut capture = Led::begin(start, policy);
    let (mut step, mut is_finished, mut has_ended) = (0, false, false);
    let mut now = 0.0;
    while !capture.is_over() && now < MOST_MS {
        while let Some(message) = capture.message() {
            is_finished |= matches!(message, FromServer::Finish);
            source.told(&message, now + TRAVEL_MS);
            if let FromServer::Step(step) = message {
                keep(&mut kept, RecordedEvent::Asked { at: ms(now), step });
            }
        }
        if is_finished {
            if !std::mem::replace(&mut has_ended, true) {
                capture.end(ms(now));
                keep(&mut kept, RecordedEvent::End { at: ms(now) });
            }
            now += FRAME_MS;
            capture.pass(ms(now));
            continue;
        }
        if let Some(shown) = source.shown(now) {
            step = shown.step;
            capture.shown(step, shown.t, ms(now));
            keep(&mut kept, RecordedEvent::Shown { at: ms(now), step, t: shown.t });
        }
        let Some(jpeg) = source.frame(now)? else { break };
        let seq = capture.frame(&jpeg, now, step, (ms(now), ms(now + TRAVEL_MS)), vision)?;
        keep(&mut kept, RecordedEvent::Frame { at: ms(now), seq, capture_ms: now, step });
        if let Some(kept) = &mut kept {
            kept.frames.push(jpeg);
        }
        now += FRAME_MS;
        capture.pass(ms(now));
    }
    Ok(capture.played())
}

fn keep(kept: &mut Option<&mut Kept>, event: RecordedEvent) {
    if let Some(kept) = kept {
        kept.events.push(event);
    }
}

impl Played {
    /// What there is to judge, if it came to that.
    pub fn evidence(&self) -> Option<&Evidence> {
        match &self.outcome {
            Outcome::Evidence(evidence) => Some(evidence),
            Outcome::Failed(_) | Outcome::Canceled(_) => None,
        }
    }

    /// What the rules say of it.
    pub fn response(&self, policy: &Policy) -> Response {
        match &self.outcome {
            Outcome::Evidence(evidence) => {
                let Judged { verdict, .. } = Rules.judge(evidence, policy);
                match verdict.decision {
                    Decision::Realface => Response::Real,
                    Decision::Spoofface => Response::Spoof,
                    Decision::Uncertain => Response::Uncertain,
                }
            }
            Outcome::Failed(code) => Response::None(*code),
            Outcome::Canceled(_) => Response::None(AttemptCode::Canceled),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time of some seconds, never below zero")]
fn ms(time: f64) -> u64 {
    time.max(0.0) as u64
}
