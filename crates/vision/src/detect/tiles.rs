//! Windows of the picture that the detector looks at one by one, so that small faces fill more of its frame.

use super::Depth;
use crate::geometry::RectF;
use crate::parts::DetectorKind;
use crate::picture::Picture;
use crate::resample::Window;

/// A window of level L has 1.25 / L of the picture's longer side: neighbours share about a fifth (vision spec 3).
const WINDOW_OVER_PITCH: f32 = 1.25;

/// A box nearer than this to an edge that runs through the picture may be half a face; the neighbour has it whole.
const CUT_MARGIN_PX: f32 = 2.0;

/// Longer side above which quarter-size windows are looked at too. Azure's smallest face, 36 px, is then under 5 px of
/// the whole frame's 256 and under 8 of a half-size window's, where recall falls (vision spec 3, table by face width).
const LARGE_PICTURE_PX: usize = 1920;

/// A window, and whether smaller ones look at the same part of the picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile {
    pub(super) window: Window,
    pub(super) has_finer: bool,
}

/// The whole frame first, then coarser before finer levels.
pub(super) fn tiles(kind: DetectorKind, picture: &Picture, depth: Depth) -> Vec<Tile> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let quarters = depth == Depth::Deep || width.max(height) > LARGE_PICTURE_PX;
    let levels: &[usize] = match (kind, quarters) {
        (DetectorKind::BlazefaceBack, false) => &[2],
        (DetectorKind::BlazefaceBack, true) => &[2, 4],
        // One pass at 640 finds what BlazeFace needs half-size windows for.
        (DetectorKind::Yunet | DetectorKind::Scrfd, false) => &[],
        (DetectorKind::Yunet | DetectorKind::Scrfd, true) => &[2],
    };
    let mut tiles = vec![Tile { window: Window { left: 0, top: 0, width, height }, has_finer: false }];
    for &level in levels {
        let finer = level_windows(width, height, level, kind);
        if !finer.is_empty() {
            tiles.iter_mut().for_each(|tile| tile.has_finer = true);
        }
        tiles.extend(finer.into_iter().map(|window| Tile { window, has_finer: false }));
    }
    tiles
}

fn level_windows(width: usize, height: usize, level: usize, kind: DetectorKind) -> Vec<Window> {
    let longer = width.max(height) as f32;
    let side = (WINDOW_OVER_PITCH * longer / level as f32).min(longer);
    // Enlarging a window that the whole frame already shows at full sharpness adds work and no detail.
    let frame = if kind == DetectorKind::BlazefaceBack { 256.0 } else { 640.0 };
    if side <= frame {
        return Vec::new();
    }
    let side = side.round() as usize;
    let (lefts, tops) = (starts(width, side), starts(height, side));
    let window =
        |left: usize, top: usize| Window { left, top, width: side.min(width - left), height: side.min(height - top) };
    tops.iter().flat_map(|&top| lefts.iter().map(move |&left| window(left, top))).collect()
}

/// Even starting places so that windows of `side` cover `length` with about a fifth shared.
fn starts(length: usize, side: usize) -> Vec<usize> {
    if length <= side {
        return vec![0];
    }
    // ceil((length - side / 5) / (side * 4 / 5)), which is at least 2 here.
    let count = (5 * length - side).div_ceil(4 * side).max(2);
    (0..count).map(|i| (length - side) * i / (count - 1)).collect()
}

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
    fn how_many_windows() {
        use DetectorKind::{BlazefaceBack, Yunet};
        let cases = [
            ("spec's example, half", BlazefaceBack, (1280, 960), Depth::Usual, 1 + 4),
            ("spec's example, quarter", BlazefaceBack, (1280, 960), Depth::Deep, 1 + 4 + 12),
            ("a portrait the frame shows whole", BlazefaceBack, (200, 240), Depth::Usual, 1),
            ("larger than Full HD", BlazefaceBack, (1921, 40), Depth::Usual, 1 + 2 + 4),
            ("one pass is enough", Yunet, (1280, 960), Depth::Usual, 1),
            ("deeper", Yunet, (1280, 960), Depth::Deep, 1 + 4),
        ];
        for (name, kind, (width, height), depth, expected) in cases {
            assert_eq!(tiles(kind, &picture(width, height), depth).len(), expected, "{name}");
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
        fn windows_cover_the_picture_and_stay_inside(width in 257u32..900, height in 1u32..900) {
            let all: Vec<_> =
                tiles(DetectorKind::BlazefaceBack, &picture(width, height), Depth::Deep).into_iter().map(|t| t.window).collect();
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
