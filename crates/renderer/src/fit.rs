//! How the head in a photo is turned, from its five points.
//!
//! The photo is taken as seen from afar (its perspective is not known): a rotation, a scale and a shift. All turns within
//! reach are tried; of two that explain the points alike, the one nearer to the front is taken.

use crate::geometry::{Rotation, Vector, rotation};

/// An ordinary face: eyes, nose tip, corners of the mouth, in millimetres from the middle between the eyes.
pub(crate) const ORDINARY: [Vector; 5] =
    [[-31.5, 0.0, 6.0], [31.5, 0.0, 6.0], [0.0, 38.0, -30.0], [-25.0, 69.0, -1.0], [25.0, 69.0, -1.0]];

/// How a head appears in a photo.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fit {
    pub(crate) px_per_mm: f32,
    /// From the head to the photo, roll included.
    pub(crate) rotation: Rotation,
    /// Where the middle between the eyes is.
    pub(crate) origin_px: [f32; 2],
}

impl Fit {
    /// Where a point of the head is in the photo.
    pub(crate) fn place(&self, point: Vector) -> [f32; 2] {
        std::array::from_fn(|axis| {
            let along: f32 = (0..3).map(|i| self.rotation[axis][i] * point[i]).sum();
            self.origin_px[axis] + self.px_per_mm * along
        })
    }

    /// The x and y of the head's point that has this depth and is here in the photo.
    pub(crate) fn lifted(&self, pixel: [f32; 2], depth_mm: f32) -> [f32; 2] {
        let [first, second, _] = self.rotation;
        let x = (pixel[0] - self.origin_px[0]) / self.px_per_mm - first[2] * depth_mm;
        let y = (pixel[1] - self.origin_px[1]) / self.px_per_mm - second[2] * depth_mm;
        let determinant = first[0] * second[1] - first[1] * second[0];
        [(x * second[1] - y * first[1]) / determinant, (y * first[0] - x * second[0]) / determinant]
    }
}

/// Errors of the ordinary face, in millimetres, and turns of people in portraits, in degrees: what a bad fit of one weighs
/// against the other.
const SHAPE_ERROR_MM: f32 = 3.0;
const USUAL_YAW_DEGREES: f32 = 25.0;
const USUAL_PITCH_DEGREES: f32 = 10.0;

/// The turn that explains five points best.
pub(crate) fn fit(points: &[[f32; 2]; 5]) -> Fit {
    let mut best = (f32::MAX, similar(points, 0.0, 0.0).1);
    for yaw in -40..=40 {
        for pitch in -12..=12 {
            let (yaw, pitch) = (yaw as f32, pitch as f32 * 2.0);
            let (error, fit) = similar(points, yaw, pitch);
            let cost = error / (SHAPE_ERROR_MM * SHAPE_ERROR_MM)
                + (yaw / USUAL_YAW_DEGREES).powi(2)
                + (pitch / USUAL_PITCH_DEGREES).powi(2);
            if cost < best.0 {
                best = (cost, fit);
            }
        }
    }
    best.1
}

/// Roll, scale and shift for a turn, by least squares, and the sum of squares that is left, in mm2.
fn similar(points: &[[f32; 2]; 5], yaw_degrees: f32, pitch_degrees: f32) -> (f32, Fit) {
    let turn = rotation(yaw_degrees, pitch_degrees, 0.0);
    let flat = ORDINARY.map(|point| crate::geometry::rotated(&turn, point));
    let mean = |values: [f32; 5]| values.iter().sum::<f32>() / 5.0;
    let (flat_x, flat_y) = (mean(flat.map(|p| p[0])), mean(flat.map(|p| p[1])));
    let (seen_x, seen_y) = (mean(points.map(|p| p[0])), mean(points.map(|p| p[1])));
    let (mut along, mut across, mut square) = (0.0, 0.0, 0.0);
    for (from, to) in flat.iter().zip(points) {
        let (x, y) = (from[0] - flat_x, from[1] - flat_y);
        let (u, v) = (to[0] - seen_x, to[1] - seen_y);
        along += x * u + y * v;
        across += x * v - y * u;
        square += x * x + y * y;
    }
    let scale = along.hypot(across) / square;
    let roll = across.atan2(along).to_degrees();
    let whole = rotation(yaw_degrees, pitch_degrees, roll);
    let (sin, cos) = roll.to_radians().sin_cos();
    let origin = [seen_x - scale * (cos * flat_x - sin * flat_y), seen_y - scale * (sin * flat_x + cos * flat_y)];
    let fit = Fit { px_per_mm: scale, rotation: whole, origin_px: origin };
    let error: f32 = ORDINARY
        .iter()
        .zip(points)
        .map(|(point, seen)| {
            let place = fit.place(*point);
            (place[0] - seen[0]).powi(2) + (place[1] - seen[1]).powi(2)
        })
        .sum();
    (error / (scale * scale), fit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_ordinary_face_is_recognised() {
        for (yaw, pitch, roll) in [(0.0, 0.0, 0.0), (20.0, 0.0, 10.0), (-15.0, 4.0, -20.0)] {
            let truth = Fit { px_per_mm: 1.5, rotation: rotation(yaw, pitch, roll), origin_px: [300.0, 200.0] };
            let fitted = fit(&ORDINARY.map(|point| truth.place(point)));
            let turned = (fitted.rotation[0][2] - truth.rotation[0][2]).abs();
            assert!(turned < 0.06, "{yaw} {pitch} {roll}: {:?}", fitted.rotation);
            assert!((fitted.px_per_mm - 1.5).abs() < 0.04);
        }
    }

    #[test]
    fn lifting_undoes_placing() {
        let fit = Fit { px_per_mm: 2.0, rotation: rotation(12.0, -5.0, 8.0), origin_px: [10.0, 20.0] };
        let [x, y] = fit.lifted(fit.place([15.0, 40.0, -20.0]), -20.0);
        assert!((x - 15.0).abs() < 1e-3 && (y - 40.0).abs() < 1e-3);
    }
}
