//! Storage for 8-bit codes, aligned to cache lines and wiped when dropped.

use bytemuck::{Pod, Zeroable};
use zeroize::Zeroize;

/// A cache line, so that no load of a kernel crosses two.
#[repr(C, align(64))]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Line([u64; 8]);

/// Codes of templates, row after row, aligned to cache lines.
pub(crate) struct Codes {
    lines: Vec<Line>,
    length: usize,
}

impl Codes {
    pub(crate) fn zeroed(length: usize) -> Self {
        Self { lines: vec![Line([0; 8]); length.div_ceil(size_of::<Line>())], length }
    }

    pub(crate) fn as_slice(&self) -> &[i8] {
        &bytemuck::cast_slice(&self.lines)[..self.length]
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [i8] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.length]
    }

    pub(crate) fn wipe(&mut self) {
        bytemuck::cast_slice_mut::<Line, u64>(&mut self.lines).zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_begin_at_a_cache_line_and_are_wiped() {
        let mut codes = Codes::zeroed(96);
        assert_eq!(codes.as_slice().as_ptr().align_offset(64), 0);
        codes.as_mut_slice().fill(-127);
        codes.wipe();
        assert_eq!(codes.as_slice(), &[0; 96]);
    }
}
