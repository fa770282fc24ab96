//! [`PureRust`] as an [`Engine`].

use likeness_vision::engine::{Engine, EngineError, Network};

use crate::network::LoadedNetwork;

/// The version of `rten` in use, which the crate itself does not expose. A test compares it with `Cargo.lock`.
const VERSION: &str = "0.27.0";

/// The pure-Rust [`Engine`]. It holds nothing, and every network it loads stands alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct PureRust;

impl PureRust {
    /// The engine; it is always available.
    pub fn new() -> Self {
        Self
    }
}

impl Engine for PureRust {
    fn name(&self) -> String {
        format!("rten {VERSION}")
    }

    fn load(&self, onnx: &[u8], input_shape: &[usize]) -> Result<Box<dyn Network>, EngineError> {
        Ok(Box::new(LoadedNetwork::load(onnx, input_shape)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_the_version_that_was_built_in() {
        let lock = include_str!("../../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"rten\"\nversion = \"{VERSION}\"\n")), "update VERSION");
    }
}
