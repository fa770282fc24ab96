//! PNG: chunks at places where decoders do not expect them, and pictures too large for memory.

use std::io::Cursor;

use png::{ColorType, Transformations};
use zeroize::Zeroizing;

use super::DecodeError;
use super::alpha::on_white;

const SIGNATURE: usize = 8;
/// An `IEND` chunk: no content, and its checksum.
const END: [u8; 12] = [0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xAE, 0x42, 0x60, 0x82];

/// What the decoders need of a file.
pub(super) struct Chunks<'a> {
    whole: &'a [u8],
    /// The file up to the end of its picture data, closed, where more than its end stands behind, or less.
    closed: Option<Zeroizing<Vec<u8>>>,
    /// The content of `eXIf`, wherever it stands.
    pub(super) exif: Option<Vec<u8>>,
    /// Width and height, where they can be read.
    pub(super) size: Option<(u32, u32)>,
    /// Whether rows come in Adam7's order.
    pub(super) is_interlaced: bool,
}

impl<'a> Chunks<'a> {
    /// The file without what stands behind its picture data, which is not needed and may be cut off, and without profiles and
    /// texts.
    pub(super) fn file(&self) -> &[u8] {
        self.closed.as_ref().map_or(self.whole, |closed| closed)
    }

    /// Reads the chunks of a file that begins with the signature.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let size = number(SIGNATURE + 8).zip(number(SIGNATURE + 12));
        let is_interlaced = bytes.get(SIGNATURE + 20) == Some(&1);
        let (mut exif, mut data_end, mut is_behind) = (None, None, false);
        // Colour profiles and texts, compressed: some kilobytes may unpack to hundreds of megabytes, and nobody reads them.
        let mut unread = Vec::new();
        let mut at = SIGNATURE;
        while let Some(length) = number(at).and_then(|length| usize::try_from(length).ok()) {
            let Some(end) = at.checked_add(length).and_then(|end| end.checked_add(12)) else { break };
            let Some(chunk) = bytes.get(at + 4..end) else {
                // Picture data that is cut off is for the decoder to judge.
                if bytes.get(at + 4..at + 8) == Some(b"IDAT") && !is_behind {
                    data_end = None;
                }
                break;
            };
            match &chunk[..4] {
                b"IDAT" if !is_behind => data_end = Some(end),
                b"IEND" => break,
                b"eXIf" if exif.is_none() => exif = Some(chunk[4..4 + length].to_vec()),
                b"iCCP" | b"zTXt" | b"iTXt" | b"tEXt" => unread.push(at..end),
                _ => {}
            }
            is_behind = data_end.is_some() && &chunk[..4] != b"IDAT";
            at = end;
        }
        let open_end = data_end.filter(|end| bytes[*end..] != END);
        let closed = (open_end.is_some() || !unread.is_empty()).then(|| {
            let end = open_end.unwrap_or(bytes.len());
            let mut file = Zeroizing::new(Vec::with_capacity(end + END.len()));
            let mut from = 0;
            for chunk in unread.into_iter().filter(|chunk| chunk.end <= end) {
                file.extend_from_slice(&bytes[from..chunk.start]);
                from = chunk.end;
            }
            file.extend_from_slice(&bytes[from..end]);
            if open_end.is_some() {
                file.extend_from_slice(&END);
            }
            file
        });
        Self { whole: bytes, closed, exif, size, is_interlaced }
    }
}

/// Decodes row by row into means of `shrunk` by `shrunk` pixels; gives width, height and RGB.
pub(super) fn decode_shrunk(chunks: &Chunks<'_>, shrunk: u32) -> Result<(usize, usize, Vec<u8>), DecodeError> {
    let broken = |_| DecodeError::Broken { format: "PNG" };
    let mut decoder = png::Decoder::new(Cursor::new(chunks.file()));
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(broken)?;
    let (columns, rows) = (reader.info().width as usize, reader.info().height as usize);
    // Colours and alpha of a pixel, in bytes of the row.
    let (channels, colours, has_alpha) = match reader.output_color_type().0 {
        ColorType::Grayscale => (1, [0, 0, 0], false),
        ColorType::GrayscaleAlpha => (2, [0, 0, 0], true),
        ColorType::Rgb => (3, [0, 1, 2], false),
        ColorType::Rgba => (4, [0, 1, 2], true),
        ColorType::Indexed => return Err(DecodeError::Broken { format: "PNG" }),
    };
    let side = shrunk as usize;
    let (width, height) = (columns.div_ceil(side), rows.div_ceil(side));
    let mut pixels = Vec::with_capacity(width * height * 3);
    let mut sums = Zeroizing::new(vec![[0_u32; 3]; width]);
    let mut is_seen = !has_alpha;
    for y in 0..rows {
        let Some(row) = reader.next_row().map_err(broken)? else { return Err(DecodeError::Broken { format: "PNG" }) };
        let row = row.data();
        let alphas = || row.chunks_exact(channels).map(|pixel| pixel[channels - 1]);
        if !is_seen && alphas().any(|alpha| alpha > 0) {
            // So there is transparency, and all rows until now were nothing but that.
            is_seen = true;
            pixels.fill(255);
            let above = (y % side) as u32;
            for (x, sum) in sums.iter_mut().enumerate() {
                *sum = [255 * above * side.min(columns - x * side) as u32; 3];
            }
        }
        for (sum, block) in sums.iter_mut().zip(row.chunks(side * channels)) {
            for pixel in block.chunks_exact(channels) {
                let alpha = if has_alpha && is_seen { pixel[channels - 1] } else { 255 };
                for (sum, colour) in sum.iter_mut().zip(colours) {
                    *sum += u32::from(on_white(pixel[colour], alpha));
                }
            }
        }
        if (y + 1) % side == 0 || y + 1 == rows {
            let high = (y % side + 1) as u32;
            for (x, sum) in sums.iter_mut().enumerate() {
                let count = high * side.min(columns - x * side) as u32;
                pixels.extend(sum.map(|sum| ((sum + count / 2) / count) as u8));
                *sum = [0; 3];
            }
        }
    }
    Ok((width, height, pixels))
}
