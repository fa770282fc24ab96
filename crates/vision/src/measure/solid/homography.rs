//! What a flat sheet does to the points of a picture of it when it moves.

use super::algebra::least_squares;
use crate::geometry::Point;

/// Rounds of reweighting.
const ROUNDS: usize = 6;
/// Distance from which on a point counts less, in pixels.
const TUNING: f64 = 0.6;

/// A map of the plane in which lines stay lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Homography([f64; 9]);

impl Homography {
    pub(super) const IDENTITY: Self = Self([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);

    pub(super) fn apply(&self, point: Point) -> Point {
        let h = &self.0;
        let (x, y) = (f64::from(point.x), f64::from(point.y));
        let depth = h[6] * x + h[7] * y + h[8];
        Point { x: ((h[0] * x + h[1] * y + h[2]) / depth) as f32, y: ((h[3] * x + h[4] * y + h[5]) / depth) as f32 }
    }

    /// The map back.
    pub(super) fn inverse(&self) -> Option<Self> {
        let [a, b, c, d, e, f, g, h, i] = self.0;
        let cofactors = [
            e * i - f * h,
            c * h - b * i,
            b * f - c * e,
            f * g - d * i,
            a * i - c * g,
            c * d - a * f,
            d * h - e * g,
            b * g - a * h,
            a * e - b * d,
        ];
        let determinant = a * cofactors[0] + b * cofactors[3] + c * cofactors[6];
        let back = cofactors.map(|value| value / determinant);
        back.iter().all(|value| value.is_finite()).then_some(Self(back))
    }

    /// The homography that takes most points nearest to where they went; those far off count little.
    pub(super) fn robust(pairs: &[(Point, Point)]) -> Option<Self> {
        let mut weights = vec![1.0; pairs.len()];
        let mut map = Self::weighted(pairs, &weights)?;
        for _ in 0..ROUNDS {
            for (weight, (from, to)) in weights.iter_mut().zip(pairs) {
                let off = f64::from(map.apply(*from).distance(*to));
                *weight = 1.0 / (1.0 + (off / TUNING).powi(2));
            }
            map = Self::weighted(pairs, &weights)?;
        }
        Some(map)
    }

    /// By least squares in the plane of the target, the depth of the round before taken as known: the last of its nine numbers
    /// is 1, which holds for faces that stay in view.
    fn weighted(pairs: &[(Point, Point)], weights: &[f64]) -> Option<Self> {
        // Places in chips are brought near to one, or the squares of the far ones outweigh all.
        let scale = 1.0 / 120.0;
        let near = |point: Point| (f64::from(point.x) * scale - 1.0, f64::from(point.y) * scale - 1.0);
        let mut rows: Vec<[f64; 8]> = Vec::with_capacity(pairs.len() * 2);
        let mut values = Vec::with_capacity(pairs.len() * 2);
        let mut both = Vec::with_capacity(pairs.len() * 2);
        for ((from, to), weight) in pairs.iter().zip(weights) {
            let ((x, y), (u, v)) = (near(*from), near(*to));
            rows.push([x, y, 1.0, 0.0, 0.0, 0.0, -x * u, -y * u]);
            rows.push([0.0, 0.0, 0.0, x, y, 1.0, -x * v, -y * v]);
            values.extend([u, v]);
            both.extend([*weight, *weight]);
        }
        let [a, b, c, d, e, f, g, h] = least_squares(&rows, &values, Some(&both))?;
        // Back to pixels: to · near-map · from.
        let (s, t) = (scale, -1.0);
        let inner =
            [a * s, b * s, a * t + b * t + c, d * s, e * s, d * t + e * t + f, g * s, h * s, g * t + h * t + 1.0];
        let row = |first: f64, third: f64| (first + third) / s;
        Some(Self([
            row(inner[0], inner[6]),
            row(inner[1], inner[7]),
            row(inner[2], inner[8]),
            row(inner[3], inner[6]),
            row(inner[4], inner[7]),
            row(inner[5], inner[8]),
            inner[6],
            inner[7],
            inner[8],
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Vec<Point> {
        (0..10).flat_map(|x| (0..10).map(move |y| Point { x: 24.0 * x as f32, y: 24.0 * y as f32 })).collect()
    }

    #[test]
    fn a_map_is_found_again_in_spite_of_some_points() {
        let true_map = Homography([1.05, 0.04, -6.0, -0.03, 0.97, 4.0, 2e-4, -1e-4, 1.0]);
        let mut pairs: Vec<(Point, Point)> = places().into_iter().map(|from| (from, true_map.apply(from))).collect();
        for (at, pair) in pairs.iter_mut().enumerate().filter(|(at, _)| at % 9 == 4) {
            pair.1.x += 5.0 + at as f32 / 10.0;
        }
        let found = Homography::robust(&pairs).unwrap();
        for place in places() {
            let (there, expected) = (found.apply(place), true_map.apply(place));
            assert!(there.distance(expected) < 0.05, "{place:?} {there:?} {expected:?}");
            assert!(found.inverse().unwrap().apply(there).distance(place) < 0.01);
        }
    }

    #[test]
    fn one_line_determines_none() {
        let line: Vec<(Point, Point)> =
            (0..20).map(|x| Point { x: x as f32, y: 2.0 * x as f32 }).map(|point| (point, point)).collect();
        assert!(Homography::robust(&line).is_none());
    }
}
