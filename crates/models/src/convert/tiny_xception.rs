//! The age network of the face-api package as ONNX.
//!
//! The package carries weights only, so the structure stands here: a small Xception (Chollet, "Xception: Deep
//! Learning with Depthwise Separable Convolutions") with two middle blocks. Its second head, which the package
//! also trained, is left out: the product does not give what it estimates.
//!
//! Input `input` [1, 3, 112, 112]: RGB, already `(x - mean) / 255`. Output `age` [1, 1] in years.

use super::network::{Network, Padding, Value, Window};
use crate::ModelsError;
use crate::weights::Weights;

/// Side of the face crop in pixels.
const SIDE: usize = 112;
/// Channels of the last feature map.
const FEATURES: usize = 512;

/// Writes the age network as ONNX from its weights manifest and its weights.
///
/// # Errors
/// [`ModelsError::Conversion`] if the weights are not those of this network.
pub fn age(manifest: &[u8], weights: &[u8]) -> Result<Vec<u8>, ModelsError> {
    let weights = Weights::read(manifest, weights)?;
    let (network, input) = Network::new(3, SIDE, SIDE);
    let mut builder = Builder { network, weights };

    let mut x = builder.convolution("entry_flow/conv_in", &input, 32, square(3, 2))?;
    x = builder.network.relu(&x);
    x = builder.reduction("entry_flow/reduction_block_0", &x, 64, false)?;
    x = builder.reduction("entry_flow/reduction_block_1", &x, 128, true)?;
    x = builder.middle("middle_flow/main_block_0", &x)?;
    x = builder.middle("middle_flow/main_block_1", &x)?;
    x = builder.reduction("exit_flow/reduction_block", &x, 256, true)?;
    x = builder.separable("exit_flow/separable_conv", &x, FEATURES)?;
    x = builder.network.relu(&x);
    // What is left is 7 by 7, one whole window of the average that the package takes here.
    let mean = builder.network.global_mean(&x)?;
    let matrix = builder.weights.floats("fc/age/weights", &[FEATURES, 1])?;
    let bias = builder.weights.floats("fc/age/bias", &[1])?;
    let years = builder.network.multiply(&mean, matrix, 1, Some(bias))?;
    builder.network.into_onnx("age", &[("age".to_owned(), years)])
}

struct Builder {
    network: Network,
    weights: Weights,
}

impl Builder {
    /// Two separable convolutions and a pool that halves the picture, beside one plain convolution that does
    /// the same in a single step.
    fn reduction(&mut self, name: &str, x: &Value, channels: usize, is_active: bool) -> Result<Value, ModelsError> {
        let mut y = if is_active { self.network.relu(x) } else { x.clone() };
        y = self.separable(&format!("{name}/separable_conv0"), &y, channels)?;
        y = self.network.relu(&y);
        y = self.separable(&format!("{name}/separable_conv1"), &y, channels)?;
        y = self.network.max_pool(&y, square(3, 2))?;
        let skip = self.convolution(&format!("{name}/expansion_conv"), x, channels, square(1, 2))?;
        self.network.add(&y, &skip)
    }

    fn middle(&mut self, name: &str, x: &Value) -> Result<Value, ModelsError> {
        let mut y = x.clone();
        for at in 0..3 {
            y = self.network.relu(&y);
            y = self.separable(&format!("{name}/separable_conv{at}"), &y, x.shape[1])?;
        }
        self.network.add(&y, x)
    }

    fn separable(&mut self, name: &str, x: &Value, channels: usize) -> Result<Value, ModelsError> {
        let inner = x.shape[1];
        let depthwise = self.weights.floats(&format!("{name}/depthwise_filter"), &[3, 3, inner, 1])?;
        let y = self.network.depthwise_convolution(x, depthwise, 1, None, square(3, 1))?;
        let pointwise = self.weights.floats(&format!("{name}/pointwise_filter"), &[1, 1, inner, channels])?;
        let bias = self.weights.floats(&format!("{name}/bias"), &[channels])?;
        self.network.convolution(&y, pointwise, channels, Some(bias), square(1, 1))
    }

    fn convolution(&mut self, name: &str, x: &Value, channels: usize, window: Window) -> Result<Value, ModelsError> {
        let shape = [window.size[0], window.size[1], x.shape[1], channels];
        let filters = self.weights.floats(&format!("{name}/filters"), &shape)?;
        let bias = self.weights.floats(&format!("{name}/bias"), &[channels])?;
        self.network.convolution(x, filters, channels, Some(bias), window)
    }
}

fn square(size: usize, stride: usize) -> Window {
    Window { size: [size; 2], stride: [stride; 2], padding: Padding::Same }
}
