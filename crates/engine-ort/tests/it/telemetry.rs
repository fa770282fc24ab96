//! Nothing of ONNX Runtime's telemetry may start: no file, no thread, no socket.

use std::fs;

use likeness_vision::engine::Engine;

use crate::{engine, in_new_process, tiny};

#[test]
fn nothing_of_it_starts() {
    if let Some(home) = in_new_process("telemetry::nothing_of_it_starts") {
        let found: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(found.is_empty(), "files in the home folder: {found:?}");
        return;
    }

    let before = activity();
    let mut network = engine().load(&tiny::onnx(), &tiny::INPUT_SHAPE).unwrap();
    network.run(&tiny::input(1)).unwrap();
    assert_eq!(std::env::var("ORT_DISABLE_TELEMETRY").as_deref(), Ok("1"));
    assert_eq!(activity(), before, "threads and sockets");
}

/// The number of threads of this process and of its open sockets.
#[cfg(target_os = "linux")]
fn activity() -> (usize, usize) {
    let sockets = fs::read_dir("/proc/self/fd").unwrap().filter(|entry| {
        let link = fs::read_link(entry.as_ref().unwrap().path());
        link.is_ok_and(|link| link.to_string_lossy().starts_with("socket:"))
    });
    (fs::read_dir("/proc/self/task").unwrap().count(), sockets.count())
}

#[cfg(not(target_os = "linux"))]
fn activity() -> (usize, usize) {
    (0, 0)
}
