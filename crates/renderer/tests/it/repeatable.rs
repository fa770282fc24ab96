//! The same seed gives the same bytes; another gives others.

use crate::portrait::{performer, somebody};
use likeness_renderer::{Conditions, Direction, Prompt, QUALITY, Scene, Subject, jpeg, recorded_prompts};

fn conditions(seed: u64) -> Conditions {
    Conditions { seed, exposure_drift: 0.5, white_balance_drift: 0.5, ..Conditions::default() }
}

#[test]
fn same_seed_same_bytes_in_any_order() {
    for subject in [Subject::Live, Subject::FlatPrint, Subject::Replay { recorded: recorded_prompts(1) }] {
        let frames = |seed: u64, times: [f64; 3]| {
            let mut performer = performer(subject.clone(), conditions(seed));
            performer.show(Prompt::Turn { direction: Direction::Left }, 0.0);
            times.map(|at_ms| performer.frame(at_ms))
        };
        let [first, second, third] = frames(7, [0.0, 500.0, 1_000.0]);
        assert!([third.clone(), first.clone(), second.clone()] == frames(7, [1_000.0, 0.0, 500.0]), "{subject:?}");
        assert!(first.picture != second.picture && second.picture != third.picture);
        let [other, ..] = frames(8, [0.0, 500.0, 1_000.0]);
        assert!(other.picture != first.picture, "{subject:?}");
    }
}

#[test]
fn noise_is_fresh_in_a_camera_and_absent_in_a_file() {
    let differing = |subject: Subject| {
        let mut performer = performer(subject, Conditions::default());
        let (first, second) = (performer.frame(1_000.0), performer.frame(1_033.0));
        let pairs = first.picture.pixels.iter().zip(&second.picture.pixels);
        pairs.filter(|(first, second)| first != second).count() as f64 / first.picture.pixels.len() as f64
    };
    assert!(differing(Subject::NoFace) > 0.6);
    assert_eq!(differing(Subject::StillFile), 0.0);
}

#[test]
fn frames_become_jpegs_of_half_colour_resolution() {
    let scene = Scene::new(&[somebody()], Subject::Live, Conditions::default()).expect("one person is enough");
    let frame = likeness_renderer::Performer::new(scene).frame(0.0);
    let bytes = jpeg(&frame.picture, QUALITY).expect("a frame has a size");
    assert!((15_000..120_000).contains(&bytes.len()), "{}", bytes.len());
    let head = bytes.windows(2).position(|marker| marker == [0xFF, 0xC0]).expect("a baseline frame");
    assert_eq!(bytes[head + 11], 0x22, "twice as many samples of brightness both ways");
    let read = image::load_from_memory(&bytes).expect("it can be read").to_rgb8();
    assert_eq!((read.width(), read.height()), (640, 480));
    let error: u64 = read.as_raw().iter().zip(&frame.picture.pixels).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    assert!((error as f64 / frame.picture.pixels.len() as f64) < 6.0);
}
