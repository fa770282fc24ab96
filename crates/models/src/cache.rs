//! The folder in which installed packs, the runtime and the demo photos lie.

use std::path::{Path, PathBuf};

/// The folder in which everything installed lies. It holds no personal data and can be deleted and installed
/// again at any time.
///
/// ```text
/// npm/           package.json, package-lock.json and what npm fetched; may be removed after installing
/// packs/<id>/    pack.json and the networks
/// runtime/       the ONNX Runtime shared library of this machine
/// demo/          six group photos
/// ```
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The cache in this folder, which need not exist yet.
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where npm runs.
    pub fn npm_folder(&self) -> PathBuf {
        self.root.join("npm")
    }

    /// Where the pack of this id lies once installed.
    pub fn pack_folder(&self, id: &str) -> PathBuf {
        self.packs_folder().join(id)
    }

    pub(crate) fn packs_folder(&self) -> PathBuf {
        self.root.join("packs")
    }

    pub(crate) fn runtime_folder(&self) -> PathBuf {
        self.root.join("runtime")
    }

    pub(crate) fn demo_folder(&self) -> PathBuf {
        self.root.join("demo")
    }
}
