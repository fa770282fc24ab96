//! One loaded network: a session of ONNX Runtime and its run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use likeness_vision::engine::{EngineError, InputShape, Network, Tensor, input_values};
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::{AutoDevicePolicy, GraphOptimizationLevel};
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};

/// One session of ONNX Runtime with the one input shape it was loaded for.
pub(crate) struct LoadedNetwork {
    session: Session,
    input_shape: InputShape,
    outputs: Vec<String>,
}

impl LoadedNetwork {
    /// Loads the network and runs it once on zeros: a shape that does not fit shows here and not in the first
    /// request, and the working memory of a run is set up.
    pub(crate) fn load(environment: &Environment, onnx: &[u8], wanted: &[usize]) -> Result<Self, EngineError> {
        let session = guarded(|| session(environment, onnx))
            .map_err(EngineError::Load)?
            .map_err(|error| EngineError::Load(error.to_string()))?;
        let input_shape = check_input(session.inputs(), wanted)?;
        check_outputs(session.outputs())?;
        let outputs = session.outputs().iter().map(|output| output.name().to_owned()).collect();

        let mut network = Self { session, input_shape, outputs };
        network.run(&Tensor::zeros(wanted)).map_err(|error| match error {
            EngineError::Run(why) => EngineError::Load(why),
            other => other,
        })?;
        Ok(network)
    }
}

impl Network for LoadedNetwork {
    fn outputs(&self) -> &[String] {
        &self.outputs
    }

    fn run(&mut self, input: &Tensor) -> Result<Vec<Tensor>, EngineError> {
        self.input_shape.check(input)?;
        let failed = |error: ort::Error| EngineError::Run(error.to_string());
        let view = TensorRef::from_array_view((input.shape.clone(), input.data.as_slice())).map_err(failed)?;
        let values = self.session.run(ort::inputs![view]).map_err(failed)?;
        (0..self.outputs.len())
            .map(|index| {
                let (shape, data) = values[index].try_extract_tensor::<f32>().map_err(failed)?;
                let shape = shape.iter().map(|&length| usize::try_from(length)).collect::<Result<_, _>>();
                let shape = shape.map_err(|_| EngineError::Run("an output has a negative dimension".to_owned()))?;
                Ok(Tensor { shape, data: data.to_vec() })
            })
            .collect()
    }
}

/// Turns a panic of `ort` into an error: it takes some queries of a session for infallible that a damaged file
/// can make fail, such as the shape of an input that claims a negative length. The session is dropped then.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| "ort stopped at what it holds to be impossible".to_owned())
}

/// A session that runs on the calling thread alone: `ort` forbids two runs of one session at a time, and a
/// server has more requests than cores, so a second thread inside one network would only take another's core.
fn session(environment: &Environment, onnx: &[u8]) -> ort::Result<Session> {
    Session::builder(environment)?
        // `ort` asks for the most efficient device by default, which on macOS is not the processor. Answers
        // must not depend on the machine.
        .with_auto_device(AutoDevicePolicy::PreferCPU)?
        .with_intra_threads(1)?
        .with_inter_threads(1)?
        .with_parallel_execution(false)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_log_level(LogLevel::Error)?
        .commit_from_memory(onnx)
}

/// The shape that is wanted, if the file takes it.
fn check_input(inputs: &[Outlet], wanted: &[usize]) -> Result<InputShape, EngineError> {
    let [input] = inputs else {
        return Err(EngineError::Load(format!("it has {} inputs, and one is expected", inputs.len())));
    };
    let ValueType::Tensor { ty: TensorElementType::Float32, shape, .. } = input.dtype() else {
        return Err(EngineError::Load(format!("its input `{}` is not a tensor of 32-bit floats", input.name())));
    };
    // -1 stands for a length that the network leaves open.
    let fits = shape.len() == wanted.len()
        && shape.iter().zip(wanted).all(|(&own, &wanted)| own == -1 || usize::try_from(own) == Ok(wanted));
    if !fits || input_values(wanted).is_none() {
        return Err(EngineError::Load(format!("its input takes the shape {shape}, and {wanted:?} was asked for")));
    }
    Ok(InputShape::new(wanted, shape.iter().map(|&own| own == -1).collect()))
}

fn check_outputs(outputs: &[Outlet]) -> Result<(), EngineError> {
    let odd = outputs
        .iter()
        .find(|output| !matches!(output.dtype(), ValueType::Tensor { ty: TensorElementType::Float32, .. }));
    match odd {
        Some(output) => {
            Err(EngineError::Load(format!("its output `{}` is not a tensor of 32-bit floats", output.name())))
        }
        None => Ok(()),
    }
}
