//! Loading the shared library once per process: [`OnnxRuntime`] as an [`Engine`].

use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use likeness_vision::engine::{Engine, EngineError, Network};
use ort::environment::Environment;
use ort::logging::LogLevel;

use crate::library;
use crate::memory;
use crate::network::LoadedNetwork;

/// The variable that keeps ONNX Runtime 1.29 and later from starting its telemetry outside Windows.
const NO_TELEMETRY: &str = "ORT_DISABLE_TELEMETRY";

/// What this process opened first. ONNX Runtime allows one library and one environment per process, and `ort`
/// refuses a second environment even after the first was dropped, so it is kept here for good.
static OPENED: Mutex<Option<Opened>> = Mutex::new(None);

struct Opened {
    library: PathBuf,
    runtime: OnnxRuntime,
}

/// ONNX Runtime as an [`Engine`]: the fast one, for machines where its shared library is installed.
///
/// Every network runs on the calling thread alone; run one network per worker to use several cores.
#[derive(Clone, Debug)]
pub struct OnnxRuntime {
    environment: Environment,
    version: String,
}

impl OnnxRuntime {
    /// Loads the shared library (`libonnxruntime.so.1` and its like) and turns its telemetry off.
    ///
    /// A second call with the same file gives the same runtime. Call it early, while the program starts: it sets
    /// the environment variable `ORT_DISABLE_TELEMETRY` unless that is already `1`.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the file is missing, is no shared library for this machine, is not ONNX
    /// Runtime, is too old (below 1.24), or if the process already runs another library. The process may then
    /// try a different file.
    pub fn open(library: &Path) -> Result<Self, EngineError> {
        // Two spellings of one path are one library.
        let library = library.canonicalize().unwrap_or_else(|_| library.to_path_buf());

        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = &*opened {
            if opened.library == library {
                return Ok(opened.runtime.clone());
            }
            return Err(EngineError::Unavailable(format!(
                "this process already runs ONNX Runtime from `{}` and cannot change to `{}`",
                opened.library.display(),
                library.display()
            )));
        }

        forbid_telemetry();
        let version = library::version_of(&library)?;
        let environment = environment(&library)?;
        let runtime = Self { environment, version };
        *opened = Some(Opened { library, runtime: runtime.clone() });
        Ok(runtime)
    }
}

impl Engine for OnnxRuntime {
    fn name(&self) -> String {
        format!("onnxruntime {}", self.version)
    }

    fn load(&self, onnx: &[u8], input_shape: &[usize]) -> Result<Box<dyn Network>, EngineError> {
        let network = LoadedNetwork::load(&self.environment, onnx, input_shape);
        memory::return_free_pages();
        Ok(Box::new(network?))
    }
}

fn environment(library: &Path) -> Result<Environment, EngineError> {
    let unavailable = |why: &dyn std::fmt::Display| {
        EngineError::Unavailable(format!("`{}` does not start: {why}", library.display()))
    };
    let environment = ort::init_from(library)
        .map_err(|error| unavailable(&error))?
        .with_name("likeness")
        .with_telemetry(false)
        // Without this its messages go straight to standard error, past the program's own log.
        .with_logger(Arc::new(|level, category, _session, place, message| {
            if matches!(level, LogLevel::Error | LogLevel::Fatal) {
                tracing::error!(category, place, "ONNX Runtime: {message}");
            }
        }))
        .build()
        .map_err(|error| unavailable(&error))?;
    environment.set_log_level(LogLevel::Error);
    Ok(environment)
}

/// Makes sure that the library finds its opt-out when it starts.
#[expect(unsafe_code, reason = "the library's only complete opt-out is an environment variable")]
fn forbid_telemetry() {
    if env::var_os(NO_TELEMETRY).is_some_and(|value| value == "1") {
        return;
    }
    // SAFETY: `set_var` is unsafe because another thread may read the environment through the C library at that
    // moment, past the lock that all Rust code takes. The caller holds `OPENED`, so this runs at most once in a
    // process that gets a runtime, and `open` is documented for the start of the program. A late call adds one
    // entry to the table; glibc, musl and macOS then move to a copy and leave the first table in place, so that
    // a reader in its midst still walks valid memory.
    unsafe { env::set_var(NO_TELEMETRY, "1") };
}
