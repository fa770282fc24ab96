//! Real templates: what the recognisers make of the faces in the six group photos, and that searching them gives what
//! comparing everything would give.

use crate::pipeline::{installed, vision_by};
use crate::server::{demo, has_pack};
use likeness_gallery::{Gallery, Hit, Row, Space, Visible, distance};
use likeness_models::DEFAULT_PACK;
use likeness_vision::{DescribeOptions, Limits, Picture, RecogniserSet, Search};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// The templates of all faces of the group photos.
fn templates(pack: &str) -> Vec<Vec<f32>> {
    let mut vision = vision_by(pack);
    let mut templates = Vec::new();
    for number in 1..=6 {
        let picture = Picture::decode(&demo(number), &Limits::default()).expect("a photo");
        for found in vision.detect(&picture, Search::default()).expect("faces") {
            let options = DescribeOptions { templates: RecogniserSet::FIRST, ..DescribeOptions::default() };
            let face = vision.describe(&picture, &found, options).expect("a face");
            templates.push(face.template(0).expect("a template").expose().clone());
        }
    }
    templates
}

/// The recommended optional recogniser.
const OPTIONAL: &str = "mobilefacenet-128";

/// Where templates crowd around a mean, search subtracts it before it rounds; the pack says which. Those of the present
/// recognisers do not: their mean is short, and the packs have none.
#[test]
fn templates_of_the_present_recognisers_need_no_mean() {
    let has_optional = has_pack("templates_of_the_present_recognisers_need_no_mean", OPTIONAL);
    for pack in [DEFAULT_PACK].into_iter().chain(has_optional.then_some(OPTIONAL)) {
        let templates = templates(pack);
        assert_eq!(templates.len(), 22);
        let recogniser = installed(pack).pack.recogniser.expect("a recogniser");
        assert_eq!(templates[0].len(), recogniser.dimension);
        let mean = mean(&templates);
        let length = mean.iter().map(|value| value * value).sum::<f32>().sqrt();
        // Of 22 vectors without anything in common it would be 0.21; the former recogniser, whose pack has a mean, had 0.92.
        assert!(length < 0.6, "{pack}: length {length}");
        assert!(recogniser.center.is_empty());
    }
}

fn mean(templates: &[Vec<f32>]) -> Vec<f32> {
    let dimension = templates[0].len();
    (0..dimension).map(|i| templates.iter().map(|t| t[i]).sum::<f32>() / templates.len() as f32).collect()
}

/// Everything compared with everything, in the order that a search promises: distance, then key.
fn brute_force(rows: &[(i64, Vec<f32>)], probe: &[f32]) -> Vec<(i64, f32)> {
    let mut all: Vec<(i64, f32)> = rows.iter().map(|(key, template)| (*key, distance(template, probe))).collect();
    all.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    all
}

fn pairs(hits: &[Hit]) -> Vec<(i64, f32)> {
    hits.iter().map(|hit| (hit.face, hit.distance)).collect()
}

/// A face made from two real ones: which two, how far from the first to the second, and its length.
type Made = (usize, usize, f32, f32);

/// Galleries of some thousand faces between real ones, as unit vectors and not.
#[test]
fn searching_real_templates_is_the_same_as_comparing_everything() {
    search_is_exact(DEFAULT_PACK);
}

#[test]
fn searching_templates_of_the_optional_recogniser_is_the_same_as_comparing_everything() {
    let test = "searching_templates_of_the_optional_recogniser_is_the_same_as_comparing_everything";
    if has_pack(test, OPTIONAL) {
        search_is_exact(OPTIONAL);
    }
}

fn search_is_exact(pack: &str) {
    let templates = templates(pack);
    let (dimension, center) = (templates[0].len(), mean(&templates));
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let people = templates.len();
    let strategy = (
        prop::collection::vec((0..people, 0..people, 0.0_f32..1.0, 0.7_f32..1.6), 1..3000),
        (0..people, 0..people, 0.0_f32..1.0),
        any::<bool>(),
        any::<bool>(),
    );
    let between = |a: usize, b: usize, share: f32| -> Vec<f32> {
        let mixed: Vec<f32> = templates[a].iter().zip(&templates[b]).map(|(x, y)| x + share * (y - x)).collect();
        let length = mixed.iter().map(|value| value * value).sum::<f32>().sqrt();
        mixed.iter().map(|value| value / length).collect()
    };
    let check = |(rows, probe, is_centred, is_unit): (Vec<Made>, (usize, usize, f32), bool, bool)| {
        let space = Space::new(dimension, if is_centred { &center } else { &[] }).expect("a space");
        let gallery = Gallery::new(space.clone());
        let mut kept = Vec::new();
        for (key, (a, b, share, length)) in (1..).zip(rows) {
            let length = if is_unit { 1.0 } else { length };
            let template: Vec<f32> = between(a, b, share).iter().map(|value| value * length).collect();
            gallery.add(Row { face: key, person: 0, added_version: 1, template: &template }).expect("a good template");
            kept.push((key, template));
        }
        // Every seventh is deleted again.
        for (key, _) in kept.iter().step_by(7) {
            gallery.remove(*key);
        }
        let mut place = 0;
        kept.retain(|_| {
            place += 1;
            place % 7 != 1
        });
        let probe = between(probe.0, probe.1, probe.2);
        let expected = brute_force(&kept, &probe);
        let snapshot = gallery.view();
        for k in [1, 10, 100] {
            let found = snapshot.nearest(&space.probe(&probe), k, Visible::All);
            prop_assert_eq!(pairs(&found), expected.iter().copied().take(k).collect::<Vec<_>>());
        }
        for cut in [0.4, 0.933, 1.2] {
            let found = snapshot.within(&space.probe(&probe), cut, Visible::All);
            let expected: Vec<_> = expected.iter().copied().take_while(|(_, distance)| *distance <= cut).collect();
            prop_assert_eq!(pairs(&found), expected);
        }
        Ok(())
    };
    runner.run(&strategy, check).unwrap_or_else(|error| panic!("{error}"));
}
