//! The mappings from distance to confidence and back.

use crate::draw::{default_calibration, default_parts};
use likeness_gallery::{Basis, Calibration, CalibrationParts, GalleryError, Logistic, Rate};
use proptest::prelude::*;

#[test]
fn mappings_of_known_distances() {
    let calibration = default_calibration();
    let cases = [
        ("itself", 0.0, 1.0, 1.0),
        ("strictest point of the table", 0.193, 0.975, 1.0),
        ("one in a thousand million", 0.214, 0.963, 0.9),
        ("one in a hundred thousand", 0.316, 0.788, 0.5),
        ("verify's threshold", 0.385, 0.5, 0.282),
        ("where the table ends", 0.485, 0.130, 0.1),
        ("beyond, its last line goes on", 0.549, 0.042, 0.0),
        ("far away", 2.0, 0.0, 0.0),
        ("infinitely far", f32::INFINITY, 0.0, 0.0),
        ("not a number", f32::NAN, 0.0, 0.0),
    ];
    for (name, distance, verify, face_check) in cases {
        assert!((calibration.verify_confidence(distance) - verify).abs() < 1e-3, "{name}: verify");
        assert!((calibration.face_check_confidence(distance) - face_check).abs() < 1e-3, "{name}: Face Check");
    }
    assert_eq!(calibration.verify_confidence(0.0), 1.0);
    assert_eq!(calibration.verify_confidence(0.385), 0.5);
    assert_eq!(calibration.verify_distance(0.5), 0.385);
    assert_eq!((calibration.verify_distance(1.0), calibration.verify_distance(0.0)), (0.0, f32::INFINITY));
    assert!((calibration.false_match_rate(0.316).log10() + 5.0).abs() < 1e-6);
    assert!((calibration.distance_for_false_match_rate(1e-9) - 0.214).abs() < 1e-6);
    assert!((calibration.distance_for_false_match_rate(1.0) - 0.549).abs() < 1e-6);
    assert_eq!(calibration.distance_for_false_match_rate(0.0), 0.0);
}

proptest! {
    #[test]
    fn both_mappings_fall_with_distance_and_their_inverses_lead_back(distance in 0.0_f32..0.7, step in 0.0_f32..0.3) {
        let calibration = default_calibration();
        let farther = distance + step;
        prop_assert!(calibration.verify_confidence(farther) <= calibration.verify_confidence(distance));
        prop_assert!(calibration.face_check_confidence(farther) <= calibration.face_check_confidence(distance));
        prop_assert!(calibration.false_match_rate(farther) >= calibration.false_match_rate(distance));

        // Where the curve is flat, many distances share a confidence: compare confidences there.
        let confidence = calibration.verify_confidence(distance);
        let back = calibration.verify_distance(confidence);
        prop_assert!((calibration.verify_confidence(back) - confidence).abs() < 1e-6);
        if (0.1..0.6).contains(&distance) {
            prop_assert!((back - distance).abs() < 1e-4, "{back} for {distance}");
        }
        if distance < 0.549 {
            let back = calibration.distance_for_false_match_rate(calibration.false_match_rate(distance));
            prop_assert!((back - distance).abs() < 1e-5, "{back} for {distance}");
        }
    }

    #[test]
    fn larger_galleries_and_smaller_rates_are_cut_closer(size in 1_usize..10_000_000, target in 1e-5_f64..0.5) {
        let calibration = default_calibration();
        let cut = calibration.identification_cut(size, target);
        prop_assert!(cut <= calibration.verify_distance(0.5), "never looser than the classic cut");
        prop_assert!(calibration.identification_cut(size * 10, target) <= cut);
        prop_assert!(calibration.identification_cut(size, target / 10.0) <= cut);
        // The share of searches that name a stranger is what was asked for, or less where the classic cut is closer.
        let named = -(size as f64 * (-calibration.false_match_rate(cut)).ln_1p()).exp_m1();
        prop_assert!(named <= target * 1.001, "{named} instead of {target}");
    }
}

#[test]
fn the_cut_at_known_gallery_sizes() {
    let calibration = default_calibration();
    let cases = [
        ("nobody there", 0, 0.01, 0.385),
        ("one template", 1, 0.01, 0.385),
        ("a thousand: one in a hundred thousand", 1_000, 0.01, 0.316),
        ("a million: one in a hundred million", 1_000_000, 0.01, 0.237),
        ("a hundred million: the table is just left", 100_000_000, 0.01, 0.193),
        ("beyond the table the last line goes on", 1_000_000_000, 0.01, 0.172),
        ("any rate will do", 1_000_000, 1.0, 0.385),
        ("no rate will do", 1_000_000, 0.0, 0.0),
    ];
    for (name, size, target, expected) in cases {
        let cut = calibration.identification_cut(size, target);
        assert!((cut - expected).abs() < 1e-3, "{name}: {cut}");
    }
}

#[test]
fn calibrations_that_make_no_sense_are_refused() {
    let verify =
        |half_at_distance, slope| CalibrationParts { verify: Logistic { half_at_distance, slope }, ..default_parts() };
    use Basis::{Extrapolated, Measured};
    let rows = |rows: &[(f64, f32, Basis)]| -> Vec<Rate> {
        rows.iter().map(|&(false_match_rate, distance, basis)| Rate { false_match_rate, distance, basis }).collect()
    };
    let table = |table: &[(f64, f32, Basis)]| CalibrationParts { rates: rows(table), ..default_parts() };
    let two_pass = |table: &[(f64, f32, Basis)]| CalibrationParts { two_pass_rates: rows(table), ..default_parts() };
    let cases = [
        ("no threshold", verify(0.0, 19.0)),
        ("threshold that is no number", verify(f32::NAN, 19.0)),
        ("rising curve", verify(0.385, -1.0)),
        ("infinite slope", verify(0.385, f32::INFINITY)),
        ("no table", table(&[])),
        ("one rate", table(&[(0.1, 0.2, Measured)])),
        ("negative distance", table(&[(1e-3, -0.1, Measured), (0.1, 0.5, Measured)])),
        ("a rate of everybody", table(&[(1e-3, 0.1, Measured), (1.0, 0.5, Measured)])),
        ("a rate of nobody", table(&[(0.0, 0.1, Measured), (0.1, 0.5, Measured)])),
        ("not a number", table(&[(1e-3, 0.1, Measured), (0.1, f32::NAN, Measured)])),
        ("distances fall", table(&[(1e-3, 0.5, Measured), (0.1, 0.1, Measured)])),
        ("rates fall", table(&[(0.1, 0.1, Measured), (1e-3, 0.5, Measured)])),
        ("a rate twice", table(&[(0.1, 0.1, Measured), (0.1, 0.5, Measured)])),
        ("a small rate seen and a large one not", table(&[(1e-3, 0.1, Measured), (0.1, 0.5, Extrapolated)])),
        ("a second table of one rate", two_pass(&[(0.1, 0.2, Measured)])),
    ];
    for (name, parts) in cases {
        assert!(matches!(Calibration::new(parts.clone()), Err(GalleryError::BadCalibration(_))), "{name}");
        // Written by hand into a file it is refused as well.
        let text = serde_json::to_string(&parts).unwrap();
        assert!(serde_json::from_str::<Calibration>(&text).is_err(), "{name}");
    }
}

#[test]
fn a_calibration_is_read_as_it_was_written() {
    let calibration = default_calibration();
    let text = serde_json::to_string(&calibration).unwrap();
    assert_eq!(serde_json::from_str::<Calibration>(&text).unwrap(), calibration);
    assert_eq!(calibration.space(), "default/unit/mirror");
}

#[test]
fn what_was_measured_is_told_from_what_is_claimed() {
    let calibration = default_calibration();
    // Measured from one in a thousand on.
    for (distance, expected) in
        [(0.3, Basis::Extrapolated), (0.37, Basis::Extrapolated), (0.377, Basis::Measured), (2.0, Basis::Measured)]
    {
        assert_eq!(calibration.basis_at(distance), expected, "{distance}");
    }
}

/// Face Check compares templates of two passes, which lie nearer to each other than those of one.
#[test]
fn face_check_reads_the_table_of_two_passes() {
    let row = |false_match_rate, distance| Rate { false_match_rate, distance, basis: Basis::Measured };
    let two_pass_rates = vec![row(1e-9, 0.1), row(1e-5, 0.2), row(1e-3, 0.3)];
    let calibration = Calibration::new(CalibrationParts { two_pass_rates, ..default_parts() }).unwrap();
    assert!((calibration.face_check_confidence(0.2) - 0.5).abs() < 1e-6);
    assert!((calibration.face_check_confidence(0.1) - 0.9).abs() < 1e-6);
    assert!((calibration.false_match_rate(0.316).log10() + 5.0).abs() < 1e-6, "stored templates keep theirs");
}
