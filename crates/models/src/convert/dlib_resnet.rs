//! The recognition network of the face-api package as ONNX.
//!
//! The package carries weights only, so the structure stands here: the 29-layer residual network that dlib
//! published as `dlib_face_recognition_resnet_model_v1` (He et al., "Deep Residual Learning", with fewer layers
//! and half the filters). A convolution is followed by a scale and an offset per channel, what training left of
//! its batch normalisation; both are folded into the filters and the bias.
//!
//! Input `input` [1, 3, 150, 150]: RGB, already `(x - mean) / 255`. Output `embedding` [1, 128], not of unit length.

use super::network::{Network, Padding, Value, Window};
use crate::ModelsError;
use crate::weights::Weights;

/// Side of the aligned face in pixels.
const SIDE: usize = 150;
/// Numbers in an embedding.
const DIMENSION: usize = 128;

/// The residual blocks in order, with their channels; a block with a `Down` halves the picture.
const BLOCKS: [(&str, usize, Kind); 14] = [
    ("conv32_1", 32, Kind::Plain),
    ("conv32_2", 32, Kind::Plain),
    ("conv32_3", 32, Kind::Plain),
    ("conv64_down", 64, Kind::Down),
    ("conv64_1", 64, Kind::Plain),
    ("conv64_2", 64, Kind::Plain),
    ("conv64_3", 64, Kind::Plain),
    ("conv128_down", 128, Kind::Down),
    ("conv128_1", 128, Kind::Plain),
    ("conv128_2", 128, Kind::Plain),
    ("conv256_down", 256, Kind::Down),
    ("conv256_1", 256, Kind::Plain),
    ("conv256_2", 256, Kind::Plain),
    ("conv256_down_out", 256, Kind::Down),
];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Plain,
    Down,
}

/// Writes the recognition network as ONNX from its weights manifest and its weights.
///
/// # Errors
/// [`ModelsError::Conversion`] if the weights are not those of this network.
pub fn face_recognition(manifest: &[u8], weights: &[u8]) -> Result<Vec<u8>, ModelsError> {
    let weights = Weights::read(manifest, weights)?;
    let (network, input) = Network::new(3, SIDE, SIDE);
    let mut builder = Builder { network, weights };

    let stem = Window { size: [7; 2], stride: [2; 2], padding: Padding::Valid };
    let mut x = builder.convolution("conv32_down", &input, 32, stem)?;
    x = builder.network.relu(&x);
    x = builder.network.max_pool(&x, Window { size: [3; 2], stride: [2; 2], padding: Padding::Valid })?;
    for (name, channels, kind) in BLOCKS {
        x = builder.block(name, &x, channels, kind)?;
    }
    let mean = builder.network.global_mean(&x)?;
    let matrix = builder.weights.floats("fc", &[256, DIMENSION])?;
    let embedding = builder.network.multiply(&mean, matrix, DIMENSION, None)?;
    builder.network.into_onnx("face_recognition", &[("embedding".to_owned(), embedding)])
}

struct Builder {
    network: Network,
    weights: Weights,
}

impl Builder {
    fn block(&mut self, name: &str, x: &Value, channels: usize, kind: Kind) -> Result<Value, ModelsError> {
        let same = Window { size: [3; 2], stride: [1; 2], padding: Padding::Same };
        let first = match kind {
            Kind::Plain => same,
            Kind::Down => Window { size: [3; 2], stride: [2; 2], padding: Padding::Valid },
        };
        let mut y = self.convolution(&format!("{name}/conv1"), x, channels, first)?;
        y = self.network.relu(&y);
        y = self.convolution(&format!("{name}/conv2"), &y, channels, same)?;
        let mut skip = match kind {
            Kind::Plain => x.clone(),
            Kind::Down => self.network.average_pool(x, 2, 2)?,
        };
        // Where the two branches differ in size, the smaller is filled up with zeros behind its last channel,
        // row and column.
        skip = self.grow(&skip, &y)?;
        y = self.grow(&y, &skip)?;
        let sum = self.network.add(&y, &skip)?;
        Ok(self.network.relu(&sum))
    }

    fn grow(&mut self, x: &Value, other: &Value) -> Result<Value, ModelsError> {
        let mut after = [0; 4];
        for (axis, after) in after.iter_mut().enumerate() {
            *after = other.shape[axis].saturating_sub(x.shape[axis]);
        }
        if after == [0; 4] { Ok(x.clone()) } else { self.network.pad(x, [0; 4], after) }
    }

    /// The convolution of this name with its scale folded in: `(filters * x + bias) * scale + offset`.
    fn convolution(&mut self, name: &str, x: &Value, channels: usize, window: Window) -> Result<Value, ModelsError> {
        let shape = [window.size[0], window.size[1], x.shape[1], channels];
        let floats = |part: &str, shape: &[usize]| self.weights.floats(&format!("{name}/{part}"), shape);
        let filters = floats("conv/filters", &shape)?;
        let bias = floats("conv/bias", &[channels])?;
        let scale = floats("scale/weights", &[channels])?;
        let offset = floats("scale/biases", &[channels])?;

        let filters: Vec<f32> = filters
            .iter()
            .enumerate()
            .map(|(at, &weight)| (f64::from(weight) * f64::from(scale[at % channels])) as f32)
            .collect();
        let bias: Vec<f32> = (0..channels)
            .map(|at| (f64::from(bias[at]) * f64::from(scale[at]) + f64::from(offset[at])) as f32)
            .collect();
        self.network.convolution(x, &filters, channels, Some(&bias), window)
    }
}
