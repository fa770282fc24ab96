//! A network of two nodes, written byte by byte, and what it must answer: a 3x3 convolution from two channels to
//! three with a margin of one, and its positive part. The engines need no installed network to be tested with it.

use likeness_vision::engine::Tensor;

const IN: usize = 2;
const OUT: usize = 3;
pub(crate) const HEIGHT: usize = 5;
pub(crate) const WIDTH: usize = 7;
pub(crate) const INPUT_SHAPE: [usize; 4] = [1, IN, HEIGHT, WIDTH];

/// Element types of ONNX.
const FLOAT: u64 = 1;
const INT64: u64 = 7;

/// Numbers between -1 and 1 that look random and are the same everywhere.
pub(crate) fn noise(length: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        // The multiplier and increment of Numerical Recipes' "quick and dirty" generator; the high bits are good.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..length).map(|_| next()).collect()
}

pub(crate) fn input(seed: u32) -> Tensor {
    Tensor { shape: INPUT_SHAPE.to_vec(), data: noise(IN * HEIGHT * WIDTH, seed) }
}

fn weights() -> Vec<f32> {
    noise(OUT * IN * 9, 11)
}

fn bias() -> Vec<f32> {
    noise(OUT, 12)
}

/// The ONNX file. Its outputs are `positive` and then `sums`, the other way round than they are computed.
pub(crate) fn onnx() -> Vec<u8> {
    file(7, [3, 3], &[value("in", FLOAT, &INPUT_SHAPE.map(Some))])
}

/// The same network for pictures of every size.
pub(crate) fn onnx_for_every_size() -> Vec<u8> {
    file(7, [3, 3], &[value("in", FLOAT, &[Some(1), Some(IN), None, None])])
}

/// A file that promises to take whole numbers, which no engine of ours does.
pub(crate) fn onnx_of_whole_numbers() -> Vec<u8> {
    file(7, [3, 3], &[value("in", INT64, &INPUT_SHAPE.map(Some))])
}

/// A file that calls its kernel so high that less than nothing would be left of the picture.
pub(crate) fn onnx_of_a_huge_kernel() -> Vec<u8> {
    file(7, [10, 3], &[value("in", FLOAT, &INPUT_SHAPE.map(Some))])
}

/// A file of the old kind, before version 4 of the format: its constants are listed as inputs too.
pub(crate) fn onnx_of_the_old_kind() -> Vec<u8> {
    let constants = [value("w", FLOAT, &[OUT, IN, 3, 3].map(Some)), value("b", FLOAT, &[Some(OUT)])];
    file(3, [3, 3], &[value("in", FLOAT, &INPUT_SHAPE.map(Some)), constants[0].clone(), constants[1].clone()])
}

fn file(format: u64, kernel: [usize; 2], inputs: &[Vec<u8>]) -> Vec<u8> {
    let shape_out = [Some(1), Some(OUT), None, None];
    let pads = [text(1, "pads"), varint(20, 7), repeated(8, &[1, 1, 1, 1])].concat();
    let kernel = [text(1, "kernel_shape"), varint(20, 7), repeated(8, &kernel)].concat();
    let conv = [text(1, "in"), text(1, "w"), text(1, "b"), text(2, "sums"), text(4, "Conv")];
    let conv = [conv.concat(), message(5, &pads), message(5, &kernel)].concat();
    let relu = [text(1, "sums"), text(2, "positive"), text(4, "Relu")].concat();
    let graph = [
        message(1, &conv),
        message(1, &relu),
        text(2, "tiny"),
        message(5, &constant("w", &[OUT, IN, 3, 3], &weights())),
        message(5, &constant("b", &[OUT], &bias())),
        inputs.iter().flat_map(|input| message(11, input)).collect(),
        message(12, &value("positive", FLOAT, &shape_out)),
        message(12, &value("sums", FLOAT, &shape_out)),
    ];
    let opset = [text(1, ""), varint(2, 13)].concat();
    [varint(1, format), message(7, &graph.concat()), message(8, &opset)].concat()
}

/// The same two outputs by the definition of a convolution.
pub(crate) fn expected(input: &Tensor) -> [Tensor; 2] {
    let (weights, bias) = (weights(), bias());
    let at = |channel: usize, row: usize, column: usize| {
        // The margin of one is zero; row and column count from inside it.
        let inside = (1..=HEIGHT).contains(&row) && (1..=WIDTH).contains(&column);
        if inside { input.data[(channel * HEIGHT + row - 1) * WIDTH + column - 1] } else { 0.0 }
    };
    let mut sums = Tensor::zeros(&[1, OUT, HEIGHT, WIDTH]);
    for (index, sum) in sums.data.iter_mut().enumerate() {
        let (out, row, column) = (index / (HEIGHT * WIDTH), index / WIDTH % HEIGHT, index % WIDTH);
        *sum = bias[out];
        for tap in 0..IN * 9 {
            let (channel, down, right) = (tap / 9, tap / 3 % 3, tap % 3);
            *sum += weights[out * IN * 9 + tap] * at(channel, row + down, column + right);
        }
    }
    let positive = Tensor { shape: sums.shape.clone(), data: sums.data.iter().map(|sum| sum.max(0.0)).collect() };
    [positive, sums]
}

/// The largest difference between two tensors of one shape; infinite where one is not a number.
pub(crate) fn difference(left: &Tensor, right: &Tensor) -> f32 {
    assert_eq!(left.shape, right.shape);
    assert_eq!(left.data.len(), right.data.len());
    let differences = left.data.iter().zip(&right.data).map(|(left, right)| (left - right).abs());
    differences.fold(0.0, |worst, difference| if difference.is_nan() { f32::INFINITY } else { worst.max(difference) })
}

// Just enough of the protocol buffer encoding. The field numbers are those of the ONNX format.

fn varint(field: u64, value: u64) -> Vec<u8> {
    [number(field << 3), number(value)].concat()
}

fn message(field: u64, body: &[u8]) -> Vec<u8> {
    [&number(field << 3 | 2), &number(body.len() as u64), body].concat()
}

fn text(field: u64, text: &str) -> Vec<u8> {
    message(field, text.as_bytes())
}

fn repeated(field: u64, values: &[usize]) -> Vec<u8> {
    values.iter().flat_map(|&value| varint(field, value as u64)).collect()
}

fn number(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn constant(name: &str, shape: &[usize], values: &[f32]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    [repeated(1, shape), varint(2, FLOAT), text(8, name), message(9, &raw)].concat()
}

/// A named value of the graph; a length that is `None` is left open.
fn value(name: &str, element: u64, shape: &[Option<usize>]) -> Vec<u8> {
    let length = |(axis, length): (usize, &Option<usize>)| match length {
        Some(length) => message(1, &varint(1, *length as u64)),
        None => message(1, &text(2, &format!("{name}{axis}"))),
    };
    let lengths = shape.iter().enumerate().flat_map(length).collect::<Vec<_>>();
    let tensor = [varint(1, element), message(2, &lengths)].concat();
    [text(1, name), message(2, &message(1, &tensor))].concat()
}
