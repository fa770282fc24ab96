//! Every subject shows what it says, and wrong arguments are refused.

use crate::portrait::{POINTS, clean, performer, somebody};
use likeness_renderer::{
    Backdrop, BendAxis, Conditions, Cover, Direction, Landmarks, Oval, Performer, Person, Photo, Prompt, RenderError,
    Scene, ScreenKind, Subject, recorded_prompts,
};

fn all() -> Vec<Subject> {
    let recorded = recorded_prompts(2);
    vec![
        Subject::Live,
        Subject::FlatPrint,
        Subject::BowedPrint { sagitta_mm: 40.0, axis: BendAxis::Upright },
        Subject::BowedPrint { sagitta_mm: 40.0, axis: BendAxis::Level },
        Subject::CutOut,
        Subject::SheetIn { at_ms: 2_000.0 },
        Subject::Screen,
        Subject::Replay { recorded: recorded.clone() },
        Subject::StillFile,
        Subject::RecordedFile { recorded },
        Subject::Swap { at_ms: 2_000.0 },
        Subject::TwoFaces,
        Subject::NoFace,
        Subject::Covered(Cover::Mask),
        Subject::Covered(Cover::Sunglasses),
        Subject::Dark,
        Subject::OffCentre,
        Subject::TooFar,
    ]
}

#[test]
fn every_subject_is_drawn_at_any_time() {
    for (seed, subject) in all().into_iter().enumerate() {
        let conditions = Conditions {
            seed: seed as u64,
            screen: ScreenKind::Phone,
            backdrop: if seed % 2 == 0 { Backdrop::Room } else { Backdrop::Photo },
            blur_px: 2.5,
            exposure_drift: 1.0,
            white_balance_drift: 1.0,
            ..Conditions::default()
        };
        let mut performer = performer(subject.clone(), conditions);
        let oval = Oval { x: 0.5, y: 0.5, width: 1.5, height: 3.0 };
        performer.show(Prompt::Settle { oval, colours: Vec::new() }, 0.0);
        for direction in [Direction::Left, Direction::Down] {
            performer.show(Prompt::Turn { direction }, 100.0);
        }
        for at_ms in [-1e6, 0.0, 1_234.5, 2_200.0, 1e7] {
            let frame = performer.frame(at_ms);
            assert_eq!(frame.picture.pixels.len(), 640 * 480 * 3, "{subject:?}");
        }
    }
}

#[test]
fn as_many_faces_as_there_are() {
    let people = |subject: Subject, at_ms: f64| -> Vec<usize> {
        performer(subject, clean(1)).frame(at_ms).truth.faces.iter().map(|face| face.person).collect()
    };
    assert_eq!(people(Subject::NoFace, 0.0), Vec::<usize>::new());
    assert_eq!(people(Subject::TwoFaces, 0.0), [0, 1], "the nearest first");
    let swap = Subject::Swap { at_ms: 2_000.0 };
    assert_eq!((people(swap.clone(), 1_999.0), people(swap, 2_000.0)), (vec![0], vec![1]));
    let sheet = Subject::SheetIn { at_ms: 2_000.0 };
    assert_eq!((people(sheet.clone(), 1_999.0), people(sheet, 3_000.0)), (vec![1], vec![0]));
}

#[test]
fn without_a_second_person_nobody_holds_the_sheet() {
    let scene = Scene::new(&[somebody()], Subject::SheetIn { at_ms: 2_000.0 }, clean(1)).expect("one is enough");
    let mut performer = Performer::new(scene);
    assert_eq!(performer.frame(1_000.0).truth.faces.len(), 0);
    assert!(performer.surface_points(1_000.0).is_empty());
    assert_eq!(performer.frame(3_000.0).truth.faces.len(), 1);
}

#[test]
fn who_is_away_stays_away() {
    let oval = Oval { x: 0.5, y: 0.5, width: 0.34, height: 0.62 };
    let face = |subject: Subject| {
        let mut performer = performer(subject, clean(2));
        performer.show(Prompt::Settle { oval, colours: Vec::new() }, 0.0);
        performer.frame(2_000.0).truth.faces[0].face_box
    };
    let usual = face(Subject::Live);
    assert!((face(Subject::OffCentre).centre()[0] - 320.0).abs() > 100.0);
    assert!(face(Subject::TooFar).height < 0.5 * usual.height);
}

#[test]
fn covers_hide_what_they_cover() {
    let colour = |subject: Subject, landmark: usize| {
        let frame = performer(subject, clean(2)).frame(0.0);
        let [x, y] = frame.truth.faces[0].landmarks[landmark];
        let at = (y as usize * frame.picture.width + x as usize) * 3;
        [0, 1, 2].map(|i| i32::from(frame.picture.pixels[at + i]))
    };
    // The landmarks of the drawn portrait are blue dots.
    let is_dot = |[red, _, blue]: [i32; 3]| blue - red > 80;
    for (cover, hidden, seen) in [(Cover::Mask, 3, 0), (Cover::Sunglasses, 0, 3)] {
        assert!(is_dot(colour(Subject::Live, hidden)) && !is_dot(colour(Subject::Covered(cover), hidden)), "{cover:?}");
        assert!(is_dot(colour(Subject::Covered(cover), seen)), "{cover:?}");
    }
}

#[test]
fn wrong_arguments_are_refused() {
    let rgb = vec![128; 100 * 100 * 3];
    let photo = Photo { width: 100, height: 100, rgb: &rgb };
    let short = Photo { width: 101, ..photo };
    let points = POINTS.map(|point| point.map(|value| value / 5.0));
    let refused = |photo, points| Person::new(photo, &Landmarks::new(points), 0).err();
    assert_eq!(
        refused(short, points),
        Some(RenderError::PhotoSize { width: 101, height: 100, expected: 30_300, actual: 30_000 })
    );
    assert!(refused(Photo { width: 0, height: 0, rgb: &[] }, points).is_some());
    let swapped = [points[1], points[0], points[2], points[4], points[3]];
    let far = points.map(|[x, y]| [x + 500.0, y]);
    let none = [[f32::NAN; 2]; 5];
    for wrong in [swapped, far, none, [[50.0; 2]; 5]] {
        assert_eq!(refused(photo, wrong), Some(RenderError::Landmarks));
    }
    let alone = Scene::new(&[somebody()], Subject::TwoFaces, Conditions::default()).err();
    assert_eq!(alone, Some(RenderError::People { needed: 2, given: 1 }));
    let nobody = Scene::new(&[], Subject::NoFace, Conditions::default()).err();
    assert_eq!(nobody, Some(RenderError::People { needed: 1, given: 0 }));
}

#[test]
fn a_photo_of_the_bare_face_is_enough() {
    // The face fills the photo, and some landmarks of a dense mesh lie outside.
    let (left, top, width, height) = (120, 130, 180, 260);
    let mut rgb = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let inside = (x as f32 - 90.0).hypot(y as f32 - 130.0) < 120.0;
            rgb.extend(if inside { [200, 150, 130] } else { [40, 60, 40] });
        }
    }
    let five = POINTS.map(|[x, y]| [x - left as f32, y - top as f32]);
    let surface =
        (0..60).map(|step| step as f32 * 0.105).map(|angle| [90.0 + 110.0 * angle.cos(), 140.0 + 140.0 * angle.sin()]);
    let landmarks = Landmarks { surface: surface.collect(), ..Landmarks::new(five) };
    let person = Person::new(Photo { width, height, rgb: &rgb }, &landmarks, 3).expect("five points are there");
    let scene = Scene::new(&[person], Subject::Live, clean(1)).expect("one person is enough");
    assert_eq!(Performer::new(scene).frame(0.0).truth.faces.len(), 1);
}
