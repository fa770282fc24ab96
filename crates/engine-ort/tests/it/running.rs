//! Loading and running the tiny network. What every engine must do: `engine-pure` runs the same tests.

use likeness_vision::engine::{Engine, EngineError, Tensor};

use crate::{engine, tiny};

/// Sums of 18 products of numbers below 1, in any order.
const ROUNDING: f32 = 1e-5;

#[test]
fn answers_are_those_of_the_definition() {
    let mut network = engine().load(&tiny::onnx(), &tiny::INPUT_SHAPE).unwrap();
    assert_eq!(network.outputs(), ["positive", "sums"]);
    for seed in 0..10 {
        let input = tiny::input(seed);
        let answers = network.run(&input).unwrap();
        assert_eq!(answers.len(), 2);
        for (answer, expected) in answers.iter().zip(&tiny::expected(&input)) {
            assert!(tiny::difference(answer, expected) < ROUNDING, "seed {seed}");
        }
    }
}

#[test]
fn an_open_size_may_change_from_run_to_run() {
    let mut network = engine().load(&tiny::onnx_for_every_size(), &tiny::INPUT_SHAPE).unwrap();
    let input = tiny::input(2);
    assert!(tiny::difference(&network.run(&input).unwrap()[1], &tiny::expected(&input)[1]) < ROUNDING);
    let [_, sums] = &network.run(&Tensor::zeros(&[1, 2, 4, 6])).unwrap()[..] else { panic!("two outputs") };
    assert_eq!((&sums.shape[..], sums.data.len()), (&[1, 3, 4, 6][..], 72));
    assert!(tiny::difference(&network.run(&input).unwrap()[1], &tiny::expected(&input)[1]) < ROUNDING);
    // What the file fixes stays fixed, and a length of nothing is none.
    for shape in [vec![1, 3, 4, 6], vec![2, 2, 4, 6], vec![1, 2, 0, 6], vec![1, 2, 4]] {
        assert!(matches!(network.run(&Tensor::zeros(&shape)), Err(EngineError::Run(_))), "{shape:?}");
    }
    let short = Tensor { shape: vec![1, 2, 4, 6], data: vec![0.0; 47] };
    assert!(matches!(network.run(&short), Err(EngineError::Run(_))));
}

#[test]
fn constants_of_an_old_file_are_no_inputs() {
    let mut network = engine().load(&tiny::onnx_of_the_old_kind(), &tiny::INPUT_SHAPE).unwrap();
    let input = tiny::input(4);
    assert!(tiny::difference(&network.run(&input).unwrap()[1], &tiny::expected(&input)[1]) < ROUNDING);
}

#[test]
fn every_copy_on_its_own_thread_answers_alike() {
    let engine = engine();
    let first = engine.load(&tiny::onnx(), &tiny::INPUT_SHAPE).unwrap().run(&tiny::input(1)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut network = engine.load(&tiny::onnx(), &tiny::INPUT_SHAPE).unwrap();
                for _ in 0..50 {
                    assert_eq!(network.run(&tiny::input(1)).unwrap(), first);
                }
            });
        }
    });
}

#[test]
fn another_input_than_promised_is_refused_and_does_no_harm() {
    let mut network = engine().load(&tiny::onnx(), &tiny::INPUT_SHAPE).unwrap();
    let good = tiny::input(3);
    let cases = [
        ("transposed", Tensor { shape: vec![1, 2, 7, 5], data: good.data.clone() }),
        ("flat", Tensor { shape: vec![good.data.len()], data: good.data.clone() }),
        ("empty", Tensor { shape: vec![], data: vec![] }),
        ("too few values", Tensor { shape: good.shape.clone(), data: good.data[1..].to_vec() }),
        ("too many values", Tensor { shape: good.shape.clone(), data: [good.data.clone(), vec![0.0]].concat() }),
    ];
    for (case, input) in cases {
        assert!(matches!(network.run(&input), Err(EngineError::Run(_))), "{case}");
    }
    let answer = network.run(&good).unwrap();
    assert!(tiny::difference(&answer[0], &tiny::expected(&good)[0]) < ROUNDING);
}

#[test]
fn what_cannot_be_loaded_is_an_error() {
    let (good, open) = (tiny::onnx(), tiny::onnx_for_every_size());
    let shape = tiny::INPUT_SHAPE.as_slice();
    let cases: [(&str, &[u8], &[usize]); 11] = [
        ("no bytes", &[], shape),
        ("no network", b"this is a letter to a friend", shape),
        ("first half of a network", &good[..good.len() / 2], shape),
        ("all but the last byte", &good[..good.len() - 1], shape),
        ("other size", &good, &[1, 2, 5, 8]),
        ("other channels", &good, &[1, 3, 5, 7]),
        ("fewer dimensions", &good, &[2, 5, 7]),
        ("nothing in it", &good, &[0, 2, 5, 7]),
        ("no dimensions", &good, &[]),
        ("more than memory holds", &open, &[1, 2, 1 << 20, 1 << 20]),
        ("more than can be counted", &open, &[1, 2, usize::MAX, usize::MAX]),
    ];
    for (case, onnx, shape) in cases {
        assert!(matches!(engine().load(onnx, shape), Err(EngineError::Load(_))), "{case}");
    }
    assert!(matches!(engine().load(&tiny::onnx_of_whole_numbers(), shape), Err(EngineError::Load(_))), "whole numbers");
}
