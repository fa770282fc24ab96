//! Ready-made misbehaviour, each with what the protocol's page says must come of it.
//!
//! Start at [`Attack::ALL`].

use crate::broken_pictures::{padded, too_wide, two_sizes, undecodable, vast_jpeg, vast_png};
use crate::{Outgoing, Tamper};
use likeness_liveness::message::{CancelReason, Hello, Ready, Shown};
use likeness_liveness::{AttemptCode, Bounds, Chain, FrameHead};
use uuid::Uuid;

/// The frame at which most attacks begin: by then the person is seen.
const AT: u32 = 12;
/// By how much a step that is shown late is late.
const LATER_MS: f64 = 2_000.0;

/// One way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attack {
    /// A frame comes after its successor.
    Reordered,
    /// A frame comes twice.
    Repeated,
    /// A frame is left out.
    Lost,
    /// A frame of another session stands in place of one.
    Foreign,
    /// The picture of a frame is replaced on the way.
    Replaced,
    /// A frame has another tail.
    WrongTail,
    /// The chain begins with the nonce of another session.
    OtherNonce,
    /// The device's clock runs 30 % fast.
    FastClock,
    /// The device's clock runs 30 % slow.
    SlowClock,
    /// A frame says it was taken before the one before it.
    BackwardsClock,
    /// Frames come four seconds late from some moment on.
    Late,
    /// Nothing comes for six seconds.
    Stalled,
    /// No frame ever comes.
    Silent,
    /// A step is shown before it was sent.
    EarlyShown,
    /// A step is said to be shown ten seconds from now.
    FutureShown,
    /// A step is shown twice.
    ShownTwice,
    /// No step is ever shown.
    NeverShown,
    /// A frame names a step that was never sent.
    FutureStep,
    /// Twice as many frames a second as were asked for.
    TooFast,
    /// More bytes in all than are allowed, in an attempt that is drawn out by showing each step late.
    TooManyBytes,
    /// A frame of one byte more than is allowed.
    Oversized,
    /// A frame says it is wider than is allowed.
    TooWide,
    /// Frames are a JPEG up to the header, and noise after it.
    Undecodable,
    /// A frame is a few bytes of JPEG that say they are 60,000 pixels a side.
    VastJpeg,
    /// The same as a PNG.
    VastPng,
    /// Frames whose second header says 60,000 pixels a side, after the first said what is allowed.
    TwoSizes,
    /// A frame is a head without a picture.
    NoPicture,
    /// A binary message of ten bytes.
    NoFrame,
    /// A binary message longer than a socket takes.
    HugeMessage,
    /// A second `hello`.
    SecondHello,
    /// A message of an unknown type.
    UnknownType,
    /// A message of more than 2 KB.
    LongMessage,
    /// A `hello` of more than 8 KB.
    LongHello,
    /// Another socket is opened with the same token.
    SecondSocket,
    /// The end never comes.
    NoEnd,
    /// The end counts another number of frames.
    WrongCount,
    /// The end has another tail.
    WrongEnd,
    /// Two hundred bytes a second.
    SlowSender,
    /// The connection is dropped midway.
    HangUp,
    /// The person gives up.
    Cancel,
}

/// What comes of an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comes {
    /// The attempt fails for this reason.
    Fails(AttemptCode),
    /// The connection ends without a result.
    Closes,
    /// Nothing: the attempt goes on, and the attack is answered aside.
    Nothing,
}

impl Attack {
    /// All of them.
    pub const ALL: [Self; 40] = [
        Self::Reordered,
        Self::Repeated,
        Self::Lost,
        Self::Foreign,
        Self::Replaced,
        Self::WrongTail,
        Self::OtherNonce,
        Self::FastClock,
        Self::SlowClock,
        Self::BackwardsClock,
        Self::Late,
        Self::Stalled,
        Self::Silent,
        Self::EarlyShown,
        Self::FutureShown,
        Self::ShownTwice,
        Self::NeverShown,
        Self::FutureStep,
        Self::TooFast,
        Self::TooManyBytes,
        Self::Oversized,
        Self::TooWide,
        Self::Undecodable,
        Self::VastJpeg,
        Self::VastPng,
        Self::TwoSizes,
        Self::NoPicture,
        Self::NoFrame,
        Self::HugeMessage,
        Self::SecondHello,
        Self::UnknownType,
        Self::LongMessage,
        Self::LongHello,
        Self::SecondSocket,
        Self::NoEnd,
        Self::WrongCount,
        Self::WrongEnd,
        Self::SlowSender,
        Self::HangUp,
        Self::Cancel,
    ];

    /// What must come of it.
    pub const fn comes(self) -> Comes {
        match self {
            Self::Stalled | Self::Silent | Self::NeverShown | Self::NoEnd | Self::SlowSender => {
                Comes::Fails(AttemptCode::TimedOut)
            }
            Self::Cancel => Comes::Fails(AttemptCode::Canceled),
            Self::LongHello | Self::HangUp => Comes::Closes,
            Self::SecondSocket => Comes::Nothing,
            _ => Comes::Fails(AttemptCode::ProtocolBroken),
        }
    }

    /// Whether only a socket has a place for it, or tells what came of it.
    pub const fn needs_a_socket(self) -> bool {
        matches!(
            self,
            Self::NoFrame | Self::HugeMessage | Self::SecondHello | Self::UnknownType | Self::LongMessage | Self::NoEnd
        )
    }

    /// Plays it, once.
    pub fn attacker(self) -> Attacker {
        Attacker {
            attack: self,
            sent: 0,
            is_done: false,
            held: Vec::new(),
            stalled_until: None,
            said_step: 0,
            hello: None,
        }
    }
}

/// Somebody who plays an attack.
#[derive(Debug)]
pub struct Attacker {
    attack: Attack,
    /// Frames so far.
    sent: u32,
    is_done: bool,
    held: Vec<(f64, Outgoing)>,
    stalled_until: Option<f64>,
    /// The last step that the server was told to be shown.
    said_step: u16,
    hello: Option<Box<Hello>>,
}

impl Tamper for Attacker {
    fn ready(&mut self, ready: &mut Ready) {
        match self.attack {
            Attack::OtherNonce => ready.nonce[0] ^= 1,
            Attack::TooFast => ready.frames_per_second *= 2,
            _ => {}
        }
    }

    fn forge(&mut self, head: &mut FrameHead, jpeg: &mut Vec<u8>) {
        head.capture_ms = self.clock(head.capture_ms);
        let most = Bounds::of(false).frame_bytes;
        match self.attack {
            Attack::NeverShown => head.step = 0,
            Attack::TooManyBytes => {
                *jpeg = padded(jpeg, most - 4);
                head.step = self.said_step;
            }
            _ if head.seq < AT => {}
            Attack::Undecodable => *jpeg = undecodable(),
            Attack::TwoSizes => *jpeg = two_sizes(jpeg),
            _ if head.seq > AT => {}
            Attack::BackwardsClock => head.capture_ms -= 500.0,
            Attack::FutureStep => head.step += 7,
            Attack::Oversized => *jpeg = padded(jpeg, most + 1),
            Attack::TooWide => *jpeg = too_wide(),
            Attack::VastJpeg => *jpeg = vast_jpeg(),
            Attack::VastPng => *jpeg = vast_png(),
            Attack::NoPicture => jpeg.clear(),
            _ => {}
        }
    }

    fn send(&mut self, out: &mut Vec<Outgoing>, now_ms: f64) {
        for sent in std::mem::take(out) {
            self.pass(sent, now_ms, out);
        }
        if let Some(until) = self.stalled_until.filter(|until| now_ms < *until) {
            self.held.extend(out.drain(..).map(|sent| (until, sent)));
        }
        let (due, held) = std::mem::take(&mut self.held).into_iter().partition(|(at, _)| *at <= now_ms);
        self.held = held;
        out.splice(0..0, Vec::into_iter(due).map(|(_, sent)| sent));
        let mut steps = out.iter().filter_map(|sent| match sent {
            Outgoing::Shown(shown) => Some(shown.step),
            _ => None,
        });
        self.said_step = steps.next_back().unwrap_or(self.said_step);
    }

    fn most_bytes_a_second(&self) -> Option<u32> {
        (self.attack == Attack::SlowSender).then_some(200)
    }
}

impl Attacker {
    /// What the device's clock says.
    fn clock(&self, now_ms: f64) -> f64 {
        match self.attack {
            Attack::FastClock => now_ms * 1.3,
            Attack::SlowClock => now_ms * 0.7,
            _ => now_ms,
        }
    }

    /// Whether the moment of the attack has come, once.
    fn strikes(&mut self) -> bool {
        !std::mem::replace(&mut self.is_done, true)
    }

    fn pass(&mut self, sent: Outgoing, now_ms: f64, out: &mut Vec<Outgoing>) {
        match sent {
            Outgoing::Hello(mut hello) => {
                if self.attack == Attack::LongHello {
                    hello.user_correlation_id = Some(likeness_liveness::SecretText::new("x".repeat(9_000)));
                }
                self.hello = Some(hello.clone());
                out.push(Outgoing::Hello(hello));
            }
            Outgoing::Frame { head, jpeg } => {
                self.sent += 1;
                self.frame(head, jpeg, now_ms, out);
            }
            Outgoing::Shown(shown) => self.shown(Shown { t: self.clock(shown.t), ..shown }, out),
            Outgoing::End(mut end) => {
                match self.attack {
                    Attack::NoEnd => return,
                    Attack::WrongCount => end.count += 1,
                    Attack::WrongEnd => end.tail[31] ^= 1,
                    _ => {}
                }
                out.push(Outgoing::End(end));
            }
            other => out.push(other),
        }
    }

    fn shown(&mut self, shown: Shown, out: &mut Vec<Outgoing>) {
        match self.attack {
            Attack::NeverShown => return,
            Attack::FutureShown => {
                out.push(Outgoing::Shown(Shown { t: shown.t + 10_000.0, ..shown }));
                return;
            }
            Attack::TooManyBytes => {
                let t = shown.t + LATER_MS;
                return self.held.push((t, Outgoing::Shown(Shown { t, ..shown })));
            }
            _ => out.push(Outgoing::Shown(shown)),
        }
        match self.attack {
            Attack::EarlyShown => out.push(Outgoing::Shown(Shown { step: shown.step + 1, ..shown })),
            Attack::ShownTwice => out.push(Outgoing::Shown(shown)),
            _ => {}
        }
    }

    fn frame(&mut self, head: FrameHead, jpeg: Vec<u8>, now_ms: f64, out: &mut Vec<Outgoing>) {
        let frame = Outgoing::Frame { head, jpeg };
        if self.attack == Attack::Silent {
            return;
        }
        if self.attack == Attack::Late && self.sent > 2 * AT {
            return self.held.push((now_ms + 4_000.0, frame));
        }
        if self.sent < AT || self.is_done {
            return out.push(frame);
        }
        if self.attack == Attack::Reordered {
            self.strikes();
            // The next call brings the successor, and this one after it.
            return self.held.push((now_ms + 150.0, frame));
        }
        if !self.strikes() {
            return;
        }
        let Outgoing::Frame { mut head, mut jpeg } = frame else { return };
        let plain = |head: FrameHead, jpeg: Vec<u8>| Outgoing::Frame { head, jpeg };
        match self.attack {
            Attack::Lost => return,
            Attack::Foreign => {
                let mut other = Chain::begin(Uuid::from_u128(1), &[1; 16]);
                other.extend(&mut head, &jpeg);
            }
            Attack::Replaced => jpeg = padded(&jpeg, jpeg.len() + 10),
            Attack::WrongTail => head.tail[15] ^= 1,
            Attack::Repeated => out.push(plain(head, jpeg.clone())),
            Attack::Stalled => self.stalled_until = Some(now_ms + 6_000.0),
            _ => {}
        }
        out.push(plain(head, jpeg));
        match self.attack {
            Attack::NoFrame => out.push(Outgoing::Bytes(vec![0; 10])),
            Attack::HugeMessage => out.push(Outgoing::Bytes(vec![0; 7 * 1024 * 1024])),
            Attack::SecondHello => out.extend(self.hello.clone().map(Outgoing::Hello)),
            Attack::UnknownType => out.push(Outgoing::Text(r#"{"type":"greeting"}"#.to_owned())),
            Attack::LongMessage => {
                let filler = "x".repeat(2_100);
                out.push(Outgoing::Text(format!(r#"{{"type":"shown","step":99,"t":1,"filler":"{filler}"}}"#)));
            }
            Attack::SecondSocket => out.extend(self.hello.clone().map(Outgoing::Beside)),
            Attack::HangUp => out.push(Outgoing::HangUp),
            Attack::Cancel => out.push(Outgoing::Cancel(CancelReason::Person)),
            _ => {}
        }
    }
}
