//! Pupils, by the iris network.

use crate::engine::Engine;
use crate::error::VisionError;
use crate::geometry::Point;
use crate::mesh::{Mesh, index};
use crate::network::{Channels, InputFormat, LoadedNetwork};
use crate::parts::Normalisation;
use crate::picture::Raster;
use crate::similarity::Similarity;
use crate::trace::{Stage, Tracer};
use crate::warp::warp;

/// Side of the network's frame in pixels.
const SIDE: usize = 64;

/// Side of the crop over the distance of the eye's corners (vision spec 4; upstream enlarges its eye box alike).
const CROP: f32 = 2.3;

/// Output values: 71 points of lids and brow, 5 of the iris, three numbers each.
const NUMBERS: usize = (71 + 5) * 3;

/// Where the iris's middle stands among them.
const PUPIL: usize = 71 * 3;

pub(crate) struct IrisNetwork(LoadedNetwork);

impl IrisNetwork {
    pub(crate) fn load(engine: &dyn Engine, onnx: &[u8]) -> Result<Self, VisionError> {
        // RGB, x / 255 (vision spec 4).
        let format = InputFormat { channels: Channels::Rgb, normalisation: Normalisation::grey(0.0, 255.0) };
        Ok(Self(LoadedNetwork::load(engine, "iris", onnx, [1, 3, SIDE, SIDE], format)?))
    }

    /// Both pupils, the image's left one first.
    pub(crate) fn pupils(
        &mut self,
        raster: &Raster<'_>,
        mesh: &Mesh,
        trace: &mut Tracer,
    ) -> Result<[Point; 2], VisionError> {
        let p = &mesh.points;
        let corners = [
            (p[index::EYE_LEFT_OUTER], p[index::EYE_LEFT_INNER]),
            (p[index::EYE_RIGHT_INNER], p[index::EYE_RIGHT_OUTER]),
        ];
        let mut pupils = mesh.eye_centres();
        for (side, (left, right)) in corners.into_iter().enumerate() {
            let size = CROP * left.distance(right);
            if size < 1.0 {
                continue; // an eye seen from the side has no iris to find; the corners' middle stays
            }
            trace.enter(Stage::IrisWarp);
            let to_source = Similarity::crop(left.midway(right), size, mesh.roll(), SIDE as f32);
            self.0.put(&warp(raster, &to_source, SIDE, SIDE));
            // The network knows the image's left eye alone, so the other goes in mirrored. Checked on 56 faces of the sample
            // photos: so fed, its eye contour meets the mesh's corners best (6.4 px off for the left eye against 9.5
            // mirrored; 6.7 for the right eye mirrored against 8.0 not).
            let mirrored = side == 1;
            if mirrored {
                self.0.mirror();
            }
            trace.enter(Stage::IrisNetwork);
            let outputs = self.0.run()?;
            let raw = outputs.first(NUMBERS)?;
            let (x, y) = (raw[PUPIL], raw[PUPIL + 1]);
            let x = if mirrored { (SIDE - 1) as f32 - x } else { x };
            if x.is_finite() && y.is_finite() {
                pupils[side] = to_source.apply(Point { x, y });
            }
        }
        self.0.wipe();
        Ok(pupils)
    }
}
