//! A drawn portrait: skin, hair, a shirt, and a blue dot on each landmark, so that it can be found in frames.

use std::sync::LazyLock;

use likeness_renderer::{Conditions, Landmarks, Performer, Person, Photo, Scene, Subject};

const WIDTH: usize = 420;
const HEIGHT: usize = 560;

/// Eyes, nose tip, corners of the mouth, in the photo.
pub(crate) const POINTS: [[f32; 2]; 5] =
    [[163.0, 230.0], [257.0, 230.0], [210.0, 286.5], [172.5, 333.0], [247.5, 333.0]];

/// A person with light or darker skin.
pub(crate) fn person(skin: [u8; 3]) -> Person {
    let photo = picture(skin);
    let photo = Photo { width: WIDTH, height: HEIGHT, rgb: &photo };
    Person::new(photo, &Landmarks::new(POINTS), 5).expect("a drawn portrait shows a face")
}

/// An ordinary person.
pub(crate) fn somebody() -> Person {
    static MADE: LazyLock<Person> = LazyLock::new(|| person([205, 160, 135]));
    MADE.clone()
}

/// Somebody else.
pub(crate) fn somebody_else() -> Person {
    static MADE: LazyLock<Person> = LazyLock::new(|| person([120, 85, 70]));
    MADE.clone()
}

/// A performer with these conditions.
pub(crate) fn performer(subject: Subject, conditions: Conditions) -> Performer {
    let people = [somebody(), somebody_else()];
    Performer::new(Scene::new(&people, subject, conditions).expect("two people are enough for every subject"))
}

/// Conditions without noise, blur and jitter.
pub(crate) fn clean(seed: u64) -> Conditions {
    Conditions { noise_levels: 0.0, blur_px: 0.0, jitter_px: 0.0, seed, ..Conditions::default() }
}

fn picture(skin: [u8; 3]) -> Vec<u8> {
    let ellipse = |x: f32, y: f32, middle: [f32; 2], radii: [f32; 2]| {
        ((x - middle[0]) / radii[0]).powi(2) + ((y - middle[1]) / radii[1]).powi(2) <= 1.0
    };
    let mut rgb = Vec::with_capacity(WIDTH * HEIGHT * 3);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let (x, y) = (x as f32 + 0.5, y as f32 + 0.5);
            let dot = POINTS.iter().any(|[u, v]| (x - u).hypot(y - v) < 5.0);
            rgb.extend(if dot {
                [20, 20, 230]
            } else if ellipse(x, y, [210.0, 275.0], [108.0, 135.0]) {
                skin
            } else if ellipse(x, y, [210.0, 225.0], [130.0, 165.0]) {
                [60, 45, 40]
            } else if y > 400.0 && ellipse(x, y, [210.0, 420.0], [70.0, 60.0]) {
                skin
            } else if y > 440.0 {
                [150, 60, 60]
            } else {
                [150, 165, 150]
            });
        }
    }
    rgb
}
