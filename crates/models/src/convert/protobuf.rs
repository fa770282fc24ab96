//! The few elements of the protobuf wire format that an ONNX file needs, written only.
//!
//! A message is a run of fields; a field is a key (`number << 3 | wire type`) and a value. Lists of numbers
//! are written one field per number, as ONNX's own schema (proto2, not packed) declares them.

const VARINT: u64 = 0;
const LENGTH_DELIMITED: u64 = 2;

/// A message being written, field by field. The order of the calls is the order of the bytes,
/// so the same calls always give the same file.
#[derive(Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// The bytes of the message.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// A whole number. Negative ones take ten bytes: protobuf writes them as 64-bit two's complement.
    #[must_use]
    pub(super) fn int(mut self, field: u32, value: i64) -> Self {
        self.key(field, VARINT);
        self.varint(value as u64);
        self
    }

    /// Raw bytes.
    #[must_use]
    pub(super) fn bytes(mut self, field: u32, value: &[u8]) -> Self {
        self.key(field, LENGTH_DELIMITED);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    /// UTF-8 text.
    #[must_use]
    pub(super) fn text(self, field: u32, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    /// A message inside the message.
    #[must_use]
    pub(super) fn message(self, field: u32, value: Message) -> Self {
        self.bytes(field, &value.0)
    }

    fn key(&mut self, field: u32, wire_type: u64) {
        self.varint(u64::from(field) << 3 | wire_type);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_as_the_wire_format_says() {
        struct Case {
            name: &'static str,
            message: Message,
            bytes: &'static [u8],
        }
        let cases = [
            Case { name: "nothing", message: Message::default(), bytes: &[] },
            // The two first examples stand in protobuf's own description of its encoding.
            Case { name: "150", message: Message::default().int(1, 150), bytes: &[0x08, 0x96, 0x01] },
            Case {
                name: "text",
                message: Message::default().text(2, "testing"),
                bytes: &[0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67],
            },
            Case {
                name: "minus one takes ten bytes",
                message: Message::default().int(1, -1),
                bytes: &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            },
            Case {
                name: "a message in field 3",
                message: Message::default().message(3, Message::default().int(1, 150)),
                bytes: &[0x1a, 0x03, 0x08, 0x96, 0x01],
            },
            Case {
                name: "field above 15 has a key of two bytes",
                message: Message::default().int(20, 7),
                bytes: &[0xa0, 0x01, 0x07],
            },
        ];
        for case in cases {
            assert_eq!(case.message.into_bytes(), case.bytes, "{}", case.name);
        }
    }
}
