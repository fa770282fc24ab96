//! What observations say about a step. Nothing here remembers anything: each answer follows from the list, in the order
//! of frames, however the observations came.

use crate::message::{Direction, Hint, Oval};
use crate::{AttemptCode, FaceSeen, HoldPolicy, Observation, Policy, SettlePolicy, TurnPolicy};

/// How much of the person's pose is known before a turn: this many frames.
const POSE_FRAMES: usize = 5;

/// What keeps a frame from being good, most urgent first. Without an oval the face may be anywhere. While the screen
/// shows colours (`is_lit`), how bright the face is says nothing.
pub(super) fn flaw(seen: &Observation, oval: Option<&Oval>, is_lit: bool, policy: &Policy) -> Option<Hint> {
    let Some(at) = &seen.face else { return Some(Hint::NoFace) };
    if seen.faces == 0 {
        return Some(Hint::NoFace);
    }
    if seen.faces > 1 {
        return Some(Hint::MoreFaces);
    }
    if let Some(misplaced) = oval.and_then(|oval| misplaced(seen, at, oval, &policy.settle)) {
        return Some(misplaced);
    }
    [
        (at.eye_distance >= policy.face.least_eye_distance, Hint::TooFar),
        (is_lit || at.brightness >= policy.face.least_brightness, Hint::TooDark),
        (is_lit || at.brightness <= policy.face.most_brightness, Hint::TooBright),
        (!at.covered.any(), Hint::Covered),
        (at.blur <= policy.face.most_blur, Hint::Blurred),
    ]
    .into_iter()
    // A number that is none fails, too.
    .find_map(|(holds, hint)| (!holds).then_some(hint))
}

fn misplaced(seen: &Observation, at: &FaceSeen, oval: &Oval, settle: &SettlePolicy) -> Option<Hint> {
    let fill = fill(seen, at, oval);
    let off = |middle: f32, start: f32, size: f32| ((middle - start) / size - 0.5).abs();
    let [x, y] = middle(seen, at);
    if fill < settle.least_fill {
        Some(Hint::TooFar)
    } else if fill > settle.most_fill {
        Some(Hint::TooClose)
    } else if off(x, oval.x, oval.width) > settle.off_centre || off(y, oval.y, oval.height) > settle.off_centre {
        Some(Hint::IntoOval)
    } else {
        None
    }
}

/// The height of the face, as a share of the oval's.
pub(super) fn fill(seen: &Observation, at: &FaceSeen, oval: &Oval) -> f32 {
    at.rectangle.height as f32 / (oval.height * seen.size.height.max(1) as f32)
}

fn middle(seen: &Observation, at: &FaceSeen) -> [f32; 2] {
    let middle = |start: i32, size: i32, whole: u32| (start as f32 + size as f32 / 2.0) / whole.max(1) as f32;
    [
        middle(at.rectangle.left, at.rectangle.width, seen.size.width),
        middle(at.rectangle.top, at.rectangle.height, seen.size.height),
    ]
}

/// How many of the last observations are good, one after another. `has_colours`: the screen shows some once the step is
/// shown.
pub(super) fn good_run(seen: &[Observation], oval: &Oval, has_colours: bool, policy: &Policy) -> usize {
    let is_good = |seen: &&Observation| flaw(seen, Some(oval), has_colours && seen.step > 0, policy).is_none();
    seen.iter().rev().take_while(is_good).count()
}

/// Why an attempt ended that saw only this: the flaw that most frames had. `None` if none of them explains it.
pub(super) fn explain(seen: &[&Observation], oval: Option<&Oval>, policy: &Policy) -> Option<AttemptCode> {
    let flaws: Vec<Hint> = seen.iter().filter_map(|seen| flaw(seen, oval, false, policy)).collect();
    let count = |hint: &Hint| flaws.iter().filter(|other| *other == hint).count();
    let covered = seen.iter().rev().find_map(|seen| seen.face.map(|face| face.covered).filter(|covered| covered.any()));
    match flaws.iter().max_by_key(|hint| count(hint))? {
        Hint::NoFace => Some(AttemptCode::NoFaceDetected),
        Hint::MoreFaces => Some(AttemptCode::FaceTrackingFailed),
        Hint::TooDark | Hint::TooBright => Some(AttemptCode::EnvironmentNotSupported),
        Hint::Blurred => Some(AttemptCode::ExcessiveImageBlurDetected),
        Hint::Covered => covered.map(|covered| match covered {
            covered if covered.mask => AttemptCode::FaceWithMaskDetected,
            covered if covered.eyes => AttemptCode::FaceEyeRegionNotVisible,
            _ => AttemptCode::FaceMouthRegionNotVisible,
        }),
        _ => None,
    }
}

/// For how long, at the end, no face was seen, or more than one: the code, and milliseconds of the device's clock.
pub(super) fn lost(seen: &[Observation]) -> Option<(AttemptCode, f64)> {
    let faces = |seen: &Observation| if seen.face.is_none() { 0 } else { seen.faces.min(2) };
    let last = seen.last()?;
    let code = match faces(last) {
        0 => AttemptCode::NoFaceDetected,
        1 => return None,
        _ => AttemptCode::FaceTrackingFailed,
    };
    let first = seen.iter().rev().take_while(|seen| faces(seen) == faces(last)).last()?;
    Some((code, last.capture_ms - first.capture_ms))
}

/// How a head is turned, in degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Pose {
    pub(super) yaw: f32,
    pub(super) pitch: f32,
}

/// How the person keeps the head when asked for nothing: the middle of the last frames in which that was so.
pub(super) fn resting_pose<'a>(still: impl DoubleEndedIterator<Item = &'a Observation>) -> Pose {
    let faces: Vec<FaceSeen> =
        still.rev().filter(|seen| seen.faces == 1).filter_map(|seen| seen.face).take(POSE_FRAMES).collect();
    let middle = |angle: fn(&FaceSeen) -> f32| {
        let mut angles: Vec<f32> = faces.iter().map(angle).filter(|angle| angle.is_finite()).collect();
        angles.sort_by(f32::total_cmp);
        angles.get(angles.len() / 2).copied().unwrap_or_default()
    };
    Pose { yaw: middle(|face| face.yaw), pitch: middle(|face| face.pitch) }
}

/// How far a turn has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum TurnState {
    /// Not out yet: the furthest so far, as a share of the way, and whether it is time to help.
    Going { share: f32, is_late: bool },
    /// Out, not back.
    Out,
    /// Out in the direction that was asked for, and back.
    Answered,
    /// Out in another direction, or too late.
    Missed,
}

/// How far a turn has come. The first direction in which the head goes far enough counts: whoever shakes the head in all
/// directions, as a recording may, answers a turn only by chance.
pub(super) fn turn(
    seen: &[&Observation],
    asked: Direction,
    resting: Pose,
    shown_t: f64,
    stretch: u64,
    policy: &TurnPolicy,
) -> TurnState {
    let (out_ms, back_ms) = ((policy.out_ms * stretch) as f64, (policy.back_ms * stretch) as f64);
    let mut state = TurnState::Going { share: 0.0, is_late: false };
    // Who turned too little comes back all the same, and wonders why nothing happens.
    let mut furthest_share = 0.0_f32;
    for seen in seen {
        let since = seen.capture_ms - shown_t;
        let is_out = state == TurnState::Out;
        if since > if is_out { back_ms } else { out_ms } {
            return TurnState::Missed;
        }
        let Some(face) = seen.face.filter(|_| seen.faces == 1) else { continue };
        let (yaw, pitch) = (face.yaw - resting.yaw, face.pitch - resting.pitch);
        if !yaw.is_finite() || !pitch.is_finite() {
            continue;
        }
        if is_out {
            if yaw.abs() <= policy.back_degrees && pitch.abs() <= policy.back_degrees {
                return TurnState::Answered;
            }
            continue;
        }
        let share = |direction: Direction| match direction {
            Direction::Left => yaw / policy.yaw_degrees,
            Direction::Right => -yaw / policy.yaw_degrees,
            Direction::Up => pitch / policy.pitch_degrees,
            Direction::Down => -pitch / policy.pitch_degrees,
        };
        let furthest = Direction::ALL.into_iter().max_by(|one, other| share(*one).total_cmp(&share(*other)));
        state = match furthest {
            Some(direction) if share(direction) >= 1.0 && direction == asked => TurnState::Out,
            Some(direction) if share(direction) >= 1.0 => return TurnState::Missed,
            _ => {
                furthest_share = furthest_share.max(share(asked));
                TurnState::Going { share: furthest_share, is_late: since > out_ms / 2.0 }
            }
        };
    }
    state
}

/// Frames for matching: one face, nothing on it, whole within the frame, neither dark nor blurred; the best first.
pub(super) fn chosen<'a>(still: impl Iterator<Item = &'a Observation>, policy: &Policy, hold: &HoldPolicy) -> Vec<u32> {
    let is_whole = |seen: &Observation| {
        seen.face.is_some_and(|face| {
            let (at, fits) = (face.rectangle, |end: i32, whole: u32| u32::try_from(end).is_ok_and(|end| end <= whole));
            at.left >= 0
                && at.top >= 0
                && fits(at.left.saturating_add(at.width), seen.size.width)
                && fits(at.top.saturating_add(at.height), seen.size.height)
        })
    };
    let mut fit: Vec<(u32, FaceSeen)> = still
        .filter(|seen| flaw(seen, None, false, policy).is_none() && is_whole(seen))
        .filter_map(|seen| seen.face.map(|face| (seen.seq, face)))
        .collect();
    fit.sort_by(|(seq, one), (other_seq, other)| {
        other.quality.cmp(&one.quality).then(one.blur.total_cmp(&other.blur)).then(seq.cmp(other_seq))
    });
    fit.into_iter().map(|(seq, _)| seq).take(hold.most_chosen).collect()
}
