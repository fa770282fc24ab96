//! Rewrites a TensorFlow Lite network as ONNX.
//!
//! Such a file is a FlatBuffers table of operators that run in order over numbered tensors; constants lie in buffers.
//! Pictures lie channels-last there and channels-first here, filters are reordered, paddings spelled out. The batch is
//! one whatever the file says: nothing in the operators below depends on it.
//!
//! The converter that made such files had no PReLU and spelled it `relu(x) + a * (x - |x|)` in five operators. They are
//! put together again: `x` where positive, `2 * a * x` elsewhere.
//!
//! Only the operators of the networks in our packs are known. Another operator is an error that names it.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::flatbuffer::{Table, Vector};
use super::network::{Network, Padding, Value, Window, volume};
use crate::ModelsError;

/// Bytes 4 to 8 of every such file.
const MARK: [u8; 4] = *b"TFL3";

/// Fields of the tables, by their number in the format's published schema.
mod field {
    pub(super) mod model {
        pub(crate) const OPERATOR_CODES: usize = 1;
        pub(crate) const GRAPHS: usize = 2;
        pub(crate) const BUFFERS: usize = 4;
    }
    pub(super) mod operator_code {
        /// Where old files keep the operator, in a byte.
        pub(crate) const BYTE: usize = 0;
        pub(crate) const NUMBER: usize = 3;
    }
    pub(super) mod graph {
        pub(crate) const TENSORS: usize = 0;
        pub(crate) const INPUTS: usize = 1;
        pub(crate) const OUTPUTS: usize = 2;
        pub(crate) const OPERATORS: usize = 3;
    }
    pub(super) mod tensor {
        pub(crate) const SHAPE: usize = 0;
        pub(crate) const TYPE: usize = 1;
        pub(crate) const BUFFER: usize = 2;
        pub(crate) const NAME: usize = 3;
    }
    pub(super) mod operator {
        pub(crate) const CODE: usize = 0;
        pub(crate) const INPUTS: usize = 1;
        pub(crate) const OUTPUTS: usize = 2;
        pub(crate) const OPTIONS: usize = 4;
    }
    pub(super) mod buffer {
        pub(crate) const DATA: usize = 0;
    }
    /// Options of both convolutions; the last two stand two places later where a depth multiplier comes between.
    pub(super) mod convolution {
        pub(crate) const PADDING: usize = 0;
        pub(crate) const STRIDE_ACROSS: usize = 1;
        pub(crate) const STRIDE_DOWN: usize = 2;
        pub(crate) const ACTIVATION: usize = 3;
        pub(crate) const DILATIONS: [usize; 2] = [4, 5];
    }
    pub(super) mod depthwise {
        pub(crate) const MULTIPLIER: usize = 3;
        pub(crate) const ACTIVATION: usize = 4;
        pub(crate) const DILATIONS: [usize; 2] = [5, 6];
    }
    /// Of sums, differences and products: an activation on top.
    pub(super) mod arithmetic {
        pub(crate) const ACTIVATION: usize = 0;
    }
}

/// Operators, by their number in the format's published schema.
mod operator {
    pub(super) const ADD: i32 = 0;
    pub(super) const CONVOLUTION: i32 = 3;
    pub(super) const DEPTHWISE_CONVOLUTION: i32 = 4;
    pub(super) const MULTIPLY: i32 = 18;
    pub(super) const RELU: i32 = 19;
    pub(super) const RESHAPE: i32 = 22;
    pub(super) const SUBTRACT: i32 = 41;
    pub(super) const ABSOLUTE: i32 = 101;
}

/// The number format of 32-bit floats.
const FLOAT: u8 = 0;
/// Longest side of an input, which is a picture.
const LARGEST_SIDE: usize = 1 << 14;

/// Reads a TensorFlow Lite network and writes an ONNX file whose graph is called `name`.
///
/// # Errors
/// [`ModelsError::Conversion`] for anything that is not such a network, or uses an operator we do not know.
pub fn tensorflow_lite(name: &str, file: &[u8]) -> Result<Vec<u8>, ModelsError> {
    let fault = |reason| ModelsError::Conversion { place: "TensorFlow Lite file".to_owned(), reason };
    let file = File::read(file).map_err(fault)?;
    let input = file.one(field::graph::INPUTS, "input").map_err(fault)?;
    let shape = file.shape(input).map_err(fault)?;
    let &[_, height, width, channels] = shape.as_slice() else {
        return Err(fault("the input is not a picture".to_owned()));
    };
    if [height, width, channels].iter().any(|side| !(1..=LARGEST_SIDE).contains(side)) {
        return Err(fault(format!("the input has no sensible size: {shape:?}")));
    }
    let (network, value) = Network::new(channels, height, width);
    let mut lowering = Lowering { file: &file, network, flows: BTreeMap::from([(input, Flow::Value(value))]) };
    for place in 0..file.operators.len() {
        lowering.operator(place).map_err(|fault| match fault {
            Wrong::Here(reason) => ModelsError::Conversion { place: format!("operator {place}"), reason },
            Wrong::There(error) => error,
        })?;
    }
    let output = file.one(field::graph::OUTPUTS, "output").map_err(fault)?;
    let value = lowering.value(output).map_err(|wrong| wrong.at("output"))?;
    let public = file.name(output).map_err(fault)?;
    lowering.network.into_onnx(name, &[(public, value)])
}

/// The parts of a file that are used.
struct File<'a> {
    codes: Vector<'a>,
    buffers: Vector<'a>,
    graph: Table<'a>,
    tensors: Vector<'a>,
    operators: Vector<'a>,
    /// Bytes of constants that may still be read. Each is read once by an honest file; a hostile one could let a
    /// thousand operators name the same large one.
    allowance: Cell<usize>,
}

impl<'a> File<'a> {
    fn read(file: &'a [u8]) -> Result<Self, String> {
        let model = Table::root(file, MARK)?;
        let graphs = model.tables(field::model::GRAPHS)?;
        if graphs.len() != 1 {
            return Err(format!("it holds {} graphs instead of one", graphs.len()));
        }
        let graph = graphs.table(0)?;
        Ok(Self {
            codes: model.tables(field::model::OPERATOR_CODES)?,
            buffers: model.tables(field::model::BUFFERS)?,
            graph,
            tensors: graph.tables(field::graph::TENSORS)?,
            operators: graph.tables(field::graph::OPERATORS)?,
            allowance: Cell::new(file.len()),
        })
    }

    /// The only input or output.
    fn one(&self, field: usize, what: &str) -> Result<i32, String> {
        match self.graph.ints(field)?.as_slice() {
            [one] => Ok(*one),
            many => Err(format!("it has {} instead of one {what}", many.len())),
        }
    }

    fn tensor(&self, number: i32) -> Result<Table<'a>, String> {
        self.tensors.table(usize::try_from(number).map_err(|_| "a tensor is missing".to_owned())?)
    }

    fn shape(&self, number: i32) -> Result<Vec<usize>, String> {
        let lengths = self.tensor(number)?.ints(field::tensor::SHAPE)?;
        lengths
            .into_iter()
            .map(|length| usize::try_from(length).map_err(|_| "a length below zero".to_owned()))
            .collect()
    }

    fn name(&self, number: i32) -> Result<String, String> {
        let name = self.tensor(number)?.bytes(field::tensor::NAME)?;
        String::from_utf8(name.to_vec()).map_err(|_| "the output's name is no text".to_owned())
    }

    /// The numbers of a constant and its shape.
    fn constant(&self, number: i32) -> Result<(Vec<usize>, Vec<f32>), String> {
        let (tensor, shape) = (self.tensor(number)?, self.shape(number)?);
        if tensor.byte(field::tensor::TYPE, FLOAT)? != FLOAT {
            return Err(format!("tensor {number} does not hold 32-bit floats"));
        }
        let buffer = usize::try_from(tensor.int(field::tensor::BUFFER, 0)?).map_err(|_| "no such buffer".to_owned())?;
        let bytes = self.buffers.table(buffer)?.bytes(field::buffer::DATA)?;
        if volume(&shape).and_then(|count| count.checked_mul(4)) != Some(bytes.len()) || bytes.is_empty() {
            return Err(format!("tensor {number} of shape {shape:?} has {} bytes", bytes.len()));
        }
        let left = self.allowance.get().checked_sub(bytes.len());
        self.allowance.set(left.ok_or("its constants are used more often than a file of its size could hold them")?);
        let (words, _) = bytes.as_chunks();
        Ok((shape, words.iter().map(|word| f32::from_le_bytes(*word)).collect()))
    }

    fn code(&self, operator: &Table<'_>) -> Result<i32, String> {
        let place =
            usize::try_from(operator.int(field::operator::CODE, 0)?).map_err(|_| "no such operator".to_owned())?;
        let code = self.codes.table(place)?;
        // Files from before the format had more than 127 operators keep theirs in the byte alone.
        Ok(code.int(field::operator_code::NUMBER, 0)?.max(code.byte(field::operator_code::BYTE, 0)?.into()))
    }
}

/// What is known of a tensor. All but `Value` are the parts of a PReLU, each naming the tensor it is made of.
#[derive(Clone)]
enum Flow {
    Value(Value),
    /// `max(x, 0)`; a plain one where nothing comes of it.
    Positive(i32),
    /// `|x|`.
    Magnitude(i32),
    /// `x - |x|`, which is twice the negative part.
    TwiceNegative(i32),
    /// The same times one number for each channel.
    Scaled(i32, Vec<f32>),
}

/// A fault here, or one that the network found and placed.
enum Wrong {
    Here(String),
    There(ModelsError),
}

impl Wrong {
    fn at(self, place: &str) -> ModelsError {
        match self {
            Self::Here(reason) => ModelsError::Conversion { place: place.to_owned(), reason },
            Self::There(error) => error,
        }
    }
}

impl From<String> for Wrong {
    fn from(reason: String) -> Self {
        Self::Here(reason)
    }
}

impl From<ModelsError> for Wrong {
    fn from(error: ModelsError) -> Self {
        Self::There(error)
    }
}

struct Lowering<'a> {
    file: &'a File<'a>,
    network: Network,
    flows: BTreeMap<i32, Flow>,
}

impl Lowering<'_> {
    fn operator(&mut self, place: usize) -> Result<(), Wrong> {
        let operator = self.file.operators.table(place)?;
        let inputs = operator.ints(field::operator::INPUTS)?;
        let &[output] = operator.ints(field::operator::OUTPUTS)?.as_slice() else {
            return Err("it has not one output".to_owned().into());
        };
        let options = operator.table(field::operator::OPTIONS)?;
        let flow = match (self.file.code(&operator)?, inputs.as_slice()) {
            (operator::CONVOLUTION, &[x, filters, bias]) => self.convolution(x, filters, bias, options)?,
            (operator::DEPTHWISE_CONVOLUTION, &[x, filters, bias]) => self.depthwise(x, filters, bias, options)?,
            (operator::RELU, &[x]) => Flow::Positive(x),
            (operator::ABSOLUTE, &[x]) => Flow::Magnitude(x),
            (operator::SUBTRACT, &[x, magnitude]) => {
                plain(options, field::arithmetic::ACTIVATION)?;
                match self.flows.get(&magnitude) {
                    Some(Flow::Magnitude(of)) if *of == x => Flow::TwiceNegative(x),
                    _ => return Err("a difference that is no part of a PReLU".to_owned().into()),
                }
            }
            (operator::MULTIPLY, &[a, b]) => {
                plain(options, field::arithmetic::ACTIVATION)?;
                self.scaled(a, b)?
            }
            (operator::ADD, &[a, b]) => {
                plain(options, field::arithmetic::ACTIVATION)?;
                self.sum(a, b)?
            }
            (operator::RESHAPE, &[x, ..]) => self.reshape(x, output)?,
            (code, inputs) => {
                return Err(format!("number {code} with {} inputs is not supported", inputs.len()).into());
            }
        };
        if self.flows.insert(output, flow).is_some() {
            return Err(format!("tensor {output} is made twice").into());
        }
        Ok(())
    }

    /// The tensor of this number as a value of the network.
    fn value(&mut self, number: i32) -> Result<Value, Wrong> {
        match self.flows.get(&number).cloned() {
            Some(Flow::Value(value)) => Ok(value),
            Some(Flow::Positive(of)) => {
                let Some(Flow::Value(x)) = self.flows.get(&of) else {
                    return Err("the positive part of what is itself a part of a PReLU".to_owned().into());
                };
                let value = self.network.relu(&x.clone());
                self.flows.insert(number, Flow::Value(value.clone()));
                Ok(value)
            }
            Some(_) => Err("a part of a PReLU is used by itself".to_owned().into()),
            None => Err(format!("tensor {number} is used before it is made").into()),
        }
    }

    fn convolution(&mut self, x: i32, filters: i32, bias: i32, options: Option<Table<'_>>) -> Result<Flow, Wrong> {
        plain(options, field::convolution::ACTIVATION)?;
        let x = self.value(x)?;
        // Filters lie as out, height, width, in.
        let (shape, filters) = self.file.constant(filters)?;
        let &[channels_out, height, width, channels] = shape.as_slice() else {
            return Err("filters need four axes".to_owned().into());
        };
        let window = window(options, [height, width], field::convolution::DILATIONS)?;
        let mut ordered = Vec::with_capacity(filters.len());
        for filter in filters.chunks_exact(height * width * channels) {
            for channel in 0..channels {
                ordered.extend(filter.iter().skip(channel).step_by(channels));
            }
        }
        let (_, bias) = self.file.constant(bias)?;
        Ok(Flow::Value(self.network.grouped_convolution(&x, &ordered, channels_out, 1, Some(&bias), window)?))
    }

    fn depthwise(&mut self, x: i32, filters: i32, bias: i32, options: Option<Table<'_>>) -> Result<Flow, Wrong> {
        plain(options, field::depthwise::ACTIVATION)?;
        let x = self.value(x)?;
        let (shape, filters) = self.file.constant(filters)?;
        let &[1, height, width, _] = shape.as_slice() else {
            return Err("filters need one row of four axes".to_owned().into());
        };
        let multiplier = options.map_or(Ok(0), |options| options.int(field::depthwise::MULTIPLIER, 0))?;
        let multiplier = usize::try_from(multiplier).map_err(|_| "a multiplier below zero".to_owned())?;
        let window = window(options, [height, width], field::depthwise::DILATIONS)?;
        let (_, bias) = self.file.constant(bias)?;
        Ok(Flow::Value(self.network.depthwise_convolution(&x, &filters, multiplier, Some(&bias), window)?))
    }

    fn scaled(&mut self, a: i32, b: i32) -> Result<Flow, Wrong> {
        for (slopes, part) in [(a, b), (b, a)] {
            if let Some(Flow::TwiceNegative(x)) = self.flows.get(&part) {
                return Ok(Flow::Scaled(*x, self.file.constant(slopes)?.1));
            }
        }
        Err("a product that is no part of a PReLU".to_owned().into())
    }

    fn sum(&mut self, a: i32, b: i32) -> Result<Flow, Wrong> {
        for (positive, negative) in [(a, b), (b, a)] {
            if let (Some(Flow::Positive(x)), Some(Flow::Scaled(of, slopes))) =
                (self.flows.get(&positive), self.flows.get(&negative))
                && x == of
            {
                let (x, slopes): (i32, Vec<f32>) = (*x, slopes.iter().map(|slope| 2.0 * slope).collect());
                let x = self.value(x)?;
                return Ok(Flow::Value(self.network.prelu(&x, &slopes)?));
            }
        }
        let (a, b) = (self.value(a)?, self.value(b)?);
        Ok(Flow::Value(self.network.add(&a, &b)?))
    }

    fn reshape(&mut self, x: i32, output: i32) -> Result<Flow, Wrong> {
        let x = self.value(x)?;
        let mut shape = self.file.shape(output)?;
        if let Some(batch) = shape.first_mut() {
            *batch = 1;
        }
        let x = if x.shape.len() == 4 { self.network.channels_last(&x)? } else { x };
        Ok(Flow::Value(self.network.reshape(&x, &shape)?))
    }
}

/// An activation inside another operator is not known here: our networks have none.
fn plain(options: Option<Table<'_>>, activation: usize) -> Result<(), String> {
    match options.map_or(Ok(0), |options| options.byte(activation, 0))? {
        0 => Ok(()),
        kind => Err(format!("activation {kind} on top is not supported")),
    }
}

fn window(options: Option<Table<'_>>, size: [usize; 2], dilations: [usize; 2]) -> Result<Window, String> {
    let options = options.ok_or("a convolution needs options")?;
    for dilation in dilations {
        if options.int(dilation, 1)? != 1 {
            return Err("filters with holes are not supported".to_owned());
        }
    }
    let stride = |field| -> Result<usize, String> {
        usize::try_from(options.int(field, 0)?).map_err(|_| "a stride below zero".to_owned())
    };
    Ok(Window {
        size,
        stride: [stride(field::convolution::STRIDE_DOWN)?, stride(field::convolution::STRIDE_ACROSS)?],
        padding: match options.byte(field::convolution::PADDING, 0)? {
            0 => Padding::Same,
            1 => Padding::Valid,
            kind => return Err(format!("padding {kind} is not known")),
        },
    })
}
