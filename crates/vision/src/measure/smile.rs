//! How much a face smiles.

use crate::mesh::{Mesh, index};

/// Width of the mouth over the distance of the eyes' outer corners, at rest and in a smile (vision spec 9: 0.51 to 0.57,
/// and 0.65 to 0.80).
const AT_REST: f32 = 0.57;
const SMILING: f32 = 0.75;

/// What the network counts for; the mouth has the rest.
const NETWORK: f32 = 0.7;

/// 0 to 1, from what the network says of the face and from the width of its mouth.
pub(crate) fn smile(happiness: f32, mesh: &Mesh) -> f32 {
    // In space, so that turning the head changes neither.
    let length = |from, to| {
        let [x, y, z] = mesh.step(from, to);
        x.hypot(y).hypot(z)
    };
    let eyes = length(index::EYE_LEFT_OUTER, index::EYE_RIGHT_OUTER);
    let width = length(index::MOUTH_LEFT, index::MOUTH_RIGHT) / eyes.max(f32::MIN_POSITIVE);
    let wide = ((width - AT_REST) / (SMILING - AT_REST)).clamp(0.0, 1.0);
    (NETWORK * happiness + (1.0 - NETWORK) * wide).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;
    use crate::mesh::POINTS;

    #[test]
    fn the_network_counts_most_and_a_wide_mouth_adds() {
        let face = |width: f32| {
            let mut mesh = Mesh { points: vec![Point::default(); POINTS], depths: vec![0.0; POINTS] };
            mesh.points[index::EYE_RIGHT_OUTER] = Point { x: 100.0, y: 0.0 };
            mesh.points[index::MOUTH_RIGHT] = Point { x: width, y: 0.0 };
            mesh
        };
        let cases = [(0.0, 50.0, 0.0), (0.0, 90.0, 0.3), (1.0, 50.0, 0.7), (1.0, 90.0, 1.0), (0.5, 66.0, 0.5)];
        for (happiness, width, expected) in cases {
            let found = smile(happiness, &face(width));
            assert!((found - expected).abs() < 1e-3, "{happiness} {width}: {found}");
        }
    }
}
