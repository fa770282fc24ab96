//! Grouping: which faces belong together, whatever their order.

use crate::draw::{default_calibration, normal, normals, scaled_to};
use likeness_gallery::{Groups, group};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn on_a_line(places: &[f32]) -> Groups {
    let templates: Vec<[f32; 1]> = places.iter().map(|place| [*place]).collect();
    group(&templates.iter().map(|template| &template[..]).collect::<Vec<_>>(), &default_calibration())
}

#[test]
fn who_belongs_together() {
    struct Case {
        name: &'static str,
        places: &'static [f32],
        groups: &'static [&'static [usize]],
        messy: &'static [usize],
    }
    // The threshold of verify is 0.385.
    let cases = [
        Case { name: "nobody", places: &[], groups: &[], messy: &[] },
        Case { name: "one alone", places: &[0.0], groups: &[], messy: &[0] },
        Case { name: "a pair", places: &[0.0, 0.3], groups: &[&[0, 1]], messy: &[] },
        Case { name: "two strangers", places: &[0.0, 0.5], groups: &[], messy: &[0, 1] },
        Case {
            name: "the larger group first",
            places: &[5.0, 0.0, 5.1, 0.1, 0.2, 9.0],
            groups: &[&[1, 3, 4], &[0, 2]],
            messy: &[5],
        },
        Case {
            name: "neighbours are near, the ends are strangers: no chain",
            places: &[0.0, 0.3, 0.61, 0.93],
            groups: &[&[0, 1], &[2, 3]],
            messy: &[],
        },
        Case {
            name: "one distance above the threshold is forgiven, the mean is 0.37",
            places: &[0.0, 0.02, 0.04, 0.39],
            groups: &[&[0, 1, 2, 3]],
            messy: &[],
        },
        Case {
            name: "what is not a number stays alone",
            places: &[0.0, f32::NAN, 0.1],
            groups: &[&[0, 2]],
            messy: &[1],
        },
    ];
    for Case { name, places, groups, messy } in cases {
        let found = on_a_line(places);
        assert_eq!((found.groups, &found.messy[..]), (groups.iter().map(|g| g.to_vec()).collect(), messy), "{name}");
    }
}

/// The partition, without the order.
fn partition(groups: &Groups, name: impl Fn(usize) -> usize) -> (BTreeSet<BTreeSet<usize>>, BTreeSet<usize>) {
    let named = |members: &Vec<usize>| members.iter().map(|member| name(*member)).collect::<BTreeSet<_>>();
    (groups.groups.iter().map(named).collect(), named(&groups.messy))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_order_of_faces_does_not_matter(people in 1_usize..12, spread in 0.01_f32..0.4, is_coarse: bool, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut templates = Vec::new();
        for _ in 0..people {
            let center = scaled_to(0.4, normals(8, &mut random));
            for _ in 0..random.usize(1..6) {
                // Coarse numbers make many distances equal.
                let round = |x: f32| if is_coarse { (x * 4.0).round() / 4.0 } else { x };
                templates.push(center.iter().map(|x| round(x + spread * normal(&mut random) / 8.0_f32.sqrt())).collect::<Vec<f32>>());
            }
        }
        let mut shuffled: Vec<usize> = (0..templates.len()).collect();
        random.shuffle(&mut shuffled);
        let calibration = default_calibration();
        let plain = group(&templates.iter().map(|template| &template[..]).collect::<Vec<_>>(), &calibration);
        let other = group(&shuffled.iter().map(|place| &templates[*place][..]).collect::<Vec<_>>(), &calibration);
        prop_assert_eq!(partition(&plain, |place| place), partition(&other, |place| shuffled[place]));

        let mut seen: Vec<usize> = plain.groups.iter().flatten().chain(&plain.messy).copied().collect();
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..templates.len()).collect::<Vec<_>>(), "every face is in one place");
        prop_assert!(plain.groups.iter().all(|members| members.len() >= 2));
        prop_assert!(plain.groups.is_sorted_by(|a, b| a.len() >= b.len()));
    }
}
