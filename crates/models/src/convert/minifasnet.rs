//! The two passive liveness networks of Silent-Face-Anti-Spoofing as ONNX.
//!
//! The repository carries PyTorch checkpoints, which hold weights only, so the structure stands here: a
//! MobileFaceNet (Chen et al. 2018) with pruned channels. Both networks have the same plan; the channel numbers
//! come with the weights, and where a checkpoint has squeeze-and-excitation weights for a block (Hu et al. 2018;
//! the "SE" one has them in the last block of each of its three runs), that block gets one.
//! Batch normalisation is folded into the convolution before it.
//!
//! Input `input` [1, 3, 80, 80]: BGR, 0 to 255. Output `probabilities` [1, 3]; number 1 (from 0) is a live person.

use super::network::{Network, Padding, Value, Window};
use super::torch;
use crate::ModelsError;
use crate::weights::Weights;

/// Side of the crop in pixels.
const SIDE: usize = 80;
/// What PyTorch adds to a variance before its root, in every batch normalisation of these networks.
const EPSILON: f64 = 1e-5;
/// Classes: two kinds of attack and, in the middle, a live person.
const CLASSES: usize = 3;

/// Writes one of the networks as ONNX from its checkpoint.
///
/// # Errors
/// [`ModelsError::Conversion`] if the checkpoint is not one of these networks.
pub fn minifasnet(checkpoint: &[u8]) -> Result<Vec<u8>, ModelsError> {
    let weights = torch::read(checkpoint)?;
    let (network, input) = Network::new(3, SIDE, SIDE);
    let mut builder = Builder { network, weights };

    let mut x = builder.unit("module.conv1", &input, Kind::Full, window(3, 2))?;
    x = builder.unit("module.conv2_dw", &x, Kind::Depthwise, window(3, 1))?;
    x = builder.block("module.conv_23", &x, 2)?;
    x = builder.run("module.conv_3", &x, 4)?;
    x = builder.block("module.conv_34", &x, 2)?;
    x = builder.run("module.conv_4", &x, 6)?;
    x = builder.block("module.conv_45", &x, 2)?;
    x = builder.run("module.conv_5", &x, 2)?;
    x = builder.unit("module.conv_6_sep", &x, Kind::Full, window(1, 1))?;
    let whole = Window { size: [5; 2], stride: [1; 2], padding: Padding::Valid };
    x = builder.normalised("module.conv_6_dw", &x, Kind::Depthwise, whole)?;
    let probabilities = builder.head(&x)?;
    builder.network.into_onnx("minifasnet", &[("probabilities".to_owned(), probabilities)])
}

/// A window with half its size around it, PyTorch's padding in these networks.
fn window(size: usize, stride: usize) -> Window {
    Window { size: [size; 2], stride: [stride; 2], padding: Padding::Around(size / 2) }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Full,
    Depthwise,
}

/// Names begin with `module`: the checkpoints were saved from networks wrapped for several graphics cards.
struct Builder {
    network: Network,
    weights: Weights,
}

impl Builder {
    /// Blocks that each add to what they get.
    fn run(&mut self, name: &str, x: &Value, blocks: usize) -> Result<Value, ModelsError> {
        let mut x = x.clone();
        for at in 0..blocks {
            let block = format!("{name}.model.{at}");
            let mut y = self.block(&block, &x, 1)?;
            if self.weights.get(&format!("{block}.se_module.fc1.weight")).is_ok() {
                y = self.excite(&format!("{block}.se_module"), &y)?;
            }
            x = self.network.add(&x, &y)?;
        }
        Ok(x)
    }

    /// Widen, filter each channel, narrow.
    fn block(&mut self, name: &str, x: &Value, stride: usize) -> Result<Value, ModelsError> {
        let x = self.unit(&format!("{name}.conv"), x, Kind::Full, window(1, 1))?;
        let x = self.unit(&format!("{name}.conv_dw"), &x, Kind::Depthwise, window(3, stride))?;
        self.normalised(&format!("{name}.project"), &x, Kind::Full, window(1, 1))
    }

    /// Weighs the channels by what the whole picture says of them.
    fn excite(&mut self, name: &str, x: &Value) -> Result<Value, ModelsError> {
        let mean = self.network.average(x)?;
        let squeezed = self.folded(&format!("{name}.fc1"), &format!("{name}.bn1"), &mean, Kind::Full, window(1, 1))?;
        let squeezed = self.network.relu(&squeezed);
        let excited =
            self.folded(&format!("{name}.fc2"), &format!("{name}.bn2"), &squeezed, Kind::Full, window(1, 1))?;
        let share = self.network.sigmoid(&excited);
        self.network.scale_channels(x, &share)
    }

    /// Convolution, batch normalisation, PReLU.
    fn unit(&mut self, name: &str, x: &Value, kind: Kind, window: Window) -> Result<Value, ModelsError> {
        let x = self.normalised(name, x, kind, window)?;
        let slopes = self.weights.floats(&format!("{name}.prelu.weight"), &[x.shape[1]])?;
        self.network.prelu(&x, slopes)
    }

    /// Convolution, batch normalisation.
    fn normalised(&mut self, name: &str, x: &Value, kind: Kind, window: Window) -> Result<Value, ModelsError> {
        self.folded(&format!("{name}.conv"), &format!("{name}.bn"), x, kind, window)
    }

    fn folded(
        &mut self,
        convolution: &str,
        normalisation: &str,
        x: &Value,
        kind: Kind,
        window: Window,
    ) -> Result<Value, ModelsError> {
        let filters = format!("{convolution}.weight");
        let tensor = self.weights.get(&filters)?;
        let channels = tensor.shape.first().copied().unwrap_or(0);
        let inner = if kind == Kind::Depthwise { 1 } else { x.shape[1] };
        let filters = self.weights.floats(&filters, &[channels, inner, window.size[0], window.size[1]])?;
        let (scale, offset) = self.normalisation(normalisation, channels)?;
        let per_channel = filters.len() / channels.max(1);
        let filters: Vec<f32> = filters
            .iter()
            .enumerate()
            .map(|(at, &value)| (f64::from(value) * scale[at / per_channel]) as f32)
            .collect();
        let offset: Vec<f32> = offset.iter().map(|&value| value as f32).collect();
        let groups = if kind == Kind::Depthwise { channels } else { 1 };
        self.network.grouped_convolution(x, &filters, channels, groups, Some(&offset), window)
    }

    /// What a batch normalisation amounts to after training: `x * scale + offset` for each channel.
    fn normalisation(&self, name: &str, channels: usize) -> Result<(Vec<f64>, Vec<f64>), ModelsError> {
        let floats = |part: &str| self.weights.floats(&format!("{name}.{part}"), &[channels]);
        let (weight, bias) = (floats("weight")?, floats("bias")?);
        let (mean, variance) = (floats("running_mean")?, floats("running_var")?);
        let scale: Vec<f64> =
            (0..channels).map(|at| f64::from(weight[at]) / (f64::from(variance[at]) + EPSILON).sqrt()).collect();
        let offset = (0..channels).map(|at| f64::from(bias[at]) - f64::from(mean[at]) * scale[at]).collect();
        Ok((scale, offset))
    }

    /// A matrix, a batch normalisation, a second matrix: one matrix and a bias after folding.
    fn head(&mut self, x: &Value) -> Result<Value, ModelsError> {
        let features = x.shape[1];
        let flat = self.network.reshape(x, &[1, features])?;
        let hidden = self.weights.get("module.linear.weight")?.shape.first().copied().unwrap_or(0);
        let first = self.weights.floats("module.linear.weight", &[hidden, features])?;
        let second = self.weights.floats("module.prob.weight", &[CLASSES, hidden])?;
        let (scale, offset) = self.normalisation("module.bn", hidden)?;
        let mut matrix = vec![0.0; features * CLASSES];
        let mut bias = [0.0; CLASSES];
        for class in 0..CLASSES {
            let row = &second[class * hidden..][..hidden];
            for feature in 0..features {
                let sum: f64 = (0..hidden)
                    .map(|at| f64::from(row[at]) * scale[at] * f64::from(first[at * features + feature]))
                    .sum();
                matrix[feature * CLASSES + class] = sum as f32;
            }
            bias[class] = (0..hidden).map(|at| f64::from(row[at]) * offset[at]).sum::<f64>() as f32;
        }
        let scores = self.network.multiply(&flat, &matrix, CLASSES, Some(&bias))?;
        self.network.softmax(&scores)
    }
}
