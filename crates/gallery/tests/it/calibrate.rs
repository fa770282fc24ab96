//! Calibration against populations whose true error rates are known.

use crate::draw::normals;
use likeness_base::Secret;
use likeness_gallery::calibrate::{Report, calibrate};
use likeness_gallery::{Basis, Calibration, ExcludedPairs, GalleryError, Labelled, distance};

const DIMENSION: usize = 16;

/// People spread normally with standard deviation 1 in each number, their photos around them with 0.2.
fn population(people: u32, photos: u32, random: &mut fastrand::Rng) -> Vec<Labelled> {
    let mut labelled = Vec::new();
    for person in 0..people {
        let center = normals(DIMENSION, random);
        for _ in 0..photos {
            let noise = normals(DIMENSION, random);
            let template = center.iter().zip(noise).map(|(c, n)| c + 0.2 * n).collect();
            labelled.push(Labelled { person, template: Secret::new(template) });
        }
    }
    labelled
}

/// Distances of strangers of that population, drawn independently: the truth to compare with.
fn strangers(pairs: usize, random: &mut fastrand::Rng) -> Vec<f32> {
    let mut draw = || population(1, 1, random).remove(0).template;
    let mut distances: Vec<f32> = (0..pairs).map(|_| distance(draw().expose(), draw().expose())).collect();
    distances.sort_unstable_by(f32::total_cmp);
    distances
}

fn run(labelled: &[Labelled], space: &str, rounds: usize, seed: u64) -> Result<Report, GalleryError> {
    calibrate(labelled, &ExcludedPairs::default(), space, rounds, seed, &|_| ())
}

#[test]
fn known_rates_are_found_within_their_intervals() {
    let mut random = fastrand::Rng::with_seed(11);
    let truth = strangers(300_000, &mut random);
    let report = run(&population(120, 3, &mut random), "test", 200, 5).unwrap();
    assert_eq!((report.people, report.templates), (120, 360));
    assert_eq!((report.genuine.pairs, report.impostor.pairs), (360, 360 * 359 / 2 - 360));

    // 64,260 pairs: four decades are measured, the fifth is the law's.
    for claim in &report.claims[..5] {
        let rate = claim.false_match_rate;
        let expected = if rate > 5e-5 { Basis::Measured } else { Basis::Extrapolated };
        assert_eq!(claim.basis, expected, "FMR {rate}");
        let true_distance = f64::from(truth[(rate * truth.len() as f64) as usize]);
        let distance = claim.distance.unwrap();
        let interval = distance.interval.unwrap();
        assert!(
            interval.low <= true_distance && true_distance <= interval.high,
            "FMR {rate}: {true_distance} is not in {interval:?}"
        );
        assert!(interval.high - interval.low < 1.2, "an interval of everything says nothing: {interval:?}");
    }
    // The law is fitted to the nearest thousandth (here 500 pairs) and agrees with what was seen there.
    let claim = &report.claims[3];
    let (seen, fitted) = (claim.distance.unwrap().value, claim.fitted.unwrap());
    assert!((fitted / seen - 1.0).abs() < 0.1, "{fitted} for {seen}");
}

#[test]
fn what_the_data_cannot_show_is_called_extrapolated() {
    let mut random = fastrand::Rng::with_seed(2);
    let report = run(&population(50, 2, &mut random), "test", 100, 5).unwrap();
    // 100 photos: 4,950 pairs, 50 of them of one person.
    assert_eq!(report.impostor.pairs, 4900);
    assert!((report.smallest_rate_shown - 3.0 / 4900.0).abs() < 1e-12);
    for claim in &report.claims {
        assert_eq!(claim.basis == Basis::Extrapolated, claim.false_match_rate < 3.0 / 4900.0);
    }
    let text = report.to_string();
    assert_eq!(text.matches("3/N = 6.1e-4").count(), 10, "the bound stands beside every claim:\n{text}");
    assert!(report.calibration.parts().note.contains("extrapolated, unverified"));
    assert!(report.calibration.parts().note.contains("4900 impostor pairs of 50 people"));
}

#[test]
fn the_calibration_follows_from_the_report() {
    let mut random = fastrand::Rng::with_seed(8);
    let report = run(&population(40, 3, &mut random), "model/unit", 60, 5).unwrap();
    let calibration = &report.calibration;
    assert_eq!(calibration.space(), "model/unit");
    assert_eq!(calibration.parts().people, 40);
    assert_eq!(calibration.parts().impostor_pairs, report.impostor.pairs as u64);
    assert!((calibration.verify_confidence(report.verify.distance as f32) - 0.5).abs() < 1e-6);
    for claim in &report.claims {
        let Some(distance) = claim.distance else { continue };
        let confidence = f64::from(calibration.face_check_confidence(distance.value as f32));
        assert!((confidence - claim.confidence).abs() < 1e-4, "FMR {}", claim.false_match_rate);
    }
    let distances: Vec<f64> = report.claims.iter().filter_map(|claim| Some(claim.distance?.value)).collect();
    assert!(distances.len() >= 5 && distances.array_windows().all(|[a, b]| a > b), "{distances:?}");
    // Verify's curve goes through 0.5 and 0.9 at the rates that it promises.
    assert_eq!(report.verify.false_match_rate, 3e-5);
    let sure = calibration.distance_for_false_match_rate(1e-6);
    assert!((calibration.verify_confidence(sure) - 0.9).abs() < 1e-2, "{}", calibration.verify_confidence(sure));
    // These people are far apart beside their spread: nothing is confused.
    assert_eq!((report.verify.missed, report.verify.false_matches_seen), (0, 0));
    assert_eq!((report.verify.true_match_per_pair.value, report.verify.true_match_per_person.value), (1.0, 1.0));
    let text = serde_json::to_string(&report).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::from_value::<Calibration>(value["calibration"].clone()).unwrap(), *calibration);
}

#[test]
fn a_report_can_be_made_again() {
    let labelled = population(20, 2, &mut fastrand::Rng::with_seed(4));
    let report = |seed| run(&labelled, "test", 50, seed).unwrap();
    assert_eq!(report(1), report(1));
    assert_ne!(report(1).claims[0].distance.unwrap().interval, report(2).claims[0].distance.unwrap().interval);
    assert_eq!(report(1).calibration, report(2).calibration, "the seed moves intervals only");
    assert_eq!(run(&labelled, "test", 0, 1).unwrap().claims[0].distance.unwrap().interval, None);
}

#[test]
fn too_little_or_senseless_data_is_refused() {
    let mut random = fastrand::Rng::with_seed(6);
    let refused = |labelled: &[Labelled]| run(labelled, "test", 10, 1).unwrap_err();
    let too_little = |error: GalleryError| match error {
        GalleryError::TooLittle { what, .. } => what,
        other => panic!("{other}"),
    };
    assert_eq!(too_little(refused(&[])), "people");
    assert_eq!(too_little(refused(&population(3, 50, &mut random))), "people");
    assert_eq!(too_little(refused(&population(5, 2, &mut random))), "pairs of photos of different people");
    assert_eq!(too_little(refused(&population(30, 1, &mut random))), "pairs of photos of one person");

    let equal: Vec<Labelled> =
        (0..40).map(|n| Labelled { person: n / 2, template: Secret::new(vec![1.0; DIMENSION]) }).collect();
    assert_eq!(refused(&equal), GalleryError::NotSeparable);

    // Labels turned upside down: photos of "one person" are the farthest apart.
    let ends = |n: u32| if n.is_multiple_of(2) { 1.0 } else { -1.0 };
    let swapped: Vec<Labelled> = (0..40)
        .map(|n| Labelled { person: n / 2, template: Secret::new(vec![ends(n) * (1.0 + n as f32 * 1e-3); DIMENSION]) })
        .collect();
    assert_eq!(refused(&swapped), GalleryError::NotSeparable);

    let mut mixed = population(10, 5, &mut random);
    mixed[7].template = Secret::new(vec![0.0; DIMENSION - 1]);
    assert_eq!(refused(&mixed), GalleryError::WrongDimension { expected: DIMENSION, found: DIMENSION - 1 });
    mixed[7].template = Secret::new(vec![f32::NAN; DIMENSION]);
    assert_eq!(refused(&mixed), GalleryError::NotFinite);
}
