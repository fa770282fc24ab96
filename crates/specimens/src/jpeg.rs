//! JPEG files that no common tool writes: any sampling factors, any grouping of scans, restart intervals, missing ends.
//!
//! Start at [`Jpeg::new`], change its fields, and call [`Jpeg::encode`]. The writer follows ITU T.81 and cares for nothing but
//! soundness: its Huffman tables are fixed, its files are large.

use std::f32::consts::PI;

/// How coefficients are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// SOF0.
    Baseline,
    /// SOF1, which differs by its marker alone.
    Extended,
    /// SOF2: for every group of components DC, then bands of AC, all in successive approximation.
    Progressive,
}

/// What stands behind the picture data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The end mark, as it should be.
    Mark,
    /// These bytes instead.
    Instead(Vec<u8>),
}

/// A file to be written.
#[derive(Clone, Debug)]
pub struct Jpeg {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Horizontal and vertical sampling factor of every component.
    pub sampling: Vec<(u8, u8)>,
    /// The identifiers of the components.
    pub names: Vec<u8>,
    /// How coefficients are sent.
    pub process: Process,
    /// Which components share a scan, in the order of the scans.
    pub scans: Vec<Vec<usize>>,
    /// MCUs between restart marks; 0 for none.
    pub restart: u16,
    /// Whether there is a JFIF segment.
    pub jfif: bool,
    /// The transform of an Adobe segment.
    pub adobe: Option<u8>,
    /// Step of quantisation of all coefficients.
    pub step: u8,
    /// Left, top, right and bottom of the only part that differs from the pixel in the corner; makes huge pictures cheap.
    pub detail: Option<[u32; 4]>,
    /// What stands behind the picture data.
    pub end: End,
}

const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// Coefficients of a block in zigzag order.
type Block = [i16; 64];

/// The blocks of one component: the first is the ground, the others are details.
struct Plane {
    h: usize,
    v: usize,
    /// Blocks that hold picture, across and down.
    real: (usize, usize),
    /// Blocks across with those that fill the last MCU.
    across: usize,
    which: Vec<u32>,
    blocks: Vec<Block>,
}

impl Plane {
    fn block(&self, x: usize, y: usize) -> &Block {
        &self.blocks[self.which[y * self.across + x] as usize]
    }
}

impl Jpeg {
    /// A baseline file with one scan.
    pub fn new(width: u16, height: u16, sampling: &[(u8, u8)]) -> Self {
        Self {
            width,
            height,
            sampling: sampling.to_vec(),
            names: (1..=sampling.len() as u8).collect(),
            process: Process::Baseline,
            scans: vec![(0..sampling.len()).collect()],
            restart: 0,
            jfif: matches!(sampling.len(), 1 | 3),
            adobe: None,
            step: 2,
            detail: None,
            end: End::Mark,
        }
    }

    /// The file; `sample` gives the value of a component at a pixel of the whole picture.
    pub fn encode(&self, sample: impl Fn(usize, u32, u32) -> u8) -> Vec<u8> {
        let planes: Vec<Plane> = (0..self.sampling.len()).map(|number| self.plane(number, &sample)).collect();
        let mut file = vec![0xFF, 0xD8];
        self.headers(&mut file);
        for group in &self.scans {
            let parts: Vec<&Plane> = group.iter().map(|number| &planes[*number]).collect();
            if self.process != Process::Progressive {
                self.scan(&mut file, group, &parts, Part::Sequential);
                continue;
            }
            self.scan(&mut file, group, &parts, Part::Dc { high: 0, low: 1 });
            for (number, plane) in group.iter().zip(&parts) {
                for (from, to) in [(1, 5), (6, 63)] {
                    self.scan(&mut file, &[*number], &[plane], Part::AcFirst { from, to, low: 2 });
                }
                self.scan(&mut file, &[*number], &[plane], Part::AcMore { from: 1, to: 63, low: 1 });
            }
            self.scan(&mut file, group, &parts, Part::Dc { high: 1, low: 0 });
            for (number, plane) in group.iter().zip(&parts) {
                self.scan(&mut file, &[*number], &[plane], Part::AcMore { from: 1, to: 63, low: 0 });
            }
        }
        match &self.end {
            End::Mark => file.extend([0xFF, 0xD9]),
            End::Instead(bytes) => file.extend(bytes),
        }
        file
    }

    fn headers(&self, file: &mut Vec<u8>) {
        if self.jfif {
            segment(file, 0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
        }
        if let Some(transform) = self.adobe {
            segment(file, 0xEE, &[b"Adobe\0\x64\0\0\0\0".as_slice(), &[transform]].concat());
        }
        segment(file, 0xDB, &[&[0], [self.step; 64].as_slice()].concat());
        let marker = match self.process {
            Process::Baseline => 0xC0,
            Process::Extended => 0xC1,
            Process::Progressive => 0xC2,
        };
        let mut frame = vec![8];
        frame.extend(self.height.to_be_bytes());
        frame.extend(self.width.to_be_bytes());
        frame.push(self.sampling.len() as u8);
        for (name, (h, v)) in self.names.iter().zip(&self.sampling) {
            frame.extend([*name, h << 4 | v, 0]);
        }
        segment(file, marker, &frame);
        for (class, table) in [(0x00, &DC), (0x10, &AC)] {
            let mut counts = [0; 16];
            table.iter().for_each(|(length, _)| counts[usize::from(*length) - 1] += 1);
            let symbols = table.iter().map(|(_, symbol)| *symbol);
            segment(file, 0xC4, &[class].into_iter().chain(counts).chain(symbols).collect::<Vec<u8>>());
        }
        if self.restart > 0 {
            segment(file, 0xDD, &self.restart.to_be_bytes());
        }
    }

    fn plane(&self, number: usize, sample: &impl Fn(usize, u32, u32) -> u8) -> Plane {
        let most = |factor: fn(&(u8, u8)) -> u8| self.sampling.iter().map(factor).max().map_or(1, usize::from);
        let (most_h, most_v) = (most(|(h, _)| *h), most(|(_, v)| *v));
        let (h, v) = (usize::from(self.sampling[number].0), usize::from(self.sampling[number].1));
        let (width, height) = (usize::from(self.width), usize::from(self.height));
        let (columns, rows) = ((width * h).div_ceil(most_h), (height * v).div_ceil(most_v));
        let real = (columns.div_ceil(8), rows.div_ceil(8));
        let (across, down) = (width.div_ceil(8 * most_h) * h, height.div_ceil(8 * most_v) * v);
        // A sample is the mean of what it stands for, taken at four by four places.
        let value = |column: usize, row: usize| {
            let (column, row) = (column.min(columns - 1), row.min(rows - 1));
            let at = |whole: usize, part: usize, most: usize, factor: usize, end: usize| {
                (((4 * whole + part) * most) / (4 * factor)).min(end - 1) as u32
            };
            if (h, v) == (most_h, most_v) {
                return f32::from(sample(number, column as u32, row as u32));
            }
            let places = (0..16).map(|part| {
                let (x, y) = (at(column, part % 4, most_h, h, width), at(row, part / 4, most_v, v, height));
                f32::from(sample(number, x, y))
            });
            places.sum::<f32>() / 16.0
        };
        let ground = f32::from(sample(number, 0, 0));
        let mut blocks = vec![self.quantised(&[ground; 64])];
        let mut which = vec![0; across * down];
        for y in 0..down {
            for x in 0..across {
                let is_detail = self.detail.is_none_or(|[left, top, right, bottom]| {
                    let inside = |place: usize, most: usize, factor: usize, from: u32, to: u32| {
                        (place * 8 * most / factor) < to as usize
                            && ((place + 1) * 8 * most).div_ceil(factor) > from as usize
                    };
                    inside(x, most_h, h, left, right) && inside(y, most_v, v, top, bottom)
                });
                if is_detail {
                    let samples = std::array::from_fn(|at| value(8 * x + at % 8, 8 * y + at / 8));
                    which[y * across + x] = blocks.len() as u32;
                    blocks.push(self.quantised(&samples));
                }
            }
        }
        Plane { h, v, real, across, which, blocks }
    }

    fn quantised(&self, samples: &[f32; 64]) -> Block {
        let coefficients = forward_dct(samples);
        let step = f32::from(self.step);
        std::array::from_fn(|k| ((coefficients[ZIGZAG[k]] / step).round() as i16).clamp(-1023, 1023))
    }

    fn scan(&self, file: &mut Vec<u8>, group: &[usize], planes: &[&Plane], part: Part) {
        let (from, to, high, low) = match part {
            Part::Sequential => (0, 63, 0, 0),
            Part::Dc { high, low } => (0, 0, high, low),
            Part::AcFirst { from, to, low } => (from, to, 0, low),
            Part::AcMore { from, to, low } => (from, to, low + 1, low),
        };
        let mut header = vec![group.len() as u8];
        group.iter().for_each(|number| header.extend([self.names[*number], 0]));
        header.extend([from as u8, to as u8, high << 4 | low]);
        segment(file, 0xDA, &header);
        let mut writer = Writer { bytes: file, bits: 0, filled: 0, before: vec![0; planes.len()], blocks_ended: 0 };
        let (across, down) = match planes {
            [plane] => plane.real,
            _ => (planes[0].across / planes[0].h, planes[0].which.len() / planes[0].across / planes[0].v),
        };
        let restart = usize::from(self.restart);
        for unit in 0..across * down {
            if restart > 0 && unit > 0 && unit % restart == 0 {
                writer.restart((unit / restart - 1) as u8 % 8);
            }
            let (x, y) = (unit % across, unit / across);
            if let [plane] = planes {
                writer.block(0, plane.block(x, y), part);
                continue;
            }
            for (number, plane) in planes.iter().enumerate() {
                for inner in 0..plane.h * plane.v {
                    let (dx, dy) = (inner % plane.h, inner / plane.h);
                    writer.block(number, plane.block(x * plane.h + dx, y * plane.v + dy), part);
                }
            }
        }
        writer.finish();
    }
}

fn segment(file: &mut Vec<u8>, marker: u8, content: &[u8]) {
    file.extend([0xFF, marker]);
    file.extend((content.len() as u16 + 2).to_be_bytes());
    file.extend(content);
}

fn forward_dct(samples: &[f32; 64]) -> [f32; 64] {
    let flat = samples.iter().all(|sample| *sample == samples[0]);
    if flat {
        let mut only = [0.0; 64];
        only[0] = (samples[0] - 128.0) * 8.0;
        return only;
    }
    let basis: [[f32; 8]; 8] = std::array::from_fn(|u| {
        let scale = if u == 0 { 0.125_f32.sqrt() } else { 0.5 };
        std::array::from_fn(|x| scale * ((2 * x + 1) as f32 * u as f32 * PI / 16.0).cos())
    });
    let rows: [[f32; 8]; 8] = std::array::from_fn(|y| {
        std::array::from_fn(|u| (0..8).map(|x| (samples[8 * y + x] - 128.0) * basis[u][x]).sum())
    });
    std::array::from_fn(|at| (0..8).map(|y| rows[y][at % 8] * basis[at / 8][y]).sum())
}

/// What of the coefficients a scan sends.
#[derive(Clone, Copy)]
enum Part {
    Sequential,
    Dc { high: u8, low: u8 },
    AcFirst { from: usize, to: usize, low: u8 },
    AcMore { from: usize, to: usize, low: u8 },
}

/// Lengths of codes and what they stand for, in the order of the codes. The commonest symbol is short.
static DC: std::sync::LazyLock<Vec<(u8, u8)>> =
    std::sync::LazyLock::new(|| (0..=11).map(|size| (if size == 0 { 1 } else { 5 }, size)).collect());
static AC: std::sync::LazyLock<Vec<(u8, u8)>> = std::sync::LazyLock::new(|| {
    let symbols = (0..16).flat_map(|run| (0..=10).map(move |size| run << 4 | size));
    symbols.map(|symbol| (if symbol == 0 { 2 } else { 8 }, symbol)).collect()
});

fn code(table: &[(u8, u8)], symbol: u8) -> (u32, u8) {
    let (mut code, mut before) = (0_u32, table[0].0);
    for (length, known) in table {
        code <<= length - before;
        before = *length;
        if *known == symbol {
            return (code, *length);
        }
        code += 1;
    }
    panic!("the table has no code for {symbol}");
}

static DC_CODES: std::sync::LazyLock<Vec<(u32, u8)>> =
    std::sync::LazyLock::new(|| (0..=11).map(|symbol| code(&DC, symbol)).collect());
static AC_CODES: std::sync::LazyLock<Vec<(u32, u8)>> = std::sync::LazyLock::new(|| {
    let there = |symbol: u8| AC.iter().any(|(_, known)| *known == symbol);
    (0..=255).map(|symbol| if there(symbol) { code(&AC, symbol) } else { (0, 0) }).collect()
});

struct Writer<'a> {
    bytes: &'a mut Vec<u8>,
    bits: u32,
    filled: u8,
    /// The DC value before, for each component of the scan.
    before: Vec<i32>,
    /// Blocks whose band ended and that are not written yet.
    blocks_ended: u32,
}

impl Writer<'_> {
    fn put(&mut self, value: u32, length: u8) {
        for at in (0..length).rev() {
            self.bits = self.bits << 1 | (value >> at & 1);
            self.filled += 1;
            if self.filled == 8 {
                self.bytes.push(self.bits as u8);
                if self.bits as u8 == 0xFF {
                    self.bytes.push(0);
                }
                (self.bits, self.filled) = (0, 0);
            }
        }
    }

    fn symbol(&mut self, (code, length): (u32, u8)) {
        assert!(length > 0, "the table has this symbol");
        self.put(code, length);
    }

    /// The bits that follow a size: the value itself, or less one where it is negative.
    fn value(&mut self, value: i32, size: u8) {
        let value = if value < 0 { value - 1 } else { value };
        self.put(value as u32 & ((1 << size) - 1), size);
    }

    fn finish(&mut self) {
        self.tell_ended();
        while self.filled > 0 {
            self.put(1, 1);
        }
    }

    fn restart(&mut self, number: u8) {
        self.finish();
        self.bytes.extend([0xFF, 0xD0 + number]);
        self.before.fill(0);
    }

    fn tell_ended(&mut self) {
        if self.blocks_ended > 0 {
            let size = self.blocks_ended.ilog2() as u8;
            self.symbol(if size > 10 { (0, 0) } else { AC_CODES[usize::from(size) << 4] });
            self.put(self.blocks_ended & ((1 << size) - 1), size);
            self.blocks_ended = 0;
        }
    }

    fn block(&mut self, component: usize, block: &Block, part: Part) {
        match part {
            Part::Sequential => {
                self.dc(component, i32::from(block[0]));
                self.ac(block, 1, 63, 0, false);
            }
            Part::Dc { high: 0, low } => self.dc(component, i32::from(block[0]) >> low),
            Part::Dc { low, .. } => self.put((i32::from(block[0]) >> low) as u32 & 1, 1),
            Part::AcFirst { from, to, low } => self.ac(block, from, to, low, true),
            Part::AcMore { from, to, low } => self.ac_more(block, from, to, low),
        }
    }

    fn dc(&mut self, component: usize, value: i32) {
        let difference = value - self.before[component];
        self.before[component] = value;
        let size = size(difference);
        self.symbol(DC_CODES[usize::from(size)]);
        self.value(difference, size);
    }

    fn ac(&mut self, block: &Block, from: usize, to: usize, low: u8, runs: bool) {
        let mut zeros = 0;
        for &coefficient in &block[from..=to] {
            let value = i32::from(coefficient).signum() * (i32::from(coefficient).abs() >> low);
            if value == 0 {
                zeros += 1;
                continue;
            }
            self.tell_ended();
            for _ in 0..zeros / 16 {
                self.symbol(AC_CODES[0xF0]);
            }
            let size = size(value);
            self.symbol(AC_CODES[((zeros % 16) << 4) | usize::from(size)]);
            self.value(value, size);
            zeros = 0;
        }
        if zeros > 0 {
            self.blocks_ended += 1;
            // Longer runs have no symbol in our table.
            if !runs || self.blocks_ended == 2047 {
                self.tell_ended();
            }
        }
    }

    /// One bit more of the band (T.81, G.1.2.3).
    fn ac_more(&mut self, block: &Block, from: usize, to: usize, low: u8) {
        let magnitude = |coefficient: i16| i32::from(coefficient).abs() >> low;
        let band = &block[from..=to];
        let last_new = band.iter().rposition(|coefficient| magnitude(*coefficient) == 1);
        let mut zeros = 0;
        let mut corrections = Vec::new();
        for (k, &coefficient) in band.iter().enumerate() {
            let value = magnitude(coefficient);
            if value == 0 {
                zeros += 1;
                continue;
            }
            while zeros > 15 && last_new.is_some_and(|last| k <= last) {
                self.symbol(AC_CODES[0xF0]);
                corrections.drain(..).for_each(|bit| self.put(bit, 1));
                zeros -= 16;
            }
            if value > 1 {
                corrections.push(value as u32 & 1);
                continue;
            }
            self.symbol(AC_CODES[zeros << 4 | 1]);
            self.put(u32::from(coefficient > 0), 1);
            corrections.drain(..).for_each(|bit| self.put(bit, 1));
            zeros = 0;
        }
        if zeros > 0 || !corrections.is_empty() {
            self.symbol(AC_CODES[0]);
            corrections.drain(..).for_each(|bit| self.put(bit, 1));
        }
    }
}

/// Bits of the magnitude.
fn size(value: i32) -> u8 {
    (32 - value.unsigned_abs().leading_zeros()) as u8
}

/// Where the segment of the frame begins.
fn frame(jpeg: &[u8]) -> usize {
    let mut at = 2;
    while !matches!(jpeg[at + 1], 0xC0..=0xC2) {
        at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    }
    at
}

/// The file with another marker of the frame: what it then says it is (lossless, arithmetic, JPEG-LS, …) need not hold for its
/// data, for those who do not read the kind stop at the marker.
#[must_use]
pub fn named_as(jpeg: &[u8], marker: u8) -> Vec<u8> {
    let mut named = jpeg.to_vec();
    named[frame(jpeg) + 1] = marker;
    named
}

/// The file with another number of bits a sample in its frame; only the header says so.
#[must_use]
pub fn with_precision(jpeg: &[u8], bits: u8) -> Vec<u8> {
    let mut changed = jpeg.to_vec();
    changed[frame(jpeg) + 4] = bits;
    changed
}

/// The file with its height behind the first scan (DNL) instead of in the frame. It must have one scan and its end mark.
#[must_use]
pub fn with_late_height(jpeg: &[u8]) -> Vec<u8> {
    let at = frame(jpeg);
    let mut changed = jpeg[..jpeg.len() - 2].to_vec();
    changed[at + 5..at + 7].fill(0);
    segment(&mut changed, 0xDC, &jpeg[at + 5..at + 7]);
    changed.extend([0xFF, 0xD9]);
    changed
}

/// The file with a segment behind its first mark.
#[must_use]
pub fn with_segment(jpeg: &[u8], marker: u8, content: &[u8]) -> Vec<u8> {
    let mut changed = jpeg[..2].to_vec();
    segment(&mut changed, marker, content);
    changed.extend(&jpeg[2..]);
    changed
}
