//! The pinhole camera: 640 x 480 pixels, focal length 502 pixels, as a laptop's.

use crate::geometry::Vector;

/// Pixels across a frame.
pub const WIDTH: usize = 640;
/// Pixels down a frame.
pub const HEIGHT: usize = 480;
/// Focal length, in pixels.
pub const FOCAL_PX: f32 = 502.0;

/// What is nearer than this is not drawn.
pub(crate) const NEAREST_MM: f32 = 40.0;

/// What a lens does to places of the frame; see [`crate::Conditions::distortion`].
#[derive(Clone, Copy)]
pub(crate) struct Lens {
    pub(crate) distortion: f32,
}

impl Lens {
    /// Where it throws what a pinhole would throw here.
    pub(crate) fn throws(self, pixel: [f32; 2]) -> [f32; 2] {
        let middle = [WIDTH as f32 / 2.0, HEIGHT as f32 / 2.0];
        let away: [f32; 2] = std::array::from_fn(|axis| pixel[axis] - middle[axis]);
        let reach = (away[0] * away[0] + away[1] * away[1]) / (middle[0] * middle[0]);
        std::array::from_fn(|axis| middle[axis] + away[axis] * (1.0 + self.distortion * reach))
    }
}

/// Where a point appears, in pixels; the middle of the first pixel is at 0.5.
pub(crate) fn project(point: Vector) -> [f32; 2] {
    let scale = FOCAL_PX / point[2].max(NEAREST_MM);
    [point[0] * scale + WIDTH as f32 / 2.0, point[1] * scale + HEIGHT as f32 / 2.0]
}
