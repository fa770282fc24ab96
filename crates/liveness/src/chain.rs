//! The chain: a hash over all frames of an attempt, so that none can be lost, repeated, replaced or foreign.
//!
//! Start at [`Chain`]. `docs/device-protocol.md` has the formula. The chain does not say that a camera took the frames.

use sha2::{Digest, Sha256};
use thiserror::Error;
use uuid::Uuid;

/// Bytes before the JPEG.
pub const FRAME_HEAD_BYTES: usize = 30;
/// What the first tail is bound to, so that no other hash of the product is one.
const DOMAIN: &[u8] = b"likeness-frames-v1";
/// What a signature is bound to.
const STATEMENT: &[u8] = b"likeness-capture-v1";
/// What the making of a key is bound to.
const ENROLMENT: &[u8] = b"likeness-enrol-v1";

/// What stands before the JPEG of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameHead {
    /// 1 for the first frame, then one more each.
    pub seq: u32,
    /// When the camera took the picture: milliseconds of the device's clock.
    pub capture_ms: f64,
    /// The step that was on the screen; 0 before the first.
    pub step: u16,
    /// The first 16 bytes of the chain at this frame.
    pub tail: [u8; 16],
}

/// A binary message that is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameProblem {
    /// It ends before the picture begins.
    #[error("a frame is a head of {FRAME_HEAD_BYTES} bytes and a JPEG")]
    TooShort,
    /// There is no frame 0.
    #[error("the first frame is number 1")]
    NoNumber,
    /// Not finite, or before the clock began.
    #[error("captureMs is not a time")]
    NoTime,
}

impl FrameHead {
    /// Takes a frame apart. What follows the head is not looked at.
    ///
    /// # Errors
    /// [`FrameProblem`] when it is no frame.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), FrameProblem> {
        let (head, jpeg) = bytes.split_first_chunk::<FRAME_HEAD_BYTES>().ok_or(FrameProblem::TooShort)?;
        let [s0, s1, s2, s3, c0, c1, c2, c3, c4, c5, c6, c7, t0, t1, tail @ ..] = *head;
        if jpeg.is_empty() {
            return Err(FrameProblem::TooShort);
        }
        let head = Self {
            seq: u32::from_be_bytes([s0, s1, s2, s3]),
            capture_ms: f64::from_be_bytes([c0, c1, c2, c3, c4, c5, c6, c7]),
            step: u16::from_be_bytes([t0, t1]),
            tail,
        };
        if head.seq == 0 {
            return Err(FrameProblem::NoNumber);
        }
        // Larger than any time of a clock that counts from 1970 or from its own start: sums stay exact.
        if !(0.0..1e15).contains(&head.capture_ms) {
            return Err(FrameProblem::NoTime);
        }
        Ok((head, jpeg))
    }

    /// The head as it is sent.
    pub fn to_bytes(&self) -> [u8; FRAME_HEAD_BYTES] {
        let mut bytes = [0; FRAME_HEAD_BYTES];
        bytes[0..4].copy_from_slice(&self.seq.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.capture_ms.to_be_bytes());
        bytes[12..14].copy_from_slice(&self.step.to_be_bytes());
        bytes[14..30].copy_from_slice(&self.tail);
        bytes
    }
}

/// What a registered device signs at the end of an attempt, and whose hash an enrolled key signs: the last tail, bound to
/// its session and to this use.
pub fn capture_statement(session_id: Uuid, tail: &[u8; 32]) -> Vec<u8> {
    let mut text = Uuid::encode_buffer();
    let session_id = session_id.hyphenated().encode_lower(&mut text);
    [STATEMENT, session_id.as_bytes(), tail].concat()
}

/// What an enrolled key signs at the end of an attempt, as its challenge.
pub fn capture_challenge(session_id: Uuid, tail: &[u8; 32]) -> [u8; 32] {
    Sha256::digest(capture_statement(session_id, tail)).into()
}

/// The challenge for which a new key is made after an attempt. Nothing that is signed for one use counts for the other.
pub fn enrolment_challenge(session_id: Uuid, tail: &[u8; 32]) -> [u8; 32] {
    let mut text = Uuid::encode_buffer();
    let session_id = session_id.hyphenated().encode_lower(&mut text);
    Sha256::digest([ENROLMENT, session_id.as_bytes(), tail].concat()).into()
}

/// A frame does not continue the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the frame does not continue the chain")]
pub struct ChainProblem;

/// The hash over the frames so far.
#[derive(Clone, PartialEq, Eq)]
pub struct Chain {
    tail: [u8; 32],
    count: u32,
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Chain {
    /// The chain before the first frame of an attempt.
    pub fn begin(session_id: Uuid, nonce: &[u8; 16]) -> Self {
        let mut text = Uuid::encode_buffer();
        let session_id = session_id.hyphenated().encode_lower(&mut text);
        let tail = Sha256::new().chain_update(DOMAIN).chain_update(session_id.as_bytes()).chain_update(nonce);
        Self { tail: tail.finalize().into(), count: 0 }
    }

    /// Adds a frame that says where it belongs.
    ///
    /// # Errors
    /// [`ChainProblem`] when its tail is not the one that follows; the chain stays as it was.
    pub fn push(&mut self, head: &FrameHead, jpeg: &[u8]) -> Result<(), ChainProblem> {
        let tail = self.next(head, jpeg);
        if tail[..16] != head.tail {
            return Err(ChainProblem);
        }
        (self.tail, self.count) = (tail, self.count.saturating_add(1));
        Ok(())
    }

    /// Adds a frame as a device does: fills its tail in.
    pub fn extend(&mut self, head: &mut FrameHead, jpeg: &[u8]) {
        self.tail = self.next(head, jpeg);
        self.count = self.count.saturating_add(1);
        head.tail.copy_from_slice(&self.tail[..16]);
    }

    fn next(&self, head: &FrameHead, jpeg: &[u8]) -> [u8; 32] {
        let tail = Sha256::new()
            .chain_update(self.tail)
            .chain_update(head.seq.to_be_bytes())
            .chain_update(head.capture_ms.to_be_bytes())
            .chain_update(head.step.to_be_bytes())
            .chain_update(jpeg);
        tail.finalize().into()
    }

    /// Frames so far.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The hash so far.
    pub fn tail(&self) -> &[u8; 32] {
        &self.tail
    }

    /// The hash so far as the contract's `digest`: 64 hexadecimal digits, upper case.
    pub fn digest_hex(&self) -> String {
        hex::encode_upper(self.tail)
    }
}
