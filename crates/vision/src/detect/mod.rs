//! Detection: what a detector finds in a picture, at the scales that it needs, and closer where it is in doubt.

mod blazeface;
mod passes;
mod refine;
mod scrfd;
mod suppression;
mod yunet;

use crate::engine::Engine;
use crate::error::VisionError;
use crate::geometry::{Point, Rect, RectF};
use crate::network::{LoadedNetwork, Outputs};
use crate::parts::{DetectorKind, DetectorPart};
use crate::picture::{Picture, Raster};
use crate::quarter_turn::QuarterTurn;
use crate::resample::{Window, scale_window, shrink_by_whole_factor};
use crate::trace::{Stage, Tracer};
use passes::{Pass, is_cut, passes};
use suppression::{Boxed, suppress, without_parts};

/// The points a detector gives with a box; their order is the detector's own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum KeyPoints {
    /// BlazeFace: the eye at the image's left, the other eye, nose tip, middle of the mouth, ear points left and right.
    Six([Point; 6]),
    /// YuNet and SCRFD: the eye at the image's left, the other eye, nose tip, mouth corners left and right.
    Five([Point; 5]),
}

impl KeyPoints {
    /// The two eyes, the image's left one first.
    pub fn eyes(&self) -> [Point; 2] {
        match self {
            Self::Six([left, right, ..]) | Self::Five([left, right, ..]) => [*left, *right],
        }
    }

    fn map(self, f: impl Fn(Point) -> Point) -> Self {
        match self {
            Self::Six(points) => Self::Six(points.map(f)),
            Self::Five(points) => Self::Five(points.map(f)),
        }
    }
}

/// One face as the detector finds it, in pixels of the upright picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// The detector's own box; it may reach out of the picture. For the API's rectangle see [`Detection::reported`].
    pub rect: RectF,
    /// The detector's own certainty, 0 to 1; not comparable between detectors.
    pub score: f32,
    /// Eyes, nose and mouth.
    pub points: KeyPoints,
}

impl Detection {
    /// The face rectangle as the API reports it: in the service's proportions, whole pixels of the photo, within it.
    pub fn reported(&self, picture: &Picture) -> Rect {
        let rect = picture.in_photo(self.proportioned());
        rect.clip(picture.original_width(), picture.original_height())
    }

    /// The box in the proportions of the service's own rectangles, not yet clipped.
    ///
    /// In five published answers of the service (detection_01) the rectangle is a square of 2.16 pupil distances (2.12 to
    /// 2.27) whose centre lies 0.475 of them below the pupils. BlazeFace's box measures 2.47 (standard deviation 0.16) with
    /// its centre 0.515 below, by our irises on 31 near-frontal faces of the sample photos. Boxes of the other
    /// detectors have the taller form of the service's newer models and stay as they are.
    fn proportioned(&self) -> RectF {
        const SIDE: f32 = 2.16 / 2.47;
        const RISE: f32 = (0.515 - 0.475) / 2.47;
        const LEANING: f32 = std::f32::consts::FRAC_PI_4;
        match self.points {
            KeyPoints::Five(_) => self.rect,
            KeyPoints::Six(_) => {
                let centre = self.rect.centre();
                let (width, height) = (self.rect.width * SIDE, self.rect.height * SIDE);
                // Towards the forehead, wherever that is. A face that leans a little is reported as one that does not.
                let turn = if self.turn().abs() < LEANING { 0.0 } else { self.turn() };
                let (x, y) = (turn.sin() * RISE, -turn.cos() * RISE);
                RectF {
                    left: centre.x - width / 2.0 + self.rect.width * x,
                    top: centre.y - height / 2.0 + self.rect.height * y,
                    width,
                    height,
                }
            }
        }
    }

    /// By how much the face is turned clockwise in the picture, in radians from -pi to pi, by its eyes.
    pub(crate) fn turn(&self) -> f32 {
        let [left, right] = self.points.eyes();
        (right.y - left.y).atan2(right.x - left.x)
    }

    /// The same box with the points of an average face with this turn, for a face whose own points make no sense.
    pub(crate) fn levelled(&self, quarter: QuarterTurn) -> Self {
        let RectF { left, top, width, height } = self.rect;
        let at = |x: f32, y: f32| {
            let Point { x, y } = quarter.turned_back(Point { x, y }, 1.0, 1.0);
            Point { x: left + x * width, y: top + y * height }
        };
        // Shares of BlazeFace's own boxes around faces that look into the camera.
        let points =
            KeyPoints::Six([at(0.3, 0.3), at(0.7, 0.3), at(0.5, 0.53), at(0.5, 0.73), at(0.06, 0.38), at(0.94, 0.38)]);
        Self { points, ..*self }
    }

    /// The share of this box that lies inside the other.
    pub(crate) fn share_in(&self, other: &Self) -> f32 {
        self.rect.share_in(&other.rect)
    }

    fn is_finite(&self) -> bool {
        let r = &self.rect;
        [r.left, r.top, r.width, r.height, self.score].iter().all(|v| v.is_finite())
    }
}

/// How thoroughly to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Depth {
    /// As fine as the smallest face needs.
    #[default]
    Usual,
    /// Half as fine again: fewer small faces are missed, at about twice the cost.
    Deep,
}

/// What to search for.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Search {
    /// How thoroughly.
    pub depth: Depth,
    /// Smallest face in pixels (square root of the reported rectangle's area before clipping). `None` is Azure's rule: see [`smallest_face_px`].
    pub smallest_px: Option<f32>,
}

/// Smallest face in a frame of a capture, in pixels: whoever is before the camera has at least 78. People far behind them are no part
/// of the capture.
const SMALLEST_IN_CAPTURE: f32 = 60.0;

impl Search {
    /// As frames of a liveness capture are searched.
    pub const fn capture() -> Self {
        Self { depth: Depth::Usual, smallest_px: Some(SMALLEST_IN_CAPTURE) }
    }
}

/// Azure's smallest face: 36 pixels in a picture of up to 1920 x 1080 (either way up), proportionally more in a larger
/// one (face-api 3.1 and the text of the detect operation).
pub fn smallest_face_px(width: u32, height: u32) -> f32 {
    let (long, short) = (width.max(height) as f32, width.min(height) as f32);
    36.0 * (long / 1920.0).max(short / 1080.0).max(1.0)
}

/// A face of the smallest size may be measured this much smaller: boxes of small faces are known to some 15 %. Without
/// this allowance every second face of exactly that size is dropped.
const SIZE_IS_KNOWN_TO: f32 = 0.85;

/// What lies in a box of at least this score is a part of it.
const SURE_ENOUGH: f32 = 0.8;

/// What one pass found: a face in pixels of the picture, and its longer side in pixels of the frame that showed it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sighting {
    pub(crate) face: Detection,
    pub(crate) pixels: f32,
}

impl Boxed for Sighting {
    fn face(&self) -> &Detection {
        &self.face
    }
}

pub(crate) struct Detector {
    kind: DetectorKind,
    network: LoadedNetwork,
    /// Rows and columns of the frame that the pack names.
    frame: (usize, usize),
    score_threshold: f32,
    overlap_threshold: f32,
}

impl Detector {
    /// The detector that can examine a hint closely.
    pub(crate) fn blazeface(engine: &dyn Engine, part: &DetectorPart<'_>) -> Result<Self, VisionError> {
        if part.kind != DetectorKind::BlazefaceBack {
            let reason = "the first detector is BlazeFace; others stand beside it".into();
            return Err(VisionError::Model { network: "detector", reason });
        }
        Self::load(engine, part)
    }

    pub(crate) fn load(engine: &dyn Engine, part: &DetectorPart<'_>) -> Result<Self, VisionError> {
        let format = match part.kind {
            DetectorKind::BlazefaceBack => blazeface::INPUT_FORMAT,
            DetectorKind::Yunet => yunet::INPUT_FORMAT,
            DetectorKind::Scrfd => scrfd::INPUT_FORMAT,
        };
        let [_, _, rows, columns] = part.input;
        if rows % 32 != 0 || columns % 32 != 0 {
            let reason = "a detector's frame has multiples of 32 rows and columns".into();
            return Err(VisionError::Model { network: "detector", reason });
        }
        let network = LoadedNetwork::load(engine, "detector", part.onnx, part.input, format)?;
        Ok(Self {
            kind: part.kind,
            network,
            frame: (rows, columns),
            score_threshold: part.score_threshold,
            overlap_threshold: part.overlap_threshold,
        })
    }

    /// Boxes below this score are no faces to the detector itself.
    pub(crate) fn likely(&self) -> f32 {
        self.score_threshold
    }

    /// Searches the whole picture turned upright, as finely as the smallest face needs, which `yardstick` makes smaller than
    /// [`smallest_face_px`]. Only a network
    /// that takes frames of any size can search a turned picture: BlazeFace. Returns faces and hints, best score first, no two
    /// of which overlap much.
    pub(crate) fn survey(
        &mut self,
        picture: &Picture,
        depth: Depth,
        yardstick: f32,
        quarter: QuarterTurn,
        trace: &mut Tracer,
    ) -> Result<Vec<Sighting>, VisionError> {
        let passes = passes(self.kind, self.frame, self.score_threshold, picture, depth, yardstick);
        // Where even the finest pass shrinks the picture, averaging whole blocks once makes all of them cheap; a factor
        // of at least 1.5 is left to the exact area filter, so that blocks do not show.
        trace.enter(Stage::DetectResample);
        let finest = passes.iter().map(|pass| pass.step).fold(f32::INFINITY, f32::min);
        let whole = picture.raster();
        let factor = ((finest / 1.5) as usize).clamp(1, 256.min(whole.width).min(whole.height));
        let shrunk = (factor > 1).then(|| shrink_by_whole_factor(&whole, Window::whole(&whole), factor));
        let source = shrunk.as_ref().map_or(whole, Picture::raster);

        let mut seen = Vec::new();
        for pass in passes {
            self.run_pass(&source, factor, pass.turned(quarter), picture, &mut seen, trace)?;
        }
        self.network.wipe();
        trace.enter(Stage::DetectFinish);
        Ok(suppress(seen, self.overlap_threshold))
    }

    fn run_pass(
        &mut self,
        source: &Raster<'_>,
        factor: usize,
        pass: Pass,
        picture: &Picture,
        seen: &mut Vec<Sighting>,
        trace: &mut Tracer,
    ) -> Result<(), VisionError> {
        trace.enter(Stage::DetectResample);
        let window = pass.window;
        let inner = Window {
            left: window.left / factor,
            top: window.top / factor,
            width: (window.width / factor).clamp(1, source.width - window.left / factor),
            height: (window.height / factor).clamp(1, source.height - window.top / factor),
        };
        self.network.resize(pass.frame.0, pass.frame.1);
        let chip = scale_window(source, inner, pass.step / factor as f32);
        let (wide, high) = (chip.width as f32, chip.height as f32);
        self.network.put_at(&pass.quarter.set_upright(chip), pass.border);

        trace.enter(Stage::DetectNetwork);
        let outputs = self.network.run()?;

        trace.enter(Stage::DetectFinish);
        let (left, top) = ((inner.left * factor) as f32, (inner.top * factor) as f32);
        let (before, above) = (pass.border.0 as f32, pass.border.1 as f32);
        for found in self.candidates(&outputs, pass.threshold)? {
            let pixels = found.rect.width.max(found.rect.height);
            if !(pass.sizes.0..=pass.sizes.1).contains(&pixels) {
                continue;
            }
            let place = |p: Point| {
                let Point { x, y } = pass.quarter.turned_back(Point { x: p.x - before, y: p.y - above }, wide, high);
                Point { x: x * pass.step + left, y: y * pass.step + top }
            };
            let (one, other) = (place(found.rect.top_left()), place(found.rect.bottom_right()));
            let (width, height) = (found.rect.width * pass.step, found.rect.height * pass.step);
            let (width, height) = if pass.quarter.swaps() { (height, width) } else { (width, height) };
            let rect = RectF { left: one.x.min(other.x), top: one.y.min(other.y), width, height };
            let face = Detection { rect, score: found.score, points: found.points.map(place) };
            if face.is_finite() && !is_cut(&face.rect, window, picture) {
                seen.push(Sighting { face, pixels });
            }
        }
        Ok(())
    }

    /// Boxes of at least this score, in pixels of the network's input frame.
    fn candidates(&self, outputs: &Outputs, threshold: f32) -> Result<Vec<Detection>, VisionError> {
        let (rows, columns) = (self.network.rows(), self.network.columns());
        match self.kind {
            DetectorKind::BlazefaceBack => blazeface::candidates(outputs, rows, columns, threshold),
            DetectorKind::Yunet => yunet::candidates(outputs, rows, columns, threshold),
            DetectorKind::Scrfd => scrfd::candidates(outputs, rows, columns, threshold),
        }
    }

    /// One face, one box; largest first. BlazeFace's boxes are measured by a yardstick of their own.
    pub(crate) fn finish(
        &self,
        faces: Vec<Detection>,
        picture: &Picture,
        smallest: f32,
        yardstick: f32,
    ) -> Vec<Detection> {
        let mut faces = suppress(faces, self.overlap_threshold);
        without_parts(&mut faces, SURE_ENOUGH);
        select(&mut faces, picture, smallest, yardstick);
        faces
    }
}

/// Drops what is too small or outside, orders by size as Azure does (largest first, ties by top, then left).
fn select(faces: &mut Vec<Detection>, picture: &Picture, smallest: f32, yardstick: f32) {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    faces.retain(|face| {
        let centre = face.rect.centre();
        let inside = centre.x >= 0.0 && centre.y >= 0.0 && centre.x < width && centre.y < height;
        let smallest = if matches!(face.points, KeyPoints::Six(_)) { yardstick * smallest } else { smallest };
        inside && face.proportioned().area().sqrt() >= SIZE_IS_KNOWN_TO * smallest && face.reported(picture).area() > 0
    });
    faces.sort_by_key(|face| {
        let rect = face.reported(picture);
        (-rect.area(), rect.top, rect.left)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_face_grows_with_the_frame() {
        let cases = [
            ("Full HD", 1920, 1080, 36.0),
            ("Full HD upright", 1080, 1920, 36.0),
            ("small", 200, 100, 36.0),
            ("4K", 3840, 2160, 72.0),
            ("square", 1620, 1620, 54.0),
        ];
        for (name, width, height, expected) in cases {
            assert!((smallest_face_px(width, height) - expected).abs() < 1e-3, "{name}");
        }
    }
}
