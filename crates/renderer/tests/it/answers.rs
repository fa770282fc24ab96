//! Prompts are answered: which way, when, how far.

use crate::portrait::{clean, performer};
use likeness_renderer::{Direction, FaceBox, HEIGHT, Oval, Pose, Prompt, Subject, WIDTH, recorded_prompts};

const OVAL: Oval = Oval { x: 0.5, y: 0.5, width: 0.34, height: 0.62 };

fn settle(oval: Oval) -> Prompt {
    Prompt::Settle { oval, colours: Vec::new() }
}

#[test]
fn turns_go_the_right_way_and_come_back() {
    struct Case {
        direction: Direction,
        amount: fn(Pose) -> f32,
        /// How the nose moves in the picture: to the right, or down.
        nose: fn([f32; 2], [f32; 2]) -> f32,
    }
    let cases = [
        Case { direction: Direction::Left, amount: |pose| pose.yaw_degrees, nose: |from, to| to[0] - from[0] },
        Case { direction: Direction::Right, amount: |pose| -pose.yaw_degrees, nose: |from, to| from[0] - to[0] },
        Case { direction: Direction::Up, amount: |pose| pose.pitch_degrees, nose: |from, to| from[1] - to[1] },
        Case { direction: Direction::Down, amount: |pose| -pose.pitch_degrees, nose: |from, to| to[1] - from[1] },
    ];
    for seed in 0..20 {
        for Case { direction, amount, nose } in &cases {
            let mut performer = performer(Subject::Live, clean(seed));
            performer.show(settle(OVAL), 0.0);
            performer.show(Prompt::Turn { direction: *direction }, 2_000.0);
            let at = |at_ms: f64| amount(performer.pose(at_ms).expect("somebody is there"));
            let (before, soon, after) = (at(2_000.0), at(2_240.0), at(4_500.0));
            assert!(
                before.abs() < 4.0 && soon.abs() < 4.0 && after.abs() < 4.0,
                "{direction:?} {before} {soon} {after}"
            );
            let times = (20..45).map(|step| f64::from(step) * 100.0);
            let (peak_ms, peak) =
                times.map(|at_ms| (at_ms, at(at_ms))).max_by(|a, b| a.1.total_cmp(&b.1)).expect("there are times");
            assert!((9.0..27.0).contains(&peak), "{direction:?}: {peak}");
            assert!((2_600.0..3_900.0).contains(&peak_ms), "{direction:?}: {peak_ms}");
            let tip = |frame: likeness_renderer::Frame| frame.truth.faces[0].landmarks[2];
            let moved = nose(tip(performer.frame(2_000.0)), tip(performer.frame(peak_ms)));
            assert!(moved > 10.0, "{direction:?}: {moved}");
        }
    }
}

fn box_at(performer: &mut likeness_renderer::Performer, at_ms: f64) -> FaceBox {
    performer.frame(at_ms).truth.faces[0].face_box
}

#[test]
fn faces_fill_ovals() {
    let ovals = [OVAL, Oval { x: 0.46, y: 0.53, width: 0.30, height: 0.56 }, Oval { x: 0.52, y: 0.5, ..OVAL }];
    let recorded = recorded_prompts(3);
    for subject in [Subject::Live, Subject::FlatPrint, Subject::Screen, Subject::Replay { recorded }] {
        for (seed, oval) in ovals.into_iter().enumerate() {
            let mut performer = performer(subject.clone(), clean(seed as u64));
            performer.show(settle(oval), 0.0);
            let face = box_at(&mut performer, 1_800.0);
            let [x, y] = face.centre();
            let (width, height) = (WIDTH as f32, HEIGHT as f32);
            let away = ((x / width - oval.x) / oval.width).hypot((y / height - oval.y) / oval.height);
            assert!(away < 0.2, "{subject:?} {oval:?}: {face:?}");
            let share = face.height / (oval.height * height);
            assert!((0.75..1.15).contains(&share), "{subject:?} {oval:?}: {share}");
        }
    }
}

#[test]
fn near_is_nearer_and_ends_with_the_next_prompt() {
    for seed in 0..5 {
        let mut performer = performer(Subject::Live, clean(seed));
        performer.show(settle(OVAL), 0.0);
        let before = box_at(&mut performer, 1_900.0).height;
        performer.show(Prompt::Near { oval: Oval { width: 0.44, height: 0.8, ..OVAL } }, 2_000.0);
        let near = box_at(&mut performer, 4_500.0).height;
        performer.show(Prompt::Hold, 5_000.0);
        let after = box_at(&mut performer, 7_000.0).height;
        assert!(near / before > 1.2 && (after / before - 1.0).abs() < 0.06, "{before} {near} {after}");
    }
}

#[test]
fn who_does_not_hear_prompts_does_not_answer() {
    let recorded = recorded_prompts(3);
    for subject in [Subject::StillFile, Subject::RecordedFile { recorded: recorded.clone() }] {
        let mut told = performer(subject.clone(), clean(6));
        let mut alone = performer(subject, clean(6));
        told.show(Prompt::Turn { direction: Direction::Right }, 0.0);
        assert!(told.frame(900.0) == alone.frame(900.0));
    }
    let mut replay = performer(Subject::Replay { recorded }, clean(6));
    replay.show(Prompt::Turn { direction: Direction::Right }, 0.0);
    let turned = (0..40).map(|step| replay.pose(f64::from(step) * 100.0).expect("it is there").yaw_degrees.abs());
    assert!(turned.fold(0.0, f32::max) < 5.0, "the display itself is not turned");
}
