//! Which way the head is turned.

use crate::mesh::{Mesh, index};

/// Rotation of the head in degrees, -180 to 180, zero when it faces the camera upright.
///
/// Signs as Azure has them (its samples rotate the face rectangle clockwise by `roll`, and show positive `pitch` as
/// up and positive `yaw` as the person's left): a right-handed frame with x to the image's left, y up, z into the image.
/// Angles apply in the order roll, yaw, pitch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeadPose {
    /// Positive when the face looks up.
    pub pitch: f32,
    /// Positive when the head is tilted clockwise as seen in the image.
    pub roll: f32,
    /// Positive when the face looks to the image's right (the person's left).
    pub yaw: f32,
}

/// Pairs of mesh points that mirror each other: corners of eyes and mouth, temples, cheeks, jaw. Averaged, their
/// differences point along the head's own horizontal, whatever the expression.
const PAIRS: [(usize, usize); 8] =
    [(33, 263), (133, 362), (61, 291), (127, 356), (234, 454), (93, 323), (58, 288), (172, 397)];

/// Raw pitch of a face that looks straight ahead: the line from forehead to chin leans, the forehead turned further back.
/// Median over the 18 single portraits among the sample photos (they spread from -25 to 1). A least-squares fit of the
/// whole mesh to its mean shape gave the same pitch within 2 degrees (standard deviation over 57 faces), mouths open or
/// shut, so the simpler reading stays.
const NEUTRAL_PITCH_DEGREES: f32 = -8.0;

/// From the mesh's own depths: an orthographic reading, so near faces at the picture's edge are off by a few degrees.
pub(crate) fn head_pose(mesh: &Mesh) -> HeadPose {
    let mut across = [0.0; 3];
    for (left, right) in PAIRS {
        let step = mesh.step(left, right);
        (0..3).for_each(|i| across[i] += step[i]);
    }
    let across = unit(across);
    let down = mesh.step(index::FOREHEAD, index::CHIN);
    let along = dot(down, across);
    let down = unit([0, 1, 2].map(|i| down[i] - along * across[i]));
    let into = [
        across[1] * down[2] - across[2] * down[1],
        across[2] * down[0] - across[0] * down[2],
        across[0] * down[1] - across[1] * down[0],
    ];
    // The rotation's columns are (-across, -down, into) in the frame (left, up, into); its angles in the order roll,
    // yaw, pitch are read off the first column and the last row.
    HeadPose {
        pitch: (-down[2]).atan2(into[2]).to_degrees() - NEUTRAL_PITCH_DEGREES,
        roll: across[1].atan2(across[0]).to_degrees(),
        yaw: across[2].clamp(-1.0, 1.0).asin().to_degrees(),
    }
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn unit(v: [f32; 3]) -> [f32; 3] {
    let length = dot(v, v).sqrt().max(f32::MIN_POSITIVE);
    v.map(|x| x / length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;
    use crate::mesh::POINTS;
    use proptest::prelude::*;

    /// A flat upright face looking at the camera, turned by the given angles in the documented frame and order.
    fn turned(pitch: f32, roll: f32, yaw: f32) -> Mesh {
        let mut face = vec![[0f32; 3]; POINTS];
        for (i, (left, right)) in PAIRS.into_iter().enumerate() {
            let (x, y) = (20.0 + i as f32, 3.0 * i as f32 - 10.0);
            face[left] = [-x, y, 0.0];
            face[right] = [x, y, 0.0];
        }
        face[index::FOREHEAD] = [0.0, -50.0, 0.0];
        face[index::CHIN] = [0.0, 50.0, 0.0];
        let [p, r, w] = [pitch, roll, yaw].map(f32::to_radians);
        let turn = |v: [f32; 3]| {
            let [x, y, z] = [-v[0], -v[1], v[2]]; // into the frame left, up, into
            let [x, y, z] = [x, y * p.cos() - z * p.sin(), y * p.sin() + z * p.cos()];
            let [x, y, z] = [x * w.cos() + z * w.sin(), y, -x * w.sin() + z * w.cos()];
            let [x, y, z] = [x * r.cos() - y * r.sin(), x * r.sin() + y * r.cos(), z];
            [-x, -y, z]
        };
        let face: Vec<_> = face.into_iter().map(turn).collect();
        Mesh {
            points: face.iter().map(|v| Point { x: v[0], y: v[1] }).collect(),
            depths: face.iter().map(|v| v[2]).collect(),
        }
    }

    #[test]
    fn signs_are_azures() {
        // Clockwise: the image's right side of the face sinks.
        assert!(turned(0.0, 20.0, 0.0).points[263].y > turned(0.0, 20.0, 0.0).points[33].y);
        // Looking to the image's right: that side of the face moves away.
        assert!(turned(0.0, 0.0, 20.0).depths[263] > turned(0.0, 0.0, 20.0).depths[33]);
        // Looking up: the chin comes nearer than the forehead.
        assert!(turned(20.0, 0.0, 0.0).depths[index::CHIN] < turned(20.0, 0.0, 0.0).depths[index::FOREHEAD]);
    }

    proptest! {
        #[test]
        fn a_known_turn_is_read_back(pitch in -60f32..60.0, roll in -170f32..170.0, yaw in -80f32..80.0) {
            let pose = head_pose(&turned(pitch, roll, yaw));
            prop_assert!((pose.pitch + NEUTRAL_PITCH_DEGREES - pitch).abs() < 0.1, "pitch {} for {pitch}", pose.pitch);
            prop_assert!((pose.roll - roll).abs() < 0.1, "roll {} for {roll}", pose.roll);
            prop_assert!((pose.yaw - yaw).abs() < 0.1, "yaw {} for {yaw}", pose.yaw);
        }
    }
}
