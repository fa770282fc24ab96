//! The rules of the verdict on what pairs of frames of a turn showed.

use crate::device::{Device, Setup, willing};
use likeness_liveness::message::{Direction, Prompt};
use likeness_liveness::{Evidence, Judge as _, Observation, Outcome, PairSeen, Policy, Reason, Rules};

/// An attempt in which the nose moves so far among eyes and mouth, in the asked direction.
fn turned(seed: u8, range: f32) -> Evidence {
    let mut device = Device::new(&Setup { seed, ..Setup::default() });
    device.person = Box::new(move |seen: &mut Observation, prompt, since| {
        willing(seen, prompt, since);
        let away = match prompt {
            Some(Prompt::Turn { direction }) if (600.0..1_400.0).contains(&since) => match direction {
                Direction::Left => [range, 0.0],
                Direction::Right => [-range, 0.0],
                Direction::Up => [0.0, range],
                Direction::Down => [0.0, -range],
            },
            _ => [0.0; 2],
        };
        if let Some(face) = &mut seen.face {
            face.nose_offset = Some(away);
        }
    });
    match device.run().0 {
        Outcome::Evidence(evidence) => *evidence,
        other => panic!("{other:?}"),
    }
}

/// Why there is no `realface` where pairs of a turn showed this of the nose, in percent of the eye distance: in the asked direction, and across
/// it. There is no light, so whoever is solid is not fresh.
fn reason(is_wanted: fn(Direction) -> bool, range: f32, pairs: &[(f32, f32)]) -> Option<Reason> {
    let policy = Policy::default();
    // Directions are drawn: until there is one that is wanted.
    let found = (0..64).find_map(|seed| {
        let evidence = turned(seed, range);
        let turn = evidence.answered_turns().into_iter().find_map(|step| match step.prompt {
            Prompt::Turn { direction } if is_wanted(direction) => Some((step.step, direction)),
            _ => None,
        });
        turn.map(|turn| (evidence, turn))
    });
    let (mut evidence, (step, direction)) = found.expect("one of 64 is wanted");
    assert!(evidence.pairs(&policy.judge).iter().any(|pair| pair.step == step), "there are frames to compare");
    let seen = pairs.iter().map(|(along, across)| {
        let (along, across) = (along / 100.0, across / 100.0);
        // To the right of the picture, which is the person's own left, and down.
        let nose = match direction {
            Direction::Left => [along, across],
            Direction::Right => [-along, across],
            Direction::Up => [across, -along],
            Direction::Down => [across, along],
        };
        PairSeen { step, motion: 0.04, off_plane: 0.03, nose }
    });
    evidence.pairs_seen = seen.collect();
    Rules.judge(&evidence, &policy).verdict.reason
}

const NODS: fn(Direction) -> bool = |direction| matches!(direction, Direction::Up | Direction::Down);
const SIDES: fn(Direction) -> bool = |direction| matches!(direction, Direction::Left | Direction::Right);

#[test]
fn a_nose_in_a_turn_makes_a_face_solid() {
    let face = [(1.4, 0.2), (1.1, -0.1), (1.6, 0.3)];
    for (wanted, range, shows, expected) in [
        (SIDES, 0.25, &face[..], Reason::NotFresh),
        (NODS, 0.12, &face, Reason::NotFresh),
        // The nose does not move as far as that of a head that turns.
        (SIDES, 0.10, &face, Reason::NotSolid),
        (NODS, 0.05, &face, Reason::NotSolid),
        // Of nods the mesh sees little: a clear nose is enough, but not without any.
        (NODS, 0.05, &[(2.4, 0.1), (2.2, 0.3)], Reason::NotFresh),
        (NODS, 0.01, &[(2.4, 0.1), (2.2, 0.3)], Reason::NotSolid),
        (SIDES, 0.10, &[(2.4, 0.1), (2.2, 0.3)], Reason::NotSolid),
        // The other way than was asked for.
        (SIDES, 0.25, &[(-1.4, 0.2), (-1.1, -0.1)], Reason::NotSolid),
        (NODS, 0.12, &[(-1.4, 0.2), (-1.1, -0.1)], Reason::NotSolid),
    ] {
        assert_eq!(reason(wanted, range, shows), Some(expected), "{range} {shows:?}");
    }
}

#[test]
fn a_sheet_is_one_only_where_no_pair_shows_a_nose() {
    for (shows, expected) in [
        (&[(0.1, 0.2), (-0.1, 0.1), (0.3, 0.1)][..], Reason::Flat),
        // Pairs that say different things, as in a dim room, say nothing of a sheet.
        (&[(0.13, 0.2), (0.64, 0.1), (-0.76, 0.2), (-0.13, 0.5)], Reason::NotSolid),
        // A nose that went elsewhere is none of a sheet's.
        (&[(0.2, 0.9), (0.1, 1.0)], Reason::NotSolid),
        (&[(0.6, 0.1), (0.7, 0.2)], Reason::NotSolid),
    ] {
        assert_eq!(reason(NODS, 0.12, shows), Some(expected), "{shows:?}");
    }
}
