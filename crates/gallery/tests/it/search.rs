//! Search against a brute-force comparison of every row.

use crate::draw::{KINDS, Kind, mean, template};
use likeness_gallery::{FaceNumber, Gallery, GalleryError, Hit, PersonNumber, Row, Space, Visible, distance};
use proptest::prelude::*;

/// What a gallery must answer like: every row compared, then sorted.
#[derive(Default)]
struct BruteForce {
    rows: Vec<Known>,
}

struct Known {
    face: FaceNumber,
    person: PersonNumber,
    added_version: u64,
    template: Vec<f32>,
}

impl BruteForce {
    fn nearest(&self, probe: &[f32], k: usize, visible: Visible) -> Vec<Hit> {
        let mut hits = self.within(probe, f32::INFINITY, visible);
        hits.truncate(k);
        hits
    }

    fn within(&self, probe: &[f32], limit: f32, visible: Visible) -> Vec<Hit> {
        let is_visible = |row: &&Known| match visible {
            Visible::All => true,
            Visible::UpTo(version) => row.added_version <= version,
        };
        let hit = |row: &Known| Hit { face: row.face, person: row.person, distance: distance(probe, &row.template) };
        let mut hits: Vec<Hit> = self.rows.iter().filter(is_visible).map(hit).collect();
        hits.retain(|hit| hit.distance <= limit);
        hits.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.face.cmp(&b.face)));
        hits
    }
}

/// A gallery and its brute-force twin after the same random adds and removes.
fn filled(kind: Kind, dimension: usize, adds: usize, is_centred: bool, seed: u64) -> (Space, Gallery, BruteForce) {
    let mut random = fastrand::Rng::with_seed(seed);
    let center = if is_centred { mean(dimension) } else { Vec::new() };
    let space = Space::new(dimension, &center).expect("a space");
    let gallery = Gallery::new(space.clone());
    let mut known = BruteForce::default();
    for version in 1..=adds as u64 {
        let face = random.i64(-1_000_000..1_000_000);
        if known.rows.iter().any(|row| row.face == face) {
            continue;
        }
        let person = random.i64(0..50);
        let template = template(kind, dimension, &mut random);
        gallery.add(Row { face, person, added_version: version, template: &template }).expect("a template");
        known.rows.push(Known { face, person, added_version: version, template });
        if random.u8(..) < 40 && !known.rows.is_empty() {
            let gone = known.rows.swap_remove(random.usize(..known.rows.len()));
            assert!(gallery.remove(gone.face));
        }
        if random.u8(..) == 0 {
            gallery.compact_if_worthwhile();
        }
    }
    (space, gallery, known)
}

/// Some probes: new templates and one that is in the gallery.
fn probes(kind: Kind, dimension: usize, known: &BruteForce, seed: u64) -> Vec<Vec<f32>> {
    let mut random = fastrand::Rng::with_seed(seed ^ 1);
    let mut probes: Vec<Vec<f32>> = (0..3).map(|_| template(kind, dimension, &mut random)).collect();
    if let Some(row) = known.rows.first() {
        probes.push(row.template.clone());
    }
    probes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn answers_equal_those_of_comparing_everything(
        kind in prop::sample::select(&KINDS[..]),
        dimension in prop::sample::select(&[1, 3, 31, 32, 33, 128, 200][..]),
        adds in prop::sample::select(&[0, 1, 5, 64, 300, 900][..]),
        k in prop::sample::select(&[0, 1, 2, 10, 100, 2000][..]),
        version in 0_u64..1000,
        is_centred: bool,
        seed: u64,
    ) {
        let (space, gallery, known) = filled(kind, dimension, adds, is_centred, seed);
        let view = gallery.view();
        prop_assert_eq!(gallery.len(), known.rows.len());
        let probes = probes(kind, dimension, &known, seed);
        for visible in [Visible::All, Visible::UpTo(version)] {
            let mut expected = Vec::new();
            for template in &probes {
                let nearest = known.nearest(template, k, visible);
                let probe = space.probe(template);
                prop_assert_eq!(&view.nearest(&probe, k, visible), &nearest);
                let limit = nearest.last().map_or(0.5, |hit| hit.distance);
                prop_assert_eq!(view.within(&probe, limit, visible), known.within(template, limit, visible));
                let below = limit.next_down();
                prop_assert_eq!(view.within(&probe, below, visible), known.within(template, below, visible));
                expected.push(nearest);
            }
            let many: Vec<_> = probes.iter().map(|template| space.probe(template)).collect();
            prop_assert_eq!(view.nearest_many(&many, k, visible), expected);
            prop_assert_eq!(view.visible_len(visible), known.within(&probes[0], f32::INFINITY, visible).len());
        }
    }
}

/// Full blocks, their joints and compaction, with the embeddings' own dimension and mean.
#[test]
fn large_galleries_answer_like_comparing_everything() {
    let mut random = fastrand::Rng::with_seed(7);
    let space = Space::new(128, &mean(128)).unwrap();
    let gallery = Gallery::new(space.clone());
    let mut known = BruteForce::default();
    for face in 0..20_000 {
        let template = template(Kind::Clustered, 128, &mut random);
        gallery.add(Row { face, person: face / 3, added_version: 1, template: &template }).unwrap();
        known.rows.push(Known { face, person: face / 3, added_version: 1, template });
    }
    let check = |known: &BruteForce, random: &mut fastrand::Rng| {
        let view = gallery.view();
        assert_eq!(view.len(), known.rows.len());
        for k in [1, 10, 1000] {
            let template = template(Kind::Clustered, 128, random);
            let probe = space.probe(&template);
            assert_eq!(view.nearest(&probe, k, Visible::All), known.nearest(&template, k, Visible::All), "k = {k}");
            assert_eq!(view.within(&probe, 0.5, Visible::All), known.within(&template, 0.5, Visible::All));
        }
    };
    check(&known, &mut random);

    let before = gallery.memory_bytes();
    for face in (0..20_000).filter(|face| face % 7 == 3 || (4096..4200).contains(face)) {
        assert!(gallery.remove(face));
    }
    known.rows.retain(|row| row.face % 7 != 3 && !(4096..4200).contains(&row.face));
    check(&known, &mut random);

    gallery.compact_if_worthwhile();
    assert!(gallery.memory_bytes() < before * 9 / 10, "the room of removed rows is given back");
    check(&known, &mut random);

    for face in 30_000..35_000 {
        let template = template(Kind::Clustered, 128, &mut random);
        gallery.add(Row { face, person: 1, added_version: 2, template: &template }).unwrap();
        known.rows.push(Known { face, person: 1, added_version: 2, template });
    }
    for face in (0..35_000).step_by(911) {
        assert_eq!(gallery.remove(face), known.rows.iter().any(|row| row.face == face));
        known.rows.retain(|row| row.face != face);
    }
    check(&known, &mut random);
}

#[test]
fn a_face_is_added_once_and_removed_once() {
    let gallery = Gallery::new(Space::new(2, &[]).unwrap());
    let row = Row { face: 5, person: 1, added_version: 1, template: &[1.0, 0.0] };
    gallery.add(row).unwrap();
    gallery.add(Row { person: 2, template: &[0.0, 1.0], ..row }).unwrap();
    let probe = gallery.view().space().probe(&[1.0, 0.0]);
    assert_eq!(gallery.view().nearest(&probe, 9, Visible::All), [Hit { face: 5, person: 1, distance: 0.0 }]);

    let held = gallery.view();
    assert!(gallery.remove(5));
    assert!(!gallery.remove(5));
    assert!(gallery.is_empty());
    assert!(gallery.view().nearest(&probe, 9, Visible::All).is_empty());
    assert!(gallery.view().within(&probe, f32::INFINITY, Visible::All).is_empty());
    assert_eq!(held.nearest(&probe, 9, Visible::All).len(), 1, "a view never changes");

    gallery.add(row).unwrap();
    assert_eq!(gallery.len(), 1, "a removed face may come again");
    gallery.clear();
    assert!(gallery.is_empty());
    gallery.add(row).unwrap();
    assert_eq!(gallery.view().nearest(&probe, 9, Visible::All).len(), 1);
}

#[test]
fn templates_that_cannot_be_compared_are_refused() {
    let gallery = Gallery::new(Space::new(2, &[]).unwrap());
    let cases: [(&str, &[f32], GalleryError); 4] = [
        ("empty", &[], GalleryError::WrongDimension { expected: 2, found: 0 }),
        ("of another model", &[1.0; 3], GalleryError::WrongDimension { expected: 2, found: 3 }),
        ("not a number", &[f32::NAN, 0.0], GalleryError::NotFinite),
        ("infinite", &[0.0, f32::NEG_INFINITY], GalleryError::NotFinite),
    ];
    for (name, template, expected) in cases {
        let outcome = gallery.add(Row { face: 1, person: 1, added_version: 1, template });
        assert_eq!(outcome, Err(expected), "{name}");
        assert!(gallery.is_empty(), "{name}");
    }
}

#[test]
fn a_probe_that_is_not_finite_finds_nobody() {
    let space = Space::new(2, &[]).unwrap();
    let gallery = Gallery::new(space.clone());
    gallery.add(Row { face: 1, person: 1, added_version: 1, template: &[1.0, 0.0] }).unwrap();
    for template in [[f32::NAN, 0.0], [f32::NAN, f32::NAN]] {
        let probe = space.probe(&template);
        assert!(gallery.view().nearest(&probe, 1, Visible::All).is_empty());
        assert!(gallery.view().within(&probe, f32::INFINITY, Visible::All).is_empty());
    }
}

#[test]
fn distances_that_ask_for_nothing_find_nothing() {
    let space = Space::new(2, &[]).unwrap();
    let gallery = Gallery::new(space.clone());
    gallery.add(Row { face: 1, person: 1, added_version: 1, template: &[1.0, 0.0] }).unwrap();
    let probe = space.probe(&[1.0, 0.0]);
    for (name, limit, found) in
        [("negative", -1.0, 0), ("none", f32::NAN, 0), ("zero", 0.0, 1), ("minus zero", -0.0, 1)]
    {
        assert_eq!(gallery.view().within(&probe, limit, Visible::All).len(), found, "{name}");
    }
}

#[test]
fn debug_shows_no_number_of_a_template() {
    let space = Space::new(2, &[0.375, 0.125]).unwrap();
    let gallery = Gallery::new(space.clone());
    let row = Row { face: 1, person: 2, added_version: 3, template: &[0.625, 0.875] };
    gallery.add(row).unwrap();
    let shown = format!("{gallery:?} {:?} {row:?} {:?}", gallery.view(), space.probe(row.template));
    assert!(!shown.contains("0."), "{shown}");
}
