//! BMP files with every header and with channels of any width.

/// A file to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bmp {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// 16, 24 or 32.
    pub bits: u16,
    /// Bytes of the header: 40 (`BITMAPINFOHEADER`), 52, 56 (V3), 108 (V4) or 124 (V5).
    pub header: u32,
    /// Which bits are red, green, blue and alpha; `None` for the usual ones of these bits, which the header then leaves out.
    pub masks: Option<[u32; 4]>,
    /// Whether the first row of the file is the top one.
    pub top_down: bool,
}

impl Bmp {
    /// The file; `sample` gives red, green, blue and alpha at a pixel.
    pub fn encode(&self, sample: impl Fn(u32, u32) -> [u8; 4]) -> Vec<u8> {
        let usual = match self.bits {
            16 => [0x7C00, 0x03E0, 0x001F, 0],
            _ => [0x00FF_0000, 0x0000_FF00, 0x0000_00FF, 0],
        };
        let masks = self.masks.unwrap_or(usual);
        let bytes = u32::from(self.bits / 8);
        let row = (self.width * bytes).next_multiple_of(4);
        // The short header has its masks behind it.
        let behind = if self.masks.is_some() && self.header == 40 { 12 } else { 0 };
        let offset = 14 + self.header + behind;
        let mut file = b"BM".to_vec();
        let long = |file: &mut Vec<u8>, value: u32| file.extend(value.to_le_bytes());
        for value in [offset + row * self.height, 0, offset, self.header, self.width] {
            long(&mut file, value);
        }
        let height = i32::try_from(self.height).unwrap_or(i32::MAX);
        file.extend((if self.top_down { -height } else { height }).to_le_bytes());
        file.extend(1_u16.to_le_bytes());
        file.extend(self.bits.to_le_bytes());
        for value in [if self.masks.is_some() { 3 } else { 0 }, row * self.height, 2835, 2835, 0, 0] {
            long(&mut file, value);
        }
        let there = if behind > 0 || self.header == 52 { 3 } else { 4 };
        if behind > 0 || self.header > 40 {
            masks[..there].iter().for_each(|mask| long(&mut file, *mask));
        }
        if self.header >= 108 {
            file.extend(b"BGRs");
        }
        file.resize(offset as usize, 0);
        for y in 0..self.height {
            let from = file.len();
            for x in 0..self.width {
                let y = if self.top_down { y } else { self.height - 1 - y };
                let pixel = sample(x, y).iter().zip(masks).fold(0, |pixel, (value, mask)| {
                    let width = mask.count_ones().min(8);
                    let value = u32::from(*value) >> (8 - width);
                    if mask == 0 { pixel } else { pixel | value << (mask.trailing_zeros() + mask.count_ones() - width) }
                });
                file.extend(&pixel.to_le_bytes()[..bytes as usize]);
            }
            file.resize(from + row as usize, 0);
        }
        file
    }
}
