//! One loaded network: an `rten` model and its run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use likeness_vision::engine::{EngineError, InputShape, Network, Tensor, input_values};
use rten::{DataType, Dimension, Model, ModelOptions, NodeId, NodeInfo, RunOptions, ThreadPool, Value, ValueType};
use rten_tensor::TensorView;
use rten_tensor::prelude::Layout;

use crate::wire;

/// One network with the one input shape it was loaded for.
pub(crate) struct LoadedNetwork {
    model: Model,
    input: NodeId,
    input_shape: InputShape,
    output_ids: Vec<NodeId>,
    outputs: Vec<String>,
    options: RunOptions,
}

impl LoadedNetwork {
    /// Loads the network and runs it once on zeros, so that a shape that does not fit shows here and not in the
    /// first request.
    pub(crate) fn load(onnx: &[u8], wanted: &[usize]) -> Result<Self, EngineError> {
        if !wire::hangs_together(onnx) {
            return Err(EngineError::Load("it is not an ONNX file, or a damaged one".to_owned()));
        }
        let model = guarded(|| ModelOptions::with_all_ops().load(onnx.to_vec()))
            .map_err(EngineError::Load)?
            .map_err(|error| EngineError::Load(error.to_string()))?;
        let (input, input_shape) = check_input(&model, wanted)?;
        let output_ids = model.output_ids().to_vec();
        let outputs = output_ids.iter().map(|&id| name(&model, id)).collect::<Result<_, _>>()?;

        // `rten` runs on a thread pool, by default one of all cores for the whole process. A pool of one thread
        // for each network keeps a network to one core and lets workers run side by side; the thread sleeps
        // while its network is idle.
        let options = RunOptions::default().with_thread_pool(Some(Arc::new(ThreadPool::with_num_threads(1))));

        let mut network = Self { model, input, input_shape, output_ids, outputs, options };
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
        let view = TensorView::from_data(input.shape.as_slice(), input.data.as_slice());
        let inputs = vec![(self.input, view.into())];
        let values = guarded(|| self.model.run(inputs, &self.output_ids, Some(self.options.clone())))
            .map_err(EngineError::Run)?
            .map_err(|error| EngineError::Run(error.to_string()))?;
        self.outputs.iter().zip(values).map(|(name, value)| dense(name, value)).collect()
    }
}

/// Turns an assertion of `rten` into an error. It changes nothing of ours while it runs, and nothing it left
/// half done is used again: a failed load gives no network, and a run starts from the weights alone.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| "rten stopped at an assertion".to_owned())
}

fn name(model: &Model, id: NodeId) -> Result<String, EngineError> {
    let name = model.node_info(id).and_then(|info| info.name().map(str::to_owned));
    name.ok_or_else(|| EngineError::Load("one of its outputs has no name".to_owned()))
}

/// The input, and the shape that is wanted, if the file takes it.
fn check_input(model: &Model, wanted: &[usize]) -> Result<(NodeId, InputShape), EngineError> {
    let &[id] = model.input_ids() else {
        return Err(EngineError::Load(format!("it has {} inputs, and one is expected", model.input_ids().len())));
    };
    let info: Option<NodeInfo<'_>> = model.node_info(id);
    if info.as_ref().and_then(NodeInfo::dtype) != Some(ValueType::Tensor(DataType::Float)) {
        return Err(EngineError::Load("its input is not a tensor of 32-bit floats".to_owned()));
    }
    let own = info.and_then(|info| info.shape()).unwrap_or_default();
    let fits = own.len() == wanted.len()
        && own.iter().zip(wanted).all(|(own, wanted)| match own {
            Dimension::Fixed(own) => own == wanted,
            Dimension::Symbolic(_) => true,
        });
    if !fits || input_values(wanted).is_none() {
        let own: Vec<String> = own
            .iter()
            .map(|length| match length {
                Dimension::Fixed(length) => length.to_string(),
                Dimension::Symbolic(_) => "any".to_owned(),
            })
            .collect();
        return Err(EngineError::Load(format!(
            "its input takes the shape [{}], and {wanted:?} was asked for",
            own.join(", ")
        )));
    }
    let is_open = own.iter().map(|own| matches!(own, Dimension::Symbolic(_))).collect();
    Ok((id, InputShape::new(wanted, is_open)))
}

fn dense(name: &str, value: Value) -> Result<Tensor, EngineError> {
    let Value::FloatTensor(tensor) = value else {
        return Err(EngineError::Run(format!("its output `{name}` is not a tensor of 32-bit floats")));
    };
    Ok(Tensor { shape: tensor.shape().to_vec(), data: tensor.into_data() })
}
