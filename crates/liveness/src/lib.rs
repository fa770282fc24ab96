//! Liveness: whether a live person is before a camera, as rules without effects.
//!
//! | question | answered by |
//! |---|---|
//! | what did the account ask for, and which attempts were made? | [`Session`], with its [`Attempt`]s |
//! | what do device and server say to each other? | [`message`], and [`FrameHead`] for frames |
//! | are these the frames of this attempt, all of them and in order? | [`Chain`] |
//! | what is the person asked to do? | [`Challenge`], drawn from random bytes |
//! | what happens between the first frame and the last? | [`Capture`], driven by [`Event`]s |
//! | what was measured of a frame? | [`Observation`] |
//! | what does it show? | a [`Judge`], such as [`Rules`], makes a [`Verdict`] of the [`Evidence`] |
//! | which numbers decide? | [`Policy`] |
//! | may this device try again? | [`CorrelationRecord`] |
//! | how is a capture kept for measurements? | [`Recording`] |
//!
//! Start at [`Capture`] for the protocol of `docs/device-protocol.md`, at [`Session`] for what is stored of it.
//!
//! What this crate does not know: pixels, HTTP, where sessions are kept, the clock, a source of randomness. The time is
//! an argument: a [`likeness_base::Timestamp`] where it is stored, milliseconds of any steady clock within one capture.
//! Frames pass through and are not kept. No error and no `Debug` shows a token, an address or a correlation id.

mod bounds;
mod capture;
mod chain;
mod challenge;
mod code;
mod correlation;
mod evidence;
mod jpeg;
mod judge;
pub mod message;
mod mode;
mod observation;
mod policy;
mod recording;
mod session;
mod text;
mod verdict;

pub use bounds::{Bounds, MOST_FRAME_SIDE, MOST_REFERENCE_BYTES};
pub use capture::{Breach, Capture, CaptureStart, Event, Outcome, Reaction};
pub use chain::{
    Chain, ChainProblem, FRAME_HEAD_BYTES, FrameHead, FrameProblem, capture_challenge, capture_statement,
    enrolment_challenge,
};
pub use challenge::{Challenge, ChallengeRequest};
pub use code::AttemptCode;
pub use correlation::{CorrelationLimits, CorrelationProblem, CorrelationRecord, CorrelationState, Counted, CountedAs};
pub use evidence::{Evidence, FramePair, FrameRecord, PairSeen, StepEnd, StepRecord};
pub use jpeg::jpeg_size;
pub use judge::{Checks, Rules};
pub use mode::{Mode, ModelVersion, Shape};
pub use observation::{Covered, FaceSeen, FrameSize, Observation, Quality, Rectangle};
pub use policy::{
    AnalysisPolicy, CameraPolicy, CapturePolicy, FacePolicy, HintPolicy, HoldPolicy, JudgePolicy, LightPolicy,
    NearPolicy, Policy, PolicyProblem, SecondTurn, SettlePolicy, TurnPolicy,
};
pub use recording::{RecordedChallenge, RecordedEvent, Recording, RecordingLabel, RecordingProblem};
pub use session::{
    Attempt, AttemptOutcome, AttemptResult, AttemptStart, Correlation, FlaggedSession, KeyRefusal, KeyStage,
    MOST_ATTEMPTS_ALLOWED, MOST_SESSION_BYTES, Origin, ReferenceSource, Session, SessionProblem, SessionRefusal,
    SessionRequest, SessionStatus, SessionStatusOld, Stage, VerifyRequest, VerifyResult,
};
pub use text::{Octets, SecretText};
pub use verdict::{Assurance, AssuranceTooLow, Decision, Judge, Judged, MinimumAssurance, PassiveNet, Reason, Verdict};
