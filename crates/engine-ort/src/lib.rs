//! Runs networks with ONNX Runtime, a shared library that is loaded when the program starts.
//!
//! Start at [`OnnxRuntime::open`]. The crate opens the library, keeps it quiet and how to set
//! it up for one thread per network; it does not know where the library comes from, which networks exist or
//! what their numbers mean.
//!
//! # Telemetry
//!
//! Since 1.29 the published builds of ONNX Runtime report to their maker on Linux and macOS too. Measured with
//! 1.30.0: creating an environment makes a device identifier and a database under the home folder and starts an
//! uploading thread *before* the documented switch of the C interface can be turned. Only the environment
//! variable `ORT_DISABLE_TELEMETRY=1`, present when the library starts, prevents all of it. So
//! [`OnnxRuntime::open`] sets that variable first, for the whole process, whatever its value was, and then turns
//! the documented switch as well (`tests/it/telemetry.rs` watches a process for traces).
//!
//! # Memory
//!
//! Every loaded network has its own weights: `ort` forbids two runs of one session at a time, and ONNX Runtime shares
//! prepacked weights between sessions only for weights that stay as the file has them, which its own layout for
//! convolutions changes. So each worker costs its networks: 25 MB for `face_recognition`, measured.

mod environment;
mod library;
mod memory;
mod network;

pub use environment::OnnxRuntime;
