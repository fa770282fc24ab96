//! SCRFD with key points (Guo and others 2021), as InsightFace exports it.
//!
//! Expected of a file: strides 8, 16 and 32 with two anchors a cell; for each stride one output of scores (N x 1, sigmoid
//! applied), one of box distances (N x 4: left, top, right, bottom of the anchor, in strides) and one of points
//! (N x 10, in strides); N = 2 * rows/stride * columns/stride, cells row by row, both anchors of a cell together.
//! Output names vary between exports, therefore outputs are identified by their shapes. Exports without key points
//! (six outputs) are not usable: alignment would have no points to start from.

use super::{Detection, KeyPoints};
use crate::error::VisionError;
use crate::geometry::{Point, RectF};
use crate::network::{Channels, InputFormat, Outputs};
use crate::parts::Normalisation;

/// `(x - 127.5) / 128`, RGB, as in InsightFace's detector.
pub(super) const INPUT_FORMAT: InputFormat =
    InputFormat { channels: Channels::Rgb, normalisation: Normalisation::grey(127.5, 128.0) };

const STRIDES: [usize; 3] = [8, 16, 32];
const ANCHORS: usize = 2;

pub(super) fn candidates(
    outputs: &Outputs,
    rows: usize,
    columns: usize,
    threshold: f32,
) -> Result<Vec<Detection>, VisionError> {
    let mut found = Vec::new();
    for stride in STRIDES {
        let across = columns / stride;
        let count = (rows / stride) * across * ANCHORS;
        let (scores, boxes) = (outputs.shaped(count, 1)?, outputs.shaped(count, 4)?);
        let points = outputs.shaped(count, 10)?;
        let scale = stride as f32;
        for (index, &score) in scores.iter().enumerate() {
            if score.is_nan() || score < threshold {
                continue;
            }
            let cell = index / ANCHORS;
            // Anchors sit at the top left corner of their cell, not in its middle.
            let anchor = Point { x: (cell % across) as f32 * scale, y: (cell / across) as f32 * scale };
            let d = &boxes[index * 4..index * 4 + 4];
            let (width, height) = ((d[0] + d[2]) * scale, (d[1] + d[3]) * scale);
            if !(width > 0.0 && height > 0.0) {
                continue;
            }
            let k = &points[index * 10..index * 10 + 10];
            let point = |at: usize| Point { x: anchor.x + k[at] * scale, y: anchor.y + k[at + 1] * scale };
            found.push(Detection {
                rect: RectF { left: anchor.x - d[0] * scale, top: anchor.y - d[1] * scale, width, height },
                score: score.min(1.0),
                points: KeyPoints::Five([0, 2, 4, 6, 8].map(point)),
            });
        }
    }
    Ok(found)
}
