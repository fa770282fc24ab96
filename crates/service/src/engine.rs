//! Which engine runs the networks, and why.

use crate::config::{EngineChoice, InferenceConfig};
use anyhow::{Context, Result};
use likeness_engine_ort::OnnxRuntime;
use likeness_models::Cache;
use likeness_vision::engine::Engine;
use std::path::PathBuf;
use std::sync::Arc;

/// The engine in use and the reason for it, in words for `doctor` and the log.
pub struct Chosen {
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// Such as: ONNX Runtime 1.30.0 from this file.
    pub why: String,
}

/// Chooses as the configuration says.
///
/// # Errors
/// When the engine that was asked for cannot be had; the text says what to do.
pub fn choose(config: &InferenceConfig, cache: &Cache) -> Result<Chosen> {
    match config.engine {
        EngineChoice::OnnxRuntime => onnx_runtime(config, cache),
        EngineChoice::Pure => pure("set by configuration"),
        EngineChoice::Auto => match onnx_runtime(config, cache) {
            Ok(chosen) => Ok(chosen),
            Err(error) => pure(&format!("ONNX Runtime is not available: {error:#}")),
        },
    }
}

/// Where ONNX Runtime's shared library is searched for.
pub fn library(config: &InferenceConfig, cache: &Cache) -> Option<PathBuf> {
    if config.library.as_os_str().is_empty() {
        likeness_models::runtime_library(cache)
    } else {
        Some(config.library.clone())
    }
}

fn onnx_runtime(config: &InferenceConfig, cache: &Cache) -> Result<Chosen> {
    let library = library(config, cache).context(
        "no shared library in the cache folder; run `likeness models install`, or name one with LIKENESS_ONNXRUNTIME",
    )?;
    let engine = OnnxRuntime::open(&library).with_context(|| format!("{} cannot be used", library.display()))?;
    let why = format!("{} from {}", engine.name(), library.display());
    Ok(Chosen { engine: Arc::new(engine), why })
}

#[cfg(feature = "pure-engine")]
fn pure(why: &str) -> Result<Chosen> {
    let engine = likeness_engine_pure::PureRust::new();
    let why = format!("{} ({why}); about three to four times slower than ONNX Runtime", engine.name());
    Ok(Chosen { engine: Arc::new(engine), why })
}

#[cfg(not(feature = "pure-engine"))]
fn pure(why: &str) -> Result<Chosen> {
    anyhow::bail!("this build has no pure-Rust engine to fall back to ({why})")
}
