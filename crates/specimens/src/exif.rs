//! EXIF blocks that hold an orientation and nothing else.

/// How a number is stored in EXIF (2.32, 4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Type 1, as some writers have it.
    Byte,
    /// Type 3, as the standard demands.
    Short,
    /// Type 4, as some writers have it.
    Long,
}

/// The block, as it stands in the `eXIf` chunk of PNG; in JPEG `Exif\0\0` goes before it.
#[must_use]
pub fn orientation(value: u8, stored: Stored, big_endian: bool) -> Vec<u8> {
    let short = |number: u16| if big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
    let long = |number: u32| if big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
    let (kind, field) = match stored {
        Stored::Byte => (1, [value, 0, 0, 0]),
        Stored::Short => (3, [short(u16::from(value)), [0, 0]].concat().try_into().unwrap_or_default()),
        Stored::Long => (4, long(u32::from(value))),
    };
    let mut block = if big_endian { b"MM".to_vec() } else { b"II".to_vec() };
    block.extend(short(42));
    block.extend(long(8));
    block.extend(short(1));
    block.extend([short(0x0112), short(kind)].concat());
    block.extend(long(1));
    block.extend(field);
    block.extend(long(0));
    block
}
