//! Describing a face: drawn faces with a red and a green eye, blue pupils and a texture of their own; the fake networks
//! find the colours and answer with a mesh, an iris, an embedding.

use std::sync::{Arc, Mutex};

use likeness_vision::engine::Tensor;
use likeness_vision::{
    AlignedBy, AttributeSet, DescribeOptions, Detection, DetectorKind, Face, KeyPoints, Landmarks, MaskKind,
    NetworkPart, Picture, Point, Quality, RecogniserKind, RecogniserPart, RecogniserSet, RectF, Stage, Trace, Vision,
    VisionError,
};

use proptest::prelude::*;

use crate::fake::{FakeEngine, load, parts, unused};

/// Where a drawn face lies: middle between the eyes, eye distance, tilt clockwise, and which texture it wears.
#[derive(Clone, Copy)]
struct Drawn {
    middle: Point,
    eyes: f32,
    roll_degrees: f32,
    texture: f32,
}

const PUPIL: (f32, f32) = (0.05, -0.02);

impl Drawn {
    /// From units of the eye distance (x along the eyes, y down the face) to the picture.
    fn place(&self, x: f32, y: f32) -> Point {
        let (sin, cos) = self.roll_degrees.to_radians().sin_cos();
        Point { x: self.middle.x + self.eyes * (x * cos - y * sin), y: self.middle.y + self.eyes * (x * sin + y * cos) }
    }

    fn colour(&self, at: Point) -> [f32; 3] {
        let (sin, cos) = self.roll_degrees.to_radians().sin_cos();
        let (x, y) = ((at.x - self.middle.x) / self.eyes, (at.y - self.middle.y) / self.eyes);
        let (x, y) = (x * cos + y * sin, y * cos - x * sin);
        let near = |cx: f32, cy: f32, r: f32| (x - cx).hypot(y - cy) < r;
        for side in [-0.5, 0.5] {
            if near(side + PUPIL.0, PUPIL.1, 0.07) {
                return [0.0, 0.0, 255.0];
            }
            if near(side, 0.0, 0.2) {
                return if side < 0.0 { [255.0, 0.0, 0.0] } else { [0.0, 255.0, 0.0] };
            }
        }
        let grey = 128.0 + 60.0 * (self.texture * x + 1.0).sin() * (self.texture * 0.7 * y).cos() + 20.0 * x;
        [grey; 3]
    }

    fn draw(&self, width: u32, height: u32) -> Picture {
        let mut pixels = Vec::with_capacity((width * height * 3) as usize);
        for y in 0..height {
            for x in 0..width {
                // Four by four samples a pixel, so that sizes can be compared.
                let mut sum = [0.0; 3];
                for sub in 0..16 {
                    let (dx, dy) = ((sub % 4) as f32 / 4.0 - 0.375, (sub / 4) as f32 / 4.0 - 0.375);
                    let colour = self.colour(Point { x: x as f32 + dx, y: y as f32 + dy });
                    (0..3).for_each(|c| sum[c] += colour[c] / 16.0);
                }
                pixels.extend(sum.map(|v| v.round() as u8));
            }
        }
        Picture::from_rgb(width, height, pixels).unwrap()
    }

    fn detection(&self, five: bool) -> Detection {
        let side = 2.4 * self.eyes;
        let middle = self.place(0.0, 0.5);
        let eyes = [self.place(-0.5, 0.0), self.place(0.5, 0.0)];
        let mouth = self.place(0.0, 1.0);
        let points = if five {
            KeyPoints::Five([eyes[0], eyes[1], self.place(0.0, 0.5), self.place(-0.4, 1.0), self.place(0.4, 1.0)])
        } else {
            KeyPoints::Six([eyes[0], eyes[1], self.place(0.0, 0.5), mouth, self.place(-1.0, 0.1), self.place(1.0, 0.1)])
        };
        let rect = RectF { left: middle.x - side / 2.0, top: middle.y - side / 2.0, width: side, height: side };
        Detection { rect, score: 0.9, points }
    }
}

/// Middle of the pixels for which the colour test holds; 0..1 RGB.
fn middle_of(input: &Tensor, is: impl Fn(f32, f32, f32) -> bool) -> Option<Point> {
    let (rows, columns) = (input.shape[2], input.shape[3]);
    let plane = rows * columns;
    let (mut count, mut x_sum, mut y_sum) = (0.0, 0.0, 0.0);
    for at in 0..plane {
        if is(input.data[at], input.data[plane + at], input.data[2 * plane + at]) {
            count += 1.0;
            x_sum += (at % columns) as f32;
            y_sum += (at / columns) as f32;
        }
    }
    (count > 0.0).then(|| Point { x: x_sum / count, y: y_sum / count })
}

/// Red or green with the blue pupil in it is the eye; its middle is found from the coloured part's bounding box.
fn eye_middle(input: &Tensor, red: bool) -> Option<Point> {
    let (rows, columns) = (input.shape[2], input.shape[3]);
    let plane = rows * columns;
    let (mut low, mut high) = ((f32::MAX, f32::MAX), (f32::MIN, f32::MIN));
    for at in 0..plane {
        let (r, g, b) = (input.data[at], input.data[plane + at], input.data[2 * plane + at]);
        let coloured = if red { r > 0.6 && g < 0.3 && b < 0.3 } else { g > 0.6 && r < 0.3 && b < 0.3 };
        if coloured {
            let (x, y) = ((at % columns) as f32, (at / columns) as f32);
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x), high.1.max(y));
        }
    }
    (high.0 > low.0).then(|| Point { x: (low.0 + high.0) / 2.0, y: (low.1 + high.1) / 2.0 })
}

/// A flat mesh around the two coloured eyes: eye corners and lids on the eyes, mouth, nose, chin and forehead below and
/// above, the outline at both sides, everything else on the nose.
fn mesh(input: &Tensor) -> Vec<(String, Tensor)> {
    let left = eye_middle(input, true).unwrap_or(Point { x: 70.0, y: 70.0 });
    let right = eye_middle(input, false).unwrap_or(Point { x: 120.0, y: 70.0 });
    let (ex, ey) = (right.x - left.x, right.y - left.y);
    let middle = left.midway(right);
    let place = |x: f32, y: f32| [middle.x + x * ex - y * ey, middle.y + x * ey + y * ex, 0.0];
    let mut points = vec![place(0.0, 0.5); 468];
    let table = [
        (33, -0.72, 0.0),
        (133, -0.28, 0.0),
        (362, 0.28, 0.0),
        (263, 0.72, 0.0),
        (159, -0.5, -0.05),
        (145, -0.5, 0.05),
        (386, 0.5, -0.05),
        (374, 0.5, 0.05),
        (2, 0.0, 0.71),
        (61, -0.45, 0.98),
        (291, 0.45, 0.98),
        (1, 0.0, 0.63),
        (10, 0.0, -0.9),
        (152, 0.0, 1.9),
        (127, -1.1, 0.1),
        (356, 1.1, 0.1),
        (234, -1.1, 0.4),
        (454, 1.1, 0.4),
        (93, -1.0, 0.7),
        (323, 1.0, 0.7),
        (58, -0.9, 1.2),
        (288, 0.9, 1.2),
        (172, -0.8, 1.4),
        (397, 0.8, 1.4),
    ];
    for (index, x, y) in table {
        points[index] = place(x, y);
    }
    vec![
        ("Identity".into(), Tensor::zeros(&[1, 266])),
        ("Identity_1".into(), Tensor::zeros(&[1, 1])),
        ("Identity_2".into(), Tensor { shape: vec![1, 1404], data: points.into_iter().flatten().collect() }),
    ]
}

/// Finds the blue pupil. Given the image's right eye unmirrored, it answers nonsense: it finds green where the real
/// network would find an eye the wrong way round. Mirrored or not does not follow from colours alone, so the pupil's
/// place in the eye is what the test compares.
fn iris(input: &Tensor) -> Vec<(String, Tensor)> {
    let pupil = middle_of(input, |r, g, b| b > 0.6 && r < 0.4 && g < 0.4).unwrap_or_default();
    let mut values = vec![0.0; 228];
    values[213..215].copy_from_slice(&[pupil.x, pupil.y]);
    vec![("Identity".into(), Tensor { shape: vec![1, 1, 1, 228], data: values })]
}

/// Mean of the first channel over 8 x 8 blocks, minus the whole mean.
fn recogniser(input: &Tensor) -> Vec<(String, Tensor)> {
    let side = input.shape[2];
    let mut blocks = vec![(0.0, 0.0); 64];
    for (at, value) in input.data[..side * side].iter().enumerate() {
        // By pixel centres, so that the blocks lie symmetrically.
        let block = |position: usize| (2 * position + 1) * 8 / (2 * side);
        let (x, y) = (block(at % side), block(at / side));
        blocks[y * 8 + x].0 += value;
        blocks[y * 8 + x].1 += 1.0;
    }
    let means: Vec<f32> = blocks.into_iter().map(|(sum, count): (f32, f32)| sum / count.max(1.0)).collect();
    let mean = means.iter().sum::<f32>() / 64.0;
    // Something beside the pattern, so that an empty input still has a direction.
    let data = means.into_iter().map(|v| v - mean + 1e-3).collect();
    vec![("embedding".into(), Tensor { shape: vec![1, 64], data })]
}

fn engine() -> FakeEngine {
    FakeEngine { detector: unused, second: unused, mesh, iris, recogniser }
}

fn vision(kind: RecogniserKind, mirror: bool) -> Vision {
    load(&engine(), &parts(DetectorKind::BlazefaceBack, kind, mirror)).unwrap()
}

fn face(middle: (f32, f32), eyes: f32, roll_degrees: f32, texture: f32) -> Drawn {
    Drawn { middle: Point { x: middle.0, y: middle.1 }, eyes, roll_degrees, texture }
}

const ALL: DescribeOptions = DescribeOptions {
    landmarks: true,
    attributes: AttributeSet::all(),
    capture: true,
    templates: RecogniserSet::FIRST,
};

fn describe(drawn: &Drawn, size: (u32, u32), options: DescribeOptions) -> Face {
    let picture = drawn.draw(size.0, size.1);
    vision(RecogniserKind::DlibResnet, true).describe(&picture, &drawn.detection(false), options).unwrap()
}

#[test]
fn landmarks_lie_on_the_face_however_it_lies() {
    let cases = [
        ("upright", face((200.0, 180.0), 80.0, 0.0, 5.0), (400, 400)),
        ("tilted clockwise", face((220.0, 150.0), 70.0, 30.0, 5.0), (400, 400)),
        ("tilted far to the other side", face((200.0, 200.0), 60.0, -75.0, 5.0), (400, 400)),
        ("small", face((60.0, 50.0), 24.0, 10.0, 5.0), (120, 120)),
        ("large, shrunk on the way", face((700.0, 560.0), 420.0, -12.0, 5.0), (1400, 1500)),
    ];
    for (name, drawn, size) in cases {
        let found = describe(&drawn, size, DescribeOptions { landmarks: true, ..DescribeOptions::default() });
        let landmarks = found.landmarks.expect("asked for");
        let tolerance = 0.03 * drawn.eyes + 0.7;
        let expected = [
            ("pupilLeft", drawn.place(-0.5 + PUPIL.0, PUPIL.1)),
            ("pupilRight", drawn.place(0.5 + PUPIL.0, PUPIL.1)),
            ("mouthLeft", drawn.place(-0.45, 0.98)),
            ("mouthRight", drawn.place(0.45, 0.98)),
            ("eyeLeftOuter", drawn.place(-0.72, 0.0)),
            ("eyeRightOuter", drawn.place(0.72, 0.0)),
        ];
        for (point, place) in expected {
            let (_, at) = landmarks.named().find(|(n, _)| *n == point).expect("a known name");
            assert!(at.distance(place) < tolerance, "{name}: {point} off by {} px", at.distance(place));
        }
    }
}

#[test]
fn landmark_names_are_azures_in_azures_order() {
    let expected = "pupilLeft pupilRight noseTip mouthLeft mouthRight eyebrowLeftOuter eyebrowLeftInner eyeLeftOuter \
        eyeLeftTop eyeLeftBottom eyeLeftInner eyebrowRightInner eyebrowRightOuter eyeRightInner eyeRightTop eyeRightBottom \
        eyeRightOuter noseRootLeft noseRootRight noseLeftAlarTop noseRightAlarTop noseLeftAlarOutTip noseRightAlarOutTip \
        upperLipTop upperLipBottom underLipTop underLipBottom";
    assert!(Landmarks::NAMES.into_iter().eq(expected.split_whitespace()));
}

#[test]
fn roll_is_read_off_a_tilted_face() {
    for roll in [-60.0, -10.0, 0.0, 25.0, 80.0] {
        let drawn = face((200.0, 190.0), 70.0, roll, 5.0);
        let found = describe(
            &drawn,
            (400, 400),
            DescribeOptions { attributes: AttributeSet::HEAD_POSE, ..DescribeOptions::default() },
        );
        let pose = found.head_pose.expect("asked for");
        assert!((pose.roll - roll).abs() < 1.5, "{} for {roll}", pose.roll);
        assert!(pose.yaw.abs() < 1.0, "a flat face looks straight ahead, not {}", pose.yaw);
    }
}

fn template_of(vision: &mut Vision, drawn: &Drawn, size: (u32, u32), five: bool) -> Vec<f32> {
    let options = DescribeOptions { templates: RecogniserSet::FIRST, ..DescribeOptions::default() };
    let found = vision.describe(&drawn.draw(size.0, size.1), &drawn.detection(five), options).unwrap();
    found.template(0).expect("asked for").expose().clone()
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
}

#[test]
fn a_template_does_not_depend_on_place_size_or_tilt() {
    for (kind, five) in
        [(RecogniserKind::DlibResnet, false), (RecogniserKind::Arcface, false), (RecogniserKind::Arcface, true)]
    {
        let mut vision = vision(kind, true);
        let reference = template_of(&mut vision, &face((200.0, 180.0), 80.0, 0.0, 5.0), (400, 400), five);
        let other = template_of(&mut vision, &face((200.0, 180.0), 80.0, 0.0, 9.0), (400, 400), five);
        let apart = distance(&reference, &other);
        let cases = [
            ("moved", face((240.0, 150.0), 80.0, 0.0, 5.0), (400, 400)),
            ("tilted", face((210.0, 190.0), 75.0, 35.0, 5.0), (420, 420)),
            ("twice the size", face((400.0, 360.0), 160.0, -8.0, 5.0), (800, 800)),
            ("six times the size", face((1000.0, 900.0), 480.0, 5.0, 5.0), (2000, 2100)),
        ];
        for (name, drawn, size) in cases {
            let same = distance(&reference, &template_of(&mut vision, &drawn, size, five));
            assert!(same < 0.25 * apart, "{kind:?}, {name}: {same} against {apart} for another face");
        }
    }
}

#[test]
fn templates_are_unit_and_the_mirror_is_averaged_in() {
    let drawn = face((200.0, 180.0), 80.0, 0.0, 5.0);
    let plain = template_of(&mut vision(RecogniserKind::DlibResnet, false), &drawn, (400, 400), false);
    let both = template_of(&mut vision(RecogniserKind::DlibResnet, true), &drawn, (400, 400), false);
    for template in [&plain, &both] {
        let length = template.iter().map(|v| v * v).sum::<f32>().sqrt();
        assert!((length - 1.0).abs() < 1e-5);
    }
    // The fake embedding is a grid of means, so averaging with the mirror makes the grid symmetric.
    let asymmetry = |template: &[f32]| {
        (0..64).map(|at| (template[at] - template[at / 8 * 8 + 7 - at % 8]).abs()).fold(0.0, f32::max)
    };
    assert!(asymmetry(&both) < 0.01, "{}", asymmetry(&both));
    assert!(asymmetry(&plain) > 0.05);
}

#[test]
fn only_what_is_wanted_is_done() {
    let engine = FakeEngine { detector: unused, second: unused, mesh: unused, iris: unused, recogniser };
    let mut vision = load(&engine, &parts(DetectorKind::BlazefaceBack, RecogniserKind::Arcface, true)).unwrap();
    let drawn = face((200.0, 180.0), 80.0, 0.0, 5.0);
    let picture = drawn.draw(400, 400);
    // Neither mesh nor iris may run here, for they answer nothing.
    let nothing = vision.describe(&picture, &drawn.detection(false), DescribeOptions::default()).unwrap();
    assert!(nothing.landmarks.is_none() && nothing.head_pose.is_none() && nothing.templates.is_empty());
    assert!(nothing.rect.width > 0);
    let noise = DescribeOptions { attributes: AttributeSet::NOISE, ..DescribeOptions::default() };
    assert!(vision.describe(&picture, &drawn.detection(false), noise).unwrap().noise.is_some());
    let template = DescribeOptions { templates: RecogniserSet::FIRST, ..DescribeOptions::default() };
    assert!(
        vision.describe(&picture, &drawn.detection(true), template).unwrap().template(0).is_some(),
        "five points suffice"
    );
    let error = vision.describe(&picture, &drawn.detection(false), template).unwrap_err();
    assert!(matches!(error, VisionError::Model { network: "mesh", .. }), "six points need the mesh: {error}");
}

#[test]
fn recognisers_side_by_side_make_a_template_each() {
    let mut vision = vision(RecogniserKind::DlibResnet, false);
    let drawn = face((200.0, 180.0), 80.0, 0.0, 5.0);
    let picture = drawn.draw(400, 400);
    let both = DescribeOptions { templates: RecogniserSet::FIRST.with(2), ..DescribeOptions::default() };
    let early = vision.describe(&picture, &drawn.detection(false), both).unwrap_err();
    assert!(matches!(early, VisionError::Model { network: "recogniser", .. }), "{early}");

    let engine = engine();
    let other = parts(DetectorKind::BlazefaceBack, RecogniserKind::Arcface, true).recogniser;
    vision.add_recogniser(2, &engine, &other).unwrap();
    assert_eq!([0, 1, 2].map(|number| vision.has_recogniser(number)), [true, false, true]);
    let found = vision.describe(&picture, &drawn.detection(false), both).unwrap();
    let numbers: Vec<usize> = found.templates.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [0, 2]);
    assert_ne!(found.template(0).unwrap().expose(), found.template(2).unwrap().expose());
    assert!(found.template(1).is_none());
}

#[test]
fn the_pack_says_which_points_align_a_face_and_what_its_numbers_are() {
    let drawn = face((200.0, 180.0), 80.0, 0.0, 5.0);
    let template = |change: fn(&mut RecogniserPart<'_>), five| {
        let mut parts = parts(DetectorKind::BlazefaceBack, RecogniserKind::Arcface, false);
        change(&mut parts.recogniser);
        template_of(&mut load(&engine(), &parts).unwrap(), &drawn, (400, 400), five)
    };
    let by_mesh = |part: &mut RecogniserPart<'_>| part.aligned_by = AlignedBy::Mesh;
    assert_eq!(template(by_mesh, true), template(by_mesh, false), "whatever found the face");
    // The fake recogniser averages the three colours, so that another weight of one of them shows.
    let red = |part: &mut RecogniserPart<'_>| part.normalisation.divide = [20.0, 127.5, 500.0];
    assert_ne!(template(red, false), template(|_| {}, false));
    let mut broken = parts(DetectorKind::BlazefaceBack, RecogniserKind::Arcface, false);
    broken.recogniser.normalisation.divide[1] = 0.0;
    assert!(load(&engine(), &broken).is_err());
}

#[test]
fn quality_falls_with_size_blur_and_light() {
    let quality = |drawn: &Drawn, size, gain: f32, soften: usize| {
        let clean = drawn.draw(size, size);
        let mut pixels: Vec<u8> = clean.pixels().iter().map(|&v| (f32::from(v) * gain).min(255.0) as u8).collect();
        for _ in 0..soften {
            pixels = box_blur(&pixels, size as usize);
        }
        let picture = Picture::from_rgb(size, size, pixels).unwrap();
        let options = DescribeOptions { attributes: AttributeSet::all(), ..DescribeOptions::default() };
        let mut vision = vision(RecogniserKind::DlibResnet, true);
        vision.describe(&picture, &drawn.detection(false), options).unwrap()
    };
    let good = face((200.0, 180.0), 80.0, 0.0, 40.0);
    let reference = quality(&good, 400, 1.0, 0);
    assert_eq!(reference.quality, Some(Quality::High), "{reference:?}");
    let tiny = face((30.0, 26.0), 12.0, 0.0, 5.0);
    assert_eq!(quality(&tiny, 60, 1.0, 0).quality, Some(Quality::Low), "twelve pixels between the eyes");
    assert_eq!(quality(&good, 400, 0.1, 0).quality, Some(Quality::Low), "dark");
    let soft = quality(&good, 400, 1.0, 12);
    assert!(soft.blur > reference.blur, "{:?} {:?}", soft.blur, reference.blur);
    let dim = quality(&good, 400, 0.5, 0);
    assert!(dim.exposure < reference.exposure);
    let (dim, bright) = (dim.blur.unwrap(), reference.blur.unwrap());
    assert!((dim - bright).abs() < 0.05, "light must not look like blur: {dim} {bright}");
}

/// The networks of a pack that has all of them.
fn vision_with_guesses() -> Vision {
    let engine = FakeEngine { detector: unused, second: unused, mesh, iris, recogniser };
    let mut parts = parts(DetectorKind::BlazefaceBack, RecogniserKind::DlibResnet, true);
    parts.age = Some(NetworkPart { onnx: b"age", input: [1, 3, 112, 112] });
    parts.smile = Some(NetworkPart { onnx: b"smile", input: [1, 1, 64, 64] });
    load(&engine, &parts).unwrap()
}

#[test]
fn age_and_smile_come_from_their_networks_or_not_at_all() {
    let drawn = face((200.0, 180.0), 80.0, 0.0, 5.0);
    let options = DescribeOptions { attributes: AttributeSet::AGE | AttributeSet::SMILE, ..DescribeOptions::default() };
    let picture = drawn.draw(400, 400);
    let without = describe(&drawn, (400, 400), options);
    assert!(without.age.is_none() && without.smile.is_none(), "the pack has no network for them");
    let mut vision = vision_with_guesses();
    let found = vision.describe(&picture, &drawn.detection(false), options).unwrap();
    let years = *found.age.expect("asked for").expose();
    // The drawn face is about as bright as the mean that is subtracted.
    assert!((30.0..60.0).contains(&years), "{years}");
    // A wide mouth counts a little, what the network says counts more.
    let smile = |gain: f32| {
        let pixels = picture.pixels().iter().map(|&v| (f32::from(v) * gain).min(255.0) as u8).collect();
        let lit = Picture::from_rgb(400, 400, pixels).unwrap();
        let mut vision = vision_with_guesses();
        *vision.describe(&lit, &drawn.detection(false), options).unwrap().smile.expect("asked for").expose()
    };
    assert!(smile(0.2) <= 0.3 && smile(1.8) >= 0.7, "{} {}", smile(0.2), smile(1.8));
    let nothing = vision.describe(&picture, &drawn.detection(false), DescribeOptions::default()).unwrap();
    assert!(nothing.age.is_none() && nothing.smile.is_none() && nothing.hair.is_none() && nothing.mask.is_none());
}

#[test]
fn a_network_of_another_shape_is_refused() {
    let engine = FakeEngine { detector: unused, second: unused, mesh, iris, recogniser };
    let mut parts = parts(DetectorKind::BlazefaceBack, RecogniserKind::DlibResnet, true);
    parts.smile = Some(NetworkPart { onnx: b"smile", input: [1, 3, 64, 64] });
    assert!(matches!(load(&engine, &parts).err(), Some(VisionError::Model { network: "smile", .. })));
    parts.smile = None;
    parts.age = Some(NetworkPart { onnx: b"age", input: [1, 1, 112, 112] });
    assert!(matches!(load(&engine, &parts).err(), Some(VisionError::Model { network: "age", .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever the pixels are, values stay in their ranges and nothing panics; also where the face leaves the picture.
    #[test]
    fn attributes_stay_in_their_ranges(seed in any::<u32>(), x in 0f32..200.0, y in 0f32..200.0, eyes in 8f32..90.0) {
        let mut state = seed;
        let pixels = (0..200 * 200 * 3).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        let picture = Picture::from_rgb(200, 200, pixels.collect()).unwrap();
        let drawn = face((x, y), eyes, (seed % 90) as f32 - 45.0, 5.0);
        let options = DescribeOptions { attributes: AttributeSet::all(), ..DescribeOptions::default() };
        let found = match vision_with_guesses().describe(&picture, &drawn.detection(false), options) {
            // The made-up mesh sees an eye wherever noise has its colour; two in one place are no face.
            Err(VisionError::Unalignable) => return Ok(()),
            found => found.unwrap(),
        };
        let share = |value: f32| (0.0..=1.0).contains(&value);
        let worn = found.accessories.expect("asked for");
        for confidence in [worn.headwear, worn.glasses, worn.mask].into_iter().flatten() {
            prop_assert!((0.5..=1.0).contains(&confidence));
        }
        prop_assert!((0.0..=100.0).contains(found.age.expect("asked for").expose()));
        prop_assert!(share(*found.smile.expect("asked for").expose()));
        let hair = found.facial_hair.expect("asked for");
        prop_assert!([hair.moustache, hair.beard, hair.sideburns].into_iter().all(share));
        let hair = found.hair.expect("asked for");
        prop_assert!(share(hair.bald) && hair.invisible == hair.colours.is_empty());
        prop_assert!(hair.colours.iter().all(|(_, confidence)| share(*confidence)));
        prop_assert!(hair.colours.is_sorted_by(|a, b| a.1 >= b.1));
        let mask = found.mask.expect("asked for");
        prop_assert!(mask.kind != MaskKind::NoMask || !mask.nose_and_mouth_covered);
    }
}

fn box_blur(pixels: &[u8], side: usize) -> Vec<u8> {
    let at = |x: usize, y: usize, c: usize| u32::from(pixels[(y.min(side - 1) * side + x.min(side - 1)) * 3 + c]);
    let mut blurred = Vec::with_capacity(pixels.len());
    for y in 0..side {
        for x in 0..side {
            for c in 0..3 {
                let sum: u32 =
                    (0..9).map(|i| at((x + i % 3).saturating_sub(1), (y + i / 3).saturating_sub(1), c)).sum();
                blurred.push((sum / 9) as u8);
            }
        }
    }
    blurred
}

#[test]
fn noise_rises_with_grain() {
    let drawn = face((200.0, 180.0), 80.0, 0.0, 5.0);
    let clean = drawn.draw(400, 400);
    let noise = |grain: i32| {
        // A small congruential generator: the same grain on every run.
        let mut state = 1u32;
        let pixels = clean.pixels().iter().map(|&v| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let offset = (state >> 16) as i32 % (2 * grain + 1) - grain;
            (i32::from(v) + offset).clamp(0, 255) as u8
        });
        let picture = Picture::from_rgb(400, 400, pixels.collect()).unwrap();
        let options = DescribeOptions { attributes: AttributeSet::NOISE, ..DescribeOptions::default() };
        vision(RecogniserKind::DlibResnet, true)
            .describe(&picture, &drawn.detection(false), options)
            .unwrap()
            .noise
            .unwrap()
    };
    let values = [noise(0), noise(12), noise(30), noise(60)];
    assert_eq!(values[0], 0.0);
    assert!(values.is_sorted() && values[3] > 0.7, "{values:?}");
}

#[test]
fn faces_cut_by_the_frame_are_described_too() {
    for middle in [(10.0, 20.0), (390.0, 380.0)] {
        let drawn = face(middle, 80.0, 0.0, 5.0);
        let found = describe(&drawn, (400, 400), ALL);
        assert!(found.template(0).is_some());
        assert!(found.rect.left >= 0 && found.rect.left + found.rect.width <= 400);
    }
}

/// The face flag, which every mesh network gives.
fn flag() -> (String, Tensor) {
    ("Identity_1".into(), Tensor { shape: vec![1, 1], data: vec![1.0] })
}

fn broken_mesh(_: &Tensor) -> Vec<(String, Tensor)> {
    vec![flag(), ("Identity_2".into(), Tensor { shape: vec![1, 1404], data: vec![f32::NAN; 1404] })]
}

fn flat_mesh(_: &Tensor) -> Vec<(String, Tensor)> {
    vec![flag(), ("Identity_2".into(), Tensor { shape: vec![1, 1404], data: vec![50.0; 1404] })]
}

#[test]
fn a_mesh_that_makes_no_sense_is_an_error() {
    let drawn = face((200.0, 180.0), 80.0, 0.0, 5.0);
    let picture = drawn.draw(400, 400);
    for (name, mesh) in [("not numbers", broken_mesh as crate::fake::Function), ("one place", flat_mesh)] {
        let engine = FakeEngine { detector: unused, second: unused, mesh, iris, recogniser };
        let mut vision = load(&engine, &parts(DetectorKind::BlazefaceBack, RecogniserKind::DlibResnet, true)).unwrap();
        let error = vision.describe(&picture, &drawn.detection(false), ALL).unwrap_err();
        assert!(matches!(error, VisionError::Unalignable), "{name}: {error}");
    }
    let mut vision = vision(RecogniserKind::DlibResnet, true);
    let mut nowhere = drawn.detection(false);
    nowhere.rect.width = f32::NAN;
    nowhere.rect.height = f32::NAN;
    assert!(vision.describe(&picture, &nowhere, ALL).is_err(), "a detection without a place");
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Stage>>>);

impl Trace for Heard {
    fn enter(&mut self, stage: Stage) {
        self.0.lock().unwrap().push(stage);
    }
}

#[test]
fn a_listener_hears_every_stage_and_the_end() {
    let drawn = face((200.0, 180.0), 80.0, 0.0, 5.0);
    let heard = Heard::default();
    let mut vision = vision(RecogniserKind::DlibResnet, true);
    vision.set_trace(Some(Box::new(heard.clone())));
    vision.describe(&drawn.draw(400, 400), &drawn.detection(false), ALL).unwrap();
    let stages = std::mem::take(&mut *heard.0.lock().unwrap());
    for stage in [Stage::MeshNetwork, Stage::IrisNetwork, Stage::Measure, Stage::Align, Stage::EmbedNetwork] {
        let times = stages.iter().filter(|&&s| s == stage).count();
        let expected = if stage == Stage::Measure { 1 } else { 2 };
        assert!(times >= expected, "{stage:?} {times} times");
    }
    assert_eq!(stages.last(), Some(&Stage::Idle));
    vision.set_trace(None);
    vision.describe(&drawn.draw(400, 400), &drawn.detection(false), DescribeOptions::default()).unwrap();
    assert!(heard.0.lock().unwrap().is_empty());
}

#[test]
fn debug_of_a_face_shows_no_template_and_no_landmarks() {
    let found = describe(&face((200.0, 180.0), 80.0, 0.0, 5.0), (400, 400), ALL);
    let text = format!("{found:?}");
    assert!(text.contains("templates: [(0, Secret(..))]") && text.contains("landmarks: Some(Landmarks(..))"), "{text}");
    let values = ["glasses", "occlusion", "accessories", "mask", "facial_hair", "hair"];
    assert!(values.iter().all(|name| !text.contains(&format!("{name}: Some({{"))), "{text}");
    assert!(text.contains("mask: Some(Mask(..))") && text.contains("hair: Some(Hair(..))"), "{text}");
}
