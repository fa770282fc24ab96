//! The exact scan: codes first, full precision only where codes cannot decide.
//!
//! For every row a lower limit of its squared distance follows from the codes and [`Quantised::bound`](crate::quantise::Quantised::bound). Rows whose limit
//! lies above the cut cannot be among the answers; the others are compared in full precision. Two steps keep that fast:
//! a limit loose enough for the whole block is one comparison of 32-bit numbers, and only rows that pass it are looked
//! at one by one with their own, tighter limit.

use crate::block::Block;
use crate::distance::squared_distance;
use crate::kernel::{self, MOST_ROWS, ProbeCodes};
use crate::quantise::stride;
use crate::{GalleryView, Hit, Probe, Visible};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;

/// Bytes of codes that are compared with every probe before the next are read: half of the smallest first-level cache
/// in use (32 KiB), so that the second probe finds them there.
const TILE_BYTES: usize = 16 * 1024;

/// A row that may be near enough, and the limits of its squared distance as [`squared_distance`] gives it.
#[derive(Clone, Copy)]
pub(crate) struct Candidate<'a> {
    block: &'a Block,
    row: usize,
    lower: f64,
    upper: f64,
}

impl Candidate<'_> {
    /// The hit in full precision; `None` where there is no distance because the probe is not finite.
    fn hit(&self, probe: &Probe) -> Option<Hit> {
        let distance = squared_distance(&probe.template, self.block.template(self.row)).sqrt() as f32;
        let hit = || Hit { face: self.block.face(self.row), person: self.block.person(self.row), distance };
        (!distance.is_nan()).then(hit)
    }
}

/// What a search keeps of the rows it is shown.
pub(crate) trait Collector<'a> {
    /// Rows whose squared distance is above this are of no interest any more.
    fn squared_cut(&self) -> f64;
    /// Takes a row whose lower limit is not above the cut.
    fn see(&mut self, candidate: Candidate<'a>, probe: &Probe);
}

/// Shows every collector all visible rows that could be within its probe's cut.
pub(crate) fn scan_rows<'a, C: Collector<'a>>(
    view: &'a GalleryView,
    probes: &[Probe],
    collectors: &mut [C],
    visible: Visible,
) {
    let dimension = view.space.dimension;
    for probe in probes {
        assert_eq!(probe.template.len(), dimension, "a probe is a template of the gallery's space");
    }
    let tile_rows = (TILE_BYTES / stride(dimension)).clamp(4, MOST_ROWS);
    let mut products = [0; MOST_ROWS];
    for block in view.blocks().filter(|block| block.is_in_sight(visible)) {
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
struct Tile<'a, 'p> {
    block: &'a Block,
    rows: Range<usize>,
    probe: &'p Probe,
    visible: Visible,
}

impl<'a> Tile<'a, '_> {
    fn show(&self, products: &mut [i32], collector: &mut impl Collector<'a>) {
        let probe_codes = ProbeCodes {
            codes: self.probe.codes.as_slice(),
            step: 2.0 * self.probe.quantised.scale,
            limit: self.limit(collector.squared_cut()),
        };
        let mut near = kernel::near(probe_codes, self.block.coded_rows(self.rows.clone()), products);
        while near != 0 {
            let place = near.trailing_zeros() as usize;
            self.look_at(self.rows.start + place, products[place], collector);
            near &= near - 1;
        }
    }

    /// The cut as a limit for `|x|^2 - 2 q.x` in the scan's arithmetic, loose enough for every row of the block.
    fn limit(&self, squared_cut: f64) -> f32 {
        let (summary, probe) = (self.block.summary(), &self.probe.quantised);
        let bound = probe.bound(summary.largest_norm, summary.largest_error);
        ((squared_cut - probe.norm_squared + bound) as f32).next_up()
    }

    /// One row and the product of its codes, with its own bound.
    fn look_at(&self, row: usize, product: i32, collector: &mut impl Collector<'a>) {
        if !self.block.is_visible(row, self.visible) {
            return;
        }
        let probe = &self.probe.quantised;
        let product = f64::from(probe.scale) * f64::from(self.block.scale(row)) * f64::from(product);
        let approximate = probe.norm_squared + f64::from(self.block.norm_squared(row)) - 2.0 * product;
        let bound = probe.bound(self.block.norm(row), self.block.error(row));
        let (lower, upper) = match (approximate - bound, approximate + bound) {
            // A length that `f32` cannot hold: the codes say nothing.
            (lower, upper) if lower.is_nan() || upper.is_nan() => (f64::NEG_INFINITY, f64::INFINITY),
            limits => limits,
        };
        if lower <= collector.squared_cut() {
            collector.see(Candidate { block: self.block, row, lower, upper }, self.probe);
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

/// A hit in the order of answers: by distance, then by face number.
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

/// The `k` nearest.
///
/// While the scan runs only limits of squared distances are known: `k` rows have an upper limit of at most the `k`-th
/// smallest, so a row whose lower limit is above cannot be among the nearest. Full precision comes afterwards, for few
/// rows and nearest limits first; during the scan it would wait for memory at every candidate.
pub(crate) struct Nearest<'a> {
    k: usize,
    /// The `k` smallest upper limits so far, the largest on top.
    uppers: BinaryHeap<Limit>,
    squared_cut: f64,
    candidates: Vec<Candidate<'a>>,
    /// How many candidates there may be before those are dropped that have fallen behind the cut.
    room: usize,
}

impl Nearest<'_> {
    pub(crate) fn new(k: usize) -> Self {
        let squared_cut = if k == 0 { f64::NEG_INFINITY } else { f64::INFINITY };
        Self { k, uppers: BinaryHeap::new(), squared_cut, candidates: Vec::new(), room: 0 }
    }

    pub(crate) fn into_hits(mut self, probe: &Probe) -> Vec<Hit> {
        self.candidates.sort_unstable_by(|a, b| a.lower.total_cmp(&b.lower));
        let mut kept: BinaryHeap<Ranked> = BinaryHeap::new();
        for candidate in &self.candidates {
            let farthest = kept.peek().filter(|_| kept.len() == self.k);
            if farthest.is_some_and(|farthest| candidate.lower > squared_cut(farthest.0.distance)) {
                break;
            }
            let Some(hit) = candidate.hit(probe).map(Ranked) else { continue };
            if kept.len() < self.k {
                kept.push(hit);
            } else if let Some(mut farthest) = kept.peek_mut()
                && hit < *farthest
            {
                *farthest = hit;
            }
        }
        in_order(kept.into_vec())
    }

    /// Keeps the number of candidates within a small multiple of those that are needed.
    fn make_room(&mut self) {
        if self.candidates.len() >= self.room {
            let cut = self.squared_cut;
            self.candidates.retain(|candidate| candidate.lower <= cut);
            self.room = 2 * self.candidates.len() + 1024;
        }
    }
}

impl<'a> Collector<'a> for Nearest<'a> {
    fn squared_cut(&self) -> f64 {
        self.squared_cut
    }

    fn see(&mut self, candidate: Candidate<'a>, _: &Probe) {
        self.make_room();
        self.candidates.push(candidate);
        if self.uppers.len() < self.k {
            self.uppers.push(Limit(candidate.upper));
        } else if let Some(mut largest) = self.uppers.peek_mut()
            && Limit(candidate.upper) < *largest
        {
            *largest = Limit(candidate.upper);
        }
        if self.uppers.len() == self.k
            && let Some(Limit(largest)) = self.uppers.peek()
        {
            // By way of the distance in `f32`, because rows that tie in it are ordered by their face number.
            self.squared_cut = squared_cut(largest.max(0.0).sqrt() as f32);
        }
    }
}

/// A limit of a squared distance, never "not a number".
#[derive(Clone, Copy)]
struct Limit(f64);

impl PartialEq for Limit {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Limit {}

impl Ord for Limit {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Limit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Everything up to a distance.
pub(crate) struct Within {
    distance: f32,
    squared_cut: f64,
    kept: Vec<Ranked>,
}

impl Within {
    pub(crate) fn new(distance: f32) -> Self {
        Self { distance, squared_cut: squared_cut(distance), kept: Vec::new() }
    }

    pub(crate) fn unordered(self) -> impl Iterator<Item = Hit> {
        self.kept.into_iter().map(|ranked| ranked.0)
    }

    pub(crate) fn into_hits(self) -> Vec<Hit> {
        in_order(self.kept)
    }
}

impl<'a> Collector<'a> for Within {
    fn squared_cut(&self) -> f64 {
        self.squared_cut
    }

    fn see(&mut self, candidate: Candidate<'a>, probe: &Probe) {
        let hit = candidate.hit(probe).filter(|hit| hit.distance <= self.distance);
        self.kept.extend(hit.map(Ranked));
    }
}
