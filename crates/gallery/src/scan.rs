//! The exact scan: codes first, full precision only where codes cannot decide.
//!
//! For every row a lower limit of its squared distance follows from the codes and [`Quantised::bound`](crate::quantise::Quantised::bound). Rows whose limit
//! lies above the cut cannot be among the answers; the others are compared in full precision. Two steps keep that fast:
//! a limit loose enough for the whole block is one comparison of 32-bit numbers, and only rows that pass it are looked
//! at one by one with their own, tighter limit.

use crate::block::Block;
use crate::distance::squared_distance;
use crate::kernel::{self, MOST_ROWS, Sought};
use crate::quantise::stride;
use crate::{Hit, Probe, Snapshot, Visible};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;

/// Bytes of codes that are compared with every probe before the next are read: half of the smallest first-level cache
/// in use (32 KiB), so that the second probe finds them there.
const TILE_BYTES: usize = 16 * 1024;

/// What a search keeps of the rows it is shown.
pub(crate) trait Collector {
    /// Rows farther than this are of no interest any more.
    fn cut(&self) -> f32;
    /// Takes a row whose distance is within the cut.
    fn offer(&mut self, hit: Hit);
}

/// Shows every collector all visible rows that could be within its probe's cut.
pub(crate) fn sweep<C: Collector>(snapshot: &Snapshot, probes: &[Probe], collectors: &mut [C], visible: Visible) {
    let dimension = snapshot.space.dimension;
    for probe in probes {
        assert_eq!(probe.template.len(), dimension, "a probe is a template of the gallery's space");
    }
    let tile_rows = (TILE_BYTES / stride(dimension)).clamp(4, MOST_ROWS);
    let mut products = [0; MOST_ROWS];
    for block in snapshot.blocks().filter(|block| block.is_in_sight(visible)) {
        let mut start = 0;
        while start < block.rows() {
            let rows = start..block.rows().min(start + tile_rows);
            for (probe, collector) in probes.iter().zip(&mut *collectors) {
                let tile = Tile { block, rows: rows.clone(), probe, visible };
                tile.show(&mut products[..rows.len()], collector);
            }
            start = rows.end;
        }
    }
}

/// Some rows of a block and one probe.
struct Tile<'a> {
    block: &'a Block,
    rows: Range<usize>,
    probe: &'a Probe,
    visible: Visible,
}

impl Tile<'_> {
    fn show(&self, products: &mut [i32], collector: &mut impl Collector) {
        let sought = Sought {
            codes: self.probe.codes.as_slice(),
            step: 2.0 * self.probe.quantised.scale,
            limit: self.limit(collector.cut()),
        };
        let mut near = kernel::near(sought, self.block.coded_rows(self.rows.clone()), products);
        while near != 0 {
            let place = near.trailing_zeros() as usize;
            self.look_at(self.rows.start + place, products[place], collector);
            near &= near - 1;
        }
    }

    /// The cut as a limit for `|x|^2 - 2 q.x` in the scan's arithmetic, loose enough for every row of the block.
    fn limit(&self, cut: f32) -> f32 {
        let (summary, probe) = (self.block.summary(), &self.probe.quantised);
        let bound = probe.bound(summary.largest_norm, summary.largest_error);
        ((squared_cut(cut) - probe.norm_squared + bound) as f32).next_up()
    }

    /// One row and the product of its codes: its own bound, then full precision.
    fn look_at(&self, row: usize, product: i32, collector: &mut impl Collector) {
        if !self.block.is_visible(row, self.visible) {
            return;
        }
        let probe = &self.probe.quantised;
        let product = f64::from(probe.scale) * f64::from(self.block.scale(row)) * f64::from(product);
        let approximate = probe.norm_squared + f64::from(self.block.norm_squared(row)) - 2.0 * product;
        let bound = probe.bound(self.block.norm(row), self.block.error(row));
        if approximate - bound > squared_cut(collector.cut()) {
            return;
        }
        let distance = squared_distance(&self.probe.template, self.block.template(row)).sqrt() as f32;
        if distance <= collector.cut() {
            collector.offer(Hit { face: self.block.face(row), person: self.block.person(row), distance });
        }
    }
}

/// No row whose distance, rounded to `f32`, is at most the cut has a squared distance above this.
fn squared_cut(cut: f32) -> f64 {
    if cut.is_nan() || cut < 0.0 {
        return f64::NEG_INFINITY;
    }
    let next = f64::from(cut.next_up());
    next * next
}

/// A hit in the order of answers: by distance, then by face key.
#[derive(Clone, Copy, PartialEq)]
struct Ranked(Hit);

impl Eq for Ranked {}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.distance.total_cmp(&other.0.distance).then(self.0.face.cmp(&other.0.face))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn in_order(mut hits: Vec<Ranked>) -> Vec<Hit> {
    hits.sort_unstable();
    hits.into_iter().map(|ranked| ranked.0).collect()
}

/// The `k` nearest so far.
pub(crate) struct Nearest {
    k: usize,
    /// The farthest on top.
    kept: BinaryHeap<Ranked>,
}

impl Nearest {
    pub(crate) const fn new(k: usize) -> Self {
        Self { k, kept: BinaryHeap::new() }
    }

    pub(crate) fn into_hits(self) -> Vec<Hit> {
        in_order(self.kept.into_vec())
    }
}

impl Collector for Nearest {
    fn cut(&self) -> f32 {
        if self.k == 0 {
            return f32::NEG_INFINITY;
        }
        let is_full = self.kept.len() == self.k;
        self.kept.peek().filter(|_| is_full).map_or(f32::INFINITY, |farthest| farthest.0.distance)
    }

    fn offer(&mut self, hit: Hit) {
        if self.kept.len() < self.k {
            self.kept.push(Ranked(hit));
        } else if let Some(mut farthest) = self.kept.peek_mut()
            && Ranked(hit) < *farthest
        {
            *farthest = Ranked(hit);
        }
    }
}

/// Everything up to a distance.
pub(crate) struct Within {
    distance: f32,
    kept: Vec<Ranked>,
}

impl Within {
    pub(crate) const fn new(distance: f32) -> Self {
        Self { distance, kept: Vec::new() }
    }

    pub(crate) fn unordered(self) -> impl Iterator<Item = Hit> {
        self.kept.into_iter().map(|ranked| ranked.0)
    }

    pub(crate) fn into_hits(self) -> Vec<Hit> {
        in_order(self.kept)
    }
}

impl Collector for Within {
    fn cut(&self) -> f32 {
        self.distance
    }

    fn offer(&mut self, hit: Hit) {
        self.kept.push(Ranked(hit));
    }
}
