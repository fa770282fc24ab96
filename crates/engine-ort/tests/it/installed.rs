//! What `make setup` installed. Without it these tests fail: a check that quietly does nothing would be worse.

use std::env;
use std::path::PathBuf;

use likeness_models::Cache;

/// The cache that `LIKENESS_CACHE` names, or the user's own.
pub(crate) fn cache() -> Cache {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let users = || folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    let cache = folder("LIKENESS_CACHE").or_else(|| Some(users()?.join("likeness")));
    Cache::at(cache.expect("LIKENESS_CACHE or HOME is set"))
}

/// The shared library that `LIKENESS_ONNXRUNTIME` names, or the installed one.
pub(crate) fn library() -> PathBuf {
    let named = env::var_os("LIKENESS_ONNXRUNTIME").map(PathBuf::from);
    named.or_else(|| likeness_models::runtime_library(&cache())).unwrap_or_else(|| {
        panic!("no ONNX Runtime in {}: run `make setup` first, or set LIKENESS_CACHE", cache().root().display())
    })
}
