//! A network being written down in ONNX terms.
//!
//! Everything is NCHW with a batch of one, and every shape is known while writing, so that padding can be
//! spelled out in numbers and a wrong shape is found here rather than by an inference engine.

use super::onnx::{Attribute, Graph, INPUT, Output, whole};
use crate::ModelsError;

/// How far a window may reach over the edge, in TensorFlow's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    /// Not at all.
    Valid,
    /// So far that the output has `ceil(input / stride)` places. An odd remainder goes to the bottom and the
    /// right, which is why these numbers cannot be left to ONNX's defaults.
    Same,
    /// By so many places on each side, as PyTorch says it.
    Around(usize),
}

/// A window sliding over height and width.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) size: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) padding: Padding,
}

/// A tensor that flows through the network.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Value {
    name: String,
    /// Lengths of the axes; four of them mean batch, channels, height, width.
    pub(super) shape: Vec<usize>,
}

/// The network so far.
pub(super) struct Network {
    input: Value,
    graph: Graph,
    any_size: bool,
}

impl Network {
    /// An empty network and its input of `channels`, `height` and `width`.
    pub(super) fn new(channels: usize, height: usize, width: usize) -> (Self, Value) {
        let input = Value { name: INPUT.to_owned(), shape: vec![1, channels, height, width] };
        (Self { input: input.clone(), graph: Graph::default(), any_size: false }, input)
    }

    /// Leaves height and width of the picture open: the file takes every size that the product of its strides divides.
    /// The shapes written down are those of one such size.
    pub(super) fn take_any_size(&mut self) {
        self.any_size = true;
    }

    /// Convolution. `filters` lie in TensorFlow's order: height, width, channels in, channels out.
    pub(super) fn convolution(
        &mut self,
        x: &Value,
        filters: &[f32],
        channels_out: usize,
        bias: Option<&[f32]>,
        window: Window,
    ) -> Result<Value, ModelsError> {
        let [_, channels, _, _] = planes(x)?;
        let [height, width] = window.size;
        expect_count(filters.len(), &[height, width, channels, channels_out])?;
        let mut ordered = Vec::with_capacity(filters.len());
        for output in 0..channels_out {
            for input in 0..channels {
                for place in 0..height * width {
                    ordered.push(filters[(place * channels + input) * channels_out + output]);
                }
            }
        }
        self.grouped_convolution(x, &ordered, channels_out, 1, bias, window)
    }

    /// Convolution of every channel by itself. `filters` lie in TensorFlow's order: height, width, channels,
    /// filters per channel.
    pub(super) fn depthwise_convolution(
        &mut self,
        x: &Value,
        filters: &[f32],
        per_channel: usize,
        bias: Option<&[f32]>,
        window: Window,
    ) -> Result<Value, ModelsError> {
        let [_, channels, _, _] = planes(x)?;
        let [height, width] = window.size;
        expect_count(filters.len(), &[height, width, channels, per_channel])?;
        let channels_out = channels * per_channel;
        let mut ordered = Vec::with_capacity(filters.len());
        for output in 0..channels_out {
            for place in 0..height * width {
                ordered.push(filters[place * channels_out + output]);
            }
        }
        self.grouped_convolution(x, &ordered, channels_out, channels, bias, window)
    }

    /// Convolution within each of `groups` equal groups of channels. `filters` lie in ONNX's and PyTorch's order:
    /// channels out, channels in of the group, height, width.
    pub(super) fn grouped_convolution(
        &mut self,
        x: &Value,
        filters: &[f32],
        channels_out: usize,
        groups: usize,
        bias: Option<&[f32]>,
        window: Window,
    ) -> Result<Value, ModelsError> {
        let [batch, channels, height, width] = planes(x)?;
        if groups == 0 || !channels.is_multiple_of(groups) || !channels_out.is_multiple_of(groups) {
            return Err(shape_error(&format!("{channels_out} filters in {groups} groups"), &x.shape));
        }
        let filter_shape = [channels_out, channels / groups, window.size[0], window.size[1]];
        expect_count(filters.len(), &filter_shape)?;
        let (size, mut attributes) = window.over([height, width])?;
        attributes.push(("group", Attribute::Int(whole(groups))));
        attributes.push(("dilations", Attribute::Ints(vec![1, 1])));
        let mut inputs = vec![x.name.clone(), self.graph.floats(&filter_shape, filters)];
        if let Some(bias) = bias {
            expect_count(bias.len(), &[channels_out])?;
            inputs.push(self.graph.floats(&[channels_out], bias));
        }
        Ok(self.node("Conv", inputs, attributes, vec![batch, channels_out, size[0], size[1]]))
    }

    /// Greatest value of each window.
    pub(super) fn max_pool(&mut self, x: &Value, window: Window) -> Result<Value, ModelsError> {
        self.pool("MaxPool", x, window)
    }

    /// Mean of each window; only whole windows, because TensorFlow and ONNX count the padding differently.
    pub(super) fn average_pool(&mut self, x: &Value, size: usize, stride: usize) -> Result<Value, ModelsError> {
        self.pool("AveragePool", x, Window { size: [size; 2], stride: [stride; 2], padding: Padding::Valid })
    }

    fn pool(&mut self, operator: &'static str, x: &Value, window: Window) -> Result<Value, ModelsError> {
        let [batch, channels, height, width] = planes(x)?;
        let (size, attributes) = window.over([height, width])?;
        Ok(self.node(operator, vec![x.name.clone()], attributes, vec![batch, channels, size[0], size[1]]))
    }

    /// Mean of each channel, still a picture, of one pixel.
    pub(super) fn average(&mut self, x: &Value) -> Result<Value, ModelsError> {
        let [batch, channels, _, _] = planes(x)?;
        Ok(self.node("GlobalAveragePool", vec![x.name.clone()], Vec::new(), vec![batch, channels, 1, 1]))
    }

    /// Mean over height and width: batch and channels remain.
    pub(super) fn global_mean(&mut self, x: &Value) -> Result<Value, ModelsError> {
        let average = self.average(x)?;
        self.reshape(&average, &average.shape[..2])
    }

    /// Each channel of `x` times its number in `factors`, a picture of one pixel.
    pub(super) fn scale_channels(&mut self, x: &Value, factors: &Value) -> Result<Value, ModelsError> {
        let [batch, channels, _, _] = planes(x)?;
        if factors.shape != [batch, channels, 1, 1] {
            return Err(shape_error(&format!("factors of shape {:?}", factors.shape), &x.shape));
        }
        Ok(self.node("Mul", vec![x.name.clone(), factors.name.clone()], Vec::new(), x.shape.clone()))
    }

    /// `max(x, 0)`.
    pub(super) fn relu(&mut self, x: &Value) -> Value {
        self.node("Relu", vec![x.name.clone()], Vec::new(), x.shape.clone())
    }

    /// `1 / (1 + exp(-x))`.
    pub(super) fn sigmoid(&mut self, x: &Value) -> Value {
        self.node("Sigmoid", vec![x.name.clone()], Vec::new(), x.shape.clone())
    }

    /// Softmax over the last axis.
    pub(super) fn softmax(&mut self, x: &Value) -> Result<Value, ModelsError> {
        if x.shape.len() == 4 {
            return Err(shape_error("softmax over the last axis of a picture, which is not its channels", &x.shape));
        }
        Ok(self.node("Softmax", vec![x.name.clone()], vec![("axis", Attribute::Int(-1))], x.shape.clone()))
    }

    /// `x` where positive, `x * slope` elsewhere, one slope per channel.
    pub(super) fn prelu(&mut self, x: &Value, slopes: &[f32]) -> Result<Value, ModelsError> {
        let [_, channels, _, _] = planes(x)?;
        expect_count(slopes.len(), &[channels])?;
        let slopes = self.graph.floats(&[channels, 1, 1], slopes);
        Ok(self.node("PRelu", vec![x.name.clone(), slopes], Vec::new(), x.shape.clone()))
    }

    /// Sum of two tensors of one shape.
    pub(super) fn add(&mut self, a: &Value, b: &Value) -> Result<Value, ModelsError> {
        if a.shape != b.shape {
            return Err(shape_error(&format!("sum with shape {:?}", b.shape), &a.shape));
        }
        Ok(self.node("Add", vec![a.name.clone(), b.name.clone()], Vec::new(), a.shape.clone()))
    }

    /// Matrix product with a constant of `columns` columns, and a bias.
    pub(super) fn multiply(
        &mut self,
        x: &Value,
        matrix: &[f32],
        columns: usize,
        bias: Option<&[f32]>,
    ) -> Result<Value, ModelsError> {
        let &[rows, inner] = x.shape.as_slice() else {
            return Err(shape_error("matrix product needs two axes", &x.shape));
        };
        expect_count(matrix.len(), &[inner, columns])?;
        let mut inputs = vec![x.name.clone(), self.graph.floats(&[inner, columns], matrix)];
        let operator = match bias {
            Some(bias) => {
                expect_count(bias.len(), &[columns])?;
                inputs.push(self.graph.floats(&[columns], bias));
                "Gemm"
            }
            None => "MatMul",
        };
        Ok(self.node(operator, inputs, Vec::new(), vec![rows, columns]))
    }

    /// Tensors side by side along `axis`.
    pub(super) fn concatenate(&mut self, parts: &[Value], axis: usize) -> Result<Value, ModelsError> {
        let first = parts.first().ok_or_else(|| shape_error("nothing to join", &[]))?;
        let mut shape = first.shape.clone();
        let length = shape.get_mut(axis).ok_or_else(|| shape_error("axis out of range", &first.shape))?;
        *length = 0;
        for part in parts {
            let fits =
                part.shape.len() == shape.len() && (0..shape.len()).all(|at| at == axis || part.shape[at] == shape[at]);
            if !fits {
                return Err(shape_error(&format!("cannot join {:?}", part.shape), &first.shape));
            }
            shape[axis] = shape[axis].checked_add(part.shape[axis]).ok_or_else(|| too_large(&part.shape))?;
        }
        let inputs = parts.iter().map(|part| part.name.clone()).collect();
        Ok(self.node("Concat", inputs, vec![("axis", Attribute::Int(whole(axis)))], shape))
    }

    /// Zeros around a picture: how many before and after, per axis in the order batch, channels, height, width.
    pub(super) fn pad(&mut self, x: &Value, before: [usize; 4], after: [usize; 4]) -> Result<Value, ModelsError> {
        let mut shape = planes(x)?;
        for axis in 0..4 {
            shape[axis] = shape[axis]
                .checked_add(before[axis])
                .and_then(|length| length.checked_add(after[axis]))
                .ok_or_else(|| too_large(&x.shape))?;
        }
        let pads: Vec<usize> = before.into_iter().chain(after).collect();
        let pads = self.graph.numbers(&pads);
        Ok(self.node("Pad", vec![x.name.clone(), pads], Vec::new(), shape.to_vec()))
    }

    /// The same numbers in the same order under another shape.
    pub(super) fn reshape(&mut self, x: &Value, shape: &[usize]) -> Result<Value, ModelsError> {
        if volume(shape) != volume(&x.shape) || volume(shape).is_none() {
            return Err(shape_error(&format!("cannot be read as {shape:?}"), &x.shape));
        }
        let target = match (self.any_size, shape) {
            (false, _) => self.graph.numbers(shape),
            // One row for each place of the picture, as many as there are.
            (true, &[1, _, each]) => self.graph.signed_numbers(&[1, -1, whole(each)]),
            (true, _) => return Err(shape_error("cannot be told for a picture of any size", shape)),
        };
        Ok(self.node("Reshape", vec![x.name.clone(), target], Vec::new(), shape.to_vec()))
    }

    /// From batch, channels, height, width to TensorFlow's batch, height, width, channels.
    pub(super) fn channels_last(&mut self, x: &Value) -> Result<Value, ModelsError> {
        let [batch, channels, height, width] = planes(x)?;
        let shape = [batch, height, width, channels];
        if height == 1 && width == 1 {
            return self.reshape(x, &shape);
        }
        let attributes = vec![("perm", Attribute::Ints(vec![0, 2, 3, 1]))];
        Ok(self.node("Transpose", vec![x.name.clone()], attributes, shape.to_vec()))
    }

    /// The finished file. `outputs` become the outputs, in this order and under these names.
    pub(super) fn into_onnx(self, name: &str, outputs: &[(String, Value)]) -> Result<Vec<u8>, ModelsError> {
        let outputs: Vec<Output> =
            outputs.iter().map(|(name, value)| Output { name, inner: &value.name, shape: &value.shape }).collect();
        self.graph.into_file(name, &self.input.shape, &outputs, self.any_size)
    }

    fn node(
        &mut self,
        operator: &'static str,
        inputs: Vec<String>,
        attributes: Attributes,
        shape: Vec<usize>,
    ) -> Value {
        Value { name: self.graph.node(operator, inputs, attributes), shape }
    }
}

/// Attributes of a node with a window.
type Attributes = Vec<(&'static str, Attribute)>;

impl Window {
    /// Output size over a picture of `height, width`, and the attributes that say so in ONNX.
    fn over(&self, picture: [usize; 2]) -> Result<([usize; 2], Attributes), ModelsError> {
        let mut output = [0; 2];
        let (mut before, mut after) = ([0; 2], [0; 2]);
        for axis in 0..2 {
            let (length, size, stride) = (picture[axis], self.size[axis], self.stride[axis]);
            let impossible = || shape_error(&format!("window of {size} with stride {stride}"), &picture);
            if size == 0 || stride == 0 {
                return Err(impossible());
            }
            let around = match self.padding {
                Padding::Valid => 0,
                Padding::Same => {
                    let reach = (length.div_ceil(stride).saturating_sub(1)).checked_mul(stride);
                    let reach = reach.and_then(|reach| reach.checked_add(size)).ok_or_else(impossible)?;
                    reach.saturating_sub(length)
                }
                Padding::Around(places) => places.checked_mul(2).ok_or_else(impossible)?,
            };
            before[axis] = around / 2;
            after[axis] = around - around / 2;
            let room = length.checked_add(around).and_then(|length| length.checked_sub(size)).ok_or_else(impossible)?;
            output[axis] = room / stride + 1;
        }
        let ints = |values: &[usize]| Attribute::Ints(values.iter().map(|&value| whole(value)).collect());
        let attributes = vec![
            ("kernel_shape", ints(&self.size)),
            ("strides", ints(&self.stride)),
            ("pads", ints(&[before[0], before[1], after[0], after[1]])),
        ];
        Ok((output, attributes))
    }
}

/// The four axes of a picture.
fn planes(x: &Value) -> Result<[usize; 4], ModelsError> {
    x.shape.as_slice().try_into().map_err(|_| shape_error("needs batch, channels, height, width", &x.shape))
}

fn expect_count(found: usize, shape: &[usize]) -> Result<(), ModelsError> {
    if volume(shape) == Some(found) {
        return Ok(());
    }
    Err(shape_error(&format!("{found} constants given"), shape))
}

/// How many numbers a shape holds; nothing if that exceeds memory.
pub(super) fn volume(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |volume, &length| volume.checked_mul(length))
}

fn shape_error(what: &str, shape: &[usize]) -> ModelsError {
    ModelsError::Conversion { place: format!("shape {shape:?}"), reason: what.to_owned() }
}

fn too_large(shape: &[usize]) -> ModelsError {
    shape_error("too large", shape)
}
