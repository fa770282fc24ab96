//! The matrix: every kind of presentation under every light, rendered, with the seed alone deciding everything else.
//!
//! Start at [`Clip::all`] and [`Clip::play`]. What is drawn by the seed: the person's shape, the mode, place, reaction times, turns, tremor,
//! the challenge, the kind of screen, drift of exposure and white balance, blur, noise. It is simulated: it says nothing on people.

use crate::play::{Kept, NotPlayed, Response, play};
use crate::rates::Rate;
use fastrand::Rng;
use likeness_device::Acted;
use likeness_liveness::{CaptureStart, ChallengeRequest, Mode, Policy, RecordedChallenge, Recording, RecordingLabel};
use likeness_renderer::{
    BendAxis, Conditions, Performer, Person, RenderError, Scene, ScreenKind, Subject, recorded_prompts,
};
use likeness_vision::Vision;
use serde::Serialize;
use std::sync::Arc;
use uuid::Uuid;

/// What is before the camera. All but the first are attacks; the word of ISO/IEC 30107-3 for their kinds is *species*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Presentation {
    /// A person who does what is asked.
    Live,
    /// A flat print, turned by hand.
    Print,
    /// A print that is brought before the camera during the capture.
    SheetBroughtIn,
    /// A print bowed by 20 mm.
    Bowed20,
    /// A print bowed by 40 mm.
    Bowed40,
    /// A print bowed by 60 mm.
    Bowed60,
    /// A print bowed over by 20 mm: its top and its bottom go back.
    BowedOver20,
    /// A print bowed over by 40 mm.
    BowedOver40,
    /// A print bowed over by 60 mm.
    BowedOver60,
    /// A print with holes for the eyes, worn as a mask.
    CutOut,
    /// A photo on a screen.
    Screen,
    /// A recording of the person on a screen.
    Replay,
    /// A recording of the person in place of the camera.
    RecordedFile,
    /// A photo in place of the camera.
    StillFile,
}

impl Presentation {
    /// All of them, the person first.
    pub const ALL: [Self; 14] = [
        Self::Live,
        Self::Print,
        Self::SheetBroughtIn,
        Self::Bowed20,
        Self::Bowed40,
        Self::Bowed60,
        Self::BowedOver20,
        Self::BowedOver40,
        Self::BowedOver60,
        Self::CutOut,
        Self::Screen,
        Self::Replay,
        Self::RecordedFile,
        Self::StillFile,
    ];

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live person",
            Self::Print => "flat print",
            Self::SheetBroughtIn => "print brought in",
            Self::Bowed20 => "print bowed 20 mm",
            Self::Bowed40 => "print bowed 40 mm",
            Self::Bowed60 => "print bowed 60 mm",
            Self::BowedOver20 => "print bowed over 20 mm",
            Self::BowedOver40 => "print bowed over 40 mm",
            Self::BowedOver60 => "print bowed over 60 mm",
            Self::CutOut => "cut-out print, worn",
            Self::Screen => "photo on a screen",
            Self::Replay => "recording on a screen",
            Self::RecordedFile => "recorded file",
            Self::StillFile => "still file",
        }
    }

    /// As a label says it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Print => "print",
            Self::SheetBroughtIn => "print-brought-in",
            Self::Bowed20 => "print-bowed-20",
            Self::Bowed40 => "print-bowed-40",
            Self::Bowed60 => "print-bowed-60",
            Self::BowedOver20 => "print-bowed-over-20",
            Self::BowedOver40 => "print-bowed-over-40",
            Self::BowedOver60 => "print-bowed-over-60",
            Self::CutOut => "print-cut-out",
            Self::Screen => "screen",
            Self::Replay => "screen-replay",
            Self::RecordedFile => "file-recording",
            Self::StillFile => "file-still",
        }
    }

    /// Whether it can meet random prompts by chance alone: a recording in which a person turns.
    pub const fn is_recording(self) -> bool {
        matches!(self, Self::Replay | Self::RecordedFile)
    }

    fn subject(self, seed: u64) -> Subject {
        let bowed = |sagitta_mm, axis| Subject::BowedPrint { sagitta_mm, axis };
        match self {
            Self::Live => Subject::Live,
            Self::Print => Subject::FlatPrint,
            Self::SheetBroughtIn => Subject::SheetIn { at_ms: 2_500.0 },
            Self::Bowed20 => bowed(20.0, BendAxis::Upright),
            Self::Bowed40 => bowed(40.0, BendAxis::Upright),
            Self::Bowed60 => bowed(60.0, BendAxis::Upright),
            Self::BowedOver20 => bowed(20.0, BendAxis::Level),
            Self::BowedOver40 => bowed(40.0, BendAxis::Level),
            Self::BowedOver60 => bowed(60.0, BendAxis::Level),
            Self::CutOut => Subject::CutOut,
            Self::Screen => Subject::Screen,
            Self::Replay => Subject::Replay { recorded: recorded_prompts(seed ^ 0x0005_EED5) },
            Self::RecordedFile => Subject::RecordedFile { recorded: recorded_prompts(seed ^ 0x0005_EED5) },
            Self::StillFile => Subject::StillFile,
        }
    }
}

/// The room's light at the face.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Light {
    /// 50 lux.
    Dim,
    /// 150 lux.
    Evening,
    /// 300 lux.
    Office,
    /// 1,000 lux.
    Window,
    /// 10,000 lux.
    Shade,
}

impl Light {
    /// All of them, the darkest first.
    pub const ALL: [Self; 5] = [Self::Dim, Self::Evening, Self::Office, Self::Window, Self::Shade];

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dim => "dim room, 50 lux",
            Self::Evening => "evening, 150 lux",
            Self::Office => "office, 300 lux",
            Self::Window => "by a window, 1,000 lux",
            Self::Shade => "shade outdoors, 10,000 lux",
        }
    }

    /// As a label says it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dim => "dim",
            Self::Evening => "evening",
            Self::Office => "office",
            Self::Window => "window",
            Self::Shade => "shade",
        }
    }

    const fn lux(self) -> f32 {
        match self {
            Self::Dim => 50.0,
            Self::Evening => 150.0,
            Self::Office => 300.0,
            Self::Window => 1_000.0,
            Self::Shade => 10_000.0,
        }
    }
}

/// One presentation of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clip {
    /// What is before the camera.
    pub presentation: Presentation,
    /// The room's light.
    pub light: Light,
    /// What draws everything else.
    pub seed: u64,
}

/// What came of a clip.
pub struct Came {
    /// What each try came to.
    pub tries: Vec<Response>,
    /// The first try, as it can be made again. When it was made is for whoever has a clock.
    pub first: Recording,
    /// The JPEGs of its frames, from number 1 on.
    pub frames: Vec<Vec<u8>>,
}

/// A try that has been drawn.
struct Drawn {
    start: CaptureStart,
    acted: Acted,
    challenge: RecordedChallenge,
    /// Which of the people.
    person: usize,
}

/// Why a clip was not played.
#[derive(Debug, thiserror::Error)]
pub enum ClipProblem {
    /// It cannot be drawn.
    #[error(transparent)]
    Drawing(#[from] RenderError),
    /// It cannot be looked at.
    #[error(transparent)]
    Playing(#[from] NotPlayed),
}

impl Clip {
    /// Every presentation under every light, so many times, from a first seed on.
    pub fn all(first_seed: u64, seeds: u64) -> Vec<Self> {
        let cell =
            |presentation, light| (first_seed..first_seed + seeds).map(move |seed| Self { presentation, light, seed });
        Presentation::ALL
            .into_iter()
            .flat_map(|presentation| Light::ALL.into_iter().flat_map(move |light| cell(presentation, light)))
            .collect()
    }

    /// Plays it, a live person up to twice: as people do.
    ///
    /// # Errors
    /// [`ClipProblem`].
    pub fn play(&self, people: &[Person], policy: &Arc<Policy>, vision: &mut Vision) -> Result<Came, ClipProblem> {
        let Drawn { start, mut acted, challenge, person } = self.drawn(0, people, policy)?;
        let mut kept = Kept::default();
        let mut tries = vec![play(start, policy, &mut acted, vision, Some(&mut kept))?.response(policy)];
        if self.presentation == Presentation::Live && tries != [Response::Real] {
            let Drawn { start, mut acted, .. } = self.drawn(1, people, policy)?;
            tries.push(play(start, policy, &mut acted, vision, None)?.response(policy));
        }
        let label = RecordingLabel {
            presentation: self.presentation.word().to_owned(),
            subject: format!("head-{person}"),
            light: Some(self.light.word().to_owned()),
            simulated: true,
        };
        let (policy_version, Kept { events, frames }) = (policy.version.clone(), kept);
        Ok(Came { tries, first: Recording { label, made_ms: 0, policy_version, challenge, events }, frames })
    }

    fn drawn(&self, attempt: u64, people: &[Person], policy: &Policy) -> Result<Drawn, ClipProblem> {
        // Of one seed, each cell has other people, prompts and cameras: else a few seeds would be a few cases.
        let cell = 16 * self.presentation as u64 + self.light as u64;
        let seed = self.seed.wrapping_mul(0x9E37_79B9).wrapping_add(cell << 32).wrapping_add(attempt);
        let mut random = Rng::with_seed(seed);
        let person = random.usize(..people.len());
        let between = |random: &mut Rng, low: f32, high: f32| low + (high - low) * random.f32();
        let conditions = Conditions {
            ambient_lux: self.light.lux(),
            screen: if random.bool() { ScreenKind::Phone } else { ScreenKind::Laptop },
            light_lag_ms: f64::from(between(&mut random, 60.0, 180.0)),
            noise_levels: between(&mut random, 1.0, 3.0),
            blur_px: between(&mut random, 0.4, 1.1),
            jitter_px: between(&mut random, 0.1, 0.3),
            exposure_drift: between(&mut random, 0.0, 0.7),
            white_balance_drift: between(&mut random, 0.0, 0.5),
            readout_ms: f64::from(between(&mut random, 0.0, 30.0)),
            distortion: between(&mut random, -0.08, 0.05),
            seed: random.u64(..),
            ..Conditions::default()
        };
        // Whoever wears a mask is somebody else.
        let wearer = &people[(person + 1) % people.len()];
        let before = [people[person].clone(), wearer.clone()];
        let before = if self.presentation == Presentation::CutOut { &before[..] } else { &before[..1] };
        let scene = Scene::new(before, self.presentation.subject(self.seed), conditions)?;
        let mut bytes = [0; 32];
        bytes.fill_with(|| random.u8(..));
        let request = ChallengeRequest {
            mode: if random.bool() { Mode::Passive } else { Mode::PassiveActive },
            without_light: false,
            slow: false,
            frame: None,
        };
        let challenge = RecordedChallenge::new(bytes, request);
        let start = CaptureStart {
            session_id: Uuid::from_u128(u128::from(self.seed)),
            attempt: 1,
            remaining_attempts: 0,
            nonce: [1; 16],
            challenge: challenge.draw(policy),
            expects_reference: false,
        };
        Ok(Drawn { start, acted: Acted::new(Performer::new(scene)), challenge, person })
    }
}

/// What a row of the report counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Presentations.
    pub presentations: u32,
    /// First tries that ended `realface`.
    pub real: u32,
    /// First tries that ended `spoofface`.
    pub spoof: u32,
    /// First tries that ended `uncertain`.
    pub uncertain: u32,
    /// First tries without a decision.
    pub no_response: u32,
    /// Presentations that ended `realface` by the second try at the latest.
    pub real_after_two: u32,
}

impl Tally {
    /// Counts one presentation by its tries.
    pub fn count(&mut self, tries: &[Response]) {
        let Some(first) = tries.first() else { return };
        self.presentations += 1;
        match first {
            Response::Real => self.real += 1,
            Response::Spoof => self.spoof += 1,
            Response::Uncertain => self.uncertain += 1,
            Response::None(_) => self.no_response += 1,
        }
        self.real_after_two += u32::from(tries.contains(&Response::Real));
    }

    /// Both together.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        self.presentations += other.presentations;
        self.real += other.real;
        self.spoof += other.spoof;
        self.uncertain += other.uncertain;
        self.no_response += other.no_response;
        self.real_after_two += other.real_after_two;
        self
    }

    /// Of an attack: APCER, the share that was taken for a person.
    pub fn taken_as_real(&self) -> Rate {
        Rate::new(self.real, self.presentations)
    }

    /// Without a decision: of attacks APNRR, of people BPNRR.
    pub fn without_response(&self) -> Rate {
        Rate::new(self.no_response, self.presentations)
    }

    /// Of people: BPCER, the share of which the decision was another than `realface`.
    pub fn taken_as_attack(&self) -> Rate {
        Rate::new(self.spoof + self.uncertain, self.presentations)
    }

    /// Of people: BPCER with non-response, the share that did not pass the first try.
    pub fn refused_once(&self) -> Rate {
        Rate::new(self.presentations - self.real, self.presentations)
    }

    /// Of people: the share that did not pass two tries.
    pub fn refused_twice(&self) -> Rate {
        Rate::new(self.presentations - self.real_after_two, self.presentations)
    }
}
