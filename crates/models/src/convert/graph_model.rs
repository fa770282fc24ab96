//! Rewrites a TensorFlow.js graph model as ONNX.
//!
//! A graph model is JSON: nodes with the names of TensorFlow's operators, each naming its inputs, beside a
//! weights manifest. Pictures lie channels-last there and channels-first here; filters are reordered, paddings
//! permuted, and where a picture becomes a list the channels-last order is restored first, so that every
//! output holds the numbers TensorFlow.js would give, in its order and under its name.
//!
//! Only the operators of the networks in our packs are known. Another operator is an error that names it.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use serde::Deserialize;

use super::network::{Network, Padding, Value, Window, volume};
use crate::ModelsError;
use crate::weights::{Group, Tensor, Values, Weights};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    model_topology: Topology,
    weights_manifest: Vec<Group>,
}

#[derive(Deserialize)]
struct Topology {
    node: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    name: String,
    op: String,
    #[serde(default)]
    input: Vec<String>,
    #[serde(default)]
    attr: BTreeMap<String, Attribute>,
}

/// A node's attribute; each use reads the one member it needs. Numbers are written as text in the JSON of
/// some converters and as numbers in others; text is base64.
#[derive(Deserialize, Default)]
struct Attribute {
    s: Option<String>,
    b: Option<bool>,
    list: Option<List>,
    shape: Option<Shape>,
}

#[derive(Deserialize, Default)]
struct List {
    #[serde(default)]
    i: Vec<Number>,
    #[serde(default)]
    s: Vec<String>,
}

#[derive(Deserialize)]
struct Shape {
    dim: Vec<Dimension>,
}

#[derive(Deserialize)]
struct Dimension {
    size: Number,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Text(String),
    Plain(i64),
}

impl Number {
    fn get(&self) -> Option<i64> {
        match self {
            Number::Text(text) => text.parse().ok(),
            Number::Plain(number) => Some(*number),
        }
    }
}

/// Which pictures a converted network takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizes {
    /// Those of the size that the graph model names.
    One,
    /// Of any height and width that the network's strides divide; the one that the graph model names is one of them.
    Any,
}

/// Reads the graph model and its weights and writes an ONNX file whose graph is called `name`.
///
/// # Errors
/// [`ModelsError::Conversion`] for anything that is not such a model, uses an operator we do not know, or shall take any
/// size and cannot.
pub fn graph_model(name: &str, json: &[u8], weights: &[u8], sizes: Sizes) -> Result<Vec<u8>, ModelsError> {
    let file: File = serde_json::from_slice(json)
        .map_err(|error| ModelsError::Conversion { place: "graph model".to_owned(), reason: error.to_string() })?;
    let weights = Weights::from_groups(&file.weights_manifest, weights)?;
    let nodes = &file.model_topology.node;

    let placeholder = match nodes.iter().filter(|node| node.op == "Placeholder").collect::<Vec<_>>()[..] {
        [node] => node,
        _ => return Err(fault("graph model", "needs exactly one input")),
    };
    let [height, width, channels] = input_size(placeholder)?;
    let (mut network, input) = Network::new(channels, height, width);
    if sizes == Sizes::Any {
        network.take_any_size();
    }
    let mut lowering = Lowering { network, weights: &weights, values: BTreeMap::new() };
    lowering.values.insert(&placeholder.name, input);

    for node in in_order(nodes)? {
        if node.op != "Const" && node.op != "Placeholder" {
            let value = lowering.node(node)?;
            lowering.values.insert(&node.name, value);
        }
    }
    let outputs = lowering.outputs(nodes)?;
    lowering.network.into_onnx(name, &outputs)
}

/// Height, width and channels of the input.
fn input_size(placeholder: &Node) -> Result<[usize; 3], ModelsError> {
    let sizes = placeholder
        .attr
        .get("shape")
        .and_then(|attribute| attribute.shape.as_ref())
        .map(|shape| shape.dim.iter().map(|dimension| dimension.size.get()).collect::<Vec<_>>());
    // A batch of -1 means any; ours is always one.
    if let Some(&[Some(-1 | 1), Some(height), Some(width), Some(channels)]) = sizes.as_deref()
        && let [Some(height), Some(width), Some(channels)] = [height, width, channels].map(side)
    {
        return Ok([height, width, channels]);
    }
    Err(fault(&placeholder.name, "the input must be a picture: batch, height, width, channels"))
}

/// A length of the input that is not out of all proportion.
fn side(length: i64) -> Option<usize> {
    usize::try_from(length).ok().filter(|length| (1..=1 << 14).contains(length))
}

/// The nodes in an order in which every node comes after its inputs. Among several such orders it is the one
/// nearest to the file's, so the same file always gives the same bytes.
fn in_order(nodes: &[Node]) -> Result<Vec<&Node>, ModelsError> {
    let mut by_name = BTreeMap::new();
    for node in nodes {
        if by_name.insert(node.name.as_str(), node).is_some() {
            return Err(fault(&node.name, "the name occurs twice"));
        }
    }
    let mut ordered = Vec::with_capacity(nodes.len());
    let mut done = BTreeSet::new();
    let mut entered = BTreeSet::new();
    // An explicit stack: a hostile file may chain its nodes deeper than ours could recurse.
    let mut stack: Vec<&Node> = Vec::new();
    for start in nodes {
        stack.push(start);
        while let Some(&node) = stack.last() {
            if done.contains(node.name.as_str()) {
                stack.pop();
                continue;
            }
            let is_first_visit = entered.insert(node.name.as_str());
            let before = stack.len();
            for input in &node.input {
                let input =
                    *by_name.get(input.as_str()).ok_or_else(|| fault(&node.name, format!("no node `{input}`")))?;
                if !done.contains(input.name.as_str()) {
                    stack.push(input);
                }
            }
            if stack.len() == before {
                stack.pop();
                done.insert(node.name.as_str());
                ordered.push(node);
            } else if !is_first_visit {
                return Err(fault(&node.name, "the node waits for itself"));
            }
        }
    }
    Ok(ordered)
}

struct Lowering<'a> {
    network: Network,
    weights: &'a Weights,
    values: BTreeMap<&'a str, Value>,
}

impl<'a> Lowering<'a> {
    fn node(&mut self, node: &Node) -> Result<Value, ModelsError> {
        match node.op.as_str() {
            "_FusedConv2D" | "DepthwiseConv2dNative" => self.convolution(node),
            "MaxPool" => {
                let size = pair(node, "ksize")?;
                let window = Window { size, stride: pair(node, "strides")?, padding: padding(node)? };
                self.network.max_pool(&self.value(node, 0)?, window)
            }
            "AddV2" => self.network.add(&self.value(node, 0)?, &self.value(node, 1)?),
            "Relu" => Ok(self.network.relu(&self.value(node, 0)?)),
            "Sigmoid" => Ok(self.network.sigmoid(&self.value(node, 0)?)),
            "Softmax" => self.network.softmax(&self.value(node, 0)?),
            "Prelu" => {
                let x = self.value(node, 0)?;
                let slopes = per_channel(node, self.constant(node, 1)?)?;
                self.network.prelu(&x, slopes)
            }
            "Pad" => self.pad(node),
            "Reshape" => self.reshape(node),
            "ConcatV2" => self.concatenate(node),
            "Mean" => self.mean(node),
            "Identity" => self.value(node, 0),
            other => Err(fault(&node.name, format!("operator `{other}` is not known"))),
        }
    }

    /// A convolution with what TensorFlow fused into it: a bias first, then at most one activation.
    fn convolution(&mut self, node: &Node) -> Result<Value, ModelsError> {
        let x = self.value(node, 0)?;
        let filters = self.constant(node, 1)?;
        let &[height, width, _, last] = filters.shape.as_slice() else {
            return Err(fault(&node.name, "filters need four axes"));
        };
        let is_plain = node.attr.get("dilations").is_none_or(|attribute| {
            attribute.list.as_ref().is_some_and(|list| list.i.iter().all(|number| number.get() == Some(1)))
        });
        if !is_plain {
            return Err(fault(&node.name, "dilated filters are not supported"));
        }
        let window = Window { size: [height, width], stride: pair(node, "strides")?, padding: padding(node)? };
        let fused = node.attr.get("fused_ops").and_then(|attribute| attribute.list.as_ref());
        let fused: Vec<String> = fused.map_or(Ok(Vec::new()), |list| {
            list.s.iter().map(|text| decode(text).ok_or_else(|| fault(&node.name, "unreadable fused_ops"))).collect()
        })?;
        let (bias, activation) = match fused.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => (None, None),
            ["BiasAdd"] => (Some(per_channel(node, self.constant(node, 2)?)?), None),
            ["BiasAdd", activation] => (Some(per_channel(node, self.constant(node, 2)?)?), Some(activation)),
            _ => {
                return Err(fault(&node.name, format!("fused operators {fused:?} are not known")));
            }
        };
        let values = floats(node, filters)?;
        let sum = match node.op.as_str() {
            "DepthwiseConv2dNative" => self.network.depthwise_convolution(&x, values, last, bias, window)?,
            _ => self.network.convolution(&x, values, last, bias, window)?,
        };
        match activation {
            None => Ok(sum),
            Some("Relu") => Ok(self.network.relu(&sum)),
            Some("Prelu") => {
                let slopes = per_channel(node, self.constant(node, 3)?)?;
                self.network.prelu(&sum, slopes)
            }
            Some(other) => Err(fault(&node.name, format!("fused activation `{other}` is not known"))),
        }
    }

    /// Paddings come as pairs (before, after) for batch, height, width, channels.
    fn pad(&mut self, node: &Node) -> Result<Value, ModelsError> {
        let x = self.value(node, 0)?;
        let amounts: Option<Vec<usize>> =
            numbers(node, self.constant(node, 1)?)?.iter().map(|&amount| usize::try_from(amount).ok()).collect();
        match amounts.as_deref() {
            Some(&[0, 0, top, bottom, left, right, front, back]) => {
                self.network.pad(&x, [0, front, top, left], [0, back, bottom, right])
            }
            _ => Err(fault(&node.name, "paddings need four pairs, none of them in the batch")),
        }
    }

    fn reshape(&mut self, node: &Node) -> Result<Value, ModelsError> {
        let x = self.value(node, 0)?;
        let wanted = numbers(node, self.constant(node, 1)?)?;
        let mut shape = Vec::with_capacity(wanted.len());
        for (axis, &length) in wanted.iter().enumerate() {
            // The leading -1 stands for the batch.
            let length = if axis == 0 && length == -1 { 1 } else { length };
            shape.push(usize::try_from(length).map_err(|_| fault(&node.name, "negative length in a shape"))?);
        }
        if shape.len() == 4 {
            return Err(fault(&node.name, "a reshape that makes a picture is not supported"));
        }
        let flat = if x.shape.len() == 4 { self.network.channels_last(&x)? } else { x };
        self.network.reshape(&flat, &shape)
    }

    fn concatenate(&mut self, node: &Node) -> Result<Value, ModelsError> {
        let (last, parts) = node.input.split_last().ok_or_else(|| fault(&node.name, "nothing to join"))?;
        let parts: Vec<Value> = (0..parts.len()).map(|at| self.value(node, at)).collect::<Result<_, _>>()?;
        let rank = parts.first().map_or(0, |part| part.shape.len());
        let axis = match numbers(node, self.weights.get(last)?)?[..] {
            [axis] => usize::try_from(axis).ok().filter(|&axis| axis < rank),
            _ => None,
        };
        let axis = axis.ok_or_else(|| fault(&node.name, "unreadable axis"))?;
        // Height, width, channels stand at 1, 2, 3 there and at 2, 3, 1 here.
        let axis = if rank == 4 { [0, 2, 3, 1][axis] } else { axis };
        self.network.concatenate(&parts, axis)
    }

    fn mean(&mut self, node: &Node) -> Result<Value, ModelsError> {
        let x = self.value(node, 0)?;
        let keeps = node.attr.get("keep_dims").and_then(|attribute| attribute.b).unwrap_or(false);
        match numbers(node, self.constant(node, 1)?)? {
            [1, 2] if !keeps => self.network.global_mean(&x),
            _ => Err(fault(&node.name, "only the mean over height and width is supported")),
        }
    }

    /// What nobody reads is an output. Pictures are given back channels-last, as TensorFlow.js would.
    fn outputs(&mut self, nodes: &[Node]) -> Result<Vec<(String, Value)>, ModelsError> {
        let read: BTreeSet<&str> = nodes.iter().flat_map(|node| &node.input).map(String::as_str).collect();
        let ends: BTreeSet<&str> =
            nodes.iter().map(|node| node.name.as_str()).filter(|name| !read.contains(name)).collect();
        let mut outputs = Vec::with_capacity(ends.len());
        for name in ends {
            // A constant that nobody reads has no value here and is no output.
            if let Some(value) = self.values.get(name).cloned() {
                let value = if value.shape.len() == 4 { self.network.channels_last(&value)? } else { value };
                outputs.push((name.to_owned(), value));
            }
        }
        Ok(outputs)
    }

    fn value(&self, node: &Node, at: usize) -> Result<Value, ModelsError> {
        let name = node.input.get(at).ok_or_else(|| fault(&node.name, format!("input {at} is missing")))?;
        self.values
            .get(name.as_str())
            .cloned()
            .ok_or_else(|| fault(&node.name, format!("input `{name}` must not be a constant")))
    }

    fn constant(&self, node: &Node, at: usize) -> Result<&'a Tensor, ModelsError> {
        let name = node.input.get(at).ok_or_else(|| fault(&node.name, format!("input {at} is missing")))?;
        self.weights.get(name)
    }
}

/// The middle two of four numbers, those of height and width; the outer two must be 1.
fn pair(node: &Node, attribute: &str) -> Result<[usize; 2], ModelsError> {
    let list = node.attr.get(attribute).and_then(|attribute| attribute.list.as_ref());
    let numbers: Vec<_> = list.map_or(Vec::new(), |list| list.i.iter().map(Number::get).collect());
    if let [Some(1), Some(height), Some(width), Some(1)] = numbers[..]
        && let (Ok(height), Ok(width)) = (usize::try_from(height), usize::try_from(width))
    {
        return Ok([height, width]);
    }
    Err(fault(&node.name, format!("unreadable `{attribute}`")))
}

fn padding(node: &Node) -> Result<Padding, ModelsError> {
    let text = node.attr.get("padding").and_then(|attribute| attribute.s.as_deref()).and_then(decode);
    match text.as_deref() {
        Some("SAME") => Ok(Padding::Same),
        Some("VALID") => Ok(Padding::Valid),
        _ => Err(fault(&node.name, "unreadable `padding`")),
    }
}

/// Floats of which only the last axis is longer than one.
fn per_channel<'a>(node: &Node, tensor: &'a Tensor) -> Result<&'a [f32], ModelsError> {
    if tensor.shape.last().copied() != volume(&tensor.shape) {
        return Err(fault(&node.name, format!("expected one number per channel, found shape {:?}", tensor.shape)));
    }
    floats(node, tensor)
}

fn floats<'a>(node: &Node, tensor: &'a Tensor) -> Result<&'a [f32], ModelsError> {
    match &tensor.values {
        Values::F32(values) => Ok(values),
        Values::I32(_) => Err(fault(&node.name, "expected floats, found whole numbers")),
    }
}

fn numbers<'a>(node: &Node, tensor: &'a Tensor) -> Result<&'a [i32], ModelsError> {
    match &tensor.values {
        Values::I32(values) => Ok(values),
        Values::F32(_) => Err(fault(&node.name, "expected whole numbers, found floats")),
    }
}

fn decode(text: &str) -> Option<String> {
    base64::engine::general_purpose::STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok())
}

fn fault(node: &str, reason: impl Into<String>) -> ModelsError {
    ModelsError::Conversion { place: node.to_owned(), reason: reason.into() }
}
