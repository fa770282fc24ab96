//! Measures of parallax on exact points: how much of a motion no plane explains, and how much of that is the nose.

/// Pairs of places of the same points in two frames, with where they lie on the face, in millimetres.
pub(crate) struct Pairs {
    pub(crate) face_mm: Vec<[f64; 2]>,
    pub(crate) first: Vec<[f64; 2]>,
    pub(crate) second: Vec<[f64; 2]>,
}

/// What is left when the best homography has carried the first frame's points to the second's, in pixels.
pub(crate) fn left_by_plane(pairs: &Pairs) -> Vec<[f64; 2]> {
    // Both frames around their middle and of size one, so that the equations are well conditioned.
    let (first, _) = normalised(&pairs.first);
    let (second, scale) = normalised(&pairs.second);
    let mut rows = Vec::new();
    let mut rights = Vec::new();
    for ([x, y], [u, v]) in first.iter().zip(&second) {
        rows.push(vec![*x, *y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y]);
        rights.push(*u);
        rows.push(vec![0.0, 0.0, 0.0, *x, *y, 1.0, -v * x, -v * y]);
        rights.push(*v);
    }
    let h = least_squares(&rows, &rights);
    let carried = first.iter().map(|[x, y]| {
        let depth = h[6] * x + h[7] * y + 1.0;
        [(h[0] * x + h[1] * y + h[2]) / depth, (h[3] * x + h[4] * y + h[5]) / depth]
    });
    carried.zip(&second).map(|([x, y], [u, v])| [(u - x) * scale, (v - y) * scale]).collect()
}

/// Root of the mean square, in percent of the eye distance.
pub(crate) fn plane_residual(pairs: &Pairs, eye_distance_px: f64) -> f64 {
    let left = left_by_plane(pairs);
    let squares: f64 = left.iter().map(|[x, y]| x * x + y * y).sum();
    (squares / left.len() as f64).sqrt() / eye_distance_px * 100.0
}

/// The length of the nose's mean displacement beyond a smooth (cubic) field over the whole face, in percent of the eye
/// distance.
pub(crate) fn nose_evidence(pairs: &Pairs, eye_distance_px: f64, tip_mm: [f64; 2]) -> f64 {
    let left = left_by_plane(pairs);
    let (places, _) = normalised(&pairs.first);
    let terms = |[x, y]: [f64; 2]| {
        let powers = (0..=3).flat_map(|i| (0..=3 - i).map(move |j| (i, j)));
        powers.map(|(i, j)| x.powi(i) * y.powi(j)).collect::<Vec<f64>>()
    };
    let rows: Vec<Vec<f64>> = places.iter().map(|place| terms(*place)).collect();
    let field = [0, 1].map(|axis| least_squares(&rows, &left.iter().map(|vector| vector[axis]).collect::<Vec<_>>()));
    let (mut sum, mut count) = ([0.0; 2], 0.0);
    for ((row, left), [x, y]) in rows.iter().zip(&left).zip(&pairs.face_mm) {
        if (x - 0.7 * tip_mm[0]).abs() <= 14.0 && (y - 0.7 * tip_mm[1]).abs() <= 20.0 {
            count += 1.0;
            for axis in 0..2 {
                let smooth: f64 = row.iter().zip(&field[axis]).map(|(term, factor)| term * factor).sum();
                sum[axis] += left[axis] - smooth;
            }
        }
    }
    (sum[0] / count).hypot(sum[1] / count) / eye_distance_px * 100.0
}

fn normalised(points: &[[f64; 2]]) -> (Vec<[f64; 2]>, f64) {
    let count = points.len() as f64;
    let middle = [0, 1].map(|axis| points.iter().map(|point| point[axis]).sum::<f64>() / count);
    let spread = points.iter().map(|point| (point[0] - middle[0]).hypot(point[1] - middle[1])).sum::<f64>() / count;
    (points.iter().map(|point| [0, 1].map(|axis| (point[axis] - middle[axis]) / spread)).collect(), spread)
}

/// The solution of the normal equations, by elimination with pivots.
fn least_squares(rows: &[Vec<f64>], rights: &[f64]) -> Vec<f64> {
    let count = rows[0].len();
    let mut matrix = vec![vec![0.0; count + 1]; count];
    for (row, right) in rows.iter().zip(rights) {
        for i in 0..count {
            (0..count).for_each(|j| matrix[i][j] += row[i] * row[j]);
            matrix[i][count] += row[i] * right;
        }
    }
    for column in 0..count {
        let pivot = (column..count).max_by(|a, b| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs()));
        matrix.swap(column, pivot.expect("there are rows left"));
        let pivot = matrix[column].clone();
        for (index, row) in matrix.iter_mut().enumerate() {
            if index != column {
                let factor = row[column] / pivot[column];
                row.iter_mut().zip(&pivot).for_each(|(value, pivot)| *value -= factor * pivot);
            }
        }
    }
    (0..count).map(|i| matrix[i][count] / matrix[i][i]).collect()
}
