//! Similarity transforms: turn, scale, move; never mirror, never shear.

use crate::geometry::Point;

/// The map `(x, y) -> (a x - b y + c, b x + a y + d)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Similarity {
    a: f32,
    b: f32,
    c: f32,
    d: f32,
}

impl Similarity {
    /// A square crop: maps `0..side_out` squared onto the square of `side` picture pixels around `centre`,
    /// turned clockwise by `angle` radians.
    pub(crate) fn crop(centre: Point, side: f32, angle: f32, side_out: f32) -> Self {
        let scale = side / side_out;
        let (a, b) = (scale * angle.cos(), scale * angle.sin());
        let half = side_out / 2.0;
        Self { a, b, c: centre.x - a * half + b * half, d: centre.y - b * half - a * half }
    }

    /// The similarity that brings `from` nearest to `to` in the sense of least squares (Umeyama 1991 with reflections
    /// excluded; in the plane the optimum has this closed form). `None` if the points do not determine one.
    pub(crate) fn fit(from: &[Point], to: &[Point]) -> Option<Self> {
        let count = from.len().min(to.len());
        if count < 2 {
            return None;
        }
        let mean = |points: &[Point]| {
            let (x, y) = points[..count].iter().fold((0.0, 0.0), |(x, y), p| (x + p.x, y + p.y));
            Point { x: x / count as f32, y: y / count as f32 }
        };
        let (from_mean, to_mean) = (mean(from), mean(to));
        let (mut spread, mut along, mut across) = (0.0, 0.0, 0.0);
        for (p, q) in from.iter().zip(to) {
            let (px, py) = (p.x - from_mean.x, p.y - from_mean.y);
            let (qx, qy) = (q.x - to_mean.x, q.y - to_mean.y);
            spread += px * px + py * py;
            along += px * qx + py * qy;
            across += px * qy - py * qx;
        }
        let (a, b) = (along / spread, across / spread);
        let fitted = Self {
            a,
            b,
            c: to_mean.x - a * from_mean.x + b * from_mean.y,
            d: to_mean.y - b * from_mean.x - a * from_mean.y,
        };
        let usable = [fitted.a, fitted.b, fitted.c, fitted.d].iter().all(|v| v.is_finite()) && fitted.scale() > 1e-6;
        usable.then_some(fitted)
    }

    pub(crate) fn apply(&self, p: Point) -> Point {
        Point { x: self.a * p.x - self.b * p.y + self.c, y: self.b * p.x + self.a * p.y + self.d }
    }

    /// First move by `(x, y)`, then `self`.
    pub(crate) fn after_move(&self, x: f32, y: f32) -> Self {
        let Point { x: c, y: d } = self.apply(Point { x, y });
        Self { c, d, ..*self }
    }

    /// How the image of the point moves when x grows by one; `(-y, x)` of it is the step for y.
    pub(crate) fn step(&self) -> Point {
        Point { x: self.a, y: self.b }
    }

    /// Length of a unit length after the map.
    pub(crate) fn scale(&self) -> f32 {
        self.a.hypot(self.b)
    }

    /// The map back. The scale must not be zero, which `fit` and `crop` of a positive side guarantee.
    pub(crate) fn inverse(&self) -> Self {
        let square = self.a * self.a + self.b * self.b;
        let (a, b) = (self.a / square, -self.b / square);
        Self { a, b, c: -(a * self.c - b * self.d), d: -(b * self.c + a * self.d) }
    }

    /// First `self`, then multiply by `factor` and move by `(x, y)`.
    pub(crate) fn then_scale_and_move(&self, factor: f32, x: f32, y: f32) -> Self {
        Self { a: self.a * factor, b: self.b * factor, c: self.c * factor + x, d: self.d * factor + y }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_crop_maps_its_corners_around_the_centre() {
        let crop = Similarity::crop(Point { x: 100.0, y: 50.0 }, 40.0, std::f32::consts::FRAC_PI_2, 20.0);
        let middle = crop.apply(Point { x: 10.0, y: 10.0 });
        assert!(middle.distance(Point { x: 100.0, y: 50.0 }) < 1e-4);
        // Turned clockwise by a quarter, the crop's right-hand middle lies below the centre.
        let right = crop.apply(Point { x: 20.0, y: 10.0 });
        assert!(right.distance(Point { x: 100.0, y: 70.0 }) < 1e-4);
    }

    #[test]
    fn points_that_determine_nothing_give_none() {
        let same = [Point { x: 3.0, y: 3.0 }; 4];
        let other =
            [Point { x: 1.0, y: 1.0 }, Point { x: 2.0, y: 1.0 }, Point { x: 2.0, y: 5.0 }, Point { x: 0.0, y: 1.0 }];
        let broken = [Point { x: f32::NAN, y: 0.0 }; 4];
        for (name, from, to) in
            [("one place", same, other), ("not numbers", broken, other), ("onto one place", other, same)]
        {
            assert!(Similarity::fit(&from, &to).is_none(), "{name}");
        }
        assert!(Similarity::fit(&other[..1], &other[..1]).is_none(), "one point");
    }

    proptest! {
        #[test]
        fn fit_recovers_a_known_similarity(
            scale in 0.05f32..20.0, angle in -3.1f32..3.1, x in -500f32..500.0, y in -500f32..500.0,
            points in proptest::collection::vec((0f32..150.0, 0f32..150.0), 5..12),
        ) {
            let known = Similarity { a: scale * angle.cos(), b: scale * angle.sin(), c: x, d: y };
            let from: Vec<_> = points.iter().map(|&(x, y)| Point { x, y }).collect();
            let spread = from.iter().map(|p| p.distance(from[0])).fold(0.0, f32::max);
            prop_assume!(spread > 10.0);
            let to: Vec<_> = from.iter().map(|&p| known.apply(p)).collect();
            let fitted = Similarity::fit(&from, &to).expect("spread points determine a similarity");
            for &p in &from {
                prop_assert!(fitted.apply(p).distance(known.apply(p)) < 1e-2 * scale.max(1.0));
                prop_assert!(fitted.inverse().apply(fitted.apply(p)).distance(p) < 1e-2 * (1.0 + 1.0 / scale));
            }
        }

        #[test]
        fn fit_never_mirrors(points in proptest::collection::vec((0f32..150.0, 0f32..150.0), 5..12)) {
            let from: Vec<_> = points.iter().map(|&(x, y)| Point { x, y }).collect();
            let mirrored: Vec<_> = from.iter().map(|p| Point { x: 150.0 - p.x, y: p.y }).collect();
            if let Some(fitted) = Similarity::fit(&from, &mirrored) {
                // The step for y stays a quarter turn clockwise of the step for x: orientation is kept.
                let origin = fitted.apply(Point::default());
                let (x, y) = (fitted.apply(Point { x: 1.0, y: 0.0 }), fitted.apply(Point { x: 0.0, y: 1.0 }));
                let turn = (x.x - origin.x) * (y.y - origin.y) - (x.y - origin.y) * (y.x - origin.x);
                prop_assert!(turn >= 0.0);
            }
        }
    }
}
