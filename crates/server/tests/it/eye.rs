//! The eye: small, cut, enlarged and turned faces made at random from real ones, each kind with a budget of errors; and
//! pictures without people. The networks run in the test's own process, as the server runs them.

#![expect(clippy::print_stdout, reason = "how each kind did is told to whoever watches the tests")]

use crate::pipeline::vision;
use crate::server::{demo, shared_faces};
use fastrand::Rng;
use image::RgbImage;
use likeness_specimens::faceless::Kind;
use likeness_specimens::{Ground, Portrait, Specimen, Square, crowd, enlarged, small_face, tight_crop, turned};
use likeness_vision::{
    AttributeSet, Depth, DescribeOptions, Detection, Face, Limits, Picture, RecogniserSet, Search, Vision,
};
use std::sync::LazyLock;

/// Specimens of a kind.
const MANY: usize = 300;

fn picture(image: &RgbImage) -> Picture {
    Picture::from_rgb(image.width(), image.height(), image.as_raw().clone()).expect("a picture")
}

fn image(picture: &Picture) -> RgbImage {
    RgbImage::from_raw(picture.width(), picture.height(), picture.pixels().to_vec()).expect("pixels of a picture")
}

fn rectangle(found: &Detection, picture: &Picture) -> [f32; 4] {
    let rect = found.reported(picture);
    [rect.left as f32, rect.top as f32, rect.width as f32, rect.height as f32]
}

fn square(found: &Detection, picture: &Picture) -> Square {
    let [left, top, width, height] = rectangle(found, picture);
    Square { left, top, side: (width * height).sqrt() }
}

/// One person each: those of the sample photos where they are, and those cut out of the group photos with half a face
/// around them.
fn portraits(vision: &mut Vision) -> Vec<Portrait> {
    let mut portraits = Vec::new();
    for number in 1..=6 {
        let photo = Picture::decode(&demo(number), &Limits::default()).expect("a photo");
        for found in vision.detect(&photo, Search::default()).expect("faces") {
            let face = square(&found, &photo);
            let at = |start: f32| (start - face.side / 2.0).max(0.0) as u32;
            let (left, top, side) = (at(face.left), at(face.top), (face.side * 2.0) as u32);
            let cut = image::imageops::crop_imm(&image(&photo), left, top, side, side).to_image();
            portraits.extend(alone(vision, cut));
        }
    }
    let Some(folder) = shared_faces("eye (portraits of the sample photos)") else { return portraits };
    let labels = std::fs::read_to_string(folder.join("labels.csv")).expect("the labels can be read");
    for line in labels.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        if cells[2] == "1" && cells[3].is_empty() && !cells[0].starts_with("liveness/") {
            let bytes = std::fs::read(folder.join(cells[0])).expect("a photo");
            let photo = Picture::decode(&bytes, &Limits::default()).expect("a photo");
            portraits.extend(alone(vision, image(&photo)));
        }
    }
    portraits
}

/// A picture in which one upright face is found, which is not cut off.
fn alone(vision: &mut Vision, image: RgbImage) -> Option<Portrait> {
    let looked_at = picture(&image);
    let [found] = vision.detect(&looked_at, Search::default()).expect("faces")[..] else { return None };
    let options = DescribeOptions { attributes: AttributeSet::HEAD_POSE, ..DescribeOptions::default() };
    let pose = vision.describe(&looked_at, &found, options).expect("a face").head_pose.expect("it was wanted");
    let face = square(&found, &looked_at);
    let is_whole = face.left > 2.0 && face.top > 2.0;
    (is_whole && pose.roll.abs() < 20.0 && pose.yaw.abs() < 40.0).then_some(Portrait { picture: image, face })
}

/// What became of the specimens of a kind.
#[derive(Debug, Default)]
struct Tally {
    looked: usize,
    missed: usize,
    /// Boxes beside the face.
    extra: usize,
    /// Found, with a wrong roll.
    leaning: usize,
    /// Found, with the template of another person.
    other: usize,
}

/// How far a template may lie from that of the upright portrait: verify's threshold.
const SAME_PERSON: f32 = 0.933;

/// A portrait with its template.
struct Known {
    portrait: Portrait,
    template: Vec<f32>,
}

/// The portraits are analysed once for all tests.
static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let mut vision = vision();
    let mut known = Vec::new();
    for portrait in portraits(&mut vision) {
        let upright = picture(&portrait.picture);
        let [found] = vision.detect(&upright, Search::default()).expect("faces")[..] else { continue };
        let face = vision.describe(&upright, &found, WANTED).expect("a face");
        known.push(Known { portrait, template: template(&face) });
    }
    assert!(known.len() >= 10, "only {} portraits", known.len());
    known
});

struct Range {
    vision: Vision,
    random: Rng,
}

impl Range {
    fn new(seed: u64) -> Self {
        Self { vision: vision(), random: Rng::with_seed(seed) }
    }

    /// Looks at as many specimens, made of portraits in turn, usually and deeply in turn.
    fn tally(&mut self, count: usize, mut make: impl FnMut(&Portrait, &mut Rng) -> Specimen) -> Tally {
        let mut tally = Tally::default();
        for number in 0..count {
            let known = &KNOWN[number % KNOWN.len()];
            let specimen = make(&known.portrait, &mut self.random);
            let looked_at = picture(&specimen.picture);
            let depth = if self.random.bool() { Depth::Deep } else { Depth::Usual };
            let found = self.vision.detect(&looked_at, Search { depth, ..Search::default() }).expect("an answer");
            tally.looked += 1;
            let overlap = |found: &Detection| specimen.face.overlap(rectangle(found, &looked_at));
            let best =
                found.iter().max_by(|a, b| overlap(a).total_cmp(&overlap(b))).filter(|found| overlap(found) > 0.35);
            tally.extra += found.len() - usize::from(best.is_some());
            let Some(best) = best else {
                tally.missed += 1;
                continue;
            };
            if specimen.turn != 0.0 {
                let face = self.vision.describe(&looked_at, best, WANTED).expect("a face");
                let roll = face.head_pose.as_ref().expect("it was wanted").roll - specimen.turn;
                tally.leaning += usize::from(((roll + 180.0).rem_euclid(360.0) - 180.0).abs() > 30.0);
                let far = likeness_gallery::distance(&template(&face), &known.template);
                tally.other += usize::from(far > SAME_PERSON);
            }
        }
        tally
    }
}

const WANTED: DescribeOptions = DescribeOptions {
    landmarks: false,
    attributes: AttributeSet::HEAD_POSE,
    capture: false,
    templates: RecogniserSet::FIRST,
};

fn template(face: &Face) -> Vec<f32> {
    face.template(0).expect("it was wanted").expose().clone()
}

/// Checks a kind against its budget and prints the result.
fn expect(name: &str, tally: &Tally, count: usize, most: f64) {
    let share = count as f64 / tally.looked as f64;
    println!("{name}: {tally:?}");
    assert!(share <= most, "{name}: {:.1} % instead of at most {:.1} %: {tally:?}", share * 100.0, most * 100.0);
}

fn in_some_frame(portrait: &Portrait, pixels: f32, random: &mut Rng) -> Specimen {
    let frame = if random.bool() { (1280, 720) } else { (1920, 1080) };
    let ground = if random.bool() { Ground::Plain } else { Ground::Blots };
    small_face(portrait, pixels, frame, ground, random)
}

#[test]
fn the_smallest_faces_are_found() {
    let tally = Range::new(1).tally(MANY, |portrait, random| in_some_frame(portrait, 36.0, random));
    expect("36 px in 1280x720 and 1920x1080", &tally, tally.missed, 0.05);
}

#[test]
fn small_faces_are_found() {
    let tally = Range::new(6).tally(MANY, |portrait, random| in_some_frame(portrait, 44.0, random));
    expect("44 px in 1280x720 and 1920x1080", &tally, tally.missed, 0.01);
}

#[test]
fn a_face_that_fills_its_picture_is_found() {
    let mut range = Range::new(2);
    let tally = range.tally(MANY, |portrait, random| tight_crop(portrait, 0.0, 0.5 + random.f32() * 3.0));
    expect("cut out by its rectangle", &tally, tally.missed, 0.05);
    let tally =
        range.tally(MANY, |portrait, random| tight_crop(portrait, random.f32() * 0.2, 1.0 + random.f32() * 2.0));
    expect("cut out with a margin", &tally, tally.missed, 0.05);
    expect("cut out with a margin, pieces", &tally, tally.extra, 0.01);
}

#[test]
fn an_enlarged_portrait_is_one_face() {
    let tally = Range::new(3).tally(1000, |portrait, random| {
        let most = 900.0 / portrait.picture.width().max(portrait.picture.height()) as f32;
        enlarged(portrait, 1.0 + random.f32() * (most - 1.0).max(0.0))
    });
    expect("enlarged, pieces", &tally, tally.extra, 0.001);
    expect("enlarged, missed", &tally, tally.missed, 0.001);
}

/// Each specimen turned by one of these angles.
fn expect_turned(name: &str, tally: &Tally) {
    expect(&format!("{name}, missed"), tally, tally.missed, 0.03);
    expect(&format!("{name}, another person"), tally, tally.other, 0.03);
    expect(&format!("{name}, roll"), tally, tally.leaning, 0.03);
}

#[test]
fn a_face_on_its_side_or_head_is_found_and_is_the_same_person() {
    let mut range = Range::new(4);
    for degrees in [90.0, 180.0, 270.0] {
        let tally = range.tally(MANY / 2, |portrait, random| {
            let scale = 0.7 + random.f32() / 2.0;
            let Specimen { picture, face, .. } = enlarged(portrait, scale);
            turned(&Portrait { picture, face }, degrees)
        });
        expect_turned(&format!("turned by {degrees}"), &tally);
    }
}

#[test]
fn a_face_at_any_roll_is_found_and_is_the_same_person() {
    let tally = Range::new(7).tally(MANY, |portrait, random| turned(portrait, random.f32() * 360.0));
    expect_turned("turned by any angle", &tally);
}

/// The contract reports up to a hundred faces: each of them is found, also where all are small or on their head.
#[test]
fn a_crowd_is_found_to_the_last() {
    let mut vision = vision();
    let mut random = Rng::with_seed(8);
    let people: Vec<Portrait> = KNOWN.iter().map(|known| known.portrait.clone()).collect();
    for (pixels, degrees) in [(40.0, 0.0), (60.0, 0.0), (48.0, 180.0)] {
        let (crowd, places) = crowd(&people, 100, pixels, (1920, 1080), degrees, &mut random);
        let looked_at = picture(&crowd);
        let found = vision.detect(&looked_at, Search::default()).expect("an answer");
        let missed =
            places.iter().filter(|place| !found.iter().any(|found| place.overlap(rectangle(found, &looked_at)) > 0.35));
        let missed = missed.count();
        println!("a crowd of {pixels} px turned by {degrees}: {missed} of {} missed", places.len());
        assert!(places.len() == 100 && missed <= 5, "{missed} of {} of {pixels} px turned by {degrees}", places.len());
    }
}

#[test]
fn nobody_is_nobody() {
    let mut vision = vision();
    let mut random = Rng::with_seed(5);
    let mut all = 0;
    for kind in Kind::ALL {
        let mut false_faces = 0;
        for number in 0..60 {
            let drawn = picture(&kind.draw(&mut random));
            let depth = if number % 2 == 0 { Depth::Deep } else { Depth::Usual };
            false_faces += vision.detect(&drawn, Search { depth, ..Search::default() }).expect("an answer").len();
        }
        println!("{kind:?}: {false_faces} faces in 60 pictures");
        all += false_faces;
    }
    assert!(all <= 3, "{all} faces in 360 pictures of nobody");
}
