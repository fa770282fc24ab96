//! Files that were cut, changed or made up: an error, or a network that runs; never a panic.

use likeness_vision::engine::Engine;
use proptest::prelude::*;

use crate::{engine, tiny};

/// A damaged file may still be a network. Then it must run to an answer or an error.
fn load_and_run(onnx: &[u8]) {
    if let Ok(mut network) = engine().load(onnx, &tiny::INPUT_SHAPE) {
        let _ = network.run(&tiny::input(5));
    }
}

/// ONNX Runtime computes a height of -2 for the output, and `ort` panics when asked for it.
#[test]
fn a_kernel_larger_than_the_picture() {
    load_and_run(&tiny::onnx_of_a_huge_kernel());
}

proptest! {
    #[test]
    fn any_bytes(onnx in prop::collection::vec(any::<u8>(), 0..400)) {
        load_and_run(&onnx);
    }

    #[test]
    fn a_network_cut_short(length in 0..tiny::onnx().len()) {
        load_and_run(&tiny::onnx()[..length]);
    }

    #[test]
    fn a_network_with_some_bytes_changed(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut onnx = tiny::onnx();
        for (place, value) in changes {
            let place = place.index(onnx.len());
            onnx[place] = value;
        }
        load_and_run(&onnx);
    }
}
