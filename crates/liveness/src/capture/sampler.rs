//! Which frames are analysed: few enough for one attempt, more of those in which a person turns or keeps still.

use crate::message::PromptKind;
use crate::{AnalysisPolicy, FrameRecord};
use std::collections::BTreeMap;

#[derive(Debug)]
pub(super) struct Sampler {
    most: u32,
    stretch: f64,
    used: u32,
    step: u16,
    used_in_step: u32,
    last_capture_ms: f64,
    /// Frames that are being analysed, with when they came.
    pending: BTreeMap<u32, u64>,
    /// Frames that were skipped, or whose observations came too late.
    lost: usize,
}

impl Sampler {
    pub(super) fn new(most: u32, slow: bool) -> Self {
        Self {
            most,
            stretch: if slow { 2.0 } else { 1.0 },
            used: 0,
            step: 0,
            used_in_step: 0,
            last_capture_ms: f64::NEG_INFINITY,
            pending: BTreeMap::new(),
            lost: 0,
        }
    }

    /// Whether this frame is to be analysed. `dense_left` is how many turns and holds are still to come.
    pub(super) fn takes(
        &mut self,
        frame: &FrameRecord,
        kind: PromptKind,
        dense_left: usize,
        policy: &AnalysisPolicy,
    ) -> bool {
        if frame.step != self.step {
            (self.step, self.used_in_step) = (frame.step, 0);
        }
        // The pair of `settle`, and light: as many frames as there are, or the lag of the echo is not found.
        let is_lit = kind == PromptKind::Light || (kind == PromptKind::Settle && frame.step > 0);
        let is_dense = matches!(kind, PromptKind::Turn | PromptKind::Hold) || is_lit;
        let base = if is_dense { policy.dense_gap_ms } else { policy.sparse_gap_ms };
        let times = u64::from(self.used_in_step / policy.stretch_after.max(1));
        let mut gap = (base + times * policy.stretch_ms) as f64 * self.stretch;
        let kept_back = policy.kept_back.saturating_mul(u32::try_from(dense_left).unwrap_or(u32::MAX));
        if self.most.saturating_sub(self.used) <= kept_back {
            gap = gap.max(3.0 * policy.sparse_gap_ms as f64 * self.stretch);
        }
        let since = frame.capture_ms - self.last_capture_ms + policy.jitter_ms as f64;
        let takes = self.used < self.most && since >= gap;
        if takes {
            self.used += 1;
            self.used_in_step += 1;
            self.last_capture_ms = frame.capture_ms;
            self.pending.insert(frame.seq, frame.arrived_ms);
        }
        takes
    }

    /// Whether an observation of this frame is waited for and not too late. Either way it is waited for no more.
    pub(super) fn answered(&mut self, seq: u32, now_ms: u64, most_age_ms: u64) -> bool {
        let Some(arrived_ms) = self.pending.remove(&seq) else { return false };
        let is_in_time = now_ms.saturating_sub(arrived_ms) <= most_age_ms;
        self.lost += usize::from(!is_in_time);
        is_in_time
    }

    /// The frame could not be analysed: another one may be.
    pub(super) fn skipped(&mut self, seq: u32) {
        if self.pending.remove(&seq).is_some() {
            self.used = self.used.saturating_sub(1);
            self.lost += 1;
        }
    }

    /// Whether frames are being analysed.
    pub(super) fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether frames were not analysed although there was time: a fault of the server, not of a device that left early.
    pub(super) fn has_lost(&self, now_ms: u64, most_age_ms: u64) -> bool {
        self.lost > 0 || self.pending.values().any(|arrived_ms| now_ms.saturating_sub(*arrived_ms) >= most_age_ms)
    }
}
