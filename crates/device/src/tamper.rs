//! Misbehaviour: what a device may do differently from the protocol.

use crate::Outgoing;
use likeness_liveness::FrameHead;
use likeness_liveness::message::Ready;

/// Changes what a device does. Every method may be left as it is.
pub trait Tamper: Send {
    /// Changes what the device understands of `ready`: its nonce, its rate.
    fn ready(&mut self, _ready: &mut Ready) {}

    /// Changes a frame before it is in the chain: what the owner of a device can do.
    fn forge(&mut self, _head: &mut FrameHead, _jpeg: &mut Vec<u8>) {}

    /// Changes what is sent now, which is often nothing: what somebody on the way can do, or a broken program.
    fn send(&mut self, _out: &mut Vec<Outgoing>, _now_ms: f64) {}

    /// How many bytes a second the connection takes at most.
    fn most_bytes_a_second(&self) -> Option<u32> {
        None
    }
}

/// Changes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Honest;

impl Tamper for Honest {}
