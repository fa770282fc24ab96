//! Every number that decides something, under one version. Not among them are the bounds of the device protocol
//! ([`crate::Bounds`]), which are a contract with devices and no setting.
//!
//! Start at [`Policy`]. Numbers come from `docs/device-protocol.md` and from measurements on simulated clips; none was
//! measured on people yet, and each may change with the version.

use crate::message::Direction;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use thiserror::Error;

/// The shortest time of one colour that any policy may set, in milliseconds. Two changes make a flash, so there are
/// hardly more than one a second; WCAG 2.3.1 allows three.
const SHORTEST_COLOUR_MS: u32 = 450;

/// The numbers of one version. A result names the version, so that it can be told later what it was decided by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// The version: change it with every number. At most 32 characters.
    pub version: String,
    /// What the device's camera is asked for.
    pub camera: CameraPolicy,
    /// When a face is good enough to be judged.
    pub face: FacePolicy,
    /// The first step.
    pub settle: SettlePolicy,
    /// Coloured light.
    pub light: LightPolicy,
    /// Turns of the head.
    pub turn: TurnPolicy,
    /// Coming closer.
    pub near: NearPolicy,
    /// Keeping still.
    pub hold: HoldPolicy,
    /// What the person is told.
    pub hints: HintPolicy,
    /// Which frames are analysed.
    pub analysis: AnalysisPolicy,
    /// How a capture is led.
    pub capture: CapturePolicy,
    /// What the verdict is made by.
    pub judge: JudgePolicy,
}

/// What the device's camera is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CameraPolicy {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Quality of JPEG, 0 to 1, as browsers take it.
    pub jpeg_quality: f32,
}

/// When a face is good enough to be judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FacePolicy {
    /// Least mean luma of the face, 0 to 255.
    pub least_brightness: f32,
    /// Highest mean luma of the face, 0 to 255.
    pub most_brightness: f32,
    /// Most blur, 0 (sharp) to 1.
    pub most_blur: f32,
    /// Least distance between the eyes, in pixels.
    pub least_eye_distance: f32,
}

/// The first step: the face comes into the oval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SettlePolicy {
    /// Good frames, one after another, that end the step.
    pub good_frames: u32,
    /// Height of the oval, as a share of the frame's height or, in upright frames, of what fits its width.
    pub oval_height: f32,
    /// Width of the oval, as a share of its height.
    pub oval_aspect: f32,
    /// By how much place and size of the oval vary at random, as a share.
    pub oval_variation: f32,
    /// How far the middle of the face may be from the middle of the oval, as a share of the oval's width and height.
    pub off_centre: f32,
    /// Least height of the face, as a share of the oval's height.
    pub least_fill: f32,
    /// Most height of the face, as a share of the oval's height.
    pub most_fill: f32,
    /// How long each of the pair of white and black is shown before coloured light, in milliseconds.
    pub pair_ms: u32,
    /// How long the person may take, in milliseconds. Doubled in slow attempts, as all times of steps are.
    pub patience_ms: u64,
}

/// Coloured light.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LightPolicy {
    /// Fewest colours.
    pub least_colours: u32,
    /// Most colours, 7 at most.
    pub most_colours: u32,
    /// Shortest time of a colour, in milliseconds; never below 450.
    pub least_ms: u32,
    /// Longest time of a colour, in milliseconds.
    pub most_ms: u32,
}

/// When an attempt of `PassiveActive` has a second turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondTurn {
    /// Only where the light shows too little, as in every mode.
    IfLightIsWeak,
    /// In every attempt.
    Always,
}

/// Turns of the head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TurnPolicy {
    /// Whether `Passive` has a turn. Without one, `realface` carries assurance `none`.
    pub in_passive: bool,
    /// When `PassiveActive` has a second one.
    pub second: SecondTurn,
    /// Directions to draw from; two at least.
    pub directions: Vec<Direction>,
    /// How far to the left or right the head must turn, in degrees.
    pub yaw_degrees: f32,
    /// How far up or down the head must turn, in degrees.
    pub pitch_degrees: f32,
    /// How near to where it was the head must come back, in degrees.
    pub back_degrees: f32,
    /// From which share of the way on a person who got stuck is told to turn further.
    pub hint_share: f32,
    /// Until when the head must be out, in milliseconds of the device's clock since the step was shown.
    pub out_ms: u64,
    /// Until when it must be back, in the same way.
    pub back_ms: u64,
    /// Turns, in all, that may be missed; another one is asked for instead.
    pub retries: u32,
}

/// Coming closer. It supports other evidence and decides nothing, so a person who does not come closer goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NearPolicy {
    /// Whether it is asked for.
    pub asked: bool,
    /// Least factor by which the oval grows.
    pub least_growth: f32,
    /// Most factor by which the oval grows.
    pub most_growth: f32,
    /// Least height of the face, as a share of the larger oval's height.
    pub least_fill: f32,
    /// Frames, one after another, that must show it.
    pub frames: usize,
    /// How long the person may take, in milliseconds.
    pub patience_ms: u64,
}

/// Keeping still.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HoldPolicy {
    /// How long, in milliseconds.
    pub ms: u32,
    /// Frames that are chosen for matching, at most.
    pub most_chosen: usize,
}

/// What the person is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HintPolicy {
    /// Milliseconds between two hints. The protocol promises two a second at most, so not below 500.
    pub least_gap_ms: u64,
    /// Observations, one after another, that must say the same before it is said.
    pub steady: u32,
}

/// Which frames are analysed. All times are of the device's clock, in milliseconds, and doubled in slow attempts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnalysisPolicy {
    /// Between two analysed frames of `settle` and `near`.
    pub sparse_gap_ms: u64,
    /// Between two analysed frames of `turn`, `hold` and `light`, and of the pair of `settle`. 0: all of them.
    pub dense_gap_ms: u64,
    /// Analysed frames of one step after which its gap grows, and after as many more again, so that a long step leaves
    /// enough for those to come.
    pub stretch_after: u32,
    /// By how much the gap grows each time.
    pub stretch_ms: u64,
    /// By how much a frame may come early and still count as being a gap later: frames keep no even pace.
    pub jitter_ms: u64,
    /// Analysed frames that are kept back for each step of `turn` and `hold` to come.
    pub kept_back: u32,
    /// How old a frame may be when its observation arrives, in milliseconds of the server's clock. Not doubled.
    pub most_age_ms: u64,
    /// How long a step waits for observations beyond the time that the person has, in milliseconds of the server's
    /// clock. Not doubled.
    pub lag_ms: u64,
}

/// How a capture is led.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CapturePolicy {
    /// For how long no face, or more than one, may be seen after `settle`, in milliseconds. Doubled in slow attempts.
    pub lost_ms: u64,
    /// How much earlier than the step was shown a frame of that step may have been taken, in milliseconds: cameras
    /// deliver late, and some browsers round their clocks to 100 ms.
    pub early_ms: f64,
    /// How long after a step was shown frames may still name the step before, in milliseconds.
    pub old_step_ms: f64,
    /// Frames a second beyond those that were asked for which count as jitter.
    pub spare_frames: u32,
}

/// What the verdict is made by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JudgePolicy {
    /// Least range of the nose's offset in an answered turn to the left or right, in eye distances.
    pub nose_range: f32,
    /// Least range of it in an answered turn up or down.
    pub nose_range_nod: f32,
    /// The offset of the nose at which frames of a turn are compared with those at rest, in eye distances: far enough to show a nose,
    /// near enough for patches to be found again.
    pub nose_pair: f32,
    /// What of the nose no sheet can have done, in shares of the eye distance, from which on a face is solid.
    pub nose_solid: f32,
    /// The same from which on a nod is one however little the nose moves among eyes and mouth: a mesh sees nods badly.
    pub nose_sure: f32,
    /// What of the nose no sheet can have done, in whatever direction, up to which in every pair of frames what turned is a sheet.
    pub nose_flat: f32,
    /// Motion in shares of the eye distance without which a turn shows neither.
    pub least_motion: f32,
    /// Turns in a row, drawn at random, that show a capture to be fresh without light. Who misses some answers as many more.
    pub fresh_turns: u32,
    /// Frames that came in an earlier attempt, above which pictures are taken to be stored.
    pub most_seen_before: u32,
    /// Share of frames whose bytes came before, above which pictures are taken to be stored.
    pub most_repeated: f32,
    /// Correlation of the skin with the pair of white and black from which on there is light to measure by.
    pub echo_pair: f32,
    /// Correlation of skin and shown colours from which on the light is fresh.
    pub echo_fresh: f32,
    /// Correlation below which it is recorded, where it could be measured.
    pub echo_recorded: f32,
    /// How many times its own noise floor the gain of the echo must be.
    pub echo_gain: f32,
    /// Least gain of the pair from which on skin that answers no colours is no skin: automatic exposure wanders by some hundredths.
    pub echo_sure: f32,
    /// How much the lag of the echo may vary, in milliseconds.
    pub echo_lag_spread_ms: f32,
    /// Median score of a passive network below which it vetoes.
    pub passive_veto: f32,
    /// Fewest frames of `hold` for that median.
    pub passive_frames: u32,
    /// Furthest jump of a face between two frames, in widths of the face.
    pub most_jump: f32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            version: "3".to_owned(),
            camera: CameraPolicy::default(),
            face: FacePolicy::default(),
            settle: SettlePolicy::default(),
            light: LightPolicy::default(),
            turn: TurnPolicy::default(),
            near: NearPolicy::default(),
            hold: HoldPolicy::default(),
            hints: HintPolicy::default(),
            analysis: AnalysisPolicy::default(),
            capture: CapturePolicy::default(),
            judge: JudgePolicy::default(),
        }
    }
}

impl Default for CameraPolicy {
    fn default() -> Self {
        Self { width: 640, height: 480, jpeg_quality: 0.85 }
    }
}

impl Default for FacePolicy {
    fn default() -> Self {
        Self { least_brightness: 50.0, most_brightness: 225.0, most_blur: 0.75, least_eye_distance: 36.0 }
    }
}

impl Default for SettlePolicy {
    fn default() -> Self {
        // At 640x480 the oval is 270 pixels high: a face 40 cm before a laptop, 35 cm before a phone. At 60 cm it is
        // filled to 0.7.
        Self {
            good_frames: 3,
            oval_height: 0.56,
            oval_aspect: 0.75,
            oval_variation: 0.06,
            off_centre: 0.25,
            least_fill: 0.55,
            most_fill: 1.2,
            pair_ms: 500,
            patience_ms: 25_000,
        }
    }
}

impl Default for LightPolicy {
    fn default() -> Self {
        Self { least_colours: 5, most_colours: 7, least_ms: 450, most_ms: 700 }
    }
}

impl Default for TurnPolicy {
    fn default() -> Self {
        // In simulation a turn of 12 degrees moves the nose by 0.20 to 0.25 eye distances. Of what a rendered head truly
        // turns, 0.72 to 1.15 is measured to the sides and 0.68 to 1.12 up and down: of nods of 14 degrees sometimes less
        // than 10. Turns to the sides bring up to 5.5 degrees up and down with them.
        Self {
            in_passive: true,
            second: SecondTurn::IfLightIsWeak,
            directions: Direction::ALL.to_vec(),
            yaw_degrees: 12.0,
            pitch_degrees: 8.0,
            back_degrees: 6.0,
            hint_share: 0.5,
            out_ms: 2_500,
            back_ms: 5_000,
            retries: 1,
        }
    }
}

impl Default for NearPolicy {
    fn default() -> Self {
        // A detected face that fills an oval to the eye fills 0.67 to 0.74 of it, from the eyebrows to the chin; who stays
        // where they were at most 0.59 of one that is a quarter larger.
        Self { asked: false, least_growth: 1.25, most_growth: 1.5, least_fill: 0.63, frames: 2, patience_ms: 6_000 }
    }
}

impl Default for HoldPolicy {
    fn default() -> Self {
        Self { ms: 1_000, most_chosen: 8 }
    }
}

impl Default for HintPolicy {
    fn default() -> Self {
        Self { least_gap_ms: 500, steady: 2 }
    }
}

impl Default for AnalysisPolicy {
    fn default() -> Self {
        Self {
            sparse_gap_ms: 200,
            dense_gap_ms: 0,
            stretch_after: 15,
            stretch_ms: 150,
            jitter_ms: 30,
            kept_back: 10,
            most_age_ms: 3_000,
            lag_ms: 1_000,
        }
    }
}

impl Default for CapturePolicy {
    fn default() -> Self {
        Self { lost_ms: 2_000, early_ms: 250.0, old_step_ms: 1_000.0, spare_frames: 2 }
    }
}

impl Default for JudgePolicy {
    fn default() -> Self {
        Self {
            nose_range: 0.18,
            nose_range_nod: 0.09,
            nose_pair: 0.2,
            nose_solid: 0.009,
            nose_sure: 0.016,
            nose_flat: 0.004,
            least_motion: 0.015,
            fresh_turns: 2,
            most_seen_before: 1,
            most_repeated: 0.6,
            echo_pair: 0.6,
            echo_fresh: 0.7,
            echo_recorded: 0.3,
            echo_gain: 3.0,
            echo_sure: 0.1,
            echo_lag_spread_ms: 80.0,
            passive_veto: 0.05,
            passive_frames: 8,
            most_jump: 0.4,
        }
    }
}

/// A policy that cannot be followed. It names the setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("liveness: {0} is out of its range")]
pub struct PolicyProblem(pub &'static str);

impl Policy {
    /// Turns that show a capture to be fresh without light.
    pub fn fresh_turns(&self) -> usize {
        usize::try_from(self.judge.fresh_turns).unwrap_or(usize::MAX)
    }

    /// Holds every number against its range; call it once, where settings are read.
    ///
    /// # Errors
    /// [`PolicyProblem`] with the first that is out of it.
    pub fn check(&self) -> Result<(), PolicyProblem> {
        let (settle, light, turn, near) = (&self.settle, &self.light, &self.turn, &self.near);
        let varied = settle.oval_height * (1.0 + settle.oval_variation);
        let distinct = Direction::ALL.into_iter().filter(|direction| turn.directions.contains(direction)).count();
        let holds = [
            ("version", (1..=32).contains(&self.version.len())),
            ("camera.width", (160..=crate::MOST_FRAME_SIDE).contains(&self.camera.width)),
            ("camera.height", (160..=crate::MOST_FRAME_SIDE).contains(&self.camera.height)),
            ("camera.jpeg_quality", within(self.camera.jpeg_quality, 0.3..=1.0)),
            ("face.least_brightness", within(self.face.least_brightness, 0.0..=self.face.most_brightness)),
            ("face.most_brightness", within(self.face.most_brightness, 0.0..=255.0)),
            ("face.most_blur", within(self.face.most_blur, 0.0..=1.0)),
            ("face.least_eye_distance", within(self.face.least_eye_distance, 0.0..=1_000.0)),
            ("settle.good_frames", (1..=20).contains(&settle.good_frames)),
            ("settle.oval_height", within(settle.oval_height, 0.2..=0.9)),
            ("settle.oval_aspect", within(settle.oval_aspect, 0.5..=1.0)),
            ("settle.oval_variation", within(settle.oval_variation, 0.0..=0.2) && varied < 1.0),
            ("settle.off_centre", within(settle.off_centre, 0.05..=0.5)),
            ("settle.least_fill", within(settle.least_fill, 0.1..=settle.most_fill)),
            ("settle.most_fill", within(settle.most_fill, 0.2..=2.0)),
            ("settle.pair_ms", (SHORTEST_COLOUR_MS..=3_000).contains(&settle.pair_ms)),
            ("settle.patience_ms", (1_000..=40_000).contains(&settle.patience_ms)),
            ("light.least_colours", (3..=light.most_colours).contains(&light.least_colours)),
            ("light.most_colours", (3..=7).contains(&light.most_colours)),
            ("light.least_ms", (SHORTEST_COLOUR_MS..=light.most_ms).contains(&light.least_ms)),
            ("light.most_ms", light.most_ms <= 3_000),
            ("turn.directions", distinct >= 2 && distinct == turn.directions.len()),
            ("turn.yaw_degrees", within(turn.yaw_degrees, 5.0..=45.0)),
            ("turn.pitch_degrees", within(turn.pitch_degrees, 5.0..=45.0)),
            ("turn.back_degrees", within(turn.back_degrees, 1.0..=turn.yaw_degrees.min(turn.pitch_degrees))),
            ("turn.hint_share", within(turn.hint_share, 0.1..=1.0)),
            ("turn.out_ms", (500..=turn.back_ms).contains(&turn.out_ms)),
            ("turn.back_ms", turn.back_ms <= 15_000),
            ("turn.retries", turn.retries <= 3),
            ("near.least_growth", within(near.least_growth, 1.05..=near.most_growth)),
            ("near.most_growth", within(near.most_growth, 1.05..=2.0)),
            ("near.least_fill", within(near.least_fill, 0.1..=1.0)),
            ("near.frames", (1..=10).contains(&near.frames)),
            ("near.patience_ms", (1_000..=15_000).contains(&near.patience_ms)),
            ("hold.ms", (300..=5_000).contains(&self.hold.ms)),
            ("hold.most_chosen", (1..=16).contains(&self.hold.most_chosen)),
            ("hints.least_gap_ms", (500..=5_000).contains(&self.hints.least_gap_ms)),
            ("hints.steady", (1..=10).contains(&self.hints.steady)),
            ("analysis.sparse_gap_ms", self.analysis.sparse_gap_ms <= 1_000),
            ("analysis.dense_gap_ms", self.analysis.dense_gap_ms <= self.analysis.sparse_gap_ms),
            ("analysis.stretch_after", (3..=120).contains(&self.analysis.stretch_after)),
            ("analysis.stretch_ms", self.analysis.stretch_ms <= 1_000),
            ("analysis.jitter_ms", self.analysis.jitter_ms <= 100),
            ("analysis.lag_ms", self.analysis.lag_ms <= self.analysis.most_age_ms),
            ("analysis.kept_back", self.analysis.kept_back <= 20),
            ("analysis.most_age_ms", (500..=10_000).contains(&self.analysis.most_age_ms)),
            ("capture.lost_ms", (500..=10_000).contains(&self.capture.lost_ms)),
            ("capture.early_ms", within(self.capture.early_ms, 0.0..=1_000.0)),
            ("capture.old_step_ms", within(self.capture.old_step_ms, 0.0..=5_000.0)),
            ("capture.spare_frames", self.capture.spare_frames <= 10),
            ("judge.nose_range", within(self.judge.nose_range, 0.01..=1.0)),
            ("judge.nose_range_nod", within(self.judge.nose_range_nod, 0.01..=1.0)),
            ("judge.nose_pair", within(self.judge.nose_pair, 0.02..=1.0)),
            ("judge.nose_solid", within(self.judge.nose_solid, self.judge.nose_flat..=0.2)),
            ("judge.nose_sure", within(self.judge.nose_sure, self.judge.nose_solid..=1.0)),
            ("judge.nose_flat", within(self.judge.nose_flat, 0.0..=0.2)),
            ("judge.least_motion", within(self.judge.least_motion, 0.001..=0.2)),
            ("judge.fresh_turns", (1..=4).contains(&self.judge.fresh_turns)),
            ("judge.most_seen_before", self.judge.most_seen_before <= 20),
            ("judge.most_repeated", within(self.judge.most_repeated, 0.0..=1.0)),
            ("judge.echo_pair", within(self.judge.echo_pair, 0.0..=1.0)),
            ("judge.echo_fresh", within(self.judge.echo_fresh, self.judge.echo_recorded..=1.0)),
            ("judge.echo_recorded", within(self.judge.echo_recorded, 0.0..=1.0)),
            ("judge.echo_gain", within(self.judge.echo_gain, 1.0..=100.0)),
            ("judge.echo_sure", within(self.judge.echo_sure, 0.0..=2.0)),
            ("judge.echo_lag_spread_ms", within(self.judge.echo_lag_spread_ms, 0.0..=1_000.0)),
            ("judge.passive_veto", within(self.judge.passive_veto, 0.0..=1.0)),
            ("judge.passive_frames", (1..=60).contains(&self.judge.passive_frames)),
            ("judge.most_jump", within(self.judge.most_jump, 0.05..=5.0)),
        ];
        match holds.into_iter().find(|(_, holds)| !holds) {
            Some((name, _)) => Err(PolicyProblem(name)),
            None => Ok(()),
        }
    }
}

fn within<T: PartialOrd>(number: T, range: RangeInclusive<T>) -> bool {
    range.contains(&number)
}
