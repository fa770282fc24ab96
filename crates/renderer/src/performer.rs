//! Somebody before the camera who is shown prompts, and the frames that the camera takes.

use crate::actor::{Actor, Moment, Shutter, person_manner};
use crate::camera::{HEIGHT, Lens, WIDTH};
use crate::cover;
use crate::geometry::Pose;
use crate::light::{DARKEST_LUX, Light, colour_at, page_colours, remembered};
use crate::motion::Manner;
use crate::prompt::{Colour, Prompt, Shown};
use crate::raster::Canvas;
use crate::scene::{Scene, ScreenKind, Subject};
use crate::sensor::{Exposure, Noise, develop, normal_pair};
use crate::sheet::Bow;
use crate::truth::{FaceBox, FaceTruth, Frame, RgbFrame, SurfacePoint, Truth};
use fastrand::Rng;
use std::f64::consts::TAU;
use std::sync::Arc;

/// How fast automatic exposure and white balance follow.
const EXPOSURE_CONSTANT_MS: f64 = 600.0;
/// How long a sheet takes to come into view.
const SHEET_ENTERS_IN_MS: f64 = 800.0;
/// A sheet before a face is so much nearer than it.
const SHEET_IN_FRONT: f32 = 0.78;
/// A mask of paper lies on the face, and the tip of the nose comes through it.
const MASK_IN_FRONT: f32 = 0.94;

/// The subject of a scene in action. Tell it what is shown with [`Performer::show`], and ask for frames of any time.
pub struct Performer {
    scene: Scene,
    actors: Vec<Actor>,
    shown: Vec<Shown>,
    colours: Vec<(f64, Colour)>,
    canvas: Canvas,
    /// What is injected in place of a camera's picture.
    injected: Option<Injected>,
}

enum Injected {
    /// The performer of the one picture, and that picture.
    Still(Box<Performer>, Box<Frame>),
    Recording(Box<Performer>),
}

impl Performer {
    /// A performer who has been shown nothing yet.
    pub fn new(scene: Scene) -> Self {
        let injected = match &scene.subject {
            Subject::StillFile => {
                let mut still = scene.on_another_day(Subject::Live);
                still.noise = Arc::new(Noise::new(0, 0.0));
                let mut performer = Self::new(still);
                let frame = performer.frame(0.0);
                Some(Injected::Still(Box::new(performer), Box::new(frame)))
            }
            Subject::RecordedFile { recorded } => Some(Injected::Recording(Box::new(recording(&scene, recorded)))),
            _ => None,
        };
        let actors = actors(&scene);
        Self { scene, actors, shown: Vec::new(), colours: Vec::new(), canvas: Canvas::new(), injected }
    }

    /// Answers a prompt that is on the page since `at_ms`. Prompts come in the order of their times.
    pub fn show(&mut self, prompt: Prompt, at_ms: f64) {
        let shown = Shown { prompt, at_ms };
        for actor in &mut self.actors {
            actor.motion.show(&shown, self.shown.len());
        }
        self.shown.push(shown);
        self.colours = page_colours(&self.shown);
    }

    /// The frame that the camera takes at a time, and what is truly in it.
    pub fn frame(&mut self, at_ms: f64) -> Frame {
        match &mut self.injected {
            Some(Injected::Still(_, frame)) => return (**frame).clone(),
            Some(Injected::Recording(performer)) => return performer.frame(at_ms),
            None => {}
        }
        let moment = |at_ms: f64| Moment { at_ms, light: self.light(at_ms) };
        let readout_ms = self.scene.conditions.readout_ms;
        let shutter = Shutter {
            first: moment(at_ms),
            last: (readout_ms > 0.0).then(|| moment(at_ms + readout_ms)),
            lens: self.lens(),
        };
        let wander = self.wander(at_ms);
        self.scene.room.draw(&mut self.canvas, wander, &shutter.first.light);
        self.canvas.clear_depth();
        let mut order: Vec<(f32, usize)> = (0..self.actors.len())
            .filter(|actor| self.actors[*actor].seen_ms.contains(&at_ms))
            .map(|actor| (self.actors[actor].pose(at_ms).distance_mm, actor))
            .collect();
        // The farthest first: soft edges show what is behind them.
        order.sort_by(|first, second| second.0.total_cmp(&first.0));
        for (_, actor) in &order {
            self.actors[*actor].draw(&mut self.canvas, &shutter);
        }
        let conditions = &self.scene.conditions;
        let (mut random, shift_px) = self.lot(at_ms);
        let exposure = Exposure { blur_px: conditions.blur_px, shift_px };
        let pixels = develop(&self.canvas, exposure, &self.scene.noise, &mut random);
        let faces = order.iter().rev().filter_map(|(_, actor)| self.face(&self.actors[*actor], at_ms)).collect();
        Frame {
            picture: RgbFrame { width: WIDTH, height: HEIGHT, pixels },
            truth: Truth { faces, light: colour_at(&self.colours, at_ms - conditions.light_lag_ms) },
        }
    }

    /// Places all over the nearest face, and where they appear: for measures of geometry without tracking. About 200 of
    /// them; none if there is no face.
    pub fn surface_points(&self, at_ms: f64) -> Vec<SurfacePoint> {
        match &self.injected {
            Some(Injected::Still(performer, _)) => return performer.surface_points(0.0),
            Some(Injected::Recording(performer)) => return performer.surface_points(at_ms),
            None => {}
        }
        let Some(actor) = self.nearest(at_ms) else { return Vec::new() };
        let shape = &self.scene.people[actor.person].body.shape;
        let grid = |from: i32, to: i32| (from / 8..=to / 8).map(|step| step as f32 * 8.0);
        let places: Vec<[f32; 2]> = grid(-64, 128)
            .flat_map(|y| grid(-80, 80).map(move |x| [x, y]))
            .filter(|[x, y]| shape.on_face(*x, *y))
            .collect();
        let located = self.located(at_ms, &places);
        let points = places.into_iter().zip(located);
        points.map(|(face_mm, (pixel, faces_camera))| SurfacePoint { face_mm, pixel, faces_camera }).collect()
    }

    /// The eyes, nose tip and mouth corners of the first person, as places of [`SurfacePoint::face_mm`].
    pub fn landmark_places(&self) -> [[f32; 2]; 5] {
        self.scene.people[0].body.shape.five
    }

    /// The pose of what shows the nearest face, if there is any.
    pub fn pose(&self, at_ms: f64) -> Option<Pose> {
        match &self.injected {
            Some(Injected::Still(performer, _)) => performer.pose(0.0),
            Some(Injected::Recording(performer)) => performer.pose(at_ms),
            None => self.nearest(at_ms).map(|actor| actor.pose(at_ms)),
        }
    }

    /// Where places of the nearest face appear, and whether they face the camera.
    pub(crate) fn located(&self, at_ms: f64, places: &[[f32; 2]]) -> Vec<([f32; 2], bool)> {
        let (_, shift) = self.lot(at_ms);
        let Some(actor) = self.nearest(at_ms) else { return Vec::new() };
        let lens = self.lens();
        let places = actor.located(at_ms, places).into_iter();
        places.map(|(pixel, towards)| (moved(lens.throws(pixel), shift), towards)).collect()
    }

    fn lens(&self) -> Lens {
        Lens { distortion: self.scene.conditions.distortion }
    }

    fn nearest(&self, at_ms: f64) -> Option<&Actor> {
        let seen = self.actors.iter().filter(|actor| actor.seen_ms.contains(&at_ms) && at_ms < actor.hidden_from_ms);
        seen.min_by(|first, second| first.pose(at_ms).distance_mm.total_cmp(&second.pose(at_ms).distance_mm))
    }

    fn face(&self, actor: &Actor, at_ms: f64) -> Option<FaceTruth> {
        if at_ms >= actor.hidden_from_ms {
            return None;
        }
        let shape = &self.scene.people[actor.person].body.shape;
        let (_, shift) = self.lot(at_ms);
        let pixels = |places: &[[f32; 2]]| -> Vec<[f32; 2]> {
            actor.located(at_ms, places).into_iter().map(|(pixel, _)| moved(self.lens().throws(pixel), shift)).collect()
        };
        let five = pixels(&shape.five);
        Some(FaceTruth {
            person: actor.person,
            pose: actor.pose(at_ms),
            face_box: FaceBox::around(&pixels(&shape.rim())),
            landmarks: std::array::from_fn(|i| five[i]),
        })
    }

    /// The lot of a frame: the same whenever the frame is asked for. Also how far the frame is moved, in pixels.
    fn lot(&self, at_ms: f64) -> (Rng, [f32; 2]) {
        let mut random = Rng::with_seed(self.scene.conditions.seed.rotate_left(17) ^ at_ms.to_bits());
        let shift = normal_pair(&mut random).map(|value| value.clamp(-3.0, 3.0) * self.scene.conditions.jitter_px);
        (random, shift)
    }

    /// How far the background has wandered: a hand does not hold a phone still.
    fn wander(&self, at_ms: f64) -> [f32; 2] {
        match self.scene.conditions.screen {
            ScreenKind::Laptop => [0.0; 2],
            ScreenKind::Phone => {
                let phase = (self.scene.conditions.seed % 97) as f64;
                let wave = |period_ms: f64, phase: f64| (TAU * at_ms / period_ms + phase).sin() as f32;
                [
                    7.0 * wave(4_700.0, phase) + 2.0 * wave(1_500.0, 2.0 * phase),
                    5.0 * wave(3_900.0, 3.0 * phase) + 1.5 * wave(1_200.0, 5.0 * phase),
                ]
            }
        }
    }

    fn light(&self, at_ms: f64) -> Light {
        let Scene { conditions, screen, ambient_lux, .. } = &self.scene;
        let seen_ms = at_ms - conditions.light_lag_ms;
        let usual = self.scene.usual_lux();
        let recent = remembered(&self.colours, seen_ms, EXPOSURE_CONSTANT_MS).map(|share| self.scene.lux_with(share));
        let mean = |lux: [f32; 3]| lux.iter().sum::<f32>() / 3.0;
        let wave = (TAU * at_ms / 5_300.0 + (conditions.seed % 89) as f64).sin() as f32;
        let exposed = (mean(usual) / mean(recent)).powf(conditions.exposure_drift) // What the meter takes back,
            * (1.0 + 0.04 * conditions.exposure_drift * wave); // and what it does for no reason.
        let drift: [f32; 3] = std::array::from_fn(|channel| {
            let tint = (usual[channel] / mean(usual)) / (recent[channel] / mean(recent));
            exposed * tint.powf(conditions.white_balance_drift)
        });
        let reference = mean(usual).max(DARKEST_LUX);
        Light {
            ambient_lux: *ambient_lux,
            page: colour_at(&self.colours, seen_ms).linear(),
            screen: *screen,
            exposure: drift.map(|drift| drift / reference),
            drift,
        }
    }
}

fn moved(pixel: [f32; 2], shift: [f32; 2]) -> [f32; 2] {
    [pixel[0] + shift[0], pixel[1] + shift[1]]
}

/// Somebody who answered other prompts in the same room, on another day.
fn recording(scene: &Scene, recorded: &[Shown]) -> Performer {
    let mut performer = Performer::new(scene.on_another_day(Subject::Live));
    for Shown { prompt, at_ms } in recorded {
        performer.show(prompt.clone(), *at_ms);
    }
    performer
}

/// Who and what is seen in a scene.
fn actors(scene: &Scene) -> Vec<Actor> {
    let first = &scene.people[0];
    let seed = scene.conditions.seed;
    let manner = person_manner(&first.body);
    let live = |manner: Manner| Actor::head(0, first, None, manner, seed);
    match &scene.subject {
        Subject::Live | Subject::Dark => vec![live(manner)],
        Subject::OffCentre => {
            let side = if seed.is_multiple_of(2) { 1.0 } else { -1.0 };
            vec![live(Manner { aside_mm: side * 150.0, ..manner })]
        }
        Subject::TooFar => vec![live(Manner { farther: 2.4, ..manner })],
        Subject::Covered(cover) => {
            let skin = cover::covered(first.body.skin.full(), &first.body.shape, *cover);
            vec![Actor::head(0, first, Some(skin), manner, seed)]
        }
        Subject::FlatPrint => vec![Actor::print(first, Bow::NONE, 1.0, seed)],
        Subject::BowedPrint { sagitta_mm, axis } => {
            vec![Actor::print(first, Bow { sagitta_mm: *sagitta_mm, axis: *axis }, 1.0, seed)]
        }
        Subject::CutOut => {
            let wearer = scene.people.get(1).unwrap_or(first);
            let mask = Actor::mask(first, &manner, MASK_IN_FRONT, seed);
            vec![Actor::head(scene.people.len().min(2) - 1, wearer, None, manner, seed), mask]
        }
        Subject::SheetIn { at_ms } => {
            let mut sheet = Actor::print(first, Bow::NONE, SHEET_IN_FRONT, seed);
            sheet.seen_ms.start = *at_ms;
            sheet.enters_in_ms = Some(SHEET_ENTERS_IN_MS);
            let holder = scene.people.get(1).map(|second| {
                let mut holder = Actor::head(1, second, None, person_manner(&second.body), seed);
                holder.hidden_from_ms = at_ms + SHEET_ENTERS_IN_MS / 2.0;
                holder
            });
            holder.into_iter().chain([sheet]).collect()
        }
        Subject::Screen => vec![Actor::display(first, seed)],
        Subject::Replay { recorded } => vec![Actor::clip(first, recording(scene, recorded), seed)],
        Subject::Swap { at_ms } => {
            let (mut before, second) = (live(manner), &scene.people[1]);
            let mut after = Actor::head(1, second, None, person_manner(&second.body), seed);
            before.seen_ms.end = *at_ms;
            after.seen_ms.start = *at_ms;
            vec![before, after]
        }
        Subject::TwoFaces => {
            let second = &scene.people[1];
            let side = if seed.is_multiple_of(2) { 1.0 } else { -1.0 };
            let manner_behind = Manner {
                turns: false,
                places: false,
                aside_mm: side * 230.0,
                farther: 1.25,
                ..person_manner(&second.body)
            };
            vec![live(manner), Actor::head(1, second, None, manner_behind, seed ^ 0x0002)]
        }
        Subject::StillFile | Subject::RecordedFile { .. } | Subject::NoFace => Vec::new(),
    }
}
