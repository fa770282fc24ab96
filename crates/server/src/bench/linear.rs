//! As much linear algebra as drawing templates needs: a covariance made usable from few samples, and its root.

/// Mean and covariance of samples of equal length, the covariance shrunk towards a multiple of the identity by the
/// share of Ledoit and Wolf (2004, "A well-conditioned estimator for large-dimensional covariance matrices"), because
/// some dozens of samples leave a matrix of 128 rows singular. Also gives that share.
#[expect(clippy::cast_precision_loss, reason = "some dozens of samples")]
pub(super) fn shrunk_covariance(samples: &[Vec<f64>]) -> (Vec<f64>, Vec<Vec<f64>>, f64) {
    let (n, d) = (samples.len(), samples.first().map_or(0, Vec::len));
    let mean: Vec<f64> = (0..d).map(|i| samples.iter().map(|sample| sample[i]).sum::<f64>() / n as f64).collect();
    let centred: Vec<Vec<f64>> =
        samples.iter().map(|sample| sample.iter().zip(&mean).map(|(x, m)| x - m).collect()).collect();
    let entry = |i: usize, j: usize| centred.iter().map(|x| x[i] * x[j]).sum::<f64>() / n as f64;
    let mut covariance: Vec<Vec<f64>> = (0..d).map(|i| (0..d).map(|j| entry(i, j)).collect()).collect();
    // In the paper's letters, with norms divided by d: m, d^2 and b^2.
    let level = (0..d).map(|i| covariance[i][i]).sum::<f64>() / d as f64;
    let spread = |i: usize, j: usize| covariance[i][j] - if i == j { level } else { 0.0 };
    let distance: f64 = (0..d).flat_map(|i| (0..d).map(move |j| (i, j))).map(|(i, j)| spread(i, j).powi(2)).sum();
    let mut noise = 0.0;
    for x in &centred {
        for i in 0..d {
            for j in 0..d {
                noise += (x[i] * x[j] - covariance[i][j]).powi(2);
            }
        }
    }
    let noise = (noise / (n * n) as f64).min(distance);
    let share = if distance > 0.0 { noise / distance } else { 1.0 };
    for (i, row) in covariance.iter_mut().enumerate() {
        for (j, value) in row.iter_mut().enumerate() {
            *value = (1.0 - share) * *value + if i == j { share * level } else { 0.0 };
        }
    }
    (mean, covariance, share)
}

/// The lower triangle whose product with its transpose is the matrix (Cholesky). `None` where the matrix is not
/// positive definite.
pub(super) fn root(matrix: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let d = matrix.len();
    let mut lower = vec![vec![0.0; d]; d];
    for i in 0..d {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = matrix[i][j] - known;
            if i == j {
                if rest <= 0.0 || !rest.is_finite() {
                    return None;
                }
                lower[i][i] = rest.sqrt();
            } else {
                lower[i][j] = rest / lower[j][j];
            }
        }
    }
    Some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_multiplies_back() {
        let matrix = vec![vec![4.0, 2.0, 0.6], vec![2.0, 5.0, 1.0], vec![0.6, 1.0, 3.0]];
        let lower = root(&matrix).unwrap();
        for i in 0..3 {
            for j in 0..3 {
                let product: f64 = (0..3).map(|k| lower[i][k] * lower[j][k]).sum();
                assert!((product - matrix[i][j]).abs() < 1e-12);
            }
        }
        assert!(root(&[vec![1.0, 2.0], vec![2.0, 1.0]]).is_none());
    }

    #[test]
    fn few_samples_are_shrunk_and_many_hardly() {
        let mut random = fastrand::Rng::with_seed(5);
        // Two numbers of very different spread, uniformly drawn.
        let mut draw = |n: usize| -> Vec<Vec<f64>> { (0..n).map(|_| vec![random.f64() * 9.0, random.f64()]).collect() };
        let (_, few, share) = shrunk_covariance(&draw(3));
        assert!(share > 0.1 && root(&few).is_some(), "{share}");
        let (mean, many, share) = shrunk_covariance(&draw(20_000));
        assert!(share < 0.01, "{share}");
        assert!((mean[0] - 4.5).abs() < 0.1 && (many[0][0] - 81.0 / 12.0).abs() < 0.2, "{mean:?} {many:?}");
    }
}
