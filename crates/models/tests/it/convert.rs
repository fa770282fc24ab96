//! The converters on files made by hand and on invalid files.

use likeness_models::ModelsError;
use likeness_models::convert::{Sizes, age, face_recognition, graph_model, minifasnet};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A convolution of two pixels side by side with a bias and a ReLU: the smallest network worth the name.
fn small_model() -> (Value, Vec<u8>) {
    let floats = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let json = json!({
        "modelTopology": { "node": [
            { "name": "picture", "op": "Placeholder",
              "attr": { "shape": { "shape": { "dim": [{"size": "-1"}, {"size": "1"}, {"size": "3"}, {"size": 1}] } } } },
            { "name": "filters", "op": "Const" },
            { "name": "bias", "op": "Const" },
            { "name": "sum", "op": "_FusedConv2D", "input": ["picture", "filters", "bias"], "attr": {
                "strides": { "list": { "i": ["1", "1", "1", "1"] } },
                "dilations": { "list": { "i": ["1", "1", "1", "1"] } },
                "padding": { "s": "U0FNRQ==" },
                "fused_ops": { "list": { "s": ["Qmlhc0FkZA==", "UmVsdQ=="] } } } },
            { "name": "Identity", "op": "Identity", "input": ["sum"] }
        ] },
        "weightsManifest": [{ "weights": [
            { "name": "filters", "shape": [1, 2, 1, 1], "dtype": "float32" },
            { "name": "bias", "shape": [1], "dtype": "float32", "quantization": { "dtype": "uint8", "scale": 0.5, "min": -1.0 } }
        ] }]
    });
    let mut weights = floats(&[2.0, 3.0]);
    weights.push(7);
    (json, weights)
}

fn convert(json: &Value, weights: &[u8]) -> Result<Vec<u8>, ModelsError> {
    graph_model("small", &serde_json::to_vec(json).unwrap(), weights, Sizes::One)
}

#[test]
fn the_small_model_becomes_these_bytes() {
    let (json, weights) = small_model();
    let onnx = convert(&json, &weights).unwrap();
    assert_eq!(onnx, convert(&json, &weights).unwrap(), "the same source must give the same file");
    let text = String::from_utf8_lossy(&onnx);
    for part in ["likeness", "Conv", "Relu", "Transpose", "input", "Identity", "kernel_shape", "pads"] {
        assert!(text.contains(part), "{part} is missing");
    }
    // 7 * 0.5 - 1 = 2.5 is the bias; the filter keeps its two numbers.
    for values in [[2.0_f32, 3.0].as_slice(), &[2.5]] {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert!(onnx.windows(raw.len()).any(|window| window == raw), "{values:?} is missing");
    }
    // One pixel is missing for a window of two; it goes to the right: pads [0, 0, 0, 1] as fields of number 8.
    let pads = b"\x0a\x04pads\x40\x00\x40\x00\x40\x00\x40\x01";
    assert!(onnx.windows(pads.len()).any(|window| window == pads));
    insta::assert_snapshot!(hex::encode(&onnx));
}

/// The small model's picture as rows of another shape.
fn reshaped(shape: &[i32]) -> (Value, Vec<u8>) {
    let (mut json, mut weights) = small_model();
    let nodes = json["modelTopology"]["node"].as_array_mut().unwrap();
    nodes.push(json!({ "name": "shape", "op": "Const" }));
    nodes.push(json!({ "name": "rows", "op": "Reshape", "input": ["Identity", "shape"] }));
    let parts = json["weightsManifest"][0]["weights"].as_array_mut().unwrap();
    parts.push(json!({ "name": "shape", "shape": [shape.len()], "dtype": "int32" }));
    weights.extend(shape.iter().flat_map(|length| length.to_le_bytes()));
    (json, weights)
}

#[test]
fn a_network_takes_any_size_only_where_it_can() {
    let cases = [
        ("one row for each place of the picture", vec![-1, 3, 1], true),
        ("all places in one row", vec![-1, 3], false),
        ("rows of rows", vec![-1, 1, 3, 1, 1], false),
    ];
    for (name, shape, can) in cases {
        let (json, weights) = reshaped(&shape);
        let json = serde_json::to_vec(&json).unwrap();
        graph_model("small", &json, &weights, Sizes::One).unwrap_or_else(|error| panic!("{name}: {error}"));
        match graph_model("small", &json, &weights, Sizes::Any) {
            Ok(_) => assert!(can, "{name}"),
            Err(ModelsError::Conversion { place, reason }) => assert!(!can, "{name}: {place}: {reason}"),
            Err(other) => panic!("{name}: {other}"),
        }
    }
}

#[test]
fn wrong_models_are_refused_at_the_place_of_the_fault() {
    struct Case {
        name: &'static str,
        spoil: fn(&mut Value, &mut Vec<u8>),
        place: &'static str,
    }
    let cases = [
        Case { name: "weights too short", spoil: |_, weights| weights.truncate(8), place: "weights, bias" },
        Case { name: "weights too long", spoil: |_, weights| weights.push(0), place: "weights, manifest" },
        Case {
            name: "a tensor larger than memory",
            spoil: |json, _| {
                json["weightsManifest"][0]["weights"][0]["shape"] = json!([4294967296_u64, 4294967296_u64]);
            },
            place: "weights, filters",
        },
        Case {
            name: "an unknown number format",
            spoil: |json, _| json["weightsManifest"][0]["weights"][1]["dtype"] = json!("complex64"),
            place: "weights, bias",
        },
        Case {
            name: "a tensor twice",
            spoil: |json, _| json["weightsManifest"][0]["weights"][1]["name"] = json!("filters"),
            place: "weights, filters",
        },
        Case {
            name: "an unknown operator",
            spoil: |json, _| json["modelTopology"]["node"][4]["op"] = json!("Einsum"),
            place: "Identity",
        },
        Case {
            name: "an input that is not there",
            spoil: |json, _| json["modelTopology"]["node"][4]["input"] = json!(["nothing"]),
            place: "Identity",
        },
        Case {
            name: "a circle",
            spoil: |json, _| json["modelTopology"]["node"][3]["input"][0] = json!("Identity"),
            place: "sum",
        },
        Case {
            name: "a node that is its own input",
            spoil: |json, _| json["modelTopology"]["node"][3]["input"][0] = json!("sum"),
            place: "sum",
        },
        Case {
            name: "two nodes of one name",
            spoil: |json, _| json["modelTopology"]["node"][4]["name"] = json!("sum"),
            place: "sum",
        },
        Case {
            name: "an unknown activation",
            spoil: |json, _| {
                json["modelTopology"]["node"][3]["attr"]["fused_ops"]["list"]["s"][1] = json!("RWx1");
            },
            place: "sum",
        },
        Case {
            name: "a stride of nothing",
            spoil: |json, _| {
                json["modelTopology"]["node"][3]["attr"]["strides"]["list"]["i"] = json!(["1", "0", "1", "1"]);
            },
            place: "shape [1, 3]",
        },
        Case {
            name: "a huge stride",
            spoil: |json, _| {
                let huge = i64::MAX.to_string();
                json["modelTopology"]["node"][3]["attr"]["strides"]["list"]["i"] = json!(["1", huge, huge, "1"]);
            },
            place: "",
        },
        Case {
            name: "dilated filters",
            spoil: |json, _| {
                json["modelTopology"]["node"][3]["attr"]["dilations"]["list"]["i"] = json!(["1", "2", "2", "1"]);
            },
            place: "sum",
        },
        Case {
            name: "filters for other channels",
            spoil: |json, _| json["weightsManifest"][0]["weights"][0]["shape"] = json!([1, 1, 2, 1]),
            place: "shape",
        },
        Case {
            name: "no input",
            spoil: |json, _| {
                json["modelTopology"]["node"].as_array_mut().unwrap().remove(0);
            },
            place: "graph model",
        },
    ];
    for case in cases {
        let (mut json, mut weights) = small_model();
        (case.spoil)(&mut json, &mut weights);
        match convert(&json, &weights) {
            Err(ModelsError::Conversion { place, .. }) => {
                assert!(place.starts_with(case.place), "{}: {place}", case.name);
            }
            // A stride longer than the picture takes one window, which is no fault.
            Ok(_) if case.name == "a huge stride" => {}
            other => panic!("{}: {other:?}", case.name),
        }
    }
}

#[test]
fn a_chain_longer_than_any_stack_is_no_danger() {
    let mut nodes = small_model().0["modelTopology"]["node"].as_array().unwrap().clone();
    nodes.pop();
    for at in 0..100_000 {
        let input = if at == 0 { "sum".to_owned() } else { format!("r{}", at - 1) };
        nodes.push(json!({ "name": format!("r{at}"), "op": "Relu", "input": [input] }));
    }
    nodes.reverse();
    let (mut json, weights) = small_model();
    json["modelTopology"]["node"] = json!(nodes);
    convert(&json, &weights).unwrap();
}

#[test]
fn hostile_checkpoints_are_refused() {
    struct Case {
        name: &'static str,
        pickle: Vec<u8>,
        says: &'static str,
    }
    let version_and_sizes = b"K\x01.}.";
    let cases = [
        Case {
            name: "a call of the shell",
            pickle: b"cos\nsystem\nX\x02\0\0\0ls\x85R.".to_vec(),
            says: "call of os.system",
        },
        Case {
            name: "values deeper than any stack",
            pickle: [b"N".as_slice(), &[0x85; 100_000]].concat(),
            says: "too deep",
        },
        Case {
            name: "dictionaries in dictionaries",
            pickle: [b"}".as_slice(), &b"K\x01}".repeat(100), &[b's'; 100]].concat(),
            says: "too deep",
        },
        Case {
            name: "values that share others, each many times",
            pickle: [
                b"NNN\x87Qq\x01".as_slice(),
                &[b"(".as_slice(), &b"h\x01".repeat(250), b"tQq\x01"].concat().repeat(12),
            ]
            .concat(),
            says: "ends too early",
        },
        Case { name: "a text longer than the file", pickle: b"X\xff\xff\xff\x7f".to_vec(), says: "ends too early" },
        Case { name: "a later protocol", pickle: b"\x80\x04".to_vec(), says: "protocol 4" },
        Case { name: "no tensors", pickle: b"K\x01.".to_vec(), says: "no dictionary" },
    ];
    for case in cases {
        let checkpoint = [CHECKPOINT_MAGIC, version_and_sizes, &case.pickle].concat();
        match minifasnet(&checkpoint) {
            Err(ModelsError::Conversion { reason, .. }) => {
                assert!(reason.contains(case.says), "{}: {reason}", case.name)
            }
            other => panic!("{}: {other:?}", case.name),
        }
    }
}

/// How PyTorch's older weight files begin.
const CHECKPOINT_MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

proptest! {
    #[test]
    fn any_bytes_give_an_error(
        json in proptest::collection::vec(any::<u8>(), 0..300),
        weights in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        prop_assert!(graph_model("any", &json, &weights, Sizes::Any).is_err());
        prop_assert!(face_recognition(&json, &weights).is_err());
        prop_assert!(age(&json, &weights).is_err());
        prop_assert!(minifasnet(&weights).is_err());
    }

    /// The checkpoint reader is a small machine; after a right beginning it meets any instructions at all.
    #[test]
    fn any_pickle_gives_an_error(
        pickles in proptest::collection::vec(
            prop_oneof![
                Just(b"}".to_vec()), Just(b"]".to_vec()), Just(b")".to_vec()), Just(b"(".to_vec()), Just(b"t".to_vec()),
                Just(b"u".to_vec()), Just(b"s".to_vec()), Just(b"e".to_vec()), Just(b"R".to_vec()), Just(b"Q".to_vec()),
                Just(b".".to_vec()), Just(b"\x85".to_vec()), Just(b"\x87".to_vec()), Just(b"q\x01".to_vec()),
                Just(b"h\x01".to_vec()), Just(b"K\x02".to_vec()), Just(b"X\x01\0\0\0a".to_vec()), Just(b"b".to_vec()),
                Just(b"ctorch\nFloatStorage\n".to_vec()), Just(b"ctorch._utils\n_rebuild_tensor_v2\n".to_vec()),
                proptest::collection::vec(any::<u8>(), 1..4),
            ],
            0..60,
        ),
    ) {
        let checkpoint = [CHECKPOINT_MAGIC, &pickles.concat()].concat();
        prop_assert!(minifasnet(&checkpoint).is_err());
    }

    /// Valid JSON with any one number or text replaced must not panic either; some of them are still models.
    #[test]
    fn a_model_with_one_part_replaced_does_no_harm(
        place in any::<prop::sample::Index>(),
        value in prop_oneof![
            any::<i64>().prop_map(Value::from),
            (-4_i64..5).prop_map(Value::from),
            (-4_i64..5).prop_map(|number| Value::from(number.to_string())),
            "[a-zA-Z0-9+/=]{0,12}".prop_map(Value::from),
            Just(json!([])),
            Just(json!({})),
            Just(Value::Null),
        ],
        weights in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let (mut json, right_weights) = small_model();
        let mut places = Vec::new();
        leaves(&json, String::new(), &mut places);
        let place: &String = place.get(&places);
        *json.pointer_mut(place).unwrap() = value;
        let _ = convert(&json, &weights);
        let _ = convert(&json, &right_weights);
    }
}

fn leaves(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                leaves(member, format!("{at}/{name}"), places);
            }
        }
        Value::Array(members) => {
            for (number, member) in members.iter().enumerate() {
                leaves(member, format!("{at}/{number}"), places);
            }
        }
        _ => places.push(at),
    }
}
