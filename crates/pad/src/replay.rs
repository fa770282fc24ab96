//! A capture that was kept, made again with the checks of this version.
//!
//! Start at [`replay`]. The prompts are drawn again from the same bytes, and the frames come when they came. Where this version asks for
//! something else than was asked then, the person's answers answer nothing: that is told apart and counted as neither.

use crate::led::Led;
use crate::play::Played;
use likeness_liveness::message::{FromServer, StepMessage};
use likeness_liveness::{CaptureStart, Policy, RecordedEvent, Recording, jpeg_size};
use likeness_sight::Unseen;
use likeness_vision::Vision;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use uuid::Uuid;

/// Longer than any attempt.
const MOST_MS: u64 = 120_000;
/// How often time passes where nothing says when it has to.
const PAUSE_MS: u64 = 100;

/// What came of a recording.
#[derive(Debug)]
pub enum Replayed {
    /// It went as it had gone.
    Played(Played),
    /// This version asks for something else, so that nothing can be said.
    AskedOtherwise,
}

/// Why a recording could not be played.
#[derive(Debug, thiserror::Error)]
pub enum NotReplayed {
    /// A frame is not there, or no picture.
    #[error("frame {0} is not there, or damaged")]
    Frame(u32),
    /// A frame could not be looked at.
    #[error("frame {0}: {1}")]
    Unseen(u32, Unseen),
}

/// Plays a recording. `frame` gives the JPEG of a number.
///
/// # Errors
/// [`NotReplayed`].
pub fn replay(
    recording: &Recording,
    frame: &mut dyn FnMut(u32) -> Option<Vec<u8>>,
    policy: &Arc<Policy>,
    vision: &mut Vision,
) -> Result<Replayed, NotReplayed> {
    let start = CaptureStart {
        session_id: Uuid::nil(),
        attempt: 1,
        remaining_attempts: 0,
        nonce: [0; 16],
        challenge: recording.challenge.draw(policy),
        expects_reference: false,
    };
    let asked = recording.events.iter().filter_map(|event| match event {
        RecordedEvent::Asked { step, .. } => Some((step.step, step)),
        _ => None,
    });
    let mut again =
        Again { asked: asked.collect(), known: BTreeSet::new(), waiting: VecDeque::new(), is_finished: false };
    let mut capture = Led::begin(start, policy);
    for event in &recording.events {
        let at = event.at();
        pass_until(&mut capture, at);
        if !again.hears(&mut capture, at) {
            return Ok(Replayed::AskedOtherwise);
        }
        match *event {
            RecordedEvent::Asked { .. } => {}
            RecordedEvent::Shown { step, t, .. } => again.waiting.push_back((step, t)),
            RecordedEvent::Frame { seq, capture_ms, step, .. } => {
                // What was recorded was a picture: a damaged one is no breach of the person's.
                let jpeg = frame(seq).filter(|jpeg| jpeg_size(jpeg).is_some()).ok_or(NotReplayed::Frame(seq))?;
                let seen = capture.frame(&jpeg, capture_ms, step, (at, at), vision);
                seen.map_err(|problem| NotReplayed::Unseen(seq, problem))?;
            }
            RecordedEvent::End { .. } if !again.is_finished => return Ok(Replayed::AskedOtherwise),
            RecordedEvent::End { .. } => capture.end(at),
        }
        if !again.hears(&mut capture, at) {
            return Ok(Replayed::AskedOtherwise);
        }
    }
    let mut now = recording.events.last().map_or(0, RecordedEvent::at);
    while !capture.is_over() && now < MOST_MS {
        now += PAUSE_MS;
        capture.pass(now);
    }
    Ok(Replayed::Played(capture.played()))
}

/// What was asked then, and what has been asked again.
struct Again<'a> {
    asked: BTreeMap<u16, &'a StepMessage>,
    known: BTreeSet<u16>,
    /// Steps that came on the screen and were not asked for yet.
    waiting: VecDeque<(u16, f64)>,
    is_finished: bool,
}

impl Again<'_> {
    /// Hears what is asked, and says which steps came on the screen. Whether it is what was asked then.
    fn hears(&mut self, capture: &mut Led, at: u64) -> bool {
        loop {
            while let Some(message) = capture.message() {
                match message {
                    FromServer::Step(step) if self.asked.get(&step.step) != Some(&&step) => return false,
                    FromServer::Step(step) => {
                        self.known.insert(step.step);
                    }
                    FromServer::Finish => self.is_finished = true,
                    _ => {}
                }
            }
            let Some((step, t)) = self.waiting.front().copied().filter(|(step, _)| self.known.contains(step)) else {
                return true;
            };
            self.waiting.pop_front();
            capture.shown(step, t, at);
        }
    }
}

/// Lets everything happen that happens by itself until then.
fn pass_until(capture: &mut Led, at: u64) {
    let mut last = 0;
    while let Some(due) = capture.wake_at().filter(|due| *due <= at && *due > last) {
        last = due;
        capture.pass(due);
    }
    capture.pass(at);
}
