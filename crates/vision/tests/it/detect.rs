//! Finding faces: the fake detectors find flat squares, each of its own grey, and answer in the output format of their kind.

use likeness_vision::engine::Tensor;
use likeness_vision::{
    Depth, Detection, DetectorKind, KeyPoints, Picture, RecogniserKind, RectF, Search, Vision, VisionError,
};

use crate::fake::{FakeEngine, Function, load, parts, unused};

/// The greys that stand for faces. Black is background.
const FACES: [u8; 4] = [90, 140, 190, 240];

fn picture(width: u32, height: u32, squares: &[(u32, u32, u32)]) -> Picture {
    let mut pixels = vec![0; (width * height * 3) as usize];
    for (&(left, top, side), grey) in squares.iter().zip(FACES) {
        for y in top..(top + side).min(height) {
            let row = (y * width * 3) as usize;
            pixels[row + left as usize * 3..row + (left + side).min(width) as usize * 3].fill(grey);
        }
    }
    Picture::from_rgb(width, height, pixels).unwrap()
}

/// Bounding boxes, edge to edge, of the grey squares in a frame; `to_byte` undoes what was done to the bytes.
fn squares_in(input: &Tensor, to_byte: impl Fn(f32) -> f32) -> Vec<RectF> {
    let (rows, columns) = (input.shape[2], input.shape[3]);
    let mut found = Vec::new();
    for grey in FACES {
        let is = |x: usize, y: usize| {
            let (x, y) = (x.min(columns - 1), y.min(rows - 1));
            (to_byte(input.data[y * columns + x]) - f32::from(grey)).abs() < 4.0
        };
        let (mut low, mut high) = ((f32::MAX, f32::MAX), (f32::MIN, f32::MIN));
        for y in 0..rows {
            for x in 0..columns {
                // Blended edges of a brighter square can have a darker one's grey; they are one pixel wide.
                let (left, above) = (x.saturating_sub(1), y.saturating_sub(1));
                if is(x, y) && is(left, y) && is(x + 1, y) && is(x, above) && is(x, y + 1) {
                    low = (low.0.min(left as f32), low.1.min(above as f32));
                    high = (high.0.max(x as f32 + 2.0), high.1.max(y as f32 + 2.0));
                }
            }
        }
        if high.0 > low.0 {
            let (right, bottom) = (high.0.min(columns as f32), high.1.min(rows as f32));
            found.push(RectF { left: low.0, top: low.1, width: right - low.0, height: bottom - low.1 });
        }
    }
    found
}

fn tensor(shape: &[usize], data: Vec<f32>) -> Tensor {
    Tensor { shape: shape.to_vec(), data }
}

/// Cells of BlazeFace's finer and coarser layer in a frame.
fn cells(input: &Tensor) -> (usize, usize) {
    (input.shape[2] / 16 * (input.shape[3] / 16), input.shape[2] / 32 * (input.shape[3] / 32))
}

/// BlazeFace's answer where all is in the finer layer. The coarser one sees nothing.
fn in_the_finer_layer(input: &Tensor, scores: Vec<f32>, boxes: Vec<f32>) -> Vec<(String, Tensor)> {
    let (fine, coarse) = cells(input);
    vec![
        // Out of order, because engines may do that.
        ("Identity_2".into(), tensor(&[1, fine * 2, 16], boxes)),
        ("Identity".into(), tensor(&[1, fine * 2, 1], scores)),
        ("Identity_3".into(), tensor(&[1, coarse * 6, 16], vec![0.0; coarse * 6 * 16])),
        ("Identity_1".into(), tensor(&[1, coarse * 6, 1], vec![-100.0; coarse * 6])),
    ]
}

fn blazeface(input: &Tensor) -> Vec<(String, Tensor)> {
    let (fine, _) = cells(input);
    let (down, across) = (input.shape[2] / 16, input.shape[3] / 16);
    let (mut scores, mut boxes) = (vec![-100.0; fine * 2], vec![0.0; fine * 2 * 16]);
    for rect in squares_in(input, |v| (v + 1.0) * 127.5) {
        let centre = rect.centre();
        let cell = |position: f32, count: usize| ((position / 16.0).max(0.0) as usize).min(count - 1);
        let (column, row) = (cell(centre.x, across), cell(centre.y, down));
        let anchor = (column as f32 * 16.0 + 8.0, row as f32 * 16.0 + 8.0);
        let at = (row * across + column) * 2;
        scores[at] = 2.0;
        let numbers = &mut boxes[at * 16..][..16];
        numbers[..4].copy_from_slice(&[centre.x - anchor.0, centre.y - anchor.1, rect.width, rect.height]);
        // Eyes at a third and two thirds of the width, the other points in the middle.
        for (i, share) in [0.33, 0.67, 0.5, 0.5, 0.5, 0.5].into_iter().enumerate() {
            numbers[4 + i * 2] = rect.left + rect.width * share - anchor.0;
            numbers[5 + i * 2] = centre.y - anchor.1;
        }
    }
    in_the_finer_layer(input, scores, boxes)
}

/// Cell of stride 16 that holds the centre, in a 640 x 640 frame: index, and the centre of the cell's corner.
fn cell_of(rect: &RectF) -> (usize, f32, f32) {
    let centre = rect.centre();
    let (column, row) = ((centre.x / 16.0) as usize, (centre.y / 16.0) as usize);
    (row * 40 + column, column as f32, row as f32)
}

fn yunet(input: &Tensor) -> Vec<(String, Tensor)> {
    let mut outputs = Vec::new();
    for stride in [8usize, 16, 32] {
        let count = (640 / stride) * (640 / stride);
        let (mut scores, mut boxes, mut points) = (vec![0.0; count], vec![0.0; count * 4], vec![0.0; count * 10]);
        if stride == 16 {
            for rect in squares_in(input, |v| v) {
                let (cell, column, row) = cell_of(&rect);
                let centre = rect.centre();
                scores[cell] = 0.9;
                boxes[cell * 4..][..4].copy_from_slice(&[
                    centre.x / 16.0 - column,
                    centre.y / 16.0 - row,
                    (rect.width / 16.0).ln(),
                    (rect.height / 16.0).ln(),
                ]);
                for (i, share) in [0.33, 0.67, 0.5, 0.4, 0.6].into_iter().enumerate() {
                    points[cell * 10 + i * 2] = (rect.left + rect.width * share) / 16.0 - column;
                    points[cell * 10 + i * 2 + 1] = centre.y / 16.0 - row;
                }
            }
        }
        outputs.push((format!("cls_{stride}"), tensor(&[1, count, 1], scores.clone())));
        outputs.push((format!("obj_{stride}"), tensor(&[1, count, 1], scores)));
        outputs.push((format!("bbox_{stride}"), tensor(&[1, count, 4], boxes)));
        outputs.push((format!("kps_{stride}"), tensor(&[1, count, 10], points)));
    }
    outputs
}

fn scrfd(input: &Tensor) -> Vec<(String, Tensor)> {
    let mut outputs = Vec::new();
    for stride in [8usize, 16, 32] {
        let count = (640 / stride) * (640 / stride) * 2;
        let (mut scores, mut boxes, mut points) = (vec![0.0; count], vec![0.0; count * 4], vec![0.0; count * 10]);
        if stride == 16 {
            for rect in squares_in(input, |v| v * 128.0 + 127.5) {
                let (cell, column, row) = cell_of(&rect);
                let (x, y, at) = (column * 16.0, row * 16.0, cell * 2 + 1);
                scores[at] = 0.9;
                boxes[at * 4..][..4].copy_from_slice(
                    &[x - rect.left, y - rect.top, rect.right() - x, rect.bottom() - y].map(|v| v / 16.0),
                );
                for (i, share) in [0.33, 0.67, 0.5, 0.4, 0.6].into_iter().enumerate() {
                    points[at * 10 + i * 2] = (rect.left + rect.width * share - x) / 16.0;
                    points[at * 10 + i * 2 + 1] = (rect.centre().y - y) / 16.0;
                }
            }
        }
        // Names as an exporter numbers them: meaningless.
        outputs.push((format!("{}", 440 + stride), tensor(&[count, 1], scores)));
        outputs.push((format!("{}", 540 + stride), tensor(&[count, 4], boxes)));
        outputs.push((format!("{}", 640 + stride), tensor(&[count, 10], points)));
    }
    outputs
}

/// Sees nothing.
fn blind(input: &Tensor) -> Vec<(String, Tensor)> {
    let (fine, _) = cells(input);
    in_the_finer_layer(input, vec![-100.0; fine * 2], vec![0.0; fine * 2 * 16])
}

/// The detector of this kind; where it stands beside BlazeFace, it is on its own.
fn vision(kind: DetectorKind) -> Vision {
    let (detector, second): (Function, Function) = match kind {
        DetectorKind::BlazefaceBack => (blazeface, unused),
        DetectorKind::Yunet => (blind, yunet),
        DetectorKind::Scrfd => (blind, scrfd),
    };
    let engine = FakeEngine { detector, second, mesh: |_| face_flag(0.1), iris: unused, recogniser: unused };
    load(&engine, &parts(kind, RecogniserKind::DlibResnet, false)).unwrap()
}

const KINDS: [DetectorKind; 3] = [DetectorKind::BlazefaceBack, DetectorKind::Yunet, DetectorKind::Scrfd];

#[test]
fn every_detector_finds_the_squares_where_they_are() {
    type Square = (u32, u32, u32);
    let cases: [(&str, u32, u32, &[Square]); 6] = [
        ("a portrait smaller than the frame", 200, 160, &[(60, 40, 70)]),
        ("landscape", 1280, 960, &[(100, 120, 200), (700, 500, 90), (1100, 60, 61)]),
        ("upright", 700, 1500, &[(40, 1200, 250), (300, 90, 130)]),
        ("at the picture's edges", 900, 900, &[(0, 0, 150), (750, 750, 150)]),
        ("across inner edges of tiles", 1280, 960, &[(430, 320, 400)]),
        ("larger than Full HD", 2600, 1900, &[(200, 300, 700), (1800, 1500, 120), (1300, 200, 100)]),
    ];
    for kind in KINDS {
        let mut vision = vision(kind);
        for (name, width, height, squares) in cases {
            let picture = picture(width, height, squares);
            let found = vision.detect(&picture, Search::default()).unwrap();
            assert_eq!(found.len(), squares.len(), "{kind:?}, {name}: {found:?}");
            for &(left, top, side) in squares {
                let expected = RectF { left: left as f32, top: top as f32, width: side as f32, height: side as f32 };
                let best = found.iter().map(|d| d.rect.overlap(&expected)).fold(0.0, f32::max);
                assert!(best > 0.84, "{kind:?}, {name}: square at {left}, {top} of {side} overlaps {best}");
                let nearest =
                    found.iter().max_by(|a, b| a.rect.overlap(&expected).total_cmp(&b.rect.overlap(&expected)));
                let [eye, _] = nearest.unwrap().points.eyes();
                let off = (eye.x - expected.left - 0.33 * expected.width).abs();
                assert!(off < 0.06 * expected.width + 2.0, "{kind:?}, {name}: eye off by {off}");
            }
        }
    }
}

#[test]
fn largest_first_and_small_ones_left_out() {
    let mut vision = vision(DetectorKind::Yunet);
    let picture = picture(640, 480, &[(10, 10, 40), (200, 50, 120), (400, 300, 80), (560, 400, 28)]);
    let sides = |found: &[Detection]| found.iter().map(|d| d.rect.width.round() as i32).collect::<Vec<_>>();
    let usual = vision.detect(&picture, Search::default()).unwrap();
    assert_eq!(sides(&usual), [120, 80, 40], "28 is under Azure's 36");
    let all = vision.detect(&picture, Search { smallest_px: Some(20.0), depth: Depth::Usual }).unwrap();
    assert_eq!(sides(&all), [120, 80, 40, 28]);
    let large = vision.detect(&picture, Search { smallest_px: Some(100.0), depth: Depth::Usual }).unwrap();
    assert_eq!(sides(&large), [120]);
}

#[test]
fn equal_faces_are_ordered_by_top_then_left() {
    let mut vision = vision(DetectorKind::Yunet);
    let picture = picture(640, 640, &[(400, 300, 80), (100, 300, 80), (500, 100, 80)]);
    let found = vision.detect(&picture, Search::default()).unwrap();
    let places: Vec<_> = found.iter().map(|d| d.reported(&picture)).map(|r| (r.top, r.left)).collect();
    assert_eq!(places, [(100, 500), (300, 100), (300, 400)]);
}

#[test]
fn the_reported_rectangle_lies_within_the_picture() {
    for kind in KINDS {
        let mut vision = vision(kind);
        let picture = picture(400, 300, &[(320, 220, 200)]);
        for found in vision.detect(&picture, Search::default()).unwrap() {
            let rect = found.reported(&picture);
            assert!(rect.left >= 0 && rect.top >= 0 && rect.width > 0 && rect.height > 0, "{kind:?}");
            assert!(rect.left + rect.width <= 400 && rect.top + rect.height <= 300, "{kind:?}");
        }
    }
}

#[test]
fn an_empty_picture_has_no_face() {
    for kind in KINDS {
        for (width, height) in [(1, 1), (640, 480), (3, 2000), (2500, 2), (1, 2000), (9000, 1)] {
            let found = vision(kind).detect(&picture(width, height, &[]), Search::default()).unwrap();
            assert!(found.is_empty(), "{kind:?} {width} x {height}");
        }
    }
}

fn hostile(input: &Tensor) -> Vec<(String, Tensor)> {
    let (fine, coarse) = cells(input);
    let numbers = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -1e30];
    let fill = |count: usize| (0..count).map(|i| numbers[i % numbers.len()]).collect::<Vec<_>>();
    let output =
        |name: &str, count: usize, last: usize| (name.to_owned(), tensor(&[1, count, last], fill(count * last)));
    vec![
        output("Identity", fine * 2, 1),
        output("Identity_1", coarse * 6, 1),
        output("Identity_2", fine * 2, 16),
        output("Identity_3", coarse * 6, 16),
    ]
}

fn blazeface_scored(input: &Tensor, score: f32) -> Vec<(String, Tensor)> {
    let mut outputs = blazeface(input);
    outputs[1].1.data.iter_mut().filter(|v| **v > 0.0).for_each(|v| *v = (score / (1.0 - score)).ln());
    outputs
}

/// The mesh network's answer with this face flag. The points fill so much of the frame that the second pass looks where
/// the first did, so that nothing moves.
fn face_flag(flag: f32) -> Vec<(String, Tensor)> {
    let mut points = vec![96.0; 1404];
    let half = 192.0 / 1.4 / 2.0;
    // Outer corners of the eyes, forehead, chin.
    for (index, x, y) in [(33, -half, 0.0), (263, half, 0.0), (10, 0.0, -half), (152, 0.0, half)] {
        points[index * 3] += x;
        points[index * 3 + 1] += y;
    }
    vec![("Identity_1".into(), tensor(&[1, 1], vec![flag])), ("Identity_2".into(), tensor(&[1, 1404], points))]
}

#[test]
fn a_doubtful_box_must_look_like_a_face_to_the_mesh() {
    let doubtful: Function = |input| blazeface_scored(input, 0.7);
    let sure: Function = |input| blazeface_scored(input, 0.9);
    let (yes, no): (Function, Function) = (|_| face_flag(0.9), |_| face_flag(0.1));
    let (yes_logit, no_logit): (Function, Function) = (|_| face_flag(7.0), |_| face_flag(-7.0));
    let cases = [
        ("doubtful, a face", doubtful, yes, 1),
        ("doubtful, no face", doubtful, no, 0),
        ("doubtful, a face, before the sigmoid", doubtful, yes_logit, 1),
        ("doubtful, no face, before the sigmoid", doubtful, no_logit, 0),
        ("sure, not asked about", sure, no, 1),
    ];
    let picture = picture(640, 480, &[(200, 150, 120)]);
    for (name, detector, mesh, expected) in cases {
        let engine = FakeEngine { detector, second: unused, mesh, iris: unused, recogniser: unused };
        let parts = parts(DetectorKind::BlazefaceBack, RecogniserKind::DlibResnet, false);
        let found = load(&engine, &parts).unwrap().detect(&picture, Search::default()).unwrap();
        assert_eq!(found.len(), expected, "{name}");
    }
}

#[test]
fn a_hundred_faces_at_most() {
    // A score in every second cell, each box a cell large and a little more: 168 faces in the far frame of this picture.
    let crowd: Function = |input| {
        let (fine, _) = cells(input);
        if input.shape[3] < 300 {
            return blind(input);
        }
        let (mut scores, mut boxes) = (vec![-100.0; fine * 2], vec![0.0; fine * 2 * 16]);
        for cell in (0..fine).step_by(2) {
            scores[cell * 2] = 5.0;
            boxes[cell * 32..][..4].copy_from_slice(&[0.0, 0.0, 19.0, 19.0]);
            boxes[cell * 32 + 4..][..4].copy_from_slice(&[-4.0, 0.0, 4.0, 0.0]);
        }
        in_the_finer_layer(input, scores, boxes)
    };
    let engine = FakeEngine { detector: crowd, second: unused, mesh: unused, iris: unused, recogniser: unused };
    let parts = parts(DetectorKind::BlazefaceBack, RecogniserKind::DlibResnet, false);
    let search = Search { smallest_px: Some(1.0), depth: Depth::Usual };
    let found = load(&engine, &parts).unwrap().detect(&picture(1280, 720, &[]), search).unwrap();
    assert_eq!(found.len(), 100);
}

#[test]
fn numbers_that_are_none_never_become_faces() {
    let engine = FakeEngine { detector: hostile, second: unused, mesh: unused, iris: unused, recogniser: unused };
    let parts = parts(DetectorKind::BlazefaceBack, RecogniserKind::DlibResnet, false);
    let mut vision = load(&engine, &parts).unwrap();
    let picture = picture(640, 480, &[]);
    for found in vision.detect(&picture, Search::default()).unwrap() {
        assert!(found.rect.left.is_finite() && found.rect.width.is_finite());
    }
}

#[test]
fn a_network_of_another_kind_is_named() {
    let engine = FakeEngine { detector: yunet, second: unused, mesh: unused, iris: unused, recogniser: unused };
    let parts = parts(DetectorKind::BlazefaceBack, RecogniserKind::DlibResnet, false);
    let mut vision = load(&engine, &parts).unwrap();
    let error = vision.detect(&picture(300, 300, &[]), Search::default()).unwrap_err();
    assert!(matches!(error, VisionError::Model { network: "detector", .. }), "{error}");
}

#[test]
fn shapes_that_cannot_be_are_refused_at_load() {
    let engine = FakeEngine { detector: blazeface, second: unused, mesh: unused, iris: unused, recogniser: unused };
    let good = parts(DetectorKind::BlazefaceBack, RecogniserKind::DlibResnet, false);
    let mut small = good;
    small.detector.input = [1, 3, 120, 128];
    let mut odd = good;
    odd.second_detector = parts(DetectorKind::Yunet, RecogniserKind::DlibResnet, false).second_detector;
    odd.second_detector.as_mut().unwrap().input = [1, 3, 650, 640];
    let mut alone = good;
    alone.detector.kind = DetectorKind::Yunet;
    let mut batch = good;
    batch.recogniser.input = [2, 3, 150, 150];
    let mut oblong = good;
    oblong.recogniser.input = [1, 3, 150, 112];
    let mut unknown = good;
    unknown.mesh = b"something else";
    for (name, parts) in [
        ("small", small),
        ("odd", odd),
        ("YuNet alone", alone),
        ("batch", batch),
        ("oblong", oblong),
        ("unknown", unknown),
    ] {
        assert!(load(&engine, &parts).is_err(), "{name}");
    }
}

#[test]
fn key_points_know_their_eyes() {
    let points = [1.0, 2.0, 3.0, 4.0, 5.0].map(|x| likeness_vision::Point { x, y: 0.0 });
    assert_eq!(KeyPoints::Five(points).eyes(), [points[0], points[1]]);
}
