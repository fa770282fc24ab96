//! Which libraries open, and the errors of the others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use likeness_engine_ort::OnnxRuntime;
use likeness_vision::engine::{Engine, EngineError};
use tempfile::TempDir;

use crate::installed::library;
use crate::{engine, in_new_process};

/// The error of a library that cannot be opened; a library that opens fails the test.
fn refusal(library: &Path) -> String {
    match OnnxRuntime::open(library) {
        Err(EngineError::Unavailable(why)) => why,
        Err(other) => panic!("another error than expected: {other}"),
        Ok(runtime) => panic!("opened: {}", runtime.name()),
    }
}

/// A shared library that has ONNX Runtime's entry, names this version and has no interface to give.
fn impostor(folder: &TempDir, version: &str) -> PathBuf {
    let source = folder.path().join("impostor.c");
    let library = folder.path().join("impostor.so");
    let text = format!(
        "static const void *api(unsigned v) {{ (void)v; return 0; }}
         static const char *version(void) {{ return \"{version}\"; }}
         struct base {{ const void *(*api)(unsigned); const char *(*version)(void); }};
         const struct base *OrtGetApiBase(void) {{ static const struct base b = {{ api, version }}; return &b; }}"
    );
    fs::write(&source, text).unwrap();
    let compiler = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    assert!(compiler.expect("building Likeness needs a C compiler named `cc`").success());
    library
}

#[test]
fn the_installed_library_names_its_version_and_opens_again() {
    let (first, second) = (engine(), engine());
    assert_eq!(first.name(), second.name());
    let version = first.name().strip_prefix("onnxruntime 1.").map(str::to_owned);
    assert!(version.is_some_and(|rest| rest.split('.').all(|n| n.parse::<u32>().is_ok())), "{}", first.name());
}

#[test]
#[cfg(unix)]
fn another_name_for_the_same_file_is_the_same_library() {
    let folder = TempDir::new().unwrap();
    let link = folder.path().join("link.so");
    std::os::unix::fs::symlink(library(), &link).unwrap();
    assert_eq!(OnnxRuntime::open(&link).unwrap().name(), engine().name());
}

#[test]
fn a_second_library_is_refused() {
    engine();
    let folder = TempDir::new().unwrap();
    let copy = folder.path().join("copy.so");
    fs::copy(library(), &copy).unwrap();
    assert!(refusal(&copy).contains("already runs"));
}

/// In a process of its own: nothing may have been opened before, and the good library must open afterwards.
#[test]
fn wrong_libraries_are_told_why_and_do_no_harm() {
    if in_new_process("opening::wrong_libraries_are_told_why_and_do_no_harm").is_some() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let letter = folder.path().join("letter.so");
    fs::write(&letter, "Dear friend").unwrap();

    assert!(refusal(&folder.path().join("absent.so")).contains("is not there"));
    assert!(refusal(folder.path()).contains("is not there"));
    assert!(refusal(&letter).contains("cannot be loaded"));
    assert!(refusal(&impostor(&folder, "1.17.3")).contains("is ONNX Runtime 1.17.3, and 1.24 or a later"));
    assert!(refusal(&impostor(&folder, "1.99.0")).contains("lacks interface 24"));
    assert!(refusal(&impostor(&folder, "")).contains("unknown version"));
    #[cfg(target_os = "linux")]
    {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let libc = maps.lines().find_map(|line| line.split(' ').next_back().filter(|p| p.contains("/libc.so")));
        assert!(
            refusal(Path::new(libc.expect("tests on Linux use the shared C library"))).contains("not ONNX Runtime")
        );
    }

    assert!(engine().name().starts_with("onnxruntime 1."));
}
