//! Checks of a shared library before `ort` loads it.
//!
//! `ort` keeps the first library it accepts for the life of the process and asserts where a library misbehaves.
//! Checking here, with an error for every way to be wrong, is what makes a bad library a sentence instead of a
//! panic, and leaves the process free to open a good one afterwards.

use std::ffi::CStr;
use std::path::Path;

use libloading::Library;
use likeness_vision::engine::EngineError;
use ort::sys::{ORT_API_VERSION, OrtApiBase};

/// Opens the library, checks that it is an ONNX Runtime 1.x at least as new as the interface we were built
/// for, closes it again and returns its version, such as `1.30.0`.
#[expect(unsafe_code, reason = "loading a shared library runs foreign code; there is no safe way to do it")]
pub(crate) fn version_of(path: &Path) -> Result<String, EngineError> {
    let unavailable = |why: String| EngineError::Unavailable(format!("`{}` {why}", path.display()));
    if !path.is_file() {
        return Err(unavailable(
            "is not there; install the runtime or name the place of its shared library".to_owned(),
        ));
    }

    // SAFETY: the operator names this library in order to have it run in this process. Its start-up code is
    // trusted to the same degree as all that follows.
    let library = unsafe { Library::new(path) }
        .map_err(|error| unavailable(format!("cannot be loaded as a shared library for this machine: {error}")))?;

    // SAFETY: `OrtGetApiBase` is ONNX Runtime's only documented entry and has had this signature since its
    // first release.
    let entry = unsafe { library.get::<unsafe extern "system" fn() -> *const OrtApiBase>(b"OrtGetApiBase") }
        .map_err(|_| unavailable("is a shared library, but not ONNX Runtime (it has no `OrtGetApiBase`)".to_owned()))?;

    // SAFETY: the entry takes nothing and returns null or a table that lives as long as the library, which
    // stays open to the end of this function.
    let base = unsafe { entry().as_ref() }.ok_or_else(|| unavailable("returns no interface".to_owned()))?;

    // SAFETY: part of the table for every version; it returns null or a text that ends in a zero byte and
    // lives as long as the library.
    let text = unsafe {
        let text = (base.GetVersionString)();
        if text.is_null() { None } else { Some(CStr::from_ptr(text)) }
    };
    let version = text.map(|text| text.to_string_lossy().into_owned()).unwrap_or_default();

    // The version is checked before the interface is requested: an older library answers that request with a
    // line of its own on standard error.
    if !is_new_enough(&version) {
        return Err(unavailable(format!(
            "is ONNX Runtime {}, and 1.{ORT_API_VERSION} or a later 1.x is needed",
            if version.is_empty() { "of an unknown version" } else { &version }
        )));
    }

    // SAFETY: part of the table for every version; it returns null for an interface the library does not have.
    if unsafe { (base.GetApi)(ORT_API_VERSION) }.is_null() {
        return Err(unavailable(format!("calls itself ONNX Runtime {version}, but lacks interface {ORT_API_VERSION}")));
    }
    Ok(version)
}

/// Whether a version text such as `1.30.0` names a release that still has our interface. ONNX Runtime keeps
/// every interface of its major version 1; the minor version is the number of the newest.
fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map(str::parse::<u32>);
    matches!((numbers.next(), numbers.next()), (Some(Ok(1)), Some(Ok(minor))) if minor >= ORT_API_VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_have_our_interface() {
        let cases = [
            ("1.30.0", true),
            ("1.24.0", true),
            ("1.24.1-dev", true),
            ("1.23.9", false),
            ("1.9.0", false),
            ("2.30.0", false),
            ("1", false),
            ("", false),
            ("one.thirty", false),
        ];
        for (version, expected) in cases {
            assert_eq!(is_new_enough(version), expected, "{version:?}");
        }
    }
}
