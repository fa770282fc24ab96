//! How large a JPEG says it is. Nothing is decoded: a frame that only enters the chain is held to the bounds, too.

/// Width and height as the frame header of a JPEG says them; `None` if the bytes are no JPEG up to there.
pub fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    loop {
        // Any number of fill bytes may stand before a marker's code.
        rest = rest.strip_prefix(&[0xff])?;
        while let Some(shorter) = rest.strip_prefix(&[0xff]) {
            rest = shorter;
        }
        let (&code, after) = rest.split_first()?;
        match code {
            // Markers that stand alone; none belongs before the frame header, but for padding (01).
            0x01 => rest = after,
            0x00 | 0xd0..=0xda => return None,
            _ => {
                let (length, _) = after.split_first_chunk::<2>()?;
                let length = usize::from(u16::from_be_bytes(*length));
                let segment = after.get(2..length.max(2))?;
                // Frame headers, of every process; DHT, JPG and DAC lie among their codes.
                if matches!(code, 0xc0..=0xcf) && !matches!(code, 0xc4 | 0xc8 | 0xcc) {
                    let (&[_, high, low, wide, narrow], _) = segment.split_first_chunk::<5>()?;
                    let (height, width) = (u16::from_be_bytes([high, low]), u16::from_be_bytes([wide, narrow]));
                    return (height > 0 && width > 0).then_some((u32::from(width), u32::from(height)));
                }
                rest = after.get(length.max(2)..)?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_that_of_the_frame_header() {
        let app = [0xff, 0xe0, 0x00, 0x04, 0xff, 0xc0];
        let sof = |code| [0xff, code, 0x00, 0x08, 8, 0x01, 0xe0, 0x02, 0x80, 1];
        let join = |parts: &[&[u8]]| parts.concat();
        let cases = [
            ("baseline", join(&[&[0xff, 0xd8], &sof(0xc0)]), Some((640, 480))),
            ("progressive after another segment", join(&[&[0xff, 0xd8], &app, &sof(0xc2)]), Some((640, 480))),
            ("fill bytes", join(&[&[0xff, 0xd8, 0xff, 0xff], &sof(0xc0)]), Some((640, 480))),
            ("tables alone", join(&[&[0xff, 0xd8], &sof(0xc4)]), None),
            ("pixels before the header", join(&[&[0xff, 0xd8, 0xff, 0xda], &sof(0xc0)]), None),
            ("cut off", join(&[&[0xff, 0xd8], &sof(0xc0)[..6]]), None),
            ("a segment beyond the end", vec![0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff], None),
            ("no JPEG", b"\x89PNG\r\n".to_vec(), None),
            ("nothing", Vec::new(), None),
        ];
        for (name, bytes, expected) in cases {
            assert_eq!(jpeg_size(&bytes), expected, "{name}");
        }
    }
}
