//! Pictures that no camera takes.

/// A frame header of baseline JPEG with three colours, of this size.
fn frame_header(width: u16, height: u16) -> Vec<u8> {
    let ([high, low], [wide, narrow]) = (height.to_be_bytes(), width.to_be_bytes());
    let colours = [1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0];
    [&[0xff, 0xc0, 0, 17, 8, high, low, wide, narrow, 3][..], &colours].concat()
}

/// A JPEG of a few bytes that says it is 60,000 pixels a side.
pub(crate) fn vast_jpeg() -> Vec<u8> {
    [&[0xff, 0xd8][..], &frame_header(60_000, 60_000), &[0xff, 0xd9]].concat()
}

/// The same in a PNG.
pub(crate) fn vast_png() -> Vec<u8> {
    let side = 60_000_u32.to_be_bytes();
    let header = [b"IHDR".as_slice(), &side, &side, &[8, 2, 0, 0, 0]].concat();
    let check = crc32(&header).to_be_bytes();
    [b"\x89PNG\r\n\x1a\n".as_slice(), &13_u32.to_be_bytes(), &header, &check].concat()
}

/// A JPEG whose second frame header says that it is vast, after the first said what is allowed.
pub(crate) fn two_sizes(jpeg: &[u8]) -> Vec<u8> {
    let start = [&[0xff, 0xd8][..], &frame_header(640, 480), &frame_header(60_000, 60_000)].concat();
    [&start, jpeg.get(2..).unwrap_or_default()].concat()
}

/// A JPEG that says it is wider than a frame may be.
pub(crate) fn too_wide() -> Vec<u8> {
    [&[0xff, 0xd8][..], &frame_header(1_281, 720), &[0xff, 0xd9]].concat()
}

/// A JPEG up to its frame header, and noise after it.
pub(crate) fn undecodable() -> Vec<u8> {
    let noise = (0..2_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8);
    [&[0xff, 0xd8][..], &frame_header(640, 480)].concat().into_iter().chain(noise).collect()
}

/// The same picture with comments, so many bytes long.
pub(crate) fn padded(jpeg: &[u8], bytes: usize) -> Vec<u8> {
    let mut padded = vec![0xff, 0xd8];
    let rest = jpeg.get(2..).unwrap_or_default();
    while padded.len() + rest.len() < bytes {
        let length = (bytes - padded.len() - rest.len()).clamp(4, 65_000) - 2;
        padded.extend([0xff, 0xfe]);
        padded.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        padded.resize(padded.len() + length - 2, b'.');
    }
    padded.extend_from_slice(rest);
    padded
}

/// The checksum of PNG.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, _| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), step))
}

#[cfg(test)]
mod tests {
    use super::*;
    use likeness_liveness::jpeg_size;

    #[test]
    fn pictures_say_what_they_are_made_to_say() {
        let small = [&[0xff, 0xd8][..], &frame_header(640, 480), &[0xff, 0xd9]].concat();
        assert_eq!(jpeg_size(&vast_jpeg()), Some((60_000, 60_000)));
        assert_eq!(jpeg_size(&two_sizes(&small)), Some((640, 480)));
        assert_eq!(jpeg_size(&too_wide()), Some((1_281, 720)));
        assert_eq!(jpeg_size(&undecodable()), Some((640, 480)));
        for bytes in [30, 1_000, 65_100, 262_145] {
            let padded = padded(&small, bytes);
            assert_eq!(jpeg_size(&padded), Some((640, 480)));
            assert!((bytes..bytes + 4).contains(&padded.len()), "{bytes}: {}", padded.len());
        }
        // The end of every PNG.
        assert_eq!(crc32(b"IEND"), 0xae42_6082);
    }
}
