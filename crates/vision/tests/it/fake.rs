//! An engine whose networks are plain functions from input to outputs.

use likeness_vision::engine::{Engine, EngineError, Network, Tensor};
use likeness_vision::{
    AlignedBy, DetectorKind, DetectorPart, Normalisation, Parts, RecogniserKind, RecogniserPart, Vision, VisionError,
};

/// What a fake network computes.
pub(crate) type Function = fn(&Tensor) -> Vec<(String, Tensor)>;

/// Tells networks apart by the first byte of their file.
pub(crate) struct FakeEngine {
    pub(crate) detector: Function,
    pub(crate) second: Function,
    pub(crate) mesh: Function,
    pub(crate) iris: Function,
    pub(crate) recogniser: Function,
}

struct FakeNetwork {
    function: Function,
    shape: Vec<usize>,
    outputs: Vec<String>,
}

impl Engine for FakeEngine {
    fn name(&self) -> String {
        "fake".into()
    }

    fn load(&self, onnx: &[u8], input_shape: &[usize]) -> Result<Box<dyn Network>, EngineError> {
        let function = match onnx {
            b"detector" => self.detector,
            b"second" => self.second,
            b"mesh" => self.mesh,
            b"iris" => self.iris,
            b"recogniser" => self.recogniser,
            b"age" => age,
            b"smile" => smile,
            _ => return Err(EngineError::Load("not a network of this engine".into())),
        };
        let outputs = function(&Tensor::zeros(input_shape)).into_iter().map(|(name, _)| name).collect();
        Ok(Box::new(FakeNetwork { function, shape: input_shape.to_vec(), outputs }))
    }
}

impl Network for FakeNetwork {
    fn outputs(&self) -> &[String] {
        &self.outputs
    }

    fn run(&mut self, input: &Tensor) -> Result<Vec<Tensor>, EngineError> {
        // A detector is shown frames of any size.
        if input.shape[..2] != self.shape[..2] {
            return Err(EngineError::Run("another shape than promised".into()));
        }
        Ok((self.function)(input).into_iter().map(|(_, tensor)| tensor).collect())
    }
}

/// Years: the mean of the input, which shows whether and how pixels came in.
fn age(input: &Tensor) -> Vec<(String, Tensor)> {
    let mean = input.data.iter().sum::<f32>() / input.data.len() as f32;
    vec![("age".into(), Tensor { shape: vec![1, 1], data: vec![40.0 + 100.0 * mean] })]
}

/// Happy where the input is brighter than the middle, sad elsewhere.
fn smile(input: &Tensor) -> Vec<(String, Tensor)> {
    let mean = input.data.iter().sum::<f32>() / input.data.len() as f32;
    let mut expressions = vec![0.0; 7];
    expressions[if mean > 0.0 { 3 } else { 5 }] = 1.0;
    vec![("Identity".into(), Tensor { shape: vec![1, 7], data: expressions })]
}

/// A network that must not run.
pub(crate) fn unused(_: &Tensor) -> Vec<(String, Tensor)> {
    Vec::new()
}

/// Parts with a detector of this kind: BlazeFace alone, or another one beside it.
pub(crate) fn parts(kind: DetectorKind, recogniser: RecogniserKind, mirror: bool) -> Parts<'static> {
    let recogniser_side = match recogniser {
        RecogniserKind::DlibResnet => 150,
        RecogniserKind::Arcface => 112,
    };
    let detector = |kind: DetectorKind, onnx: &'static [u8], side: usize| DetectorPart {
        kind,
        onnx,
        input: [1, 3, side, side],
        score_threshold: 0.5,
        overlap_threshold: 0.3,
    };
    Parts {
        detector: detector(DetectorKind::BlazefaceBack, b"detector", 256),
        second_detector: (kind != DetectorKind::BlazefaceBack).then(|| detector(kind, b"second", 640)),
        mesh: b"mesh",
        iris: b"iris",
        recogniser: RecogniserPart {
            kind: recogniser,
            aligned_by: AlignedBy::Detector,
            normalisation: Normalisation::grey(127.5, 127.5),
            onnx: b"recogniser",
            input: [1, 3, recogniser_side, recogniser_side],
            dimension: 64,
            mirror,
            unit: true,
        },
        age: None,
        smile: None,
    }
}

pub(crate) fn load(engine: &FakeEngine, parts: &Parts<'_>) -> Result<Vision, VisionError> {
    Vision::load(engine, parts)
}
