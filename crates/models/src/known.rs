//! What this version of Likeness knows: its packs, the ONNX Runtime libraries and the demo photos, each with
//! the hashes of its files. All of it is data, compiled in from the `models` folder of the repository.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::pack::{Pack, Source};

/// Id of the pack that the product needs.
pub const DEFAULT_PACK: &str = "likeness-default-2";

/// The npm manifest that pins the packages, and its lock file.
pub(crate) const PACKAGE_JSON: &str = include_str!("../../../models/package.json");
pub(crate) const PACKAGE_LOCK_JSON: &str = include_str!("../../../models/package-lock.json");

const PACKS: [&str; 5] = [
    include_str!("../../../models/packs/likeness-default-2.json"),
    include_str!("../../../models/packs/mobilefacenet-128.json"),
    include_str!("../../../models/packs/likeness-default-1.json"),
    include_str!("../../../models/packs/yunet.json"),
    include_str!("../../../models/packs/minifasnet.json"),
];
const RUNTIME: &str = include_str!("../../../models/runtime.json");
const DEMO: &str = include_str!("../../../models/demo.json");

/// The packs that can be installed, the default one first.
pub fn catalogue() -> &'static [Pack] {
    static CATALOGUE: OnceLock<Vec<Pack>> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        let packs = PACKS.iter().map(|json| Pack::parse(json.as_bytes()));
        packs.collect::<Result<_, _>>().expect("the manifests in the executable are well formed (a test reads them)")
    })
}

/// The pack of ours with this id.
pub(crate) fn pack(id: &str) -> Option<&'static Pack> {
    catalogue().iter().find(|pack| pack.id == id)
}

/// Whether a file with this SHA-256 (lower-case hexadecimal) belongs to one of our packs.
pub fn is_known(sha256: &str) -> bool {
    catalogue().iter().flat_map(|pack| &pack.files).any(|file| file.sha256 == sha256)
}

/// An ONNX Runtime shared library for one kind of machine.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeLibrary {
    /// Operating system, as in [`std::env::consts::OS`].
    pub os: String,
    /// Processor, as in [`std::env::consts::ARCH`].
    pub architecture: String,
    /// File name in the cache.
    pub file: String,
    /// Length in bytes.
    pub bytes: u64,
    /// What its publisher says of the licence.
    pub licence: String,
    /// The package it is taken from.
    pub source: Source,
}

/// Every ONNX Runtime library that can be installed.
pub fn runtime_libraries() -> &'static [RuntimeLibrary] {
    static LIBRARIES: OnceLock<Vec<RuntimeLibrary>> = OnceLock::new();
    LIBRARIES.get_or_init(|| {
        serde_json::from_str(RUNTIME).expect("the list in the executable is well formed (a test reads it)")
    })
}

/// The library for the machine we run on, if there is one.
pub(crate) fn runtime_library() -> Option<&'static RuntimeLibrary> {
    runtime_libraries()
        .iter()
        .find(|library| library.os == std::env::consts::OS && library.architecture == std::env::consts::ARCH)
}

/// A photo that comes with the pinned packages and that tests and newcomers may use.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DemoPhoto {
    pub(crate) file: String,
    pub(crate) bytes: u64,
    pub(crate) source: Source,
}

/// The demo photos, in order.
pub(crate) fn demo_photos() -> &'static [DemoPhoto] {
    static PHOTOS: OnceLock<Vec<DemoPhoto>> = OnceLock::new();
    PHOTOS.get_or_init(|| {
        serde_json::from_str(DEMO).expect("the list in the executable is well formed (a test reads it)")
    })
}
