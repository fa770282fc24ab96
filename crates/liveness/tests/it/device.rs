//! A device, its person, and an analysis, for captures without any of them.
//!
//! Start at [`Device::run`]. Time is a number; a tick is 10 ms.

use likeness_liveness::message::{Direction, FromServer, Hint, Oval, Prompt, PromptKind};
use likeness_liveness::{
    Breach, Capture, CaptureStart, Chain, Challenge, ChallengeRequest, Covered, Event, FaceSeen, FrameHead, FrameSize,
    Mode, Observation, Outcome, Policy, Quality, Reaction, Rectangle,
};
use std::sync::Arc;
use uuid::Uuid;

pub(crate) const SESSION: Uuid = Uuid::from_u128(0x0f8f_ad5b_d9cb_469f_a165_7086_7728_950e);
pub(crate) const NONCE: [u8; 16] = [7; 16];
const TICK: u64 = 10;
const SIZE: FrameSize = FrameSize { width: 640, height: 480 };

/// What goes from the device to the server.
#[derive(Clone, Debug)]
pub(crate) enum Sent {
    Frame(FrameHead, Vec<u8>),
    Shown { step: u16, t: f64 },
    End { count: u32, tail: [u8; 32] },
}

/// Changes a frame before it is in the chain: what the owner of a device can do.
pub(crate) type Forge = Box<dyn FnMut(&mut FrameHead, &mut Vec<u8>)>;
/// Changes what was to be sent: what somebody on the way can do, or a broken program.
pub(crate) type Tamper = Box<dyn FnMut(&mut Vec<Sent>)>;
/// What a person does, by the prompt and the milliseconds since it was shown: changes an observation.
pub(crate) type Person = Box<dyn FnMut(&mut Observation, Option<&Prompt>, f64)>;

pub(crate) struct Device {
    pub(crate) capture: Capture,
    pub(crate) now: u64,
    /// From the device's clock to the server's.
    pub(crate) rate: f64,
    /// Milliseconds from sending to arrival.
    pub(crate) latency: u64,
    /// Milliseconds from arrival to an observation; `None`: skipped.
    pub(crate) analysis: Option<u64>,
    pub(crate) frame_gap: u64,
    /// While which prompts it sends no frames.
    pub(crate) skips: fn(&Prompt) -> bool,
    pub(crate) person: Person,
    pub(crate) forge: Forge,
    pub(crate) tamper: Tamper,
    /// What the server said, with when.
    pub(crate) heard: Vec<(u64, FromServer)>,
    /// Frames that were to be analysed.
    pub(crate) asked: Vec<(u32, PromptKind)>,
    pub(crate) breach: Option<Breach>,
    chain: Chain,
    seq: u32,
    step: u16,
    prompt: Option<Prompt>,
    shown_t: f64,
    oval: Option<Oval>,
    is_finishing: bool,
    next_frame: u64,
    to_show: Option<(u64, u16, Prompt)>,
    waits_for_good: Option<(u16, Prompt)>,
    on_the_way: Vec<(u64, Sent)>,
    in_analysis: Vec<(u64, Observation)>,
}

pub(crate) struct Setup {
    pub(crate) mode: Mode,
    pub(crate) without_light: bool,
    pub(crate) slow: bool,
    pub(crate) seed: u8,
    pub(crate) policy: Policy,
    pub(crate) expects_reference: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            mode: Mode::Passive,
            without_light: false,
            slow: false,
            seed: 1,
            policy: Policy::default(),
            expects_reference: false,
        }
    }
}

pub(crate) fn capture(setup: &Setup) -> Capture {
    let request =
        ChallengeRequest { mode: setup.mode, without_light: setup.without_light, slow: setup.slow, frame: Some(SIZE) };
    let start = CaptureStart {
        session_id: SESSION,
        attempt: 1,
        remaining_attempts: 2,
        nonce: NONCE,
        challenge: Challenge::draw([setup.seed; 32], request, &setup.policy),
        expects_reference: setup.expects_reference,
    };
    Capture::new(start, Arc::new(setup.policy.clone()), 0)
}

/// A JPEG as far as anybody looks.
pub(crate) fn jpeg(width: u16, height: u16, filler: &[u8]) -> Vec<u8> {
    let [h, i] = height.to_be_bytes();
    let [w, x] = width.to_be_bytes();
    [&[0xff, 0xd8, 0xff, 0xc0, 0, 8, 8, h, i, w, x, 1][..], filler].concat()
}

/// A face in the middle of the oval.
pub(crate) fn face(oval: Option<&Oval>) -> FaceSeen {
    let oval = oval.copied().unwrap_or(Oval { x: 0.3, y: 0.2, width: 0.3, height: 0.5 });
    let (left, top) = (oval.x * SIZE.width as f32, oval.y * SIZE.height as f32);
    let (width, height) = (oval.width * SIZE.width as f32, oval.height * SIZE.height as f32);
    FaceSeen {
        rectangle: Rectangle { left: left as i32, top: top as i32, width: width as i32, height: height as i32 },
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
    }
}

/// Turns as asked, 20 degrees, out after 0.6 s and back after 1.4 s.
pub(crate) fn willing(seen: &mut Observation, prompt: Option<&Prompt>, since: f64) {
    if let Some(Prompt::Turn { direction }) = prompt {
        turn(seen, *direction, since);
    }
}

pub(crate) fn turn(seen: &mut Observation, direction: Direction, since: f64) {
    let share = (1.0 - ((since - 1_000.0).abs() / 400.0)).max(0.0) as f32;
    let Some(face) = &mut seen.face else { return };
    match direction {
        Direction::Left => face.yaw += 25.0 * share,
        Direction::Right => face.yaw -= 25.0 * share,
        Direction::Up => face.pitch += 20.0 * share,
        Direction::Down => face.pitch -= 20.0 * share,
    }
}

impl Device {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self {
            capture: capture(setup),
            now: 0,
            rate: 1.0,
            latency: 40,
            analysis: Some(120),
            frame_gap: if setup.slow { 200 } else { 100 },
            skips: |_| false,
            person: Box::new(willing),
            forge: Box::new(|_, _| {}),
            tamper: Box::new(|_| {}),
            heard: Vec::new(),
            asked: Vec::new(),
            breach: None,
            chain: Chain::begin(SESSION, &NONCE),
            seq: 0,
            step: 0,
            prompt: None,
            shown_t: 0.0,
            oval: None,
            is_finishing: false,
            next_frame: 30,
            to_show: None,
            waits_for_good: None,
            on_the_way: Vec::new(),
            in_analysis: Vec::new(),
        }
    }

    /// The device's clock.
    fn t(&self) -> f64 {
        5_000.0 + self.now as f64 * self.rate
    }

    pub(crate) fn handle(&mut self, event: Event<'_>) -> Option<Reaction> {
        match self.capture.handle(event, self.now) {
            Ok(reaction) => Some(reaction),
            Err(breach) => {
                assert!(self.breach.is_none(), "a capture ends once");
                self.breach = Some(breach);
                None
            }
        }
    }

    /// Runs until the capture is over, and says how it ended.
    pub(crate) fn run(mut self) -> (Outcome, Run) {
        while !self.capture.is_over() && self.now < 200_000 {
            self.tick();
        }
        assert!(self.capture.is_over(), "a capture comes to its end");
        let run = Run { heard: self.heard, asked: self.asked, breach: self.breach, took: self.now };
        (self.capture.into_outcome(), run)
    }

    pub(crate) fn tick(&mut self) {
        self.now += TICK;
        if self.capture.wake_at().is_some_and(|at| at <= self.now)
            && let Err(breach) = self.capture.handle_timeout(self.now)
        {
            self.breach = Some(breach);
        }
        assert!(self.capture.wake_at().is_none_or(|at| at > self.now), "it does not ask to be woken for nothing");
        self.listen();
        self.show();
        let mut out = Vec::new();
        let is_due = self.next_frame <= self.now && !self.is_finishing;
        if is_due {
            self.next_frame += self.frame_gap;
        }
        if is_due && !self.prompt.as_ref().is_some_and(self.skips) {
            self.seq += 1;
            let mut head = FrameHead { seq: self.seq, capture_ms: self.t(), step: self.step, tail: [0; 16] };
            let mut picture = jpeg(640, 480, &self.seq.to_be_bytes());
            (self.forge)(&mut head, &mut picture);
            self.chain.extend(&mut head, &picture);
            out.push(Sent::Frame(head, picture));
        }
        self.send(out);
        self.arrive();
        self.analyse();
        self.listen();
    }

    /// Delivers what is on the way, and says what an `end` would say now.
    pub(crate) fn deliver(&mut self) -> (u32, [u8; 32]) {
        self.now += self.latency;
        self.arrive();
        (self.chain.count(), *self.chain.tail())
    }

    fn send(&mut self, mut out: Vec<Sent>) {
        if !out.is_empty() {
            (self.tamper)(&mut out);
        }
        let at = self.now + self.latency;
        self.on_the_way.extend(out.into_iter().map(|sent| (at, sent)));
    }

    fn listen(&mut self) {
        while let Some(message) = self.capture.poll_message() {
            self.heard.push((self.now, message.clone()));
            match message {
                FromServer::Step(step) => {
                    let (number, prompt) = (step.step, step.prompt);
                    if let Prompt::Settle { oval, .. } | Prompt::Near { oval } = &prompt {
                        self.oval = Some(*oval);
                    }
                    if matches!(prompt, Prompt::Settle { colours: Some(_), .. }) {
                        self.waits_for_good = Some((number, prompt));
                    } else {
                        self.to_show = Some((self.now + 60, number, prompt));
                    }
                }
                FromServer::Hint { hint: Hint::Good } => {
                    if let Some((number, prompt)) = self.waits_for_good.take() {
                        self.to_show = Some((self.now + 60, number, prompt));
                    }
                }
                FromServer::Finish => {
                    self.is_finishing = true;
                    let (count, tail) = (self.chain.count(), *self.chain.tail());
                    self.send(vec![Sent::End { count, tail }]);
                }
                _ => {}
            }
        }
    }

    fn show(&mut self) {
        if let Some((at, number, prompt)) = self.to_show.take() {
            if at > self.now {
                self.to_show = Some((at, number, prompt));
                return;
            }
            (self.step, self.prompt, self.shown_t) = (number, Some(prompt), self.t());
            self.send(vec![Sent::Shown { step: number, t: self.t() }]);
        }
    }

    fn arrive(&mut self) {
        let (arrived, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.on_the_way).into_iter().partition(|(at, _)| *at <= self.now);
        self.on_the_way = later;
        for (_, sent) in arrived {
            match sent {
                Sent::Shown { step, t } => drop(self.handle(Event::Shown { step, t })),
                Sent::End { count, tail } => drop(self.handle(Event::End { count, tail })),
                Sent::Frame(head, picture) => {
                    let bytes = [head.to_bytes().as_slice(), &picture].concat();
                    if let Some(Reaction::Analyse { seq, kind, .. }) = self.handle(Event::Frame { bytes: &bytes }) {
                        self.asked.push((seq, kind));
                        self.ask(seq, head.capture_ms);
                    }
                }
            }
        }
    }

    fn ask(&mut self, seq: u32, capture_ms: f64) {
        let Some(lag) = self.analysis else {
            self.handle(Event::AnalysisSkipped { seq });
            return;
        };
        let mut seen =
            Observation { seq, capture_ms: 0.0, step: 0, size: SIZE, faces: 1, face: Some(face(self.oval.as_ref())) };
        (self.person)(&mut seen, self.prompt.as_ref(), capture_ms - self.shown_t);
        self.in_analysis.push((self.now + lag, seen));
    }

    fn analyse(&mut self) {
        let (done, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.in_analysis).into_iter().partition(|(at, _)| *at <= self.now);
        self.in_analysis = later;
        for (_, seen) in done {
            self.handle(Event::Observed(seen));
        }
    }
}

/// What happened on the way.
pub(crate) struct Run {
    pub(crate) heard: Vec<(u64, FromServer)>,
    pub(crate) asked: Vec<(u32, PromptKind)>,
    pub(crate) breach: Option<Breach>,
    pub(crate) took: u64,
}

impl Run {
    pub(crate) fn prompts(&self) -> Vec<Prompt> {
        let prompts = self.heard.iter().filter_map(|(_, message)| match message {
            FromServer::Step(step) => Some(step.prompt.clone()),
            _ => None,
        });
        prompts.collect()
    }

    pub(crate) fn hints(&self) -> Vec<(u64, Hint)> {
        let hints = self.heard.iter().filter_map(|(at, message)| match message {
            FromServer::Hint { hint } => Some((*at, *hint)),
            _ => None,
        });
        hints.collect()
    }
}
