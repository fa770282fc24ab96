//! A closer look at one hint: the part of the picture around it, turned and scaled so that a face there has the size that
//! the network knows best.

use super::{Detection, Detector, Seen};
use crate::error::VisionError;
use crate::geometry::{Point, RectF};
use crate::parts::DetectorKind;
use crate::picture::Raster;
use crate::resample::Chip;
use crate::similarity::Similarity;
use crate::trace::{Stage, Tracer};
use crate::warp::warp;

/// Side of the chip, and pixels that the face of the hint has in it.
///
/// Of chips of 96 to 192 and faces of 36 to 110 pixels this pair tells upright portraits (0.82 to 0.96) best from the same
/// ones on their head (0.37 to 0.67) and from blurred noise (0.25 in the median).
const CHIP_SIDE: usize = 128;
const FACE_PX: f32 = 64.0;

/// How far from the middle of the chip the face may be, as a share of its side.
const OFF_CENTRE: f32 = 0.3;

/// Below this nothing is told of.
const THRESHOLD: f32 = 0.1;

impl Detector {
    /// In how many turns a hint can be looked at for the price of one.
    pub(crate) fn looks_at_once(&self) -> usize {
        let (down, across) = self.chips();
        down * across
    }

    /// How many chips the network's frame holds: down, across. A network with a frame of its own size is shown as many as
    /// it holds, one of any size is shown one.
    fn chips(&self) -> (usize, usize) {
        match self.kind {
            DetectorKind::BlazefaceBack => (1, 1),
            DetectorKind::Yunet | DetectorKind::Scrfd => {
                ((self.frame.0 / CHIP_SIDE).max(1), (self.frame.1 / CHIP_SIDE).max(1))
            }
        }
    }

    /// Looks at a hint in each of these turns, in radians clockwise. Gives for each the best that is seen near the middle.
    pub(crate) fn look_closely(
        &mut self,
        raster: &Raster<'_>,
        hint: &Detection,
        turns: &[f32],
        trace: &mut Tracer,
    ) -> Result<Vec<Option<Seen>>, VisionError> {
        let side = hint.rect.width.max(hint.rect.height) * CHIP_SIDE as f32 / FACE_PX;
        let centre = hint.rect.centre();
        if !(side.is_finite() && side > 1.0 && centre.x.is_finite() && centre.y.is_finite()) {
            return Ok(vec![None; turns.len()]);
        }
        let (down, across) = self.chips();
        let mut best = Vec::with_capacity(turns.len());
        for turns in turns.chunks(down * across) {
            trace.enter(Stage::DetectResample);
            let places: Vec<(usize, usize)> =
                (0..turns.len()).map(|at| (at % across * CHIP_SIDE, at / across * CHIP_SIDE)).collect();
            let maps: Vec<Similarity> =
                turns.iter().map(|turn| Similarity::crop(centre, side, *turn, CHIP_SIDE as f32)).collect();
            let chips: Vec<Chip> = maps.iter().map(|map| warp(raster, map, CHIP_SIDE, CHIP_SIDE)).collect();
            if self.kind == DetectorKind::BlazefaceBack {
                self.network.resize(CHIP_SIDE, CHIP_SIDE);
            }
            let placed: Vec<_> = chips.iter().zip(&places).map(|(chip, &(left, top))| (chip, left, top)).collect();
            self.network.put_all(&placed);
            trace.enter(Stage::DetectNetwork);
            let outputs = self.network.run()?;
            trace.enter(Stage::DetectFinish);
            let found = self.candidates(&outputs, THRESHOLD)?;
            for (map, &(left, top)) in maps.iter().zip(&places) {
                let (left, top) = (left as f32, top as f32);
                let in_chip = found.iter().map(|found| moved(found, -left, -top)).filter(is_near_the_middle);
                let one = in_chip.max_by(|a, b| a.score.total_cmp(&b.score));
                best.push(one.map(|found| seen(&found, map)).filter(|seen| seen.face.is_finite()));
            }
            self.network.wipe();
        }
        Ok(best)
    }
}

fn moved(found: &Detection, x: f32, y: f32) -> Detection {
    let rect = RectF { left: found.rect.left + x, top: found.rect.top + y, ..found.rect };
    Detection { rect, points: found.points.map(|p| Point { x: p.x + x, y: p.y + y }), ..*found }
}

fn is_near_the_middle(found: &Detection) -> bool {
    let (centre, side) = (found.rect.centre(), CHIP_SIDE as f32);
    let off = (centre.x - side / 2.0).abs().max((centre.y - side / 2.0).abs());
    off <= OFF_CENTRE * side
}

/// From the chip back into the picture. The box stays upright in it: it is as good as square.
fn seen(found: &Detection, map: &Similarity) -> Seen {
    let (centre, scale) = (map.apply(found.rect.centre()), map.scale());
    let (width, height) = (found.rect.width * scale, found.rect.height * scale);
    let rect = RectF { left: centre.x - width / 2.0, top: centre.y - height / 2.0, width, height };
    let face = Detection { rect, score: found.score, points: found.points.map(|point| map.apply(point)) };
    Seen { face, pixels: found.rect.width.max(found.rect.height) }
}
