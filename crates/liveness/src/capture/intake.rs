//! What may come in: the chain, the order, the bounds and the times of frames.

use super::Breach;
use super::clocks::Clocks;
use crate::{
    AttemptCode, Bounds, CapturePolicy, Chain, FrameHead, FrameRecord, MOST_FRAME_SIDE, StepRecord, jpeg_size,
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// The frames so far.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) bounds: Bounds,
    pub(super) chain: Chain,
    pub(super) frames: Vec<FrameRecord>,
    pub(super) clocks: Clocks,
    bytes: u64,
    /// When the last frame came, or what the first is waited for since.
    pub(super) last_ms: u64,
}

const fn broken(what: &'static str) -> Breach {
    Breach { code: AttemptCode::ProtocolBroken, what }
}

impl Intake {
    pub(super) fn new(session_id: Uuid, nonce: &[u8; 16], bounds: Bounds) -> Self {
        let chain = Chain::begin(session_id, nonce);
        Self { bounds, chain, frames: Vec::new(), clocks: Clocks::new(), bytes: 0, last_ms: 0 }
    }

    /// Takes a frame of the chain in. `steps` are those that were sent.
    pub(super) fn frame(
        &mut self,
        bytes: &[u8],
        steps: &[StepRecord],
        policy: &CapturePolicy,
        now_ms: u64,
    ) -> Result<FrameRecord, Breach> {
        self.count(bytes.len())?;
        let (head, jpeg) = FrameHead::parse(bytes).map_err(|_| broken("a binary message is no frame"))?;
        self.picture(jpeg)?;
        let last = self.frames.last();
        if head.seq != last.map_or(0, |last| last.seq).saturating_add(1) {
            return Err(broken("frames are out of order"));
        }
        if last.is_some_and(|last| head.capture_ms <= last.capture_ms) {
            return Err(broken("captureMs does not rise"));
        }
        if last.is_some_and(|last| head.step < last.step) || !is_of_its_step(&head, steps, policy) {
            return Err(broken("a frame names a step that was not on the screen"));
        }
        self.chain.push(&head, jpeg).map_err(|_| broken("a frame does not continue the chain"))?;
        let allowed = (self.bounds.frames_per_second + policy.spare_frames) as usize;
        let earlier = self.frames.len().checked_sub(allowed).and_then(|at| self.frames.get(at));
        if earlier.is_some_and(|earlier| head.capture_ms - earlier.capture_ms < 1_000.0) {
            return Err(broken("too many frames a second"));
        }
        if !self.clocks.take(now_ms, head.capture_ms, &self.bounds) {
            return Err(broken("the device's clock does not run as the server's does"));
        }
        let record = FrameRecord {
            seq: head.seq,
            capture_ms: head.capture_ms,
            arrived_ms: now_ms,
            step: head.step,
            digest: digest(jpeg),
        };
        self.frames.push(record);
        self.last_ms = now_ms;
        Ok(record)
    }

    /// Takes a picture of a terminal in, which speaks of no chain. It is hashed all the same: the digest stands for what
    /// was judged.
    pub(super) fn bare_picture(&mut self, jpeg: &[u8], now_ms: u64) -> Result<FrameRecord, Breach> {
        self.count(jpeg.len())?;
        self.picture(jpeg)?;
        let seq = self.chain.count().saturating_add(1);
        // A request brings many at once, which were not taken at once.
        let pace = 1_000.0 / f64::from(self.bounds.frames_per_second);
        let capture_ms = self.frames.last().map_or(0.0, |last| last.capture_ms + pace).max(now_ms as f64);
        let mut head = FrameHead { seq, capture_ms, step: 0, tail: [0; 16] };
        self.chain.extend(&mut head, jpeg);
        let record =
            FrameRecord { seq, capture_ms: head.capture_ms, arrived_ms: now_ms, step: 0, digest: digest(jpeg) };
        self.frames.push(record);
        self.last_ms = now_ms;
        Ok(record)
    }

    /// Whether these are the number and the hash of all frames.
    pub(super) fn ends_with(&self, count: u32, tail: &[u8; 32]) -> bool {
        self.chain.count() == count && self.chain.tail() == tail
    }

    fn count(&mut self, bytes: usize) -> Result<(), Breach> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if self.bytes > self.bounds.bytes {
            return Err(broken("too many bytes"));
        }
        if self.frames.len() >= self.bounds.frames as usize {
            return Err(broken("too many frames"));
        }
        Ok(())
    }

    fn picture(&self, jpeg: &[u8]) -> Result<(), Breach> {
        if jpeg.len() > self.bounds.frame_bytes {
            return Err(broken("a frame has too many bytes"));
        }
        let (width, height) = jpeg_size(jpeg).ok_or(broken("a frame is no JPEG"))?;
        if width.max(height) > MOST_FRAME_SIDE {
            return Err(broken("a frame has too many pixels"));
        }
        Ok(())
    }
}

/// Whether a frame names the step that was on the screen when it was taken: the last that was shown, or for a while the
/// one before.
fn is_of_its_step(head: &FrameHead, steps: &[StepRecord], policy: &CapturePolicy) -> bool {
    let shown = steps.iter().rev().find_map(|step| step.shown_t.map(|t| (step.step, t)));
    match shown {
        None => head.step == 0,
        Some((step, t)) if head.step == step => head.capture_ms + policy.early_ms >= t,
        Some((step, t)) => head.step + 1 == step && head.capture_ms <= t + policy.old_step_ms,
    }
}

/// The first half of the SHA-256 of a JPEG.
fn digest(jpeg: &[u8]) -> [u8; 16] {
    let whole: [u8; 32] = Sha256::digest(jpeg).into();
    let mut half = [0; 16];
    half.copy_from_slice(&whole[..16]);
    half
}
