//! A loaded network with its input tensor, and how pixels become the numbers it wants.

use crate::engine::{Engine, Network, Tensor};
use crate::error::VisionError;
use crate::parts::Normalisation;
use crate::resample::{Chip, luma};

/// Order of the colour channels in an input tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channels {
    Rgb,
    Bgr,
    /// One channel: luma by the weights of ITU-R BT.601; the normalisation is then the same for all three.
    Grey,
}

/// From bytes to numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InputFormat {
    pub(crate) channels: Channels,
    pub(crate) normalisation: Normalisation,
}

/// Output of one run. Looked up by name because engines may order outputs differently.
pub(crate) struct Outputs {
    network: &'static str,
    names: Vec<String>,
    tensors: Vec<Tensor>,
}

impl Outputs {
    /// The values of a named output, which must have `length` of them.
    pub(crate) fn named(&self, name: &str, length: usize) -> Result<&[f32], VisionError> {
        let found = self.names.iter().position(|n| n == name).and_then(|i| self.tensors.get(i));
        match found {
            Some(tensor) if tensor.data.len() == length => Ok(&tensor.data),
            _ => Err(VisionError::Model {
                network: self.network,
                reason: format!("no output `{name}` of {length} values"),
            }),
        }
    }

    /// The only output whose last dimension is `last` and that has `rows` of them, whatever its name.
    pub(crate) fn shaped(&self, rows: usize, last: usize) -> Result<&[f32], VisionError> {
        let fits = |t: &&Tensor| t.shape.last() == Some(&last) && t.data.len() == rows * last;
        self.tensors.iter().find(fits).map(|t| t.data.as_slice()).ok_or_else(|| VisionError::Model {
            network: self.network,
            reason: format!("no output of {rows} x {last} values"),
        })
    }

    /// The first output, which must have `length` values.
    pub(crate) fn first(&self, length: usize) -> Result<&[f32], VisionError> {
        match self.tensors.first() {
            Some(tensor) if tensor.data.len() == length => Ok(&tensor.data),
            _ => Err(VisionError::Model {
                network: self.network,
                reason: format!("the first output does not have {length} values"),
            }),
        }
    }
}

pub(crate) struct LoadedNetwork {
    name: &'static str,
    network: Box<dyn Network>,
    format: InputFormat,
    input: Tensor,
}

impl LoadedNetwork {
    pub(crate) fn load(
        engine: &dyn Engine,
        name: &'static str,
        onnx: &[u8],
        shape: [usize; 4],
        format: InputFormat,
    ) -> Result<Self, VisionError> {
        let channels = if format.channels == Channels::Grey { 1 } else { 3 };
        let [1, given, rows, columns] = shape else {
            return Err(VisionError::Model { network: name, reason: "the input is not one picture".into() });
        };
        if given != channels {
            let reason = format!("the input is not 1 x {channels} x rows x columns");
            return Err(VisionError::Model { network: name, reason });
        }
        if rows == 0 || columns == 0 || rows > 4096 || columns > 4096 {
            return Err(VisionError::Model { network: name, reason: "the input has no usable size".into() });
        }
        let network = engine.load(onnx, &shape).map_err(|source| VisionError::Engine { network: name, source })?;
        Ok(Self { name, network, format, input: Tensor::zeros(&shape) })
    }

    /// Rows of the input frame.
    pub(crate) fn rows(&self) -> usize {
        self.input.shape[2]
    }

    /// Columns of the input frame.
    pub(crate) fn columns(&self) -> usize {
        self.input.shape[3]
    }

    /// Gives the input frame another size, for a network whose file leaves it open. What was in it is gone.
    pub(crate) fn resize(&mut self, rows: usize, columns: usize) {
        if (self.rows(), self.columns()) != (rows, columns) {
            self.wipe();
            (self.input.shape[2], self.input.shape[3]) = (rows, columns);
            self.input.data.resize(self.input.shape.iter().product(), 0.0);
        }
    }

    /// Puts a chip into the top left of the input; the rest is as if the chip went on in black.
    pub(crate) fn put(&mut self, chip: &Chip) {
        self.put_at(chip, (0, 0));
    }

    /// The same with so much black at its left and above it.
    pub(crate) fn put_at(&mut self, chip: &Chip, (left, top): (usize, usize)) {
        let (rows, columns) = (self.rows(), self.columns());
        let is_grey = self.format.channels == Channels::Grey;
        for (index, plane) in self.input.data.chunks_exact_mut(rows * columns).enumerate() {
            let channel = match self.format.channels {
                Channels::Rgb | Channels::Grey => index,
                Channels::Bgr => 2 - index,
            };
            let subtract = self.format.normalisation.subtract[channel];
            let multiply = 1.0 / self.format.normalisation.divide[channel];
            plane.fill(-subtract * multiply);
            let height = chip.height.min(rows.saturating_sub(top));
            let width = chip.width.min(columns.saturating_sub(left));
            let lines = chip.samples.chunks_exact(chip.width * 3).take(height);
            for (row, source) in plane.chunks_exact_mut(columns).skip(top).zip(lines) {
                for (value, pixel) in row[left..left + width].iter_mut().zip(source.chunks_exact(3)) {
                    let sample = if is_grey { luma(pixel) } else { pixel[channel] };
                    *value = (sample - subtract) * multiply;
                }
            }
        }
    }

    /// Mirrors the present input from left to right.
    pub(crate) fn mirror(&mut self) {
        let columns = self.columns();
        self.input.data.chunks_exact_mut(columns).for_each(<[f32]>::reverse);
    }

    pub(crate) fn run(&mut self) -> Result<Outputs, VisionError> {
        let tensors =
            self.network.run(&self.input).map_err(|source| VisionError::Engine { network: self.name, source })?;
        Ok(Outputs { network: self.name, names: self.network.outputs().to_vec(), tensors })
    }

    /// Overwrites the last face's pixels.
    pub(crate) fn wipe(&mut self) {
        self.input.data.fill(0.0);
    }
}
