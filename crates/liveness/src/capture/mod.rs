//! One capture, from the first frame to the last. It owns no socket and reads no clock.
//!
//! Start at [`Capture`]. Whoever owns the socket passes [`Event`]s and the time in, asks for messages to send
//! ([`Capture::poll_message`]) and for when to come back ([`Capture::wake_at`]), and in the end takes the [`Outcome`]. Frames
//! are looked at while they pass and not kept: the caller analyses those that it is asked to and reports [`Observation`]s.

mod clocks;
mod hints;
mod intake;
mod keys;
mod lead;
mod sampler;
mod seen;

use crate::message::{CancelReason, FromServer, PromptKind, Ready, StepMessage};
use crate::{
    AttemptCode, Bounds, Challenge, Evidence, FrameRecord, MOST_FRAME_SIDE, MOST_REFERENCE_BYTES, Observation, Policy,
    StepEnd, StepRecord,
};
use hints::Hints;
use intake::Intake;
use sampler::Sampler;
use std::collections::VecDeque;
use std::sync::Arc;
use thiserror::Error;
use uuid::Uuid;

/// What a capture begins with. The challenge prints nothing of what is to come.
#[derive(Clone, Debug)]
pub struct CaptureStart {
    /// The session.
    pub session_id: Uuid,
    /// The attempt in it, from 1.
    pub attempt: u8,
    /// Attempts left after this one.
    pub remaining_attempts: u8,
    /// What the chain begins with: random, and new for each attempt.
    pub nonce: [u8; 16],
    /// What the person is asked to do.
    pub challenge: Challenge,
    /// Whether the device has to send a reference picture first.
    pub expects_reference: bool,
}

/// What happens to a capture.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// The device's reference picture came. The caller keeps it.
    Reference {
        /// How long it is.
        bytes: usize,
    },
    /// The reference picture cannot be used.
    ReferenceRefused,
    /// `shown`.
    Shown {
        /// The step.
        step: u16,
        /// Since when, by the device's clock.
        t: f64,
    },
    /// A binary message: head and JPEG.
    Frame {
        /// All of it.
        bytes: &'a [u8],
    },
    /// A picture of a terminal that speaks of no chain; requests only.
    Picture {
        /// All of it.
        jpeg: &'a [u8],
    },
    /// A frame was analysed. Late observations, and such that nobody asked for, are dropped.
    Observed(Observation),
    /// A frame is not analysed after all, for want of a place.
    AnalysisSkipped {
        /// The frame.
        seq: u32,
    },
    /// A frame cannot be decoded.
    Undecodable {
        /// The frame.
        seq: u32,
    },
    /// `end`.
    End {
        /// How many frames were sent.
        count: u32,
        /// The chain after the last.
        tail: [u8; 32],
    },
    /// The end of an attempt of pictures without a chain; requests only.
    EndOfPictures,
    /// `cancel`.
    Cancel {
        /// Why.
        reason: CancelReason,
    },
}

/// What the caller does with what it passed in.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing.
    Nothing,
    /// It keeps the reference picture.
    KeepReference,
    /// It analyses this frame, and reports [`Event::Observed`], [`Event::AnalysisSkipped`] or [`Event::Undecodable`].
    Analyse {
        /// The frame.
        seq: u32,
        /// The step that was on the screen.
        step: u16,
        /// What that step is: `hold` frames may be matched.
        kind: PromptKind,
    },
}

/// The attempt has ended without evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{}: {what}", code.as_text())]
pub struct Breach {
    /// What the device and the app server read.
    pub code: AttemptCode,
    /// What happened, for the log.
    pub what: &'static str,
}

/// How a capture ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// There is something to judge.
    Evidence(Box<Evidence>),
    /// There is not.
    Failed(AttemptCode),
    /// It was given up on the device.
    Canceled(CancelReason),
}

/// One capture.
#[derive(Debug)]
pub struct Capture {
    start: CaptureStart,
    policy: Arc<Policy>,
    began_ms: u64,
    /// Since the beginning; never runs backwards.
    now_ms: u64,
    state: State,
    /// Whether frames are in a chain; unknown before the first.
    is_chained: Option<bool>,
    intake: Intake,
    sampler: Sampler,
    hints: Hints,
    steps: Vec<StepRecord>,
    observations: Vec<Observation>,
    is_settled: bool,
    missed_turns: u32,
    /// Whether the device has keys to sign with, which takes people time.
    waits_for_key: bool,
    /// Whether turns have to show what light does not.
    needs_turns: bool,
    messages: VecDeque<FromServer>,
}

/// How far a capture is. Times are since its beginning.
#[derive(Debug)]
enum State {
    /// The reference picture comes first.
    AwaitsReference,
    /// Steps are shown.
    Leading,
    /// All steps are over, `end` is waited for.
    Finishing { since_ms: u64 },
    /// `end` came, and observations are waited for.
    Closing { until_ms: u64 },
    /// It has ended.
    Over(Outcome),
}

const fn broken(what: &'static str) -> Breach {
    Breach { code: AttemptCode::ProtocolBroken, what }
}

const fn timed_out(what: &'static str) -> Breach {
    Breach { code: AttemptCode::TimedOut, what }
}

impl Capture {
    /// Begins: `ready` is to be sent, and the first step unless a reference picture comes first. `now_ms` is of any
    /// steady clock, the same in all calls.
    pub fn new(start: CaptureStart, policy: Arc<Policy>, now_ms: u64) -> Self {
        let (slow, needs_turns) = (start.challenge.request().slow, start.challenge.request().without_light);
        let bounds = Bounds::of(slow);
        let mut capture = Self {
            intake: Intake::new(start.session_id, &start.nonce, bounds),
            sampler: Sampler::new(bounds.analysed, slow),
            hints: Hints::default(),
            state: if start.expects_reference { State::AwaitsReference } else { State::Leading },
            start,
            policy,
            began_ms: now_ms,
            now_ms: 0,
            is_chained: None,
            steps: Vec::new(),
            observations: Vec::new(),
            is_settled: false,
            missed_turns: 0,
            waits_for_key: false,
            needs_turns,
            messages: VecDeque::new(),
        };
        capture.messages.push_back(FromServer::Ready(Box::new(capture.ready())));
        if !capture.start.expects_reference {
            capture.next_step();
        }
        capture
    }

    /// Takes an event in.
    ///
    /// # Errors
    /// [`Breach`] when the attempt has ended by it, or because time was over: once. Later events change nothing.
    pub fn handle(&mut self, event: Event<'_>, now_ms: u64) -> Result<Reaction, Breach> {
        self.run(now_ms, |capture| capture.take(event))
    }

    /// Goes on because time has passed; see [`Capture::wake_at`].
    ///
    /// # Errors
    /// [`Breach`] when the attempt has ended by it: once.
    pub fn handle_timeout(&mut self, now_ms: u64) -> Result<(), Breach> {
        self.run(now_ms, |_| Ok(Reaction::Nothing)).map(|_| ())
    }

    /// The next message to send.
    pub fn poll_message(&mut self) -> Option<FromServer> {
        self.messages.pop_front()
    }

    /// When [`Capture::handle_timeout`] is to be called at the latest; `None` once it is over.
    pub fn wake_at(&self) -> Option<u64> {
        self.next_deadline().map(|deadline| self.began_ms.saturating_add(deadline))
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }

    /// Whether the next binary message is the reference picture.
    pub fn awaits_reference(&self) -> bool {
        matches!(self.state, State::AwaitsReference)
    }

    /// The chain after the frames so far, as the contract's `digest`.
    pub fn digest_hex(&self) -> String {
        self.intake.chain.digest_hex()
    }

    /// How it ended. One that has not, because the device is gone, has timed out.
    pub fn into_outcome(self) -> Outcome {
        match self.state {
            State::Over(outcome) => outcome,
            _ => Outcome::Failed(AttemptCode::TimedOut),
        }
    }

    fn run(
        &mut self,
        now_ms: u64,
        take: impl FnOnce(&mut Self) -> Result<Reaction, Breach>,
    ) -> Result<Reaction, Breach> {
        if self.is_over() {
            return Ok(Reaction::Nothing);
        }
        self.now_ms = self.now_ms.max(now_ms.saturating_sub(self.began_ms));
        let taken = self.check_deadlines().and_then(|()| take(self));
        let result = taken.and_then(|reaction| self.lead().map(|()| reaction));
        if let Err(breach) = result {
            self.state = State::Over(Outcome::Failed(breach.code));
            self.messages.clear();
        }
        result
    }

    fn take(&mut self, event: Event<'_>) -> Result<Reaction, Breach> {
        match event {
            Event::Reference { bytes } => return self.take_reference(bytes),
            Event::ReferenceRefused => {
                return Err(Breach { code: AttemptCode::ReferenceRefused, what: "the reference cannot be used" });
            }
            Event::Shown { step, t } => self.take_shown(step, t)?,
            Event::Frame { bytes } => return self.take_frame(bytes),
            Event::Picture { jpeg } => return self.take_picture(jpeg),
            Event::Observed(observation) => self.take_observation(observation)?,
            Event::AnalysisSkipped { seq } => self.sampler.skipped(seq),
            Event::Undecodable { .. } => return Err(broken("a frame cannot be decoded")),
            Event::End { count, tail } => self.take_end(count, &tail)?,
            Event::EndOfPictures => self.take_end_of_pictures()?,
            Event::Cancel { reason } => {
                self.state = State::Over(Outcome::Canceled(reason));
                self.messages.clear();
            }
        }
        Ok(Reaction::Nothing)
    }

    fn take_reference(&mut self, bytes: usize) -> Result<Reaction, Breach> {
        if !self.awaits_reference() {
            return Err(broken("a reference picture is not expected"));
        }
        if bytes > MOST_REFERENCE_BYTES {
            return Err(broken("the reference picture has too many bytes"));
        }
        self.state = State::Leading;
        self.intake.last_ms = self.now_ms;
        self.next_step();
        Ok(Reaction::KeepReference)
    }

    fn take_shown(&mut self, step: u16, t: f64) -> Result<(), Breach> {
        if !matches!(self.state, State::Leading) || self.is_chained == Some(false) {
            return Err(broken("a step is shown that was not sent"));
        }
        if !t.is_finite() {
            return Err(broken("the time of a step is none"));
        }
        let last = self.steps.last_mut().filter(|last| last.step == step && last.shown_t.is_none());
        let last = last.ok_or(broken("a step is shown that was not sent, or twice"))?;
        let early_ms = self.policy.capture.early_ms;
        let clocks = &self.intake.clocks;
        if !clocks.may_have_shown(t, last.sent_ms, self.now_ms, early_ms, &self.intake.bounds) {
            return Err(broken("a step was shown before it was sent, or later than now"));
        }
        (last.shown_t, last.shown_ms) = (Some(t), Some(self.now_ms));
        Ok(())
    }

    fn take_frame(&mut self, bytes: &[u8]) -> Result<Reaction, Breach> {
        match self.state {
            State::AwaitsReference => return Err(broken("the reference picture comes before the first frame")),
            State::Leading | State::Finishing { .. } => {}
            State::Closing { .. } | State::Over(_) => return Err(broken("a frame after the end")),
        }
        if self.is_chained == Some(false) {
            return Err(broken("frames with and without a chain"));
        }
        self.is_chained = Some(true);
        let frame = self.intake.frame(bytes, &self.steps, &self.policy.capture, self.now_ms)?;
        Ok(self.sample(&frame))
    }

    fn take_picture(&mut self, jpeg: &[u8]) -> Result<Reaction, Breach> {
        let is_shown = self.steps.first().is_some_and(|first| first.shown_t.is_some());
        if !matches!(self.state, State::Leading) || self.is_chained == Some(true) || is_shown {
            return Err(broken("a picture without a chain is not expected"));
        }
        self.is_chained = Some(false);
        let frame = self.intake.bare_picture(jpeg, self.now_ms)?;
        Ok(self.sample(&frame))
    }

    /// Whether the frame is analysed. Those that come after the last step are in the chain and in nothing else.
    fn sample(&mut self, frame: &FrameRecord) -> Reaction {
        let kind = self.kind_of(frame.step);
        let dense_left = self.start.challenge.left(&[PromptKind::Turn, PromptKind::Hold]);
        if matches!(self.state, State::Leading) && self.sampler.takes(frame, kind, dense_left, &self.policy.analysis) {
            Reaction::Analyse { seq: frame.seq, step: frame.step, kind }
        } else {
            Reaction::Nothing
        }
    }

    fn take_observation(&mut self, mut observation: Observation) -> Result<(), Breach> {
        let at = observation.seq.checked_sub(1).and_then(|at| usize::try_from(at).ok());
        let Some(frame) = at.and_then(|at| self.intake.frames.get(at)).copied() else { return Ok(()) };
        if !self.sampler.answered(frame.seq, self.now_ms, self.policy.analysis.most_age_ms) {
            return Ok(());
        }
        if observation.size.width.max(observation.size.height) > MOST_FRAME_SIDE {
            return Err(broken("a frame has too many pixels"));
        }
        // Times and steps are those of the frame as it came, whatever the caller made of them.
        (observation.seq, observation.capture_ms, observation.step) = (frame.seq, frame.capture_ms, frame.step);
        let at = self.observations.partition_point(|earlier| earlier.seq < frame.seq);
        let is_newest = at == self.observations.len();
        self.observations.insert(at, observation);
        if is_newest && self.is_chained == Some(true) {
            self.hint_at_newest();
        }
        Ok(())
    }

    fn take_end(&mut self, count: u32, tail: &[u8; 32]) -> Result<(), Breach> {
        if self.is_chained == Some(false) || !self.intake.ends_with(count, tail) {
            return Err(broken("the end is not that of the frames"));
        }
        match self.state {
            State::Finishing { .. } => {
                self.state = State::Closing { until_ms: self.now_ms + self.policy.analysis.most_age_ms };
                Ok(())
            }
            State::Closing { .. } => Err(broken("a second end")),
            _ => Err(self.given_up()),
        }
    }

    fn take_end_of_pictures(&mut self) -> Result<(), Breach> {
        match (&self.state, self.is_chained) {
            (State::Leading, Some(false)) => {
                self.state = State::Closing { until_ms: self.now_ms + self.policy.analysis.most_age_ms };
                Ok(())
            }
            (State::Leading | State::AwaitsReference, None) => {
                Err(Breach { code: AttemptCode::NoFaceDetected, what: "no frame came" })
            }
            _ => Err(broken("an end without number and hash")),
        }
    }

    fn ready(&self) -> Ready {
        let (bounds, request) = (&self.intake.bounds, self.start.challenge.request());
        Ready {
            session_id: self.start.session_id,
            attempt_id: self.start.attempt,
            remaining_attempts: self.start.remaining_attempts,
            mode: request.mode,
            nonce: self.start.nonce,
            frames_per_second: bounds.frames_per_second,
            width: self.policy.camera.width,
            height: self.policy.camera.height,
            jpeg_quality: self.policy.camera.jpeg_quality,
            most_frame_bytes: bounds.frame_bytes,
            most_frames: bounds.frames,
            seconds: u32::try_from(bounds.attempt_ms / 1_000).unwrap_or(u32::MAX),
            reference: self.start.expects_reference,
            keys: Vec::new(),
        }
    }

    /// Reveals the next prompt and sends it; `false` when there is none.
    fn next_step(&mut self) -> bool {
        let Some(prompt) = self.start.challenge.reveal() else { return false };
        let step = u16::try_from(self.steps.len() + 1).unwrap_or(u16::MAX);
        self.hints.clear();
        self.messages.push_back(FromServer::Step(StepMessage { step, prompt: prompt.clone() }));
        self.steps.push(StepRecord {
            step,
            prompt,
            sent_ms: self.now_ms,
            shown_t: None,
            shown_ms: None,
            ended_ms: None,
            end: StepEnd::Open,
        });
        true
    }

    /// What a step asks for. Before the first is shown, the person comes into its oval.
    fn kind_of(&self, step: u16) -> PromptKind {
        let at = usize::from(step.saturating_sub(1));
        self.steps.get(at).map_or(PromptKind::Settle, |step| step.prompt.kind())
    }
}
