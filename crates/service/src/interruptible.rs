//! An engine whose networks stop when nobody waits for what they find.
//!
//! A picture takes up to some seconds, most of them in networks. Before each run of one the worker looks whether the
//! caller of its job is still there ([`crate::inference::caller_is_gone`]), and ends the job if not.

use crate::inference::caller_is_gone;
use likeness_vision::engine::{Engine, EngineError, Network, Tensor};
use std::sync::Arc;

/// An engine whose networks can be interrupted.
pub struct Interruptible(pub Arc<dyn Engine>);

struct InterruptibleNetwork(Box<dyn Network>);

impl Engine for Interruptible {
    fn name(&self) -> String {
        self.0.name()
    }

    fn load(&self, onnx: &[u8], input_shape: &[usize]) -> Result<Box<dyn Network>, EngineError> {
        Ok(Box::new(InterruptibleNetwork(self.0.load(onnx, input_shape)?)))
    }
}

impl Network for InterruptibleNetwork {
    fn outputs(&self) -> &[String] {
        self.0.outputs()
    }

    fn run(&mut self, input: &Tensor) -> Result<Vec<Tensor>, EngineError> {
        if caller_is_gone() {
            return Err(EngineError::Run("nobody waits for it any more".to_owned()));
        }
        self.0.run(input)
    }
}
