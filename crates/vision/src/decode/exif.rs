//! The orientation out of an EXIF block (EXIF 2.32, 4.5 and 4.6), which is a small TIFF file.

use image::metadata::Orientation;

/// The tag of the orientation.
const ORIENTATION: u16 = 0x0112;

/// How the picture is to be turned, if the block says so. The standard wants a SHORT; BYTE and LONG are written too.
pub(super) fn orientation(block: &[u8]) -> Option<Orientation> {
    // Some writers of PNG put JPEG's head in front of it.
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let is_big_endian = match block.get(..4)? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes: [u8; 2] = block.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if is_big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    let long = |at: usize| {
        let bytes: [u8; 4] = block.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    };
    let directory = usize::try_from(long(4)?).ok()?;
    let first = directory.checked_add(2)?;
    for number in 0..usize::from(short(directory)?) {
        let entry = first.checked_add(12 * number)?;
        if short(entry)? != ORIENTATION {
            continue;
        }
        let value = match short(entry + 2)? {
            1 => u32::from(*block.get(entry + 8)?),
            3 => u32::from(short(entry + 8)?),
            4 => long(entry + 8)?,
            _ => return None,
        };
        return Orientation::from_exif(u8::try_from(value).ok()?);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_that_end_anywhere_or_point_anywhere_say_nothing() {
        let whole = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        assert_eq!(orientation(whole), Some(Orientation::Rotate90));
        for length in 0..20 {
            assert_eq!(orientation(&whole[..length]), None, "{length} bytes");
        }
        let mut astray = whole.to_vec();
        astray[4..8].fill(0xFF);
        assert_eq!(orientation(&astray), None);
        let mut unknown = whole.to_vec();
        unknown[19] = 9;
        assert_eq!(orientation(&unknown), None);
    }
}
