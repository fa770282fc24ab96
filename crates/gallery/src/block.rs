//! A run of templates that never changes once it is shared.

use crate::gallery::Row;
use crate::kernel::{Codes, Rows};
use crate::quantise::{quantise, stride};
use crate::view::Visible;
use crate::{FaceNumber, NOBODY, PersonNumber, Space};
use std::ops::Range;
use zeroize::Zeroize;

/// Rows of a full block. Large enough that a million templates are a few hundred blocks, small enough that copying
/// one for a delete stays below a millisecond (2.8 MB with 128 numbers).
pub(crate) const FULL: usize = 4096;

/// The squared length that marks a cleared row: infinitely far away for the scan.
const CLEARED: f32 = f32::INFINITY;

/// Templates with their codes, column by column. What the scan reads of every row lies together: codes, scale and
/// squared length (136 bytes with 128 numbers). The rest is read only of rows that may be among the answers.
///
/// Wiped when the last reader lets go of it.
pub(crate) struct Block {
    dimension: usize,
    codes: Codes,
    scales: Vec<f32>,
    /// Squared lengths of the centred templates. [`CLEARED`] marks a cleared row; not a number stands for a length
    /// that `f32` cannot hold, which the scan never passes over.
    norms_squared: Vec<f32>,
    /// Lengths of what the codes miss, rounded up.
    errors: Vec<f32>,
    templates: Vec<f32>,
    faces: Vec<FaceNumber>,
    persons: Vec<PersonNumber>,
    versions: Vec<u64>,
    summary: Summary,
}

/// Bounds that hold for all rows of a block.
#[derive(Clone, Copy)]
pub(crate) struct Summary {
    /// Rows that are not cleared.
    pub(crate) live: usize,
    /// No row is longer than this, centred.
    pub(crate) largest_norm: f64,
    /// No row's codes miss more than this.
    pub(crate) largest_error: f64,
    oldest: u64,
    newest: u64,
}

impl Block {
    /// A block of these rows.
    pub(crate) fn of(space: &Space, rows: &[Row<'_>]) -> Self {
        let mut block = Self::zeroed(space.dimension, rows.len());
        let stride = stride(space.dimension);
        for (at, row) in rows.iter().enumerate() {
            let codes = &mut block.codes.as_mut_slice()[at * stride..(at + 1) * stride];
            let quantised = quantise(row.template, &space.center, codes);
            let norm_squared = quantised.norm_squared as f32;
            block.scales[at] = quantised.scale;
            block.norms_squared[at] = if norm_squared.is_finite() { norm_squared } else { f32::NAN };
            block.errors[at] = (quantised.error as f32).next_up();
            block.templates[at * space.dimension..(at + 1) * space.dimension].copy_from_slice(row.template);
            block.faces[at] = row.face;
            block.persons[at] = row.person;
            block.versions[at] = row.added_version;
        }
        block.summarise();
        block
    }

    /// The rows of two blocks, one after the other.
    pub(crate) fn joined(first: &Self, second: &Self) -> Self {
        let mut block = Self::zeroed(first.dimension, first.rows() + second.rows());
        block.copy(0, first, 0..first.rows());
        block.copy(first.rows(), second, 0..second.rows());
        block.summarise();
        block
    }

    /// The rows of all blocks that are not cleared, in blocks of the given sizes.
    pub(crate) fn compacted<'a>(
        blocks: impl Iterator<Item = &'a Self>,
        dimension: usize,
        sizes: &[usize],
    ) -> Vec<Self> {
        let mut live = blocks.flat_map(|block| block.live_rows().map(move |row| (block, row)));
        let fill = |rows: &usize| {
            let mut block = Self::zeroed(dimension, *rows);
            for (to, (from, row)) in live.by_ref().take(*rows).enumerate() {
                block.copy(to, from, row..row + 1);
            }
            block.summarise();
            block
        };
        sizes.iter().map(fill).collect()
    }

    /// The same rows with one cleared: nothing of its template is left.
    pub(crate) fn without(&self, row: usize) -> Self {
        let mut block = Self::zeroed(self.dimension, self.rows());
        block.copy(0, self, 0..row);
        block.copy(row + 1, self, row + 1..self.rows());
        block.summarise();
        block
    }

    /// All rows cleared.
    fn zeroed(dimension: usize, rows: usize) -> Self {
        Self {
            dimension,
            codes: Codes::zeroed(rows * stride(dimension)),
            scales: vec![0.0; rows],
            norms_squared: vec![CLEARED; rows],
            errors: vec![0.0; rows],
            templates: vec![0.0; rows * dimension],
            faces: vec![0; rows],
            persons: vec![NOBODY; rows],
            versions: vec![0; rows],
            summary: Summary { live: 0, largest_norm: 0.0, largest_error: 0.0, oldest: 0, newest: 0 },
        }
    }

    fn copy(&mut self, at: usize, from: &Self, rows: Range<usize>) {
        let to = at..at + rows.len();
        let wide = |rows: &Range<usize>, width: usize| rows.start * width..rows.end * width;
        let stride = stride(self.dimension);
        self.codes.as_mut_slice()[wide(&to, stride)].copy_from_slice(&from.codes.as_slice()[wide(&rows, stride)]);
        self.templates[wide(&to, self.dimension)].copy_from_slice(&from.templates[wide(&rows, self.dimension)]);
        self.scales[to.clone()].copy_from_slice(&from.scales[rows.clone()]);
        self.norms_squared[to.clone()].copy_from_slice(&from.norms_squared[rows.clone()]);
        self.errors[to.clone()].copy_from_slice(&from.errors[rows.clone()]);
        self.faces[to.clone()].copy_from_slice(&from.faces[rows.clone()]);
        self.persons[to.clone()].copy_from_slice(&from.persons[rows.clone()]);
        self.versions[to].copy_from_slice(&from.versions[rows]);
    }

    fn summarise(&mut self) {
        let mut summary = Summary { live: 0, largest_norm: 0.0, largest_error: 0.0, oldest: u64::MAX, newest: 0 };
        for row in 0..self.rows() {
            if self.is_cleared(row) {
                continue;
            }
            summary.live += 1;
            // Not a number counts as infinitely long: then the bound is infinite and no row is passed over.
            let norm = if self.norms_squared[row].is_nan() { f64::INFINITY } else { self.norm(row) };
            summary.largest_norm = summary.largest_norm.max(norm);
            summary.largest_error = summary.largest_error.max(self.error(row));
            summary.oldest = summary.oldest.min(self.versions[row]);
            summary.newest = summary.newest.max(self.versions[row]);
        }
        self.summary = summary;
    }

    pub(crate) const fn rows(&self) -> usize {
        self.scales.len()
    }

    pub(crate) const fn summary(&self) -> Summary {
        self.summary
    }

    /// What the scan reads of some rows.
    pub(crate) fn coded_rows(&self, rows: Range<usize>) -> Rows<'_> {
        let stride = stride(self.dimension);
        Rows {
            codes: &self.codes.as_slice()[rows.start * stride..rows.end * stride],
            scales: &self.scales[rows.clone()],
            norms_squared: &self.norms_squared[rows],
        }
    }

    pub(crate) fn scale(&self, row: usize) -> f32 {
        self.scales[row]
    }

    pub(crate) fn norm_squared(&self, row: usize) -> f32 {
        self.norms_squared[row]
    }

    pub(crate) fn template(&self, row: usize) -> &[f32] {
        &self.templates[row * self.dimension..(row + 1) * self.dimension]
    }

    pub(crate) fn face(&self, row: usize) -> FaceNumber {
        self.faces[row]
    }

    pub(crate) fn person(&self, row: usize) -> PersonNumber {
        self.persons[row]
    }

    /// The length of the centred template; not a number where `f32` cannot hold its square.
    pub(crate) fn norm(&self, row: usize) -> f64 {
        // The stored square is rounded to half a unit in 2^23; the root of the next number is surely not too small.
        f64::from(self.norms_squared[row].next_up()).sqrt()
    }

    pub(crate) fn error(&self, row: usize) -> f64 {
        f64::from(self.errors[row])
    }

    fn is_cleared(&self, row: usize) -> bool {
        self.norms_squared[row] == CLEARED
    }

    pub(crate) fn is_visible(&self, row: usize, visible: Visible) -> bool {
        !self.is_cleared(row) && visible.includes(self.versions[row])
    }

    /// How many rows can be seen.
    pub(crate) fn visible_rows(&self, visible: Visible) -> usize {
        if self.summary.live == 0 || !visible.includes(self.summary.oldest) {
            0
        } else if visible.includes(self.summary.newest) {
            self.summary.live
        } else {
            (0..self.rows()).filter(|row| self.is_visible(*row, visible)).count()
        }
    }

    /// Whether any row can be seen.
    pub(crate) fn is_in_sight(&self, visible: Visible) -> bool {
        self.summary.live > 0 && visible.includes(self.summary.oldest)
    }

    pub(crate) fn live_rows(&self) -> impl Iterator<Item = usize> {
        (0..self.rows()).filter(|row| !self.is_cleared(*row))
    }

    /// Bytes that a block of this many rows takes.
    pub(crate) fn bytes(dimension: usize, rows: usize) -> usize {
        let per_row = stride(dimension)
            + (3 + dimension) * size_of::<f32>()
            + size_of::<FaceNumber>()
            + size_of::<PersonNumber>()
            + size_of::<u64>();
        size_of::<Self>() + rows * per_row
    }

    fn wipe(&mut self) {
        self.codes.wipe();
        self.templates.zeroize();
        self.scales.zeroize();
        self.norms_squared.zeroize();
        self.errors.zeroize();
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.wipe();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_rows() -> Block {
        let space = Space::new(3, &[]).unwrap();
        let row = |face, template| Block::of(&space, &[Row { face, person: 70, added_version: 5, template }]);
        Block::joined(&row(1, &[0.5, 0.25, -1.0]), &row(2, &[3.0, 2.0, 1.0]))
    }

    #[test]
    fn a_cleared_row_leaves_no_byte() {
        let block = two_rows().without(1);
        assert_eq!(block.coded_rows(1..2).codes, [0; 64]);
        assert_eq!(block.template(1), &[0.0; 3]);
        assert_eq!(
            (block.scales[1], block.errors[1], block.faces[1], block.persons[1], block.versions[1]),
            (0.0, 0.0, 0, NOBODY, 0)
        );
        assert_eq!(block.template(0), &[0.5, 0.25, -1.0], "the others stay");
        assert_eq!(block.live_rows().collect::<Vec<_>>(), [0]);
        assert!(block.summary().largest_norm < 2.0, "nothing of it is left in the summary");
    }

    #[test]
    fn a_wiped_block_leaves_no_byte() {
        let mut block = two_rows();
        block.wipe();
        assert!(block.codes.as_slice().iter().all(|code| *code == 0));
        // `zeroize` also empties vectors, so that the columns have no rows any more.
        let columns = [&block.templates, &block.scales, &block.norms_squared, &block.errors];
        assert!(columns.iter().all(|column| column.is_empty()));
    }

    #[test]
    fn a_length_beyond_f32_is_not_taken_for_a_cleared_row() {
        let space = Space::new(2, &[]).unwrap();
        let block = Block::of(&space, &[Row { face: 1, person: 1, added_version: 1, template: &[f32::MAX, f32::MAX] }]);
        assert!(block.is_visible(0, Visible::All));
        assert_eq!(block.summary().largest_norm, f64::INFINITY);
    }
}
