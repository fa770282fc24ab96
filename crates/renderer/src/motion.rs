//! How somebody moves who is asked to: natural sway, and answers to prompts after a reaction time.
//!
//! A pose is a function of the time and of the prompts so far, so frames can be asked for in any order. Every answer
//! starts slowly and ends slowly.

use crate::camera::{FOCAL_PX, HEIGHT, WIDTH};
use crate::geometry::Pose;
use crate::prompt::{Direction, Oval, Prompt, Shown};
use fastrand::Rng;
use std::f64::consts::TAU;
use std::ops::Range;

/// The manner of somebody, or of the hand that holds a sheet.
#[derive(Clone)]
pub(crate) struct Manner {
    /// Degrees of a turn to the side.
    pub(crate) turn_degrees: Range<f32>,
    /// Degrees of a nod.
    pub(crate) nod_degrees: Range<f32>,
    /// Whether turns are answered.
    pub(crate) turns: bool,
    /// Whether the place follows ovals.
    pub(crate) places: bool,
    /// Size of natural sway; 1 for a person who sits.
    pub(crate) sway: f32,
    /// How much faster than a person's sway it is.
    pub(crate) sway_rate: f64,
    /// The face's size over its natural one.
    pub(crate) scale: f32,
    /// From the upper forehead to the chin, in nature.
    pub(crate) face_height_mm: f32,
    /// How far the face's middle is below the point that a pose speaks of.
    pub(crate) face_middle_mm: f32,
    /// Added to every place that is asked for.
    pub(crate) aside_mm: f32,
    /// Every distance is so many times as far.
    pub(crate) farther: f32,
}

/// From an unturned place to another, or a turn and back.
enum Move {
    Place { start_ms: f64, takes_ms: f64, target: [f32; 3] },
    Turn { start_ms: f64, out_ms: f64, stay_ms: f64, back_ms: f64, peak: [f32; 3] },
}

/// One part of sway.
struct Wave {
    period_ms: f64,
    phase: f64,
    size: f32,
}

/// Somebody in motion.
pub(crate) struct Motion {
    manner: Manner,
    seed: u64,
    rest: [f32; 3],
    settled: [f32; 3],
    near: bool,
    moves: Vec<Move>,
    sway: [Vec<Wave>; 6],
}

/// Size of sway in yaw, pitch, roll (degrees), x, y, distance (millimetres).
const SWAY: [f32; 6] = [1.0, 0.8, 0.6, 2.5, 1.6, 4.0];

impl Motion {
    pub(crate) fn new(manner: Manner, seed: u64) -> Self {
        let mut random = Rng::with_seed(seed ^ 0x0A0E_110E);
        let mut between = |range: Range<f32>| range.start + (range.end - range.start) * random.f32();
        let distance = between(400.0..550.0);
        let mut rest = [between(-25.0..25.0), between(-20.0..20.0) - manner.face_middle_mm, distance * manner.scale];
        rest[0] += manner.aside_mm;
        rest[2] *= manner.farther;
        let sway = SWAY.map(|size| {
            let wave = |random: &mut Rng, period: Range<f64>, size: f32| Wave {
                period_ms: (period.start + (period.end - period.start) * random.f64()) / manner.sway_rate,
                phase: random.f64() * TAU,
                size: size * manner.sway * (0.6 + 0.8 * random.f32()),
            };
            vec![
                wave(&mut random, 3_500.0..6_500.0, size),
                wave(&mut random, 1_300.0..2_200.0, 0.35 * size),
                wave(&mut random, 110.0..160.0, 0.02 * size),
            ]
        });
        Self { manner, seed, rest, settled: rest, near: false, moves: Vec::new(), sway }
    }

    /// Answers a prompt; `number` counts the prompts.
    pub(crate) fn show(&mut self, shown: &Shown, number: usize) {
        let mut random = Rng::with_seed(self.seed ^ 0x0B0E ^ ((number as u64 + 1) << 32));
        let start_ms = shown.at_ms + 250.0 + 350.0 * random.f64();
        if self.manner.places {
            match &shown.prompt {
                Prompt::Settle { oval, .. } => {
                    self.settled = self.target(oval, &mut random);
                    self.go(start_ms, 600.0 + 500.0 * random.f64(), self.settled);
                    self.near = false;
                }
                Prompt::Near { oval } => {
                    let target = self.target(oval, &mut random);
                    self.go(start_ms, 900.0 + 600.0 * random.f64(), target);
                    self.near = true;
                }
                _ if self.near => {
                    self.go(start_ms, 700.0 + 500.0 * random.f64(), self.settled);
                    self.near = false;
                }
                _ => {}
            }
        }
        if let (true, Prompt::Turn { direction }) = (self.manner.turns, &shown.prompt) {
            self.moves.push(self.turn(*direction, start_ms, &mut random));
        }
    }

    fn go(&mut self, start_ms: f64, takes_ms: f64, target: [f32; 3]) {
        self.moves.push(Move::Place { start_ms, takes_ms, target });
    }

    fn turn(&self, direction: Direction, start_ms: f64, random: &mut Rng) -> Move {
        let drawn = |random: &mut Rng, range: &Range<f32>| range.start + (range.end - range.start) * random.f32();
        let small = |random: &mut Rng, size: f32| size * (2.0 * random.f32() - 1.0);
        let side = drawn(random, &self.manner.turn_degrees);
        let nod = drawn(random, &self.manner.nod_degrees);
        let sign = if matches!(direction, Direction::Left | Direction::Up) { 1.0 } else { -1.0 };
        // Who turns also nods and tilts a little.
        let peak = match direction {
            Direction::Left | Direction::Right => [sign * side, small(random, 2.5), -sign * drawn(random, &(0.0..3.0))],
            Direction::Up | Direction::Down => [small(random, 2.0), sign * nod, small(random, 1.0)],
        };
        Move::Turn {
            start_ms,
            out_ms: 450.0 + 350.0 * random.f64(),
            stay_ms: 150.0 + 250.0 * random.f64(),
            back_ms: 450.0 + 400.0 * random.f64(),
            peak,
        }
    }

    /// Where the face fills an oval, nearly.
    fn target(&self, oval: &Oval, random: &mut Rng) -> [f32; 3] {
        let Manner { scale, face_height_mm, face_middle_mm, aside_mm, farther, .. } = self.manner;
        // Faces are about four fifths as wide as high.
        let height_px = (oval.height * HEIGHT as f32).min(oval.width * WIDTH as f32 / 0.8);
        let error = 1.0 + 0.03 * (2.0 * random.f32() - 1.0);
        let distance = (FOCAL_PX * face_height_mm * scale / height_px * error).clamp(130.0, 1_200.0) * farther;
        let x = (oval.x - 0.5) * WIDTH as f32 / FOCAL_PX * distance + 4.0 * (2.0 * random.f32() - 1.0);
        let y = (oval.y - 0.5) * HEIGHT as f32 / FOCAL_PX * distance + 4.0 * (2.0 * random.f32() - 1.0);
        [x + aside_mm, y - face_middle_mm, distance]
    }

    /// The pose at a time.
    pub(crate) fn pose(&self, at_ms: f64) -> Pose {
        let mut place = self.rest;
        let mut turn = [0.0f32; 3];
        for one in &self.moves {
            match one {
                Move::Place { start_ms, takes_ms, target } => {
                    let done = eased((at_ms - start_ms) / takes_ms);
                    (0..3).for_each(|i| place[i] += (target[i] - place[i]) * done);
                }
                Move::Turn { start_ms, out_ms, stay_ms, back_ms, peak } => {
                    let since = at_ms - start_ms;
                    let amount = eased(since / out_ms) - eased((since - out_ms - stay_ms) / back_ms);
                    (0..3).for_each(|i| turn[i] += peak[i] * amount);
                }
            }
        }
        let sway: [f32; 6] = std::array::from_fn(|i| {
            let waves = self.sway[i].iter();
            waves.map(|wave| wave.size * (TAU * at_ms / wave.period_ms + wave.phase).sin() as f32).sum()
        });
        Pose {
            yaw_degrees: turn[0] + sway[0],
            pitch_degrees: turn[1] + sway[1],
            roll_degrees: turn[2] + sway[2],
            x_mm: place[0] + sway[3],
            y_mm: place[1] + sway[4],
            distance_mm: place[2] + sway[5],
        }
    }
}

/// The course of a deliberate movement, from 0 to 1, with the least jerk.
pub(crate) fn eased(time: f64) -> f32 {
    let t = time.clamp(0.0, 1.0);
    (t * t * t * (10.0 - 15.0 * t + 6.0 * t * t)) as f32
}
