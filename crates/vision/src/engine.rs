//! The interface to whatever runs a network: [`Engine`] loads, [`Network`] runs.
//!
//! It is narrow on purpose: one dense `f32` input, dense `f32` outputs, a shape that the file fixes or leaves open. Every
//! network of every pack fits it, so a second engine is a day's work and the two can be compared output by output.

use thiserror::Error;

/// A dense `f32` tensor, row-major (the last dimension varies fastest).
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Length of each dimension, outermost first; images are batch, channel, row, column.
    pub shape: Vec<usize>,
    /// The values; as many as the product of `shape`.
    pub data: Vec<f32>,
}

impl Tensor {
    /// All zeros.
    pub fn zeros(shape: &[usize]) -> Self {
        Self { shape: shape.to_vec(), data: vec![0.0; shape.iter().product()] }
    }
}

/// What goes wrong between us and an engine.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The engine itself cannot be had here (no shared library, wrong version).
    #[error("the engine is not available: {0}")]
    Unavailable(String),
    /// The engine refused the network.
    #[error("the network cannot be loaded: {0}")]
    Load(String),
    /// The engine failed while running a loaded network.
    #[error("the network failed: {0}")]
    Run(String),
}

/// Loads networks. One per process; cheap to share.
pub trait Engine: Send + Sync {
    /// Name and version, for `doctor` and the logs, such as `onnxruntime 1.30.0`.
    fn name(&self) -> String;

    /// Loads one ONNX file whose single input gets `input_shape`; where the file leaves a length open, a run may bring
    /// another.
    ///
    /// # Errors
    /// [`EngineError::Load`] if the engine does not accept the file or the shape.
    fn load(&self, onnx: &[u8], input_shape: &[usize]) -> Result<Box<dyn Network>, EngineError>;
}

/// A loaded network, owned by one worker thread at a time; it runs on the calling thread alone.
pub trait Network: Send {
    /// Names of the outputs, in the order in which [`Network::run`] returns them.
    fn outputs(&self) -> &[String];

    /// Runs the network once.
    ///
    /// # Errors
    /// [`EngineError::Run`] if the input has another shape than promised at load and the file does not leave it open, or
    /// the engine fails.
    fn run(&mut self, input: &Tensor) -> Result<Vec<Tensor>, EngineError>;
}

/// No network of any pack takes a larger input: 1 GiB of 32-bit floats. The largest of ours, a detector at
/// 640 x 640, takes 1.2 million values; the limit is there for a manifest that asks for nonsense.
const MAX_INPUT_VALUES: usize = 1 << 28;

/// How many values a tensor of this shape has, if an input may have so many: at least one, at most 2^28.
pub fn input_values(shape: &[usize]) -> Option<usize> {
    let values = shape.iter().try_fold(1, |product: usize, &length| product.checked_mul(length))?;
    (1..=MAX_INPUT_VALUES).contains(&values).then_some(values)
}

/// The shape for which a network was loaded, and which of its lengths the file leaves open. Every engine asks it about
/// each input.
#[derive(Clone, Debug)]
pub struct InputShape {
    lengths: Vec<usize>,
    is_open: Vec<bool>,
}

impl InputShape {
    /// `is_open` is as long as `lengths`.
    pub fn new(lengths: &[usize], is_open: Vec<bool>) -> Self {
        Self { lengths: lengths.to_vec(), is_open }
    }

    /// Whether an input has the shape that was promised, but for lengths that the file leaves open.
    ///
    /// # Errors
    /// [`EngineError::Run`] otherwise, or where the values are not as many as the shape says.
    pub fn check(&self, input: &Tensor) -> Result<(), EngineError> {
        let mut lengths = input.shape.iter().zip(&self.lengths).zip(&self.is_open);
        let fits = input.shape.len() == self.lengths.len()
            && lengths.all(|((given, promised), is_open)| given == promised || *is_open)
            && input_values(&input.shape) == Some(input.data.len());
        if fits {
            return Ok(());
        }
        Err(EngineError::Run(format!(
            "the input has shape {:?} and {} values, and the network was loaded for {:?}",
            input.shape,
            input.data.len(),
            self.lengths
        )))
    }
}
