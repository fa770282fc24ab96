//! Random templates of the kinds that searches meet, from a seed.

use likeness_gallery::{Basis, Calibration, CalibrationParts, Logistic, Rate};

/// Kinds of templates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Uniform on the unit sphere.
    Unit,
    /// Lengths from a thousandth to a thousand.
    AnyLength,
    /// Unit vectors around a common mean of norm 0.92, as the default pack makes them.
    Clustered,
    /// Few different templates, so that distances tie.
    Duplicates,
    /// Numbers at the ends of what `f32` holds, next to small ones.
    Extreme,
}

pub(crate) const KINDS: [Kind; 5] = [Kind::Unit, Kind::AnyLength, Kind::Clustered, Kind::Duplicates, Kind::Extreme];

/// A normally distributed number (Box and Muller).
pub(crate) fn normal(random: &mut fastrand::Rng) -> f32 {
    let (u, v) = (1.0 - random.f64(), random.f64());
    ((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()) as f32
}

pub(crate) fn normals(dimension: usize, random: &mut fastrand::Rng) -> Vec<f32> {
    (0..dimension).map(|_| normal(random)).collect()
}

pub(crate) fn scaled_to(length: f32, mut template: Vec<f32>) -> Vec<f32> {
    let norm = template.iter().map(|x| x * x).sum::<f32>().sqrt();
    template.iter_mut().for_each(|x| *x *= length / norm);
    template
}

/// The mean around which [`Kind::Clustered`] lies.
pub(crate) fn mean(dimension: usize) -> Vec<f32> {
    scaled_to(0.92, normals(dimension, &mut fastrand::Rng::with_seed(92)))
}

pub(crate) fn template(kind: Kind, dimension: usize, random: &mut fastrand::Rng) -> Vec<f32> {
    let direction = scaled_to(1.0, normals(dimension, random));
    match kind {
        Kind::Unit => direction,
        Kind::AnyLength => {
            let length = 10.0_f32.powf(random.f32() * 6.0 - 3.0);
            scaled_to(length, direction)
        }
        Kind::Clustered => {
            // What is left to unit length beside a mean of 0.92.
            let spread = (1.0_f32 - 0.92 * 0.92).sqrt();
            scaled_to(1.0, mean(dimension).iter().zip(direction).map(|(m, x)| m + spread * x).collect())
        }
        Kind::Duplicates => {
            let place = random.usize(..3).min(dimension - 1);
            let mut template = vec![0.5; dimension];
            template[place] = 1.0;
            template
        }
        Kind::Extreme => {
            let scale = [f32::MAX, 1e30, 1e19, 1.0, 1e-20, f32::MIN_POSITIVE, 1e-42, 0.0][random.usize(..8)];
            direction.iter().map(|x| x * scale).collect()
        }
    }
}

/// A calibration of a recogniser whose strangers are about 0.57 excluded.
pub(crate) fn default_parts() -> CalibrationParts {
    CalibrationParts {
        space: "default/unit/mirror".to_owned(),
        verify: Logistic { half_at_distance: 0.385, slope: 19.0 },
        rates: [
            (1e-10, 0.193),
            (1e-9, 0.214),
            (1e-8, 0.237),
            (1e-7, 0.261),
            (1e-6, 0.287),
            (1e-5, 0.316),
            (1e-4, 0.345),
            (1e-3, 0.377),
            (1e-2, 0.421),
            (1e-1, 0.485),
        ]
        .map(|(false_match_rate, distance)| Rate {
            false_match_rate,
            distance,
            basis: if false_match_rate > 1e-4 { Basis::Measured } else { Basis::Extrapolated },
        })
        .to_vec(),
        two_pass_rates: Vec::new(),
        note: "extrapolated, unverified".to_owned(),
        impostor_pairs: 1690,
        people: 13,
    }
}

pub(crate) fn default_calibration() -> Calibration {
    Calibration::new(default_parts()).expect("the calibration is sound")
}
