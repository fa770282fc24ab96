//! Conversion of TensorFlow.js, TensorFlow Lite and PyTorch networks to ONNX.
//!
//! Pure functions from bytes to bytes: the same source gives the same file on every machine, which is why the
//! hashes of the results can be pinned beside those of the sources. All files have one input called `input`,
//! channels first, a batch of one and `f32` weights.

mod dlib_resnet;
mod flatbuffer;
mod graph_model;
mod minifasnet;
mod network;
mod onnx;
mod pickle;
mod protobuf;
mod tensorflow_lite;
mod tiny_xception;
mod torch;

pub use dlib_resnet::face_recognition;
pub use graph_model::{Sizes, graph_model};
pub use minifasnet::minifasnet;
pub use tensorflow_lite::tensorflow_lite;
pub use tiny_xception::age;
