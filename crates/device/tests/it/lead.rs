//! A server without a network: a capture, and a person who is always seen well and turns as asked.

use likeness_device::{Address, Client, ClientError, Device, Folder, Outcome, RealTime, Tamper, Way};
use likeness_liveness::message::{
    AttemptStatus, Direction, FromDevice, FromServer, Hint, Oval, Prompt, PromptKind, ResultMessage,
};
use likeness_liveness::{
    AttemptCode, Capture, CaptureStart, Challenge, ChallengeRequest, Covered, Event, FaceSeen, FrameHead, FrameSize,
    Mode, Observation, Policy, Quality, Reaction, Rectangle,
};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::time::{Duration, Instant};
use uuid::Uuid;

pub(crate) const SESSION: Uuid = Uuid::from_u128(0x0f8f_ad5b_d9cb_469f_a165_7086_7728_950e);
const SIZE: FrameSize = FrameSize { width: 640, height: 480 };
const ANALYSIS: Duration = Duration::from_millis(120);

/// What the session wants.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) reference: bool,
    pub(crate) seed: u8,
}

pub(crate) struct Lead {
    capture: Option<Capture>,
    begun: Instant,
    oval: Option<Oval>,
    prompts: HashMap<u16, Prompt>,
    shown: HashMap<u16, f64>,
    in_analysis: Vec<(Instant, Observation)>,
    pub(crate) references: Vec<usize>,
    pub(crate) signature: Option<[u8; 64]>,
}

impl Lead {
    pub(crate) fn begin(hello: &likeness_liveness::message::Hello, wanted: Wanted) -> Self {
        let policy = Policy::default();
        let request = ChallengeRequest {
            mode: Mode::PassiveActive,
            without_light: hello.device.without_light,
            slow: hello.device.slow,
            frame: Some(SIZE),
        };
        let start = CaptureStart {
            session_id: SESSION,
            attempt: 1,
            remaining_attempts: 2,
            nonce: [7; 16],
            challenge: Challenge::draw([wanted.seed; 32], request, &policy),
            expects_reference: wanted.reference,
        };
        Self {
            capture: Some(Capture::new(start, Arc::new(policy), 0)),
            begun: Instant::now(),
            oval: None,
            prompts: HashMap::new(),
            shown: HashMap::new(),
            in_analysis: Vec::new(),
            references: Vec::new(),
            signature: None,
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).expect("a test does not last so long")
    }

    pub(crate) fn handle(&mut self, event: Event<'_>) -> Reaction {
        let now = self.now();
        let capture = self.capture.as_mut().expect("nothing comes after the result");
        capture.handle(event, now).unwrap_or(Reaction::Nothing)
    }

    /// A JSON message of the device.
    pub(crate) fn text(&mut self, text: &str) {
        let event = match FromDevice::parse(text) {
            Ok(FromDevice::Shown(shown)) => {
                self.shown.insert(shown.step, shown.t);
                Event::Shown { step: shown.step, t: shown.t }
            }
            Ok(FromDevice::End(end)) => {
                self.signature = end.signature;
                Event::End { count: end.count, tail: end.tail }
            }
            Ok(FromDevice::Cancel { reason }) => Event::Cancel { reason },
            Ok(FromDevice::Hello(_)) | Err(_) => Event::Frame { bytes: &[] },
        };
        let _ = self.handle(event);
    }

    /// A binary message of the device.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        if self.capture.as_ref().is_some_and(Capture::awaits_reference) {
            self.references.push(bytes.len());
            let _ = self.handle(Event::Reference { bytes: bytes.len() });
            return;
        }
        let Reaction::Analyse { seq, step, .. } = self.handle(Event::Frame { bytes }) else { return };
        let Ok((head, jpeg)) = FrameHead::parse(bytes) else { return };
        let reader = image::ImageReader::with_format(std::io::Cursor::new(jpeg), image::ImageFormat::Jpeg);
        if reader.decode().is_err() {
            let _ = self.handle(Event::Undecodable { seq });
            return;
        }
        let seen = self.observation(seq, step, head.capture_ms);
        self.in_analysis.push((Instant::now() + ANALYSIS, seen));
    }

    fn observation(&self, seq: u32, step: u16, capture_ms: f64) -> Observation {
        let oval = self.oval.unwrap_or(Oval { x: 0.3, y: 0.2, width: 0.3, height: 0.5 });
        let pixels = |share: f32, all: u32| (share * all as f32) as i32;
        let mut face = FaceSeen {
            rectangle: Rectangle {
                left: pixels(oval.x, 640),
                top: pixels(oval.y, 480),
                width: pixels(oval.width, 640),
                height: pixels(oval.height, 480),
            },
            eye_distance: 80.0,
            yaw: 1.0,
            pitch: -2.0,
            roll: 0.0,
            blur: 0.1,
            exposure: 0.5,
            brightness: 120.0,
            covered: Covered::default(),
            quality: Quality::High,
            nose_offset: None,
            tones: None,
            passive_score: None,
        };
        if let (Some(Prompt::Turn { direction }), Some(shown)) = (self.prompts.get(&step), self.shown.get(&step)) {
            let share = (1.0 - ((capture_ms - shown - 1_000.0).abs() / 400.0)).max(0.0) as f32;
            match direction {
                Direction::Left => face.yaw += 25.0 * share,
                Direction::Right => face.yaw -= 25.0 * share,
                Direction::Up => face.pitch += 20.0 * share,
                Direction::Down => face.pitch -= 20.0 * share,
            }
        }
        Observation { seq, capture_ms, step, size: SIZE, faces: 1, face: Some(face) }
    }

    /// Goes on to now, and says what there is to say.
    pub(crate) fn messages(&mut self) -> Vec<FromServer> {
        let now = self.now();
        let due = Instant::now();
        let (done, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.in_analysis).into_iter().partition(|(at, _)| *at <= due);
        self.in_analysis = later;
        let Some(capture) = &mut self.capture else { return Vec::new() };
        for (_, seen) in done {
            let _ = capture.handle(Event::Observed(seen), now);
        }
        let _ = capture.handle_timeout(now);
        let mut messages: Vec<FromServer> = std::iter::from_fn(|| capture.poll_message()).collect();
        for message in &messages {
            if let FromServer::Step(step) = message {
                if let Prompt::Settle { oval, .. } | Prompt::Near { oval } = &step.prompt {
                    self.oval = Some(*oval);
                }
                self.prompts.insert(step.step, step.prompt.clone());
            }
        }
        if capture.is_over() {
            let digest = capture.digest_hex();
            let outcome = self.capture.take().map(Capture::into_outcome);
            let code = match outcome.expect("there is a capture") {
                likeness_liveness::Outcome::Evidence(_) => None,
                likeness_liveness::Outcome::Failed(code) => Some(code),
                likeness_liveness::Outcome::Canceled(_) => Some(AttemptCode::Canceled),
            };
            let status = if code.is_none() { AttemptStatus::Succeeded } else { AttemptStatus::Failed };
            messages.push(FromServer::Result(ResultMessage {
                status,
                digest,
                code,
                remaining_attempts: 2,
                response: None,
            }));
        }
        messages
    }

    pub(crate) fn is_over(&self) -> bool {
        self.capture.is_none()
    }

    /// When something happens without the device.
    pub(crate) fn wake_at(&self) -> Instant {
        let seen = self.in_analysis.iter().map(|(at, _)| *at);
        let capture = self.capture.as_ref().and_then(Capture::wake_at);
        let capture = capture.map(|at| self.begun + Duration::from_millis(at));
        seen.chain(capture).min().unwrap_or_else(|| Instant::now() + Duration::from_secs(60))
    }
}

/// A folder with some small pictures.
pub(crate) fn pictures(count: u8) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for number in 0..count {
        let mut jpeg = Vec::new();
        let pixels: Vec<u8> = (0..64 * 48 * 3).map(|at| (at % 251) as u8 ^ number).collect();
        jpeg_encoder::Encoder::new(&mut jpeg, 85)
            .encode(&pixels, 64, 48, jpeg_encoder::ColorType::Rgb)
            .expect("a picture");
        std::fs::write(folder.path().join(format!("{number:03}.jpg")), jpeg).expect("a file");
    }
    folder
}

/// What the server heard of what a device did.
pub(crate) struct Heard {
    pub(crate) references: Vec<usize>,
    pub(crate) signature: Option<[u8; 64]>,
}

/// Captures an attempt of a person who is seen well.
pub(crate) async fn capture(
    way: Way,
    device: Device,
    wanted: Wanted,
    tamper: &mut dyn Tamper,
) -> (Result<Outcome, ClientError>, Heard) {
    let folder = pictures(3);
    let mut source = Folder::open(folder.path(), true).expect("the folder has pictures");
    capture_of(way, device, wanted, &mut source, tamper).await
}

pub(crate) async fn capture_of(
    way: Way,
    device: Device,
    wanted: Wanted,
    source: &mut dyn likeness_device::Source,
    tamper: &mut dyn Tamper,
) -> (Result<Outcome, ClientError>, Heard) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let peer = match way {
        Way::Socket => tokio::spawn(super::socket_peer::serve(far, wanted)),
        Way::Requests => tokio::spawn(super::http_peer::serve(far, wanted)),
    };
    let client =
        Client::new(Address::parse("http://peer.example").expect("an address"), "a token").by(way).with_device(device);
    let outcome = client.capture_over(near, source, tamper, &RealTime::new()).await;
    (outcome, peer.await.expect("the peer comes to its end"))
}

/// Whether a hint was said.
pub(crate) fn has_hint(told: &[(f64, FromServer)], wanted: Hint) -> bool {
    told.iter().any(|(_, message)| matches!(message, FromServer::Hint { hint } if *hint == wanted))
}

/// The kinds of the steps.
pub(crate) fn kinds(told: &[(f64, FromServer)]) -> Vec<PromptKind> {
    let steps = told.iter().filter_map(|(_, message)| match message {
        FromServer::Step(step) => Some(step.prompt.kind()),
        _ => None,
    });
    steps.collect()
}
