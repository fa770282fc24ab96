//! Whether the lengths in an ONNX file are consistent, checked before `rten` reads it.
//!
//! `rten` 0.27 trusts the lengths that a file states: one of 2^63 makes it step backwards and read the same
//! field for ever, one of a few gigabytes makes it reserve them, and subgraphs inside subgraphs go as deep as
//! its stack. So every part must end within the part that holds it, and parts may nest only so deep.
//!
//! An ONNX file is one protocol buffer message: a row of fields, each a key (field number and kind of value) and
//! a value. A value of stated length may be text, data or another message, and only the format says which;
//! [`Part`] lists those that are messages.

/// How deep messages may nest. A plain network needs 7; each control-flow subgraph adds 3.
const MAX_DEPTH: u32 = 32;

/// The messages of the ONNX format that hold other messages, as far as `rten` reads them.
#[derive(Clone, Copy)]
enum Part {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    ValueInfo,
    Type,
    TensorType,
    SequenceType,
    Shape,
    /// A message that holds no others.
    Leaf,
}

impl Part {
    /// What a field of this message holds, if that is a message. The numbers are those of the ONNX format.
    fn child(self, field: u64) -> Option<Part> {
        match (self, field) {
            (Part::Model, 7) | (Part::Attribute, 6 | 11) => Some(Part::Graph),
            (Part::Graph, 1) => Some(Part::Node),
            (Part::Graph, 5) | (Part::Attribute, 5 | 10) => Some(Part::Tensor),
            (Part::Graph, 11..=13) => Some(Part::ValueInfo),
            (Part::Node, 5) => Some(Part::Attribute),
            (Part::Attribute, 14 | 15) | (Part::ValueInfo, 2) | (Part::SequenceType, 1) => Some(Part::Type),
            (Part::Type, 1) => Some(Part::TensorType),
            (Part::Type, 4) => Some(Part::SequenceType),
            (Part::TensorType, 2) => Some(Part::Shape),
            (Part::Model, 8 | 14) | (Part::Tensor, 13) | (Part::Shape, 1) => Some(Part::Leaf),
            _ => None,
        }
    }
}

/// Whether every message of the file is a row of whole fields and nests no deeper than it may.
pub(crate) fn hangs_together(onnx: &[u8]) -> bool {
    is_message(onnx, Part::Model, MAX_DEPTH).is_some()
}

fn is_message(mut bytes: &[u8], part: Part, depth: u32) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        match key & 7 {
            0 => drop(varint(&mut bytes)?),
            1 => drop(bytes.split_off(..8)?),
            5 => drop(bytes.split_off(..4)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let value = bytes.split_off(..length)?;
                if let Some(child) = part.child(key >> 3) {
                    is_message(value, child, depth)?;
                }
            }
            // Groups, which the format never had, and kinds that do not exist.
            _ => return None,
        }
    }
    Some(())
}

/// A number in groups of seven bits, lowest first; the high bit of a byte says that another follows.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for at in 0..10 {
        let byte = *bytes.split_off_first()?;
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `depth` attributes with a subgraph, each in a node of the one before.
    fn nested(depth: usize) -> Vec<u8> {
        let wrap = |field: u8, body: &[u8]| {
            let length = [(body.len() & 0x7f) as u8 | 0x80, (body.len() >> 7) as u8];
            [&[field << 3 | 2], &length[..], body].concat()
        };
        let graph = (0..depth).fold(Vec::new(), |graph, _| wrap(1, &wrap(5, &wrap(6, &graph))));
        wrap(7, &graph)
    }

    #[test]
    fn what_hangs_together() {
        let cases: [(&str, &[u8], bool); 14] = [
            ("nothing at all", &[], true),
            ("a number", &[0x08, 0x07], true),
            ("the largest number", &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], true),
            ("an empty graph", &[0x3a, 0x00], true),
            ("a graph with a name", &[0x3a, 0x03, 0x12, 0x01, b'g'], true),
            ("a name that is no message", &[0x12, 0x01, 0xff], true),
            ("key without value", &[0x08], false),
            ("number without end", &[0x08, 0x80], false),
            (
                "number of eleven bytes",
                &[0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
                false,
            ),
            ("graph longer than the file", &[0x3a, 0x04, 0x12, 0x01, b'g'], false),
            ("name longer than its graph", &[0x3a, 0x03, 0x12, 0x02, b'g', 0x08, 0x07], false),
            ("length of -1", &[0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], false),
            ("group", &[0x0b, 0x0c], false),
            ("cut fraction", &[0x0d, 0x00, 0x00], false),
        ];
        for (case, bytes, expected) in cases {
            assert_eq!(hangs_together(bytes), expected, "{case}");
        }
        assert!(hangs_together(&nested(5)));
        assert!(!hangs_together(&nested(500)));
    }
}
