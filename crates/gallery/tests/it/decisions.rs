//! Identify and find similar: who is named and which faces are returned.

use crate::draw::{Kind, default_calibration, template};
use likeness_gallery::{
    Cut, FaceNumber, Gallery, Mode, NOBODY, PersonNumber, Row, SAME_PERSON, Scope, Space, Visible, distance,
    find_similar, find_similar_among, identify, identify_among,
};
use proptest::prelude::*;

/// Faces on a line, so that their positions are their distances from the probe at zero.
fn line(rows: &[(FaceNumber, PersonNumber, f32)]) -> (Space, Gallery) {
    let space = Space::new(2, &[]).expect("a space");
    let gallery = Gallery::new(space.clone());
    for &(face, person, at) in rows {
        gallery.add(Row { face, person, added_version: face as u64, template: &[at, 0.0] }).expect("a template");
    }
    (space, gallery)
}

fn persons(gallery: &Gallery, cut: Cut, max: usize, visible: Visible) -> Vec<(PersonNumber, FaceNumber)> {
    let view = gallery.view();
    let probe = view.space().probe(&[0.0, 0.0]);
    identify(&view, &probe, cut, max, visible, &default_calibration())
        .iter()
        .map(|hit| (hit.person, hit.face))
        .collect()
}

proptest! {
    /// A search among some persons equals a search of a gallery that contains nobody else, whatever the cut.
    #[test]
    fn a_scope_is_a_gallery_of_its_own(
        faces in proptest::collection::vec((0..6_i64, 0.0..0.7_f32), 0..40),
        meant in proptest::collection::hash_set(0..8_i64, 0..6),
        cut in prop_oneof![Just(Cut::FalsePositiveRate(0.01)), Just(Cut::FalsePositiveRate(1e-5)), Just(Cut::Confidence(0.5))],
        max in 0..5_usize,
    ) {
        let rows: Vec<_> = (1..).zip(faces).map(|(face, (person, at))| (face, person, at)).collect();
        let (_, whole) = line(&rows);
        let theirs: Vec<_> = rows.iter().filter(|row| meant.contains(&row.1)).copied().collect();
        let (_, part) = line(&theirs);
        let view = whole.view();
        let scope = Scope::new(&view, &meant);
        prop_assert_eq!(scope.faces(), theirs.len());
        let probe = view.space().probe(&[0.0, 0.0]);
        let found = identify_among(&view, &probe, cut, max, &scope, &default_calibration());
        let found: Vec<_> = found.iter().map(|hit| (hit.person, hit.face)).collect();
        prop_assert_eq!(found, persons(&part, cut, max, Visible::All));
    }
}

#[test]
fn who_is_named() {
    let (_, gallery) = line(&[
        (1, 10, 0.30),
        (2, 10, 0.20),
        (3, 20, 0.25),
        (4, 30, 0.38),
        (5, 30, 0.60),
        (6, NOBODY, 0.10),
        (7, 40, 0.39),
        (8, 50, -0.20),
    ]);
    let classic = Cut::Confidence(SAME_PERSON);
    let (tens, twenties, thirties) = ((10, 2), (20, 3), (30, 4));
    let cases = [
        (
            "everybody within the classic cut, by their nearest face",
            classic,
            9,
            Visible::All,
            vec![tens, (50, 8), twenties, thirties],
        ),
        ("ties go to the smaller face number", classic, 1, Visible::All, vec![tens]),
        ("nobody is asked for", classic, 0, Visible::All, vec![]),
        ("only what was trained", classic, 9, Visible::UpTo(1), vec![(10, 1)]),
        ("a stricter threshold", Cut::Confidence(0.96), 9, Visible::All, vec![tens, (50, 8)]),
        (
            "threshold zero names everybody",
            Cut::Confidence(0.0),
            9,
            Visible::All,
            vec![tens, (50, 8), twenties, thirties, (40, 7)],
        ),
        ("threshold one names nobody who is not equal", Cut::Confidence(1.0), 9, Visible::All, vec![]),
        // Eight templates, one in a hundred: FMR 1.26e-3, confidence 0.29, distance 0.380.
        (
            "by rate at this size",
            Cut::FalsePositiveRate(0.01),
            9,
            Visible::All,
            vec![tens, (50, 8), twenties, thirties],
        ),
        // FMR 1.25e-6, confidence 0.59: distance 0.290.
        ("by a small rate", Cut::FalsePositiveRate(1e-5), 9, Visible::All, vec![tens, (50, 8), twenties]),
        (
            "a rate of one is the classic cut",
            Cut::FalsePositiveRate(1.0),
            9,
            Visible::All,
            vec![tens, (50, 8), twenties, thirties],
        ),
    ];
    for (name, cut, max, visible, expected) in cases {
        assert_eq!(persons(&gallery, cut, max, visible), expected, "{name}");
    }
}

#[test]
fn a_person_with_many_faces_pushes_nobody_out() {
    let mut rows: Vec<(FaceNumber, PersonNumber, f32)> =
        (1..=248).map(|face| (face, 1, 0.1 + face as f32 * 1e-4)).collect();
    rows.extend([(500, 2, 0.2), (501, 3, 0.21)]);
    let (_, gallery) = line(&rows);
    let found = persons(&gallery, Cut::Confidence(SAME_PERSON), 3, Visible::All);
    assert_eq!(found, [(1, 1), (2, 500), (3, 501)]);
}

/// The same twenty faces are named in a small gallery and not in a large one.
#[test]
fn the_rate_counts_the_templates_that_can_be_seen() {
    let mut rows: Vec<(FaceNumber, PersonNumber, f32)> = vec![(1, 1, 0.37)];
    rows.extend((2..3000).map(|face| (face, face, 50.0 + face as f32)));
    let (_, gallery) = line(&rows);
    let cut = Cut::FalsePositiveRate(0.01);
    assert_eq!(persons(&gallery, cut, 5, Visible::UpTo(10)), [(1, 1)]);
    assert_eq!(persons(&gallery, cut, 5, Visible::All), [], "among three thousand this distance names nobody");
    assert_eq!(
        persons(&gallery, Cut::Confidence(SAME_PERSON), 5, Visible::All),
        [(1, 1)],
        "the classic cut still does"
    );
}

#[test]
fn who_looks_alike() {
    let (space, gallery) = line(&[(1, 0, 0.30), (2, 0, 0.20), (3, 0, 0.38), (4, 0, 0.39), (5, 0, 0.90), (6, 0, -0.20)]);
    let (view, calibration) = (gallery.view(), default_calibration());
    let probe = space.probe(&[0.0, 0.0]);
    let cases: [(&str, Mode, usize, Visible, &[FaceNumber]); 6] = [
        ("same person", Mode::MatchPerson, 20, Visible::All, &[2, 6, 1, 3]),
        ("same person, two of them", Mode::MatchPerson, 2, Visible::All, &[2, 6]),
        ("any face", Mode::MatchFace, 20, Visible::All, &[2, 6, 1, 3, 4, 5]),
        ("any face, the best five", Mode::MatchFace, 5, Visible::All, &[2, 6, 1, 3, 4]),
        ("none wanted", Mode::MatchFace, 0, Visible::All, &[]),
        ("what was trained", Mode::MatchFace, 20, Visible::UpTo(1), &[1]),
    ];
    for (name, mode, max, visible, expected) in cases {
        let hits = find_similar(&view, &probe, mode, max, visible, &calibration);
        assert_eq!(hits.iter().map(|hit| hit.face).collect::<Vec<_>>(), expected, "{name}");
        for hit in hits {
            assert_eq!(hit.confidence, calibration.verify_confidence(hit.distance), "{name}");
        }
    }
}

#[test]
fn who_looks_alike_among_loose_templates() {
    let templates: [&[f32]; 6] = [&[0.3], &[0.2], &[0.0], &[f32::NAN], &[0.5], &[-0.2]];
    let calibration = default_calibration();
    let among = |mode, max| find_similar_among(&templates, &[0.0], mode, max, &calibration);
    let places = |found: Vec<(usize, f32)>| found.iter().map(|(place, _)| *place).collect::<Vec<_>>();
    assert_eq!(places(among(Mode::MatchPerson, 9)), [2, 1, 5, 0]);
    assert_eq!(places(among(Mode::MatchFace, 9)), [2, 1, 5, 0, 4]);
    assert_eq!(places(among(Mode::MatchFace, 2)), [2, 1]);
    assert_eq!(among(Mode::MatchFace, 1), [(2, 1.0)], "the face itself gets confidence 1");
    assert!(find_similar_among(&[], &[0.0], Mode::MatchFace, 9, &calibration).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Comparing everything and fusing afterwards gives the same persons.
    #[test]
    fn identify_equals_comparing_everything(threshold in 0.0_f32..=1.0, max in 1_usize..20, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let calibration = default_calibration();
        let space = Space::new(16, &[]).unwrap();
        let gallery = Gallery::new(space.clone());
        // Unit vectors at half their length: distances from 0 to 1.
        let mut draw = || -> Vec<f32> { template(Kind::Unit, 16, &mut random).iter().map(|x| x * 0.3).collect() };
        let probe = draw();
        let rows: Vec<Vec<f32>> = (0..400).map(|_| draw()).collect();
        let mut expected: Vec<(f32, FaceNumber, PersonNumber)> = Vec::new();
        for (face, template) in (0_i64..).zip(&rows) {
            let person = face % 37;
            gallery.add(Row { face, person, added_version: 1, template }).unwrap();
            let apart = distance(&probe, template);
            if person == NOBODY || calibration.verify_confidence(apart) < threshold {
                continue;
            }
            match expected.iter_mut().find(|known| known.2 == person) {
                Some(known) if (apart, face) < (known.0, known.1) => *known = (apart, face, person),
                Some(_) => {}
                None => expected.push((apart, face, person)),
            }
        }
        expected.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        expected.truncate(max);
        let found = identify(&gallery.view(), &space.probe(&probe), Cut::Confidence(threshold), max, Visible::All, &calibration);
        let found: Vec<_> = found.iter().map(|hit| (hit.distance, hit.face, hit.person)).collect();
        prop_assert_eq!(found, expected);
    }
}
