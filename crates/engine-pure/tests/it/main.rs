//! The pure-Rust engine through the public interface: alone, with what every engine must do, and beside ONNX Runtime
//! on the installed networks.
#![expect(clippy::unwrap_used, reason = "a test may stop; the lint spares test functions, not what they share")]

#[path = "../../../engine-ort/tests/it/damaged.rs"]
mod damaged;
mod equality;
#[path = "../../../engine-ort/tests/it/installed.rs"]
mod installed;
#[path = "../../../engine-ort/tests/it/running.rs"]
mod running;
#[path = "../../../engine-ort/tests/it/tiny.rs"]
mod tiny;

use likeness_engine_pure::PureRust;

fn engine() -> PureRust {
    PureRust::new()
}
