//! Age and smile, by networks whose input is the whole face.

use crate::detect::Detection;
use crate::engine::Engine;
use crate::error::VisionError;
use crate::mesh::Mesh;
use crate::network::{Channels, InputFormat, LoadedNetwork};
use crate::parts::{NetworkPart, Normalisation};
use crate::picture::Raster;
use crate::similarity::Similarity;
use crate::warp::warp;

/// Side of the age network's crop over the longer side of the detector's box (vision spec 9).
const AGE_CROP: f32 = 1.3;

/// The oldest age that is answered, in years; the network has no bound of its own.
const OLDEST: f32 = 100.0;

/// Side of the expression network's crop over the longer side of the detector's box. Its publisher feeds the box as it is.
const SMILE_CROP: f32 = 1.0;

/// How many expressions the network distinguishes, and which of them is the happy one. The others are not read: the
/// service does not estimate emotions, and neither do we.
const EXPRESSIONS: usize = 7;
const HAPPY: usize = 3;

/// A network whose input is an upright square around the face.
struct PortraitNetwork {
    network: LoadedNetwork,
    crop: f32,
}

impl PortraitNetwork {
    fn run<const N: usize>(
        &mut self,
        raster: &Raster<'_>,
        detection: &Detection,
        mesh: &Mesh,
    ) -> Result<[f32; N], VisionError> {
        let side = self.crop * detection.rect.width.max(detection.rect.height);
        if !(side.is_finite() && side > 1.0) {
            return Err(VisionError::Unalignable);
        }
        let (rows, columns) = (self.network.rows(), self.network.columns());
        let to_source = Similarity::crop(detection.rect.centre(), side, mesh.roll(), rows as f32);
        self.network.put(&warp(raster, &to_source, columns, rows));
        let outputs = self.network.run()?;
        let values = outputs.first(N)?;
        let mut answer = [0.0; N];
        answer.copy_from_slice(values);
        self.network.wipe();
        Ok(answer)
    }
}

pub(crate) struct AgeNetwork(PortraitNetwork);

impl AgeNetwork {
    pub(crate) fn load(engine: &dyn Engine, part: &NetworkPart<'_>) -> Result<Self, VisionError> {
        // The same mean as the recogniser's, then bytes to 0..1 (vision spec 9).
        let normalisation = Normalisation { subtract: [122.782, 117.001, 104.298], divide: [255.0; 3] };
        let format = InputFormat { channels: Channels::Rgb, normalisation };
        let network = LoadedNetwork::load(engine, "age", part.onnx, part.input, format)?;
        Ok(Self(PortraitNetwork { network, crop: AGE_CROP }))
    }

    /// Years, 0 to 100.
    pub(crate) fn years(
        &mut self,
        raster: &Raster<'_>,
        detection: &Detection,
        mesh: &Mesh,
    ) -> Result<f32, VisionError> {
        let [years] = self.0.run(raster, detection, mesh)?;
        if !years.is_finite() {
            return Err(VisionError::Model { network: "age", reason: "the age is not a number".into() });
        }
        Ok(years.clamp(0.0, OLDEST))
    }
}

pub(crate) struct SmileNetwork(PortraitNetwork);

impl SmileNetwork {
    pub(crate) fn load(engine: &dyn Engine, part: &NetworkPart<'_>) -> Result<Self, VisionError> {
        // (x / 255 - 0.5) * 2 on grey (vision spec 9).
        let format = InputFormat { channels: Channels::Grey, normalisation: Normalisation::grey(127.5, 127.5) };
        let network = LoadedNetwork::load(engine, "smile", part.onnx, part.input, format)?;
        Ok(Self(PortraitNetwork { network, crop: SMILE_CROP }))
    }

    /// How happy the network finds the face, 0 to 1.
    pub(crate) fn happiness(
        &mut self,
        raster: &Raster<'_>,
        detection: &Detection,
        mesh: &Mesh,
    ) -> Result<f32, VisionError> {
        let expressions: [f32; EXPRESSIONS] = self.0.run(raster, detection, mesh)?;
        let happy = expressions[HAPPY];
        if !happy.is_finite() {
            return Err(VisionError::Model { network: "smile", reason: "the smile is not a number".into() });
        }
        Ok(happy.clamp(0.0, 1.0))
    }
}
