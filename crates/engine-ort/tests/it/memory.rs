//! What a loaded network costs.

use std::fs;

use likeness_models::{DEFAULT_PACK, Trust};
use likeness_vision::engine::{Engine, Network};

use crate::installed::cache;
use crate::{engine, in_new_process};

/// Resident memory of this process that no file backs, in MiB.
fn resident_mib() -> f64 {
    let maps = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = maps.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

/// In a process of its own, where nobody else allocates.
#[test]
fn a_copy_costs_little_more_than_its_weights() {
    if in_new_process("memory::a_copy_costs_little_more_than_its_weights").is_some() {
        return;
    }
    let pack = likeness_models::open(&cache().pack_folder(DEFAULT_PACK), Trust::KnownOnly);
    let pack = pack.expect("the default pack is installed: run `make setup` first");
    let recogniser = pack.pack.recogniser.clone().unwrap();
    let onnx = pack.read(&recogniser.file).unwrap();
    let weights_mib = onnx.len() as f64 / (1 << 20) as f64;

    let before = resident_mib();
    let load = |_| engine().load(&onnx, &recogniser.input).unwrap();
    let copies: Vec<Box<dyn Network>> = (0..3).map(load).collect();
    let each = (resident_mib() - before) / copies.len() as f64;

    // Measured 26.8 MiB for 21.4 MiB of weights; 52.5 MiB while free pages were kept.
    assert!(each < weights_mib + 10.0, "{each:.1} MiB for {weights_mib:.1} MiB of weights");
    assert!(each > weights_mib / 2.0, "{each:.1} MiB cannot be the whole network");
}
