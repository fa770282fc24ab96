//! The bounds of the device protocol, as its page lists them. They are the contract with devices, not settings.

const KILOBYTE: usize = 1024;
const MEGABYTE: u64 = 1024 * 1024;

/// Bytes of a reference picture that the device sends.
pub const MOST_REFERENCE_BYTES: usize = 6 * 1024 * KILOBYTE;
/// Pixels of a frame's longer side.
pub const MOST_FRAME_SIDE: u32 = 1_280;
/// Bytes of `hello`.
pub(crate) const MOST_HELLO_BYTES: usize = 8 * KILOBYTE;
/// Bytes of any other JSON message.
pub(crate) const MOST_MESSAGE_BYTES: usize = 2 * KILOBYTE;
/// Bytes of a message that carries what a key of the device says.
pub(crate) const MOST_KEY_MESSAGE_BYTES: usize = 4 * KILOBYTE;

/// How much, how fast and how long a device may send in one attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// From `ready` to `end`, in milliseconds.
    pub attempt_ms: u64,
    /// Frames in one second of the device's clock.
    pub frames_per_second: u32,
    /// Frames in all.
    pub frames: u32,
    /// Bytes received in all.
    pub bytes: u64,
    /// Bytes of one JPEG.
    pub frame_bytes: usize,
    /// Frames that are analysed. The others only enter the chain.
    pub analysed: u32,
    /// Milliseconds between two frames.
    pub pause_ms: u64,
    /// Milliseconds from a step that was sent to its `shown`.
    pub shown_ms: u64,
    /// Milliseconds from `finish` to `end`.
    pub end_ms: u64,
    /// The same where the device has a key to sign with: a person confirms by finger, face or PIN. It comes on top of the
    /// attempt.
    pub key_ms: u64,
    /// Milliseconds by which the clocks of device and server may drift apart, beyond [`Bounds::drift`].
    pub drift_ms: f64,
    /// The share by which the rates of the two clocks may differ.
    pub drift: f64,
}

impl Bounds {
    /// The bounds of an attempt. A slow one has double the time for everything a person does, and sends half the
    /// frames a second.
    pub const fn of(slow: bool) -> Self {
        Self {
            attempt_ms: if slow { 90_000 } else { 45_000 },
            frames_per_second: if slow { 5 } else { 10 },
            frames: 450,
            bytes: 24 * MEGABYTE,
            frame_bytes: 256 * KILOBYTE,
            analysed: 120,
            pause_ms: 5_000,
            shown_ms: 5_000,
            end_ms: 5_000,
            key_ms: 30_000,
            drift_ms: 500.0,
            drift: 0.02,
        }
    }
}
