//! One capture from its first frame to its end, without a network and without waiting: time is a number.

use likeness_device::{Source, SourceError};
use likeness_liveness::message::FromServer;
use likeness_liveness::{Capture, CaptureStart, Chain, Event, Evidence, FrameHead, Outcome, Policy, Reaction};
use likeness_sight::{Unseen, compare, observe};
use likeness_vision::{GreyChip, Vision};
use std::collections::BTreeMap;
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

/// Plays a capture to its end.
///
/// # Errors
/// [`NotPlayed`].
pub fn play(
    start: CaptureStart,
    policy: &Arc<Policy>,
    source: &mut impl Source,
    vision: &mut Vision,
) -> Result<Played, NotPlayed> {
    let (session_id, nonce) = (start.session_id, start.nonce);
    let mut capture = Capture::new(start, policy.clone(), 0);
    let mut chain = Chain::begin(session_id, &nonce);
    let mut chips: BTreeMap<u32, GreyChip> = BTreeMap::new();
    let (mut seq, mut step, mut analysed, mut is_finished) = (0, 0, 0, false);
    let mut now = 0.0;
    while !capture.is_over() && now < MOST_MS {
        while let Some(message) = capture.poll_message() {
            is_finished |= matches!(message, FromServer::Finish);
            source.told(&message, now + TRAVEL_MS);
        }
        if is_finished {
            let _ = capture.handle(Event::End { count: chain.count(), tail: *chain.tail() }, ms(now));
            now += FRAME_MS;
            let _ = capture.handle_timeout(ms(now));
            continue;
        }
        if let Some(shown) = source.shown(now) {
            step = shown.step;
            let _ = capture.handle(Event::Shown { step: shown.step, t: shown.t }, ms(now));
        }
        let Some(jpeg) = source.frame(now)? else { break };
        seq += 1;
        let mut head = FrameHead { seq, capture_ms: now, step, tail: [0; 16] };
        chain.extend(&mut head, &jpeg);
        let bytes = [head.to_bytes().as_slice(), &jpeg].concat();
        let reaction = capture.handle(Event::Frame { bytes: &bytes }, ms(now));
        if let Ok(Reaction::Analyse { seq, step, .. }) = reaction {
            let glimpse = observe(vision, &jpeg, seq, step)?;
            analysed += 1;
            chips.extend(glimpse.chip.map(|chip| (seq, chip)));
            let _ = capture.handle(Event::Observed(glimpse.observation), ms(now + TRAVEL_MS));
        }
        now += FRAME_MS;
        let _ = capture.handle_timeout(ms(now));
    }
    let mut outcome = capture.into_outcome();
    if let Outcome::Evidence(evidence) = &mut outcome {
        let seen = compare(&evidence.pairs(&policy.judge), |seq| chips.get(&seq));
        evidence.pairs_seen = seen;
    }
    Ok(Played { outcome, frames: seq, analysed })
}

/// Evidence of a played capture, if it came to any.
impl Played {
    /// What there is to judge.
    pub fn evidence(&self) -> Option<&Evidence> {
        match &self.outcome {
            Outcome::Evidence(evidence) => Some(evidence),
            Outcome::Failed(_) | Outcome::Canceled(_) => None,
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time of some seconds, never below zero")]
fn ms(time: f64) -> u64 {
    time.max(0.0) as u64
}
