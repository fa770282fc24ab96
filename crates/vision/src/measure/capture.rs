//! What a liveness capture compares between its frames: where the nose lies among eyes and mouth, the tones of skin, rim and
//! background, and a grey chip in which a face lies the same way in every frame.
//!
//! All of it comes from the picture and from points of the mesh in the picture. The mesh's depths are not used: a network
//! imagines them of a flat picture, too.

use crate::error::VisionError;
use crate::geometry::Point;
use crate::mesh::{Mesh, index};
use crate::picture::Raster;
use crate::resample::{Chip, luma};
use crate::similarity::Similarity;
use crate::warp::warp;
use std::fmt;
use zeroize::Zeroize;

/// Side of the grey chip in pixels.
pub(super) const SIDE: usize = 240;
/// Between the centres of the eyes in the grey chip, in pixels: the chip is three of them wide.
pub(super) const EYES: f32 = 80.0;
/// The middle between the eyes in the grey chip.
pub(super) const MIDDLE: Point = Point { x: 120.0, y: 84.0 };
/// The corners of the mouth below the eyes, and from the middle to either side, in eye distances: of the mean face that
/// aligners of faces use.
const MOUTH: (f32, f32) = (1.17, 0.40);

/// Side of the coloured chip.
const TONES_SIDE: usize = 60;
/// Between the centres of the eyes in the coloured chip: it is five of them wide.
const TONES_EYES: f32 = 12.0;
/// The middle between the eyes in the coloured chip.
const TONES_MIDDLE: Point = Point { x: 30.0, y: 24.0 };

/// Mean red, green and blue of three parts of a picture, 0 to 255.
#[derive(Clone, Copy, PartialEq)]
pub struct Tones {
    /// Forehead, cheeks and nose.
    pub skin: [f32; 3],
    /// A ring just within the face's outline.
    pub rim: [f32; 3],
    /// What is around the head.
    pub background: [f32; 3],
}

/// A face in one frame, as it is compared with the same face in others.
#[derive(Clone)]
pub struct CaptureView {
    /// Between the centres of the eyes, in pixels of the picture.
    pub eye_distance: f32,
    /// How far the tip of the nose lies from the middle of eyes and corners of the mouth, in eye distances: along the line of
    /// the eyes, positive to the right of the picture, and across it, positive upwards.
    pub nose_offset: [f32; 2],
    /// Tones of skin, rim and background.
    pub tones: Tones,
    /// The face in grey.
    pub chip: GreyChip,
}

/// A face in grey, by eyes and mouth always in the same place; wiped when dropped.
#[derive(Clone)]
pub struct GreyChip {
    /// Luma, 0 to 255, row by row.
    pub(super) luma: Vec<u8>,
}

impl Drop for GreyChip {
    fn drop(&mut self) {
        self.luma.zeroize();
    }
}

impl fmt::Debug for GreyChip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GreyChip(..)")
    }
}

impl fmt::Debug for CaptureView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CaptureView(..)")
    }
}

impl fmt::Debug for Tones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tones(..)")
    }
}

pub(crate) fn capture_view(raster: &Raster<'_>, mesh: &Mesh) -> Result<CaptureView, VisionError> {
    let eyes = mesh.eye_centres();
    let mouth = [mesh.points[index::MOUTH_LEFT], mesh.points[index::MOUTH_RIGHT]];
    let nose_offset = nose_offset(eyes, mouth, mesh.points[index::NOSE_TIP]).ok_or(VisionError::Unalignable)?;
    let grey = warp(raster, &frame(eyes, mouth, MIDDLE, EYES)?, SIDE, SIDE);
    let wide = warp(raster, &frame(eyes, mouth, TONES_MIDDLE, TONES_EYES)?, TONES_SIDE, TONES_SIDE);
    Ok(CaptureView {
        eye_distance: eyes[0].distance(eyes[1]),
        nose_offset,
        tones: tones(&wide),
        chip: GreyChip { luma: grey.samples.chunks_exact(3).map(|pixel| luma(pixel).round() as u8).collect() },
    })
}

/// The map from a chip into the picture by which eyes and corners of the mouth lie where those of the mean face do.
fn frame(eyes: [Point; 2], mouth: [Point; 2], middle: Point, distance: f32) -> Result<Similarity, VisionError> {
    let at = |x: f32, y: f32| Point { x: middle.x + x * distance, y: middle.y + y * distance };
    let template = [at(-0.5, 0.0), at(0.5, 0.0), at(-MOUTH.1, MOUTH.0), at(MOUTH.1, MOUTH.0)];
    let points = [eyes[0], eyes[1], mouth[0], mouth[1]];
    Similarity::fit(&points, &template).map(|fitted| fitted.inverse()).ok_or(VisionError::Unalignable)
}

fn nose_offset(eyes: [Point; 2], mouth: [Point; 2], nose: Point) -> Option<[f32; 2]> {
    let [left, right] = eyes;
    let middle = left.midway(right).midway(mouth[0].midway(mouth[1]));
    let distance = left.distance(right);
    if distance.is_nan() || distance < 1.0 {
        return None;
    }
    let unit = Point { x: (right.x - left.x) / distance, y: (right.y - left.y) / distance };
    let from = Point { x: nose.x - middle.x, y: nose.y - middle.y };
    let (along, down) = (from.x * unit.x + from.y * unit.y, from.y * unit.x - from.x * unit.y);
    Some([along / distance, -down / distance])
}

/// Which part of the coloured chip a place belongs to, in eye distances from the middle between the eyes. The face's outline
/// is an ellipse of 1.0 by 1.45 around a point 0.35 below the eyes, as the mesh's outline lies in near-frontal faces.
fn tones(chip: &Chip) -> Tones {
    let mut sums = [[0f64; 4]; 3];
    for (at, pixel) in chip.samples.chunks_exact(3).enumerate() {
        let x = ((at % TONES_SIDE) as f32 - TONES_MIDDLE.x) / TONES_EYES;
        let y = ((at / TONES_SIDE) as f32 - TONES_MIDDLE.y) / TONES_EYES;
        let from_outline = (x / 1.0).hypot((y - 0.35) / 1.45);
        let is_eye = (x.abs() - 0.5).abs() < 0.3 && (-0.35..0.17).contains(&y);
        let is_mouth = x.abs() < 0.5 && (0.95..1.4).contains(&y);
        let part = match from_outline {
            out if out < 0.72 && !is_eye && !is_mouth => 0,
            out if (0.80..0.95).contains(&out) => 1,
            out if out > 1.45 => 2,
            _ => continue,
        };
        (0..3).for_each(|channel| sums[part][channel] += f64::from(pixel[channel]));
        sums[part][3] += 1.0;
    }
    let [skin, rim, background] = sums.map(|[red, green, blue, count]| {
        [red, green, blue].map(|sum| if count > 0.0 { (sum / count) as f32 } else { 0.0 })
    });
    Tones { skin, rim, background }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nose_moves_to_the_right_and_up() {
        let eyes = [Point { x: 10.0, y: 10.0 }, Point { x: 30.0, y: 10.0 }];
        let mouth = [Point { x: 12.0, y: 30.0 }, Point { x: 28.0, y: 30.0 }];
        assert_eq!(nose_offset(eyes, mouth, Point { x: 20.0, y: 20.0 }), Some([0.0, 0.0]));
        assert_eq!(nose_offset(eyes, mouth, Point { x: 25.0, y: 15.0 }), Some([0.25, 0.25]));
        assert_eq!(nose_offset([eyes[0]; 2], mouth, Point { x: 25.0, y: 15.0 }), None);
    }

    #[test]
    fn parts_of_a_picture_have_their_own_tones() {
        let mut chip = Chip::new(TONES_SIDE, TONES_SIDE);
        for (at, pixel) in chip.samples.chunks_exact_mut(3).enumerate() {
            let x = ((at % TONES_SIDE) as f32 - TONES_MIDDLE.x) / TONES_EYES;
            let y = ((at / TONES_SIDE) as f32 - TONES_MIDDLE.y) / TONES_EYES;
            let is_face = x.hypot((y - 0.35) / 1.45) < 1.0;
            pixel.copy_from_slice(if is_face { &[200.0, 150.0, 100.0] } else { &[10.0, 20.0, 30.0] });
        }
        let tones = tones(&chip);
        assert_eq!((tones.skin, tones.rim), ([200.0, 150.0, 100.0], [200.0, 150.0, 100.0]));
        assert_eq!(tones.background, [10.0, 20.0, 30.0]);
    }
}
