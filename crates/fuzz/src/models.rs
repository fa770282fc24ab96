//! Model packs and what networks are made of. The files come from pinned packages, or are an operator's own.

use crate::Target;
use likeness_gallery::Calibration;
use likeness_models::convert::{Sizes, age, face_recognition, graph_model, minifasnet, tensorflow_lite};
use likeness_models::{ModelsError, Pack};

pub(crate) const TARGETS: &[Target] = &[
    Target::with("pack", pack, packs),
    Target::of("graph_model", converted_graph_model),
    Target::of("weights", weights),
    Target::of("tensorflow_lite", |input| tensorflow_lite("fuzzed", input).is_ok()),
    Target::of("checkpoint", checkpoint),
    Target::of("calibration", calibration),
    Target::of("template", likeness_service::fuzz_targets::template),
    Target::with("backup", likeness_backup::fuzz_targets::backup, backups),
    Target::with("journal", likeness_backup::fuzz_targets::journal, journals),
];

fn pack(input: &[u8]) -> bool {
    let Some(pack) = likeness_models::fuzz_targets::pack(input) else { return false };
    let written = serde_json::to_vec(&pack).expect("text, numbers and lists always become JSON");
    assert!(likeness_models::fuzz_targets::pack(&written).is_some(), "it does not come back");
    true
}

/// The packs that are known, but for their long mean templates.
fn packs() -> Vec<Vec<u8>> {
    let short = |pack: &Pack| {
        let mut pack = pack.clone();
        if let Some(recogniser) = &mut pack.recogniser {
            recogniser.center = Vec::new();
        }
        serde_json::to_vec(&pack).expect("text, numbers and lists always become JSON")
    };
    likeness_models::catalogue().iter().map(short).collect()
}

/// A description in the first line, then weights.
fn split(input: &[u8]) -> (&[u8], &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    (&input[..end], input.get(end + 1..).unwrap_or_default())
}

fn converted_graph_model(input: &[u8]) -> bool {
    let (json, weights) = split(input);
    let one = graph_model("fuzzed", json, weights, Sizes::One);
    let any = graph_model("fuzzed", json, weights, Sizes::Any);
    assert!(one.is_ok() || any.is_err(), "a network that takes any size takes its own");
    one.is_ok()
}

/// Weights alone, of networks whose structure is ours.
fn weights(input: &[u8]) -> bool {
    let (manifest, weights) = split(input);
    is_read(&age(manifest, weights)) | is_read(&face_recognition(manifest, weights))
}

fn checkpoint(input: &[u8]) -> bool {
    is_read(&minifasnet(input))
}

/// Whether the weights could be read. No input that is small enough for fuzzing holds those of a whole network.
fn is_read(network: &Result<Vec<u8>, ModelsError>) -> bool {
    match network {
        Ok(_) => true,
        Err(ModelsError::Conversion { reason, .. }) => reason.contains("no tensor of this name"),
        Err(_) => false,
    }
}

fn calibration(input: &[u8]) -> bool {
    let Ok(calibration) = serde_json::from_slice::<Calibration>(input) else { return false };
    for distance in [0.0, f32::MIN_POSITIVE, 0.3, 1.0, 2.0, f32::MAX] {
        let confidences = [calibration.verify_confidence(distance), calibration.face_check_confidence(distance)];
        assert!(confidences.iter().all(|confidence| (0.0..=1.0).contains(confidence)), "no share of one");
        let rate = calibration.false_match_rate(distance);
        assert!((0.0..=1.0).contains(&rate), "no rate");
        let back = calibration.distance_for_false_match_rate(rate);
        let cut = calibration.identification_cut(1_000_000, rate);
        let _ = (back, cut, calibration.basis_at(distance), calibration.verify_distance(confidences[0]));
    }
    true
}

/// Lines of a deletion journal.
fn journals() -> Vec<Vec<u8>> {
    let front = "1767225600000 00000000-0000-0000-0000-000000000001 7";
    [
        "face 1 2",
        "container 3",
        "record 3 616263",
        "closed 5",
        "revoked 00000000-0000-0000-0000-000000000002 -",
        "void 2",
    ]
    .map(|act| format!("{front} {act}").into_bytes())
    .to_vec()
}

/// A frame with a row, and a header.
fn backups() -> Vec<Vec<u8>> {
    let account = [&[2, 0, 0, 0, 16][..], &[7; 16]].concat();
    let number = [&[1][..], &5_i64.to_be_bytes()].concat();
    let word = [&[3, 0, 0, 0, 4][..], b"word"].concat();
    let frame = [&[5][..], b"label", &1_u32.to_be_bytes(), &account, &number, &word].concat();
    vec![frame, b"likeness-backup\n\0\0\0\x02{}".to_vec()]
}
