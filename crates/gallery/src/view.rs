//! [`GalleryView`]: one immutable state of a gallery, and the searches in it.

use crate::block::Block;
use crate::scan::{Nearest, Within, scan_rows};
use crate::{FaceNumber, PersonNumber, Probe, Space};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// Which templates a search covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visible {
    /// Every one.
    All,
    /// Those whose `added_version` is at most this: what the last training covered.
    UpTo(u64),
}

impl Visible {
    pub(crate) const fn includes(self, added_version: u64) -> bool {
        match self {
            Self::All => true,
            Self::UpTo(last) => added_version <= last,
        }
    }
}

/// A template that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// The face.
    pub face: FaceNumber,
    /// The person it belongs to, or [`crate::NOBODY`].
    pub person: PersonNumber,
    /// How far it is from the probe: exactly [`crate::distance()`] of the two templates.
    pub distance: f32,
}

/// A gallery at one moment. It never changes, however long it is kept and whatever is written meanwhile; the bytes of
/// templates deleted since are wiped when the last view that contains them is dropped, so drop it soon.
#[derive(Clone)]
pub struct GalleryView {
    pub(crate) space: Space,
    /// Full blocks.
    pub(crate) full: Arc<Vec<Arc<Block>>>,
    /// Blocks of falling size, each less than full.
    pub(crate) tail: Vec<Arc<Block>>,
    /// Rows that are not cleared.
    pub(crate) live: usize,
}

impl GalleryView {
    pub(crate) fn empty(space: Space) -> Self {
        Self { space, full: Arc::default(), tail: Vec::new(), live: 0 }
    }

    /// The space of its templates.
    pub const fn space(&self) -> &Space {
        &self.space
    }

    /// How many templates there are.
    pub const fn len(&self) -> usize {
        self.live
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// How many templates a search covers.
    pub fn visible_len(&self, visible: Visible) -> usize {
        self.blocks().map(|block| block.visible_rows(visible)).sum()
    }

    /// How many templates these persons have.
    pub(crate) fn len_among(&self, persons: &HashSet<PersonNumber>) -> usize {
        let of_block = |block: &Block| block.live_rows().filter(|row| persons.contains(&block.person(*row))).count();
        self.blocks().map(of_block).sum()
    }

    /// The `k` templates nearest to the probe, nearest first; of equal distances the smaller face number first.
    ///
    /// # Panics
    /// When the probe is of another dimension.
    pub fn nearest(&self, probe: &Probe, k: usize, visible: Visible) -> Vec<Hit> {
        let mut found = [Nearest::new(k)];
        scan_rows(self, std::slice::from_ref(probe), &mut found, visible);
        let [found] = found;
        found.into_hits(probe)
    }

    /// Every template at most this far from the probe, ordered as by [`GalleryView::nearest`].
    ///
    /// # Panics
    /// When the probe is of another dimension.
    pub fn within(&self, probe: &Probe, distance: f32, visible: Visible) -> Vec<Hit> {
        let mut found = [Within::new(distance)];
        scan_rows(self, std::slice::from_ref(probe), &mut found, visible);
        let [found] = found;
        found.into_hits()
    }

    /// [`GalleryView::nearest`] for each of several probes, in their order, reading the gallery from memory only once.
    ///
    /// # Panics
    /// When a probe is of another dimension.
    pub fn nearest_many(&self, probes: &[Probe], k: usize, visible: Visible) -> Vec<Vec<Hit>> {
        let mut found: Vec<Nearest<'_>> = probes.iter().map(|_| Nearest::new(k)).collect();
        scan_rows(self, probes, &mut found, visible);
        found.into_iter().zip(probes).map(|(found, probe)| found.into_hits(probe)).collect()
    }

    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.full.iter().chain(&self.tail).map(|block| &**block)
    }
}

impl fmt::Debug for GalleryView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GalleryView").field("space", &self.space).field("templates", &self.live).finish_non_exhaustive()
    }
}
