//! The installed networks through both engines, output by output.

use likeness_engine_ort::OnnxRuntime;
use likeness_models::{DEFAULT_PACK, InstalledPack, Pack, installed};
use likeness_vision::engine::{Engine, Tensor};

use crate::installed::{cache, library};
use crate::{engine, tiny};

/// Largest difference of two engines in one output, as a share of that output's largest value.
///
/// Measured on x86-64 with AVX-512: at most 1.5e-6 over all networks, which is the rounding of 32-bit floats in
/// another order of summation. The bound leaves room for other processors and still keeps a coordinate of 200 px
/// within 0.002 px. A wrong padding or a wrong activation shows in the first digits.
const BOUND: f32 = 1e-5;

/// Outputs whose values all lie below this are compared as if one were this large. YuNet's "object" scores are
/// near zero on input that shows none, and there the two sigmoids differ by up to 1.2e-7 of 1: no digits to compare.
const SMALLEST_SCALE: f32 = 0.1;

#[test]
fn both_engines_give_the_same_numbers_for_every_installed_network() {
    let packs = installed(&cache()).unwrap();
    let has_default = packs.iter().any(|installed| installed.pack.id == DEFAULT_PACK);
    assert!(has_default, "no `{DEFAULT_PACK}` in {}: run `make setup` first", cache().root().display());
    let reference = OnnxRuntime::open(&library()).unwrap();

    let mut wrong = Vec::new();
    for installed in &packs {
        for (file, shape) in networks(&installed.pack) {
            for (what, worst) in compare(&reference, installed, file, shape) {
                println!("{:20} {file:24} {what:32} {worst:.1e}", installed.pack.id);
                if worst > BOUND {
                    wrong.push(format!("{file} {what}: {worst:.1e}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "the engines differ:\n{}", wrong.join("\n"));
}

/// The worst relative difference for each output and each kind of input.
fn compare(reference: &OnnxRuntime, installed: &InstalledPack, file: &str, shape: [usize; 4]) -> Vec<(String, f32)> {
    let onnx = installed.read(file).unwrap();
    let mut left = reference.load(&onnx, &shape).unwrap();
    let mut right = engine().load(&onnx, &shape).unwrap();
    assert_eq!(left.outputs(), right.outputs(), "{file}");
    assert!(!left.outputs().is_empty(), "{file}");

    let names = left.outputs().to_vec();
    let mut worst = Vec::new();
    for (kind, input) in inputs(&shape) {
        let answers = left.run(&input).unwrap().into_iter().zip(right.run(&input).unwrap());
        for (name, (left, right)) in names.iter().zip(answers) {
            let scale = left.data.iter().fold(SMALLEST_SCALE, |scale, value| scale.max(value.abs()));
            assert!(!left.data.is_empty(), "{file} {name}");
            worst.push((format!("{name}, {kind}"), tiny::difference(&left, &right) / scale));
        }
    }
    worst
}

/// Noise in each of the ranges in which the networks of the packs expect their pixels, and a smooth slope, which
/// drives the deeper layers further from zero than noise does.
fn inputs(shape: &[usize]) -> Vec<(&'static str, Tensor)> {
    let length = shape.iter().product();
    let noise = tiny::noise(length, 21);
    let tensor = |data: Vec<f32>| Tensor { shape: shape.to_vec(), data };
    vec![
        ("noise -1 to 1", tensor(noise.clone())),
        ("noise 0 to 255", tensor(noise.iter().map(|value| value * 127.5 + 127.5).collect())),
        ("slope 0 to 1", tensor((0..length).map(|at| at as f32 / length as f32).collect())),
    ]
}

/// Every network that a role of the pack uses, with the shape of its input.
fn networks(pack: &Pack) -> Vec<(&str, [usize; 4])> {
    let plain = [&pack.mesh, &pack.iris, &pack.smile, &pack.age].into_iter().flatten();
    let plain = plain.map(|network| (network.file.as_str(), network.input));
    let detector = pack.detector.iter().map(|detector| (detector.file.as_str(), detector.input));
    let recogniser = pack.recogniser.iter().map(|recogniser| (recogniser.file.as_str(), recogniser.input));
    let liveness = pack.passive_liveness.iter().map(|liveness| (liveness.file.as_str(), liveness.input));
    let networks: Vec<_> = detector.chain(plain).chain(recogniser).chain(liveness).collect();
    assert!(!networks.is_empty(), "{} has no network", pack.id);
    networks
}
