//! The shape of an ONNX file: nodes, constants, one input, outputs.

use super::protobuf::Message;
use crate::ModelsError;

/// Operator set of the files. 13 is the oldest set in which the operators used here have their present form;
/// both engines read it.
const OPERATOR_SET: i64 = 13;
/// File format version that belongs to operator set 13 (ONNX 1.8).
const IR_VERSION: i64 = 7;
/// Name of the one input of every file.
pub(super) const INPUT: &str = "input";

/// `TensorProto.DataType` of the ONNX schema.
const FLOAT: i64 = 1;
const INT64: i64 = 7;

/// Nodes and constants in the order of their making. Both are referred to by name.
#[derive(Default)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    constants: Vec<(String, Message)>,
    made: usize,
}

struct Node {
    operator: &'static str,
    inputs: Vec<String>,
    output: String,
    attributes: Vec<(&'static str, Attribute)>,
}

/// A fixed property of a node.
pub(super) enum Attribute {
    Int(i64),
    Ints(Vec<i64>),
}

/// An output of the file: the name it shall have, the name it was made under, its shape.
pub(super) struct Output<'a> {
    pub(super) name: &'a str,
    pub(super) inner: &'a str,
    pub(super) shape: &'a [usize],
}

impl Graph {
    /// Adds a node and gives the name of what it computes.
    pub(super) fn node(
        &mut self,
        operator: &'static str,
        inputs: Vec<String>,
        attributes: Vec<(&'static str, Attribute)>,
    ) -> String {
        let output = self.name("t");
        self.nodes.push(Node { operator, inputs, output: output.clone(), attributes });
        output
    }

    /// Adds a constant of floats and gives its name.
    pub(super) fn floats(&mut self, shape: &[usize], values: &[f32]) -> String {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(shape, FLOAT, &raw)
    }

    /// Adds a list of whole numbers and gives its name.
    pub(super) fn numbers(&mut self, values: &[usize]) -> String {
        let values: Vec<i64> = values.iter().map(|&value| whole(value)).collect();
        self.signed_numbers(&values)
    }

    /// The same of numbers that may be negative: -1 in a shape stands for what is left over.
    pub(super) fn signed_numbers(&mut self, values: &[i64]) -> String {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(&[values.len()], INT64, &raw)
    }

    fn constant(&mut self, shape: &[usize], data_type: i64, raw: &[u8]) -> String {
        let name = self.name("w");
        let tensor = shape.iter().fold(Message::default(), |tensor, &length| tensor.int(1, whole(length)));
        self.constants.push((name.clone(), tensor.int(2, data_type).text(8, &name).bytes(9, raw)));
        name
    }

    fn name(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{kind}{}", self.made)
    }

    /// The file. Every output must be computed by a node, under one name that nothing else has. With `any_size` the file
    /// leaves height and width of the picture open, and with them how many rows its outputs have.
    pub(super) fn into_file(
        self,
        name: &str,
        input_shape: &[usize],
        outputs: &[Output],
        any_size: bool,
    ) -> Result<Vec<u8>, ModelsError> {
        for (at, output) in outputs.iter().enumerate() {
            let is_made_here = self.nodes.iter().any(|node| node.output == output.inner);
            let is_taken = output.name == INPUT
                || self.nodes.iter().any(|node| node.output == output.name)
                || self.constants.iter().any(|(name, _)| name == output.name)
                || outputs[..at].iter().any(|other| other.name == output.name || other.inner == output.inner);
            if !is_made_here || is_taken {
                return Err(ModelsError::Conversion {
                    place: format!("output {}", output.name),
                    reason: "is the input itself, or its name is taken".to_owned(),
                });
            }
        }
        let public =
            |inner: &str| outputs.iter().find(|output| output.inner == inner).map(|output| output.name.to_owned());

        let mut graph = Message::default();
        for (at, node) in self.nodes.iter().enumerate() {
            let mut message = Message::default();
            for input in &node.inputs {
                message = message.text(1, &public(input).unwrap_or_else(|| input.clone()));
            }
            message = message
                .text(2, &public(&node.output).unwrap_or_else(|| node.output.clone()))
                .text(3, &format!("n{at}"))
                .text(4, node.operator);
            for (name, attribute) in &node.attributes {
                message = message.message(5, attribute.encode(name));
            }
            graph = graph.message(1, message);
        }
        graph = graph.text(2, name);
        for (_, tensor) in self.constants {
            graph = graph.message(5, tensor);
        }
        let (of_input, of_output): (&[_], &[_]) =
            if any_size { (&["", "", "height", "width"], &["", "rows"]) } else { (&[], &[]) };
        graph = graph.message(11, value_info(INPUT, input_shape, of_input));
        for output in outputs {
            let open: Vec<String> = of_output
                .iter()
                .map(|open| if open.is_empty() { String::new() } else { format!("{}_{open}", output.name) })
                .collect();
            let open: Vec<&str> = open.iter().map(String::as_str).collect();
            graph = graph.message(12, value_info(output.name, output.shape, &open));
        }
        // No version of ours in the file: its hash is pinned and must not move with a release.
        let model = Message::default()
            .int(1, IR_VERSION)
            .text(2, "likeness")
            .message(7, graph)
            .message(8, Message::default().text(1, "").int(2, OPERATOR_SET));
        Ok(model.into_bytes())
    }
}

impl Attribute {
    fn encode(&self, name: &str) -> Message {
        // Field 20 is the kind: 2 a whole number, 7 a list of whole numbers.
        let message = Message::default().text(1, name);
        match self {
            Attribute::Int(value) => message.int(3, *value).int(20, 2),
            Attribute::Ints(values) => values.iter().fold(message, |message, &value| message.int(8, value)).int(20, 7),
        }
    }
}

/// A value with its shape; an axis that has a name in `open` may be of any length.
fn value_info(name: &str, shape: &[usize], open: &[&str]) -> Message {
    let dims = shape.iter().enumerate().fold(Message::default(), |dims, (axis, &length)| {
        let length = match open.get(axis) {
            Some(open) if !open.is_empty() => Message::default().text(2, open),
            _ => Message::default().int(1, whole(length)),
        };
        dims.message(1, length)
    });
    let tensor = Message::default().int(1, FLOAT).message(2, dims);
    Message::default().text(1, name).message(2, Message::default().message(1, tensor))
}

/// Lengths fit: each is bounded by the size of a file or by a checked sum of such.
pub(super) fn whole(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
