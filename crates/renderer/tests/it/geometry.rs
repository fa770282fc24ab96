//! Truth against pixels, and the geometry of heads and sheets.

use crate::plane::{Pairs, nose_evidence, plane_residual};
use crate::portrait::{clean, performer};
use likeness_renderer::{BendAxis, Direction, Frame, Oval, Performer, Prompt, Subject, SurfacePoint, recorded_prompts};

const OVAL: Oval = Oval { x: 0.5, y: 0.5, width: 0.34, height: 0.62 };

/// Shows a settled performer a turn at 2 s.
fn turning(subject: Subject, seed: u64, direction: Direction) -> Performer {
    let mut performer = performer(subject, clean(seed));
    performer.show(Prompt::Settle { oval: OVAL, colours: Vec::new() }, 0.0);
    performer.show(Prompt::Turn { direction }, 2_000.0);
    performer
}

/// When the turn is farthest: of the whole turn, by the truth.
fn peak_ms(performer: &Performer, direction: Direction) -> f64 {
    let amount = |at_ms: f64| {
        let pose = performer.pose(at_ms).expect("somebody is there");
        match direction {
            Direction::Left | Direction::Right => pose.yaw_degrees.abs(),
            Direction::Up | Direction::Down => pose.pitch_degrees.abs(),
        }
    };
    let times = (40..100).map(|step| f64::from(step) * 50.0);
    times.max_by(|first, second| amount(*first).total_cmp(&amount(*second))).expect("there are times")
}

/// Where the blue around a place has its middle.
fn blue_near(frame: &Frame, [x, y]: [f32; 2]) -> [f32; 2] {
    let (mut weight, mut sum) = (0.0, [0.0; 2]);
    let reach = 9;
    for row in y as i32 - reach..=y as i32 + reach {
        for column in x as i32 - reach..=x as i32 + reach {
            let at = (row as usize * frame.picture.width + column as usize) * 3;
            let [red, _, blue] = [0, 1, 2].map(|i| f32::from(frame.picture.pixels[at + i]));
            let amount = (blue - red).max(0.0);
            weight += amount;
            sum[0] += amount * (column as f32 + 0.5);
            sum[1] += amount * (row as f32 + 0.5);
        }
    }
    assert!(weight > 500.0, "no dot near {x} {y}");
    sum.map(|sum| sum / weight)
}

#[test]
fn landmarks_are_where_the_truth_says() {
    let recorded = recorded_prompts(3);
    let subjects = [
        (Subject::Live, 1.2),
        (Subject::FlatPrint, 0.5),
        (Subject::BowedPrint { sagitta_mm: 30.0, axis: BendAxis::Upright }, 0.6),
        (Subject::Screen, 0.5),
        (Subject::Replay { recorded: recorded.clone() }, 1.5),
        (Subject::RecordedFile { recorded }, 1.2),
    ];
    for (subject, most_px) in subjects {
        let mut performer = turning(subject.clone(), 4, Direction::Left);
        let peak_ms = peak_ms(&performer, Direction::Left);
        for at_ms in [1_900.0, peak_ms] {
            let frame = performer.frame(at_ms);
            for (number, place) in frame.truth.faces[0].landmarks.into_iter().enumerate() {
                let found = blue_near(&frame, place);
                let away = (found[0] - place[0]).hypot(found[1] - place[1]);
                // The dot on the tip is partly behind the tip.
                let most_px = if number == 2 { 1.8 * most_px } else { most_px };
                assert!(away < most_px, "{subject:?} at {at_ms}, point {number}: {place:?}, found {found:?}");
            }
        }
    }
}

#[test]
fn jitter_is_part_of_the_truth() {
    let conditions = likeness_renderer::Conditions { jitter_px: 1.0, ..clean(8) };
    let mut performer = performer(Subject::FlatPrint, conditions);
    for at_ms in [0.0, 100.0, 200.0, 300.0] {
        let frame = performer.frame(at_ms);
        let place = frame.truth.faces[0].landmarks[0];
        let found = blue_near(&frame, place);
        assert!((found[0] - place[0]).hypot(found[1] - place[1]) < 0.5, "{place:?} {found:?}");
    }
}

/// The points that face the camera in both frames, and the eye distance in the first.
fn pairs(performer: &Performer, first_ms: f64, second_ms: f64) -> (Pairs, f64) {
    let (first, second) = (performer.surface_points(first_ms), performer.surface_points(second_ms));
    assert!(first.len() > 150, "{}", first.len());
    let both: Vec<(&SurfacePoint, &SurfacePoint)> =
        first.iter().zip(&second).filter(|(first, second)| first.faces_camera && second.faces_camera).collect();
    let wide = |point: [f32; 2]| point.map(f64::from);
    let pairs = Pairs {
        face_mm: both.iter().map(|(first, _)| wide(first.face_mm)).collect(),
        first: both.iter().map(|(first, _)| wide(first.pixel)).collect(),
        second: both.iter().map(|(_, second)| wide(second.pixel)).collect(),
    };
    let eyes = performer.landmark_places();
    let scale = f64::from(eyes[1][0] - eyes[0][0]);
    // Pixels for a millimetre, from the points themselves: the distance of neighbours in a row.
    let steps = both.windows(2).filter(|pair| pair[1].0.face_mm[1] == pair[0].0.face_mm[1]);
    let rates: Vec<f64> = steps
        .map(|pair| {
            f64::from((pair[1].0.pixel[0] - pair[0].0.pixel[0]) / (pair[1].0.face_mm[0] - pair[0].0.face_mm[0]))
        })
        .collect();
    let px_per_mm = rates.iter().sum::<f64>() / rates.len() as f64;
    (pairs, scale * px_per_mm)
}

#[test]
fn a_plane_explains_a_flat_print_and_no_head() {
    for seed in 0..6 {
        for direction in [Direction::Left, Direction::Up] {
            let flat = turning(Subject::FlatPrint, seed, direction);
            let (pairs_of_flat, eyes) = pairs(&flat, 1_900.0, peak_ms(&flat, direction));
            let residual = plane_residual(&pairs_of_flat, eyes);
            assert!(residual < 0.01, "seed {seed}: {residual}");
            let live = turning(Subject::Live, seed, direction);
            let (pairs_of_live, eyes) = pairs(&live, 1_900.0, peak_ms(&live, direction));
            let residual = plane_residual(&pairs_of_live, eyes);
            assert!(residual > 1.0, "seed {seed} {direction:?}: {residual}");
        }
    }
}

#[test]
fn only_a_head_has_a_nose() {
    for seed in 0..6 {
        for direction in [Direction::Left, Direction::Right, Direction::Up, Direction::Down] {
            let evidence = |subject: Subject| {
                let performer = turning(subject, seed, direction);
                let tip_mm = performer.landmark_places()[2].map(f64::from);
                let (pairs, eyes) = pairs(&performer, 1_900.0, peak_ms(&performer, direction));
                (nose_evidence(&pairs, eyes, tip_mm), plane_residual(&pairs, eyes))
            };
            let (nose, _) = evidence(Subject::Live);
            assert!((1.2..8.0).contains(&nose), "seed {seed} {direction:?}: {nose}");
            for sagitta_mm in [0.0, 10.0, 20.0, 45.0] {
                let (nose, _) = evidence(Subject::BowedPrint { sagitta_mm, axis: BendAxis::Upright });
                let most = if sagitta_mm > 30.0 { 0.4 } else { 0.2 };
                assert!(nose < most, "seed {seed} {direction:?}, bent by {sagitta_mm}: {nose}");
            }
            let (_, residual) = evidence(Subject::BowedPrint { sagitta_mm: 45.0, axis: BendAxis::Upright });
            assert!(residual > 0.2, "a bent sheet is no plane: {residual}");
        }
    }
}

#[test]
fn a_replay_is_solid() {
    let performer = turning(Subject::Replay { recorded: recorded_prompts(3) }, 2, Direction::Left);
    let tip_mm = performer.landmark_places()[2].map(f64::from);
    let times: Vec<f64> = (0..200).map(|step| f64::from(step) * 100.0).collect();
    let highest = times.iter().map(|at_ms| {
        let (pairs, eyes) = pairs(&performer, 1_000.0, *at_ms);
        nose_evidence(&pairs, eyes, tip_mm)
    });
    assert!(highest.fold(0.0, f64::max) > 1.2, "the recorded person turned");
}
