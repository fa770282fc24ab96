//! The depth of a head with neck and shoulders, over its view from the front.
//!
//! A smooth trunk (profile by height, falling off to the sides like an ellipse), and on it nose, eye sockets, brows, lips,
//! chin and cheeks, at the places of the person's own landmarks. Measures follow ordinary adults.

use crate::fit::{Fit, ORDINARY};
use crate::geometry::{Vector, curve, smooth_step, unit};
use fastrand::Rng;

/// Half the width of what is drawn of a person.
pub(crate) const HALF_WIDTH_MM: f32 = 240.0;
/// The upper and lower end of what is drawn.
pub(crate) const TOP_MM: f32 = -160.0;
pub(crate) const BOTTOM_MM: f32 = 340.0;

/// How far the middle stands out towards the camera, by height, below the middle between the eyes.
const PROFILE: &[(f32, f32)] = &[
    (-135.0, -110.0),
    (-118.0, -74.0),
    (-100.0, -38.0),
    (-82.0, -12.0),
    (-60.0, 2.0),
    (-30.0, 6.0),
    (0.0, 3.0),
    (40.0, 4.0),
    (70.0, 4.0),
    (95.0, 1.0),
    (114.0, -4.0),
    (124.0, -18.0),
    (138.0, -44.0),
    (170.0, -56.0),
    (220.0, -62.0),
    (340.0, -55.0),
];

/// Half the width of the trunk, by height.
const SIDES: &[(f32, f32)] = &[
    (-135.0, 50.0),
    (-100.0, 66.0),
    (-60.0, 77.0),
    (-20.0, 79.0),
    (20.0, 77.0),
    (60.0, 71.0),
    (90.0, 62.0),
    (115.0, 54.0),
    (140.0, 60.0),
    (180.0, 130.0),
    (230.0, 230.0),
    (340.0, 260.0),
];

/// Half the width of what belongs to the person, hair included, by height.
const OUTLINE: &[(f32, f32)] = &[
    (-142.0, 0.0),
    (-136.0, 34.0),
    (-120.0, 62.0),
    (-95.0, 82.0),
    (-55.0, 92.0),
    (0.0, 94.0),
    (45.0, 90.0),
    (85.0, 80.0),
    (115.0, 70.0),
    (140.0, 68.0),
    (160.0, 84.0),
    (185.0, 135.0),
    (215.0, 195.0),
    (250.0, 222.0),
    (340.0, 232.0),
];

/// A head's shape.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// Eyes, nose tip, corners of the mouth: right of and below the middle between the eyes.
    pub(crate) five: [[f32; 2]; 5],
    /// How far below the eyes the chin ends.
    pub(crate) chin_mm: f32,
    /// The head's width over that of an ordinary one.
    width: f32,
    nose_mm: f32,
    socket_mm: f32,
    brow_mm: f32,
    chin_bump_mm: f32,
    cheek_mm: f32,
    side_depth_mm: f32,
}

/// How far below the eyes an ordinary chin ends.
const ORDINARY_CHIN_MM: f32 = 118.0;

impl Shape {
    /// The shape that has the person's landmarks. What they do not say is drawn from the seed.
    pub(crate) fn of(fit: &Fit, five: &[[f32; 2]; 5], surface: &[[f32; 2]], seed: u64) -> Self {
        let lifted: [[f32; 2]; 5] = std::array::from_fn(|i| fit.lifted(five[i], ORDINARY[i][2]));
        let mouth_mm = (lifted[3][1] + lifted[4][1]) / 2.0;
        let mut chin_mm = ORDINARY_CHIN_MM * (mouth_mm / 69.0).clamp(0.85, 1.15);
        let mut width = 1.0;
        if surface.len() >= 20 {
            // The chin lies about as deep as the eyes, the temples some 55 mm deeper.
            let lowest = surface.iter().map(|point| fit.lifted(*point, 4.0)[1]).fold(f32::MIN, f32::max);
            chin_mm = lowest.clamp(0.85 * ORDINARY_CHIN_MM, 1.2 * ORDINARY_CHIN_MM);
            let sides = surface.iter().map(|point| fit.lifted(*point, 55.0)).filter(|[_, y]| (-40.0..40.0).contains(y));
            let (left, right) = sides.fold((0.0f32, 0.0f32), |(left, right), [x, _]| (left.min(x), right.max(x)));
            width = ((right - left) / 2.0 / 75.0).clamp(0.88, 1.15);
        }
        let mut random = Rng::with_seed(seed ^ 0x0005_AAFE);
        let mut about = |middle: f32, spread: f32| middle * (1.0 + spread * (2.0 * random.f32() - 1.0));
        Self {
            five: lifted,
            chin_mm,
            width,
            nose_mm: about(25.0, 0.15),
            socket_mm: about(5.0, 0.3),
            brow_mm: about(2.5, 0.5),
            chin_bump_mm: about(4.0, 0.5),
            cheek_mm: about(3.0, 0.5),
            side_depth_mm: about(78.0, 0.08),
        }
    }

    /// The height of an ordinary face that corresponds to one of this face, below the nose.
    fn ordinary_height(&self, y: f32) -> f32 {
        let lower = smooth_step((y - 20.0) / 60.0);
        y * (1.0 + lower * (ORDINARY_CHIN_MM / self.chin_mm - 1.0))
    }

    /// How far a place stands out towards the camera.
    pub(crate) fn relief(&self, x: f32, y: f32) -> f32 {
        let height = self.ordinary_height(y);
        let side = curve(SIDES, height) * self.width;
        let share = x.abs() / side;
        // An ellipse, and beyond most of it a slope, so that hair and ears lie on a surface too.
        let fall =
            if share < 0.94 { 1.0 - (1.0 - share * share).sqrt() } else { 0.658_8 + 2.755 * (share - 0.94).min(0.5) };
        let deep = if height > 120.0 {
            self.side_depth_mm + (60.0 - self.side_depth_mm) * smooth_step((height - 120.0) / 60.0)
        } else {
            self.side_depth_mm
        };
        curve(PROFILE, height) - deep * fall + self.nose(x, y) + self.bumps(x, y)
    }

    /// The nose: a ridge from between the eyes to the tip, widening, and a short fall under the tip.
    fn nose(&self, x: f32, y: f32) -> f32 {
        let [tip_x, tip_y] = self.five[2];
        let along = y / tip_y;
        if !(-0.4..1.6).contains(&along) {
            return 0.0;
        }
        let height = if along < 0.0 {
            0.16 * smooth_step(1.0 + along / 0.4)
        } else if along < 1.0 {
            0.16 + 0.84 * along.powf(1.35)
        } else {
            1.0 - smooth_step((along - 1.0) / 0.42)
        };
        let spread = 6.5 + 5.0 * along.clamp(0.0, 1.0).powi(2);
        let away = (x - tip_x * along.clamp(0.0, 1.1)) / spread;
        self.nose_mm * height * (-0.5 * away * away).exp()
    }

    /// Everything small.
    fn bumps(&self, x: f32, y: f32) -> f32 {
        let bump = |[middle_x, middle_y]: [f32; 2], amount: f32, across: f32, down: f32| {
            let (u, v) = ((x - middle_x) / across, (y - middle_y) / down);
            amount * (-0.5 * (u * u + v * v)).exp()
        };
        let [left, right, _, mouth_left, mouth_right] = self.five;
        let mouth = [(mouth_left[0] + mouth_right[0]) / 2.0, (mouth_left[1] + mouth_right[1]) / 2.0];
        let mut sum = 0.0;
        for eye in [left, right] {
            sum -= bump(eye, self.socket_mm, 13.0, 9.0);
            sum += bump([eye[0] * 0.9, eye[1] - 20.0], self.brow_mm, 16.0, 6.0);
            sum += bump([eye[0] * 1.35, eye[1] + 32.0], self.cheek_mm, 15.0, 13.0);
        }
        sum + bump(mouth, 5.0, 18.0, 8.0) + bump([mouth[0], self.chin_mm - 12.0], self.chin_bump_mm, 15.0, 9.0)
    }

    /// A point of the surface.
    pub(crate) fn point(&self, x: f32, y: f32) -> Vector {
        [x, y, -self.relief(x, y)]
    }

    /// The direction that the surface faces.
    pub(crate) fn normal(&self, x: f32, y: f32) -> Vector {
        let across = self.relief(x + 1.5, y) - self.relief(x - 1.5, y);
        let down = self.relief(x, y + 1.5) - self.relief(x, y - 1.5);
        unit([-across / 3.0, -down / 3.0, -1.0])
    }

    /// How many millimetres a place is within the person's outline; negative outside.
    pub(crate) fn within(&self, x: f32, y: f32) -> f32 {
        let height = self.ordinary_height(y);
        let widened = if height < 130.0 { self.width } else { 1.0 };
        (curve(OUTLINE, height) * widened - x.abs()).min(height + 142.0)
    }

    /// How far a place takes part in turns of the head: shoulders hardly do.
    pub(crate) fn follows(&self, y: f32) -> f32 {
        1.0 - 0.92 * smooth_step((self.ordinary_height(y) - 122.0) / 60.0)
    }

    /// Whether a place is on the face: from the upper forehead to the chin, from temple to temple.
    pub(crate) fn on_face(&self, x: f32, y: f32) -> bool {
        let (top, bottom) = (FOREHEAD_MM, self.chin_mm - 4.0);
        let v = (y - (top + bottom) / 2.0) / ((bottom - top) / 2.0);
        let u = x / (68.0 * self.width);
        u * u + v * v <= 1.0
    }

    /// Places around the face.
    pub(crate) fn rim(&self) -> Vec<[f32; 2]> {
        let (top, bottom) = (FOREHEAD_MM, self.chin_mm);
        let (middle, half) = ((top + bottom) / 2.0, (bottom - top) / 2.0);
        (0..24)
            .map(|step| (step as f32 * std::f32::consts::TAU / 24.0).sin_cos())
            .map(|(sin, cos)| [68.0 * self.width * cos, middle + half * sin])
            .collect()
    }

    /// From the upper forehead to the chin.
    pub(crate) fn face_height_mm(&self) -> f32 {
        self.chin_mm - FOREHEAD_MM
    }

    /// The face's middle, below the middle between the eyes.
    pub(crate) fn face_middle_mm(&self) -> f32 {
        (self.chin_mm + FOREHEAD_MM) / 2.0
    }
}

/// Where the face begins, below the eyes.
const FOREHEAD_MM: f32 = -62.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::rotation;

    fn ordinary(seed: u64) -> Shape {
        let fit = Fit { px_per_mm: 1.0, rotation: rotation(0.0, 0.0, 0.0), origin_px: [0.0; 2] };
        Shape::of(&fit, &ORDINARY.map(|[x, y, _]| [x, y]), &[], seed)
    }

    #[test]
    fn the_nose_stands_out_and_the_sides_fall_back() {
        for seed in 0..20 {
            let shape = ordinary(seed);
            let [tip_x, tip_y] = shape.five[2];
            let [eye_x, eye_y] = shape.five[0];
            let nose = shape.relief(tip_x, tip_y) - shape.relief(eye_x, eye_y);
            assert!((25.0..45.0).contains(&nose), "{nose}");
            assert!(shape.relief(76.0, 0.0) < -45.0);
            assert!(shape.relief(0.0, 150.0) < -40.0, "the neck lies behind the chin");
        }
    }

    #[test]
    fn the_surface_has_no_steps() {
        let shape = ordinary(1);
        for y in -140..330 {
            for x in -230..230 {
                if shape.within(x as f32, y as f32) < 0.0 {
                    continue;
                }
                let here = shape.relief(x as f32, y as f32);
                let beside = shape.relief(x as f32 + 1.0, y as f32);
                let below = shape.relief(x as f32, y as f32 + 1.0);
                assert!((here - beside).abs() < 8.0 && (here - below).abs() < 6.0, "{x} {y}: {here} {beside} {below}");
            }
        }
    }
}
