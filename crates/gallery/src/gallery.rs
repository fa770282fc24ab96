//! [`Gallery`]: adding, removing and compacting templates while searches go on.

use crate::block::{Block, FULL};
use crate::{FaceNumber, GalleryError, GalleryView, PersonNumber, Space};
use arc_swap::ArcSwap;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A compaction pays when one row in this many is cleared (`storage-and-search.md` 2.4: a tenth).
const COMPACT_AT_ONE_IN: usize = 10;

/// A template on its way into a gallery.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    /// The face it was made of.
    pub face: FaceNumber,
    /// Whose face it is, or [`crate::NOBODY`].
    pub person: PersonNumber,
    /// The container's version that brought it; [`crate::Visible::UpTo`] compares with it.
    pub added_version: u64,
    /// The template.
    pub template: &'a [f32],
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Row");
        shown.field("face", &self.face).field("person", &self.person).field("added_version", &self.added_version);
        shown.finish_non_exhaustive()
    }
}

/// The templates of one container, in memory and ready to be searched.
///
/// Writers take turns; readers take a [`GalleryView`] and never wait. What a write has done is in every view taken
/// after it returned.
///
/// Rows live in immutable blocks. A new row is a block of its own, and two neighbours of equal size are joined, like
/// carrying in binary addition, until a block is full: so an add copies a dozen rows on average, whatever the size of
/// the gallery, and no row that a reader may hold is ever written to.
pub struct Gallery {
    current: ArcSwap<GalleryView>,
    writer: Mutex<Writer>,
}

/// What only writers need.
#[derive(Default)]
struct Writer {
    /// Where each face is, counted over all blocks. Joining neighbours does not move a row in this count.
    places: HashMap<FaceNumber, usize>,
    /// Rows in all blocks, cleared ones included.
    rows: usize,
}

impl Gallery {
    /// A gallery without templates.
    pub fn new(space: Space) -> Self {
        assert_eq!(space.center.len(), space.dimension, "the centre of a space is one of its templates");
        Self { current: ArcSwap::from_pointee(GalleryView::empty(space)), writer: Mutex::default() }
    }

    /// Adds a template. A face number that is known already changes nothing, so that a feed may be followed twice.
    ///
    /// # Errors
    /// [`GalleryError::WrongDimension`] and [`GalleryError::NotFinite`]; nothing is added then.
    pub fn add(&self, row: Row<'_>) -> Result<(), GalleryError> {
        self.add_all(&[row])
    }

    /// Adds many templates, all of them or, on an error, none. Each is copied once, where adding them one by one copies a
    /// dozen rows for each. Face numbers that are known already change nothing.
    ///
    /// # Errors
    /// As [`Gallery::add`].
    pub fn add_all(&self, rows: &[Row<'_>]) -> Result<(), GalleryError> {
        let mut writer = self.writer();
        let mut next = GalleryView::clone(&self.current.load());
        let expected = next.space.dimension;
        for row in rows {
            if row.template.len() != expected {
                return Err(GalleryError::WrongDimension { expected, found: row.template.len() });
            }
            if row.template.iter().any(|value| !value.is_finite()) {
                return Err(GalleryError::NotFinite);
            }
        }
        let mut offered = HashSet::new();
        let new: Vec<Row<'_>> = rows
            .iter()
            .filter(|row| !writer.places.contains_key(&row.face) && offered.insert(row.face))
            .copied()
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut rest = new.as_slice();
        let mut filled = writer.rows;
        while !rest.is_empty() {
            let (block, others) = rest.split_at(next_block(filled, rest.len()));
            next.push(Block::of(&next.space, block));
            filled += block.len();
            rest = others;
        }
        next.live += new.len();
        self.current.store(Arc::new(next));
        let first = writer.rows;
        writer.places.extend(new.iter().enumerate().map(|(at, row)| (row.face, first + at)));
        writer.rows = filled;
        Ok(())
    }

    /// Removes a template. Before this returns its bytes are out of every later view; the old ones are wiped when
    /// the last view that holds them is dropped. `false` if the face is not here.
    pub fn remove(&self, face: FaceNumber) -> bool {
        let mut writer = self.writer();
        let Some(&place) = writer.places.get(&face) else { return false };
        let mut next = GalleryView::clone(&self.current.load());
        next.clear_row(place);
        next.live -= 1;
        self.current.store(Arc::new(next));
        writer.places.remove(&face);
        true
    }

    /// Removes everything.
    pub fn clear(&self) {
        let mut writer = self.writer();
        *writer = Writer::default();
        let space = self.current.load().space.clone();
        self.current.store(Arc::new(GalleryView::empty(space)));
    }

    /// The gallery as it is now.
    pub fn view(&self) -> Arc<GalleryView> {
        self.current.load_full()
    }

    /// How many templates there are.
    pub fn len(&self) -> usize {
        self.current.load().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the templates and the index of faces take, without what older views still hold. With 128
    /// numbers a template takes about 0.7 KB.
    pub fn memory_bytes(&self) -> usize {
        let current = self.current.load();
        let blocks: usize = current.blocks().map(|block| Block::bytes(current.space.dimension, block.rows())).sum();
        // A hash table keeps one byte of control beside each place.
        blocks + self.writer().places.capacity() * (size_of::<(FaceNumber, usize)>() + 1)
    }

    /// Gives back the room of removed templates once they are a tenth of all rows. Call it after removing; it does
    /// nothing when it is not worthwhile. It copies the whole gallery, while readers go on and writers wait.
    pub fn compact_if_worthwhile(&self) {
        let mut writer = self.writer();
        let cleared = writer.rows - writer.places.len();
        if cleared == 0 || cleared * COMPACT_AT_ONE_IN < writer.rows {
            return;
        }
        let current = self.current.load_full();
        let mut next = GalleryView::empty(current.space.clone());
        next.live = current.live;
        for block in Block::compacted(current.blocks(), next.space.dimension, &block_sizes(next.live)) {
            next.push(block);
        }
        writer.rows = 0;
        writer.places.clear();
        writer.places.shrink_to(next.live);
        for block in next.blocks() {
            let first = writer.rows;
            writer.places.extend((0..block.rows()).map(|row| (block.face(row), first + row)));
            writer.rows += block.rows();
        }
        self.current.store(Arc::new(next));
    }

    /// A writer publishes before it changes the index and nothing can panic between the two, so the lock of one that
    /// panicked guards a sound index.
    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GalleryView {
    /// Appends a block. Two neighbours of equal size become one, so that the sizes in the tail always fall.
    fn push(&mut self, block: Block) {
        let mut block = Arc::new(block);
        while let Some(before) = self.tail.pop_if(|before| before.rows() == block.rows()) {
            block = Arc::new(Block::joined(&before, &block));
        }
        if block.rows() == FULL {
            Arc::make_mut(&mut self.full).push(block);
        } else {
            self.tail.push(block);
        }
    }

    /// Clears the row at a place counted over all blocks.
    fn clear_row(&mut self, place: usize) {
        if let Some(block) = self.full.get(place / FULL) {
            let cleared = Arc::new(block.without(place % FULL));
            Arc::make_mut(&mut self.full)[place / FULL] = cleared;
            return;
        }
        let mut row = place - self.full.len() * FULL;
        for block in &mut self.tail {
            if row < block.rows() {
                *block = Arc::new(block.without(row));
                return;
            }
            row -= block.rows();
        }
        unreachable!("the index of faces names only rows that exist");
    }
}

/// The rows of the next block when so many are there and so many wait: as many as keep the sizes in the tail falling.
fn next_block(filled: usize, waiting: usize) -> usize {
    let fitting = 1 << filled.trailing_zeros().min(FULL.ilog2());
    fitting.min(1 << waiting.ilog2())
}

/// The blocks that so many rows make when they are added one by one: full ones, then falling powers of two.
fn block_sizes(rows: usize) -> Vec<usize> {
    let mut sizes = vec![FULL; rows / FULL];
    let rest = rows % FULL;
    sizes.extend((0..FULL.ilog2()).rev().map(|bit| rest & (1 << bit)).filter(|size| *size > 0));
    sizes
}

impl fmt::Debug for Gallery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gallery").field("templates", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(gallery: &Gallery) -> Vec<usize> {
        gallery.view().blocks().map(Block::rows).collect()
    }

    /// Rows that arrive many at once lie in the blocks in which they lie when they come one by one, however they are cut.
    #[test]
    fn many_at_once_lie_as_one_by_one() {
        let template = [0.5, -0.25];
        let row = |face| Row { face, person: 1, added_version: 1, template: &template };
        let mut random = fastrand::Rng::with_seed(17);
        for _ in 0..20 {
            let (one, many) = [0; 2].map(|_| Gallery::new(Space::new(2, &[]).expect("a space"))).into();
            let mut next = 0;
            for _ in 0..4 {
                let rows: Vec<Row<'_>> = (next..next + random.i64(1..6_000)).map(row).collect();
                next += rows.len() as i64;
                rows.iter().for_each(|row| one.add(*row).expect("it is added"));
                many.add_all(&rows).expect("they are added");
                assert_eq!(sizes(&one), sizes(&many));
            }
            assert_eq!(sizes(&many), block_sizes(many.len()));
            // What is known, or offered twice, changes nothing.
            many.add_all(&[row(0), row(next), row(next)]).expect("one is added");
            assert_eq!(many.len(), one.len() + 1);
            assert!(many.remove(next) && !many.remove(next));
        }
    }

    /// One bad row among good ones leaves the gallery as it was.
    #[test]
    fn all_or_none_are_added() {
        let gallery = Gallery::new(Space::new(2, &[]).expect("a space"));
        let row = |face, template| Row { face, person: 1, added_version: 1, template };
        let refused = gallery.add_all(&[row(1, &[0.5, 0.5]), row(2, &[f32::NAN, 0.5])]);
        assert!(matches!(refused, Err(GalleryError::NotFinite)), "{refused:?}");
        assert!(gallery.is_empty());
        gallery.add(row(1, &[0.5, 0.5])).expect("it is added");
    }
}
