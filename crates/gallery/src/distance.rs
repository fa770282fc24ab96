//! The distance of two templates, the definition that every search must reproduce.

/// The Euclidean distance of two templates, summed in `f64` and rounded once at the end.
///
/// This is the definition that everything else is measured against: searches return exactly this number, and ties are
/// ties of this number.
///
/// # Panics
/// When the lengths differ. Templates of different models must never be compared, and an answer would hide that.
pub fn distance(a: &[f32], b: &[f32]) -> f32 {
    squared_distance(a, b).sqrt() as f32
}

/// Eight running sums, so that the order of additions is fixed and still fits the processor's registers.
pub(crate) fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len(), "only templates of one space are comparable");
    let ((a_eights, a_rest), (b_eights, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0_f64; 8];
    for (x, y) in a_eights.iter().zip(b_eights) {
        for lane in 0..8 {
            let difference = f64::from(x[lane]) - f64::from(y[lane]);
            sums[lane] += difference * difference;
        }
    }
    for (lane, (x, y)) in a_rest.iter().zip(b_rest).enumerate() {
        let difference = f64::from(*x) - f64::from(*y);
        sums[lane] += difference * difference;
    }
    ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_distances() {
        let cases: [(&str, &[f32], &[f32], f32); 5] = [
            ("nothing", &[], &[], 0.0),
            ("three four five", &[3.0, 0.0], &[0.0, 4.0], 5.0),
            ("itself", &[0.1, 0.2, 0.3], &[0.1, 0.2, 0.3], 0.0),
            ("nine numbers use the rest", &[1.0; 9], &[0.0; 9], 3.0),
            ("opposite ends of what f32 holds", &[f32::MAX], &[f32::MIN], f32::INFINITY),
        ];
        for (name, a, b, expected) in cases {
            assert_eq!(distance(a, b), expected, "{name}");
        }
    }

    #[test]
    #[should_panic(expected = "one space")]
    fn templates_of_two_models_are_not_compared() {
        distance(&[1.0, 2.0], &[1.0]);
    }
}
