//! BlazeFace, back-camera form: anchors and outputs (Bazarevsky and others 2019; the layout is that of the TensorFlow.js
//! model that `@vladmandic/human` carries).

use super::{Detection, KeyPoints};
use crate::error::VisionError;
use crate::geometry::{Point, RectF};
use crate::network::{Channels, InputFormat, Outputs};
use crate::parts::Normalisation;

/// The network's frame may have any height and width of which this is a divisor: the coarser stride.
pub(super) const STRIDE: usize = 32;

/// `x / 127.5 - 1`, RGB.
pub(super) const INPUT_FORMAT: InputFormat =
    InputFormat { channels: Channels::Rgb, normalisation: Normalisation::grey(127.5, 127.5) };

/// The two output layers: pixels from cell to cell, anchors in each cell, names of scores and regressors.
const LAYERS: [(usize, usize, &str, &str); 2] =
    [(16, 2, "Identity", "Identity_2"), (32, 6, "Identity_1", "Identity_3")];

/// Centre x, centre y, width, height, then six points, all relative to the anchor and in pixels.
const NUMBERS: usize = 16;

pub(super) fn candidates(
    outputs: &Outputs,
    rows: usize,
    columns: usize,
    threshold: f32,
) -> Result<Vec<Detection>, VisionError> {
    let mut found = Vec::new();
    for (stride, anchors, scores, regressors) in LAYERS {
        let across = columns / stride;
        let count = (rows / stride) * across * anchors;
        let scores = outputs.named(scores, count)?;
        let regressors = outputs.named(regressors, count * NUMBERS)?;
        for (index, (&raw, r)) in scores.iter().zip(regressors.chunks_exact(NUMBERS)).enumerate() {
            // The published post-processing bounds the logit before the sigmoid.
            let score = 1.0 / (1.0 + (-raw.clamp(-80.0, 80.0)).exp());
            if score.is_nan() || score < threshold {
                continue;
            }
            let cell = index / anchors;
            let middle = |position: usize| (position as f32 + 0.5) * stride as f32;
            let anchor = Point { x: middle(cell % across), y: middle(cell / across) };
            let point = |at: usize| Point { x: anchor.x + r[at], y: anchor.y + r[at + 1] };
            let (centre, width, height) = (point(0), r[2], r[3]);
            if !(width > 0.0 && height > 0.0) {
                continue;
            }
            found.push(Detection {
                rect: RectF { left: centre.x - width / 2.0, top: centre.y - height / 2.0, width, height },
                score,
                points: KeyPoints::Six([4, 6, 8, 10, 12, 14].map(point)),
            });
        }
    }
    Ok(found)
}
