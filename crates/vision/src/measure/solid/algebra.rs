//! Linear least squares of a few unknowns.

/// The unknowns that fit the rows best, with a weight for each row if there are any. `None`: the rows do not determine them.
pub(super) fn least_squares<const N: usize>(
    rows: &[[f64; N]],
    values: &[f64],
    weights: Option<&[f64]>,
) -> Option<[f64; N]> {
    let mut normal = [[0.0; N]; N];
    let mut right = [0.0; N];
    for (at, (row, value)) in rows.iter().zip(values).enumerate() {
        let weight = weights.map_or(1.0, |weights| weights[at]);
        for i in 0..N {
            right[i] += weight * row[i] * value;
            for j in 0..=i {
                normal[i][j] += weight * row[i] * row[j];
            }
        }
    }
    solved(normal, right)
}

/// By Cholesky's method, of which only the lower half is read.
fn solved<const N: usize>(mut normal: [[f64; N]; N], mut right: [f64; N]) -> Option<[f64; N]> {
    for i in 0..N {
        for j in 0..=i {
            let sum = (0..j).map(|k| normal[i][k] * normal[j][k]).sum::<f64>();
            let left = normal[i][j] - sum;
            if i == j {
                let is_positive = left.is_finite() && left > 1e-12 * normal[i][i].abs().max(1e-12);
                normal[i][i] = if is_positive { left.sqrt() } else { return None };
            } else {
                normal[i][j] = left / normal[j][j];
            }
        }
        let sum = (0..i).map(|k| normal[i][k] * right[k]).sum::<f64>();
        right[i] = (right[i] - sum) / normal[i][i];
    }
    for i in (0..N).rev() {
        let sum = (i + 1..N).map(|k| normal[k][i] * right[k]).sum::<f64>();
        right[i] = (right[i] - sum) / normal[i][i];
    }
    right.iter().all(|value| value.is_finite()).then_some(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_through_its_points() {
        let rows: Vec<[f64; 2]> = (0..5).map(|x| [1.0, f64::from(x)]).collect();
        let values: Vec<f64> = (0..5).map(|x| 3.0 - 2.0 * f64::from(x)).collect();
        let found = least_squares(&rows, &values, None).unwrap();
        assert!((found[0] - 3.0).abs() < 1e-9 && (found[1] + 2.0).abs() < 1e-9);
        assert_eq!(least_squares(&[[1.0, 2.0]; 4], &[1.0; 4], None), None, "one place determines no line");
    }
}
