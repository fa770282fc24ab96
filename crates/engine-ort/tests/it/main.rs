//! ONNX Runtime through the public interface. These tests need its shared library and say so where it is missing.
#![expect(clippy::unwrap_used, reason = "a test may stop; the lint spares test functions, not what they share")]

mod damaged;
mod installed;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod memory;
mod opening;
mod running;
mod telemetry;
mod tiny;

use std::process::{Command, Output};

use likeness_engine_ort::OnnxRuntime;
use tempfile::TempDir;

use installed::{cache, library};

fn engine() -> OnnxRuntime {
    OnnxRuntime::open(&library()).expect("the installed library opens")
}

/// Tells a test that it runs in the process made for it.
const CHILD: &str = "LIKENESS_TEST_IN_NEW_PROCESS";

/// Runs the named test of this binary again in a new process, with a bare environment and an empty home and
/// working folder, and checks that it passed. In the new process it answers `None`: there the test itself runs.
pub(crate) fn in_new_process(test: &str) -> Option<TempDir> {
    if std::env::var_os(CHILD).is_some() {
        return None;
    }
    let home = TempDir::new().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let Output { status, stdout, stderr } = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env_clear()
        .env("PATH", path)
        .env("HOME", home.path())
        .env("LIKENESS_ONNXRUNTIME", library())
        .env("LIKENESS_CACHE", cache().root())
        .env(CHILD, "1")
        .current_dir(home.path())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&stdout);
    assert!(status.success() && stdout.contains("1 passed"), "{stdout}{}", String::from_utf8_lossy(&stderr));
    Some(home)
}
