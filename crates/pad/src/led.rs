//! A capture that is led in virtual time: frames in, what is seen of them back in at once.

use crate::play::Played;
use likeness_liveness::message::FromServer;
use likeness_liveness::{Capture, CaptureStart, Chain, Event, FrameHead, Outcome, Policy, Reaction};
use likeness_sight::{Unseen, compare, observe};
use likeness_vision::{GreyChip, Vision};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A capture, its chain, and the faces of its turns.
pub(crate) struct Led {
    capture: Capture,
    chain: Chain,
    chips: BTreeMap<u32, GreyChip>,
    policy: Arc<Policy>,
    frames: u32,
    analysed: usize,
}

impl Led {
    pub(crate) fn begin(start: CaptureStart, policy: &Arc<Policy>) -> Self {
        let chain = Chain::begin(start.session_id, &start.nonce);
        let capture = Capture::new(start, policy.clone(), 0);
        Self { capture, chain, chips: BTreeMap::new(), policy: policy.clone(), frames: 0, analysed: 0 }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.capture.is_over()
    }

    pub(crate) fn wake_at(&self) -> Option<u64> {
        self.capture.wake_at()
    }

    pub(crate) fn message(&mut self) -> Option<FromServer> {
        self.capture.poll_message()
    }

    /// Time has passed. What a breach says is in the outcome, here and below.
    pub(crate) fn pass(&mut self, now: u64) {
        let _ = self.capture.handle_timeout(now);
    }

    pub(crate) fn shown(&mut self, step: u16, t: f64, now: u64) {
        let _ = self.capture.handle(Event::Shown { step, t }, now);
    }

    /// A frame comes; it is seen so many milliseconds later. Gives its number.
    pub(crate) fn frame(
        &mut self,
        jpeg: &[u8],
        capture_ms: f64,
        step: u16,
        (now, seen_at): (u64, u64),
        vision: &mut Vision,
    ) -> Result<u32, Unseen> {
        self.frames += 1;
        let mut head = FrameHead { seq: self.frames, capture_ms, step, tail: [0; 16] };
        self.chain.extend(&mut head, jpeg);
        let bytes = [head.to_bytes().as_slice(), jpeg].concat();
        let reaction = self.capture.handle(Event::Frame { bytes: &bytes }, now);
        if let Ok(Reaction::Analyse { seq, step, .. }) = reaction {
            let glimpse = observe(vision, jpeg, seq, step)?;
            self.analysed += 1;
            self.chips.extend(glimpse.chip.map(|chip| (seq, chip)));
            let _ = self.capture.handle(Event::Observed(glimpse.observation), seen_at);
        }
        Ok(self.frames)
    }

    pub(crate) fn end(&mut self, now: u64) {
        let _ = self.capture.handle(Event::End { count: self.chain.count(), tail: *self.chain.tail() }, now);
    }

    /// What came of it, pairs of frames compared.
    pub(crate) fn played(self) -> Played {
        let Self { capture, chips, policy, frames, analysed, .. } = self;
        let mut outcome = capture.into_outcome();
        if let Outcome::Evidence(evidence) = &mut outcome {
            let seen = compare(&evidence.pairs(&policy.judge), |seq| chips.get(&seq));
            evidence.pairs_seen = seen;
        }
        Played { outcome, frames, analysed }
    }
}
