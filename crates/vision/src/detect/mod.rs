//! Finding faces: a detector over windows of the picture, one list of faces out.

mod blazeface;
mod scrfd;
mod suppression;
mod tiles;
mod yunet;

use crate::engine::Engine;
use crate::error::VisionError;
use crate::geometry::{Point, Rect, RectF};
use crate::network::{LoadedNetwork, Outputs};
use crate::parts::{DetectorKind, DetectorPart};
use crate::picture::{Picture, Raster};
use crate::resample::{Window, scale_window, shrink_by_whole_factor};
use crate::trace::{Stage, Tracer};
use suppression::{suppress, without_parts};
use tiles::{Tile, tiles};

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

/// One face as the detector sees it, in pixels of the upright picture.
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
        match self.points {
            KeyPoints::Five(_) => self.rect,
            KeyPoints::Six(_) => {
                let centre = self.rect.centre();
                let (width, height) = (self.rect.width * SIDE, self.rect.height * SIDE);
                let top = centre.y - height / 2.0 - self.rect.height * RISE;
                RectF { left: centre.x - width / 2.0, top, width, height }
            }
        }
    }

    fn is_finite(&self) -> bool {
        let r = &self.rect;
        [r.left, r.top, r.width, r.height, self.score].iter().all(|v| v.is_finite())
    }
}

/// How thoroughly to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Depth {
    /// The whole frame and half-size windows; quarter-size windows too where the picture is larger than Full HD.
    #[default]
    Usual,
    /// Quarter-size windows always: for small faces, at about three times the cost.
    Deep,
}

/// What to look for.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Search {
    /// How thoroughly.
    pub depth: Depth,
    /// Smallest face in pixels (square root of the reported rectangle's area before clipping). `None` is Azure's rule: see [`smallest_face_px`].
    pub smallest_px: Option<f32>,
}

/// Azure's smallest face: 36 pixels in a picture of up to 1920 x 1080 (either way up), proportionally more in a larger
/// one (face-api 3.1 and the text of the detect operation).
pub fn smallest_face_px(width: u32, height: u32) -> f32 {
    let (long, short) = (width.max(height) as f32, width.min(height) as f32);
    36.0 * (long / 1920.0).max(short / 1080.0).max(1.0)
}

/// BlazeFace boxes scored at least this are believed; the others must look like a face to the mesh network too.
///
/// Measured with quarter-size windows on 13 pictures (the six group photos of the face-api package, one of them also
/// enlarged to 11 megapixels, and six labelled photos): BlazeFace alone raises 12 false alarms; they score 0.50 to 0.76, and
/// the mesh network's certainty of them is 0.00 to 0.40. The 36 real faces score 0.72 to 0.97, with certainties above
/// 0.99 but for one in full profile (0.79). Half-size windows, the usual search, raise none there.
pub(crate) const SURE_SCORE: f32 = 0.85;

/// BlazeFace boxes smaller than this in its own frame are left to the finer windows, if there are any.
///
/// Their places are rough: on a wall of some hundred faces of about 9 px in the whole frame, a dozen such boxes lay between
/// faces and, scored higher, suppressed the right ones of the finer windows; with this rule none did. Nothing is lost by it,
/// for neighbouring windows share a fifth of their side, at least 25 px of the coarser frame.
const LEFT_TO_FINER_PX: f32 = 12.0;

pub(crate) struct Detector {
    kind: DetectorKind,
    network: LoadedNetwork,
    score_threshold: f32,
    overlap_threshold: f32,
}

impl Detector {
    pub(crate) fn load(engine: &dyn Engine, part: &DetectorPart<'_>) -> Result<Self, VisionError> {
        let feed = match part.kind {
            DetectorKind::BlazefaceBack => blazeface::FEED,
            DetectorKind::Yunet => yunet::FEED,
            DetectorKind::Scrfd => scrfd::FEED,
        };
        let [_, _, rows, columns] = part.input;
        let usable = match part.kind {
            DetectorKind::BlazefaceBack => (rows, columns) == (blazeface::SIDE, blazeface::SIDE),
            DetectorKind::Yunet | DetectorKind::Scrfd => rows % 32 == 0 && columns % 32 == 0,
        };
        if !usable {
            let reason = "BlazeFace wants 256 x 256, YuNet and SCRFD multiples of 32".into();
            return Err(VisionError::Model { network: "detector", reason });
        }
        let network = LoadedNetwork::load(engine, "detector", part.onnx, part.input, feed)?;
        Ok(Self {
            kind: part.kind,
            network,
            score_threshold: part.score_threshold,
            overlap_threshold: part.overlap_threshold,
        })
    }

    pub(crate) fn detect(
        &mut self,
        picture: &Picture,
        search: Search,
        trace: &mut Tracer,
    ) -> Result<Vec<Detection>, VisionError> {
        let tiles = tiles(self.kind, picture, search.depth);
        let frame = self.network.rows().min(self.network.columns()) as f32;
        // Where even the smallest window is larger than the frame, averaging whole blocks once makes all windows
        // cheap; a factor of at least 1.5 is left to the exact area filter, so that blocks do not show.
        trace.enter(Stage::DetectResample);
        let finest =
            tiles.iter().map(|t| t.window.width.max(t.window.height) as f32 / frame).fold(f32::INFINITY, f32::min);
        let factor = ((finest / 1.5) as usize).clamp(1, 256);
        let whole = picture.raster();
        let shrunk = (factor > 1).then(|| shrink_by_whole_factor(&whole, Window::whole(&whole), factor));
        let source = shrunk.as_ref().map_or(whole, Picture::raster);

        let mut found = Vec::new();
        for tile in tiles {
            self.look_at(&source, factor, tile, picture, &mut found, trace)?;
        }
        self.network.wipe();
        trace.enter(Stage::DetectFinish);
        let mut faces = suppress(found, self.overlap_threshold);
        if self.kind == DetectorKind::BlazefaceBack {
            without_parts(&mut faces, SURE_SCORE);
        }
        self.select(&mut faces, picture, search);
        Ok(faces)
    }

    fn look_at(
        &mut self,
        source: &Raster<'_>,
        factor: usize,
        Tile { window, has_finer }: Tile,
        picture: &Picture,
        found: &mut Vec<Detection>,
        trace: &mut Tracer,
    ) -> Result<(), VisionError> {
        trace.enter(Stage::DetectResample);
        let inner = Window {
            left: window.left / factor,
            top: window.top / factor,
            width: (window.width / factor).min(source.width - window.left / factor),
            height: (window.height / factor).min(source.height - window.top / factor),
        };
        let fit =
            (inner.width as f32 / self.network.columns() as f32).max(inner.height as f32 / self.network.rows() as f32);
        // YuNet is never fed an enlarged picture; the others expect a full frame.
        let step = if self.kind == DetectorKind::Yunet { fit.max(1.0) } else { fit };
        self.network.put(&scale_window(source, inner, step));

        trace.enter(Stage::DetectNetwork);
        let outputs = self.network.run()?;

        trace.enter(Stage::DetectFinish);
        let scale = step * factor as f32;
        let (left, top) = ((inner.left * factor) as f32, (inner.top * factor) as f32);
        for detection in self.candidates(&outputs)? {
            let small = detection.rect.width.max(detection.rect.height) < LEFT_TO_FINER_PX;
            if small && has_finer && self.kind == DetectorKind::BlazefaceBack {
                continue;
            }
            let place = |p: Point| Point { x: p.x * scale + left, y: p.y * scale + top };
            let rect = RectF {
                left: detection.rect.left * scale + left,
                top: detection.rect.top * scale + top,
                width: detection.rect.width * scale,
                height: detection.rect.height * scale,
            };
            let detection = Detection { rect, score: detection.score, points: detection.points.map(place) };
            if detection.is_finite() && !tiles::is_cut(&detection.rect, window, picture) {
                found.push(detection);
            }
        }
        Ok(())
    }

    /// Boxes above the threshold, in pixels of the network's input frame.
    fn candidates(&self, outputs: &Outputs) -> Result<Vec<Detection>, VisionError> {
        let (rows, columns) = (self.network.rows(), self.network.columns());
        match self.kind {
            DetectorKind::BlazefaceBack => blazeface::candidates(outputs, self.score_threshold),
            DetectorKind::Yunet => yunet::candidates(outputs, rows, columns, self.score_threshold),
            DetectorKind::Scrfd => scrfd::candidates(outputs, rows, columns, self.score_threshold),
        }
    }

    /// Drops what is too small or outside, orders by size as Azure does (largest first, ties by top, then left).
    fn select(&self, faces: &mut Vec<Detection>, picture: &Picture, search: Search) {
        let smallest = search.smallest_px.unwrap_or_else(|| smallest_face_px(picture.width(), picture.height()));
        let (width, height) = (picture.width() as f32, picture.height() as f32);
        faces.retain(|face| {
            let centre = face.rect.centre();
            let inside = centre.x >= 0.0 && centre.y >= 0.0 && centre.x < width && centre.y < height;
            inside && face.proportioned().area().sqrt() >= smallest && face.reported(picture).area() > 0
        });
        faces.sort_by_key(|face| {
            let rect = face.reported(picture);
            (-rect.area(), rect.top, rect.left)
        });
    }
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
