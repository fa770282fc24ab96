//! Who or what is before the camera, and under which conditions.

use crate::cover::Cover;
use crate::error::RenderError;
use crate::light::{DARKEST_LUX, PageScreen};
use crate::person::Person;
use crate::prompt::{Colour, Shown};
use crate::room::Room;
use crate::sensor::Noise;
use std::sync::Arc;

/// Who or what is before the camera.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// The person, who answers prompts.
    Live,
    /// A flat print of the photo on A4, turned and moved by hand.
    FlatPrint,
    /// The print bent round a cylinder. The hand flexes it a little.
    BowedPrint {
        /// How far the middle rises over the edges.
        sagitta_mm: f32,
        /// Which way the cylinder lies.
        axis: BendAxis,
    },
    /// The print with holes for the eyes, worn before the face of the second person, or of the first if there is no other. The tip of the
    /// wearer's nose comes through.
    CutOut,
    /// A print that is brought into view. Before, the second person is there, or nobody if there is none.
    SheetIn {
        /// When it begins to come in.
        at_ms: f64,
    },
    /// The photo on a tablet, turned and moved by hand.
    Screen,
    /// A recording of the person, who answered other prompts, on a tablet that is held into the oval.
    Replay {
        /// What the recorded person was shown; see [`crate::recorded_prompts`].
        recorded: Vec<Shown>,
    },
    /// One picture without noise, injected again and again.
    StillFile,
    /// A recording of the person, who answered other prompts, injected.
    RecordedFile {
        /// What the recorded person was shown.
        recorded: Vec<Shown>,
    },
    /// The first person, and from a moment on the second in the same place.
    Swap {
        /// When.
        at_ms: f64,
    },
    /// The first person, who answers, and the second behind them.
    TwoFaces,
    /// The room.
    NoFace,
    /// The person, who wears something.
    Covered(Cover),
    /// The person in a room without light, before a screen that gives nearly none.
    Dark,
    /// The person, who stays well beside every oval.
    OffCentre,
    /// The person, who stays far behind every oval.
    TooFar,
}

/// Which way a cylinder lies that a print is bent round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BendAxis {
    /// From top to bottom: the sides go back.
    Upright,
    /// From side to side: the top and the bottom go back.
    Level,
}

/// What shows the page and lights the face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScreenKind {
    /// 500 cd/m2 on 93 cm2, held in the hand: the background wanders.
    Phone,
    /// 300 cd/m2 on 540 cm2, standing.
    Laptop,
}

impl ScreenKind {
    fn page_screen(self) -> PageScreen {
        match self {
            Self::Phone => PageScreen { candela: 500.0 * 0.0093, middle_mm: [0.0, 75.0, 0.0] },
            Self::Laptop => PageScreen { candela: 300.0 * 0.0540, middle_mm: [0.0, 110.0, 0.0] },
        }
    }
}

/// What is behind the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backdrop {
    /// The photo's own surroundings, unsharp.
    Photo,
    /// A drawn room with edges in it.
    Room,
}

/// Light, camera, and the seed of everything that is drawn by lot.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    /// The room's light at the face. An office has 300 lux, a room in the evening 150, a dim one 50, a
    /// place by a window 1,000.
    pub ambient_lux: f32,
    /// What shows the page.
    pub screen: ScreenKind,
    /// From a colour on the page to its light in a frame.
    pub light_lag_ms: f64,
    /// Standard deviation of the sensor's noise in an office, in levels of 255. It rises when there is less light.
    pub noise_levels: f32,
    /// Standard deviation of the lens's blur.
    pub blur_px: f32,
    /// Standard deviation by which each frame is moved.
    pub jitter_px: f32,
    /// How much of a change of light the automatic exposure takes back within a second or so: 0 to 1.
    pub exposure_drift: f32,
    /// How much of a change of colour the automatic white balance takes back: 0 to 1.
    pub white_balance_drift: f32,
    /// How much later the last row of a frame is read than the first, as with a rolling shutter: 0 to 33 for ordinary cameras.
    pub readout_ms: f64,
    /// How much the lens moves what is at the side edges of the frame outwards, as a share of its distance from the middle: -0.1 to 0.1.
    /// The background, which has no shape that anybody knows, stays as it is.
    pub distortion: f32,
    /// What is behind the person.
    pub backdrop: Backdrop,
    /// Draws everything: places, reaction times, turns, sway, noise.
    pub seed: u64,
}

impl Default for Conditions {
    /// A room in the evening, a laptop, an ordinary camera without drift.
    fn default() -> Self {
        Self {
            ambient_lux: 150.0,
            screen: ScreenKind::Laptop,
            light_lag_ms: 90.0,
            noise_levels: 1.8,
            blur_px: 0.6,
            jitter_px: 0.15,
            exposure_drift: 0.0,
            white_balance_drift: 0.0,
            readout_ms: 0.0,
            distortion: 0.0,
            backdrop: Backdrop::Photo,
            seed: 1,
        }
    }
}

/// Who or what is before the camera, under which conditions; cheap to clone.
#[derive(Clone)]
pub struct Scene {
    pub(crate) people: Vec<Person>,
    pub(crate) subject: Subject,
    pub(crate) conditions: Conditions,
    pub(crate) screen: PageScreen,
    pub(crate) ambient_lux: f32,
    pub(crate) room: Arc<Room>,
    pub(crate) noise: Arc<Noise>,
}

/// Distance for which the exposure was set before the capture.
pub(crate) const USUAL_DISTANCE_MM: f32 = 450.0;

impl Scene {
    /// A scene. Its first person is the subject; [`Subject::Swap`] and [`Subject::TwoFaces`] need a second.
    pub fn new(people: &[Person], subject: Subject, conditions: Conditions) -> Result<Self, RenderError> {
        let needed = if matches!(subject, Subject::Swap { .. } | Subject::TwoFaces) { 2 } else { 1 };
        if people.len() < needed {
            return Err(RenderError::People { needed, given: people.len() });
        }
        let mut screen = conditions.screen.page_screen();
        let mut ambient_lux = conditions.ambient_lux.max(0.0);
        if subject == Subject::Dark {
            ambient_lux = ambient_lux.min(0.2);
            screen.candela *= 0.003;
        }
        let room = match conditions.backdrop {
            Backdrop::Room => Arc::new(Room::drawn(conditions.seed)),
            Backdrop::Photo => people[0].body.surroundings.clone(),
        };
        let mut scene = Self {
            people: people.to_vec(),
            subject,
            screen,
            ambient_lux,
            room,
            noise: Arc::new(Noise::new(0, 0.0)),
            conditions,
        };
        scene.noise = Arc::new(Noise::new(scene.conditions.seed, scene.noise_levels()));
        Ok(scene)
    }

    /// The same room and camera with another subject and seed, as for a recording made there on another day.
    pub(crate) fn on_another_day(&self, subject: Subject) -> Self {
        let mut scene = self.clone();
        scene.subject = subject;
        scene.conditions.seed ^= 0x0A07_4E40_DA70_0000;
        scene
    }

    /// The lux that a picture's own brightness stands for, before exposure or white balance drift.
    pub(crate) fn usual_lux(&self) -> [f32; 3] {
        Colour::PAGE.linear().map(|share| self.lux_with(share))
    }

    /// Lux at a usual place with so much of the screen's white.
    pub(crate) fn lux_with(&self, share: f32) -> f32 {
        self.ambient_lux + share * self.screen.lux_at(USUAL_DISTANCE_MM)
    }

    /// Standard deviation of noise: gain rises with less light.
    fn noise_levels(&self) -> f32 {
        let lux = self.lux_with(0.6).max(DARKEST_LUX);
        self.conditions.noise_levels * (300.0 / lux).powf(0.35).clamp(0.7, 3.0)
    }
}
