//! Every sound Huffman-coded JPEG of 8 bits, sequential or progressive: any sampling factors, components in any groups and
//! order of scans, with or without its end mark, at full size or shrunk.
//!
//! It is slower than the crate that reads ordinary files and stricter: whatever is missing or cannot be makes the picture
//! broken. `docs/adr/0016-two-jpeg-decoders.md` says why it is here.

use super::entropy::{Bits, Table};
use super::plane::Plane;
use super::survey::{Scan, Step, Survey};

/// Decodes all scans. `least` is the number of samples a side that a block of the finest component becomes: 8, 4 or 2.
/// `None` if anything is missing or contradicts itself.
pub(super) fn decode(survey: &Survey<'_>, least: usize) -> Option<Vec<Plane>> {
    let planes = survey.components.iter().map(|component| Plane::new(survey, component, least)).collect();
    let mut decoder = Decoder {
        survey,
        planes,
        steps: [None; 4],
        dc: [const { None }; 4],
        ac: [const { None }; 4],
        restart: 0,
        bits_left: vec![[u8::MAX; 64]; survey.components.len()],
    };
    for step in &survey.steps {
        match step {
            Step::Quantisation(content) => decoder.quantisation(content)?,
            Step::Huffman(content) => decoder.huffman(content)?,
            Step::Restart(interval) => decoder.restart = *interval,
            Step::Scan(scan) => decoder.scan(scan)?,
        }
    }
    decoder.finish()
}

struct Decoder<'a> {
    survey: &'a Survey<'a>,
    planes: Vec<Plane>,
    steps: [Option<[u16; 64]>; 4],
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    restart: usize,
    /// For each component and coefficient the lowest bit that is known; `u8::MAX` where none is.
    bits_left: Vec<[u8; 64]>,
}

impl Decoder<'_> {
    fn quantisation(&mut self, mut content: &[u8]) -> Option<()> {
        while let Some((&head, rest)) = content.split_first() {
            let wide = head >> 4 != 0;
            let bytes = rest.get(..if wide { 128 } else { 64 })?;
            let step = |k: usize| {
                if wide { u16::from_be_bytes([bytes[2 * k], bytes[2 * k + 1]]) } else { u16::from(bytes[k]) }
            };
            *self.steps.get_mut(usize::from(head & 15))? = Some(std::array::from_fn(step));
            content = &rest[bytes.len()..];
        }
        Some(())
    }

    fn huffman(&mut self, mut content: &[u8]) -> Option<()> {
        while let Some((&head, rest)) = content.split_first() {
            let (table, length) = Table::read(rest)?;
            let tables = if head >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            *tables.get_mut(usize::from(head & 15))? = Some(table);
            content = &rest[length..];
        }
        Some(())
    }

    fn scan(&mut self, scan: &Scan<'_>) -> Option<()> {
        for part in &scan.parts {
            let known = &mut self.bits_left[part.component];
            // A second pass over what is known would cost time and tell nothing.
            if !self.survey.is_progressive && known[0] != u8::MAX {
                return None;
            }
            known[scan.from..=scan.to].fill(scan.low);
            let plane = &mut self.planes[part.component];
            if plane.steps.is_none() {
                plane.steps = Some(self.steps[self.survey.components[part.component].quantisation]?);
            }
        }
        let mut reader = Reader {
            bits: Bits::new(scan.data),
            before: vec![0; scan.parts.len()],
            ended: 0,
            dc: scan.parts.iter().map(|part| self.dc[part.dc].as_ref()).collect(),
            ac: scan.parts.iter().map(|part| self.ac[part.ac].as_ref()).collect(),
            scan,
            is_progressive: self.survey.is_progressive,
        };
        let first = &self.planes[scan.parts[0].component];
        // A component alone is coded without the blocks that fill MCUs (T.81, A.2.2).
        let is_alone = scan.parts.len() == 1;
        let (across, down) = if is_alone { first.real } else { (first.across / first.h, first.down / first.v) };
        for unit in 0..across * down {
            if self.restart > 0 && unit > 0 && unit.is_multiple_of(self.restart) {
                reader.restart(unit / self.restart)?;
            }
            let (x, y) = (unit % across, unit / across);
            for (number, part) in scan.parts.iter().enumerate() {
                let plane = &mut self.planes[part.component];
                if is_alone {
                    reader.block(number, plane, y * plane.across + x)?;
                    continue;
                }
                for inner in 0..plane.h * plane.v {
                    let (column, row) = (x * plane.h + inner % plane.h, y * plane.v + inner / plane.h);
                    reader.block(number, plane, row * plane.across + column)?;
                }
            }
            if reader.bits.is_short() {
                return None;
            }
        }
        Some(())
    }

    fn finish(mut self) -> Option<Vec<Plane>> {
        let all_known = self.bits_left.iter().flatten().all(|low| *low == 0);
        let all_begun = self.bits_left.iter().all(|known| known[0] != u8::MAX);
        // A progressive file that ends early with its end mark is meant to be whole; without the mark it was cut off.
        if !(all_known || self.survey.has_end && self.survey.is_progressive && all_begun) {
            return None;
        }
        self.planes.iter_mut().for_each(Plane::finish);
        Some(self.planes)
    }
}

/// The data of one scan, block by block.
struct Reader<'a> {
    bits: Bits<'a>,
    /// The DC value before, for each component of the scan.
    before: Vec<i32>,
    /// Blocks to come whose band has ended already.
    ended: u32,
    /// The tables of each component; one that a scan does not need may be missing.
    dc: Vec<Option<&'a Table>>,
    ac: Vec<Option<&'a Table>>,
    scan: &'a Scan<'a>,
    is_progressive: bool,
}

impl Reader<'_> {
    fn restart(&mut self, number: usize) -> Option<()> {
        self.before.fill(0);
        self.ended = 0;
        self.bits.restart(((number - 1) % 8) as u8).then_some(())
    }

    fn block(&mut self, number: usize, plane: &mut Plane, block: usize) -> Option<()> {
        match (self.is_progressive, self.scan.from, self.scan.high) {
            (false, ..) => self.sequential(number, plane, block),
            (true, 0, 0) => {
                *plane.dc(block) = (self.difference(number)? << self.scan.low) as i16;
                Some(())
            }
            (true, 0, _) => {
                *plane.dc(block) |= (self.bits.number(1) << self.scan.low) as i16;
                Some(())
            }
            (true, _, 0) => self.first(number, plane, block),
            _ => self.more(number, plane, block),
        }
    }

    /// The next DC value.
    fn difference(&mut self, number: usize) -> Option<i32> {
        let size = self.bits.symbol(self.dc[number]?)?;
        let difference = self.bits.signed(u32::from((size <= 15).then_some(size)?));
        self.before[number] = self.before[number].wrapping_add(difference);
        Some(self.before[number])
    }

    fn sequential(&mut self, number: usize, plane: &mut Plane, block: usize) -> Option<()> {
        let mut coefficients = [0; 64];
        coefficients[0] = self.difference(number)? as i16;
        let table = self.ac[number]?;
        let (mut k, mut last) = (1, 0);
        while k < 64 {
            let symbol = self.bits.symbol(table)?;
            let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            if size == 0 {
                if run < 15 {
                    break;
                }
                k += 16;
                continue;
            }
            k += run;
            *coefficients.get_mut(k)? = self.bits.signed(size) as i16;
            last = k;
            k += 1;
        }
        plane.write(block, &coefficients, last);
        Some(())
    }

    /// A band for the first time (T.81, G.1.2.2).
    fn first(&mut self, number: usize, plane: &mut Plane, block: usize) -> Option<()> {
        if self.ended > 0 {
            self.ended -= 1;
            return Some(());
        }
        let table = self.ac[number]?;
        let mut k = self.scan.from;
        while k <= self.scan.to {
            let symbol = self.bits.symbol(table)?;
            let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            if size == 0 {
                if run < 15 {
                    self.ended = (1 << run) - 1 + self.bits.number(run as u32);
                    break;
                }
                k += 16;
                continue;
            }
            k += run;
            let value = (self.bits.signed(size) << self.scan.low) as i16;
            if k > self.scan.to {
                return None;
            }
            plane.set(block, k, value);
            k += 1;
        }
        Some(())
    }

    /// One bit more of a band (T.81, G.1.2.3).
    fn more(&mut self, number: usize, plane: &mut Plane, block: usize) -> Option<()> {
        let (mut k, to) = (self.scan.from, self.scan.to);
        let bit = 1_i16 << self.scan.low;
        let present = plane.present(block);
        if self.ended == 0 {
            let table = self.ac[number]?;
            while k <= to {
                let symbol = self.bits.symbol(table)?;
                let (mut run, size) = (symbol >> 4, symbol & 15);
                let value = match size {
                    0 if run < 15 => {
                        self.ended = (1 << run) + self.bits.number(u32::from(run));
                        break;
                    }
                    0 => None,
                    1 => Some(if self.bits.number(1) == 1 { bit } else { -bit }),
                    _ => return None,
                };
                // Over as many zeros as the run says; what is not zero on the way gets its next bit.
                while k <= to {
                    if present >> k & 1 == 1 {
                        if self.bits.number(1) == 1 {
                            plane.correct(block, k, bit);
                        }
                    } else if run == 0 {
                        break;
                    } else {
                        run -= 1;
                    }
                    k += 1;
                }
                if let Some(value) = value {
                    if k > to {
                        return None;
                    }
                    plane.set(block, k, value);
                }
                k += 1;
            }
        }
        if self.ended > 0 {
            self.ended -= 1;
            // Whoever ends the band stands within it, so `k` is no more than `to`.
            let mut band = present >> k & (u64::MAX >> (63 - (to - k)));
            while band != 0 {
                if self.bits.number(1) == 1 {
                    plane.correct(block, k + band.trailing_zeros() as usize, bit);
                }
                band &= band - 1;
            }
        }
        Some(())
    }
}
