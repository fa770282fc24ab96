//! The pipeline of the default pack in the test's own process, without a server around it.

use crate::server::cache;
use likeness_engine_ort::OnnxRuntime;
use likeness_models::{Cache, InstalledPack, NetworkSpec, Trust};
use likeness_vision::{
    AlignedBy, DetectorKind, DetectorPart, NetworkPart, Normalisation, Parts, RecogniserKind, RecogniserPart, Vision,
};

/// An installed pack.
pub(crate) fn installed(pack: &str) -> InstalledPack {
    let cache = Cache::at(cache());
    likeness_models::open(&cache.pack_folder(pack), Trust::KnownOnly).expect("the pack is whole")
}

/// The networks of the default pack, loaded into ONNX Runtime.
pub(crate) fn vision() -> Vision {
    vision_by(likeness_models::DEFAULT_PACK)
}

/// The same with the recogniser of this pack, which the mesh aligns.
pub(crate) fn vision_by(recogniser_pack: &str) -> Vision {
    let (installed, of_recogniser) = (installed(likeness_models::DEFAULT_PACK), installed(recogniser_pack));
    let library = likeness_models::runtime_library(&Cache::at(cache())).expect("the shared library is installed");
    let engine = OnnxRuntime::open(&library).expect("the shared library loads");
    let read = |file: &str| installed.read(file).expect("a file of the pack");
    let detector = installed.pack.detector.clone().expect("a detector");
    let recogniser = of_recogniser.pack.recogniser.clone().expect("a recogniser");
    let spec = |spec: &Option<NetworkSpec>| spec.as_ref().expect("a network").file.clone();
    let detector_onnx = read(&detector.file);
    let recogniser_onnx = of_recogniser.read(&recogniser.file).expect("a file of the pack");
    let age = installed.pack.age.as_ref().map(|spec| (read(&spec.file), spec.input));
    let smile = installed.pack.smile.as_ref().map(|spec| (read(&spec.file), spec.input));
    let (mesh, iris) = (read(&spec(&installed.pack.mesh)), read(&spec(&installed.pack.iris)));
    let parts = Parts {
        detector: DetectorPart {
            kind: DetectorKind::BlazefaceBack,
            onnx: &detector_onnx,
            input: detector.input,
            score_threshold: detector.score_threshold,
            overlap_threshold: detector.overlap_threshold,
        },
        second_detector: None,
        mesh: &mesh,
        iris: &iris,
        recogniser: RecogniserPart {
            kind: RecogniserKind::Arcface,
            aligned_by: AlignedBy::Mesh,
            normalisation: Normalisation {
                subtract: recogniser.normalisation.subtract,
                divide: recogniser.normalisation.divide,
            },
            onnx: &recogniser_onnx,
            input: recogniser.input,
            dimension: recogniser.dimension,
            mirror: recogniser.mirror,
            unit: recogniser.unit,
        },
        age: age.as_ref().map(|(onnx, input)| NetworkPart { onnx, input: *input }),
        smile: smile.as_ref().map(|(onnx, input)| NetworkPart { onnx, input: *input }),
    };
    Vision::load(&engine, &parts).expect("the networks load")
}
