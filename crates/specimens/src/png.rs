//! PNG files of every colour type and depth, interlaced or not, in pieces that can be left out.

/// A file to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Png {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha.
    pub colour: u8,
    /// Bits a sample.
    pub depth: u8,
    /// Adam7.
    pub interlaced: bool,
}

/// First column, first row, and the steps across and down of the seven passes (PNG 1.2, 2.6).
const PASSES: [[u32; 4]; 7] =
    [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];

impl Png {
    /// Samples a pixel.
    pub fn channels(&self) -> usize {
        match self.colour {
            2 => 3,
            4 => 2,
            6 => 4,
            _ => 1,
        }
    }

    /// Everything up to the end of the last `IDAT` chunk; `sample` gives the value of a channel at a pixel, 0 to 255.
    pub fn without_end(&self, sample: impl Fn(usize, u32, u32) -> u8) -> Vec<u8> {
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        let mut header = [self.width.to_be_bytes(), self.height.to_be_bytes()].concat();
        header.extend([self.depth, self.colour, 0, 0, u8::from(self.interlaced)]);
        chunk(&mut file, b"IHDR", &header);
        if self.colour == 3 {
            // A ramp, coloured a little, as long as the depth can tell.
            let colours = 1_usize << self.depth;
            let level = |at: usize| at * 255 / (colours - 1);
            let ramp = (0..colours).flat_map(|at| [level(at) as u8, (255 - level(at)) as u8, (level(at) / 2) as u8]);
            chunk(&mut file, b"PLTE", &ramp.collect::<Vec<u8>>());
        }
        let mut rows = Vec::new();
        let whole = [[0, 0, 1, 1]];
        for [left, top, across, down] in if self.interlaced { PASSES.to_vec() } else { whole.to_vec() } {
            for y in (top..self.height).step_by(down as usize) {
                let columns: Vec<u32> = (left..self.width).step_by(across as usize).collect();
                if !columns.is_empty() {
                    rows.push(0);
                    self.row(&mut rows, &columns, |channel, x| sample(channel, x, y));
                }
            }
        }
        // Two chunks, as most writers split them somewhere.
        let data = zlib(&rows);
        let (first, second) = data.split_at(data.len() / 2);
        chunk(&mut file, b"IDAT", first);
        chunk(&mut file, b"IDAT", second);
        file
    }

    fn row(&self, rows: &mut Vec<u8>, columns: &[u32], sample: impl Fn(usize, u32) -> u8) {
        let (mut byte, mut filled) = (0_u8, 0);
        for &x in columns {
            for channel in 0..self.channels() {
                let value = sample(channel, x);
                match self.depth {
                    16 => rows.extend([value, value]),
                    8 => rows.push(value),
                    depth => {
                        byte = byte << depth | value >> (8 - depth);
                        filled += depth;
                        if filled == 8 {
                            rows.push(byte);
                            (byte, filled) = (0, 0);
                        }
                    }
                }
            }
        }
        if filled > 0 {
            rows.push(byte << (8 - filled));
        }
    }
}

/// The chunk that ends a file.
pub fn end(file: &mut Vec<u8>) {
    chunk(file, b"IEND", &[]);
}

/// Appends a chunk.
pub fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) {
    file.extend((content.len() as u32).to_be_bytes());
    let from = file.len();
    file.extend(kind);
    file.extend(content);
    let sum = crc(&file[from..]);
    file.extend(sum.to_be_bytes());
}

/// CRC-32 as PNG defines it.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 })
    })
}

/// Stored, not compressed (RFC 1950, 1951).
fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut parts = bytes.chunks(65_535).peekable();
    while let Some(part) = parts.next() {
        let length = part.len() as u16;
        out.push(u8::from(parts.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(part);
    }
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    out.extend((b << 16 | a).to_be_bytes());
    out
}
