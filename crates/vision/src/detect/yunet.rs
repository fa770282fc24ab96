//! YuNet: anchor-free, three strides, sizes as logarithms (Wu, Peng and Yu 2023; output names are those of the file in
//! libfacedetection.train).

use super::{Detection, KeyPoints};
use crate::error::VisionError;
use crate::geometry::{Point, RectF};
use crate::network::{Channels, InputFormat, Outputs};
use crate::parts::Normalisation;

/// Plain bytes, BGR.
pub(super) const INPUT_FORMAT: InputFormat =
    InputFormat { channels: Channels::Bgr, normalisation: Normalisation::grey(0.0, 1.0) };

const STRIDES: [usize; 3] = [8, 16, 32];

pub(super) fn candidates(
    outputs: &Outputs,
    rows: usize,
    columns: usize,
    threshold: f32,
) -> Result<Vec<Detection>, VisionError> {
    let mut found = Vec::new();
    for stride in STRIDES {
        let (across, count) = (columns / stride, (rows / stride) * (columns / stride));
        let named = |kind: &str, numbers: usize| outputs.named(&format!("{kind}_{stride}"), count * numbers);
        let (classes, objects) = (named("cls", 1)?, named("obj", 1)?);
        let (boxes, points) = (named("bbox", 4)?, named("kps", 10)?);
        let scale = stride as f32;
        for (cell, (&class, &object)) in classes.iter().zip(objects).enumerate() {
            // The file has applied the sigmoid to both; their geometric mean is the score.
            let score = (class.clamp(0.0, 1.0) * object.clamp(0.0, 1.0)).sqrt();
            if score.is_nan() || score < threshold {
                continue;
            }
            let (column, row) = ((cell % across) as f32, (cell / across) as f32);
            let b = &boxes[cell * 4..cell * 4 + 4];
            let (width, height) = (b[2].exp() * scale, b[3].exp() * scale);
            let (x, y) = ((column + b[0]) * scale, (row + b[1]) * scale);
            let k = &points[cell * 10..cell * 10 + 10];
            let point = |at: usize| Point { x: (k[at] + column) * scale, y: (k[at + 1] + row) * scale };
            found.push(Detection {
                rect: RectF { left: x - width / 2.0, top: y - height / 2.0, width, height },
                score,
                points: KeyPoints::Five([0, 2, 4, 6, 8].map(point)),
            });
        }
    }
    Ok(found)
}
