//! Manifests of packs: those of operators, and which are refused.

use std::fs;
use std::path::Path;

use likeness_models::{
    Basis, Cache, ModelsError, Pack, Trust, catalogue, installed, is_known, open, runtime_libraries,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const NETWORK: &[u8] = b"a network of the operator's own";

/// A folder with a pack such as operators write: an ArcFace-style recogniser.
fn own_pack(folder: &Path) -> Value {
    fs::write(folder.join("own.onnx"), NETWORK).unwrap();
    json!({
        "format": 2,
        "id": "our-recogniser-2",
        "title": "Trained on our own people",
        "files": [{
            "path": "own.onnx",
            "sha256": hex::encode(Sha256::digest(NETWORK)),
            "bytes": NETWORK.len(),
            "role": "recogniser",
            "licence": "ours",
            "origin": "ours"
        }],
        "recogniser": {
            "kind": "arcface",
            "aligned_by": "detector",
            "normalisation": { "subtract": [127.5, 127.5, 127.5], "divide": [127.5, 127.5, 127.5] },
            "file": "own.onnx",
            "input": [1, 3, 112, 112],
            "dimension": 512,
            "mirror": false,
            "unit": true,
            "calibration": {
                "verify": { "half_at_distance": 1.2, "slope": 8.0 },
                "rates": [
                    { "false_match_rate": 1e-5, "distance": 0.9, "basis": "extrapolated" },
                    { "false_match_rate": 1e-2, "distance": 1.2, "basis": "measured" }
                ],
                "note": "measured on 40 people",
                "impostor_pairs": 780,
                "people": 40
            }
        }
    })
}

fn write(folder: &Path, manifest: &Value) {
    fs::write(folder.join("pack.json"), serde_json::to_vec(manifest).unwrap()).unwrap();
}

#[test]
fn an_own_pack_is_admitted_only_on_demand() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &own_pack(folder.path()));
    let error = open(folder.path(), Trust::KnownOnly).unwrap_err();
    assert!(matches!(&error, ModelsError::UnknownFile { file, .. } if file == "own.onnx"));
    assert!(error.to_string().contains("--allow-unknown-models"), "{error}");

    let pack = open(folder.path(), Trust::AllowUnknown).unwrap();
    assert_eq!(pack.read("own.onnx").unwrap(), NETWORK);
    assert_eq!(pack.pack.recogniser.unwrap().dimension, 512);
}

#[test]
fn an_own_pack_in_the_cache_is_listed_and_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path().to_owned());
    let own = cache.pack_folder("our-recogniser-2");
    fs::create_dir_all(&own).unwrap();
    write(&own, &own_pack(&own));
    let listed = installed(&cache).unwrap();
    assert_eq!(listed.iter().map(|pack| pack.pack.id.as_str()).collect::<Vec<_>>(), ["our-recogniser-2"]);
    assert!(listed[0].pack.files.iter().all(|file| !is_known(&file.sha256)));
}

#[test]
fn an_own_pack_must_match_its_manifest_even_when_trusted() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &own_pack(folder.path()));
    fs::write(folder.path().join("own.onnx"), b"another network").unwrap();
    assert!(matches!(open(folder.path(), Trust::AllowUnknown), Err(ModelsError::WrongHash { .. })));
}

#[test]
fn a_pack_cannot_pass_as_one_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let mut manifest = own_pack(folder.path());
    manifest["id"] = json!("likeness-default-1");
    write(folder.path(), &manifest);
    // What it says of itself does not count: it would have to hold our files.
    assert!(matches!(open(folder.path(), Trust::AllowUnknown), Err(ModelsError::Missing { .. })));
    fs::write(folder.path().join("face_recognition.onnx"), NETWORK).unwrap();
    assert!(matches!(open(folder.path(), Trust::AllowUnknown), Err(ModelsError::WrongHash { .. })));
}

#[test]
fn senseless_manifests_are_refused_with_a_reason() {
    struct Case {
        name: &'static str,
        spoil: fn(&mut Value),
        says: &'static str,
    }
    let cases = [
        Case { name: "a later format", spoil: |pack| pack["format"] = json!(3), says: "format 3" },
        Case { name: "the format before", spoil: |pack| pack["format"] = json!(1), says: "docs/models.md" },
        Case { name: "an id with a slash", spoil: |pack| pack["id"] = json!("a/b"), says: "id" },
        Case { name: "an id that is a path", spoil: |pack| pack["id"] = json!(".."), says: "id" },
        Case { name: "an empty id", spoil: |pack| pack["id"] = json!(""), says: "id" },
        Case { name: "an unknown member", spoil: |pack| pack["recognizer"] = json!({}), says: "recognizer" },
        Case {
            name: "a file outside",
            spoil: |pack| pack["files"][0]["path"] = json!("../own.onnx"),
            says: "../own.onnx",
        },
        Case {
            name: "the manifest as a file",
            spoil: |pack| pack["files"][0]["path"] = json!("pack.json"),
            says: "pack.json",
        },
        Case {
            name: "a file twice",
            spoil: |pack| {
                let file = pack["files"][0].clone();
                pack["files"].as_array_mut().unwrap().push(file);
            },
            says: "own.onnx",
        },
        Case {
            name: "a hash in capitals",
            spoil: |pack| pack["files"][0]["sha256"] = json!("AB".repeat(32)),
            says: "SHA-256",
        },
        Case {
            name: "a network without a file",
            spoil: |pack| pack["recogniser"]["file"] = json!("other.onnx"),
            says: "other.onnx",
        },
        Case {
            name: "a batch of two",
            spoil: |pack| pack["recogniser"]["input"] = json!([2, 3, 112, 112]),
            says: "input",
        },
        Case {
            name: "an input of nothing",
            spoil: |pack| pack["recogniser"]["input"] = json!([1, 3, 0, 112]),
            says: "input",
        },
        Case { name: "no numbers", spoil: |pack| pack["recogniser"]["dimension"] = json!(0), says: "1 to 4096" },
        Case {
            name: "a mean of another length",
            spoil: |pack| pack["recogniser"]["center"] = json!([0.5, 0.5]),
            says: "mean template",
        },
        Case {
            name: "no table of rates",
            spoil: |pack| pack["recogniser"]["calibration"]["rates"] = json!([]),
            says: "at least two rows",
        },
        Case {
            name: "rates out of order",
            spoil: |pack| pack["recogniser"]["calibration"]["rates"].as_array_mut().unwrap().reverse(),
            says: "rising",
        },
        Case {
            name: "a rate of everybody",
            spoil: |pack| pack["recogniser"]["calibration"]["rates"][1]["false_match_rate"] = json!(1.0),
            says: "between 0 and 1",
        },
        Case {
            name: "a small rate that was seen beside a larger one that was not",
            spoil: |pack| {
                let rates = &mut pack["recogniser"]["calibration"]["rates"];
                rates[0]["basis"] = json!("measured");
                rates[1]["basis"] = json!("extrapolated");
            },
            says: "above every extrapolated",
        },
        Case {
            name: "a basis that is neither",
            spoil: |pack| pack["recogniser"]["calibration"]["rates"][0]["basis"] = json!("hoped"),
            says: "hoped",
        },
        Case {
            name: "a second table of one row",
            spoil: |pack| {
                let row = pack["recogniser"]["calibration"]["rates"][0].clone();
                pack["recogniser"]["calibration"]["two_pass_rates"] = json!([row]);
            },
            says: "two-pass rates",
        },
        Case {
            name: "a division by nothing",
            spoil: |pack| pack["recogniser"]["normalisation"]["divide"][2] = json!(0.0),
            says: "normalisation",
        },
        Case {
            name: "a slope of nothing",
            spoil: |pack| pack["recogniser"]["calibration"]["verify"]["slope"] = json!(0.0),
            says: "slope",
        },
        Case {
            name: "a threshold above one",
            spoil: |pack| {
                pack["detector"] = json!({
                    "kind": "scrfd", "file": "own.onnx", "input": [1, 3, 640, 640],
                    "score_threshold": 1.5, "overlap_threshold": 0.4
                });
            },
            says: "thresholds",
        },
    ];
    for case in cases {
        let folder = tempfile::tempdir().unwrap();
        let mut manifest = own_pack(folder.path());
        (case.spoil)(&mut manifest);
        write(folder.path(), &manifest);
        match open(folder.path(), Trust::AllowUnknown) {
            Err(ModelsError::Manifest { reason, .. }) => {
                assert!(reason.contains(case.says), "{}: {reason}", case.name);
            }
            other => panic!("{}: {other:?}", case.name),
        }
    }
}

#[test]
fn our_own_data_is_well_formed() {
    let default = &catalogue()[0];
    assert!(!default.optional);
    assert!(catalogue()[1..].iter().all(|pack| pack.optional));
    for pack in catalogue() {
        assert!(pack.files.iter().all(|file| !file.sources.is_empty()), "{}", pack.id);
    }
    let machines: Vec<_> =
        runtime_libraries().iter().map(|library| (library.os.as_str(), library.architecture.as_str())).collect();
    assert_eq!(machines, [("linux", "x86_64"), ("linux", "aarch64"), ("macos", "aarch64")]);
}

#[test]
fn a_pack_survives_being_written_and_read() {
    for pack in catalogue() {
        let json = serde_json::to_string(pack).unwrap();
        assert_eq!(&serde_json::from_str::<Pack>(&json).unwrap(), pack);
    }
}

/// Verify's curve goes through 0.5 at a rate of 3e-5 and through 0.9 at 1e-6, for every recogniser of ours.
#[test]
fn verify_means_the_same_rate_for_every_recogniser() {
    let recognisers: Vec<_> =
        catalogue().iter().filter_map(|pack| Some((&pack.id, pack.recogniser.as_ref()?))).collect();
    assert_eq!(recognisers.len(), 3);
    for (id, recogniser) in recognisers {
        let calibration = &recogniser.calibration;
        let at = |rate: f64| {
            let row = calibration.rates.iter().find(|row| row.false_match_rate == rate);
            row.unwrap_or_else(|| panic!("{id} has no row for {rate}")).distance
        };
        let verify = calibration.verify;
        let confidence = |distance: f32| 1.0 / (1.0 + (verify.slope * (distance - verify.half_at_distance)).exp());
        assert_eq!(verify.half_at_distance, at(3e-5), "{id}");
        assert!((confidence(at(1e-6)) - 0.9).abs() < 1e-4, "{id}: {}", confidence(at(1e-6)));
        let measured: Vec<f64> = calibration
            .rates
            .iter()
            .filter(|row| row.basis == Basis::Measured)
            .map(|row| row.false_match_rate)
            .collect();
        assert_eq!(measured, [1e-7, 1e-6, 1e-5, 3e-5, 1e-4, 1e-3], "{id}: what 87 million pairs can show");
        assert_eq!((calibration.impostor_pairs, calibration.people), (87_015_337, 5_749), "{id}");
        assert_eq!(
            calibration.two_pass_rates.is_empty(),
            recogniser.mirror,
            "{id}: what is stored is of two passes already"
        );
    }
}

/// An install fetches data; no application framework comes along, and nothing that runs.
#[test]
fn few_packages_are_installed() {
    let lock: Value = serde_json::from_str(include_str!("../../../../models/package-lock.json")).unwrap();
    let packages = lock["packages"].as_object().unwrap();
    let names: Vec<&str> = packages.keys().filter_map(|path| path.strip_prefix("node_modules/")).collect();
    assert!(names.len() <= 25, "{} packages: {names:?}", names.len());
    for foreign in ["expo", "react", "react-native"] {
        assert!(!names.contains(&foreign), "{foreign} is what a package wants beside it, and no data");
    }
    assert!(packages.values().all(|package| package.get("resolved").is_none()), "no registry is named");
    let modules = crate::cache::filled().npm_folder().join("node_modules");
    for name in ["expo", "react", "react-native"] {
        assert!(!modules.join(name).exists(), "{name} was installed");
    }
}

proptest! {
    #[test]
    fn any_bytes_as_a_manifest_give_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("pack.json"), bytes).unwrap();
        let refused = matches!(open(folder.path(), Trust::AllowUnknown), Err(ModelsError::Manifest { .. }));
        prop_assert!(refused);
    }
}
