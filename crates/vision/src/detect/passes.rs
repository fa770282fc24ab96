//! In how many passes a detector searches a picture, at which scales.
//!
//! BlazeFace takes frames of any size, so the picture is searched twice: *near*, small and with a border around it, for
//! faces that fill it, are cut by its edges or touch them; and *far*, as large as the smallest face needs; a deep search
//! searches a third time, half as finely again. A network finds faces that have a certain number of pixels in its frame,
//! whatever they have in the picture: each pass says which sizes it covers, so that no face comes in pieces. YuNet
//! and SCRFD have one frame of a fixed size and stand beside BlazeFace: they search the whole picture once, and at windows
//! of it where the search is deep.

use super::{Depth, smallest_face_px};
use crate::detect::blazeface;
use crate::geometry::RectF;
use crate::parts::DetectorKind;
use crate::picture::Picture;
use crate::quarter_turn::QuarterTurn;
use crate::resample::Window;

/// One search of the picture or of a window of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pass {
    /// Which part of the picture.
    pub(super) window: Window,
    /// Pixels of the picture in a pixel of the frame.
    pub(super) step: f32,
    /// Pixels of the frame that stay black at the left and above; as many, or one more, at the right and below.
    pub(super) border: (usize, usize),
    /// Rows and columns of the frame.
    pub(super) frame: (usize, usize),
    /// Boxes below this score are not worth a closer examination.
    pub(super) threshold: f32,
    /// Longer side of the boxes, in pixels of the frame, that this pass covers.
    pub(super) sizes: (f32, f32),
    /// How the window lies; the frame shows it upright.
    pub(super) quarter: QuarterTurn,
}

/// Longer side of the near frame, border included.
///
/// Of 150 portraits cut out by their own face rectangle with 0 to 10 % around it a frame of 128 to 192 missed none, one of
/// 256 without a border, as it was before, 62: faces that fill its frame are too large for the network.
const NEAR_SIDE: f32 = 160.0;

/// The near frame's border on each side, as a share of the picture's longer side.
const NEAR_BORDER: f32 = 0.25;

/// Boxes below this score in the near frame are no hint. Portraits on their head score 0.52 to 0.81 there.
const NEAR_THRESHOLD: f32 = 0.3;

/// Pixels that the smallest face has in the far frame, in that of a deep search's third pass, and the score from which a box
/// there is a hint.
///
/// Faces of 36 px on plain and on blurred natural ground, 80 each: with 10.8 px in the frame and this score none and 4 %
/// give no hint, with 12.6 px none. On the six group photos and seven portraits at hand there are one to seven hints, most
/// of which are faces.
const FAR_FACE_PX: f32 = 11.0;
const DEEP_FACE_PX: f32 = 16.0;
const FAR_THRESHOLD: f32 = 0.2;

/// Boxes larger than this in the far frame are left to the near one, smaller ones there to the far one; but the two always
/// share a range of sizes of this ratio, so that no face falls between them.
const LARGEST_FAR_PX: f32 = 80.0;
const SMALLEST_NEAR_PX: f32 = 14.0;
const SHARED_SIZES: f32 = 1.3;

impl Pass {
    /// The same pass over the picture turned upright.
    pub(super) fn turned(self, quarter: QuarterTurn) -> Self {
        let ((rows, columns), (left, above)) = (self.frame, self.border);
        if quarter.swaps() {
            Self { frame: (columns, rows), border: (above, left), quarter, ..self }
        } else {
            Self { quarter, ..self }
        }
    }
}

/// All passes over a picture. `frame` is that of the network as its pack names it.
pub(super) fn passes(
    kind: DetectorKind,
    frame: (usize, usize),
    threshold: f32,
    picture: &Picture,
    depth: Depth,
    yardstick: f32,
) -> Vec<Pass> {
    match kind {
        DetectorKind::BlazefaceBack => near_and_far(picture, depth, yardstick),
        DetectorKind::Yunet | DetectorKind::Scrfd => in_fixed_frames(kind, frame, threshold, picture, depth),
    }
}

fn near_and_far(picture: &Picture, depth: Depth, yardstick: f32) -> Vec<Pass> {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let longer = width.max(height);
    let whole = Window { left: 0, top: 0, width: picture.width() as usize, height: picture.height() as usize };
    // Rows and columns of a frame with a border of about so many pixels, and what the border is in truth.
    let padded = |step: f32, border: usize| {
        let side = |length: f32| {
            let pixels = ((length / step).round() as usize).max(1);
            let wanted = pixels + 2 * border;
            let rest = wanted % blazeface::STRIDE;
            // A few pixels less of a border save a row of cells.
            let saves = rest <= blazeface::STRIDE / 4 && 2 * rest <= border;
            let side = if rest == 0 || saves { wanted - rest } else { wanted - rest + blazeface::STRIDE };
            (side, (side - pixels) / 2)
        };
        let ((rows, above), (columns, left)) = (side(height), side(width));
        ((rows, columns), (left, above))
    };
    let near_step = longer * (1.0 + 2.0 * NEAR_BORDER) / NEAR_SIDE;
    let (frame, border) = padded(near_step, (NEAR_SIDE * NEAR_BORDER / (1.0 + 2.0 * NEAR_BORDER)) as usize);
    let sizes = (0.0, f32::INFINITY);
    let (threshold, quarter) = (NEAR_THRESHOLD, QuarterTurn::Upright);
    let mut near = Pass { window: whole, step: near_step, border, frame, threshold, sizes, quarter };
    let smallest = yardstick * smallest_face_px(picture.width(), picture.height());
    // Enlarging shows nothing more.
    let scale = (FAR_FACE_PX / smallest).min(1.0);
    if scale <= 1.05 / near_step {
        return vec![near];
    }
    near.sizes.0 = SMALLEST_NEAR_PX;
    let far = |scale: f32, largest: f32| {
        // The frame's longer side is filled to the last pixel: it costs as much anyway.
        let columns = ((longer * scale).round() as usize).div_ceil(blazeface::STRIDE) * blazeface::STRIDE;
        let step = longer / columns as f32;
        let (frame, border) = padded(step, 0);
        let largest = (largest / step).max(LARGEST_FAR_PX);
        Pass { window: whole, step, border, frame, threshold: FAR_THRESHOLD, sizes: (0.0, largest), quarter }
    };
    let mut passes = vec![near, far(scale, SHARED_SIZES * SMALLEST_NEAR_PX * near_step)];
    let deep = (DEEP_FACE_PX / smallest).min(1.0);
    if depth == Depth::Deep && deep > 1.05 * scale {
        passes.push(far(deep, 0.0));
    }
    passes
}

/// Pixels that the smallest face has in a window of fixed size, where the search is deep.
///
/// These detectors stand beside BlazeFace, which finds the small faces: of faces of 36 px in 1280x720, 18 in the frame,
/// YuNet alone misses 16 of 100, and 6 of 60 with 22 px in the frame.
const FIXED_FACE_PX: f32 = 22.0;

/// The whole picture shows faces well enough where it is shrunk by so much more than is wanted.
const STEP_IS_RIGHT: f32 = 1.05;

/// Neighbouring windows share this much of their sides at least.
const WINDOWS_SHARE: f32 = 0.2;

fn in_fixed_frames(
    kind: DetectorKind,
    frame: (usize, usize),
    threshold: f32,
    picture: &Picture,
    depth: Depth,
) -> Vec<Pass> {
    let (rows, columns) = (frame.0 as f32, frame.1 as f32);
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let fit = |width: f32, height: f32| (width / columns).max(height / rows);
    // YuNet is never fed an enlarged picture; SCRFD expects a full frame.
    let step = |fit: f32| if kind == DetectorKind::Yunet { fit.max(1.0) } else { fit };
    let whole = Window { left: 0, top: 0, width, height };
    let pass = |window: Window| Pass {
        window,
        step: step(fit(window.width as f32, window.height as f32)),
        border: (0, 0),
        frame,
        threshold,
        sizes: (0.0, f32::INFINITY),
        quarter: QuarterTurn::Upright,
    };
    let mut passes = vec![pass(whole)];
    // Enlarging a window that the whole frame already shows at full sharpness adds work and no detail.
    let wanted = (smallest_face_px(picture.width(), picture.height()) / FIXED_FACE_PX).max(1.0);
    if depth == Depth::Deep && passes[0].step > wanted * STEP_IS_RIGHT {
        passes.extend(windows(width, height, columns * wanted, rows * wanted).into_iter().map(pass));
    }
    passes
}

/// Windows of at most this width and height over the whole picture, evenly spaced.
fn windows(width: usize, height: usize, across: f32, down: f32) -> Vec<Window> {
    let (across, down) = ((across as usize).clamp(1, width), (down as usize).clamp(1, height));
    let (lefts, tops) = (starts(width, across), starts(height, down));
    tops.iter()
        .flat_map(|&top| lefts.iter().map(move |&left| Window { left, top, width: across, height: down }))
        .collect()
}

/// Even starting places so that windows of `side` cover `length` and neighbours share enough.
fn starts(length: usize, side: usize) -> Vec<usize> {
    if length <= side {
        return vec![0];
    }
    let step = side as f32 * (1.0 - WINDOWS_SHARE);
    let count = (((length - side) as f32 / step).ceil() as usize).max(1) + 1;
    (0..count).map(|i| (length - side) * i / (count - 1)).collect()
}

/// A box nearer than this to an edge that runs through the picture may be half a face; the neighbour has it whole.
const CUT_MARGIN_PX: f32 = 2.0;

/// Whether the box touches an edge of the window that is not an edge of the picture.
pub(super) fn is_cut(rect: &RectF, window: Window, picture: &Picture) -> bool {
    let edges = window.rect();
    (window.left > 0 && rect.left < edges.left + CUT_MARGIN_PX)
        || (window.top > 0 && rect.top < edges.top + CUT_MARGIN_PX)
        || (window.left + window.width < picture.width() as usize && rect.right() > edges.right() - CUT_MARGIN_PX)
        || (window.top + window.height < picture.height() as usize && rect.bottom() > edges.bottom() - CUT_MARGIN_PX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn picture(width: u32, height: u32) -> Picture {
        Picture::from_rgb(width, height, vec![0; (width * height * 3) as usize]).unwrap()
    }

    #[test]
    fn frames_of_pictures() {
        use DetectorKind::{BlazefaceBack, Yunet};
        let one = (256, 256);
        let cases = [
            ("a portrait that the near frame shows whole", BlazefaceBack, (200, 240), Depth::Usual, vec![(160, 160)]),
            ("usual", BlazefaceBack, (1280, 960), Depth::Usual, vec![(128, 160), (320, 416)]),
            ("deeper", BlazefaceBack, (1280, 960), Depth::Deep, vec![(128, 160), (320, 416), (448, 576)]),
            ("Full HD", BlazefaceBack, (1920, 1080), Depth::Usual, vec![(128, 160), (352, 608)]),
            ("no larger for a larger picture", BlazefaceBack, (3840, 2160), Depth::Usual, vec![(128, 160), (352, 608)]),
            ("fixed", Yunet, (1280, 960), Depth::Usual, vec![one]),
            ("fixed, deeper", Yunet, (1280, 960), Depth::Deep, vec![one; 1 + 4 * 3]),
        ];
        for (name, kind, (width, height), depth, expected) in cases {
            let frames: Vec<_> =
                passes(kind, one, 0.5, &picture(width, height), depth, 1.0).iter().map(|pass| pass.frame).collect();
            assert_eq!(frames, expected, "{name}");
        }
    }

    #[test]
    fn a_box_is_cut_by_inner_edges_alone() {
        let picture = picture(1000, 500);
        let window = Window { left: 0, top: 0, width: 600, height: 500 };
        let rect = |left, width| RectF { left, top: 0.0, width, height: 500.0 };
        let cases = [
            ("in the middle", rect(100.0, 100.0), false),
            ("at the picture's edges", rect(0.0, 100.0), false),
            ("at the inner edge", rect(500.0, 99.0), true),
        ];
        for (name, rect, expected) in cases {
            assert_eq!(is_cut(&rect, window, &picture), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_pass_shows_its_window_whole_and_the_smallest_face_large_enough(width in 1u32..900, height in 1u32..900, deep in any::<bool>()) {
            let picture = picture(width, height);
            let depth = if deep { Depth::Deep } else { Depth::Usual };
            for kind in [DetectorKind::BlazefaceBack, DetectorKind::Yunet, DetectorKind::Scrfd] {
                let passes = passes(kind, (640, 640), 0.5, &picture, depth, 1.0);
                for pass in &passes {
                    let side = |length: usize, border: usize| (length as f32 / pass.step).round() as usize + 2 * border;
                    let (across, down) = (side(pass.window.width, pass.border.0), side(pass.window.height, pass.border.1));
                    // A fixed frame may lose a pixel of its border to rounding.
                    prop_assert!(across <= pass.frame.1 + 1 && down <= pass.frame.0 + 1, "{pass:?}");
                    prop_assert!(pass.frame.0 % 32 == 0 && pass.frame.1 % 32 == 0);
                }
                let finest = passes.iter().map(|pass| pass.step).fold(f32::INFINITY, f32::min);
                let seen = smallest_face_px(width, height) / finest;
                let wanted = if kind == DetectorKind::BlazefaceBack { 11.0 } else { 22.0 };
                // Every size that a face may have is some pass's business, with something to spare.
                let (mut low, mut high) = (f32::INFINITY, 0f32);
                for pass in passes.iter().rev() {
                    let (from, to) = (pass.sizes.0 * pass.step, pass.sizes.1 * pass.step);
                    prop_assert!(high == 0.0 || from * 1.2 <= high || kind != DetectorKind::BlazefaceBack, "{from} {high}");
                    (low, high) = (low.min(from), high.max(to));
                }
                prop_assert!(low == 0.0 && high.is_infinite());
                prop_assert!(seen >= wanted / 1.06, "{kind:?}: {seen}");
            }
        }

        #[test]
        fn windows_cover_the_picture_and_stay_inside(width in 257u32..900, height in 1u32..900) {
            let picture = picture(width, height);
            let all: Vec<Window> =
                passes(DetectorKind::Yunet, (256, 256), 0.5, &picture, Depth::Deep, 1.0).into_iter().map(|pass| pass.window).collect();
            for w in &all {
                prop_assert!(w.width > 0 && w.height > 0);
                prop_assert!(w.left + w.width <= width as usize && w.top + w.height <= height as usize);
            }
            let parts = &all[1..];
            if !parts.is_empty() {
                for (x, y) in [(0, 0), (width - 1, height - 1), (width / 2, height / 3), (width / 3, height - 1)] {
                    let (x, y) = (x as usize, y as usize);
                    let holds = |w: &Window| (w.left..w.left + w.width).contains(&x) && (w.top..w.top + w.height).contains(&y);
                    prop_assert!(parts.iter().any(holds));
                }
            }
        }
    }
}
