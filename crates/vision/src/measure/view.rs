//! One face on a chip wide enough for hair and hat, and the tones of its regions compared with each other.

use crate::error::VisionError;
use crate::geometry::Point;
use crate::mesh::Mesh;
use crate::picture::Raster;
use crate::recognise::{DLIB_SIDE, dlib_chip};
use crate::warp::warp;

use super::CHIP_SIDE;

/// Pixels that the wide chip shows beyond the 112-pixel chip to the left (and right), above, and below.
const BESIDE: usize = 16;
const ABOVE: usize = 45;
const BELOW: usize = 3;

/// Width and height of the wide chip in pixels: 3.6 by 4 times the distance of the eyes.
pub(crate) const WIDTH: usize = CHIP_SIDE + 2 * BESIDE;
pub(crate) const HEIGHT: usize = CHIP_SIDE + ABOVE + BELOW;

/// Row of the eyes in the wide chip: row 47 of 150 in dlib's chip, scaled and moved.
pub(crate) const EYE_ROW: f32 = 47.0 / DLIB_SIDE * CHIP_SIDE as f32 + ABOVE as f32;
/// Distance of the eyes' middles in the wide chip, in pixels: 53.2 of 150 in dlib's chip.
pub(crate) const EYES: f32 = 53.2 / DLIB_SIDE * CHIP_SIDE as f32;

/// Keeps logarithms of dark pixels finite and their noise small, in 8-bit steps.
const FLOOR: f32 = 10.0;

/// Logarithm of an 8-bit luma.
pub(crate) fn light(luma: f32) -> f32 {
    (luma + FLOOR).ln()
}

/// The tone of a region: its light and colour. Logarithms, so that differences of two regions of one face are ratios of light and do not
/// depend on how dark the skin is or how the photo was exposed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tone {
    /// Median logarithm of luma.
    pub(crate) light: f32,
    /// Median logarithm of red over green.
    pub(crate) red: f32,
    /// Median logarithm of blue over green.
    pub(crate) blue: f32,
    /// Standard deviation of the logarithm of luma: texture.
    pub(crate) rough: f32,
}

impl Tone {
    /// Distance in colour alone.
    pub(crate) fn colour_to(&self, other: &Self) -> f32 {
        (self.red - other.red).hypot(self.blue - other.blue)
    }
}

/// The wide chip of a face with the mesh in its pixels.
pub(crate) struct View {
    luma: Vec<f32>,
    light: Vec<f32>,
    red: Vec<f32>,
    blue: Vec<f32>,
    /// Whether a pixel comes from within the picture.
    seen: Vec<bool>,
    points: Vec<Point>,
}

impl View {
    pub(crate) fn new(raster: &Raster<'_>, mesh: &Mesh) -> Result<Self, VisionError> {
        let to_source = dlib_chip(mesh, CHIP_SIDE as f32)?.after_move(-(BESIDE as f32), -(ABOVE as f32));
        let chip = warp(raster, &to_source, WIDTH, HEIGHT);
        let to_chip = to_source.inverse();
        let inside = |p: Point| {
            p.x >= 0.0 && p.y >= 0.0 && p.x <= (raster.width - 1) as f32 && p.y <= (raster.height - 1) as f32
        };
        let seen = (0..WIDTH * HEIGHT)
            .map(|at| inside(to_source.apply(Point { x: (at % WIDTH) as f32, y: (at / WIDTH) as f32 })))
            .collect();
        let ratio = |over: usize| {
            chip.samples.chunks_exact(3).map(|p| ((p[over] + FLOOR) / (p[1] + FLOOR)).ln()).collect::<Vec<f32>>()
        };
        let luma = chip.luma();
        Ok(Self {
            light: luma.iter().map(|&v| light(v)).collect(),
            red: ratio(0),
            blue: ratio(2),
            seen,
            points: mesh.points.iter().map(|&p| to_chip.apply(p)).collect(),
            luma,
        })
    }

    /// A mesh point in chip pixels.
    pub(crate) fn at(&self, index: usize) -> Point {
        self.points[index]
    }

    /// A pixel of the chip that lies within the picture.
    fn pixel(&self, x: f32, y: f32) -> Option<usize> {
        let (x, y) = (x.round(), y.round());
        let inside = x >= 0.0 && y >= 0.0 && x < WIDTH as f32 && y < HEIGHT as f32;
        let at = inside.then(|| y as usize * WIDTH + x as usize)?;
        self.seen[at].then_some(at)
    }

    /// The tone of discs around places; `None` if less than half of them lies within the picture.
    pub(crate) fn tone(&self, centres: &[Point], radius: f32) -> Option<Tone> {
        let reach = radius.ceil() as i32;
        let mut pixels = Vec::new();
        let mut wanted = 0;
        for centre in centres {
            for dy in -reach..=reach {
                for dx in -reach..=reach {
                    if (dx as f32).hypot(dy as f32) > radius {
                        continue;
                    }
                    wanted += 1;
                    pixels.extend(self.pixel(centre.x + dx as f32, centre.y + dy as f32));
                }
            }
        }
        if 2 * pixels.len() <= wanted {
            return None;
        }
        let median = |plane: &[f32]| {
            let mut values: Vec<f32> = pixels.iter().map(|&at| plane[at]).collect();
            let middle = values.len() / 2;
            *values.select_nth_unstable_by(middle, f32::total_cmp).1
        };
        let count = pixels.len() as f32;
        let mean = pixels.iter().map(|&at| self.light[at]).sum::<f32>() / count;
        let variance = pixels.iter().map(|&at| (self.light[at] - mean).powi(2)).sum::<f32>() / count;
        Some(Tone {
            light: median(&self.light),
            red: median(&self.red),
            blue: median(&self.blue),
            rough: variance.sqrt(),
        })
    }

    /// The tone of discs around mesh points.
    pub(crate) fn tone_around(&self, indices: &[usize], radius: f32) -> Option<Tone> {
        let centres: Vec<Point> = indices.iter().map(|&index| self.at(index)).collect();
        self.tone(&centres, radius)
    }

    /// Mean luma of each row of a rectangle, top to bottom; rows outside the picture are left out.
    fn rows(&self, left: f32, right: f32, top: f32, bottom: f32) -> Vec<f32> {
        let mut rows = Vec::new();
        let mut y = top;
        while y <= bottom {
            let (mut sum, mut count) = (0.0, 0.0);
            let mut x = left;
            while x <= right {
                if let Some(at) = self.pixel(x, y) {
                    sum += self.luma[at];
                    count += 1.0;
                }
                x += 1.0;
            }
            if count > 0.0 {
                rows.push(sum / count);
            }
            y += 1.0;
        }
        rows
    }

    /// The strongest thin horizontal line in a rectangle: how far a row's mean luma stands off the rows three above and
    /// below, in shares of their brightness. 0 is none.
    pub(crate) fn line(&self, left: f32, right: f32, top: f32, bottom: f32) -> f32 {
        let rows = self.rows(left, right, top, bottom);
        let line = |w: &[f32]| {
            let around = (w[0] + w[6]) / 2.0;
            // Thin: what is between two rows of the same brightness, not the slope of a shadow.
            ((w[3] - around).abs() - (w[0] - w[6]).abs() / 2.0).max(0.0) / (around + FLOOR)
        };
        rows.windows(7).map(line).fold(0.0, f32::max)
    }

    /// The strongest horizontal edge in a rectangle: the logarithm of the ratio of rows three apart.
    pub(crate) fn edge(&self, left: f32, right: f32, top: f32, bottom: f32) -> f32 {
        let rows = self.rows(left, right, top, bottom);
        rows.windows(4).map(|w| ((w[3] + FLOOR) / (w[0] + FLOOR)).ln().abs()).fold(0.0, f32::max)
    }

    /// Median over three-pixel columns of [`View::line`]: a line all the way across, level or not.
    pub(crate) fn line_across(&self, left: f32, right: f32, top: f32, bottom: f32) -> f32 {
        let mut lines = Vec::new();
        let mut x = left;
        while x + 2.0 <= right {
            lines.push(self.line(x, x + 2.0, top, bottom));
            x += 2.0;
        }
        if lines.is_empty() {
            return 0.0;
        }
        let middle = lines.len() / 2;
        *lines.select_nth_unstable_by(middle, f32::total_cmp).1
    }

    /// Spread of luma (90th less 10th percentile of the logarithm) in an ellipse.
    pub(crate) fn spread(&self, centre: Point, across: f32, down: f32) -> f32 {
        let mut values = Vec::new();
        let (rx, ry) = (across.ceil() as i32, down.ceil() as i32);
        for dy in -ry..=ry {
            for dx in -rx..=rx {
                let (x, y) = (dx as f32, dy as f32);
                if (x / across).powi(2) + (y / down).powi(2) <= 1.0 {
                    values.extend(self.pixel(centre.x + x, centre.y + y).map(|at| self.light[at]));
                }
            }
        }
        if values.len() < 5 {
            return 0.0;
        }
        values.sort_by(f32::total_cmp);
        values[values.len() * 9 / 10] - values[values.len() / 10]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::mesh::POINTS;
    use crate::picture::Picture;

    /// A flat frontal face: `colour` by place in units of the eyes' distance (the eyes at (-0.5, 0) and (0.5, 0), the
    /// mouth at (0, 1)), with the mesh points that are used where a mean face has them. `share` of the picture's
    /// height remains above the eyes.
    pub(crate) fn face(colour: impl Fn(f32, f32) -> [f32; 3], share: f32) -> (Mesh, Picture) {
        const UNIT: f32 = 60.0;
        let (width, above) = (280u32, UNIT * 2.6 * share);
        let height = (above + UNIT * 2.6) as u32;
        let middle = Point { x: 140.0, y: above };
        let mut points = vec![middle; POINTS];
        // One side; the other is its mirror. Rough places are enough: regions are discs.
        let mirrored: [(usize, usize, f32, f32); 32] = [
            (33, 263, 0.72, 0.0),
            (133, 362, 0.28, 0.0),
            (159, 386, 0.5, -0.06),
            (145, 374, 0.5, 0.06),
            (61, 291, 0.45, 1.0),
            (118, 347, 0.5, 0.4),
            (117, 346, 0.65, 0.38),
            (101, 330, 0.38, 0.45),
            (50, 280, 0.7, 0.6),
            (205, 425, 0.52, 0.65),
            (36, 266, 0.42, 0.55),
            (207, 427, 0.7, 1.0),
            (214, 434, 0.75, 1.1),
            (216, 436, 0.62, 0.95),
            (69, 299, 0.42, -0.7),
            (104, 333, 0.6, -0.6),
            (105, 334, 0.55, -0.35),
            (66, 296, 0.4, -0.35),
            (63, 293, 0.65, -0.32),
            (165, 391, 0.2, 0.82),
            (186, 410, 0.5, 0.9),
            (57, 287, 0.55, 1.0),
            (83, 313, 0.15, 1.22),
            (98, 327, 0.2, 0.7),
            (97, 326, 0.08, 0.72),
            (37, 267, 0.12, 0.9),
            (82, 312, 0.12, 0.98),
            (84, 314, 0.12, 1.1),
            (87, 317, 0.12, 1.02),
            (167, 393, 0.12, 0.83),
            (92, 322, 0.3, 0.86),
            (208, 428, 0.15, 1.4),
        ];
        let sides: [(usize, usize, f32, f32); 4] =
            [(227, 447, 1.05, 0.2), (137, 366, 1.0, 0.5), (109, 338, 0.2, -1.0), (108, 337, 0.2, -0.65)];
        let at = |u: f32, v: f32| Point { x: middle.x + u * UNIT, y: middle.y + v * UNIT };
        for (left, right, u, v) in mirrored.into_iter().chain(sides) {
            points[left] = at(-u, v);
            points[right] = at(u, v);
        }
        let midline = [
            (1, 0.65),
            (2, 0.72),
            (4, 0.62),
            (5, 0.5),
            (6, 0.1),
            (8, -0.1),
            (9, -0.3),
            (10, -1.05),
            (151, -0.6),
            (195, 0.35),
            (197, 0.2),
            (164, 0.8),
            (0, 0.88),
            (13, 0.99),
            (14, 1.01),
            (17, 1.12),
            (18, 1.25),
            (199, 1.5),
            (200, 1.38),
        ];
        for (index, v) in midline {
            points[index] = at(0.0, v);
        }
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| {
            colour((x as f32 - middle.x) / UNIT, (y as f32 - middle.y) / UNIT).map(|value| value as u8)
        });
        let picture = Picture::from_rgb(width, height, pixels.collect()).unwrap();
        (Mesh { points, depths: vec![0.0; POINTS] }, picture)
    }

    pub(crate) fn view_of(colour: impl Fn(f32, f32) -> [f32; 3]) -> View {
        let (mesh, picture) = face(colour, 1.0);
        View::new(&picture.raster(), &mesh).unwrap()
    }

    #[test]
    fn light_is_a_ratio_whatever_the_exposure() {
        for gain in [1.0, 0.5] {
            let view = view_of(|u, _| if u < 0.0 { [200.0 * gain; 3] } else { [100.0 * gain; 3] });
            let (left, right) = (view.tone_around(&[50], 3.0).unwrap(), view.tone_around(&[280], 3.0).unwrap());
            assert!((left.light - right.light - 2f32.ln()).abs() < 0.1, "{}", left.light - right.light);
            assert!(left.colour_to(&right) < 1e-3 && left.rough < 0.01);
        }
    }

    #[test]
    fn a_line_is_thin_and_an_edge_is_not_a_line() {
        let line = |colour: fn(f32, f32) -> [f32; 3]| {
            let view = view_of(colour);
            (view.line(60.0, 80.0, 70.0, 110.0), view.edge(60.0, 80.0, 70.0, 110.0))
        };
        let (plain, step, bar) = (
            line(|_, _| [150.0; 3]),
            line(|_, v| if v < 0.3 { [150.0; 3] } else { [75.0; 3] }),
            line(|_, v| if (v - 0.3).abs() < 0.04 { [40.0; 3] } else { [150.0; 3] }),
        );
        assert!(plain.0 < 1e-3 && plain.1 < 1e-3);
        assert!(step.0 < 0.3 && step.1 > 0.5, "{step:?}");
        assert!(bar.0 > 0.5, "{bar:?}");
    }
}
