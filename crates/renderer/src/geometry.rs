//! Points in space, rotations, and where something stands before the camera.
//!
//! The frame is the camera's: x to the right of the picture, y down, z away from the camera. A head at rest looks
//! along -z, at the camera.

/// A point or a direction.
pub(crate) type Vector = [f32; 3];

/// A rotation, by rows.
pub(crate) type Rotation = [Vector; 3];

/// Where a head or a sheet is, and how it is turned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// Positive when the face looks to the right side of the picture, the person's own left.
    pub yaw_degrees: f32,
    /// Positive when the face looks up.
    pub pitch_degrees: f32,
    /// Positive when it is tilted clockwise as seen in the picture.
    pub roll_degrees: f32,
    /// Right of the camera's axis: the middle between the eyes of a head that is not turned, the middle of a sheet.
    pub x_mm: f32,
    /// Below the camera's axis.
    pub y_mm: f32,
    /// Away from the camera, along its axis.
    pub distance_mm: f32,
}

impl Pose {
    /// The rotation: pitch first, then yaw, then roll.
    pub(crate) fn rotation(&self) -> Rotation {
        rotation(self.yaw_degrees, self.pitch_degrees, self.roll_degrees)
    }

    /// Where the point stands that [`Pose`] speaks of.
    pub(crate) fn position(&self) -> Vector {
        [self.x_mm, self.y_mm, self.distance_mm]
    }
}

pub(crate) fn rotation(yaw_degrees: f32, pitch_degrees: f32, roll_degrees: f32) -> Rotation {
    let (yaw_sin, yaw_cos) = yaw_degrees.to_radians().sin_cos();
    let (pitch_sin, pitch_cos) = pitch_degrees.to_radians().sin_cos();
    let (roll_sin, roll_cos) = roll_degrees.to_radians().sin_cos();
    let pitch = [[1.0, 0.0, 0.0], [0.0, pitch_cos, pitch_sin], [0.0, -pitch_sin, pitch_cos]];
    let yaw = [[yaw_cos, 0.0, -yaw_sin], [0.0, 1.0, 0.0], [yaw_sin, 0.0, yaw_cos]];
    let roll = [[roll_cos, -roll_sin, 0.0], [roll_sin, roll_cos, 0.0], [0.0, 0.0, 1.0]];
    product(&roll, &product(&yaw, &pitch))
}

fn product(left: &Rotation, right: &Rotation) -> Rotation {
    std::array::from_fn(|row| {
        std::array::from_fn(|column| (0..3).map(|i| left[row][i] * right[i][column]).sum::<f32>())
    })
}

pub(crate) fn rotated(rotation: &Rotation, vector: Vector) -> Vector {
    std::array::from_fn(|row| dot(rotation[row], vector))
}

pub(crate) fn dot(a: Vector, b: Vector) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn sum(a: Vector, b: Vector) -> Vector {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

pub(crate) fn difference(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(crate) fn unit(vector: Vector) -> Vector {
    let length = dot(vector, vector).sqrt().max(f32::MIN_POSITIVE);
    vector.map(|value| value / length)
}

/// From 0 to 1 while `value` goes from 0 to 1, level at both ends.
pub(crate) fn smooth_step(value: f32) -> f32 {
    let value = value.clamp(0.0, 1.0);
    value * value * (3.0 - 2.0 * value)
}

/// A smooth curve through points of rising x, level beyond both ends.
pub(crate) fn curve(points: &[(f32, f32)], x: f32) -> f32 {
    let (first, last) = (points[0], points[points.len() - 1]);
    if x <= first.0 {
        return first.1;
    }
    if x >= last.0 {
        return last.1;
    }
    let next = points.iter().position(|point| point.0 > x).unwrap_or(points.len() - 1);
    let slope = |at: usize| {
        let (before, after) = (points[at.saturating_sub(1)], points[(at + 1).min(points.len() - 1)]);
        (after.1 - before.1) / (after.0 - before.0)
    };
    let ((x0, y0), (x1, y1)) = (points[next - 1], points[next]);
    let width = x1 - x0;
    let t = (x - x0) / width;
    let (t2, t3) = (t * t, t * t * t);
    (2.0 * t3 - 3.0 * t2 + 1.0) * y0
        + (t3 - 2.0 * t2 + t) * width * slope(next - 1)
        + (3.0 * t2 - 2.0 * t3) * y1
        + (t3 - t2) * width * slope(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_angles() {
        let nose = [0.0, 0.0, -1.0];
        assert!(rotated(&rotation(20.0, 0.0, 0.0), nose)[0] > 0.3, "yaw moves the nose to the right of the picture");
        assert!(rotated(&rotation(0.0, 20.0, 0.0), nose)[1] < -0.3, "pitch moves it up");
        assert!(rotated(&rotation(0.0, 0.0, 20.0), [1.0, 0.0, 0.0])[1] > 0.3, "roll is clockwise");
    }

    #[test]
    fn a_curve_meets_its_points() {
        let points = [(0.0, 1.0), (2.0, 5.0), (3.0, -1.0)];
        for (x, y) in points {
            assert!((curve(&points, x) - y).abs() < 1e-5);
        }
        assert_eq!(curve(&points, 9.0), -1.0);
    }
}
