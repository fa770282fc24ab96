//! What a device sends, before it is bytes.

use likeness_liveness::FrameHead;
use likeness_liveness::message::{CancelReason, End, Hello, Shown};

/// One thing that a device sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Outgoing {
    /// The first message; over requests, the body of `session/start`.
    Hello(Box<Hello>),
    /// The reference picture.
    Reference(Vec<u8>),
    /// A frame.
    Frame {
        /// What stands before the picture.
        head: FrameHead,
        /// The picture.
        jpeg: Vec<u8>,
    },
    /// A step is on the screen.
    Shown(Shown),
    /// All frames were sent.
    End(End),
    /// The attempt is given up.
    Cancel(CancelReason),
    /// A text that is none of the above. Requests have no place for it.
    Text(String),
    /// Bytes that are none of the above. Requests have no place for them.
    Bytes(Vec<u8>),
    /// Another socket is opened beside this one, and says this. Its first answer is in [`crate::Outcome::aside`].
    Beside(Box<Hello>),
    /// The connection is dropped without a word.
    HangUp,
}
