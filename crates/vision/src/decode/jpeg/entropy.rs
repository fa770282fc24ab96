//! Huffman codes and the bits they stand in (ITU T.81, annexes C and F).

/// Bits that are looked up at once; longer codes are rare.
const AT_ONCE: u32 = 9;

/// Codes of one class and number.
pub(super) struct Table {
    /// For the next [`AT_ONCE`] bits: length of the code, and what it stands for. Length 0 where the code is longer.
    short: Vec<(u8, u8)>,
    /// For each length: the first code that is longer than this, and what to add to a code to find its symbol.
    ends: [u32; 17],
    shifts: [i32; 17],
    symbols: Vec<u8>,
}

impl Table {
    /// Reads the sixteen counts and the symbols behind them; gives how many bytes they took. `None` if they are no code.
    pub(super) fn read(content: &[u8]) -> Option<(Self, usize)> {
        let counts: [u8; 16] = content.get(..16)?.try_into().ok()?;
        let total: usize = counts.iter().map(|count| usize::from(*count)).sum();
        let symbols = content.get(16..16 + total)?.to_vec();
        if total > 256 {
            return None;
        }
        let mut short = vec![(0, 0); 1 << AT_ONCE];
        let (mut ends, mut shifts) = ([0; 17], [0; 17]);
        let (mut code, mut place) = (0_u32, 0_usize);
        for (length, count) in (1_u32..=16).zip(counts) {
            shifts[length as usize] = place as i32 - code as i32;
            for _ in 0..count {
                if code >> length != 0 {
                    return None;
                }
                if length <= AT_ONCE {
                    let from = (code << (AT_ONCE - length)) as usize;
                    short[from..from + (1 << (AT_ONCE - length))].fill((length as u8, symbols[place]));
                }
                code += 1;
                place += 1;
            }
            ends[length as usize] = code;
            code <<= 1;
        }
        Some((Self { short, ends, shifts, symbols }, 16 + total))
    }
}

/// The data of a scan, bit by bit. Beyond its end every bit is zero, and [`Bits::is_short`] reports it.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bits, the first one highest, and how many there are.
    word: u64,
    filled: u32,
    /// How many of these are made up.
    made_up: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, word: 0, filled: 0, made_up: 0 }
    }

    /// Whether more was read than there is before the next mark.
    pub(super) fn is_short(&self) -> bool {
        self.filled < self.made_up
    }

    /// At least 48 bits.
    #[inline]
    fn fill(&mut self) {
        while self.filled <= 56 {
            let byte = match self.data.get(self.at) {
                Some(0xFF) => match self.data.get(self.at + 1) {
                    Some(0) => {
                        self.at += 2;
                        0xFF
                    }
                    Some(0xFF) => {
                        self.at += 1;
                        continue;
                    }
                    _ => {
                        self.made_up += 8;
                        0
                    }
                },
                Some(byte) => {
                    self.at += 1;
                    *byte
                }
                None => {
                    self.made_up += 8;
                    0
                }
            };
            self.word |= u64::from(byte) << (56 - self.filled);
            self.filled += 8;
        }
    }

    #[inline]
    fn skip(&mut self, count: u32) {
        self.word <<= count;
        self.filled -= count;
    }

    /// The next symbol of a table; `None` if no code fits.
    #[inline]
    pub(super) fn symbol(&mut self, table: &Table) -> Option<u8> {
        if self.filled < 16 {
            self.fill();
        }
        let (length, symbol) = table.short[(self.word >> (64 - AT_ONCE)) as usize];
        if length > 0 {
            self.skip(u32::from(length));
            return Some(symbol);
        }
        for length in AT_ONCE + 1..=16 {
            let code = (self.word >> (64 - length)) as u32;
            if code < table.ends[length as usize] {
                self.skip(length);
                let place = usize::try_from(code as i32 + table.shifts[length as usize]).ok()?;
                return table.symbols.get(place).copied();
            }
        }
        None
    }

    /// The next bits as a number; at most 16.
    #[inline]
    pub(super) fn number(&mut self, count: u32) -> u32 {
        if count == 0 {
            return 0;
        }
        if self.filled < count {
            self.fill();
        }
        let number = (self.word >> (64 - count)) as u32;
        self.skip(count);
        number
    }

    /// A coefficient of this size (T.81, F.2.2.1).
    #[inline]
    pub(super) fn signed(&mut self, size: u32) -> i32 {
        let number = self.number(size) as i32;
        if size > 0 && number < 1 << (size - 1) { number - (1 << size) + 1 } else { number }
    }

    /// Goes behind the next restart mark, which must have this number, 0 to 7.
    pub(super) fn restart(&mut self, number: u8) -> bool {
        (self.word, self.filled, self.made_up) = (0, 0, 0);
        while let Some(&[first, kind]) = self.data.get(self.at..self.at + 2) {
            if first == 0xFF && matches!(kind, 0xD0..=0xD7) {
                self.at += 2;
                return kind == 0xD0 + number;
            }
            self.at += 1;
        }
        false
    }
}
